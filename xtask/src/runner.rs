//! Runs one `cargo` command, passes on what it prints, and counts the tests that it reports.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::report::{Outcome, Tally};

/// Runs `command` to its end.
pub(crate) fn run(mut command: Command) -> Outcome {
    let start = Instant::now();
    let mut tally = Tally::default();
    let succeeded = watch(&mut command, &mut tally).unwrap_or_else(|error| {
        eprintln!("cannot run {}: {error}", command.get_program().display());
        false
    });
    Outcome {
        succeeded,
        tally,
        seconds: start.elapsed().as_secs_f64(),
    }
}

/// Standard output goes through here, line by line; standard error goes straight to ours.
fn watch(command: &mut Command, tally: &mut Tally) -> std::io::Result<bool> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).split(b'\n') {
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            tally.read(&line);
        }
    }
    Ok(child.wait()?.success())
}
