//! Circuit breakers as users of a client see them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use callsheet::governance::{BreakerSettings, Settings};
use callsheet::registry::Handle;
use callsheet::resilience::{BreakerReason, BreakerState, InstanceBreaker};
use callsheet::testing::Cluster;
use callsheet::{Client, Code};
use callsheet_tests::rpc::shop::orders::v1::{OrdersClient, OrdersServer};
use tokio::time::Instant;

use crate::documents::steer;
use crate::shop::{Shop, offer, registry};

/// The order whose handler always panics.
const PANICS: u64 = 1;

/// A client, and what it tells of breakers.
fn told(registry: &Handle, settings: Settings) -> (Client, Arc<Mutex<Vec<String>>>) {
    let notices = Arc::new(Mutex::new(Vec::new()));
    let client = Client::builder().registry(registry).settings(settings);
    let client = client.on_notice({
        let notices = Arc::clone(&notices);
        move |notice| {
            let text = format!("{notice:?}");
            let name = text.split_whitespace().next().unwrap_or_default();
            notices.lock().unwrap().push(name.to_owned());
        }
    });
    (client.build(), notices)
}

/// The breaker of the only instance.
fn only(client: &Client) -> InstanceBreaker {
    let [service] = client.breakers().try_into().unwrap();
    let [instance] = service.instances.try_into().unwrap();
    instance
}

/// How many breakers are not closed.
fn opened(client: &Client) -> usize {
    let services = client.breakers();
    let all = services.iter().flat_map(|service| &service.instances);
    all.filter(|one| one.state != BreakerState::Closed).count()
}

async fn fail(orders: &OrdersClient, times: usize) {
    for _ in 0..times {
        let error = orders.get(PANICS).await.unwrap_err();
        assert_eq!(error.code(), Code::Internal);
    }
}

#[tokio::test(start_paused = true)]
async fn hard_failures_open_a_breaker_and_errors_of_the_application_do_not() {
    let registry = registry().await;
    let server = offer(&registry, OrdersServer::new(Shop::new("a").0)).await;
    let (client, notices) = told(&registry, Settings::new());
    let orders = OrdersClient::new(&client);
    for _ in 0..50 {
        orders.get(404).await.unwrap_err();
    }
    fail(&orders, 4).await;
    orders.get(7).await.unwrap();
    fail(&orders, 4).await;
    let before = only(&client);
    assert_eq!(before.state, BreakerState::Closed);
    assert_eq!((before.successes, before.failures), (51, 8));
    fail(&orders, 1).await;
    let open = only(&client);
    assert_eq!(open.state, BreakerState::Open);
    assert_eq!(open.why, Some(BreakerReason::FailuresInRow));
    assert!(open.retry_in.unwrap() <= Duration::from_secs(1));
    assert!(client.breakers()[0].panic, "there is nobody else");
    for _ in 0..5 {
        orders.get(7).await.unwrap();
    }
    assert_eq!(only(&client).state, BreakerState::Closed);
    assert_eq!(client.breakers()[0].ignored, 5);
    assert_eq!(
        *notices.lock().unwrap(),
        ["BreakerOpened", "PanicBegan", "BreakerClosed", "PanicEnded"]
    );
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn calls_that_end_at_their_deadline_count_and_those_given_up_before_do_not() {
    let registry = registry().await;
    let server = offer(&registry, OrdersServer::new(Shop::new("a").0)).await;
    let (client, _) = told(&registry, Settings::new());
    let orders = OrdersClient::new(&client);
    let limit = Duration::from_millis(100);
    for _ in 0..10 {
        let call = orders.get(0).timeout(2 * limit);
        assert!(tokio::time::timeout(limit, call).await.is_err());
    }
    assert_eq!(only(&client).failures, 0);
    for _ in 0..5 {
        let error = orders.get(0).timeout(limit).await.unwrap_err();
        assert_eq!(error.code(), Code::DeadlineExceeded);
    }
    let open = only(&client);
    assert_eq!((open.state, open.failures), (BreakerState::Open, 5));
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_silent_costs_no_probe_and_is_asked_as_soon_as_it_is_heard_of() {
    let shops = |name: &str| OrdersServer::new(Shop::new(name).0);
    let cluster = Cluster::new(shops).start(3).await.unwrap();
    let client = cluster.client();
    let orders = OrdersClient::new(&client).with_timeout(Duration::from_secs(1));
    for _ in 0..100 {
        orders.report().await.unwrap();
    }
    cluster.pause(1);
    let calls: Vec<_> = (0..60).map(|_| orders.report().start()).collect();
    let mut hung = 0;
    for call in calls {
        hung += usize::from(call.await.is_err());
    }
    assert!(hung >= 5, "{hung}");
    assert_eq!(opened(&client), 1);
    let pause = Duration::from_millis(20);
    for _ in 0..3_000 {
        orders.report().await.unwrap();
        tokio::time::sleep(pause).await;
    }
    assert_eq!(opened(&client), 1);
    cluster.resume(1);
    let resumed = Instant::now();
    while opened(&client) == 1 {
        orders.report().await.unwrap();
        tokio::time::sleep(pause).await;
    }
    let took = resumed.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn breakers_judge_by_what_the_client_and_documents_say_of_the_service() {
    let registry = registry().await;
    let server = offer(&registry, OrdersServer::new(Shop::new("a").0)).await;
    let twice = BreakerSettings::new().failures_in_row(2_u32);
    let (client, _) = told(&registry, Settings::new().breaker(twice));
    let orders = OrdersClient::new(&client);
    let off = BreakerSettings::new().enabled(false);
    let unguarded = OrdersClient::new(&client).with_settings(Settings::new().breaker(off));
    fail(&unguarded, 9).await;
    assert_eq!(
        only(&client).state,
        BreakerState::Closed,
        "they count for nothing"
    );
    fail(&orders, 2).await;
    assert_eq!(only(&client).state, BreakerState::Open);
    steer(&registry, "shop.orders.Orders", "breaker.enabled = false").await;
    assert_eq!(only(&client).state, BreakerState::Closed);
    fail(&orders, 9).await;
    assert_eq!(only(&client).state, BreakerState::Closed);
    steer(
        &registry,
        "shop.orders.Orders",
        "breaker.failures_in_row = 3",
    )
    .await;
    orders.get(7).await.unwrap();
    fail(&orders, 2).await;
    assert_eq!(only(&client).state, BreakerState::Closed);
    fail(&orders, 1).await;
    assert_eq!(only(&client).state, BreakerState::Open);
    server.shutdown().await;
}
