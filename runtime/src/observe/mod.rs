//! What is seen of calls by those who operate them: one place that clients and servers report to, and what is made of it.
//!
//! ```text
//!   client ── call, its tries, its end ─┐              ┌──▶ recent calls (a ring)
//!   server ── call, its end ────────────┼─▶ Observer ──┼──▶ metrics          (feature `metrics`)
//!   both ──── notes ────────────────────┘              └──▶ spans and logs   (feature `tracing`)
//! ```
//!
//! Nobody listens unless asked to: a call pays for one look at a flag. Knows neither clients nor servers: what they are like
//! now they tell as a [`Sample`] when they are asked.

mod client_call;
mod kept;
#[cfg(feature = "metrics")]
mod metrics;
mod names;
mod note;
#[cfg(feature = "prometheus")]
mod prometheus;
#[cfg(feature = "tracing")]
mod quota;
mod recent;
mod sample;
mod served_call;
#[cfg(feature = "tracing")]
mod spans;
#[cfg(feature = "tracing")]
mod traces;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;

pub use names::{METRICS, Metric, MetricKind};
pub use recent::{RecentCall, RecentTry};
pub use sample::{
    BreakerSample, ConnectionSample, EndpointSample, InstanceSample, MethodSample, OfferSample,
    Sample, ServerSample, ServiceSample,
};
#[cfg(feature = "tracing")]
pub use traces::Traces;

pub(crate) use client_call::{ClientCall, Tried};
pub(crate) use kept::{Keeps, Kept};
pub(crate) use note::Note;
#[cfg(feature = "admin")]
pub(crate) use sample::SettingsSample;
pub(crate) use sample::Source;

use recent::Recent;

/// How often gauges are refreshed that nobody asks for: more often than they are read, as a rule.
const REFRESH: Duration = Duration::from_secs(5);

/// Who is told of calls, and what is made of that. Cheap to clone; clients and servers may share one.
///
/// ```
/// use callsheet::observe::Observer;
///
/// let observer = Observer::new().recent_calls(256);
/// for call in observer.recent() {
///     eprintln!("{call}");
/// }
/// ```
///
/// Given to `ClientBuilder::observer` and `Server::observer`. One that was asked for nothing costs nothing.
#[derive(Clone, Default)]
pub struct Observer(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Somebody listens.
    on: AtomicBool,
    recent: OnceLock<Recent>,
    #[cfg(feature = "metrics")]
    metrics: OnceLock<metrics::Metrics>,
    #[cfg(feature = "prometheus")]
    prometheus: OnceLock<prometheus::Exposition>,
    #[cfg(feature = "tracing")]
    spans: OnceLock<spans::Spans>,
    sources: Mutex<Vec<Weak<dyn Source>>>,
}

impl Observer {
    /// One that makes nothing of what it is told.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps this many of the last calls to look at: [`Observer::recent`]. Calls that failed or took more than one try
    /// come before others; of each kind at most ten in a second are kept. The first word counts.
    #[must_use]
    pub fn recent_calls(self, number: usize) -> Self {
        self.keep_recent(number);
        self
    }

    pub(crate) fn keep_recent(&self, number: usize) {
        self.0.recent.get_or_init(|| Recent::new(number));
        self.listens();
    }

    /// Counts and measures calls through the facade `metrics`, for whichever recorder is installed when the first call is
    /// made. [`METRICS`] lists the names.
    #[cfg(feature = "metrics")]
    #[must_use]
    pub fn metrics(self) -> Self {
        self.measure(metrics::Metrics::global())
    }

    /// The same for this recorder, whichever is installed.
    #[cfg(feature = "metrics")]
    #[must_use]
    pub fn metrics_to(self, recorder: Arc<dyn ::metrics::Recorder + Send + Sync>) -> Self {
        self.measure(metrics::Metrics::to(recorder))
    }

    #[cfg(feature = "metrics")]
    fn measure(self, metrics: metrics::Metrics) -> Self {
        self.0.metrics.get_or_init(|| metrics);
        self.listens();
        self
    }

    /// Counts and measures calls for Prometheus: [`Observer::render`] gives the text, and the admin endpoint serves it.
    #[cfg(feature = "prometheus")]
    #[must_use]
    pub fn prometheus(self) -> Self {
        let (recorder, exposition) = prometheus::Exposition::new();
        if self.0.prometheus.set(exposition).is_err() {
            return self;
        }
        self.metrics_to(recorder)
    }

