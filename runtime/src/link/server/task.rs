//! Handlers that run beside their connection: in a task, or on a thread of their own.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
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

/// What one handler is about, and where its answer goes.
pub(super) struct Job<D: Dispatch> {
    pub(super) dispatch: Arc<D>,
    pub(super) target: D::Target,
    pub(super) scope: Scope,
    pub(super) stage: Stage<D>,
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
                let start = pace.learns().then(now);
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
            Stage::Pending(answer) => dispatch::poll(&**dispatch, target, scope, answer, cx),
        }
    }
}

impl<D: Dispatch> Future for Job<D> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_outcome(cx).map(|outcome| {
            let key = self.key;
            // A connection that has ended wants no answer.
            let _ = self.commands.send(Command::Answered { key, outcome });
        })
    }
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

    /// On a thread of its own.
    pub(super) fn on_thread<D: Dispatch>(mut job: Job<D>) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let runtime = Handle::current();
        let task = tokio::task::spawn_blocking(move || {
            runtime.block_on(poll_fn(|cx| {
                if Pin::new(&mut stopped).poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                Pin::new(&mut job).poll(cx)
            }));
        });
        Self {
            task,
            stop: Some(stop),
        }
    }

    /// Drops the handler: at once, or when it next awaits.
    pub(super) fn stop(self) {
        self.task.abort();
    }

    /// Lets it go on until then at most. It is stopped too when this is dropped.
    pub(super) async fn last_until(self, until: Instant) {
        let stop = Stopped(self.task.abort_handle(), self.stop);
        // Done or late, it is stopped.
        let _ = timeout_at(until.into(), self.task).await;
        drop(stop);
    }
}

/// Stops a handler that still runs when this is dropped.
struct Stopped(
    AbortHandle,
    #[expect(dead_code, reason = "what counts is its drop")] Option<Stop>,
);

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.abort();
    }
}
