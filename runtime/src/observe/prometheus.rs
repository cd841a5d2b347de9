//! Metrics as the text that Prometheus reads.

use std::fmt;
use std::sync::Arc;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Upper ends of the buckets of latencies, in seconds: half a millisecond is a call within a rack, 10 s is beyond every
/// default deadline.
const SECONDS: [f64; 14] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// What was counted, to be read.
pub(super) struct Exposition(PrometheusHandle);

impl Exposition {
    /// An exposition, and the recorder that fills it.
    pub(super) fn new() -> (Arc<dyn metrics::Recorder + Send + Sync>, Self) {
        let builder = PrometheusBuilder::new();
        let builder = builder
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)
            .unwrap_or_else(|_| PrometheusBuilder::new());
        let recorder = builder.build_recorder();
        let exposition = Self(recorder.handle());
        (Arc::new(recorder), exposition)
    }

    /// The text.
    pub(super) fn render(&self) -> String {
        self.0.render()
    }

    /// Folds what histograms have heard since: nobody else does, and it would pile up.
    pub(super) fn upkeep(&self) {
        self.0.run_upkeep();
    }
}

impl fmt::Debug for Exposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exposition").finish_non_exhaustive()
    }
}
