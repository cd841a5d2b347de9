//! A cluster within the process: its members start, stop, die and freeze, and clients notice what they would notice.

use std::collections::BTreeSet;
use std::time::Duration;

use callsheet::testing::{Cluster, seeded};
use callsheet::{Code, Progress};
use callsheet_tests::rpc::shop::orders::v1::OrdersClient;
use tokio::time::Instant;

use crate::shop::{cluster, orders};

/// Who answers so many calls.
async fn answering(orders: &OrdersClient, calls: usize) -> BTreeSet<String> {
    let mut servers = BTreeSet::new();
    for _ in 0..calls {
        servers.extend(orders.report().await.unwrap().servers);
    }
    servers
}

#[tokio::test(start_paused = true)]
async fn calls_reach_every_member_and_none_that_was_stopped() {
    let cluster = cluster(3).await;
    let orders = orders(&cluster);
    assert_eq!(answering(&orders, 60).await.len(), 3);
    assert_eq!(cluster.stop(1).await.unwrap().cancelled, 0);
    assert!(cluster.stop(1).await.is_none(), "it does not run");
    let left = BTreeSet::from(["0".to_owned(), "2".to_owned()]);
    assert_eq!(answering(&orders, 60).await, left);
    cluster.restart(1).await.unwrap();
    assert_eq!(cluster.add().await.unwrap(), 3);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(answering(&orders, 200).await.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_member_that_is_killed_takes_its_connections_along() {
    let cluster = cluster(1).await;
    let orders = orders(&cluster);
    assert_eq!(orders.get(7).await.unwrap().id, 7);
    cluster.pause(0);
    let call = orders.place(callsheet_tests::rpc::shop::orders::PlaceOrder::default());
    let call = call.start();
    tokio::task::yield_now().await;
    cluster.kill(0);
    let error = call.await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable, "{error}");
    assert_eq!(error.status().progress(), Progress::MaybeRun, "{error}");
    assert_eq!(error.status().endpoint(), Some(&*Cluster::address(0)));
    cluster.restart(0).await.unwrap();
    assert_eq!(orders.get(8).await.unwrap().id, 8);
}

#[tokio::test(start_paused = true)]
async fn a_member_that_is_killed_is_lost_and_one_that_is_stopped_has_left() {
    let cluster = cluster(3).await;
    let mut view = cluster.registry().watch("shop.orders.Orders");
    let all = view.answered().await;
    cluster.kill(0);
    let lost = view.seen(|now| now.instances().len() == 2).await;
    let changes = lost.changes_since(&all);
    assert_eq!((changes.lost.len(), changes.left.len()), (1, 0));
    cluster.stop(1).await.unwrap();
    let changes = view.borrow_and_update().changes_since(&lost);
    assert_eq!((changes.lost.len(), changes.left.len()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_member_that_is_paused_says_nothing_and_goes_on_where_it_was() {
    let cluster = cluster(1).await;
    let orders = orders(&cluster).with_timeout(Duration::from_secs(2));
    orders.report().await.unwrap();
    cluster.pause(0);
    let error = orders.report().await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded, "{error}");
    let late = orders.report().start();
    tokio::time::sleep(Duration::from_secs(1)).await;
    cluster.resume(0);
    late.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_seed_decides_which_way_calls_go() {
    let mut ways = Vec::new();
    for seed in [7, 7, 8] {
        let _seeded = seeded(seed);
        let cluster = cluster(5).await;
        let orders = orders(&cluster);
        let mut way = String::new();
        for _ in 0..50 {
            way.extend(orders.report().await.unwrap().servers);
        }
        ways.push(way);
    }
    assert_eq!(ways[0], ways[1]);
    assert_ne!(ways[0], ways[2]);
}

#[tokio::test(start_paused = true)]
async fn settings_of_servers_and_clients_are_the_tests_own() {
    let cluster = Cluster::new(|name| {
        callsheet_tests::rpc::shop::orders::v1::OrdersServer::new(crate::shop::shop(name))
    })
    .configure(|name, server| server.tag("lane", format!("lane-{name}")))
    .start(2)
    .await
    .unwrap();
    let mut watch = cluster.registry().watch("shop.orders.Orders");
    let snapshot = watch.borrow_and_update();
    let lanes: BTreeSet<_> = snapshot
        .instances()
        .iter()
        .map(|one| one.tags["lane"].clone())
        .collect();
    assert_eq!(
        lanes,
        BTreeSet::from(["lane-0".to_owned(), "lane-1".to_owned()])
    );
    let client = cluster.client_with(|builder| builder.timeout(Duration::from_millis(40)));
    cluster.pause(0);
    cluster.pause(1);
    let start = Instant::now();
    let error = OrdersClient::new(&client).report().await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert_eq!(start.elapsed(), Duration::from_millis(40));
}
