//! Servers that are killed, leave and come back while calls go on, found through a folder that all processes share.

use callsheet::{Code, registry};
use tokio::time::timeout;

use crate::keeper::{Keeper, LIMIT, orders};
use crate::load::{CALLERS, Load};

const SERVICE: &str = "shop.orders.Orders";

async fn listed(registry: &str, number: usize) {
    let mut watch = registry::connect(registry).await.unwrap().watch(SERVICE);
    let seen = watch.seen(|now| now.instances().len() == number);
    timeout(LIMIT, seen).await.expect("the list changes");
}

#[tokio::test]
async fn a_killed_server_costs_the_calls_in_flight_at_most_and_one_that_leaves_none() {
    let folder = tempfile::tempdir().unwrap();
    let registry = format!("file:{}", folder.path().display());
    let mut servers = Vec::new();
    for name in ["killed", "leaving", "lasting"] {
        let mut server = Keeper::start(&["serve", name, &registry, "127.0.0.1:0"]);
        server.address().await;
        servers.push(server);
    }
    listed(&registry, 3).await;
    let clients = [orders(&registry).await, orders(&registry).await];
    let loads = clients.each_ref().map(Load::of);
    for load in &loads {
        load.answers(200).await;
    }
    servers.remove(0).kill().await;
    listed(&registry, 2).await;
    for load in &loads {
        load.answers(200).await;
    }
    for load in loads {
        let failures = load.failures().await;
        assert!(failures.len() <= CALLERS, "{failures:?}");
        for status in failures {
            assert_eq!(status.code(), Code::Unavailable, "{status:?}");
        }
    }

    let loads = clients.each_ref().map(Load::of);
    let mut newcomer = Keeper::start(&["serve", "joining", &registry, "127.0.0.1:0"]);
    newcomer.address().await;
    listed(&registry, 3).await;
    servers[0].ask_to_leave();
    servers[0].line_with("0 cancelled").await;
    servers[0].ends().await;
    for load in &loads {
        load.answers(200).await;
    }
    for load in loads {
        let failures = load.failures().await;
        assert!(failures.is_empty(), "{failures:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_back_on_its_port_is_called_again() {
    let (server, registry) = Keeper::serve("first").await;
    let orders = orders(&registry).await;
    assert_eq!(orders.get(7).await.unwrap().customer, "first");
    server.kill().await;
    let error = orders.get(7).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable, "{error}");
    let bind = registry.replacen("static:tcp://", "", 1);
    let mut server = Keeper::start(&["serve", "second", "none", &bind]);
    server.address().await;
    assert_eq!(
        orders.get(7).timeout(LIMIT).await.unwrap().customer,
        "second"
    );
}
