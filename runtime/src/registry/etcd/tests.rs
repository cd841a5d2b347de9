//! What a real etcd does only rarely, said by one that does it whenever it is asked to.

mod fake;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use prost::Message as _;
use tokio::runtime;

use super::super::{Entry, Instance, Snapshot, Subscription};
use super::api::{
    AuthenticateAnswer, Event, Header, KeyValue, Range, RangeAnswer, WATCH, WatchAnswer,
};
use super::cluster::Login;
use super::follow::Follows;
use super::keys::Keys;
use super::list::{Part, Visit, list};
use super::table::{KeySet, ServiceTable};
use fake::{Reply, cluster, nobody, start};

const SERVICE: &str = "shop.orders.Orders";

fn page(revision: i64, kvs: Vec<KeyValue>, more: bool) -> Reply {
    Reply::one(&RangeAnswer {
        header: Some(Header { revision }),
        kvs,
        more,
        count: 0,
    })
}

fn entry(id: &str) -> KeyValue {
    let mut instance = Instance::new(id, SERVICE);
    instance.addresses = vec!["tcp://h:1".into()];
    KeyValue {
        key: Keys::new("shop").instance(&instance),
        value: Entry::Listed(instance).to_json().unwrap().into(),
        ..KeyValue::default()
    }
}

fn put(ids: &[&str], fragment: bool) -> WatchAnswer {
    let event = |id: &&str| Event {
        kind: 0,
        kv: Some(entry(id)),
    };
    WatchAnswer {
        fragment,
        events: ids.iter().map(event).collect(),
        ..WatchAnswer::default()
    }
}

/// Answers lists with nothing in them, and watches with what `watch` says to the first, second, … of them; counts the
/// lists.
async fn followed(
    lists: &Arc<AtomicUsize>,
    watch: impl Fn(usize) -> Reply + Send + Sync + 'static,
) -> Subscription<Snapshot> {
    let (counted, watches) = (Arc::clone(lists), AtomicUsize::new(0));
    let server = start(move |head, _| {
        if head.uri.path() == WATCH {
            return watch(watches.fetch_add(1, Ordering::Relaxed));
        }
        counted.fetch_add(1, Ordering::Relaxed);
        page(5, Vec::new(), false)
    })
    .await;
    let cluster = cluster(vec![server], None, 0);
    let follows = Arc::new(Follows::default());
    let span = Keys::new("shop").service(SERVICE).unwrap();
    let table = ServiceTable::new(SERVICE, span.start.len());
    let runtime = runtime::Handle::current();
    follows.watch(&cluster, &runtime, SERVICE, (span, table))
}

#[tokio::test]
async fn a_change_in_several_pieces_is_shown_in_one() {
    let lists = Arc::default();
    let mut watch = followed(&lists, |_| {
        Reply::open(&[put(&["a"], true), put(&["b"], true), put(&["c"], false)])
    })
    .await;
    let seen = watch.seen(|now| now.instances().len() == 3).await;
    assert_eq!(seen.revision(), 2, "nothing, then all of it");
}

#[tokio::test]
async fn a_watch_that_is_compacted_or_ends_or_says_too_much_is_followed_by_a_list_and_another() {
    let lists: Arc<AtomicUsize> = Arc::default();
    let mut watch = followed(&lists, |count| match count {
        0 => Reply::open(&[WatchAnswer {
            canceled: true,
            compact_revision: 9,
            cancel_reason: "compacted".into(),
            ..WatchAnswer::default()
        }]),
        1 => Reply::failure(14, "etcdserver: no leader"),
        2 => Reply::endless(50_000_000),
        _ => Reply::open(&[put(&["a"], false)]),
    })
    .await;
    let seen = watch.seen(|now| now.instance("a").is_some()).await;
    assert_eq!(seen.revision(), 2);
    assert!(lists.load(Ordering::Relaxed) >= 4);
}

#[tokio::test]
async fn a_silent_watch_is_followed_by_a_list_and_another() {
    let lists: Arc<AtomicUsize> = Arc::default();
    let mut watch = followed(&lists, |count| match count {
        0 => Reply::open(&[] as &[WatchAnswer]),
        _ => Reply::open(&[put(&["a"], false)]),
    })
    .await;
    watch.seen(|now| now.instance("a").is_some()).await;
    assert!(lists.load(Ordering::Relaxed) >= 2);
}

/// What a list finds.
#[derive(Default)]
struct Found(Vec<String>);

impl Visit for Found {
    fn clear(&mut self) {
        self.0.clear();
    }

    fn put(&mut self, entry: KeyValue) {
        self.0
            .push(String::from_utf8_lossy(&entry.key).into_owned());
    }

    fn too_large(&mut self, key: Bytes, bytes: usize) {
        let key = String::from_utf8_lossy(&key);
        self.0.push(format!("{key}: {bytes}"));
    }

    fn unread(&mut self, _: usize) {}
}

