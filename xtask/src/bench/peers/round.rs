//! One run of one case: a fresh server, a load, and what the load printed.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::programs::Program;
use crate::bench::results::{Failure, Figures};

/// How long a run warms up and counts.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    pub(super) warm: Duration,
    pub(super) window: Duration,
}

impl Pace {
    pub(super) const FULL: Self = Self {
        warm: Duration::from_millis(300),
        window: Duration::from_secs(1),
    };
    pub(super) const QUICK: Self = Self {
        warm: Duration::from_millis(150),
        window: Duration::from_millis(400),
    };
}

const SERVER_CORE: &str = "0";
const LOAD_CORE: &str = "1";

/// How long a server may take until it tells its address.
const START_LIMIT: Duration = Duration::from_secs(10);

/// How long a load may take beyond its windows: 2000 connections, and the patience that it has itself.
const LOAD_LIMIT: Duration = Duration::from_secs(60);

pub(super) fn run(program: &Program, case: &str, pace: Pace) -> Result<Figures, Failure> {
    let path = &program.path;
    let mut server = Running::start(path, SERVER_CORE, &["serve"])?;
    let address = server.line(START_LIMIT)?;
    let (warm, window) = (
        pace.warm.as_millis().to_string(),
        pace.window.as_millis().to_string(),
    );
    let id = server.child.id().to_string();
    let arguments = [
        "load",
        address.trim(),
        case,
        "--server",
        &id,
        "--warm",
        &warm,
        "--window",
        &window,
    ];
    let mut load = Running::start(path, LOAD_CORE, &arguments)?;
    let line = load.line(LOAD_LIMIT + 4 * (pace.warm + pace.window));
    let line = line.map_err(|failure| match server.child.try_wait() {
        Ok(Some(status)) => Failure::passing(format!("its server ended with {status}")),
        _ => failure,
    })?;
    read(&line)
}

/// A process that is killed when nobody needs it any more. `taskset` becomes the program: the number is the program's.
struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
    errors: mpsc::Receiver<String>,
}

impl Running {
    fn start(program: &Path, core: &str, arguments: &[&str]) -> Result<Self, Failure> {
        let mut child = Command::new("taskset")
            .args(["--cpu-list", core])
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| Failure::lasting(&format!("cannot start it: {error}")))?;
        let (line, lines) = mpsc::channel();
        let (error, errors) = mpsc::channel();
        let output = child.stdout.take();
        let complaints = child.stderr.take();
        thread::spawn(move || {
            let mut first = String::new();
            if let Some(output) = output {
                // What cannot be read is as good as nothing: the line is then empty.
                let _ = BufReader::new(output).read_line(&mut first);
            }
            let _ = line.send(first);
        });
        thread::spawn(move || {
            let mut all = String::new();
            if let Some(mut complaints) = complaints {
                let _ = complaints.read_to_string(&mut all);
            }
            let _ = error.send(all);
        });
        Ok(Self {
            child,
            lines,
            errors,
        })
    }

    /// The first line that it prints.
    fn line(&mut self, limit: Duration) -> Result<String, Failure> {
        match self.lines.recv_timeout(limit) {
            Ok(line) if !line.is_empty() => Ok(line),
            Ok(_) => {
                let said = self
                    .errors
                    .recv_timeout(Duration::from_secs(1))
                    .unwrap_or_default();
                let said = said
                    .lines()
                    .last()
                    .unwrap_or("it ended without a word")
                    .to_owned();
                Err(Failure::passing(said))
            }
            Err(_) => Err(Failure::passing(format!(
                "it said nothing within {limit:?}"
            ))),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and that is well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads `CASE<tab>name=value<tab>…`, or `CASE<tab>failed=why`.
fn read(line: &str) -> Result<Figures, Failure> {
    let mut figures = Figures::new();
    for field in line.trim_end().split('\t').skip(1) {
        let Some((name, value)) = field.split_once('=') else {
            return Err(Failure::passing(format!(
                "it printed `{field}`, which is no figure"
            )));
        };
        if name == "failed" {
            return Err(if value.starts_with("not offered") {
                Failure::lasting(value)
            } else {
                Failure::passing(value.to_owned())
            });
        }
        let value = value.parse().map_err(|_| {
            Failure::passing(format!("it printed {name}={value}, which is no number"))
        })?;
        figures.insert(name.to_owned(), value);
    }
    if let (Some(server), Some(client)) = (
        figures.get("server_cpu_s_per_m"),
        figures.get("client_cpu_s_per_m"),
    ) {
        figures.insert("cpu_s_per_m".to_owned(), server + client);
    }
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_of_a_load_is_read_as_figures() {
        let figures =
            read("S 1x1\tcalls_per_s=10.500\tserver_cpu_s_per_m=2.0\tclient_cpu_s_per_m=3.0\n")
                .unwrap();
        assert_eq!(figures.get("calls_per_s"), Some(&10.5));
        assert_eq!(figures.get("cpu_s_per_m"), Some(&5.0));
    }

    #[test]
    fn case_that_is_not_offered_is_not_tried_again() {
        assert!(
            read("S 1x1\tfailed=not offered: no streams")
                .unwrap_err()
                .lasting
        );
        assert!(
            !read("S 1x1\tfailed=connection refused")
                .unwrap_err()
                .lasting
        );
        assert!(!read("S 1x1\tnonsense").unwrap_err().lasting);
    }
}
