//! What befalls servers, sessions and nodes.

use callsheet::registry::{ErrorKind, Expected, LeaseState};
use callsheet::testing::registry::LIMIT;
use callsheet_tests::engine::zookeeper::{Ensemble, Raw, ZooKeeper, expire};
use callsheet_tests::engine::{Data, Engine};
use tokio::time::timeout;

use super::{DIRECTORY, SERVICE, instance, is_current, is_stale, listed, lost, open, soon, until};

#[tokio::test]
async fn an_outage_keeps_the_last_view_and_everything_is_back_after_it() {
    for data in [Data::Same, Data::Empty] {
        let mut server = Engine::start(ZooKeeper::default()).await;
        let registry = open(&server.address()).await;
        let (record, other) = (instance("a"), open(&server.address()).await);
        let lease = listed(&registry, &record).await;
        let mut watch = other.watch(SERVICE);
        until(&mut watch, |now| now.instance("a").is_some()).await;
        let documents = other.documents().unwrap();
        let mut document = documents.watch("shop");
        timeout(LIMIT, document.answered()).await.unwrap();
        server.kill();
        let stale = until(&mut watch, is_stale).await;
        assert!(stale.instance("a").is_some());
        lost(&lease).await;
        let LeaseState::Lost(error) = lease.state() else {
            panic!("it came back by itself")
        };
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.message().contains("refused"), "{error}");
        server.restart(data).await;
        timeout(LIMIT, lease.listed()).await.unwrap().unwrap();
        let back = until(&mut watch, |now| {
            is_current(now) && now.instance("a").is_some()
        })
        .await;
        assert_eq!(back.instances().len(), 1);
        documents.put("shop", "x", Expected::Any).await.unwrap();
        let seen = document.seen(|now| now.document().is_some());
        timeout(LIMIT, seen).await.unwrap();
        lease.deregister().await.unwrap();
        until(&mut watch, |now| now.has_left("a")).await;
    }
}

#[tokio::test]
async fn a_server_that_is_suspended_beyond_the_session_is_an_outage() {
    let server = Engine::start(ZooKeeper::default()).await;
    let registry = open(&server.address()).await;
    let record = instance("a");
    let lease = listed(&registry, &record).await;
    let mut watch = registry.watch(SERVICE);
    until(&mut watch, |now| now.instance("a").is_some()).await;
    server.stop();
    until(&mut watch, is_stale).await;
    lost(&lease).await;
    server.cont();
    timeout(LIMIT, lease.listed()).await.unwrap().unwrap();
    until(&mut watch, |now| {
        is_current(now) && now.instance("a").is_some()
    })
    .await;
}

#[tokio::test]
async fn a_session_that_the_server_ends_is_followed_by_another() {
    let server = Engine::start(ZooKeeper::default()).await;
    let registry = open(&server.address()).await;
    let _lease = listed(&registry, &instance("a")).await;
    let other = open(&server.address()).await;
    let mut watch = other.watch(SERVICE);
    let there = until(&mut watch, |now| now.instance("a").is_some()).await;
    let mut raw = Raw::connect(&server).await;
    let path = format!("{DIRECTORY}/a");
    let before = raw.owner(&path).await.unwrap();
    expire(&server, before).await;
    soon("it is listed by a new session", async || {
        raw.owner(&path).await.is_some_and(|owner| owner != before)
    })
    .await;
    let again = until(&mut watch, |now| now.instance("a").is_some()).await;
    assert!(again.revision() >= there.revision());
}