#[tokio::test]
async fn only_what_is_too_large_is_missing_from_a_list() {
    let all: Vec<Bytes> = (0..20)
        .map(|n| format!("shop/services/S/{n:02}").into())
        .collect();
    let huge = Bytes::from_static(b"shop/services/S/13");
    let server = start(move |_, message| {
        let request = Range::decode(message).unwrap();
        let mut keys = all.iter().filter(|key| **key >= request.key);
        let limit = usize::try_from(request.limit).unwrap();
        let asked: Vec<_> = keys.by_ref().take(limit).cloned().collect();
        if asked.contains(&huge) && !request.keys_only {
            return Reply::endless(10_000_000);
        }
        let kvs = asked.into_iter().map(|key| KeyValue {
            key,
            ..KeyValue::default()
        });
        page(5, kvs.collect(), keys.next().is_some())
    })
    .await;
    let span = Keys::new("shop").service("S").unwrap();
    let mut found = Found::default();
    let revision = list(
        &cluster(vec![server], None, 0),
        &span,
        Part::Whole,
        &mut found,
    )
    .await;
    assert_eq!(revision.unwrap(), 5);
    let expected = (0..20).map(|n| match n {
        13 => "shop/services/S/13: 10000000".to_owned(),
        _ => format!("shop/services/S/{n:02}"),
    });
    assert_eq!(found.0, expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn a_list_whose_revision_is_compacted_begins_anew() {
    let compacted = AtomicUsize::new(0);
    let server = start(move |_, message| {
        let request = Range::decode(message).unwrap();
        let (first, moment) = (request.revision == 0, request.revision);
        if moment == 5 {
            compacted.store(1, Ordering::Relaxed);
            return Reply::failure(11, "etcdserver: mvcc: required revision has been compacted");
        }
        let now = if compacted.load(Ordering::Relaxed) == 0 {
            5
        } else {
            9
        };
        assert!(first || moment == 9, "pages are of one moment");
        let entry = KeyValue {
            key: format!("shop/services/S/{now}{first}").into(),
            ..KeyValue::default()
        };
        page(now, vec![entry], first)
    })
    .await;
    let span = Keys::new("shop").service("S").unwrap();
    let mut found = KeySet::default();
    let revision = list(
        &cluster(vec![server], None, 0),
        &span,
        Part::Whole,
        &mut found,
    )
    .await;
    assert_eq!(revision.unwrap(), 9);
    let keys: Vec<_> = found
        .0
        .iter()
        .map(|key| String::from_utf8_lossy(key))
        .collect();
    assert_eq!(keys, ["shop/services/S/9false", "shop/services/S/9true"]);
}

#[tokio::test]
async fn a_token_is_asked_for_once_and_again_when_it_is_refused() {
    let log: Arc<Mutex<Vec<String>>> = Arc::default();
    let written = Arc::clone(&log);
    let server = start(move |head, _| {
        let token = head
            .headers
            .get("token")
            .map_or("-", |token| token.to_str().unwrap());
        let mut log = written.lock().unwrap();
        let method = head.uri.path().rsplit('/').next().unwrap_or_default();
        log.push(format!("{method} {token}"));
        match (method, token) {
            ("Authenticate", _) => {
                let count = log.iter().filter(|line| line.starts_with("Auth")).count();
                Reply::one(&AuthenticateAnswer {
                    token: format!("t{count}"),
                })
            }
            (_, "t1") => Reply::failure(16, "etcdserver: invalid auth token"),
            _ => Reply::one(&RangeAnswer::default()),
        }
    })
    .await;
    let login = Login {
        user: "orders".into(),
        password: "hunter2".into(),
    };
    let cluster = cluster(vec![server], Some(login), 0);
    for _ in 0..2 {
        cluster.call(&Range::default()).await.unwrap();
    }
    assert_eq!(
        *log.lock().unwrap(),
        [
            "Authenticate -",
            "Range t1",
            "Authenticate -",
            "Range t2",
            "Range t2"
        ]
    );
}

#[tokio::test]
async fn endpoints_are_tried_until_one_answers_wherever_it_begins() {
    let server = start(|_, _| Reply::one(&RangeAnswer::default())).await;
    for seed in 0..8 {
        let endpoints = vec![nobody().await, server.clone(), nobody().await];
        let cluster = cluster(endpoints, None, seed);
        cluster.call(&Range::default()).await.unwrap();
    }
    let gone = nobody().await;
    let fault = cluster(vec![gone.clone()], None, 0)
        .call(&Range::default())
        .await;
    let told = fault.unwrap_err().to_string();
    assert!(
        told.starts_with(&format!("{gone} cannot be reached")),
        "{told}"
    );
}

#[tokio::test]
async fn a_request_that_one_member_cannot_serve_goes_to_the_next_and_stays_there() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let alone = start(move |_, _| {
        counted.fetch_add(1, Ordering::Relaxed);
        Reply::failure(14, "etcdserver: no leader")
    })
    .await;
    let healthy = start(|_, _| Reply::one(&RangeAnswer::default())).await;
    for seed in 0..8 {
        let cluster = cluster(vec![alone.clone(), healthy.clone()], None, seed);
        let before = asked.load(Ordering::Relaxed);
        for _ in 0..3 {
            cluster.call(&Range::default()).await.unwrap();
        }
        assert!(asked.load(Ordering::Relaxed) <= before + 1);
    }
    assert!(asked.load(Ordering::Relaxed) > 0, "some begin there");
}
