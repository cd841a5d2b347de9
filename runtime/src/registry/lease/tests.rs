//! A lease against a registry that fails on command.

use std::sync::{Mutex, MutexGuard};

use super::*;

const TERMS: Terms = Terms {
    period: Duration::from_secs(1),
    seed: 5,
};

/// What the registry was asked to do, and whether it does it.
#[derive(Clone, Default)]
struct Script(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    down: bool,
    asked: Vec<String>,
    at: Vec<Instant>,
}

impl Script {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    fn ask(&self, what: &str, records: &[Instance]) -> Result<(), Error> {
        let mut inner = self.lock();
        let ids: Vec<_> = records
            .iter()
            .map(|record| format!("{}={}", record.id, record.weight))
            .collect();
        inner.asked.push(format!("{what} {}", ids.join(" ")));
        inner.at.push(Instant::now());
        if inner.down {
            return Err(Error::new(ErrorKind::Unavailable, "script:", "down"));
        }
        Ok(())
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().asked)
    }
}

impl Registrar for Script {
    async fn publish(&mut self, records: &[Instance]) -> Result<(), Error> {
        self.ask("publish", records)
    }

    async fn renew(&mut self, records: &[Instance]) -> Result<(), Error> {
        self.ask("renew", records)
    }

    async fn withdraw(&mut self, records: &[Instance]) -> Result<(), Error> {
        self.ask("withdraw", records)
    }
}

fn record(id: &str, weight: u32) -> Instance {
    let mut instance = Instance::new(id, "S");
    instance.addresses = vec!["memory:x".into()];
    instance.weight = weight;
    instance
}

fn keep(script: &Script, records: Vec<Instance>) -> Lease {
    Lease::keep("script:", script.clone(), records, TERMS).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_renewed_and_made_again_after_a_loss() {
    let script = Script::default();
    let lease = keep(&script, vec![record("a", 1)]);
    lease.listed().await.unwrap();
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(script.asked(), ["publish a=1", "renew a=1", "renew a=1"]);
    script.lock().down = true;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(matches!(lease.state(), LeaseState::Lost(_)));
    script.lock().down = false;
    lease.listed().await.unwrap();
    let asked = script.asked();
    assert_eq!(asked[0], "renew a=1");
    assert!(
        asked[1..].iter().all(|what| what == "publish a=1"),
        "{asked:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_is_down_is_tried_for_ever_and_not_too_often() {
    let script = Script::default();
    script.lock().down = true;
    let lease = keep(&script, vec![record("a", 1)]);
    assert!(matches!(lease.tried().await, LeaseState::Lost(_)));
    let minute = Duration::from_secs(60);
    tokio::time::sleep(minute).await;
    let at = std::mem::take(&mut script.lock().at);
    assert!(
        (30..70).contains(&at.len()),
        "{} tries in a minute",
        at.len()
    );
    let pauses: Vec<_> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.iter().all(|&pause| pause <= LONGEST_PAUSE));
    assert!(
        pauses[8..].windows(2).any(|pair| pair[0] != pair[1]),
        "jitter"
    );
    script.lock().down = false;
    let back = Instant::now();
    lease.listed().await.unwrap();
    assert!(back.elapsed() <= LONGEST_PAUSE);
}

#[tokio::test(start_paused = true)]
async fn updates_in_a_row_are_one_change_and_what_they_remove_is_withdrawn() {
    let script = Script::default();
    let lease = keep(&script, vec![record("a", 1), record("b", 1)]);
    lease.listed().await.unwrap();
    script.asked();
    lease.update(vec![record("a", 2), record("c", 1)]).unwrap();
    lease.update(vec![record("a", 3)]).unwrap();
    lease.listed().await.unwrap();
    assert_eq!(script.asked(), ["publish a=3", "withdraw b=1 c=1"]);
    lease.deregister().await.unwrap();
    assert_eq!(script.asked(), ["withdraw a=3"]);
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_withdrawn_is_withdrawn_later() {
    let script = Script::default();
    let lease = keep(&script, vec![record("a", 1), record("b", 1)]);
    lease.listed().await.unwrap();
    script.lock().down = true;
    lease.update(vec![record("a", 1)]).unwrap();
    assert!(matches!(lease.tried().await, LeaseState::Lost(_)));
    script.asked();
    script.lock().down = false;
    lease.listed().await.unwrap();
    assert_eq!(script.asked(), ["publish a=1", "withdraw b=1"]);
}

#[tokio::test(start_paused = true)]
async fn deregistering_reports_a_failure_and_ends_the_lease_all_the_same() {
    let script = Script::default();
    let lease = keep(&script, vec![record("a", 1)]);
    lease.listed().await.unwrap();
    script.lock().down = true;
    assert!(lease.deregister().await.is_err());
    script.asked();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(script.asked(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_lease_is_withdrawn_in_the_background() {
    let script = Script::default();
    let lease = keep(&script, vec![record("a", 1)]);
    lease.listed().await.unwrap();
    drop(lease);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(script.asked(), ["publish a=1", "withdraw a=1"]);
}

#[test]
fn a_lease_ends_with_its_runtime_and_says_so() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let script = Script::default();
    let lease = runtime.block_on(async { keep(&script, vec![record("a", 1)]) });
    drop(runtime);
    assert!(matches!(lease.state(), LeaseState::Left));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    assert!(runtime.block_on(lease.listed()).is_err());
    assert!(lease.update(Vec::new()).is_err());
    assert!(runtime.block_on(lease.deregister()).is_err());
}

#[tokio::test]
async fn records_are_checked_before_anything_is_sent() {
    let script = Script::default();
    let refused = |records| {
        let error = Lease::keep("script:", script.clone(), records, TERMS).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Record);
        error.to_string()
    };
    insta::assert_snapshot!(refused(vec![Instance::new("a", "S")]), @"registry `script:`: instance of S: 0 addresses: name 1 to 64");
    insta::assert_snapshot!(refused(vec![record("a", 1), record("a", 2)]), @"registry `script:`: S is offered twice as `a`: give each its own id");
    let mut large = record("a", 1);
    large.tags = (0..64)
        .map(|n| (format!("{n}"), "x".repeat(1_024)))
        .collect();
    insta::assert_snapshot!(refused(vec![large]), @"registry `script:`: instance of S: 66172 bytes of JSON: the limit is 65536; shorten the tags");
    assert!(script.asked().is_empty());
}

#[test]
fn registering_outside_of_a_runtime_says_what_is_missing() {
    let error = Lease::keep("script:", Script::default(), Vec::new(), TERMS).unwrap_err();
    insta::assert_snapshot!(error, @"registry `script:`: registering needs a tokio runtime: call it from an async function");
}
