//! The same spans as OpenTelemetry gets them.

use callsheet::observe::{Observer, Traces};
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use tracing_subscriber::prelude::*;

use crate::chain::{chain, wish};

#[tokio::test]
async fn open_telemetry_gets_one_trace_over_three_hops() {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let _guard = tracing_subscriber::registry().with(layer).set_default();
    let observer = Observer::new().traces(Traces::new());
    let (orders, _servers) = chain(3, &observer).await;
    orders.place(wish()).await.unwrap();
    provider.force_flush().unwrap();

    let spans = exporter.get_finished_spans().unwrap();
    let ours: Vec<_> = spans
        .iter()
        .filter(|span| span.name == "shop.orders.v1.Orders/place")
        .collect();
    assert_eq!(ours.len(), 6);
    let trace = ours[0].span_context.trace_id();
    assert!(
        ours.iter()
            .all(|span| span.span_context.trace_id() == trace)
    );
    // From the root to the leaf, each the parent of the next.
    let root = |span: &&&opentelemetry_sdk::trace::SpanData| {
        ours.iter()
            .all(|other| other.span_context.span_id() != span.parent_span_id)
    };
    let mut at = *ours.iter().find(root).unwrap();
    let mut kinds = vec![format!("{:?}", at.span_kind)];
    while let Some(next) = ours
        .iter()
        .find(|span| span.parent_span_id == at.span_context.span_id())
    {
        at = next;
        kinds.push(format!("{:?}", at.span_kind));
    }
    assert_eq!(
        kinds,
        ["Client", "Server", "Client", "Server", "Client", "Server"]
    );
}