#[tokio::test]
async fn a_node_of_a_session_before_is_made_anew_and_outlives_that_session() {
    let server = Engine::start(ZooKeeper::default()).await;
    let address = server.address();
    let other = open(&address).await;
    let mut watch = other.watch(SERVICE);
    let elsewhere = address.clone();
    let dead = std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let lease =
            runtime.block_on(async { listed(&open(&elsewhere).await, &instance("a")).await });
        drop(runtime);
        drop(lease);
    });
    dead.join().unwrap();
    let mut raw = Raw::connect(&server).await;
    let path = format!("{DIRECTORY}/a");
    let before = raw.owner(&path).await.unwrap();
    assert_ne!(before, 0);
    let there = until(&mut watch, |now| now.instance("a").is_some()).await;
    let registry = open(&address).await;
    let _lease = listed(&registry, &instance("a")).await;
    let ours = raw.owner(&path).await.unwrap();
    assert!(ours != before && ours != 0);
    let old = format!("0x{before:x}");
    assert!(server.says("dump").await.contains(&old), "it still lives");
    soon("the old session ends", async || {
        !server.says("dump").await.contains(&old)
    })
    .await;
    assert_eq!(raw.owner(&path).await, Some(ours));
    let now = until(&mut watch, |now| now.instance("a").is_some()).await;
    assert_eq!(now.changes_since(&there).lost, []);
}

#[tokio::test]
async fn an_entry_that_is_deleted_or_changed_by_hand_is_put_right() {
    let server = Engine::start(ZooKeeper::default()).await;
    let registry = open(&server.address()).await;
    let record = instance("a");
    let _lease = listed(&registry, &record).await;
    let mut watch = registry.watch(SERVICE);
    until(&mut watch, |now| now.instance("a").is_some()).await;
    let path = format!("{DIRECTORY}/a");
    let mut raw = Raw::connect(&server).await;
    let ours = raw.owner(&path).await;
    raw.delete(&path).await;
    soon("it is listed again", async || {
        raw.owner(&path).await == ours
    })
    .await;
    assert!(server.cli(&["set", &path, "nonsense"]).status.success());
    let put_right = |now: &callsheet::registry::Snapshot| {
        now.skipped().count == 0 && now.instance("a").is_some_and(|one| **one == record)
    };
    until(&mut watch, put_right).await;
    soon("it is ours", async || raw.owner(&path).await == ours).await;
}

#[tokio::test]
async fn the_loss_of_the_leader_is_survived_with_the_session() {
    let mut ensemble = Ensemble::start().await;
    let address = ensemble.address();
    let (registry, other) = (open(&address).await, open(&address).await);
    let lease = listed(&registry, &instance("a")).await;
    let mut watch = other.watch(SERVICE);
    until(&mut watch, |now| now.instance("a").is_some()).await;
    for _ in 0..2 {
        let leader = ensemble.leader().await;
        ensemble.servers()[leader].kill();
        let next = ensemble.leader().await;
        assert_ne!(next, leader);
        let late = listed(&registry, &instance("late")).await;
        let both = until(&mut watch, |now| now.instances().len() == 2).await;
        assert!(both.instance("a").is_some());
        timeout(LIMIT, lease.listed()).await.unwrap().unwrap();
        ensemble.restart(leader).await;
        timeout(LIMIT, late.deregister()).await.unwrap().unwrap();
        until(&mut watch, |now| now.instances().len() == 1).await;
    }
}

#[tokio::test]
async fn a_namespace_that_is_missing_is_made() {
    let server = Engine::start(ZooKeeper::default()).await;
    let address = format!("zookeeper://{}/a/deep/place", server.place().endpoint());
    let registry = open(&address).await;
    let mut watch = registry.watch(SERVICE);
    let empty = timeout(LIMIT, watch.answered()).await.unwrap();
    assert!(is_current(&empty));
    let _lease = listed(&registry, &instance("a")).await;
    until(&mut watch, |now| now.instance("a").is_some()).await;
    let mut raw = Raw::connect(&server).await;
    let path = format!("/a/deep/place/services/{SERVICE}/a");
    assert!(raw.owner(&path).await.is_some_and(|owner| owner != 0));
}

#[tokio::test]
async fn servers_that_do_not_answer_are_told_and_the_next_is_taken() {
    let server = Engine::start(ZooKeeper::default()).await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (endpoint, port) = (
        server.place().endpoint(),
        silent.local_addr().unwrap().port(),
    );
    let options = "session_ms=2000";
    let both = open(&format!(
        "zookeeper://127.0.0.1:{port},{endpoint}/shop?{options}"
    ))
    .await;
    let _lease = listed(&both, &instance("a")).await;
    let alone = open(&format!("zookeeper://127.0.0.1:{port}/shop?{options}")).await;
    let error = alone.services().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().contains("does not answer"), "{error}");
}
