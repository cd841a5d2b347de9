//! What method descriptors carry of a contract.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use callsheet::{
    Balance, Client, Cluster, Code, Compression, FieldPath, MethodDescriptor, Policy, Priority,
    Release, Retry,
};

use crate::rules::Basket;
use crate::rules::v1::{POLICIES, PoliciesClient, PoliciesMock, PoliciesServer};
use crate::shelf::{basket, offer, registry};

fn method(name: &str) -> &'static MethodDescriptor {
    let mut methods = POLICIES.methods.iter();
    methods.find(|method| method.name == name).unwrap()
}

/// What the service says of all its methods.
const DEFAULTS: Policy = Policy::UNSET
    .timeout(Duration::from_secs(2))
    .balance(Balance::Random)
    .limit(9)
    .priority(Priority::Low);

#[test]
fn a_method_has_the_policies_of_its_service() {
    assert_eq!(method("defaults").policy, DEFAULTS);
    assert_eq!(method("defaults").since, Release::new(1, 0));
}

#[test]
fn every_policy_of_a_method_is_carried() {
    let expect = Policy::UNSET
        .idempotent()
        .timeout(Duration::from_micros(1_500))
        .retry(Retry {
            attempts: 3,
            on: &[Code::Unavailable, Code::Aborted],
            backoff: Some((Duration::from_millis(20), Duration::from_secs(1))),
        })
        .hedge(Duration::from_millis(30))
        .balance(Balance::ConsistentHash(FieldPath {
            names: "basket.nested.code",
            numbers: &[1, 14, 2],
        }))
        .cluster(Cluster::Forking(2))
        .limit(7)
        .max_size(4 * 1024 * 1024)
        .compress(Compression::Gzip)
        .priority(Priority::High);
    assert_eq!(method("all").policy, expect);
}

#[test]
fn what_a_policy_leaves_open_stays_open() {
    let some = method("some");
    let expect = DEFAULTS
        .idempotent()
        .retry(Retry {
            attempts: 2,
            on: &[],
            backoff: None,
        })
        .balance(Balance::LeastActive)
        .cluster(Cluster::Failsafe)
        .compress(Compression::Identity);
    assert_eq!(some.policy, expect);
    assert_eq!(some.since, Release::new(1, 1));
}

#[test]
fn a_hash_path_leads_through_protobuf_s_own_messages() {
    let expect = Balance::ConsistentHash(FieldPath {
        names: "wait.seconds",
        numbers: &[5, 1],
    });
    assert_eq!(method("timed").policy.balance, Some(expect));
}

#[tokio::test(start_paused = true)]
async fn calls_with_one_value_at_the_hash_path_go_to_one_instance() {
    let registry = registry().await;
    let calls: [Arc<AtomicUsize>; 3] = Default::default();
    let mut servers = Vec::new();
    for counter in &calls {
        let counter = Arc::clone(counter);
        let mock = PoliciesMock::new().on_timed(move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
            Ok(())
        });
        servers.push(offer(&registry, PoliciesServer::new(mock)).await);
    }
    let client = || PoliciesClient::new(&Client::builder().registry(&registry).build());
    let clients = [client(), client()];
    let mut answering = [0; 3];
    for seconds in 1..=60 {
        for call in 0..4 {
            let wait = prost_types::Duration { seconds, nanos: 7 };
            let request = Basket {
                wait: Some(wait),
                count: call + 1,
                ..basket()
            };
            clients[call as usize % 2].timed(request).await.unwrap();
        }
        let answered = calls
            .each_ref()
            .map(|counter| counter.swap(0, Ordering::Relaxed));
        let home = answered.iter().position(|&count| count == 4);
        answering[home.unwrap_or_else(|| panic!("{seconds} s: {answered:?}"))] += 1;
    }
    assert!(answering.iter().all(|&values| values > 8), "{answering:?}");
    for server in servers {
        server.shutdown().await;
    }
}
