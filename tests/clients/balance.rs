//! Which of several servers answers, by balancer and weight.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use callsheet::balance::Weighted;
use callsheet::codec::Json;
use callsheet::registry::Handle;
use callsheet::server::Running;
use callsheet::{Balance, Client, ClientBuilder, FieldPath};
use callsheet_tests::rpc::shop::orders::v1::{OrdersClient, OrdersServer};

use crate::shop::{Shop, offer, registry, wish};

const CALLS: u32 = 1_000;

/// Three servers of these weights, called `0`, `1`, `2`.
async fn servers(registry: &Handle, weights: [u32; 3]) -> Vec<Running> {
    let mut servers = Vec::new();
    for (name, weight) in weights.iter().enumerate() {
        let shop = Shop::new(&name.to_string()).0;
        servers.push(offer(registry, OrdersServer::new(shop).weight(*weight)).await);
    }
    let mut watch = registry.watch("shop.orders.Orders");
    watch.seen(|now| now.instances().len() == 3).await;
    servers
}

/// How many of [`CALLS`] each server answered.
async fn shares(orders: &OrdersClient) -> [u32; 3] {
    let mut answers = BTreeMap::<String, u32>::new();
    for _ in 0..CALLS {
        let report = orders.report().await.unwrap();
        *answers.entry(report.servers[0].clone()).or_default() += 1;
    }
    ["0", "1", "2"].map(|name| answers.get(name).copied().unwrap_or_default())
}

/// Who answers so many calls.
async fn names(orders: &OrdersClient, calls: u32) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for _ in 0..calls {
        names.extend(orders.report().await.unwrap().servers);
    }
    names
}

fn client(registry: &Handle, balance: Balance) -> OrdersClient {
    let client = Client::builder().registry(registry).balance(balance);
    OrdersClient::new(&client.build())
}

#[tokio::test(start_paused = true)]
async fn equal_servers_get_equal_shares_whatever_the_balancer() {
    let registry = registry().await;
    let servers = servers(&registry, [100; 3]).await;
    let third = CALLS / 3;
    for (balance, slack) in [
        (Balance::RoundRobin, 1),
        (Balance::Random, third / 3),
        (Balance::LeastActive, third / 3),
        (Balance::P2c, third / 2),
    ] {
        let shares = shares(&client(&registry, balance)).await;
        let even = |share: u32| share.abs_diff(third) <= slack;
        assert!(shares.into_iter().all(even), "{balance:?}: {shares:?}");
    }
    for server in servers {
        server.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn weights_count_for_random_and_for_weighted_turns() {
    let registry = registry().await;
    let servers = servers(&registry, [10, 30, 60]).await;
    let turns = Client::builder()
        .registry(&registry)
        .balancer(Arc::new(Weighted::new()));
    for (orders, slack) in [
        (client(&registry, Balance::Random), 60),
        (client(&registry, Balance::RoundRobin), 2),
        (OrdersClient::new(&turns.build()), 2),
    ] {
        let shares = shares(&orders).await;
        for (share, due) in shares.into_iter().zip([100, 300, 600]) {
            assert!(share.abs_diff(due) <= slack, "{shares:?}");
        }
    }
    for server in servers {
        server.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_server_starts_with_a_tenth_of_its_share() {
    let registry = registry().await;
    let mut servers = servers(&registry, [100; 3]).await;
    servers.pop().unwrap().shutdown().await;
    let builder = || {
        Client::builder()
            .registry(&registry)
            .balance(Balance::RoundRobin)
    };
    let slow = OrdersClient::new(&builder().build());
    let quick = OrdersClient::new(&builder().warm_up(Duration::ZERO).build());
    for orders in [&slow, &quick] {
        assert_eq!(shares(orders).await, [500, 500, 0]);
    }
    servers.push(offer(&registry, OrdersServer::new(Shop::new("2").0)).await);
    for orders in [&slow, &quick] {
        // Until it has been seen.
        while !names(orders, 20).await.contains("2") {}
    }
    let near = |share: u32, due: u32| share.abs_diff(due) <= due / 10;
    let [.., third] = shares(&quick).await;
    assert!(near(third, 333), "{third} at once");
    for (seconds, due) in [(0, 48), (5, 200), (3, 286), (3, 333), (60, 333)] {
        tokio::time::advance(Duration::from_secs(seconds)).await;
        let [one, other, third] = shares(&slow).await;
        assert!(
            near(third, due),
            "{third} after {seconds} s more, not {due}"
        );
        assert!(one.abs_diff(other) < 5, "{one} and {other}");
    }
    for server in servers {
        server.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn calls_stay_in_the_own_zone_while_it_has_a_server() {
    let registry = registry().await;
    let mut servers = Vec::new();
    for (name, zone) in [("0", "eu-1"), ("1", "eu-2"), ("2", "eu-1")] {
        let server = OrdersServer::new(Shop::new(name).0).zone(zone);
        servers.push(offer(&registry, server).await);
    }
    let at = |zone: &str| {
        let client = Client::builder().registry(&registry).zone(zone);
        OrdersClient::new(&client.balance(Balance::RoundRobin).build())
    };
    let (home, nowhere, unset) = (at("eu-1"), at("eu-7"), at(""));
    assert_eq!(shares(&home).await, [500, 0, 500]);
    for orders in [&nowhere, &unset] {
        let all = shares(orders).await;
        assert!(
            all.iter().all(|share| share.abs_diff(CALLS / 3) <= 1),
            "{all:?}"
        );
    }
    for left in [[CALLS, 0, 0], [0, CALLS, 0]] {
        let gone = if left[0] == 0 { 0 } else { servers.len() - 1 };
        servers.remove(gone).shutdown().await;
        let mut watch = registry.watch("shop.orders.Orders");
        watch
            .seen(|now| now.instances().len() == servers.len())
            .await;
        assert_eq!(shares(&home).await, left);
    }
    for server in servers {
        server.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn calls_with_one_value_go_to_one_server_that_all_clients_agree_on() {
    let registry = registry().await;
    let mut servers = servers(&registry, [100; 3]).await;
    let by_customer = Balance::ConsistentHash(FieldPath {
        names: "customer",
        numbers: &[1],
    });
    let build = |client: ClientBuilder| {
        OrdersClient::new(&client.registry(&registry).balance(by_customer).build())
    };
    let one = build(Client::builder());
    let other = build(Client::builder().codec(&Json).zone("eu-1"));
    let home = async |orders: &OrdersClient, customer: usize| {
        let order = orders.place(wish(&format!("customer {customer}"), 1));
        let (_, trailers) = order.with_trailers().await.unwrap();
        trailers.text("served-by").unwrap().to_owned()
    };
    let mut homes = Vec::new();
    for customer in 0..100 {
        let name = home(&one, customer).await;
        assert_eq!(home(&other, customer).await, name);
        homes.push(name);
    }
    let keys = |name: &str| homes.iter().filter(|home| *home == name).count();
    assert!(
        ["0", "1", "2"].iter().all(|name| keys(name) > 15),
        "{homes:?}"
    );
    servers.remove(0).shutdown().await;
    for (customer, before) in homes.iter().enumerate() {
        let after = home(&one, customer).await;
        assert!(
            after == *before || before == "0",
            "{customer}: {before}, {after}"
        );
        assert_eq!(home(&other, customer).await, after);
    }
    for server in servers {
        server.shutdown().await;
    }
}
