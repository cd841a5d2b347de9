//! Registries as processes meet them: the conformance suite on every back end, and the `file:` registry under faults.

#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

mod faults;
mod poison;
mod processes;

use callsheet::registry::{ErrorKind, File, Handle, Memory, connect};
use callsheet::testing::registry::conformance;

#[tokio::test]
async fn memory_registry_conforms() {
    let registry = Memory::new();
    conformance(move || {
        let handle = Handle::new(registry.clone());
        async { handle }
    })
    .await;
}

#[tokio::test]
async fn file_registry_conforms() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_owned();
    conformance(move || {
        let path = path.clone();
        async move { Handle::new(File::open(path).await.unwrap()) }
    })
    .await;
}

#[tokio::test]
async fn memory_registry_found_by_name_conforms() {
    conformance(|| async { connect("memory:conformance").await.unwrap() }).await;
}

#[tokio::test]
async fn two_registries_joined_conform() {
    let directory = tempfile::tempdir().unwrap();
    let address = format!(
        "memory:joined-conformance | file:{}",
        directory.path().display()
    );
    conformance(move || {
        let address = address.clone();
        async move { connect(&address).await.unwrap() }
    })
    .await;
}

#[tokio::test]
async fn static_registry_conforms_as_far_as_a_list_can() {
    let registry = connect("static:tcp://127.0.0.1:7000,tcp://127.0.0.1:7001;release=1.1")
        .await
        .unwrap();
    let mut watch = registry.watch("shop.orders.Orders");
    let snapshot = watch.answered().await;
    assert_eq!(snapshot.instances().len(), 2);
    assert!(snapshot.instances().iter().all(|one| one.check().is_ok()));
    let refused = registry.register(Vec::new()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
}
