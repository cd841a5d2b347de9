//! The logs: who called what, what took long, and nothing of what was said.

use std::time::Duration;

use callsheet::observe::{Observer, Traces};
use tracing_subscriber::prelude::*;

use crate::chain::{SECRET, chain, wish};
use crate::recorded::Recorded;

#[tokio::test]
async fn an_answered_call_is_a_line_and_a_slow_one_another() {
    let recorded = Recorded::default();
    let _guard = tracing_subscriber::registry()
        .with(recorded.clone())
        .set_default();
    let traces = Traces::new().access_log().slow_calls(Duration::ZERO);
    let observer = Observer::new().traces(traces);
    let (orders, _servers) = chain(2, &observer).await;
    orders.place(wish()).await.unwrap();
    orders.get(2).await.unwrap_err();

    let lines = recorded.of("callsheet::access");
    // The last of the chain is done first.
    let told: Vec<_> = lines
        .iter()
        .map(|line| (line.field("method"), line.field("code")))
        .collect();
    let (place, get) = ("shop.orders.v1.Orders/place", "shop.orders.v1.Orders/get");
    assert_eq!(
        told,
        [(place, "ok"), (place, "ok"), (get, "failed_precondition")]
    );
    for line in &lines {
        assert!(line.field("peer").starts_with("memory:"), "{line:?}");
        assert!(line.field("ms").parse::<f64>().unwrap() >= 0.0);
    }
    assert!(lines[0].field("request_bytes").parse::<usize>().unwrap() > SECRET.len());
    assert!(lines[0].field("reply_bytes").parse::<usize>().unwrap() > 2 * SECRET.len());

    let slow = recorded.of("callsheet::slow");
    let sides: Vec<_> = slow.iter().map(|line| line.field("side")).collect();
    assert_eq!(
        sides,
        ["server", "client", "server", "client", "server", "client"]
    );
    assert!(!recorded.text().contains(SECRET), "{}", recorded.text());
}

#[tokio::test]
async fn an_access_log_is_not_flooded() {
    let recorded = Recorded::default();
    let _guard = tracing_subscriber::registry()
        .with(recorded.clone())
        .set_default();
    tokio::time::pause();
    let traces = Traces::new().access_log().lines_per_second(3);
    let observer = Observer::new().traces(traces);
    let (orders, _servers) = chain(1, &observer).await;
    for _ in 0..10 {
        orders.place(wish()).await.unwrap();
    }
    assert_eq!(recorded.of("callsheet::access").len(), 3);
    tokio::time::advance(Duration::from_secs(1)).await;
    orders.place(wish()).await.unwrap();
    let lines = recorded.of("callsheet::access");
    assert_eq!(lines[3].field("left_out"), "7");
}

#[tokio::test]
async fn notices_are_logged_without_what_terminals_obey() {
    let recorded = Recorded::default();
    let _guard = tracing_subscriber::registry()
        .with(recorded.clone())
        .set_default();
    let observer = Observer::new().traces(Traces::new());
    let (orders, _servers) = chain(1, &observer).await;
    orders.get(1).await.unwrap_err();
    let notices = recorded.of("callsheet::notice");
    let told = notices[0].field("message");
    assert!(told.contains("the handler of order 1 panics"), "{told}");
    assert!(!told.contains('\u{1b}'), "{told:?}");
}
