//! What the side that answers asks of those above: who answers a call, and the answer. A panic in it stays in it.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;

use super::Outcome;
use super::body::{BodyReceiver, BodySender};
use crate::conn::CloseReason;
use crate::contract::MethodKind;
use crate::metadata::Metadata;
use crate::status::Status;
use crate::wire::Route;

/// Finds who answers a call, and has it answered.
pub(crate) trait Dispatch: Send + Sync + 'static {
    /// Who answers one method.
    type Target: Clone + Send + 'static;
    /// The answer in the making.
    type Answer: Future<Output = Outcome> + Send + Unpin + 'static;

    /// Who answers calls of this route. Asked once per connection for a route that has a number there.
    ///
    /// # Errors
    /// The status that such calls end with.
    fn find(&self, route: &Route) -> Result<Self::Target, Status>;

    /// What travels each way.
    fn kind(&self, target: &Self::Target) -> MethodKind;

    /// Has a call answered.
    fn call(&self, target: &Self::Target, call: Served) -> Self::Answer;

    /// Takes note of a panic in user code.
    fn panicked(&self, target: &Self::Target, message: &str);

    /// Takes note of the end of the connection to `peer`.
    fn closed(&self, peer: &Arc<str>, reason: &CloseReason);
}

/// A call as it reaches whoever answers it.
#[derive(Debug)]
pub(crate) struct Served {
    /// The address of the caller.
    pub(crate) peer: Arc<str>,
    /// When the caller stops waiting.
    pub(crate) deadline: Option<Instant>,
    /// What came beside the request.
    pub(crate) metadata: Metadata,
    /// The one request; empty where requests are a stream.
    pub(crate) body: Bytes,
    /// Where requests are a stream: the way to take them.
    pub(crate) requests: Option<BodyReceiver>,
    /// Where replies are a stream: the way to send them.
    pub(crate) replies: Option<BodySender>,
}

/// An answer whose panic becomes a status, and touches nothing else.
pub(super) struct Guarded<D: Dispatch> {
    answer: D::Answer,
    dispatch: Arc<D>,
    target: D::Target,
}

impl<D: Dispatch> Guarded<D> {
    pub(super) fn new(answer: D::Answer, dispatch: Arc<D>, target: D::Target) -> Self {
        Self {
            answer,
            dispatch,
            target,
        }
    }
}

// Nothing but the answer is ever polled, and it is `Unpin`.
impl<D: Dispatch> Unpin for Guarded<D> {}

impl<D: Dispatch> Future for Guarded<D> {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let this = &mut *self;
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut this.answer).poll(cx)));
        polled.unwrap_or_else(|panic| {
            Poll::Ready(Err(caught(&*this.dispatch, &this.target, &*panic)))
        })
    }
}

/// What the caller of a handler that panicked is told: not why, since that may hold anything.
pub(super) fn caught<D: Dispatch>(
    dispatch: &D,
    target: &D::Target,
    panic: &(dyn Any + Send),
) -> Status {
    let message = panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without text");
    dispatch.panicked(target, message);
    Status::internal("the handler panicked; the server's log says why")
}
