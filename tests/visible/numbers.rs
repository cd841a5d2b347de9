//! Numbers: what is counted, under which names, and how many there can be.

use std::collections::BTreeMap;
use std::sync::Arc;

use callsheet::observe::{METRICS, Observer};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

use crate::chain::{SECRET, chain, wish};

/// Everything by name and labels.
fn numbers(snapshotter: &Snapshotter) -> BTreeMap<String, DebugValue> {
    let all = snapshotter.snapshot().into_vec();
    let named = all.into_iter().map(|(key, _, _, value)| {
        let key = key.key();
        let labels: Vec<_> = key
            .labels()
            .map(|label| format!("{}={}", label.key(), label.value()))
            .collect();
        (format!("{}{{{}}}", key.name(), labels.join(",")), value)
    });
    named.collect()
}

#[tokio::test]
async fn calls_and_tries_are_counted_and_timed_on_both_sides() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let observer = Observer::new().metrics_to(Arc::new(recorder));
    let (orders, servers) = chain(1, &observer).await;
    for _ in 0..3 {
        orders.place(wish()).await.unwrap();
    }
    orders.get(2).await.unwrap_err();
    drop(
        orders
            .get(0)
            .timeout(std::time::Duration::from_millis(1))
            .await,
    );

    let numbers = numbers(&snapshotter);
    let place = "method=shop.orders.v1.Orders/place";
    let get = "method=shop.orders.v1.Orders/get";
    let instance = format!("instance={}", servers[0].addresses()[0]);
    for (name, count) in [
        (
            format!("callsheet_client_calls_total{{{place},code=ok}}"),
            3,
        ),
        (
            format!("callsheet_client_calls_total{{{get},code=failed_precondition}}"),
            1,
        ),
        (
            format!("callsheet_client_calls_total{{{get},code=deadline_exceeded}}"),
            1,
        ),
        (
            format!("callsheet_server_calls_total{{{place},code=ok}}"),
            3,
        ),
        (
            format!("callsheet_server_calls_total{{{get},code=failed_precondition}}"),
            1,
        ),
        (
            format!("callsheet_client_tries_total{{{instance},code=ok}}"),
            3,
        ),
    ] {
        assert_eq!(
            numbers.get(&name),
            Some(&DebugValue::Counter(count)),
            "{name} in {numbers:#?}"
        );
    }
    for (name, count) in [
        (format!("callsheet_client_call_seconds{{{place}}}"), 3),
        (format!("callsheet_server_call_seconds{{{place}}}"), 3),
        (format!("callsheet_client_call_seconds{{{get}}}"), 2),
    ] {
        let Some(DebugValue::Histogram(seconds)) = numbers.get(&name) else {
            panic!("{name} in {numbers:#?}");
        };
        assert_eq!(seconds.len(), count);
        assert!(seconds.iter().all(|took| (0.0..60.0).contains(&took.0)));
    }
    for name in [place, get] {
        let in_flight = format!("callsheet_client_calls_in_flight{{{name}}}");
        assert_eq!(
            numbers.get(&in_flight),
            Some(&DebugValue::Gauge(0.0.into()))
        );
    }
}

#[tokio::test]
async fn what_clients_and_servers_are_like_is_shown_in_gauges() {
    let observer = Observer::new().prometheus();
    let (orders, servers) = chain(1, &observer).await;
    orders.place(wish()).await.unwrap();
    let text = observer.render().unwrap();
    let instance = &servers[0].addresses()[0];
    for line in [
        "callsheet_client_instances{service=\"shop.orders.Orders\"} 1".to_owned(),
        "callsheet_client_registry_current{service=\"shop.orders.Orders\"} 1".into(),
        format!("callsheet_client_connections{{instance=\"{instance}\",state=\"open\"}} 1"),
        format!("callsheet_client_instance_standing{{instance=\"{instance}\"}} 0"),
        "callsheet_server_connections 1".into(),
        "callsheet_server_listed 1".into(),
        "# TYPE callsheet_client_call_seconds histogram".into(),
        "callsheet_client_calls_total{method=\"shop.orders.v1.Orders/place\",code=\"ok\"} 1".into(),
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line} in {text}");
    }
    assert!(!text.contains(SECRET));
    // Nothing is shown that is not listed.
    for name in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let name = name.split(' ').next().unwrap();
        assert!(METRICS.iter().any(|metric| metric.name == name), "{name}");
    }
}
