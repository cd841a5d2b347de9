//! What a server offers, and how a request becomes a call of user code and its result an answer.
//!
//! Bytes come in with a method and go out again; which protocol carried them is not known here, so that one table of
//! handlers serves every protocol of a port.

mod admission;
mod filtered;
mod incoming;
mod offer;
mod router;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::rope::Rope;
use crate::status::Status;

pub(crate) use admission::{Admission, Permit, Ticket, claim};
pub use admission::{Occupancy, Refusal};
pub(crate) use filtered::Filtered;
pub use incoming::Incoming;
pub use offer::Offer;
pub(crate) use router::{DuplicateOffer, Found, Router};

/// Answers the calls of one service: implemented by generated code, and by whoever serves without it.
pub trait Handler: Send + Sync + 'static {
    /// Answers a call of the method at index `method` of the service.
    ///
    /// Runs on the connection's own task, unless [`Placement`](crate::Placement) says otherwise: what blocks its thread there
    /// holds up other calls.
    fn call(&self, method: usize, call: Incoming) -> Answer;
}

/// The answer to a call, in the making. Dropped when its caller goes away.
pub struct Answer(Pin<Box<dyn Future<Output = Answered> + Send>>);

/// The last message, if it was not sent before: the reply of a unary call.
type Answered = Result<Option<Rope>, Status>;

impl Answer {
    pub(crate) fn new(future: impl Future<Output = Answered> + Send + 'static) -> Self {
        Self(Box::pin(future))
    }
}

impl Future for Answer {
    type Output = Answered;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").finish_non_exhaustive()
    }
}
