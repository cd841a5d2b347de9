//! What method descriptors carry of a contract.

use std::time::Duration;

use callsheet::{
    Balance, Cluster, Code, Compression, FieldPath, MethodDescriptor, Policy, Priority, Release,
    Retry,
};

use crate::rules::v1::POLICIES;

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
