//! Which of several servers answers, by balancer and weight.

use std::collections::BTreeMap;
use std::sync::Arc;

use callsheet::balance::Weighted;
use callsheet::registry::Handle;
use callsheet::server::Running;
use callsheet::{Client, codegen::Balance};
use callsheet_tests::rpc::shop::orders::v1::{OrdersClient, OrdersServer};

use crate::shop::{Shop, offer, registry};

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
