//! Processes that stop, and go on when nobody counts on them any more.

use callsheet::Code;
use tokio::time::timeout;

use crate::keeper::{Keeper, LIMIT, orders};

#[tokio::test]
async fn calls_to_a_stopped_server_end_and_it_lets_go_of_them_when_it_goes_on() {
    let (mut server, registry) = Keeper::serve("a").await;
    let orders = orders(&registry).await;
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
