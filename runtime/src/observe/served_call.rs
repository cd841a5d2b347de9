//! A call that a handler answers and that somebody watches.

use std::future::Future;
use std::pin::Pin;
#[cfg(feature = "metrics")]
use std::sync::Arc;
use std::task::{Context as Poller, Poll};

use tokio::time::Instant;

use super::client_call::millis;
use super::kept::Kept;
use super::note::Note;
use super::recent::RecentCall;
use super::{Inner, Observer};
use crate::context::Context;
use crate::contract::MethodDescriptor;
use crate::printable::printable;
use crate::registry::unix_ms;
use crate::rope::Rope;
use crate::status::{Code, Progress, Status};

/// The most of a peer's address that is shown.
const PEER: usize = 128;

/// A call at its handler.
#[derive(Debug)]
pub(crate) struct ServedCall {
    observer: Observer,
    method: &'static MethodDescriptor,
    peer: Option<String>,
    began: Instant,
    began_unix_ms: u64,
    request_bytes: usize,
    ended: bool,
    #[cfg(feature = "metrics")]
    handles: Option<Arc<super::metrics::Handles>>,
    #[cfg(feature = "tracing")]
    span: super::spans::CallSpan,
}

/// A handler's answer in the making, that is watched.
#[derive(Debug)]
pub(crate) struct Watched<A> {
    call: Box<ServedCall>,
    /// Here until it is ready.
    answer: Option<A>,
}

impl Observer {
    /// A handler is asked, within the context of its call; `None` where nobody listens.
    pub(crate) fn served_call(
        &self,
        method: &'static MethodDescriptor,
        kept: &Kept,
        request_bytes: usize,
    ) -> Option<Box<ServedCall>> {
        if !self.is_on() {
            return None;
        }
        // Making it costs more than counting the call.
        let context = self.tells_of_calls().then(Context::current).flatten();
        let context = context.as_ref();
        #[cfg(not(feature = "metrics"))]
        let _ = kept;
        let peer = context.and_then(Context::peer);
        Some(Box::new(ServedCall {
            #[cfg(feature = "metrics")]
            handles: self.begun(Some(kept), |metrics| metrics.served(method.path)),
            #[cfg(feature = "tracing")]
            span: match self.0.spans.get() {
                Some(spans) => spans.server(method, context),
                None => super::spans::CallSpan::none(),
            },
            observer: self.clone(),
            method,
            peer: peer.map(|peer| printable(peer, PEER).into_owned()),
            began: Instant::now(),
            began_unix_ms: unix_ms(),
            request_bytes,
            ended: false,
        }))
    }
}

impl ServedCall {
    /// Watches `answer`, which may be made within the call.
    pub(crate) fn over<A>(self: Box<Self>, answer: impl FnOnce() -> A) -> Watched<A> {
        let answer = self.within(answer);
        Watched {
            call: self,
            answer: Some(answer),
        }
    }

    /// Runs a part of the handler as part of the call.
    #[cfg(feature = "tracing")]
    fn within<T>(&self, run: impl FnOnce() -> T) -> T {
        self.span.within(run)
    }

    #[cfg(not(feature = "tracing"))]
    #[expect(clippy::unused_self, reason = "with traces it says within what")]
    fn within<T>(&self, run: impl FnOnce() -> T) -> T {
        run()
    }

    /// Counts a call that did not get to its handler.
    fn turned_away(&self, status: &Status) {
        if status.progress() == Progress::NotStarted {
            self.observer.note(&Note::Rejected {
                method: self.method,
                reason: status.setting().unwrap_or(status.code().as_str()),
            });
        }
    }

    fn end(&mut self, code: Code, reply_bytes: usize) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let now = Instant::now();
        let took = now.saturating_duration_since(self.began);
        let observer = self.observer.clone();
        let inner: &Inner = &observer.0;
        #[cfg(feature = "metrics")]
        if let (Some(metrics), Some(handles)) = (inner.metrics.get(), &self.handles) {
            metrics.ends(handles, code, took);
        }
        #[cfg(feature = "tracing")]
        if let Some(spans) = inner.spans.get() {
            let bytes = (self.request_bytes, reply_bytes);
            let peer = self.peer.as_deref();
            spans.answered(&self.span, self.method, peer, code, took, bytes);
        }
        #[cfg(not(feature = "tracing"))]
        let _ = (self.request_bytes, reply_bytes);
        if let Some(recent) = inner.recent.get() {
            recent.add(now, code != Code::Ok, || RecentCall {
                side: "server",
                method: self.method.path,
                peer: self.peer.take(),
                began_unix_ms: self.began_unix_ms,
                took_ms: millis(took),
                code,
                trace_id: self.trace_id(),
                fallback: false,
                tries: Vec::new(),
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

impl Drop for ServedCall {
    /// Its handler is no longer wanted, or has panicked.
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let deadline = || Context::current().as_ref().and_then(Context::deadline);
        let late = |deadline: std::time::Instant| deadline <= Instant::now().into_std();
        let code = if std::thread::panicking() {
            Code::Internal
        } else if deadline().is_some_and(late) {
            Code::DeadlineExceeded
        } else {
            Code::Cancelled
        };
        self.end(code, 0);
    }
}

impl<A> Future for Watched<A>
where
    A: Future<Output = Result<Option<Rope>, Status>> + Unpin,
{
    type Output = A::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<A::Output> {
        let Self { call, answer } = &mut *self;
        let Some(future) = answer else {
            return Poll::Pending;
        };
        let polled = call.within(|| Pin::new(future).poll(cx));
        if let Poll::Ready(answered) = &polled {
            *answer = None;
            match answered {
                Ok(reply) => call.end(Code::Ok, reply.as_ref().map_or(0, Rope::len)),
                Err(status) => {
                    call.turned_away(status);
                    call.end(status.code(), 0);
                }
            }
        }
        polled
    }
}

impl<A> Drop for Watched<A> {
    fn drop(&mut self) {
        let Self { call, answer } = self;
        if let Some(answer) = answer.take() {
            call.within(|| drop(answer));
        }
    }
}
