//! Names followed at a server that really answers.

use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::{Name, RecordType};
use proptest::prelude::*;

use super::reply::Reply;
use super::server::{Say, Server, a, aaaa, alias, srv};
use super::{Dns, Terms};
use crate::registry::{ErrorKind, Freshness, Instance, Registry as _, Snapshot, Watch, connect};

/// As short as a machine with much to do can keep.
const TERMS: Terms = Terms {
    floor: Duration::from_millis(20),
    ceiling: Duration::from_millis(40),
    limit: Duration::from_millis(500),
};

const HOST: &str = "orders.test";
const SERVICE: &str = "_orders._tcp.shop.test";

fn dns(rest: &str, servers: &[&Server]) -> Dns {
    let mut address = rest.to_owned();
    for server in servers {
        address = format!("{address};server={}", server.address);
    }
    Dns::with(&address, TERMS, 1).unwrap()
}

fn places(view: &Snapshot) -> Vec<&str> {
    let addresses = view.instances().iter().flat_map(|one| &one.addresses);
    addresses.map(String::as_str).collect()
}

async fn until(watch: &mut Watch, expected: &[&str]) -> Arc<Snapshot> {
    watch
        .seen(|view| matches!(view.freshness(), Freshness::Current) && places(view) == expected)
        .await
}

/// Waits until the registry is doubted, and says why.
async fn doubt(watch: &mut Watch) -> (Arc<Snapshot>, String) {
    let stale = |view: &Snapshot| matches!(view.freshness(), Freshness::Stale(_));
    let view = watch.seen(stale).await;
    let Freshness::Stale(error) = view.freshness() else {
        panic!("{view:?}")
    };
    (Arc::clone(&view), error.to_string())
}

#[tokio::test]
async fn every_address_is_an_instance_with_the_settings_of_the_name() {
    let server = Server::start().await;
    server.host(HOST, 30, &[[10, 0, 0, 1], [10, 0, 0, 2]]);
    server.say(
        HOST,
        RecordType::AAAA,
        Say::Records(vec![aaaa(HOST, 30, "fd00::1")], Vec::new()),
    );
    let dns = dns(
        "orders.test:7000;release=1.1;zone=a;tag.lane=blue;weight=7",
        &[&server],
    );
    let view = dns.watch("S").answered().await;
    let shown: Vec<String> = view
        .instances()
        .iter()
        .map(|instance| serde_json::to_string(&**instance).unwrap())
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    {"id":"dns-10.0.0.1-7000","service":"S","addresses":["tcp://10.0.0.1:7000"],"group":"default","releases":["1.1"],"weight":7,"zone":"a","tags":{"lane":"blue"},"started_unix_ms":0,"contract":0}
    {"id":"dns-10.0.0.2-7000","service":"S","addresses":["tcp://10.0.0.2:7000"],"group":"default","releases":["1.1"],"weight":7,"zone":"a","tags":{"lane":"blue"},"started_unix_ms":0,"contract":0}
    {"id":"dns-fd00__1-7000","service":"S","addresses":["tcp://[fd00::1]:7000"],"group":"default","releases":["1.1"],"weight":7,"zone":"a","tags":{"lane":"blue"},"started_unix_ms":0,"contract":0}
    "#);
}

#[tokio::test]
async fn what_changes_is_seen_when_its_time_is_up_also_behind_an_alias() {
    let server = Server::start().await;
    server.host(HOST, 0, &[[10, 0, 0, 1]]);
    let dns = dns("orders.test:1", &[&server]);
    let mut watch = dns.watch("S");
    until(&mut watch, &["tcp://10.0.0.1:1"]).await;
    let behind = vec![
        alias(HOST, 0, "a.test"),
        alias("a.test", 0, "b.test"),
        a("b.test", 0, [10, 0, 0, 2]),
        a("other.test", 0, [10, 0, 0, 9]),
    ];
    server.say(HOST, RecordType::A, Say::Records(behind, Vec::new()));
    until(&mut watch, &["tcp://10.0.0.2:1"]).await;
    // Names in circles lead nowhere.
    let circle = vec![alias(HOST, 0, "a.test"), alias("a.test", 0, HOST)];
    server.say(HOST, RecordType::A, Say::Records(circle, Vec::new()));
    let (view, why) = doubt(&mut watch).await;
    assert_eq!(places(&view), ["tcp://10.0.0.2:1"]);
    assert!(why.contains("`orders.test` has no addresses"), "{why}");
}

