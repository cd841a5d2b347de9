//! Calls as numbers, through the facade `metrics`.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder, Unit};

use super::note::Note;
use super::sample::Sample;
use super::{METRICS, MetricKind, names};
use crate::status::Code;

/// The most addresses, services or documents that get numbers of their own; what comes later shares those of
/// [`OTHERS`]. Far more than a healthy process knows, and what a scrape can bear.
const VALUES: usize = 1_000;

/// The label of what came too late for one of its own.
const OTHERS: &str = "(others)";

const METADATA: Metadata<'static> = Metadata::new("callsheet", Level::INFO, None);

/// Where numbers go.
pub(super) struct Metrics {
    /// Whichever is installed, where there is none.
    recorder: Option<Arc<dyn Recorder + Send + Sync>>,
    /// Values of labels that others make up.
    known: Mutex<HashSet<Box<str>>>,
    described: OnceLock<()>,
}

/// The numbers of one method or instance.
pub(super) struct Handles {
    /// By code, as far as they have occurred.
    ended: [OnceLock<Counter>; Code::ALL.len()],
    counter: &'static str,
    label: (&'static str, Box<str>),
    seconds: Histogram,
    in_flight: Gauge,
}

impl Metrics {
    pub(super) fn global() -> Self {
        Self {
            recorder: None,
            known: Mutex::default(),
            described: OnceLock::new(),
        }
    }

    pub(super) fn to(recorder: Arc<dyn Recorder + Send + Sync>) -> Self {
        Self {
            recorder: Some(recorder),
            ..Self::global()
        }
    }

    fn with<T>(&self, use_it: impl FnOnce(&dyn Recorder) -> T) -> T {
        let describing = |recorder: &dyn Recorder| {
            self.described.get_or_init(|| describe(recorder));
            use_it(recorder)
        };
        match &self.recorder {
            Some(recorder) => describing(&**recorder),
            None => metrics::with_recorder(describing),
        }
    }

