//! Shutdowns that end in time whatever registries, peers and handlers do; and what a server says of itself until then.

use std::future::pending;
use std::sync::mpsc as threads;

use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use super::notices::greeted;
use super::*;
use crate::link::Placement;
use crate::registry::{
    self, BoxFuture, Feeds, Handle, Instance, Lease, Registrar, Registry, Terms, Watch,
};
use crate::server::Ending;
use crate::transport;
use crate::wire::{OpenHead, RouteRef};

/// A registry that takes registrations and then never answers again.
#[derive(Default)]
struct Deaf(Feeds);

struct Unanswered;

impl Registrar for Unanswered {
    async fn publish(&mut self, _: &[Instance]) -> Result<(), registry::Error> {
        Ok(())
    }

    async fn renew(&mut self, _: &[Instance]) -> Result<(), registry::Error> {
        Ok(())
    }

    async fn withdraw(&mut self, _: &[Instance]) -> Result<(), registry::Error> {
        pending().await
    }
}

impl Registry for Deaf {
    fn address(&self) -> &'static str {
        "deaf:"
    }

    fn register(&self, records: Vec<Instance>) -> Result<Lease, registry::Error> {
        let terms = Terms {
            period: Duration::from_secs(5),
            seed: 1,
        };
        Lease::keep(self.address(), Unanswered, records, terms)
    }

    fn watch(&self, service: &str) -> Watch {
        self.0.watch(service)
    }

    fn services(&self) -> BoxFuture<'_, Result<Vec<String>, registry::Error>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

const LIMIT: Duration = Duration::from_secs(2);

/// What a shutdown may take beyond its limit.
const MARGIN: Duration = Duration::from_millis(200);

/// An OPEN of a call that is never answered.
fn hanging() -> bytes::BytesMut {
    let metadata = Metadata::new();
    let head = OpenHead {
        route: RouteRef::Once(route("hang", "")),
        attempt: 0,
        deadline: None,
        one_way: false,
        metadata: &metadata,
    };
    let mut out = bytes::BytesMut::new();
    head.put(&mut out, 1, Some(0), true);
    out
}