    /// What Prometheus is to read, where [`Observer::prometheus`] was asked for.
    #[cfg(feature = "prometheus")]
    pub fn render(&self) -> Option<String> {
        let exposition = self.0.prometheus.get()?;
        self.refresh();
        Some(exposition.render())
    }

    /// Records calls as spans of `tracing`, carries their trace context from process to process, and writes logs. The
    /// first word counts.
    #[cfg(feature = "tracing")]
    #[must_use]
    pub fn traces(self, traces: Traces) -> Self {
        self.0.spans.get_or_init(|| spans::Spans::new(traces));
        self.listens();
        self
    }

    /// Has `seed` decide which traces are recorded, and their ids.
    pub(crate) fn seed(&self, seed: u64) {
        #[cfg(feature = "tracing")]
        if let Some(spans) = self.0.spans.get() {
            spans.seed(seed);
        }
        #[cfg(not(feature = "tracing"))]
        let _ = (self, seed);
    }

    /// The calls that were kept, the newest first: none without [`Observer::recent_calls`].
    pub fn recent(&self) -> Vec<RecentCall> {
        self.0.recent.get().map_or_else(Vec::new, Recent::calls)
    }

    /// Whether it is this one.
    #[cfg(feature = "admin")]
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn listens(&self) {
        self.0.on.store(true, Ordering::Relaxed);
    }

    /// Whether anybody listens. Cheap enough for every call.
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.0.on.load(Ordering::Relaxed)
    }

    /// Whether more is made of single calls than numbers.
    fn tells_of_calls(&self) -> bool {
        #[cfg(feature = "tracing")]
        if self.0.spans.get().is_some() {
            return true;
        }
        self.0.recent.get().is_some()
    }

    /// Something has happened beside the course of a call.
    #[inline]
    pub(crate) fn note(&self, note: &Note<'_>) {
        if self.is_on() {
            self.noted(note);
        }
    }

    #[cold]
    fn noted(&self, note: &Note<'_>) {
        let Self(inner) = self;
        #[cfg(feature = "metrics")]
        if let Some(metrics) = inner.metrics.get() {
            metrics.note(note);
        }
        #[cfg(feature = "tracing")]
        if inner.spans.get().is_some() {
            spans::log(note);
        }
        let _ = (inner, note);
    }

    /// Shows in gauges what this one is like, as long as it is there, on `runtime`. Does nothing where nobody reads
    /// gauges.
    pub(crate) fn watch_over(&self, source: Weak<dyn Source>, runtime: &Handle) {
        if !self.has_gauges() {
            return;
        }
        let observer = self.clone();
        let shown = source.clone();
        runtime.spawn(async move {
            while shown.strong_count() > 0 {
                observer.refresh();
                tokio::time::sleep(REFRESH).await;
            }
        });
        let mut sources = self
            .0
            .sources
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        sources.retain(|known| known.strong_count() > 0);
        sources.push(source);
    }

    /// What all sources are like now.
    #[cfg(feature = "metrics")]
    fn samples(&self) -> Vec<Sample> {
        let sources = self.0.sources.lock();
        let sources = sources.unwrap_or_else(PoisonError::into_inner).clone();
        let there = sources.iter().filter_map(Weak::upgrade);
        there.map(|source| source.sample()).collect()
    }

    #[cfg(feature = "metrics")]
    fn has_gauges(&self) -> bool {
        self.0.metrics.get().is_some()
    }

    #[cfg(not(feature = "metrics"))]
    #[expect(clippy::unused_self, reason = "with metrics it has")]
    fn has_gauges(&self) -> bool {
        false
    }

    /// Shows in gauges what all sources are like now.
    pub(crate) fn refresh(&self) {
        let Self(inner) = self;
        #[cfg(feature = "metrics")]
        if let Some(metrics) = inner.metrics.get() {
            metrics.show(&self.samples());
            #[cfg(feature = "prometheus")]
            if let Some(exposition) = inner.prometheus.get() {
                exposition.upkeep();
            }
        }
        let _ = inner;
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer")
            .field("on", &self.is_on())
            .finish_non_exhaustive()
    }
}
