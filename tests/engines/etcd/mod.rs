//! `etcd:` against a real etcd.

mod access;
mod faults;
mod leader;
mod poison;
mod relay;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use callsheet::registry::{Handle, Instance, Lease, Snapshot, Subscription, View, connect};
use callsheet::testing::registry::{LIMIT, conformance};
use callsheet_tests::engine::Engine;
use callsheet_tests::engine::etcd::Etcd;
use tokio::time::{MissedTickBehavior, interval, timeout};

const SERVICE: &str = "shop.orders.Orders";

#[tokio::test]
async fn etcd_registry_conforms() {
    let etcd = Engine::start(Etcd::default()).await;
    let address = etcd.address();
    conformance(move || {
        let address = address.clone();
        async move { connect(&address).await.unwrap() }
    })
    .await;
}

fn instance(id: &str) -> Instance {
    let mut instance = Instance::new(id, SERVICE);
    instance.addresses = vec!["tcp://127.0.0.1:7000".into()];
    instance
}

async fn listed(registry: &Handle, id: &str) -> Lease {
    let lease = registry.register(vec![instance(id)]).unwrap();
    within("the registration", lease.listed()).await.unwrap();
    lease
}

fn has(snapshot: &Snapshot, id: &str) -> bool {
    snapshot.instance(id).is_some()
}

async fn until<V: View>(
    what: &str,
    watch: &mut Subscription<V>,
    wanted: impl FnMut(&V) -> bool,
) -> Arc<V> {
    within(what, watch.seen(wanted)).await
}

async fn within<T>(what: &str, wait: impl Future<Output = T>) -> T {
    let value = timeout(LIMIT, wait).await;
    value.unwrap_or_else(|_| panic!("{what} did not come within {LIMIT:?}"))
}

/// Asks again and again until the answer is yes: for what only etcd's own command can tell.
async fn eventually(what: &str, mut asked: impl AsyncFnMut() -> bool) {
    let mut ticks = interval(Duration::from_millis(50));
    // The command holds the thread up; what is tested must have its turn between two questions.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    within(what, async {
        loop {
            ticks.tick().await;
            if asked().await {
                return;
            }
        }
    })
    .await;
}

fn key(id: &str) -> String {
    format!("shop/services/{SERVICE}/{id}")
}

/// The numbers of `field` in etcdctl's JSON for these arguments.
fn numbers(etcd: &Engine<Etcd>, arguments: &[&str], field: &str) -> Vec<u64> {
    let arguments = [arguments, &["-w", "json"]].concat();
    let json: serde_json::Value = serde_json::from_str(&etcd.etcdctl(&arguments)).unwrap();
    let mut found = Vec::new();
    collect(&json, field, &mut found);
    found
}

fn collect(json: &serde_json::Value, field: &str, found: &mut Vec<u64>) {
    match json {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_u64() {
                    Some(number) if name == field => found.push(number),
                    _ => collect(value, field, found),
                }
            }
        }
        serde_json::Value::Array(values) => {
            for value in values {
                collect(value, field, found);
            }
        }
        _ => {}
    }
}

/// The lease of an entry.
fn lease_of(etcd: &Engine<Etcd>, id: &str) -> Option<u64> {
    numbers(etcd, &["get", &key(id)], "lease").first().copied()
}
