//! `zookeeper:` against real servers.

mod access;
mod faults;
mod poison;

use std::sync::Arc;
use std::time::Duration;

use callsheet::registry::{
    Freshness, Handle, Instance, Lease, LeaseState, Snapshot, Watch, connect,
};
use callsheet::testing::registry::{LIMIT, conformance};
use callsheet_tests::engine::Engine;
use callsheet_tests::engine::zookeeper::{Ensemble, ZooKeeper};
use tokio::time::{interval, timeout};

const SERVICE: &str = "shop.orders.Orders";

/// Where the entries of the service lie, with the addresses of the tests.
const DIRECTORY: &str = "/shop/services/shop.orders.Orders";

async fn open(address: &str) -> Handle {
    connect(address).await.unwrap()
}

fn instance(id: &str) -> Instance {
    let mut instance = Instance::new(id, SERVICE);
    instance.addresses = vec!["tcp://127.0.0.1:7000".into()];
    instance
}

async fn listed(registry: &Handle, record: &Instance) -> Lease {
    let lease = registry.register(vec![record.clone()]).unwrap();
    timeout(LIMIT, lease.listed()).await.unwrap().unwrap();
    lease
}

async fn until(watch: &mut Watch, wanted: impl FnMut(&Snapshot) -> bool) -> Arc<Snapshot> {
    let seen = timeout(LIMIT, watch.seen(wanted)).await;
    seen.unwrap_or_else(|_| panic!("the view stays {:?}", watch.borrow()))
}

/// Asks again and again until it is so.
async fn soon(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let mut ticks = interval(Duration::from_millis(50));
    let waited = timeout(LIMIT, async {
        while !is().await {
            ticks.tick().await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("{what}"));
}

async fn lost(lease: &Lease) {
    soon("the lease is lost", async || {
        matches!(lease.state(), LeaseState::Lost(_))
    })
    .await;
}

fn is_current(snapshot: &Snapshot) -> bool {
    matches!(snapshot.freshness(), Freshness::Current)
}

fn is_stale(snapshot: &Snapshot) -> bool {
    matches!(snapshot.freshness(), Freshness::Stale(_))
}

#[tokio::test]
async fn zookeeper_registry_conforms() {
    let server = Engine::start(ZooKeeper::default()).await;
    let address = server.address();
    conformance(move || {
        let address = address.clone();
        async move { open(&address).await }
    })
    .await;
}

#[tokio::test]
async fn zookeeper_registry_of_three_servers_conforms() {
    let ensemble = Ensemble::start().await;
    let address = ensemble.address();
    conformance(move || {
        let address = address.clone();
        async move { open(&address).await }
    })
    .await;
}
