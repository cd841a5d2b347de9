//! Calls that nobody polls: a handle for later, a callback, a thread that waits.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as Poller, Poll, ready};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::context::Context;
use crate::error::Error;
use crate::status::Status;

use super::call::Call;

/// A call that is under way. It is the future of the answer; dropping it cancels the call.
#[must_use = "dropping a started call cancels it"]
pub struct Started<T, E> {
    task: JoinHandle<Result<T, Error<E>>>,
}

impl<T: Send + 'static, E: Send + 'static> Call<T, E> {
    /// Sends the request now; take the answer when you need it.
    pub fn start(self) -> Started<T, E> {
        Started {
            task: self.runtime().spawn(inheriting(self)),
        }
    }

    /// Sends the request now and gives the answer to `callback`, on a thread of the runtime. The call goes on until its
    /// answer or its deadline, whatever becomes of the caller.
    pub fn on_reply(self, callback: impl FnOnce(Result<T, Error<E>>) + Send + 'static) {
        let runtime = self.runtime();
        runtime.spawn(inheriting(async move { callback(self.await) }));
    }

    /// Waits for the answer on this thread.
    ///
    /// # Errors
    /// As the call.
    ///
    /// # Panics
    /// On a thread that drives asynchronous tasks, which would stop them all: `.await` there, or use
    /// `tokio::task::spawn_blocking`.
    pub fn wait(self) -> Result<T, Error<E>> {
        self.runtime().block_on(self)
    }

    fn runtime(&self) -> Handle {
        // A call that is under way was polled by a runtime.
        self.plan().map_or_else(Handle::current, |plan| {
            plan.channel.client().runtime().clone()
        })
    }
}

/// `future` in the context in which this is called: a spawned task has none of its own.
fn inheriting<F: Future>(future: F) -> impl Future<Output = F::Output> {
    Context::scope_or_none(Context::current(), future)
}

impl<T, E> Future for Started<T, E> {
    type Output = Result<T, Error<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<Self::Output> {
        let outcome = ready!(Pin::new(&mut self.task).poll(cx));
        Poll::Ready(outcome.unwrap_or_else(|_| {
            Err(Status::cancelled("the runtime that ran the call has shut down").into())
        }))
    }
}

impl<T, E> Drop for Started<T, E> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<T, E> fmt::Debug for Started<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Started")
            .field("finished", &self.task.is_finished())
            .finish()
    }
}
