//! The processes of `shopkeeper.rs` as their parent sees them.

use std::collections::HashMap;
use std::fs;
use std::process::Stdio;
use std::time::Duration;

use callsheet::governance::{RetrySettings, Settings};
use callsheet::{Client, registry};
use callsheet_tests::rpc::shop::orders::v1::OrdersClient;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// What a test waits for at most before it fails.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// A process that is killed with the test at the latest.
pub(crate) struct Keeper {
    process: Child,
    says: Lines<BufReader<ChildStdout>>,
}

impl Keeper {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_behind("exec \"$@\"", arguments)
    }

    /// Starts it behind a shell command, `exec "$@"` at the end of it.
    pub(crate) fn start_behind(shell: &str, arguments: &[&str]) -> Self {
        let mut process = Command::new("sh")
            .args(["-c", shell, "sh", env!("CARGO_BIN_EXE_shopkeeper")])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let says = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, says }
    }

    /// A server, and the list of it alone.
    pub(crate) async fn serve(name: &str) -> (Self, String) {
        let mut keeper = Self::start(&["serve", name, "none", "127.0.0.1:0"]);
        let address = keeper.address().await;
        (keeper, format!("static:{address}"))
    }

    /// Where a server listens.
    pub(crate) async fn address(&mut self) -> String {
        self.line_with("at ").await.replacen("at ", "", 1)
    }

    /// Waits for the next line that holds `text`.
    pub(crate) async fn line_with(&mut self, text: &str) -> String {
        loop {
            let line = timeout(LIMIT, self.says.next_line()).await;
            let line = line.unwrap_or_else(|_| panic!("no `{text}` is said"));
            let line = line.unwrap();
            let line = line.unwrap_or_else(|| panic!("it ended without `{text}`"));
            if line.contains(text) {
                return line;
            }
        }
    }

    pub(crate) async fn signal(&self, name: &str) {
        let id = self.process.id().unwrap().to_string();
        let status = Command::new("kill").args([name, &id]).status().await;
        assert!(status.unwrap().success());
    }

    /// Asks a server to end by closing its input.
    pub(crate) fn ask_to_leave(&mut self) {
        drop(self.process.stdin.take());
    }

    pub(crate) async fn kill(mut self) {
        self.process.kill().await.unwrap();
    }

    /// Waits until it has ended well by itself.
    pub(crate) async fn ends(&mut self) {
        let status = timeout(LIMIT, self.process.wait()).await;
        assert!(status.expect("it ends").unwrap().success());
    }

    /// Bytes of memory that it has now.
    pub(crate) fn memory(&self) -> usize {
        let path = format!("/proc/{}/status", self.process.id().unwrap());
        let status = fs::read_to_string(path).unwrap();
        let fields: HashMap<_, _> = status
            .lines()
            .filter_map(|line| line.split_once(':'))
            .collect();
        let kib = fields["VmRSS"].trim().trim_end_matches(" kB");
        kib.parse::<usize>().unwrap() << 10
    }
}

/// A client of what `registry` lists.
pub(crate) async fn orders(registry: &str) -> OrdersClient {
    let registry = registry::connect(registry).await.unwrap();
    OrdersClient::new(&Client::builder().registry(&registry).build())
}

/// The same for calls that are made once, whatever becomes of them.
pub(crate) async fn orders_once(registry: &str) -> OrdersClient {
    let once = Settings::new().retry(RetrySettings::new().attempts(0_u32));
    orders(registry).await.with_settings(once)
}
