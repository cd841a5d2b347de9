//! Who may do what: passwords and users, told without a secret.

use callsheet::registry::{ErrorKind, LeaseState};
use callsheet_tests::engine::Engine;
use callsheet_tests::engine::redis::Redis;

use super::*;
use crate::authority::Authority;

const PASSWORD: &str = "hunter2:@/%";
const ENCODED: &str = "hunter2%3A%40%2F%25";

const MANUAL: &str = include_str!("../../../docs/discovery.md");

/// What the manual tells to allow to the user that it calls so.
fn rights(user: &str) -> &'static str {
    let line = format!("ACL SETUSER {user} on >… ");
    let (_, rights) = MANUAL.split_once(&line).expect("the manual has the line");
    rights.lines().next().expect("and it says something")
}

fn user(name: &str, rights: &str) -> Redis {
    let mut arguments = vec!["--user", name, "on", ">secret"];
    arguments.extend(rights.split_whitespace());
    Redis {
        login: format!("{name}:secret@"),
        ..Redis::with(&arguments)
    }
}

#[tokio::test]
async fn a_wrong_password_is_denied_with_what_to_do_and_no_secret() {
    let mut kind = Redis::with(&["--requirepass", PASSWORD]);
    kind.login = format!(":{ENCODED}@");
    let redis = Engine::start(kind).await;
    let registry = open(&redis).await;
    assert!(!format!("{registry:?} {}", registry.address()).contains("hunter2"));
    let lease = listed(&registry, vec![instance("a")]).await;
    lease.deregister().await.unwrap();
    let endpoint = redis.place().endpoint();
    for (login, what) in [
        (":hunter3@", "check `user:password@`"),
        ("shop:hunter3@", "check `user:password@`"),
        ("", "asks for a password"),
    ] {
        let error = connect(&format!("redis://{login}{endpoint}/shop"))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
        assert!(error.message().contains(what), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter"), "{error}");
    }
}

#[tokio::test]
async fn a_password_that_changes_is_told_by_the_lease() {
    let mut kind = Redis::with(&["--requirepass", "old-secret"]);
    kind.login = ":old-secret@".into();
    let redis = Engine::start(kind).await;
    let registry = open(&redis).await;
    redis.cli(&[
        "-a",
        "old-secret",
        "--no-auth-warning",
        "CONFIG",
        "SET",
        "requirepass",
        "new",
    ]);
    let lease = registry.register(vec![instance("a")]).unwrap();
    let LeaseState::Lost(error) = lease.tried().await else {
        panic!("{:?}", lease.state())
    };
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    assert!(!format!("{error:?}").contains("old-secret"), "{error:?}");
}

#[tokio::test]
async fn a_user_with_what_the_manual_names_has_enough() {
    super::conforms(user("servers", rights("shop"))).await;
}

#[tokio::test]
async fn clients_need_not_be_able_to_change_anything() {
    let redis = Engine::start(user("clients", rights("reader"))).await;
    let server = connect(&format!("redis://{}/shop", redis.place().endpoint()))
        .await
        .unwrap();
    let lease = listed(&server, vec![instance("a")]).await;
    let client = open(&redis).await;
    let mut watch = client.watch(SERVICE);
    until(&mut watch, |now| now.instances().len() == 1).await;
    assert_eq!(client.services().await.unwrap(), [SERVICE]);
    assert_eq!(client.documents().unwrap().get("x").await.unwrap(), None);
    let refused = client.register(vec![instance("b")]).unwrap();
    let LeaseState::Lost(error) = refused.tried().await else {
        panic!("{:?}", refused.state())
    };
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    lease.deregister().await.unwrap();
    until(&mut watch, |now| now.has_left("a")).await;
}

#[tokio::test]
async fn a_database_that_is_not_there_is_told() {
    let redis = Engine::start(Redis {
        options: "?db=3".into(),
        ..Redis::default()
    })
    .await;
    let registry = open(&redis).await;
    let lease = listed(&registry, vec![instance("a")]).await;
    assert_eq!(redis.cli(&["-n", "3", "EXISTS", &key("a")]), "1");
    lease.deregister().await.unwrap();
    let error = connect(&format!("redis://{}?db=99", redis.place().endpoint()))
        .await
        .unwrap_err();
    assert!(error.message().contains("no such database"), "{error}");
}

#[tokio::test]
async fn certificates_of_both_sides_are_checked() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    ours.sign("server", "127.0.0.1");
    ours.sign("client", "orders");
    theirs.sign("client", "orders");
    let files = ["server.pem", "server.key", "ca.pem"].map(|name| ours.file(name));
    let redis = Engine::start(Redis {
        tls: true,
        ..Redis::with(&[
            "--tls-auth-clients",
            "yes",
            "--tls-cert-file",
            &files[0],
            "--tls-key-file",
            &files[1],
            "--tls-ca-cert-file",
            &files[2],
        ])
    })
    .await;
    let endpoint = redis.place().endpoint();
    let address = |ca: &Authority, client: &Authority| {
        let (cert, key) = (client.file("client.pem"), client.file("client.key"));
        let ca = ca.file("ca.pem");
        format!("redis+tls://{endpoint}/shop?ca={ca}&cert={cert}&key={key}")
    };
    let registry = connect(&address(&ours, &ours)).await.unwrap();
    let lease = listed(&registry, vec![instance("a")]).await;
    lease.deregister().await.unwrap();
    let nameless = format!("redis+tls://{endpoint}/shop?ca={}", ours.file("ca.pem"));
    for (stranger, told) in [
        (address(&theirs, &ours), "`ca` does not vouch for"),
        (address(&ours, &theirs), "refuses us"),
        (nameless, "refuses us"),
    ] {
        let error = connect(&stranger).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
        assert!(error.message().contains(told), "{error}");
    }
    let plain = connect(&format!("redis://{endpoint}/shop")).await.unwrap();
    let error = plain.services().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}

#[tokio::test]
async fn a_server_of_a_cluster_is_refused_by_name() {
    let cluster = Engine::start(Redis::with(&["--cluster-enabled", "yes"])).await;
    let error = connect(&cluster.address()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(
        error.message().contains("part of a Redis Cluster"),
        "{error}"
    );
}
