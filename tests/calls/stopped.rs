//! Processes that stop, and go on when nobody counts on them any more.

use callsheet::Code;
use callsheet_tests::rpc::shop::orders::v1::OrdersClient;
use tokio::time::timeout;

use crate::keeper::{Keeper, LIMIT, orders, orders_once};
use crate::load::{CALLERS, Load};

#[tokio::test]
async fn calls_to_a_stopped_server_end_and_it_lets_go_of_them_when_it_goes_on() {
    let (mut server, registry) = Keeper::serve("a").await;
    let orders = orders_once(&registry).await;
    let call = orders.get(0).no_timeout().start();
    server.line_with("get begins").await;
    server.signal("-STOP").await;
    let error = timeout(LIMIT, call).await.unwrap().unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert!(error.message().contains("the peer is silent"), "{error}");

    server.signal("-CONT").await;
    server.line_with("get ends").await;
    assert_eq!(orders.get(7).timeout(LIMIT).await.unwrap().id, 7);
}

#[tokio::test]
async fn a_server_lets_go_of_a_stopped_client_which_hears_of_it_when_it_goes_on() {
    let (mut server, registry) = Keeper::serve("a").await;
    let mut client = Keeper::start(&["hang", &registry]);
    server.line_with("get begins").await;
    client.signal("-STOP").await;
    server.line_with("get ends").await;
    client.signal("-CONT").await;
    client.line_with("answered Some(Unavailable)").await;
    client.ends().await;
}

/// Calls until `name` has answered.
async fn answers(orders: &OrdersClient, name: &str) {
    let answered = async {
        while orders.get(7).await.unwrap().customer != name {
            tokio::task::yield_now().await;
        }
    };
    timeout(LIMIT, answered).await.expect("it is asked");
}

#[tokio::test]
async fn a_server_that_stops_is_left_alone_until_it_goes_on() {
    let (mut servers, mut addresses) = (Vec::new(), Vec::new());
    for name in ["stopping", "one", "two"] {
        let mut server = Keeper::start(&["serve", name, "none", "127.0.0.1:0"]);
        addresses.push(server.address().await);
        servers.push(server);
    }
    let registry = format!("static:{}", addresses.join(","));
    let client = orders(&registry).await;
    let load = Load::of(&client);
    load.answers(300).await;
    servers[0].signal("-STOP").await;
    load.answers(3_000).await;

    // A client that comes now is connected to it by its system, and loses nothing by that.
    let newcomer = orders(&registry).await;
    for id in 1..100 {
        let order = newcomer.get(id).timeout(LIMIT).await.unwrap();
        assert_ne!(order.customer, "stopping");
    }
    servers[0].signal("-CONT").await;
    answers(&client, "stopping").await;
    answers(&newcomer, "stopping").await;

    let failures = load.failures().await;
    assert!(failures.len() <= CALLERS, "{failures:?}");
    for status in failures {
        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    }
}
