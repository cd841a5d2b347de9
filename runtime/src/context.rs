//! What a handler knows of the call it serves, and what calls made inside it inherit.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::metadata::{InvalidMetadata, Metadata, Value};

/// Metadata that a call made inside a handler carries on: W3C trace context and baggage.
const INHERITED: [&str; 3] = ["traceparent", "tracestate", "baggage"];

tokio::task_local! {
    static CURRENT: Option<Context>;
}

/// The call that is being served.
///
/// Calls made while it is current inherit what is left of its deadline, its trace context and its baggage, and are
/// cancelled with it, because the handler's future is dropped when its caller goes away. [`detached`] opts out.
#[derive(Clone, Debug)]
pub struct Context(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    method: Option<&'static str>,
    peer: Option<Arc<str>>,
    deadline: Option<Instant>,
    metadata: Metadata,
    trailers: Mutex<Metadata>,
}

impl Context {
    /// The context of a call; for those who call by hand what a server would call.
    pub fn new(metadata: Metadata, deadline: Option<Instant>) -> Self {
        Self::serving(None, None, metadata, deadline)
    }

    pub(crate) fn serving(
        method: Option<&'static str>,
        peer: Option<Arc<str>>,
        metadata: Metadata,
        deadline: Option<Instant>,
    ) -> Self {
        Self(Arc::new(Inner {
            method,
            peer,
            deadline,
            metadata,
            trailers: Mutex::default(),
        }))
    }

    /// The call that is being served here, if any.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok().flatten()
    }

    /// Looks at the call that is being served here, if any.
    pub(crate) fn with<R>(look: impl FnOnce(Option<&Self>) -> R) -> R {
        let mut look = Some(look);
        let seen = CURRENT.try_with(|current| look.take().map(|look| look(current.as_ref())));
        // Outside of any task that serves, `look` is still here.
        match (seen, look) {
            (Ok(Some(seen)), _) => seen,
            (_, Some(look)) => look(None),
            (_, None) => unreachable!("it was looked at, and that gave nothing"),
        }
    }

    /// Runs `future` with this context as the current one.
    pub fn scope<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        Self::scope_or_none(Some(self), future)
    }

    /// Runs `future` in `context`, or in none.
    pub(crate) fn scope_or_none<F: Future>(
        context: Option<Self>,
        future: F,
    ) -> impl Future<Output = F::Output> {
        CURRENT.scope(context, future)
    }

    /// The path of the method: `shop.orders.v1.Orders/place`.
    pub fn method(&self) -> Option<&'static str> {
        self.0.method
    }

    /// The address of the caller.
    pub fn peer(&self) -> Option<&str> {
        self.0.peer.as_deref()
    }

    /// When the caller stops waiting.
    pub fn deadline(&self) -> Option<Instant> {
        self.0.deadline
    }

    /// How long the caller still waits at `now`; zero when the deadline is past.
    pub fn time_left(&self, now: Instant) -> Option<Duration> {
        self.0
            .deadline
            .map(|deadline| deadline.saturating_duration_since(now))
    }

    /// What the caller sent beside the request.
    pub fn metadata(&self) -> &Metadata {
        &self.0.metadata
    }

    /// The trace id of the caller's W3C trace context: 32 hexadecimal digits.
    pub fn trace_id(&self) -> Option<&str> {
        let mut parts = self.0.metadata.text("traceparent")?.split('-');
        parts.next()?;
        parts
            .next()
            .filter(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
    }

    /// Sends an entry back behind the answer.
    ///
    /// # Errors
    /// A key or text that metadata cannot hold.
    pub fn append_trailer(
        &self,
        key: &'static str,
        value: impl Into<Value>,
    ) -> Result<(), InvalidMetadata> {
        self.trailers().append(key, value)
    }

    /// Takes out what [`Context::append_trailer`] put in.
    pub(crate) fn take_trailers(&self) -> Metadata {
        std::mem::take(&mut *self.trailers())
    }

    /// Adds what an outgoing call inherits to `metadata`; what is there already wins.
    pub(crate) fn bequeath(&self, metadata: &mut Metadata) {
        for key in INHERITED {
            if metadata.all(key).next().is_some() {
                continue;
            }
            for value in self.0.metadata.all(key) {
                metadata
                    .append(key, value.clone())
                    .unwrap_or_else(|error| unreachable!("it was metadata before: {error}"));
            }
        }
    }

    fn trailers(&self) -> std::sync::MutexGuard<'_, Metadata> {
        self.0
            .trailers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs `future` outside of any context: its calls have their own deadlines, traces and baggage.
///
/// To let work go on after its caller has gone, spawn it: a spawned task starts detached.
pub fn detached<F: Future>(future: F) -> impl Future<Output = F::Output> {
    Context::scope_or_none(None, future)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_call_sets_itself_wins_over_what_it_inherits() {
        let mut incoming = Metadata::new();
        incoming
            .append(
                "traceparent",
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            )
            .unwrap();
        incoming.append("baggage", "tenant=a").unwrap();
        incoming.append("authorization", "secret").unwrap();
        let context = Context::new(incoming, None);
        assert_eq!(context.trace_id(), Some("0af7651916cd43dd8448eb211c80319c"));

        let mut outgoing = Metadata::new();
        outgoing.append("baggage", "tenant=b").unwrap();
        context.bequeath(&mut outgoing);
        assert_eq!(outgoing.text("baggage"), Some("tenant=b"));
        assert!(outgoing.text("traceparent").is_some());
        assert_eq!(outgoing.text("authorization"), None);
    }

    #[tokio::test]
    async fn a_detached_future_has_no_context() {
        let context = Context::new(Metadata::new(), None);
        context
            .scope(async {
                assert!(Context::current().is_some());
                detached(async { assert!(Context::current().is_none()) }).await;
            })
            .await;
        assert!(Context::current().is_none());
    }
}
