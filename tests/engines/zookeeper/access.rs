//! Who is let in, and over which wire.

use callsheet::registry::{ErrorKind, Expected, LeaseState};
use callsheet::testing::registry::LIMIT;
use callsheet_tests::engine::Engine;
use callsheet_tests::engine::zookeeper::ZooKeeper;
use tokio::time::timeout;

use super::{SERVICE, instance, is_stale, listed, open, until};
use crate::authority::Authority;

#[tokio::test]
async fn a_wrong_password_is_denied_with_what_to_do_and_never_told() {
    let server = Engine::start(ZooKeeper::default()).await;
    let address = |password: &str| server.address_with(&format!("orders:{password}@"), "&acl=own");
    let registry = open(&address("right-secret")).await;
    let _lease = listed(&registry, &instance("a")).await;
    let other = open(&address("wrong-secret")).await;
    let lease = other.register(vec![instance("b")]).unwrap();
    let LeaseState::Lost(error) = timeout(LIMIT, lease.tried()).await.unwrap() else {
        panic!("it is let in")
    };
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    assert!(error.message().contains("check the password"), "{error}");
    let mut watch = other.watch(SERVICE);
    let refused = until(&mut watch, is_stale).await;
    let documents = other.documents().unwrap();
    let put = documents.put("shop", "x", Expected::Any).await.unwrap_err();
    let services = other.services().await.unwrap_err();
    let said = format!("{error:?} {refused:?} {put:?} {services:?} {other:?} {lease:?}");
    assert!(!said.contains("secret"), "{said}");
    let nobody = open(&server.address()).await;
    let lease = nobody.register(vec![instance("c")]).unwrap();
    let LeaseState::Lost(error) = timeout(LIMIT, lease.tried()).await.unwrap() else {
        panic!("it is let in")
    };
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    assert!(error.message().contains("user:password@"), "{error}");
}

#[tokio::test]
async fn everybody_may_read_what_a_user_lists_and_nobody_else_may_write() {
    let server = Engine::start(ZooKeeper::default()).await;
    let address = server.address_with("orders:secret@", "");
    let registry = open(&address).await;
    let _lease = listed(&registry, &instance("a")).await;
    let nobody = open(&server.address()).await;
    let mut watch = nobody.watch(SERVICE);
    until(&mut watch, |now| now.instance("a").is_some()).await;
    assert_eq!(nobody.services().await.unwrap(), [SERVICE]);
    let lease = nobody.register(vec![instance("b")]).unwrap();
    let LeaseState::Lost(error) = timeout(LIMIT, lease.tried()).await.unwrap() else {
        panic!("it is let in")
    };
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
}

#[tokio::test]
async fn certificates_of_both_sides_are_checked() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    ours.sign("server", "127.0.0.1");
    ours.sign("client", "orders");
    theirs.sign("client", "orders");
    let read = |file: &str| std::fs::read_to_string(ours.file(file)).unwrap();
    let identity = ours.file("identity.pem");
    std::fs::write(&identity, read("server.key") + &read("server.pem")).unwrap();
    let kind = ZooKeeper::default().encrypted(&identity, &ours.file("ca.pem"));
    let server = Engine::start(kind).await;
    let port = server.place().ports()[1];
    let address = |ca: &Authority, client: &Authority| {
        let (cert, key) = (client.file("client.pem"), client.file("client.key"));
        let ca = ca.file("ca.pem");
        format!(
            "zookeeper+tls://127.0.0.1:{port}/shop?session_ms=2000&ca={ca}&cert={cert}&key={key}"
        )
    };
    let registry = open(&address(&ours, &ours)).await;
    let _lease = listed(&registry, &instance("a")).await;
    let mut watch = registry.watch(SERVICE);
    until(&mut watch, |now| now.instance("a").is_some()).await;
    let distrusting = open(&address(&theirs, &ours)).await;
    let error = distrusting.services().await.unwrap_err();
    assert!(error.message().contains("`ca` does not vouch"), "{error}");
    let distrusted = open(&address(&ours, &theirs)).await;
    let error = distrusted.services().await.unwrap_err();
    assert!(error.message().contains("it refuses us"), "{error}");
    let plain = open(&format!(
        "zookeeper://127.0.0.1:{port}/shop?session_ms=2000"
    ))
    .await;
    let error = plain.services().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}
