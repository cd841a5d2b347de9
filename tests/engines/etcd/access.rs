//! Who may do what, and over which wire.

use std::fs;

use callsheet::registry::{Error, ErrorKind, Expected, Handle, LeaseState, Override, connect};
use callsheet_tests::engine::etcd::Etcd;
use callsheet_tests::engine::{Data, Engine};

use super::{SERVICE, eventually, has, instance, listed, numbers, until, within};
use crate::authority::Authority;

const SECRET: &str = "hunter2-geheim";

/// Lets in `root`, and `orders`, who may do everything below `shop/`, and nobody else.
fn close(etcd: &Engine<Etcd>) {
    for line in [
        "user add root:hunter2-geheim",
        "user grant-role root root",
        "role add shop",
        "role grant-permission shop --prefix=true readwrite shop/",
        "user add orders:hunter2-geheim",
        "user grant-role orders shop",
        "user add guest:hunter2-geheim",
        "role add reads",
        "role grant-permission reads --prefix=true read shop/",
        "user add reader:hunter2-geheim",
        "user grant-role reader reads",
        "auth enable",
    ] {
        if line.ends_with("root root") {
            etcd.try_etcdctl(&["role", "add", "root"]);
        }
        etcd.etcdctl(&line.split(' ').collect::<Vec<_>>());
    }
}

fn address(etcd: &Engine<Etcd>, login: &str) -> String {
    etcd.address()
        .replace("etcd://", &format!("etcd://{login}"))
}

/// How it refuses us. A connection is given up waiting for after a while, which a busy machine may take.
async fn refused(address: &str) -> Error {
    let mut error = None;
    eventually("the refusal", async || {
        error = connect(address).await.err();
        error.is_some()
    })
    .await;
    let error = error.unwrap();
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.contains(SECRET), "{text}");
    }
    error
}

/// Everything that a registry does.
async fn works(registry: &Handle, id: &str) {
    let lease = listed(registry, id).await;
    let mut watch = registry.watch(SERVICE);
    until("the instance", &mut watch, |now| has(now, id)).await;
    let documents = registry.documents().unwrap();
    documents.put(id, "text", Expected::Any).await.unwrap();
    assert_eq!(registry.services().await.unwrap(), [SERVICE]);
    within("the end", lease.deregister()).await.unwrap();
}

#[tokio::test]
async fn wrong_users_are_told_so_at_once_and_the_right_one_may_do_everything() {
    let mut etcd = Engine::start(Etcd::default()).await;
    // Before it asks for users, one with a password is let in like everybody, and stays so when it does.
    let early = connect(&address(&etcd, &format!("orders:{SECRET}@")))
        .await
        .unwrap();
    let lease = listed(&early, "early").await;
    close(&etcd);

    let wrong = refused(&address(&etcd, "orders:nonsense@")).await;
    assert_eq!(wrong.kind(), ErrorKind::Denied);
    insta::assert_snapshot!(wrong.message(), @"etcd does not accept the user and password: check those of the address");
    let nobody = refused(&etcd.address()).await;
    assert_eq!(nobody.kind(), ErrorKind::Denied);
    insta::assert_snapshot!(nobody.message(), @"etcd lets nobody in without a name: write `etcd://user:password@…`");
    let guest = refused(&address(&etcd, &format!("guest:{SECRET}@"))).await;
    assert_eq!(guest.kind(), ErrorKind::Denied);
    insta::assert_snapshot!(guest.message(), @"the user may not do that: `etcdctl role grant-permission ROLE --prefix=true readwrite shop/` (servers), `… read shop/` (clients)");

    let registry = connect(&address(&etcd, &format!("orders:{SECRET}@")))
        .await
        .unwrap();
    works(&registry, "a").await;
    let shown = format!("{registry:?} {}", registry.address());
    assert!(!shown.contains(SECRET), "{shown}");

    // Who may only read sees everything and changes nothing, and is told what it lacks.
    let reader = connect(&address(&etcd, &format!("reader:{SECRET}@")))
        .await
        .unwrap();
    let mut seen = reader.watch(SERVICE);
    until("the early one", &mut seen, |now| has(now, "early")).await;
    let refused = reader.register(vec![instance("b")]).unwrap();
    let LeaseState::Lost(error) = within("an answer", refused.tried()).await else {
        panic!("it may not write")
    };
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    let steered = reader.steer(Override::new("early", SERVICE)).await;
    assert_eq!(steered.unwrap_err().kind(), ErrorKind::Denied);
    let documents = reader.documents().unwrap();
    let put = documents.put("a", "mine", Expected::Any).await;
    assert_eq!(put.unwrap_err().kind(), ErrorKind::Denied);

    // A restart forgets all tokens.
    etcd.restart(Data::Same).await;
    works(&registry, "b").await;
    within("the registration", lease.listed()).await.unwrap();
    let mut watch = early.watch(SERVICE);
    until("the early one", &mut watch, |now| has(now, "early")).await;
}

