//! A process of a scenario as the runner sees it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use chaos::{Event, Failure};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// What a process is given to say what is waited for, on a machine that does other things as well. Bounds are judged by what
/// was measured, never by this.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process that ends with the runner at the latest.
pub(crate) struct Node {
    name: String,
    child: Child,
    says: mpsc::UnboundedReceiver<Event>,
    output: PathBuf,
}

impl Node {
    /// Starts a program. What it says beside events goes to a file in `folder`.
    pub(crate) fn start(
        name: &str,
        program: &Path,
        arguments: &[String],
        folder: &Path,
    ) -> Result<Self, Failure> {
        let output = folder.join(format!("{name}.log"));
        let log = File::options().create(true).append(true).open(&output)?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log.try_clone()?)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", program.display()))?;
        let stdout = child.stdout.take().ok_or("no pipe")?;
        let (sender, says) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut lines = BufReader::new(stdout).lines();
            let mut log = log;
            while let Ok(Some(line)) = lines.next_line().await {
                use std::io::Write as _;
                let event = serde_json::from_str(&line);
                if !matches!(event, Ok(Event::Calls(_))) {
                    // It is for who looks into a failure.
                    let _ = writeln!(log, "{line}");
                }
                if let Ok(event) = event
                    && sender.send(event).is_err()
                {
                    return;
                }
            }
        });
        Ok(Self {
            name: name.to_owned(),
            child,
            says,
            output,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The next event; `None` when it has ended.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, Failure> {
        let next = timeout(PATIENCE, self.says.recv()).await;
        next.map_err(|_| self.failure("says nothing").into())
    }

    /// Sends a signal: `KILL`, `STOP`, `CONT`, `TERM`.
    pub(crate) fn signal(&self, name: &str) -> Result<(), Failure> {
        let id = self.child.id().ok_or_else(|| self.failure("has ended"))?;
        let status = std::process::Command::new("kill")
            .args([format!("-{name}"), id.to_string()])
            .status()?;
        if status.success() {
            Ok(())
        } else {
            Err(self.failure("cannot be sent a signal").into())
        }
    }

    /// Asks it to end.
    pub(crate) fn dismiss(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&mut self) -> Result<(), Failure> {
        let ended = timeout(PATIENCE, self.child.wait()).await;
        ended.map_err(|_| self.failure("does not end"))??;
        Ok(())
    }

    /// Its process.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// What went wrong with it, and the last of what it said.
    pub(crate) fn failure(&self, what: &str) -> String {
        let said = std::fs::read_to_string(&self.output).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        let last = lines[lines.len().saturating_sub(10)..].join("\n  ");
        format!("{} {what}; it said:\n  {last}", self.name)
    }
}
