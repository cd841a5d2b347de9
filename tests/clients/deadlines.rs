//! How long a call may take, who says so, and what its handler's own calls inherit.

use std::time::Duration;

use callsheet::registry::{self, BoxFuture, Feeds, Handle, Instance, Lease, Registry, Watch};
use callsheet::server::Running;
use callsheet::{Code, Context, Metadata, Phase, Progress};
use callsheet_tests::rpc::shop::orders::v1::OrdersClient;
use tokio::time::Instant;

use crate::shop::{self, Shop, client, serve, wish};

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn the_call_s_own_limit_comes_before_the_client_s_the_contract_s_and_the_default() {
    let registry = shop::registry().await;
    let (shop, _) = Shop::new("a");
    let server = serve(&registry, &shop).await;
    let orders = client(&registry);
    // The contract gives `get` 300 ms.
    for (call, limit) in [
        (orders.get(0), Duration::from_millis(300)),
        (orders.clone().with_timeout(s(2)).get(0), s(2)),
        (orders.clone().with_timeout(s(2)).get(0).timeout(s(9)), s(9)),
    ] {
        let before = Instant::now();
        let error = call.await.unwrap_err();
        assert_eq!(error.code(), Code::DeadlineExceeded);
        // Time is paused, so that both sides' timers ring in the same moment.
        let phase = error.status().phase();
        assert!(matches!(phase, Phase::Local | Phase::Remote), "{phase:?}");
        let took = before.elapsed();
        // What it took is what the timers said, to the coarseness of a connection's sweep.
        assert!(
            limit <= took && took < limit + limit / 4,
            "{took:?} for {limit:?}"
        );
        shop.stuck_are(0).await;
    }
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn without_a_server_the_deadline_says_what_was_missing() {
    let registry = shop::registry().await;
    let error = client(&registry).get(7).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert_eq!(error.status().phase(), Phase::Resolve);
    assert!(
        error
            .message()
            .contains("no instance of shop.orders.Orders"),
        "{error}"
    );
}

/// A registry that never answers.
#[derive(Default)]
struct Silent(Feeds);

impl Registry for Silent {
    fn address(&self) -> &'static str {
        "silent:"
    }

    fn register(&self, _: Vec<Instance>) -> Result<Lease, registry::Error> {
        unreachable!("nothing is registered here")
    }

    fn watch(&self, service: &str) -> Watch {
        self.0.watch(service)
    }

    fn services(&self) -> BoxFuture<'_, Result<Vec<String>, registry::Error>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_never_answers_does_not_hold_a_call_for_ever() {
    let orders = client(&Handle::new(Silent::default()));
    let one = orders.report().await.unwrap_err();
    let all = orders.report().all_groups().await.unwrap_err();
    for error in [one, all] {
        assert_eq!(error.code(), Code::DeadlineExceeded);
        assert_eq!(error.status().progress(), Progress::NotStarted);
        assert_eq!(error.message(), "the registry silent: has not answered yet");
    }
}

/// A server whose `place` asks a second one for an answer that never comes.
struct Chain {
    /// Calls the first.
    orders: OrdersClient,
    /// The handlers of the second.
    leaf: Shop,
    servers: [Running; 2],
}

impl Chain {
    async fn new() -> Self {
        let (near, far) = (shop::registry().await, shop::registry().await);
        let (leaf, _) = Shop::new("leaf");
        let (mut front, _) = Shop::new("front");
        front.upstream = Some(client(&far).with_timeout(s(60)));
        Self {
            orders: client(&near),
            servers: [serve(&near, &front).await, serve(&far, &leaf).await],
            leaf,
        }
    }

    async fn shutdown(self) {
        for server in self.servers {
            server.shutdown().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_s_calls_end_with_the_caller_s_deadline() {
    let chain = Chain::new().await;

    let before = Instant::now();
    let call = chain.orders.place(wish("ada", 1)).timeout(s(1));
    let error = call.await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    // The leaf's handler has gone with the call, not 59 s later.
    chain.leaf.stuck_are(0).await;
    assert!(before.elapsed() < s(2));
    chain.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_takes_the_whole_chain_along() {
    let chain = Chain::new().await;

    let started = chain.orders.place(wish("ada", 1)).no_timeout().start();
    chain.leaf.stuck_are(1).await;
    drop(started);
    chain.leaf.stuck_are(0).await;
    chain.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn trace_context_is_inherited_and_credentials_are_not() {
    let registry = shop::registry().await;
    let server = serve(&registry, &Shop::new("a").0).await;
    let mut incoming = Metadata::new();
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    incoming.append("traceparent", trace).unwrap();
    incoming.append("tenant", "blue").unwrap();
    let orders = client(&registry);
    let order = Context::new(incoming, None)
        .scope(async { orders.place(wish("ada", 1)).await })
        .await
        .unwrap();
    assert_eq!(order.labels["trace"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(order.note, None);
    server.shutdown().await;
}