    fn counter(&self, name: &'static str, labels: &[(&'static str, &str)]) -> Counter {
        self.with(|recorder| recorder.register_counter(&key(name, labels), &METADATA))
    }

    fn gauge(&self, name: &'static str, labels: &[(&'static str, &str)]) -> Gauge {
        self.with(|recorder| recorder.register_gauge(&key(name, labels), &METADATA))
    }

    /// The value, if it is one of the first so many that are shown.
    fn bounded<'a>(&self, value: &'a str) -> &'a str {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(value) {
            return value;
        }
        if known.len() >= VALUES {
            return OTHERS;
        }
        known.insert(value.into());
        value
    }

    fn handles(
        &self,
        counter: &'static str,
        seconds: &'static str,
        in_flight: Option<&'static str>,
        label: (&'static str, &str),
    ) -> Handles {
        let histogram = |recorder: &dyn Recorder| {
            recorder.register_histogram(&key(seconds, &[label]), &METADATA)
        };
        Handles {
            ended: [const { OnceLock::new() }; Code::ALL.len()],
            counter,
            label: (label.0, label.1.into()),
            seconds: self.with(histogram),
            in_flight: in_flight.map_or_else(Gauge::noop, |name| self.gauge(name, &[label])),
        }
    }

    /// Those of a method that is called.
    pub(super) fn called(&self, path: &'static str) -> Handles {
        let label = ("method", path);
        let in_flight = Some(names::CLIENT_IN_FLIGHT);
        self.handles(names::CLIENT_CALLS, names::CLIENT_SECONDS, in_flight, label)
    }

    /// Those of an instance that is asked.
    pub(super) fn asked(&self, instance: &str) -> Handles {
        let label = ("instance", self.bounded(instance));
        self.handles(names::CLIENT_TRIES, names::CLIENT_TRY_SECONDS, None, label)
    }

    /// Those of a method that is served.
    pub(super) fn served(&self, path: &'static str) -> Handles {
        let label = ("method", path);
        let in_flight = Some(names::SERVER_IN_FLIGHT);
        self.handles(names::SERVER_CALLS, names::SERVER_SECONDS, in_flight, label)
    }

    /// A call or try has begun.
    pub(super) fn begins(handles: &Handles) {
        handles.in_flight.increment(1.0);
    }

    /// It has ended.
    pub(super) fn ends(&self, handles: &Handles, code: Code, took: Duration) {
        handles.in_flight.decrement(1.0);
        handles.seconds.record(took.as_secs_f64());
        let (label, value) = &handles.label;
        if let Some(counter) = handles.ended.get(usize::from(code as u8)) {
            let make = || {
                let labels = [(*label, &**value), ("code", code.as_str())];
                self.counter(handles.counter, &labels)
            };
            counter.get_or_init(make).increment(1);
        }
    }

    /// So many of what is counted by method, and does not happen to every call.
    pub(super) fn count(&self, name: &'static str, path: &'static str, number: u64) {
        if number > 0 {
            self.counter(name, &[("method", path)]).increment(number);
        }
    }

    pub(super) fn note(&self, note: &Note<'_>) {
        match *note {
            Note::Throttled(method) => self.count(names::CLIENT_THROTTLED, method.path, 1),
            Note::BudgetSpent(method) => self.count(names::CLIENT_BUDGET_SPENT, method.path, 1),
            Note::Rejected { method, reason } => {
                let labels = [("method", method.path), ("reason", reason)];
                self.counter(names::SERVER_REJECTED, &labels).increment(1);
            }
            Note::Breaker { state, .. } => {
                let labels = [("state", state)];
                self.counter(names::CLIENT_BREAKER_CHANGES, &labels)
                    .increment(1);
            }
            Note::Document { name, revision } => {
                let labels = [("document", self.bounded(name))];
                self.gauge(names::DOCUMENT_REVISION, &labels)
                    .set(number(revision));
            }
            Note::DocumentRejected { name, .. } => {
                let labels = [("document", self.bounded(name))];
                self.counter(names::DOCUMENT_REJECTED, &labels).increment(1);
            }
            Note::Told(_) => self.counter(names::NOTICES, &[]).increment(1),
        }
    }

    /// Shows what clients and servers are like.
    pub(super) fn show(&self, samples: &[Sample]) {
        let shown = samples.iter().flat_map(|sample| &sample.services);
        for service in shown {
            let labels = [("service", self.bounded(&service.service))];
            let gauge = |name, value| self.gauge(name, &labels).set(value);
            gauge(names::CLIENT_INSTANCES, count(service.instances.len()));
            gauge(names::REGISTRY_AGE, service.age_seconds);
            if let Some(left) = service.retries_left {
                gauge(names::CLIENT_RETRY_BUDGET, f64::from(left));
            }
            let is_current = service.freshness == "current";
            gauge(names::REGISTRY_CURRENT, f64::from(u8::from(is_current)));
        }
        for endpoint in samples.iter().flat_map(|sample| &sample.endpoints) {
            let instance = ("instance", self.bounded(&endpoint.instance));
            let gauge = |name, labels: &[_], value| self.gauge(name, labels).set(value);
            for (state, number) in [("open", endpoint.open), ("opening", endpoint.opening)] {
                let labels = [instance, ("state", state)];
                gauge(names::CLIENT_CONNECTIONS, &labels, count(number));
            }
        }
        let instances = |sample: &'_ Sample| -> Vec<_> {
            let services = sample.services.iter();
            let instances = services.flat_map(|service| &service.instances);
            instances
                .map(|one| (one.address.clone(), one.standing))
                .collect()
        };
        for (address, standing) in samples.iter().flat_map(instances) {
            let Some(address) = address else { continue };
            let standing = match standing {
                "good" => 0.0,
                "suspect" => 1.0,
                "ejected" => 2.0,
                _ => 3.0,
            };
            let labels = [("instance", self.bounded(&address))];
            self.gauge(names::CLIENT_STANDING, &labels).set(standing);
        }
        for breaker in samples.iter().flat_map(|sample| &sample.breakers) {
            let state = match breaker.state {
                "closed" => 0.0,
                "half_open" => 1.0,
                _ => 2.0,
            };
            let labels = [
                ("service", self.bounded(&breaker.service)),
                ("instance", self.bounded(&breaker.instance)),
            ];
            self.gauge(names::CLIENT_BREAKER, &labels).set(state);
        }
        let servers = || samples.iter().filter_map(|sample| sample.server.as_ref());
        if servers().next().is_some() {
            let connections = servers().map(|server| server.connections.len()).sum();
            let gauge = |name, value| self.gauge(name, &[]).set(value);
            gauge(names::SERVER_CONNECTIONS, count(connections));
            for method in servers().flat_map(|server| &server.methods) {
                let labels = [
                    ("method", method.method),
                    ("group", self.bounded(&method.group)),
                ];
                let waiting = f64::from(method.waiting);
                self.gauge(names::SERVER_WAITING, &labels).set(waiting);
                let limit = method.limit.map_or(f64::INFINITY, f64::from);
                self.gauge(names::SERVER_LIMIT, &labels).set(limit);
            }
            let listed = servers().all(|server| server.listed);
            gauge(names::SERVER_LISTED, f64::from(u8::from(listed)));
        }
    }
}

fn key(name: &'static str, labels: &[(&'static str, &str)]) -> Key {
    let label = |(key, value): &(&'static str, &str)| Label::new(*key, (*value).to_owned());
    Key::from_parts(name, labels.iter().map(label).collect::<Vec<_>>())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "gauges are of this type, and nothing here comes near 2^52"
)]
fn number(value: u64) -> f64 {
    value as f64
}

fn count(value: usize) -> f64 {
    number(value as u64)
}

fn describe(recorder: &dyn Recorder) {
    for metric in METRICS {
        let name = KeyName::from_const_str(metric.name);
        let help = metric.help.into();
        match metric.kind {
            MetricKind::Counter => recorder.describe_counter(name, None, help),
            MetricKind::Gauge => recorder.describe_gauge(name, None, help),
            MetricKind::Histogram => {
                recorder.describe_histogram(name, Some(Unit::Seconds), help);
            }
        }
    }
}

impl fmt::Debug for Handles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handles").field(&self.label).finish()
    }
}
