//! `zookeeper:` against real servers.

use callsheet::registry::{Handle, connect};
use callsheet::testing::registry::conformance;
use callsheet_tests::engine::Engine;
use callsheet_tests::engine::zookeeper::ZooKeeper;

async fn open(address: &str) -> Handle {
    connect(address).await.unwrap()
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
