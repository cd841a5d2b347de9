//! What happens to etcd, to its entries, and to those who use it.

use std::sync::mpsc;

use callsheet::registry::{Freshness, LeaseState, Snapshot, connect};
use callsheet_tests::engine::etcd::Etcd;
use callsheet_tests::engine::{Data, Engine};

use super::relay::Relay;
use super::{SERVICE, eventually, has, key, lease_of, listed, numbers, until, within};

fn is_stale(snapshot: &Snapshot) -> bool {
    matches!(snapshot.freshness(), Freshness::Stale(_))
}

fn is_current(snapshot: &Snapshot) -> bool {
    matches!(snapshot.freshness(), Freshness::Current)
}

#[tokio::test]
async fn an_outage_takes_nobody_off_the_list_and_ends_by_itself() {
    let mut etcd = Engine::start(Etcd::default()).await;
    let registry = connect(&etcd.address()).await.unwrap();
    let lease = listed(&registry, "a").await;
    let mut watch = registry.watch(SERVICE);
    until("the instance", &mut watch, |now| has(now, "a")).await;
    for data in [Data::Same, Data::Empty] {
        etcd.kill();
        let stale = until("staleness", &mut watch, |now| {
            assert!(has(now, "a"), "the last view is kept");
            is_stale(now)
        })
        .await;
        assert!(has(&stale, "a"));
        // Its keeper has noticed, and says why.
        eventually("the loss", async || {
            matches!(lease.state(), LeaseState::Lost(_))
        })
        .await;
        // A client that starts now is not held up, and sees it when it is there.
        let late = connect(&etcd.address()).await.unwrap();
        let mut early = late.watch(SERVICE);
        let nothing = within("an answer", early.answered()).await;
        assert!(is_stale(&nothing));
        etcd.restart(data).await;
        within("the registration", lease.listed()).await.unwrap();
        until("the view", &mut watch, |now| {
            is_current(now) && has(now, "a")
        })
        .await;
        until("the late view", &mut early, |now| {
            is_current(now) && has(now, "a")
        })
        .await;
    }
}

#[tokio::test]
async fn a_suspended_etcd_is_noticed_and_everything_goes_on_when_it_does() {
    let etcd = Engine::start(Etcd::default()).await;
    let registry = connect(&etcd.address()).await.unwrap();
    let lease = listed(&registry, "a").await;
    let mut watch = registry.watch(SERVICE);
    until("the instance", &mut watch, |now| has(now, "a")).await;
    etcd.stop();
    until("staleness", &mut watch, is_stale).await;
    eventually("the loss", async || {
        matches!(lease.state(), LeaseState::Lost(_))
    })
    .await;
    assert!(has(&watch.borrow(), "a"));
    etcd.cont();
    within("the registration", lease.listed()).await.unwrap();
    until("the view", &mut watch, |now| {
        is_current(now) && has(now, "a")
    })
    .await;
}

#[tokio::test]
async fn a_lease_revoked_by_hand_is_made_again_with_everything_on_it() {
    let etcd = Engine::start(Etcd::default()).await;
    let registry = connect(&etcd.address()).await.unwrap();
    let lease = registry
        .register(vec![super::instance("a"), super::instance("b")])
        .unwrap();
    within("the registration", lease.listed()).await.unwrap();
    let mut watch = registry.watch(SERVICE);
    until("both", &mut watch, |now| has(now, "a") && has(now, "b")).await;
    let before = lease_of(&etcd, "a").unwrap();
    etcd.etcdctl(&["lease", "revoke", &format!("{before:x}")]);
    eventually("another lease", async || {
        let now = (lease_of(&etcd, "a"), lease_of(&etcd, "b"));
        matches!(now, (Some(a), Some(b)) if a == b && a != before)
    })
    .await;
    until("both", &mut watch, |now| has(now, "a") && has(now, "b")).await;
}

