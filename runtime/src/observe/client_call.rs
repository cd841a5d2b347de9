//! A call of a client that somebody watches, from its beginning to its end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::kept::Kept;
use super::recent::{RecentCall, RecentTry};
use super::{Inner, Observer};
use crate::context::Context;
use crate::contract::MethodDescriptor;
use crate::metadata::Metadata;
use crate::registry::unix_ms;
use crate::status::{Code, Status, Why};

/// The most tries of one call that are remembered: no sound policy comes near it.
const REMEMBERED: usize = 32;

/// A call under way, as all know it who have a part in it. Dropped by all before its [end](Self::ended), it was
/// cancelled.
#[derive(Clone, Debug)]
pub(crate) struct ClientCall(Arc<Mutex<Course>>);

/// What is known of a call so far.
#[derive(Debug)]
struct Course {
    observer: Observer,
    method: &'static MethodDescriptor,
    began: Instant,
    began_unix_ms: u64,
    tries: Vec<RecentTry>,
    retries: u64,
    hedges: u64,
    fallback: bool,
    ended: bool,
    #[cfg(feature = "metrics")]
    handles: Option<Arc<super::metrics::Handles>>,
    #[cfg(feature = "tracing")]
    span: super::spans::CallSpan,
}

/// A try of a call that is over.
#[derive(Debug)]
pub(crate) struct Tried<'a> {
    /// The address that was asked.
    pub(crate) instance: &'a Arc<str>,
    /// What is kept beside it.
    pub(crate) kept: &'a Kept,
    /// Why anybody was asked.
    pub(crate) why: Why,
    /// Why this one.
    pub(crate) choice: &'a str,
    pub(crate) took: Duration,
    pub(crate) outcome: Result<(), &'a Status>,
}

impl Observer {
    /// A call begins in `context`. Puts into its metadata what tells the server which trace it is part of; `None` where
    /// nobody listens.
    pub(crate) fn client_call(
        &self,
        method: &'static MethodDescriptor,
        kept: Option<&Kept>,
        metadata: &mut Metadata,
        context: Option<&Context>,
        now: Instant,
    ) -> Option<ClientCall> {
        if !self.is_on() {
            return None;
        }
        #[cfg(not(feature = "metrics"))]
        let _ = kept;
        #[cfg(not(feature = "tracing"))]
        let _ = (metadata, context);
        let course = Course {
            #[cfg(feature = "metrics")]
            handles: self.begun(kept, |metrics| metrics.called(method.path)),
            #[cfg(feature = "tracing")]
            span: match self.0.spans.get() {
                Some(spans) => spans.client(method, metadata, context),
                None => super::spans::CallSpan::none(),
            },
            observer: self.clone(),
            method,
            began: now,
            began_unix_ms: unix_ms(),
            tries: Vec::new(),
            retries: 0,
            hedges: 0,
            fallback: false,
            ended: false,
        };
        Some(ClientCall(Arc::new(Mutex::new(course))))
    }

    /// The handles of what begins here, where it is measured.
    #[cfg(feature = "metrics")]
    pub(super) fn begun(
        &self,
        kept: Option<&Kept>,
        make: impl FnOnce(&super::metrics::Metrics) -> super::metrics::Handles,
    ) -> Option<Arc<super::metrics::Handles>> {
        let metrics = self.0.metrics.get()?;
        let handles = kept?.handles(|| make(metrics));
        super::metrics::Metrics::begins(handles);
        Some(Arc::clone(handles))
    }
}

impl ClientCall {
    fn lock(&self) -> MutexGuard<'_, Course> {
        // Nothing that could panic runs under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anybody wants to know why an instance was chosen.
    pub(crate) fn keeps_choices(&self) -> bool {
        self.lock().observer.0.recent.get().is_some()
    }

    /// A try is over.
    pub(crate) fn tried(&self, tried: &Tried<'_>) {
        self.lock().tried(tried);
    }

    /// The call is over; `Ok` says whether a server has answered, or something took the place of that.
    pub(crate) fn ended(&self, outcome: Result<bool, &Status>) {
        let mut course = self.lock();
        course.fallback = matches!(outcome, Ok(false));
        course.end(code_of(outcome));
    }
}

impl Course {
    fn tried(&mut self, tried: &Tried<'_>) {
        let code = code_of(tried.outcome);
        match tried.why {
            Why::Retried => self.retries += 1,
            Why::Hedged => self.hedges += 1,
            _ => {}
        }
        let inner: &Inner = &self.observer.0;
        #[cfg(feature = "metrics")]
        if let Some(metrics) = inner.metrics.get() {
            let handles = tried.kept.handles(|| metrics.asked(tried.instance));
            metrics.ends(handles, code, tried.took);
        }
        #[cfg(not(feature = "metrics"))]
        let _ = tried.kept;
        #[cfg(feature = "tracing")]
        self.span
            .tried(tried.instance, tried.why.as_str(), code, tried.took);
        if inner.recent.get().is_some() && self.tries.len() < REMEMBERED {
            self.tries.push(RecentTry {
                instance: tried.instance.to_string(),
                why: format!("{}: {}", tried.why.as_str(), tried.choice),
                took_ms: millis(tried.took),
                code,
                phase: tried.outcome.err().map(|status| status.phase().as_str()),
            });
        }
    }

    fn end(&mut self, code: Code) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let now = Instant::now();
        let took = now.saturating_duration_since(self.began);
        let observer = self.observer.clone();
        let inner: &Inner = &observer.0;
        #[cfg(feature = "metrics")]
        if let (Some(metrics), Some(handles)) = (inner.metrics.get(), &self.handles) {
            use super::names;
            let path = self.method.path;
            metrics.ends(handles, code, took);
            metrics.count(names::CLIENT_RETRIES, path, self.retries);
            metrics.count(names::CLIENT_HEDGES, path, self.hedges);
            metrics.count(names::CLIENT_FALLBACKS, path, u64::from(self.fallback));
        }
        #[cfg(feature = "tracing")]
        if let Some(spans) = inner.spans.get() {
            spans.called(&self.span, self.method, code, took, self.retries);
        }
        if let Some(recent) = inner.recent.get() {
            let special = code != Code::Ok || self.retries + self.hedges > 0 || self.fallback;
            recent.add(now, special, || RecentCall {
                side: "client",
                method: self.method.path,
                peer: None,
                began_unix_ms: self.began_unix_ms,
                took_ms: millis(took),
                code,
                trace_id: self.trace_id(),
                fallback: self.fallback,
                tries: std::mem::take(&mut self.tries),
            });
        }
    }

    #[cfg(feature = "tracing")]
    fn trace_id(&self) -> Option<String> {
        self.span.trace_id()
    }

    #[cfg(not(feature = "tracing"))]
    #[expect(clippy::unused_self, reason = "with traces it has one")]
    fn trace_id(&self) -> Option<String> {
        None
    }
}

impl Drop for Course {
    fn drop(&mut self) {
        self.end(Code::Cancelled);
    }
}

fn code_of<T>(outcome: Result<T, &Status>) -> Code {
    outcome.err().map_or(Code::Ok, Status::code)
}

/// In milliseconds, to the microsecond: more is noise to whoever reads it.
pub(super) fn millis(took: Duration) -> f64 {
    (took.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}
