//! `etcd:` against a real etcd.

use callsheet::registry::connect;
use callsheet::testing::registry::conformance;
use callsheet_tests::engine::Engine;
use callsheet_tests::engine::etcd::Etcd;

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
