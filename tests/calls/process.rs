//! The server of `served.rs` as its parent sees it.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use callsheet::codegen::{Call, Channel, unary};
use callsheet::{Client, registry};

use crate::echo::ECHO;

/// A process that is killed with the test at the latest.
pub(crate) struct Served {
    child: Child,
    lines: BufReader<ChildStdout>,
    /// Where it listens.
    pub(crate) address: String,
}

impl Served {
    /// Starts a server behind a shell command, `exec "$@"` at the end of it.
    pub(crate) fn start(shell: &str, bind: &str) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", shell, "sh", env!("CARGO_BIN_EXE_served"), bind])
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let lines = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut served = Self {
            child,
            lines,
            address: String::new(),
        };
        served.address = served.line_with("at ").replacen("at ", "", 1);
        served
    }

    /// Waits for the next line that holds `text`.
    pub(crate) fn line_with(&mut self, text: &str) -> String {
        let mut line = String::new();
        while self.lines.read_line(&mut line).expect("lines of text") > 0 {
            if line.contains(text) {
                return line.trim_end().to_owned();
            }
            line.clear();
        }
        panic!("the server ended without saying `{text}`")
    }

    pub(crate) fn signal(&self, name: &str) {
        let done = Command::new("kill")
            .args([format!("-{name}"), self.child.id().to_string()])
            .status();
        assert!(done.expect("`kill`").success());
    }

    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().expect("a child of ours")
    }

    pub(crate) async fn channel(&self) -> Channel {
        let registry = registry::connect(&format!("static:{}", self.address))
            .await
            .expect("an address that a server printed");
        let client = Client::builder().registry(&registry).build();
        Channel::new(&client, &ECHO)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // One that has ended cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A call of the method with this index.
pub(crate) fn ask(channel: &Channel, method: usize, text: &str) -> Call<String> {
    unary(channel, &ECHO.methods[method], &text.to_owned())
}
