//! A call: what is to be asked, how, and the future that answers.
//!
//! ```text
//!            first poll, a connection is up              answered
//!   Ready ───────────────────────────────────▶ Flight ─────────────▶ Done
//!     │                                          │ a failure that something follows
//!     │ resolve, connect, streams of requests,   ▼
//!     └───────────────────────────────────────▶ Drive ─────────────▶ Done
//!       hedges, cluster strategies
//! ```
//!
//! `Flight` is the path of nearly every call and allocates nothing of its own; `Drive` is the stack, for everything that has
//! to wait before the request can leave, and behind a failure that another attempt may follow.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as Poller, Poll, ready};
use std::time::Duration;

use tokio::time::Instant;

use crate::context::Context;
use crate::error::{Error, TypedError};
use crate::metadata::{Metadata, Value};
use crate::route::GroupChoice;
use crate::status::Status;

use super::depart::{Departed, Flight};
use super::group::Group;
use super::origin::Reply;
use super::plan::{Plan, Timeout};
use super::reply::Received;
use super::stack::Drive;

/// One call of a method, sent when it is first polled or [started](Self::start). Dropping it cancels the call.
///
/// It is the future of the answer; its other methods say how to ask.
#[must_use = "a call is sent when it is awaited or started"]
pub struct Call<T, E = Infallible> {
    /// Here until the call needs more than one try, or has to wait before its first.
    plan: Option<Plan>,
    state: State,
    finish: Finish<T>,
    error: fn(Status) -> Error<E>,
}

/// Makes the answer of what came back.
pub(super) type Finish<T> = fn(Received) -> Result<T, Status>;

/// What is to be sent, and how answers and failures are read.
pub(super) type Parts<T, E> = (Plan, Finish<T>, fn(Status) -> Error<E>);

enum State {
    Ready,
    Flight(Flight),
    Drive(Drive),
    Done,
}

impl<T, E: TypedError> Call<T, E> {
    pub(crate) fn new(plan: Plan, finish: Finish<T>) -> Self {
        Self {
            plan: Some(plan),
            state: State::Ready,
            finish,
            error: Error::received,
        }
    }
}

impl<T, E> Call<T, E> {
    /// Ends the call after `limit`, whatever the contract says. A handler's calls end with the handler's own deadline
    /// where that is sooner.
    pub fn timeout(self, limit: Duration) -> Self {
        self.planned(|plan| plan.timeout = Timeout::After(limit))
    }

    /// Lets the call take as long as it takes.
    pub fn no_timeout(self) -> Self {
        self.planned(|plan| plan.timeout = Timeout::Never)
    }

    /// Sends an entry of metadata along. One that metadata cannot hold fails the call with `invalid_argument`.
    pub fn metadata(self, key: &'static str, value: impl Into<Value>) -> Self {
        let value = value.into();
        self.planned(|plan| {
            if let Err(error) = plan.metadata.append(key, value) {
                plan.fail(Status::invalid_argument(error.to_string()));
            }
        })
    }

    /// Asks this group, whatever the client's choice.
    pub fn group(self, group: &impl Group) -> Self {
        self.planned(|plan| plan.group = Some(GroupChoice::One(group.name().into())))
    }

    /// Asks whichever group, whatever the client's choice.
    pub fn any_group(self) -> Self {
        self.planned(|plan| plan.group = Some(GroupChoice::Any))
    }

    /// The answer with what the server sent behind it.
    ///
    /// # Errors
    /// As the call; the trailers of a failure are in its [`Status::trailers`].
    pub async fn with_trailers(self) -> Result<(T, Metadata), Error<E>> {
        let reply = self.reply().await?;
        Ok((reply.message, reply.trailers))
    }

    /// The answer with what the server sent behind it, and who gave it: a server, or a fallback in its place.
    ///
    /// # Errors
    /// As the call.
    pub async fn reply(mut self) -> Result<Reply<T>, Error<E>> {
        let mut received = std::future::poll_fn(|cx| self.poll_received(cx))
            .await
            .map_err(self.error)?;
        let (trailers, origin) = (received.take_trailers(), received.origin);
        let message = (self.finish)(received).map_err(self.error)?;
        Ok(Reply {
            message,
            trailers,
            origin,
        })
    }

    pub(super) fn plan(&self) -> Option<&Plan> {
        let ready = matches!(self.state, State::Ready);
        self.plan.as_ref().filter(|_| ready)
    }

    /// What it is made of, if it was not sent yet.
    pub(super) fn into_parts(self) -> Option<Parts<T, E>> {
        let ready = matches!(self.state, State::Ready);
        let plan = self.plan.filter(|_| ready)?;
        Some((plan, self.finish, self.error))
    }

    /// The same call, not yet sent, with another plan.
    pub(super) fn with_plan(&self, plan: Plan) -> Self {
        Self {
            plan: Some(plan),
            state: State::Ready,
            finish: self.finish,
            error: self.error,
        }
    }

    fn planned(mut self, change: impl FnOnce(&mut Plan)) -> Self {
        // Only a call that was polled by hand is under way here; it keeps what it was sent with.
        if let (State::Ready, Some(plan)) = (&self.state, &mut self.plan) {
            change(plan);
        }
        self
    }

    fn poll_received(&mut self, cx: &mut Poller<'_>) -> Poll<Result<Received, Status>> {
        loop {
            match &mut self.state {
                State::Ready => {
                    self.state = match Departed::with(&mut self.plan, Instant::now(), cx.waker()) {
                        Departed::Flight(flight) => {
                            let out = flight.is_out();
                            self.state = State::Flight(flight);
                            if out {
                                return Poll::Pending;
                            }
                            continue;
                        }
                        Departed::Drive(drive) => State::Drive(drive),
                    }
                }
                State::Flight(flight) => {
                    let Some(plan) = &self.plan else {
                        unreachable!("a flight leaves the plan where it is");
                    };
                    let outcome = ready!(flight.poll(plan, cx));
                    let flight = std::mem::replace(&mut self.state, State::Done);
                    match (outcome, flight, self.plan.take()) {
                        (Err(status), State::Flight(flight), Some(plan)) => {
                            match flight.after(plan, status) {
                                Ok(drive) => self.state = State::Drive(drive),
                                Err(status) => return Poll::Ready(Err(noted(status))),
                            }
                        }
                        (outcome, ..) => return Poll::Ready(outcome),
                    }
                }
                State::Drive(drive) => {
                    let outcome = ready!(drive.as_mut().poll(cx));
                    self.state = State::Done;
                    return Poll::Ready(outcome.map_err(noted));
                }
                State::Done => panic!("a call was polled after its answer"),
            }
        }
    }
}

/// Takes note of a failure where a handler made the call: whatever it makes of one that is spent, nobody further up is to
/// try again.
#[cold]
pub(super) fn noted(status: Status) -> Status {
    if status.is_spent() {
        Context::with(|context| context.map(Context::spend));
    }
    status
}

impl<T, E> Future for Call<T, E> {
    type Output = Result<T, Error<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<Self::Output> {
        let outcome = ready!(self.poll_received(cx)).and_then(self.finish);
        Poll::Ready(outcome.map_err(self.error))
    }
}

impl<T, E> fmt::Debug for Call<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Ready => self.plan.as_ref().map_or("", |plan| plan.method.path),
            State::Flight(_) => "in flight",
            State::Drive(_) => "under way",
            State::Done => "done",
        };
        f.debug_tuple("Call").field(&state).finish()
    }
}