#[tokio::test(start_paused = true)]
async fn the_limit_is_that_of_the_whole_shutdown_with_its_registry() {
    let registry = Handle::new(Deaf::default());
    let (tell, mut told) = mpsc::unbounded_channel();
    let mut rig = rig_with("memory:shutdown-deaf", |server| {
        server
            .register(&registry)
            .drain_limit(LIMIT)
            .propagation(Duration::from_secs(60))
            .on_notice(move |notice| tell.send(notice.to_string()).unwrap())
    })
    .await;
    let link = rig.link().await;
    let waiting = link.call(request("hang", ""));
    assert_eq!(rig.heard.recv().await, Some(Heard::Hanging));
    let start = Instant::now();
    let report = rig.running.shutdown().await;
    assert!(start.elapsed() <= LIMIT + MARGIN, "{report}");
    assert_eq!((report.ending, report.cancelled), (Ending::Limit, 1));
    insta::assert_snapshot!(told.recv().await.unwrap(), @"left without being taken off the list: registry `deaf:`: no answer within 500ms");
    waiting.await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn peers_that_are_silent_slow_or_stuck_do_not_hold_up_a_shutdown() {
    let mut rig = rig_with("memory:shutdown-peers", |server| server.drain_limit(LIMIT)).await;
    let address = rig.running.addresses()[0].clone();
    // Says nothing; halts within its preface; has greeted and hears nothing of GOAWAY.
    let silent = transport::connect(&address).await.unwrap();
    let mut halting = transport::connect(&address).await.unwrap();
    halting.write_all(&[0xf5, b'C']).await.unwrap();
    let deaf = greeted(&rig).await;
    // Has a call open that never ends, and does not read.
    let mut stuck = greeted(&rig).await;
    stuck.write_all(&hanging()).await.unwrap();
    assert_eq!(rig.heard.recv().await, Some(Heard::Hanging));
    // Goes on with a frame of its own, one byte at a time.
    let mut slow = greeted(&rig).await;
    let trickle = tokio::spawn(async move {
        let frame = hanging();
        for byte in &frame[..frame.len() - 1] {
            if slow.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(90)).await;
        }
        pending::<()>().await;
    });
    // Is told more than it reads.
    let mut flooded = greeted(&rig).await;
    for _ in 0..20 {
        let ping = [0, 0, 0, 14, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        flooded.write_all(&ping).await.unwrap();
    }
    let start = Instant::now();
    let report = rig.running.shutdown().await;
    assert!(start.elapsed() <= LIMIT + MARGIN, "{report}");
    assert_eq!(rig.heard.recv().await, Some(Heard::Dropped));
    insta::assert_snapshot!(report, @"shut down in 2.0s, at its limit (Server::drain_limit): 0 calls drained, 1 cancelled, 0 refused, 6 connections closed");
    drop((silent, halting, deaf, stuck, flooded));
    trickle.abort();
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_again_waits_for_nothing() {
    let mut rig = rig("shutdown-again").await;
    let link = rig.link().await;
    let waiting = link.call(request("hang", ""));
    assert_eq!(rig.heard.recv().await, Some(Heard::Hanging));
    let start = Instant::now();
    let report = rig.running.shutdown_unless(async {}).await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    insta::assert_snapshot!(report, @"shut down in 0.0ns, as it was asked to end at once: 0 calls drained, 1 cancelled, 0 refused, 1 connection closed");
    assert_eq!(
        waiting.await.unwrap_err().code(),
        crate::status::Code::Unavailable
    );
    assert_eq!(rig.heard.recv().await, Some(Heard::Dropped));
}

/// Blocks the thread that polls it until the test lets it go on.
struct Blocking {
    begun: mpsc::UnboundedSender<()>,
    go_on: std::sync::Mutex<threads::Receiver<()>>,
}

impl Handler for Blocking {
    fn call(&self, _: usize, call: Incoming) -> Answer {
        self.begun.send(()).unwrap();
        // The test has failed where nobody lets it go on.
        let _ = self.go_on.lock().unwrap().recv();
        call.unary(async |text: String| Ok::<_, Error>(text))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_handler_that_blocks_its_thread_is_told_of_and_not_waited_for() {
    let (begun, mut begins) = mpsc::unbounded_channel();
    let (let_go, go_on) = threads::channel();
    let handler = Blocking {
        begun,
        go_on: std::sync::Mutex::new(go_on),
    };
    let offer = Offer::new(&ECHO, handler).placement(Placement::Inline);
    let running = Server::bind("memory:shutdown-blocked")
        .add(offer)
        .drain_limit(Duration::from_millis(50))
        .start()
        .await
        .unwrap();
    let link = Link::connect(&running.addresses()[0], &Config::default())
        .await
        .unwrap();
    let waiting = link.call(request("echo", ""));
    begins.recv().await.unwrap();
    let report = running.shutdown().await;
    assert_eq!((report.ending, report.stuck), (Ending::Limit, 1));
    let shown = report.to_string();
    assert!(
        shown.ends_with("1 held up by handlers that block their thread"),
        "{shown}"
    );
    let_go.send(()).unwrap();
    waiting.await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn weight_and_tags_change_while_a_server_serves_in_one_step_for_those_who_watch() {
    let registry = registry::connect("memory:shutdown-update").await.unwrap();
    let rig = rig_with("memory:shutdown-update", |server| {
        server
            .register(&registry)
            .zone("here")
            .tag("lane", "blue")
            .tag("rack", "7")
            .add(echo().0.group("green").zone("there").tag("lane", "red"))
    })
    .await;
    let running = &rig.running;
    running.listed().await;
    let mut watch = registry.watch("test.Echo");
    let seen = |snapshot: &Arc<registry::Snapshot>| {
        let mut seen: Vec<_> = snapshot
            .instances()
            .iter()
            .map(|one| {
                let tags: Vec<_> = one.tags.iter().map(|(k, v)| format!("{k}={v}")).collect();
                let zone = one.zone.clone().unwrap_or_default();
                (one.group.clone(), one.weight, zone, tags.join(" "))
            })
            .collect();
        seen.sort();
        seen
    };
    let blue = |weight, tags: &str| {
        (
            "blue".to_owned(),
            weight,
            "here".to_owned(),
            tags.to_owned(),
        )
    };
    let green = |weight, tags: &str| {
        (
            "green".to_owned(),
            weight,
            "there".to_owned(),
            tags.to_owned(),
        )
    };
    assert_eq!(
        seen(&watch.answered().await),
        [blue(100, "lane=blue rack=7"), green(100, "lane=red rack=7")]
    );
    let before = watch.borrow_and_update();
    running
        .update(|instance| {
            instance.weight = 10;
            instance.tags.insert("canary".into(), "yes".into());
            instance.id = "somebody-else".into();
        })
        .unwrap();
    let after = watch.changed().await.unwrap();
    assert_eq!(
        seen(&after),
        [
            blue(10, "canary=yes lane=blue rack=7"),
            green(10, "canary=yes lane=red rack=7")
        ]
    );
    let ids = |snapshot: &Arc<registry::Snapshot>| -> Vec<_> {
        let ids = snapshot.instances().iter().map(|one| one.id.clone());
        ids.collect()
    };
    assert_eq!(ids(&after), ids(&before));

    let error = running
        .update(|instance| instance.zone = Some("\u{7}".into()))
        .unwrap_err();
    assert_eq!(error.kind(), registry::ErrorKind::Record);
    running.update(|_| {}).unwrap();
    running.listed().await;
    assert_eq!(seen(&watch.borrow()), seen(&after));
}
