//! `redis:` against a real Redis.

mod faults;
mod poison;
mod rights;

use std::sync::Arc;
use std::time::Duration;

use callsheet::registry::{Handle, Instance, Lease, Subscription, View, connect};
use callsheet::testing::registry::{LIMIT, conformance};
use callsheet_tests::engine::Engine;
use callsheet_tests::engine::redis::Redis;
use tokio::time::{interval, timeout};

const SERVICE: &str = "shop.orders.Orders";

/// How often a server is asked for what no watch shows.
const ASKED_EVERY: Duration = Duration::from_millis(20);

async fn conforms(kind: Redis) {
    let redis = Engine::start(kind).await;
    let address = redis.address();
    conformance(move || {
        let address = address.clone();
        async move { connect(&address).await.unwrap() }
    })
    .await;
}

#[tokio::test]
async fn redis_registry_conforms() {
    conforms(Redis::default()).await;
}

#[tokio::test]
async fn redis_registry_conforms_over_tls() {
    let kind = Redis {
        tls: true,
        ..Redis::default()
    };
    conforms(kind).await;
}

fn instance(id: &str) -> Instance {
    let mut instance = Instance::new(id, SERVICE);
    instance.addresses = vec!["tcp://127.0.0.1:7000".into()];
    instance
}

async fn open(redis: &Engine<Redis>) -> Handle {
    connect(&redis.address()).await.unwrap()
}

async fn listed(registry: &Handle, records: Vec<Instance>) -> Lease {
    let lease = registry.register(records).unwrap();
    timeout(LIMIT, lease.listed())
        .await
        .unwrap_or_else(|_| panic!("{:?}", lease.state()))
        .unwrap();
    lease
}

async fn until<V: View + std::fmt::Debug>(
    watch: &mut Subscription<V>,
    wanted: impl FnMut(&V) -> bool,
) -> Arc<V> {
    let seen = timeout(LIMIT, watch.seen(wanted)).await;
    seen.unwrap_or_else(|_| panic!("it stays at {:?}", watch.borrow()))
}

/// Asks again and again until it is so.
async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let mut ticks = interval(ASKED_EVERY);
    let asked = timeout(LIMIT, async {
        while !is_so() {
            ticks.tick().await;
        }
    });
    asked.await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// The last part of the key of an entry, as `redis-cli` takes it.
fn key(id: &str) -> String {
    format!("shop/services/{SERVICE}/{id}")
}
