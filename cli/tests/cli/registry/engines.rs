//! The same on real engines, which ask for a password where that is one setting.

use callsheet_tests::engine::etcd::Etcd;
use callsheet_tests::engine::redis::Redis;
use callsheet_tests::engine::zookeeper::ZooKeeper;
use callsheet_tests::engine::{Engine, Kind};

use super::{Project, SERVICE, Shop, Watching, obeyed, runtime};

const SECRET: &str = "hunter2-geheim";

/// An engine of this kind, and what operators have of it.
fn open<K: Kind>(kind: K) -> (Engine<K>, Shop) {
    let runtime = runtime();
    let engine = runtime.block_on(Engine::start(kind));
    let shop = Shop::at(engine.address(), Project::new(&[]), runtime);
    (engine, shop)
}

/// `ZooKeeper` whose nodes are for one user alone.
fn zookeeper() -> ZooKeeper {
    let login = format!("orders:{SECRET}@");
    ZooKeeper::default().login(&login, "&acl=own")
}

/// Redis that asks for a password.
fn redis() -> Redis {
    let mut redis = Redis::with(&["--requirepass", SECRET]);
    redis.login = format!(":{SECRET}@");
    redis
}

/// Everything that operators do, on an engine of this kind.
fn instances_are_shown_followed_and_steered<K: Kind>(kind: K) {
    let (engine, shop) = open(kind);
    let a = shop.list("a", |instance| instance.zone = Some("eu-1".to_owned()));
    let _b = shop.list("bb", |instance| instance.weight = 7);

    let run = shop.run(&["ls"]);
    assert_eq!(run.status(), 0, "{}", run.err());
    let place = engine.place().endpoint();
    let told = format!("1 service, 2 instances in {}://{place}", K::NAME);
    assert!(run.err().starts_with(&told), "{}", run.err());
    assert!(!run.err().contains(SECRET), "{}", run.err());
    for (line, id) in run.out().lines().skip(1).zip(["a", "bb"]) {
        let cells: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(cells[..3], [SERVICE, id, "live"]);
    }
    let rows = shop.run(&["ls", "--format", "json"]).findings();
    let weights: Vec<_> = rows.iter().map(|row| &row["weight"]).collect();
    assert_eq!(weights, [100, 7]);
    assert_eq!(rows[0]["zone"], "eu-1");

    let mut watching = Watching::start(&shop, &[SERVICE]);
    let mut next = |event: &str, id: &str| {
        assert_eq!(watching.next(), (event.to_owned(), id.to_owned()));
    };
    next("listed", "a");
    next("listed", "bb");
    let run = shop.run(&["weight", SERVICE, "a", "5"]);
    let told = "shop.orders.Orders a: takes calls, weight 5\n";
    assert_eq!((run.status(), run.err()), (0, told));
    next("changed", "a");
    assert_eq!(shop.row("a")["weight"], 5);
    assert_eq!(shop.run(&["drain", SERVICE, "a"]).status(), 0);
    next("drained", "a");
    assert_eq!(shop.row("a")["state"], "drained");
    assert_eq!(shop.run(&["drain", SERVICE, "a", "--undo"]).status(), 0);
    next("joined", "a");
    assert_eq!(shop.run(&["weight", SERVICE, "a", "--clear"]).status(), 0);
    next("changed", "a");
    let row = shop.row("a");
    assert_eq!((&row["weight"], row.get("override")), (&100.into(), None));
    shop.runtime.block_on(a.deregister()).expect("it leaves");
    next("left", "a");
    assert_eq!(shop.row("a")["state"], "left");
    let run = shop.run(&["drain", SERVICE, "a"]);
    assert_eq!(run.status(), 1, "{}", run.err());
}

#[test]
fn etcd_is_shown_followed_and_steered() {
    instances_are_shown_followed_and_steered(Etcd::default());
}

#[test]
fn zookeeper_is_shown_followed_and_steered() {
    instances_are_shown_followed_and_steered(zookeeper());
}

#[test]
fn redis_is_shown_followed_and_steered() {
    instances_are_shown_followed_and_steered(redis());
}

#[test]
fn clients_of_etcd_obey_while_they_run() {
    let (_engine, shop) = open(Etcd::default());
    obeyed::check(&shop);
}

#[test]
fn clients_of_zookeeper_obey_while_they_run() {
    let (_engine, shop) = open(zookeeper());
    obeyed::check(&shop);
}

#[test]
fn clients_of_redis_obey_while_they_run() {
    let (_engine, shop) = open(redis());
    obeyed::check(&shop);
}
