//! Layers of `tower` as filters, on both sides: its own timeout, concurrency limit and rate limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use callsheet::filter::{self, Call, Filter};
use callsheet::testing::{Cluster, Fault};
use callsheet::{Code, Status};
use callsheet_tests::rpc::shop::orders::v1::{OrdersClient, OrdersServer};
use tokio::time::Instant;
use tower::limit::{ConcurrencyLimitLayer, RateLimitLayer};
use tower::timeout::{TimeoutLayer, error::Elapsed};
use tower::{Layer, Service};

use crate::shop::{cluster, shop};

async fn serving(filter: impl Filter) -> Cluster {
    let filter = Arc::new(filter);
    Cluster::new(move |name| OrdersServer::new(shop(name)))
        .configure(move |_, server| server.filter(Arc::clone(&filter)))
        .start(1)
        .await
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn towers_timeout_ends_calls_of_a_client() {
    let cluster = cluster(1).await;
    let limit = filter::tower(TimeoutLayer::new(Duration::from_millis(50)));
    let limit = limit.map_error(|error| match error.downcast_ref::<Elapsed>() {
        Some(_) => Status::deadline_exceeded("tower had enough"),
        None => Status::internal(error.to_string()),
    });
    let orders = OrdersClient::new(&cluster.client_with(|builder| builder.filter(limit)));
    assert_eq!(orders.get(1).await.unwrap().id, 1);
    // What is no error of the layer goes through it as it is.
    assert_eq!(orders.get(404).await.unwrap_err().code(), Code::NotFound);
    cluster.faults().add(Fault::silence());
    let start = Instant::now();
    let error = orders.get(1).await.unwrap_err();
    assert_eq!(error.message(), "tower had enough");
    assert_eq!(start.elapsed(), Duration::from_millis(50));
}

#[tokio::test(start_paused = true)]
async fn towers_concurrency_limit_lets_so_many_calls_through_and_the_others_wait() {
    let cluster = serving(filter::tower(ConcurrencyLimitLayer::new(2))).await;
    let delay = Duration::from_millis(100);
    cluster.faults().add(Fault::latency(delay).method("report"));
    let orders = OrdersClient::new(&cluster.client());
    orders.get(1).await.unwrap();
    let start = Instant::now();
    let calls: Vec<_> = (0..6).map(|_| orders.report().start()).collect();
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(start.elapsed().as_millis() / 100, 3, "two at a time");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_a_layer_and_goes_away_leaves_its_place_to_others() {
    let cluster = serving(filter::tower(ConcurrencyLimitLayer::new(1))).await;
    let silent = cluster.faults().add(Fault::silence().times(1));
    let orders = OrdersClient::new(&cluster.client());
    let first = orders.report().start();
    while cluster.faults().struck(silent) == 0 {
        tokio::task::yield_now().await;
    }
    let waits = orders.report().timeout(Duration::from_millis(20));
    assert_eq!(waits.await.unwrap_err().code(), Code::DeadlineExceeded);
    let next = orders.report().start();
    tokio::time::sleep(Duration::from_millis(20)).await;
    drop(first);
    next.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn towers_rate_limit_spreads_calls_though_it_cannot_be_cloned() {
    let limit = filter::tower(RateLimitLayer::new(2, Duration::from_secs(1)));
    let cluster = serving(limit).await;
    let orders = OrdersClient::new(&cluster.client());
    let start = Instant::now();
    for _ in 0..7 {
        orders.report().await.unwrap();
    }
    assert_eq!(start.elapsed().as_secs(), 3);
}

/// A layer of one's own: counts calls, and is ready only when it is told.
#[derive(Clone, Default)]
struct Counting(Arc<AtomicUsize>);

struct Counted<S>(S, Arc<AtomicUsize>);

impl<S> Layer<S> for Counting {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted(inner, Arc::clone(&self.0))
    }
}

impl<S: Service<Call>> Service<Call> for Counted<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, call: Call) -> S::Future {
        assert_eq!(call.method().name, "report");
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.call(call)
    }
}

#[tokio::test(start_paused = true)]
async fn layers_are_put_into_one_another_as_tower_does_it() {
    let counting = Counting::default();
    let both = (counting.clone(), TimeoutLayer::new(Duration::from_secs(1)));
    let cluster = serving(filter::tower(both)).await;
    let orders = OrdersClient::new(&cluster.client());
    for _ in 0..3 {
        orders.report().await.unwrap();
    }
    assert_eq!(counting.0.load(Ordering::SeqCst), 3);
}
