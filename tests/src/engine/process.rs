//! One process that never outlives who started it.

use std::fs::OpenOptions;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Runs what follows in the process of this shell, and beside it, in the same group, who waits for the end of standard
/// input and then kills the group: that input ends with the parent, however the parent ends.
const GUARDED: &str = r#"exec 3<&0 </dev/null
(read gone <&3; kill -KILL -- "-$$") >/dev/null 2>&1 &
exec 3<&-
exec "$@""#;

/// Lines of output that a failure shows: what went wrong is among the last.
const SHOWN: usize = 40;

/// A process and all that it starts.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
}

impl Process {
    /// Runs the program, arguments and environment of `command`, and appends what it prints to `output`.
    pub(super) fn start(command: &Command, output: &Path) -> Self {
        let out = OpenOptions::new()
            .create(true)
            .append(true)
            .open(output)
            .expect("a file for output");
        let mut guarded = Command::new("sh");
        guarded
            .args(["-c", GUARDED, "sh"])
            .arg(command.get_program())
            .args(command.get_args())
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(out.try_clone().expect("a second handle"))
            .stderr(out);
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => guarded.env(name, value),
                None => guarded.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            guarded.current_dir(folder);
        }
        let child = guarded.spawn().expect("a shell");
        Self { child }
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends a signal to the program itself.
    pub(super) fn signal(&self, name: &str) {
        let done = kill(&[&format!("-{name}"), "--", &self.id().to_string()]);
        assert!(done, "process {} cannot be sent SIG{name}", self.id());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A group that has ended cannot be killed.
        kill(&["-KILL", "--", &format!("-{}", self.id())]);
        let _ = self.child.wait();
    }
}

/// The system's `kill`, quiet; whether it could.
fn kill(arguments: &[&str]) -> bool {
    Command::new("kill")
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Prints the end of what a process said.
#[expect(clippy::print_stderr, reason = "it is for who reads why a test failed")]
pub(super) fn show(name: &str, said: &str) {
    let lines: Vec<&str> = said.lines().collect();
    let from = lines.len().saturating_sub(SHOWN);
    eprintln!("the last that {name} said:\n{}", lines[from..].join("\n"));
}