#[tokio::test]
async fn a_process_suspended_beyond_its_lease_is_listed_again_when_it_goes_on() {
    let etcd = Engine::start(Etcd::default()).await;
    let (address, (go_on, suspended)) = (etcd.address(), mpsc::channel::<()>());
    // A thread with a runtime of its own that stands still is a process that is suspended.
    let process = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let registry = connect(&address).await.unwrap();
            let lease = listed(&registry, "a").await;
            suspended.recv().unwrap();
            let mut own = registry.watch(SERVICE);
            until("itself", &mut own, |now| has(now, "a")).await;
            lease.deregister().await.unwrap();
        });
    });
    let client = connect(&etcd.address()).await.unwrap();
    let mut watch = client.watch(SERVICE);
    until("the instance", &mut watch, |now| has(now, "a")).await;
    let lost = until("its loss", &mut watch, |now| !has(now, "a")).await;
    assert!(!lost.has_left("a"));
    go_on.send(()).unwrap();
    until("the instance", &mut watch, |now| has(now, "a")).await;
    until("its leave", &mut watch, |now| now.has_left("a")).await;
    process.join().unwrap();
}

#[tokio::test]
async fn an_entry_deleted_or_spoilt_by_hand_is_put_right_by_its_owner() {
    let etcd = Engine::start(Etcd::default()).await;
    let registry = connect(&etcd.address()).await.unwrap();
    let lease = listed(&registry, "a").await;
    let mut watch = registry.watch(SERVICE);
    until("the instance", &mut watch, |now| has(now, "a")).await;
    let created = || numbers(&etcd, &["get", &key("a")], "create_revision");
    let before = created();
    etcd.etcdctl(&["del", &key("a")]);
    eventually("the entry", async || {
        let now = created();
        !now.is_empty() && now != before
    })
    .await;
    let whole = etcd.etcdctl(&["get", &key("a"), "--print-value-only"]);
    for rubbish in [
        "rubbish",
        "{\"id\":\"a\",\"service\":\"x\",\"addresses\":[\"tcp://evil:1\"]}",
    ] {
        etcd.etcdctl(&["put", &key("a"), rubbish]);
        eventually("the record", async || {
            etcd.etcdctl(&["get", &key("a"), "--print-value-only"]) == whole
        })
        .await;
    }
    until("the instance", &mut watch, |now| has(now, "a")).await;
    assert!(matches!(lease.state(), LeaseState::Listed));
}

#[tokio::test]
async fn a_watcher_cut_off_over_a_compaction_sees_the_truth_afterwards() {
    let etcd = Engine::start(Etcd::default()).await;
    let relay = Relay::to(etcd.place().port()).await;
    let server = connect(&etcd.address()).await.unwrap();
    let client = connect(&relay.address()).await.unwrap();
    let (mut watch, leaves) = (client.watch(SERVICE), listed(&server, "leaves").await);
    let _stays = listed(&server, "stays").await;
    until("both", &mut watch, |now| now.instances().len() == 2).await;
    relay.cut();
    until("staleness", &mut watch, is_stale).await;
    leaves.deregister().await.unwrap();
    let _joins = listed(&server, "joins").await;
    let revision = numbers(&etcd, &["endpoint", "status"], "revision")[0];
    etcd.etcdctl(&["compact", "--physical", &revision.to_string()]);
    relay.mend();
    let now = until("the view", &mut watch, |now| {
        is_current(now) && has(now, "joins")
    })
    .await;
    assert!(has(&now, "stays") && !has(&now, "leaves") && now.has_left("leaves"));
}

#[tokio::test]
async fn a_planned_leave_takes_tombstone_and_override_along_in_time() {
    let etcd = Engine::start(Etcd::default()).await;
    let registry = connect(&etcd.address()).await.unwrap();
    let lease = listed(&registry, "a").await;
    let mut order = callsheet::registry::Override::new("a", SERVICE);
    order.weight = Some(7);
    registry.steer(order).await.unwrap();
    assert_ne!(etcd.etcdctl(&["get", &key("a~")]), "");
    let own = lease_of(&etcd, "a").unwrap();
    lease.deregister().await.unwrap();
    assert_eq!(etcd.etcdctl(&["get", &key("a~")]), "");
    // The tombstone goes with a lease of its own, and the server's is revoked.
    let left = lease_of(&etcd, "a").unwrap();
    assert_ne!(left, own);
    let granted = numbers(
        &etcd,
        &["lease", "timetolive", &format!("{left:x}")],
        "granted-ttl",
    );
    assert_eq!(granted, [60]);
    let leases = etcd.etcdctl(&["lease", "list"]);
    assert!(!leases.contains(&format!("{own:x}")), "{leases}");
}
