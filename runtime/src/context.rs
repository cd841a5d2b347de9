//! What a handler knows of the call it serves, and what calls made inside it inherit.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{self, Poll};
use std::time::{Duration, Instant};

use crate::metadata::{InvalidMetadata, Metadata, Value};

/// Metadata that a call made inside a handler carries on: W3C trace context and baggage.
const INHERITED: [&str; 3] = ["traceparent", "tracestate", "baggage"];

thread_local! {
    /// What the code that runs on this thread now is part of.
    static CURRENT: RefCell<Scope> = const { RefCell::new(Scope::Detached) };
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
    attempt: u32,
    trailers: Mutex<Metadata>,
    /// A call of the handler's own failed for good, though it was tried again.
    spent: AtomicBool,
    /// What it was amended from.
    base: Option<Context>,
    #[cfg(feature = "tracing")]
    part: std::sync::OnceLock<crate::trace::Part>,
}

impl Context {
    /// The context of a call; for those who call by hand what a server would call.
    pub fn new(metadata: Metadata, deadline: Option<Instant>) -> Self {
        Self(Arc::new(Inner {
            method: None,
            peer: None,
            deadline,
            metadata,
            attempt: 0,
            trailers: Mutex::default(),
            spent: AtomicBool::new(false),
            base: None,
            #[cfg(feature = "tracing")]
            part: std::sync::OnceLock::new(),
        }))
    }

    fn serving(seed: Seed) -> Self {
        Self(Arc::new(Inner {
            method: Some(seed.method),
            peer: Some(seed.peer),
            deadline: seed.deadline,
            metadata: seed.metadata,
            attempt: seed.attempt,
            trailers: Mutex::default(),
            spent: AtomicBool::new(false),
            base: None,
            #[cfg(feature = "tracing")]
            part: std::sync::OnceLock::new(),
        }))
    }

    /// The context of the same call with other metadata and another deadline, and no trailers.
    pub(crate) fn amended(&self, metadata: Metadata, deadline: Option<Instant>) -> Self {
        Self(Arc::new(Inner {
            method: self.0.method,
            peer: self.0.peer.clone(),
            deadline,
            metadata,
            attempt: self.0.attempt,
            trailers: Mutex::default(),
            spent: AtomicBool::new(false),
            base: Some(self.clone()),
            #[cfg(feature = "tracing")]
            part: std::sync::OnceLock::new(),
        }))
    }

    /// The call that is being served here, if any.
    #[inline]
    pub fn current() -> Option<Self> {
        // A thread that ends has no scopes any more.
        let current = CURRENT.try_with(|scope| scope.borrow_mut().context());
        current.ok().flatten()
    }

    /// Looks at the call that is being served here, if any.
    #[inline]
    pub(crate) fn with<R>(look: impl FnOnce(Option<&Self>) -> R) -> R {
        look(Self::current().as_ref())
    }

