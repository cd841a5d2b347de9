//! Traces: one for all that follows from a call, whoever does it.

use callsheet::Client;
use callsheet::observe::{Observer, Traces};
use callsheet_tests::rpc::shop::orders::v1::OrdersClient;
use tracing_subscriber::prelude::*;

use crate::chain::{chain, client, registry, serve, wish};
use crate::recorded::Recorded;

#[tokio::test]
async fn a_call_over_three_hops_is_one_trace_with_the_right_parents() {
    let recorded = Recorded::default();
    let _guard = tracing_subscriber::registry()
        .with(recorded.clone())
        .set_default();
    let observer = Observer::new().traces(Traces::new());
    let (orders, _servers) = chain(3, &observer).await;
    orders.place(wish()).await.unwrap();

    let calls = recorded.spans("callsheet::call");
    let serves = recorded.spans("callsheet::serve");
    assert_eq!((calls.len(), serves.len()), (3, 3));
    let trace = calls[0].field("trace_id");
    assert_eq!(trace.len(), 32);
    let mut parent = "";
    for (call, serve) in calls.iter().zip(&serves) {
        for span in [call, serve] {
            assert_eq!(span.field("trace_id"), trace);
            assert_eq!(span.field("rpc.method"), "shop.orders.v1.Orders/place");
            assert_eq!(span.field("otel.status_code"), "OK");
            assert_eq!(span.field("parent_id"), parent, "{span:?}");
            parent = span.field("span_id");
        }
        assert_eq!(call.field("otel.kind"), "client");
        assert_eq!(serve.field("otel.kind"), "server");
    }
}

#[tokio::test]
async fn what_is_not_sampled_is_recorded_nowhere_and_decided_once() {
    let recorded = Recorded::default();
    let _guard = tracing_subscriber::registry()
        .with(recorded.clone())
        .set_default();
    let all = Observer::new().traces(Traces::new());
    let none = Observer::new().traces(Traces::new().sampled(0.0));
    let registry = registry().await;
    let _server = serve(&registry, None, &all).await;

    let orders = OrdersClient::new(&client(&registry, &none).build());
    orders.place(wish()).await.unwrap();
    assert_eq!(recorded.spans("callsheet::serve").len(), 0);

    // Whoever comes from elsewhere has decided already.
    let plain = OrdersClient::new(&Client::builder().registry(&registry).build());
    let trace = "0af7651916cd43dd8448eb211c80319c";
    for (flags, spans) in [("00", 0), ("01", 1)] {
        let parent = format!("00-{trace}-b7ad6b7169203331-{flags}");
        let call = plain.place(wish()).metadata("traceparent", parent);
        call.await.unwrap();
        assert_eq!(recorded.spans("callsheet::serve").len(), spans);
    }
    let serve = &recorded.spans("callsheet::serve")[0];
    assert_eq!(serve.field("trace_id"), trace);
    assert_eq!(serve.field("parent_id"), "b7ad6b7169203331");
}

#[tokio::test]
async fn a_failure_is_told_by_its_code_and_its_tries() {
    let recorded = Recorded::default();
    let _guard = tracing_subscriber::registry()
        .with(recorded.clone())
        .set_default();
    let observer = Observer::new().traces(Traces::new());
    let (orders, servers) = chain(1, &observer).await;
    orders.get(2).await.unwrap_err();
    let call = &recorded.spans("callsheet::call")[0];
    assert_eq!(call.field("otel.status_code"), "ERROR");
    assert_eq!(call.field("error.type"), "failed_precondition");
    let tries = recorded.of("callsheet::call");
    let tried = tries.iter().find(|one| one.field("message") == "try");
    let tried = tried.unwrap();
    let address = servers[0].addresses()[0].to_string();
    assert_eq!(tried.field("server.address"), address);
    assert_eq!(tried.field("why"), "first");
}
