//! Handlers that run beside their connection: in a task, or on a thread of their own.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::timeout_at;

use crate::context::Scope;
use crate::link::Outcome;
use crate::link::command::{Command, Commands, Key};
use crate::link::dispatch::{self, Dispatch, Served};
use crate::link::driver::now;
use crate::status::{Code, Status};

/// What one handler is about, and where its answer goes.
pub(super) struct Job<D: Dispatch> {
    pub(super) dispatch: Arc<D>,
    pub(super) target: D::Target,
    pub(super) scope: Scope,
    pub(super) stage: Stage<D>,
    /// Given back before anybody hears of the answer.
    pub(super) permit: Option<D::Permit>,
    pub(super) key: Key,
    pub(super) commands: Commands,
}

pub(super) enum Stage<D: Dispatch> {
    /// The handler is to be called.
    Before(Served),
    /// It has been called, and waits for something; nothing once it is done.
    Pending(Option<D::Answer>),
}

// Nothing but the answer is ever polled, and it is `Unpin`.
impl<D: Dispatch> Unpin for Job<D> {}

impl<D: Dispatch> Job<D> {
    fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let Self {
            dispatch,
            target,
            scope,
            stage,
            ..
        } = self;
        match stage {
            Stage::Before(call) => {
                let call = std::mem::take(call);
                let pace = Arc::clone(dispatch.pace(target));
                let start = pace.is_suspect().then(now);
                let begun = dispatch::begin(&**dispatch, target, scope, call, cx);
                if let Some(start) = start {
                    pace.learn(now().saturating_duration_since(start));
                }
                match begun {
                    Ok(outcome) => {
                        *stage = Stage::Pending(None);
                        Poll::Ready(outcome)
                    }
                    Err(answer) => {
                        *stage = Stage::Pending(Some(answer));
                        Poll::Pending
                    }
                }
            }
            Stage::Pending(answer) => {
                let pace = dispatch.pace(target);
                let start = pace.is_suspect_later().then(now);
                let polled = dispatch::poll(&**dispatch, target, scope, answer, cx);
                if let Some(start) = start {
                    pace.learn_later(now().saturating_duration_since(start));
                }
                polled
            }
        }
    }
}

impl<D: Dispatch> Future for Job<D> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_outcome(cx).map(|outcome| {
            let key = self.key;
            if let Some(permit) = self.permit.take()
                && !ran_out(&outcome)
            {
                self.dispatch.answered(permit, now());
            }
            // A connection that has ended wants no answer.
            let _ = self.commands.send(Command::Answered { key, outcome });
        })
    }
}

/// Whether a call ended because its time did, as its handler was told by those whom it asked: how long that took says nothing of
/// how long an answer takes.
pub(super) fn ran_out(outcome: &Outcome) -> bool {
    let code = outcome.as_ref().err().map(Status::code);
    matches!(code, Some(Code::DeadlineExceeded | Code::Cancelled))
}

impl<D: Dispatch> Drop for Job<D> {
    fn drop(&mut self) {
        if let Stage::Pending(answer) = &mut self.stage
            && let Some(answer) = answer.take()
        {
            self.scope.enter(|| drop(answer));
        }
    }
}

/// A handler at work beside its connection.
pub(super) struct Work {
    task: JoinHandle<()>,
    /// Whether a thread goes on: it ends with this.
    stop: Option<Stop>,
}

type Stop = oneshot::Sender<Infallible>;

impl Work {
    /// In a task of its own.
    pub(super) fn in_task<D: Dispatch>(job: Job<D>) -> Self {
        Self {
            task: tokio::spawn(job),
            stop: None,
        }
    }

    /// On a thread, until it waits for something.
    pub(super) fn on_thread_first<D: Dispatch>(job: Job<D>) -> Self {
        let computing = job.dispatch.pace(&job.target).computing();
        Self::on_thread_by(job, move |runtime, mut work| {
            let _runtime = runtime.enter();
            // It is polled again in its own task, which then is the one to be woken.
            let mut cx = Context::from_waker(Waker::noop());
            if Pin::new(&mut work).poll(&mut cx).is_pending() {
                tokio::spawn(work);
            }
            drop(computing);
        })
    }

    /// On a thread to its end.
    pub(super) fn on_thread<D: Dispatch>(job: Job<D>) -> Self {
        Self::on_thread_by(job, |runtime, work| runtime.block_on(work))
    }

    fn on_thread_by<D: Dispatch>(
        job: Job<D>,
        run: impl FnOnce(Handle, Stoppable<D>) + Send + 'static,
    ) -> Self {
        let (stop, stopped) = oneshot::channel();
        let runtime = Handle::current();
        let work = Stoppable { job, stopped };
        Self {
            task: tokio::task::spawn_blocking(move || run(runtime, work)),
            stop: Some(stop),
        }
    }

    /// Drops the handler: at once, or when it next awaits.
    pub(super) fn stop(self) {
        self.task.abort();
    }

    /// Lets it go on until then at most. It is stopped too when this is dropped.
    pub(super) async fn last_until(self, until: Instant) {
        let mut stopped = Stopped(self.task.abort_handle(), self.stop);
        // Done or late, it is stopped.
        let _ = match &mut stopped.1 {
            Some(stop) => timeout_at(until.into(), stop.closed()).await.is_ok(),
            None => timeout_at(until.into(), self.task).await.is_ok(),
        };
    }
}

/// What ends when nobody is left who could stop it.
struct Stoppable<D: Dispatch> {
    job: Job<D>,
    stopped: oneshot::Receiver<Infallible>,
}

impl<D: Dispatch> Future for Stoppable<D> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if Pin::new(&mut self.stopped).poll(cx).is_ready() {
            return Poll::Ready(());
        }
        Pin::new(&mut self.job).poll(cx)
    }
}

/// Stops a handler that still runs when this is dropped.
struct Stopped(AbortHandle, Option<Stop>);

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.abort();
    }
}
