//! Servers in processes of their own: they leave, are killed, are stopped and go on.

use std::process::Stdio;
use std::time::Duration;

use callsheet::registry::{Handle, Snapshot, Watch, connect};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

const SERVICE: &str = "shop.orders.Orders";
const LIMIT: Duration = Duration::from_secs(60);

struct Registrant {
    process: Child,
    says: Lines<BufReader<ChildStdout>>,
}

impl Registrant {
    async fn start(registry: &str, id: &str) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_registrant"))
            .args([registry, SERVICE, id])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let says = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut started = Self { process, says };
        assert_eq!(started.line().await.as_deref(), Some("listed"));
        started
    }

    async fn line(&mut self) -> Option<String> {
        let line = timeout(LIMIT, self.says.next_line()).await;
        line.expect("the process says something").unwrap()
    }

    async fn signal(&self, name: &str) {
        let id = self.process.id().unwrap().to_string();
        let status = Command::new("kill").args([name, &id]).status().await;
        assert!(status.unwrap().success());
    }
}

async fn watched(address: &str) -> (Handle, Watch) {
    let registry = connect(address).await.unwrap();
    let watch = registry.watch(SERVICE);
    (registry, watch)
}

async fn until(watch: &mut Watch, wanted: impl Fn(&Snapshot) -> bool) {
    let seen = timeout(LIMIT, watch.seen(wanted)).await;
    seen.expect("the view changes");
}

#[tokio::test]
async fn processes_find_each_other_and_see_how_each_one_goes() {
    let directory = tempfile::tempdir().unwrap();
    let address = format!("file:{}", directory.path().display());
    let (_registry, mut watch) = watched(&address).await;
    let mut polite = Registrant::start(&address, "polite").await;
    let mut killed = Registrant::start(&address, "killed").await;
    let lasting = Registrant::start(&address, "lasting").await;
    until(&mut watch, |now| now.instances().len() == 3).await;

    drop(polite.process.stdin.take());
    assert_eq!(polite.line().await.as_deref(), Some("left"));
    until(&mut watch, |now| now.has_left("polite")).await;

    killed.process.kill().await.unwrap();
    until(&mut watch, |now| now.instance("killed").is_none()).await;
    assert!(!watch.borrow().has_left("killed"), "it said no goodbye");
    assert!(watch.borrow().instance("lasting").is_some());
    drop(lasting);
}

#[cfg(unix)]
#[tokio::test]
async fn a_process_that_was_stopped_is_listed_again_when_it_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let address = format!("file:{}", directory.path().display());
    let (_registry, mut watch) = watched(&address).await;
    let process = Registrant::start(&address, "a").await;
    until(&mut watch, |now| now.instance("a").is_some()).await;
    process.signal("-STOP").await;
    until(&mut watch, |now| now.instance("a").is_none()).await;
    process.signal("-CONT").await;
    until(&mut watch, |now| now.instance("a").is_some()).await;
}
