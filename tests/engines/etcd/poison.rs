//! Anybody who may write can put anything anywhere.

use std::fmt::Write as _;

use callsheet::registry::{Entry, Freshness, connect};
use callsheet_tests::engine::Engine;
use callsheet_tests::engine::etcd::Etcd;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{SERVICE, has, instance, key, listed, until};

/// Takes requests of any size.
fn patient() -> Etcd {
    Etcd::with(&["--max-request-bytes=50000000", "--max-txn-ops=10000"])
}

/// Puts entries through the JSON gateway, which takes what the command line would not.
async fn put(etcd: &Engine<Etcd>, entries: &[(Vec<u8>, Vec<u8>)]) {
    let mut steps = String::new();
    for (key, value) in entries {
        let comma = if steps.is_empty() { "" } else { "," };
        let (key, value) = (base64(key), base64(value));
        write!(
            steps,
            r#"{comma}{{"request_put":{{"key":"{key}","value":"{value}"}}}}"#
        )
        .unwrap();
    }
    let answer = post(etcd, "/v3/kv/txn", &format!(r#"{{"success":[{steps}]}}"#)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

async fn post(etcd: &Engine<Etcd>, path: &str, body: &str) -> String {
    let endpoint = etcd.place().endpoint();
    let mut socket = TcpStream::connect(&endpoint).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {endpoint}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group
            .iter()
            .fold(0_usize, |bits, &byte| bits << 8 | usize::from(byte))
            << (8 * (3 - group.len()));
        for digit in 0..4 {
            let index = bits >> (18 - 6 * digit) & 63;
            text.push(if digit <= group.len() {
                char::from(DIGITS[index])
            } else {
                '='
            });
        }
    }
    text
}

#[tokio::test]
async fn rubbish_is_skipped_and_counted_and_the_rest_works() {
    let etcd = Engine::start(patient()).await;
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
        put(&etcd, std::slice::from_ref(entry)).await;
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
    let etcd = Engine::start(patient()).await;
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
        put(&etcd, &entries).await;
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
    let etcd = Engine::start(patient()).await;
    let registry = connect(&etcd.address()).await.unwrap();
    let documents = registry.documents().unwrap();
    let mut watch = documents.watch("limits");
    etcd.etcdctl(&["put", "shop/config/limits", "good = 1"]);
    until("the text", &mut watch, |now| now.document().is_some()).await;
    put(
        &etcd,
        &[(b"shop/config/limits".to_vec(), vec![b'x'; 10_000_000])],
    )
    .await;
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