#[tokio::test]
async fn a_name_without_records_and_a_server_without_answer_take_nobody_off() {
    let server = Server::start().await;
    server.host(HOST, 0, &[[10, 0, 0, 1]]);
    let dns = dns("orders.test:1", &[&server]);
    let mut watch = dns.watch("S");
    for (say, told) in [
        (Say::Code(3), "has no addresses"),
        (Say::Records(Vec::new(), Vec::new()), "has no addresses"),
        (Say::Code(2), "SERVFAIL"),
        (Say::Code(5), "REFUSED"),
        (Say::Noise, "its answer is broken"),
        (Say::Silence, "does not answer in time"),
    ] {
        server.host(HOST, 0, &[[10, 0, 0, 1]]);
        until(&mut watch, &["tcp://10.0.0.1:1"]).await;
        server.say(HOST, RecordType::A, say.clone());
        server.say(HOST, RecordType::AAAA, say.clone());
        let (view, why) = doubt(&mut watch).await;
        assert_eq!(places(&view), ["tcp://10.0.0.1:1"], "{say:?}");
        assert!(why.contains(told), "{say:?}: {why}");
    }
}

#[tokio::test]
async fn a_name_that_never_had_records_is_told_with_why() {
    let server = Server::start().await;
    let (view, why) = doubt(&mut dns("orders.test:1", &[&server]).watch("S")).await;
    assert!(view.instances().is_empty());
    assert_eq!(
        why,
        format!(
            "registry `dns:orders.test:1;server={}`: `orders.test` has no addresses in DNS",
            server.address
        )
    );
    let (_, why) = doubt(&mut dns(SERVICE, &[&server]).watch("S")).await;
    assert!(why.contains("has no SRV records in DNS"), "{why}");
}

#[tokio::test]
async fn a_family_of_addresses_that_nobody_tells_of_is_as_it_was() {
    let server = Server::start().await;
    let six = Say::Records(vec![aaaa(HOST, 0, "fd00::1")], Vec::new());
    server.host(HOST, 0, &[[10, 0, 0, 1]]);
    server.say(HOST, RecordType::AAAA, six);
    let dns = dns("orders.test:1", &[&server]);
    let mut watch = dns.watch("S");
    until(&mut watch, &["tcp://10.0.0.1:1", "tcp://[fd00::1]:1"]).await;
    server.say(HOST, RecordType::AAAA, Say::Code(2));
    server.say(
        HOST,
        RecordType::A,
        Say::Records(vec![a(HOST, 0, [10, 0, 0, 2])], Vec::new()),
    );
    until(&mut watch, &["tcp://10.0.0.2:1", "tcp://[fd00::1]:1"]).await;
    server.say(HOST, RecordType::AAAA, Say::Code(3));
    until(&mut watch, &["tcp://10.0.0.2:1"]).await;
}

#[tokio::test]
async fn the_next_server_is_asked_where_one_fails_or_is_silent() {
    for say in [Say::Code(2), Say::Silence, Say::Noise] {
        let (bad, good) = (Server::start().await, Server::start().await);
        bad.say(HOST, RecordType::A, say.clone());
        bad.say(HOST, RecordType::AAAA, say);
        good.host(HOST, 30, &[[10, 0, 0, 1]]);
        let dns = dns("orders.test:1", &[&bad, &good]);
        until(&mut dns.watch("S"), &["tcp://10.0.0.1:1"]).await;
    }
}

#[tokio::test]
async fn answers_that_do_not_fit_come_over_tcp_and_old_servers_are_understood() {
    let server = Server::start().await;
    let many: Vec<[u8; 4]> = (1..=200).map(|last| [10, 0, 0, last]).collect();
    server.host(HOST, 30, &many);
    let view = dns("orders.test:1", &[&server]).watch("S").answered().await;
    assert_eq!(view.instances().len(), 200);
    server.old();
    let view = dns("orders.test:1", &[&server]).watch("S").answered().await;
    assert_eq!(view.instances().len(), 200);
}

#[tokio::test]
async fn an_answer_with_a_guessed_id_is_not_believed() {
    let server = Server::start().await;
    server.forged();
    server.host(HOST, 30, &[[10, 0, 0, 1]]);
    let view = dns("orders.test:1", &[&server]).watch("S").answered().await;
    assert_eq!(places(&view), ["tcp://10.0.0.1:1"]);
}

