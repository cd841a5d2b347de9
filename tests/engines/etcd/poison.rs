//! Anybody who may write can put anything anywhere.

use callsheet::registry::{Entry, Freshness, connect};
use callsheet_tests::engine::Engine;
use callsheet_tests::engine::etcd::{Etcd, Gateway};

use super::{SERVICE, has, instance, key, listed, until};

#[tokio::test]
async fn rubbish_is_skipped_and_counted_and_the_rest_works() {
    let etcd = Engine::start(Etcd::patient()).await;
    let registry = connect(&etcd.address()).await.unwrap();
    let mut watch = registry.watch(SERVICE);
    let _before = listed(&registry, "m-before").await;
    until("the instance", &mut watch, |now| has(now, "m-before")).await;
    let mut control = instance("control");
    control.group = "a\u{1}b".into();
    let foreign = Entry::Listed(instance("x")).to_json().unwrap();
    let huge = vec![b'x'; 10_000_000];
    let rubbish: Vec<(Vec<u8>, Vec<u8>)> = vec![
        (key("huge").into_bytes(), huge.clone()),
        (key("a-huge").into_bytes(), huge),
        (key("z-utf").into_bytes(), vec![0xff, 0xfe, b'{']),
        (key("foreign").into_bytes(), foreign),
        (
            key("control").into_bytes(),
            serde_json::to_vec(&control).unwrap(),
        ),
        (key("null").into_bytes(), b"null".to_vec()),
        (key("").into_bytes(), b"[]".to_vec()),
        (
            [key("").as_bytes(), b"\xff\x00/../x"].concat(),
            b"{}".to_vec(),
        ),
        (key("deep/er").into_bytes(), b"{}".to_vec()),
    ];
    for entry in &rubbish {
        Gateway::of(&etcd).put(std::slice::from_ref(entry)).await;
    }
    let all = |now: &callsheet::registry::Snapshot| {
        assert!(has(now, "m-before"));
        now.skipped().count == rubbish.len()
    };
    until("the count", &mut watch, all).await;
    let _after = listed(&registry, "n-after").await;
    let now = until("the other", &mut watch, |now| has(now, "n-after")).await;
    assert!(matches!(now.freshness(), Freshness::Current));
    // A view that starts with it sees the same.
    let late = connect(&etcd.address()).await.unwrap();
    let now = late.watch(SERVICE).answered().await;
    assert_eq!(now.skipped().count, rubbish.len(), "{:?}", now.skipped());
    assert_eq!(now.instances().len(), 2);
    assert_eq!(late.services().await.unwrap(), [SERVICE]);
}

#[tokio::test]
async fn a_hundred_thousand_entries_hide_nobody() {
    let etcd = Engine::start(Etcd::patient()).await;
    let registry = connect(&etcd.address()).await.unwrap();
    let mut watch = registry.watch(SERVICE);
    for round in 0..10 {
        let entries: Vec<_> = (0..10_000)
            .map(|number| {
                (
                    key(&format!("a{round}-{number}")).into_bytes(),
                    b"{}".to_vec(),
                )
            })
            .collect();
        Gateway::of(&etcd).put(&entries).await;
    }
    let _stays = listed(&registry, "n-stays").await;
    let now = until("the instance", &mut watch, |now| has(now, "n-stays")).await;
    assert_eq!(now.instances().len(), 1);
    // Behind those that are read it would not be found by a list; a record of ours before them is.
    let _before = listed(&registry, "A-before").await;
    let late = connect(&etcd.address()).await.unwrap();
    let mut late = late.watch(SERVICE);
    let now = until("the other", &mut late, |now| has(now, "A-before")).await;
    assert!(now.skipped().count >= 99_999, "{:?}", now.skipped());
}

#[tokio::test]
async fn documents_that_are_none_keep_the_last_good_one() {
    let etcd = Engine::start(Etcd::patient()).await;
    let registry = connect(&etcd.address()).await.unwrap();
    let documents = registry.documents().unwrap();
    let mut watch = documents.watch("limits");
    etcd.etcdctl(&["put", "shop/config/limits", "good = 1"]);
    until("the text", &mut watch, |now| now.document().is_some()).await;
    let long = (b"shop/config/limits".to_vec(), vec![b'x'; 10_000_000]);
    Gateway::of(&etcd).put(&[long]).await;
    let now = until("the refusal", &mut watch, |now| {
        matches!(now.freshness(), Freshness::Stale(_))
    })
    .await;
    assert_eq!(now.document().unwrap().text, "good = 1");
    assert!(documents.get("limits").await.is_err());
    etcd.etcdctl(&["put", "shop/config/limits", "good = 2"]);
    until("the text", &mut watch, |now| {
        now.document()
            .is_some_and(|document| document.text == "good = 2")
    })
    .await;
    assert_eq!(documents.names().await.unwrap(), ["limits"]);
}