#[tokio::test]
async fn a_token_that_has_run_out_is_renewed() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("key");
    fs::write(&secret, "signs the tokens of this test").unwrap();
    let token = format!("jwt,sign-method=HS256,ttl=2s,priv-key={}", secret.display());
    let etcd = Engine::start(Etcd::with(&["--auth-token", &token])).await;
    close(&etcd);
    let registry = connect(&address(&etcd, &format!("orders:{SECRET}@")))
        .await
        .unwrap();
    let lease = listed(&registry, "a").await;
    let mut watch = registry.watch(SERVICE);
    until("the instance", &mut watch, |now| has(now, "a")).await;
    let me = ["--user", &format!("root:{SECRET}"), "get", &super::key("a")];
    // Its owner looks at its entry every few seconds: the third time its first token is long past.
    for _ in 0..3 {
        let created = || numbers(&etcd, &me, "create_revision");
        let before = created();
        etcd.etcdctl(&[me[0], me[1], "del", me[3]]);
        eventually("the entry", async || {
            let now = created();
            !now.is_empty() && now != before
        })
        .await;
    }
    works(&registry, "b").await;
    assert!(matches!(lease.state(), LeaseState::Listed));
}

#[tokio::test]
async fn certificates_of_both_sides_are_checked() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    ours.sign("server", "127.0.0.1");
    ours.sign("client", "orders");
    theirs.sign("client", "orders");
    let options = |ca: &Authority, client: &Authority| {
        let (cert, key) = (client.file("client.pem"), client.file("client.key"));
        format!("?ca={}&cert={cert}&key={key}", ca.file("ca.pem"))
    };
    let mut kind = Etcd::with(&[
        "--client-cert-auth",
        "--cert-file",
        &ours.file("server.pem"),
        "--key-file",
        &ours.file("server.key"),
        "--trusted-ca-file",
        &ours.file("ca.pem"),
    ]);
    kind.tls = Some(options(&ours, &ours));
    let etcd = Engine::start(kind).await;
    let registry = connect(&etcd.address()).await.unwrap();
    works(&registry, "a").await;

    let (plain, _) = etcd
        .address()
        .split_once('?')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    let with = |options: &str| format!("{plain}{options}");
    for (stranger, told) in [
        (
            options(&theirs, &ours),
            "shows a certificate that `ca` does not vouch for",
        ),
        (options(&ours, &theirs), "refuses us"),
        (format!("?ca={}", ours.file("ca.pem")), "refuses us"),
    ] {
        let error = refused(&with(&stranger)).await;
        assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
        assert!(error.message().contains(told), "{error}");
    }
    for (mistake, told) in [
        (String::new(), "TLS needs `?ca=FILE`"),
        (format!("?ca={}&cert=x", ours.file("ca.pem")), "go together"),
        (format!("?ca={}", ours.file("no.pem")), "no.pem"),
        (format!("?ca={}", ours.file("server.key")), "no certificate"),
    ] {
        let error = connect(&with(&mistake)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Address, "{error}");
        assert!(error.message().contains(told), "{error}");
    }
    let open = with("").replace("etcd+tls", "etcd");
    let error = connect(&format!("{open}?ca=x")).await.unwrap_err();
    assert!(error.message().contains("etcd+tls://"), "{error}");
}