    /// Runs `future` with this context as the current one.
    pub fn scope<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        Self::scope_or_none(Some(self), future)
    }

    /// Runs `run` with this context as the current one.
    pub(crate) fn enter<T>(&self, run: impl FnOnce() -> T) -> T {
        Scope::In(self.clone()).enter(run)
    }

    /// Runs `future` in `context`, or in none.
    pub(crate) async fn scope_or_none<F: Future>(context: Option<Self>, future: F) -> F::Output {
        let mut scoped = Scoped {
            scope: context.map_or(Scope::Detached, Scope::In),
            future: pin!(Some(future)),
        };
        poll_fn(|cx| scoped.poll(cx)).await
    }

    /// The path of the method: `shop.orders.v1.Orders/place`.
    pub fn method(&self) -> Option<&'static str> {
        self.0.method
    }

    /// The address of the caller.
    pub fn peer(&self) -> Option<&str> {
        self.0.peer.as_deref()
    }

    /// The same, to be kept.
    pub(crate) fn shared_peer(&self) -> Option<Arc<str>> {
        self.0.peer.clone()
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

    /// How many attempts of this call came before, which failed or were turned away for load; 0 is the first. Calls made
    /// inside a handler that serves a later one are not retried themselves: one tier that retries is enough.
    pub fn attempt(&self) -> u32 {
        self.0.attempt
    }

    /// A call made here failed, and is not to be tried again from further up.
    pub(crate) fn spend(&self) {
        // It guards no other memory.
        self.0.spent.store(true, Ordering::Relaxed);
        if let Some(base) = &self.0.base {
            base.spend();
        }
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

    /// What of a trace the call is, where it is traced.
    #[cfg(feature = "tracing")]
    pub(crate) fn part(&self) -> Option<&crate::trace::Part> {
        let own = self.0.part.get();
        own.or_else(|| self.0.base.as_ref()?.part())
    }

    /// The call is traced as this.
    #[cfg(feature = "tracing")]
    pub(crate) fn is_part(&self, part: crate::trace::Part) {
        // It is traced once.
        let _ = self.0.part.set(part);
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

    pub(crate) fn take_trailers(&self) -> Metadata {
        mem::take(&mut *self.trailers())
    }

    /// What [`Context::append_trailer`] has put in so far.
    pub(crate) fn trailers_so_far(&self) -> Metadata {
        self.trailers().clone()
    }

    /// Sends these back behind the answer as well.
    pub(crate) fn add_trailers(&self, more: &Metadata) {
        self.trailers().extend(more);
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

/// What the code on a thread runs as part of. The context of a call that is served is made when somebody asks for it:
/// most handlers do not.
#[derive(Debug, Default)]
pub(crate) enum Scope {
    /// No call.
    #[default]
    Detached,
    /// A call, for whose context nobody has asked.
    Serving(Seed),
    /// A call.
    In(Context),
}

/// What the context of a call that is served is made from.
#[derive(Debug)]
pub(crate) struct Seed {
    /// The path of the method.
    pub(crate) method: &'static str,
    /// The address of the caller.
    pub(crate) peer: Arc<str>,
    /// When the caller stops waiting.
    pub(crate) deadline: Option<Instant>,
    /// What came beside the request.
    pub(crate) metadata: Metadata,
    /// How many attempts of this call came before.
    pub(crate) attempt: u32,
}

impl Scope {
    /// Runs `run` as part of this.
    pub(crate) fn enter<T>(&mut self, run: impl FnOnce() -> T) -> T {
        /// Puts back what was there before, also behind a panic.
        struct Entered<'a>(&'a mut Scope);

        impl Drop for Entered<'_> {
            fn drop(&mut self) {
                self.0.exchange();
            }
        }

        self.exchange();
        let entered = Entered(self);
        let output = run();
        drop(entered);
        output
    }

    fn exchange(&mut self) {
        // A thread that ends has no scopes any more, and nobody who would ask for one.
        let _ = CURRENT.try_with(|current| mem::swap(&mut *current.borrow_mut(), self));
    }

    #[inline]
    fn context(&mut self) -> Option<Context> {
        match self {
            Self::Detached => None,
            Self::Serving(_) | Self::In(_) => self.served(),
        }
    }

    fn served(&mut self) -> Option<Context> {
        *self = match mem::take(self) {
            Self::Serving(seed) => Self::In(Context::serving(seed)),
            other => other,
        };
        match self {
            Self::In(context) => Some(context.clone()),
            Self::Detached | Self::Serving(_) => None,
        }
    }

    /// Takes out what [`Context::append_trailer`] put in.
    pub(crate) fn take_trailers(&mut self) -> Metadata {
        match self {
            Self::In(context) => context.take_trailers(),
            Self::Detached | Self::Serving(_) => Metadata::new(),
        }
    }

    /// Whether a call made here failed, and is not to be tried again from further up.
    pub(crate) fn is_spent(&self) -> bool {
        match self {
            Self::In(context) => context.0.spent.load(Ordering::Relaxed),
            Self::Detached | Self::Serving(_) => false,
        }
    }

    /// The address of the caller back, where it was given.
    pub(crate) fn into_peer(self) -> Option<Arc<str>> {
        match self {
            Self::Detached => None,
            Self::Serving(seed) => Some(seed.peer),
            Self::In(context) => context.0.peer.clone(),
        }
    }
}

/// A future that is polled and dropped as part of a scope.
struct Scoped<'a, F> {
    scope: Scope,
    future: Pin<&'a mut Option<F>>,
}

impl<F: Future> Scoped<'_, F> {
    fn poll(&mut self, cx: &mut task::Context<'_>) -> Poll<F::Output> {
        let Self { scope, future } = self;
        match future.as_mut().as_pin_mut() {
            Some(future) => scope.enter(|| future.poll(cx)),
            None => Poll::Pending,
        }
    }
}

impl<F> Drop for Scoped<'_, F> {
    fn drop(&mut self) {
        let Self { scope, future } = self;
        scope.enter(|| future.set(None));
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
