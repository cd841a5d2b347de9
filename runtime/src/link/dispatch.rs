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
use super::pace::Pace;
use super::receiver::BodyReceiver;
use super::sender::BodySender;
use crate::conn::{CloseReason, Reply};
use crate::context::Scope;
use crate::contract::MethodDescriptor;
use crate::metadata::Metadata;
use crate::rope::Rope;
use crate::status::Status;
use crate::wire::Route;

/// Finds who answers a call, and has it answered.
pub(crate) trait Dispatch: Send + Sync + 'static {
    /// Who answers one method.
    type Target: Clone + Send + 'static;
    /// What a call holds for as long as it runs, where it is counted.
    type Permit: Send + 'static;
    /// What a call holds that waits to be let in.
    type Ticket: Send + 'static;
    /// The answer in the making: the last message, if it was not sent before.
    type Answer: Future<Output = Result<Option<Rope>, Status>> + Send + Unpin + 'static;

    /// Who answers calls of this route. Asked once per connection for a route that has a number there.
    ///
    /// # Errors
    /// The status that such calls end with.
    fn find(&self, route: &Route) -> Result<Self::Target, Status>;

    /// What is called.
    fn method(&self, target: &Self::Target) -> &'static MethodDescriptor;

    /// Where its calls run.
    fn pace<'a>(&self, target: &'a Self::Target) -> &'a Arc<Pace>;

    /// Whether a call may run, and need not be counted: before anything of it is decoded.
    fn is_open(&self, target: &Self::Target, deadline: Option<Instant>, now: Instant) -> bool;

    /// Whether one may run that must be weighed.
    fn admit(
        &self,
        target: &Self::Target,
        asked: &Asked<'_>,
    ) -> Verdict<Self::Permit, Self::Ticket>;

    /// What became of a call that waited: whether it may run now.
    ///
    /// # Errors
    /// The status that it ends with.
    fn claim(&self, target: &Self::Target, ticket: Self::Ticket) -> Result<Self::Permit, Status>;

    /// A call that was let in goes on beside its connection.
    fn hold(
        &self,
        target: &Self::Target,
        permit: Option<Self::Permit>,
        began: Instant,
    ) -> Self::Permit;

    /// A call that holds this has its answer now.
    fn answered(&self, permit: Self::Permit, now: Instant);

    /// A call was answered without waiting for anything, and without being counted.
    fn quick(&self, target: &Self::Target);

    /// Has a call answered.
    fn call(&self, target: &Self::Target, call: Served) -> Self::Answer;

    /// Takes note of a panic in user code.
    fn panicked(&self, target: &Self::Target, message: &str);

    /// Takes note of the end of the connection to `peer`.
    fn closed(&self, peer: &Arc<str>, reason: &CloseReason);
}

/// A call that asks to be let in.
pub(crate) struct Asked<'a> {
    /// The time, as of the frames that it came with.
    pub(crate) now: Instant,
    /// When its caller stops waiting.
    pub(crate) deadline: Option<Instant>,
    /// How many attempts came before.
    pub(crate) attempt: u32,
    /// Who calls: the name that its connection gave, or else where it comes from.
    pub(crate) caller: &'a Arc<str>,
    /// Makes what is called when it has waited; nothing where it cannot wait.
    pub(crate) wake: Option<&'a dyn Fn() -> Wake>,
}

/// Tells a connection that a call of its has waited, from any thread.
pub(crate) type Wake = Box<dyn Fn() + Send + Sync>;

/// What becomes of a call that asks to be let in.
pub(crate) enum Verdict<P, T> {
    /// It runs, and holds this.
    Run(P),
    /// It waits: until it is told, and to that time at most.
    Wait {
        /// For it to claim what became of it.
        ticket: T,
        /// When it asks by itself.
        until: Instant,
    },
    /// It is not begun.
    Refuse(Status),
}

/// A call as it reaches whoever answers it.
#[derive(Debug, Default)]
pub(crate) struct Served {
    /// The one request; empty where requests are a stream.
    pub(crate) body: Bytes,
    /// Where requests are a stream: the way to take them.
    pub(crate) requests: Option<Box<BodyReceiver>>,
    /// Where replies are a stream: the way to send them.
    pub(crate) replies: Option<Box<BodySender>>,
}

/// Calls the handler, and polls its answer for the first time. Gives the answer where it is pending.
pub(super) fn begin<D: Dispatch>(
    dispatch: &D,
    target: &D::Target,
    scope: &mut Scope,
    call: Served,
    cx: &mut Context<'_>,
) -> Result<Outcome, D::Answer> {
    let begun = || {
        let mut answer = dispatch.call(target, call);
        match Pin::new(&mut answer).poll(cx) {
            Poll::Ready(answered) => Ok(answered),
            Poll::Pending => Err(answer),
        }
    };
    let begun = catch_unwind(AssertUnwindSafe(|| scope.enter(begun)))
        .unwrap_or_else(|panic| Ok(Err(caught(dispatch, target, &*panic))));
    begun.map(|answered| outcome(answered, scope))
}

/// Polls the answer of a handler again. It is gone once it is ready.
pub(super) fn poll<D: Dispatch>(
    dispatch: &D,
    target: &D::Target,
    scope: &mut Scope,
    answer: &mut Option<D::Answer>,
    cx: &mut Context<'_>,
) -> Poll<Outcome> {
    let poll = || {
        let polled = answer.as_mut().map(|answer| Pin::new(answer).poll(cx));
        let polled = polled.unwrap_or(Poll::Pending);
        if polled.is_ready() {
            *answer = None;
        }
        polled
    };
    let polled = catch_unwind(AssertUnwindSafe(|| scope.enter(poll)));
    polled
        .unwrap_or_else(|panic| Poll::Ready(Err(caught(dispatch, target, &*panic))))
        .map(|answered| outcome(answered, scope))
}

/// The end of a call, with the trailers that its handler left in its context.
fn outcome(answered: Result<Option<Rope>, Status>, scope: &mut Scope) -> Outcome {
    let trailers = scope.take_trailers();
    match answered {
        Ok(body) => Ok(Reply { body, trailers }),
        Err(status) => Err(failure(status, trailers, scope)),
    }
}

/// What the caller of a handler that failed is told.
#[cold]
fn failure(status: Status, trailers: Metadata, scope: &Scope) -> Status {
    let status = status.answered();
    let status = if scope.is_spent() {
        status.spent()
    } else {
        status
    };
    if status.trailers().is_empty() {
        status.with_trailers(trailers)
    } else {
        status
    }
}

/// What the caller of a handler that panicked is told: not why, since that may hold anything.
fn caught<D: Dispatch>(dispatch: &D, target: &D::Target, panic: &(dyn Any + Send)) -> Status {
    let message = panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without text");
    dispatch.panicked(target, message);
    Status::internal("the handler panicked; the server's log says why")
}