fn shown(view: &Snapshot) -> String {
    let line = |one: &Arc<Instance>| {
        format!(
            "{} {} {:?} {:?}",
            one.id, one.weight, one.tags, one.addresses
        )
    };
    let lines: Vec<String> = view.instances().iter().map(line).collect();
    lines.join("\n")
}

#[tokio::test]
async fn places_of_a_service_have_weights_and_wait_behind_better_ones() {
    let server = Server::start().await;
    let records = vec![
        srv(SERVICE, 30, [10, 60, 7000], "a.test"),
        srv(SERVICE, 30, [10, 20, 7001], "b.test"),
        srv(SERVICE, 30, [20, 50, 7002], "a.test"),
        srv(SERVICE, 30, [10, 1, 7003], "nowhere.test"),
    ];
    // The addresses of one come along, those of the other are asked for.
    let along = vec![
        a("a.test", 30, [10, 0, 0, 1]),
        a("evil.test", 30, [6, 6, 6, 6]),
    ];
    server.say(SERVICE, RecordType::SRV, Say::Records(records, along));
    server.host("b.test", 30, &[[10, 0, 0, 2]]);
    let dns = dns(&format!("{SERVICE};zone=z"), &[&server]);
    let view = dns.watch("S").answered().await;
    insta::assert_snapshot!(shown(&view), @r#"
    dns-a.test-7000 600 {"priority": "10"} ["tcp://10.0.0.1:7000"]
    dns-a.test-7002 0 {"priority": "20"} ["tcp://10.0.0.1:7002"]
    dns-b.test-7001 200 {"priority": "10"} ["tcp://10.0.0.2:7001"]
    "#);
    assert_eq!(view.skipped().count, 1);
    assert_eq!(
        view.skipped().example.as_deref(),
        Some("`nowhere.test` has no addresses in DNS")
    );
}

#[tokio::test]
async fn places_behind_an_alias_are_places() {
    let server = Server::start().await;
    let behind = "_orders._tcp.eu.test";
    let records = vec![
        alias(SERVICE, 30, behind),
        srv(behind, 30, [1, 1, 7000], "a.test"),
    ];
    server.say(
        SERVICE,
        RecordType::SRV,
        Say::Records(records, vec![a("a.test", 30, [10, 0, 0, 1])]),
    );
    let dns = dns(SERVICE, &[&server]);
    until(&mut dns.watch("S"), &["tcp://10.0.0.1:7000"]).await;
}

#[tokio::test]
async fn a_target_without_answer_keeps_its_address_and_one_without_record_is_gone() {
    let server = Server::start().await;
    let of = |targets: &[&str]| {
        let records = targets
            .iter()
            .map(|target| srv(SERVICE, 0, [1, 1, 7000], target));
        Say::Records(records.collect(), Vec::new())
    };
    server.say(SERVICE, RecordType::SRV, of(&["a.test", "b.test"]));
    server.host("a.test", 0, &[[10, 0, 0, 1]]);
    server.host("b.test", 0, &[[10, 0, 0, 2]]);
    let dns = dns(SERVICE, &[&server]);
    let mut watch = dns.watch("S");
    let both = ["tcp://10.0.0.1:7000", "tcp://10.0.0.2:7000"];
    until(&mut watch, &both).await;
    server.say("a.test", RecordType::A, Say::Code(2));
    server.say("a.test", RecordType::AAAA, Say::Code(2));
    // What is still said after some more questions is believed.
    let mut asked = server.asked();
    let now = *asked.borrow();
    asked.wait_for(|count| *count > now + 20).await.unwrap();
    assert_eq!(places(&watch.borrow()), both);
    server.say(SERVICE, RecordType::SRV, of(&["b.test"]));
    until(&mut watch, &both[1..]).await;
    server.say(SERVICE, RecordType::SRV, of(&[""]));
    let (view, why) = doubt(&mut watch).await;
    assert_eq!(places(&view), both[1..]);
    assert!(why.contains("has no SRV records"), "{why}");
}

#[tokio::test]
async fn whoever_watches_shares_the_questions() {
    let server = Server::start().await;
    server.host(HOST, 30, &[[10, 0, 0, 1]]);
    let terms = Terms {
        floor: Duration::from_secs(600),
        ceiling: Duration::from_secs(600),
        ..TERMS
    };
    let address = format!("orders.test:1;server={}", server.address);
    let dns = Dns::with(&address, terms, 1).unwrap();
    let mut one = dns.watch("a.One");
    until(&mut one, &["tcp://10.0.0.1:1"]).await;
    let mut two = dns.watch("a.Two");
    let view = until(&mut two, &["tcp://10.0.0.1:1"]).await;
    assert_eq!(view.instances()[0].service, "a.Two");
    assert_eq!(*server.asked().borrow(), 2, "one question per family");
}

#[tokio::test]
async fn a_name_may_be_of_one_service_only() {
    let server = Server::start().await;
    server.host(HOST, 30, &[[10, 0, 0, 1]]);
    let dns = dns("orders.test:1;service=a.One", &[&server]);
    assert_eq!(dns.services().await.unwrap(), ["a.One"]);
    assert_eq!(dns.watch("a.One").answered().await.instances().len(), 1);
    assert!(dns.watch("a.Two").answered().await.instances().is_empty());
}

#[tokio::test]
async fn what_is_wrong_is_said_with_what_is_right() {
    let wrong = async |address: &str| connect(address).await.unwrap_err().message().to_owned();
    insta::assert_snapshot!(wrong("dns:orders.internal").await, @"`orders.internal` is no name with a port: write `orders.internal:7000`, or `_orders._tcp.shop.internal` for SRV records");
    insta::assert_snapshot!(wrong("dns:a b:1").await, @"`a b:1` is no name with a port: write `orders.internal:7000`, or `_orders._tcp.shop.internal` for SRV records");
    insta::assert_snapshot!(wrong("dns:_orders._tcp.x:7000").await, @"`_orders._tcp.x:7000` is no name of SRV records: write `_orders._tcp.shop.internal`, without a port, which the records have");
    insta::assert_snapshot!(wrong("dns:_o._tcp.x;weight=5").await, @"SRV records have weights of their own: leave `weight` out");
    insta::assert_snapshot!(wrong("dns:h:1;server=resolver").await, @"server `resolver`: write its number, such as 10.0.0.2 or 10.0.0.2:53 or [fd00::2]:53");
    insta::assert_snapshot!(wrong("dns:h:1;colour=red").await, @"setting `colour` is unknown: there are server, group, release, weight, zone, service and tag.NAME");
    let dns = connect("dns:orders.internal:7000").await.unwrap();
    let refused = dns.register(Vec::new()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    insta::assert_snapshot!(refused.message(), @"DNS takes no registrations: leave `.register(..)` out and let records be made by who makes them, or use another registry that servers write to");
}

/// An answer as servers write it: with names that point back to others.
const COMPRESSED: &[u8] = b"\x12\x34\x81\x80\0\x01\0\x01\0\0\0\x01\
    \x02_o\x04_tcp\x01x\0\0\x21\0\x01\
    \xc0\x0c\0\x21\0\x01\0\0\0\x1e\0\x0a\0\x01\0\x02\x1b\x58\x01a\xc0\x14\
    \xc0\x2d\0\x01\0\x01\0\0\0\x0f\0\x04\x0a\0\0\x01";

fn read(bytes: &[u8]) -> Option<Reply> {
    let message = Message::from_vec(bytes).ok()?;
    Some(Reply::of(
        &Name::from_ascii("_O._tcp.x.").unwrap(),
        &message,
    ))
}

#[test]
fn names_that_point_back_are_read_and_circles_are_not_followed() {
    let reply = read(COMPRESSED).unwrap();
    assert_eq!(reply.ttl, 15);
    assert_eq!(
        (reply.places[0].port, reply.places[0].target.as_str()),
        (7000, "a.x")
    );
    assert_eq!(
        reply.along["a.x"],
        ["10.0.0.1".parse::<std::net::IpAddr>().unwrap()]
    );
    let mut circle = COMPRESSED.to_vec();
    circle[27..29].copy_from_slice(b"\xc0\x1b");
    assert_eq!(read(&circle), None);
    let mut other = COMPRESSED.to_vec();
    other[13] = b'p';
    assert_eq!(read(&other), Some(Reply::default()));
    // No time to live at all, by its first bit.
    let mut old = COMPRESSED.to_vec();
    old[33] = 0x80;
    assert_eq!(read(&old).unwrap().ttl, 0);
}

proptest! {
    #[test]
    fn whatever_comes_is_read_to_an_end(at in 0..COMPRESSED.len(), byte in any::<u8>(), more in proptest::collection::vec(any::<u8>(), 0..64)) {
        let mut bytes = COMPRESSED.to_vec();
        bytes[at] = byte;
        bytes.truncate(COMPRESSED.len() - more.len().min(20));
        bytes.extend(more);
        let _ = read(&bytes);
    }
}
