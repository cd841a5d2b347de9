//! What anybody may have written: it is skipped and counted, and the others work.

use callsheet::registry::{MAX_INSTANCES, MAX_RECORD_BYTES};
use callsheet_tests::engine::Engine;
use callsheet_tests::engine::zookeeper::{Raw, ZooKeeper};

use super::{DIRECTORY, SERVICE, instance, is_current, listed, open, until};

#[tokio::test]
async fn entries_that_are_none_are_skipped_and_counted() {
    // Values of 10 MB need a server that takes them.
    let server = Engine::start(ZooKeeper::default().property("jute.maxbuffer=16777216")).await;
    let registry = open(&server.address()).await;
    let _lease = listed(&registry, &instance("good")).await;
    let mut early = registry.watch(SERVICE);
    until(&mut early, |now| now.instance("good").is_some()).await;
    let mut raw = Raw::connect(&server).await;
    let long = vec![b'x'; 10_000_000];
    let edge = vec![b' '; MAX_RECORD_BYTES + 1];
    let other = br#"{"id":"elsewhere","service":"shop.orders.Orders","addresses":["tcp://h:1"]}"#;
    let control =
        br#"{"id":"control","service":"shop.orders.Orders","addresses":["tcp://h\u0001:1"]}"#;
    let poison: &[(&str, &[u8])] = &[
        ("long", &long),
        ("edge", &edge),
        ("utf8", b"\xff\xfe\x00"),
        ("empty", b""),
        ("list", b"[1,2,3]"),
        ("number", b"7"),
        ("types", br#"{"id":7,"service":[],"addresses":{}}"#),
        ("other", other),
        ("control", control),
        ("gr\u{f6}\u{df}er", b"{}"),
        ("a b", b"{}"),
        ("lonely~", b"{\"weight\":"),
    ];
    for (name, data) in poison {
        raw.create(&format!("{DIRECTORY}/{name}"), data).await;
    }
    raw.create(&format!("{DIRECTORY}/long/deeper"), b"{}").await;
    let mut late = open(&server.address()).await.watch(SERVICE);
    for watch in [&mut early, &mut late] {
        let seen = until(watch, |now| now.skipped().count == poison.len()).await;
        assert!(is_current(&seen));
        assert_eq!(seen.instances().len(), 1);
    }
    let _other = listed(&registry, &instance("later")).await;
    until(&mut early, |now| now.instances().len() == 2).await;
    assert_eq!(registry.services().await.unwrap(), [SERVICE]);
}

#[tokio::test]
async fn a_hundred_thousand_nodes_hide_no_instance_that_is_there() {
    const MANY: usize = 100_000;
    let kind = ZooKeeper::default().property("zookeeper.forceSync=no");
    let server = Engine::start(kind).await;
    let registry = open(&server.address()).await;
    let _lease = listed(&registry, &instance("zzz")).await;
    let mut raw = Raw::connect(&server).await;
    let junk = (0..MANY).map(|one| format!("{DIRECTORY}/instance-{one:06}"));
    raw.create_all(junk, b"junk").await;
    let mut watch = open(&server.address()).await.watch(SERVICE);
    let seen = until(&mut watch, |now| now.instance("zzz").is_some()).await;
    assert!(is_current(&seen));
    assert_eq!(seen.skipped().count, MANY);
    let _other = listed(&registry, &instance("aaa")).await;
    until(&mut watch, |now| now.instance("aaa").is_some()).await;
}

#[tokio::test]
async fn instances_beyond_the_limit_are_skipped_and_counted() {
    const MORE: usize = 500;
    let kind = ZooKeeper::default().property("zookeeper.forceSync=no");
    let server = Engine::start(kind).await;
    let registry = open(&server.address()).await;
    let lease = listed(&registry, &instance("a")).await;
    lease.deregister().await.unwrap();
    let mut raw = Raw::connect(&server).await;
    for one in 0..MAX_INSTANCES + MORE {
        let id = format!("b{one:06}");
        let record = callsheet::registry::Entry::Listed(instance(&id));
        let path = format!("{DIRECTORY}/{id}");
        raw.create_all(std::iter::once(path), &record.to_json().unwrap())
            .await;
    }
    let mut watch = open(&server.address()).await.watch(SERVICE);
    let seen = until(&mut watch, |now| now.instances().len() == MAX_INSTANCES).await;
    assert!(seen.instance("b000000").is_some());
    assert_eq!(seen.skipped().count, MORE);
}
