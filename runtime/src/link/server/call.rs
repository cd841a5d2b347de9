//! A call that is not answered yet.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;

use super::paused::Paused;
use super::task::Work;
use crate::conn::{self, StreamId};
use crate::link::Outcome;
use crate::link::command::Commands;
use crate::link::dispatch::Dispatch;
use crate::link::outgoing::Outgoing;
use crate::link::receiver::Item;
use crate::status::Status;
use bytes::Bytes;

/// A call that is not answered yet.
pub(super) struct Call<D: Dispatch> {
    pub(super) stream: StreamId,
    pub(super) stage: Stage<D>,
    pub(super) deadline: Option<Instant>,
    pub(super) one_way: bool,
    pub(super) requests: Requests,
    pub(super) replies: Option<Box<Replies>>,
}

pub(super) enum Stage<D: Dispatch> {
    /// Its one message is still on its way.
    Waiting(Box<(D::Target, conn::Request)>),
    /// It is all there, and waits to be let in.
    Queued(Box<Queued<D>>),
    /// A handler works on it, and waits in the connection's task.
    Paused(Paused<D>),
    /// A handler works on it beside the connection.
    Running(Work),
    /// The handler is done.
    Done,
}

/// A call that waits to be let in, with its one message.
pub(super) struct Queued<D: Dispatch> {
    pub(super) ticket: D::Ticket,
    pub(super) target: D::Target,
    pub(super) request: conn::Request,
    pub(super) message: Bytes,
    /// When it waits no longer.
    pub(super) until: Instant,
}

/// What becomes of further messages.
pub(super) enum Requests {
    /// The handler takes them.
    Taken(mpsc::UnboundedSender<Item>),
    /// The handler wants no more.
    Dropped,
    /// There must not be any.
    None,
}

/// Replies on their way.
pub(super) struct Replies {
    pub(super) waiting: Outgoing,
    /// The end, which waits until the machine has taken all of them.
    pub(super) ending: Option<Outcome>,
}

impl<D: Dispatch> Call<D> {
    /// Gives its handler a task of its own, where it waits in the connection's.
    pub(super) fn part(
        &mut self,
        targets: &[Option<D::Target>],
        dispatch: &Arc<D>,
        commands: &Commands,
    ) {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Paused(paused) => match targets.get(paused.route) {
                Some(Some(target)) => {
                    let job = paused.into_job(dispatch, target, self.stream, commands);
                    Stage::Running(Work::in_task(job))
                }
                _ => Stage::Paused(paused),
            },
            stage => stage,
        };
    }

    /// Stops the handler: its future is dropped, and its stream of requests ends with `status`.
    pub(super) fn stop(self, status: &Status) {
        match self.stage {
            Stage::Running(work) => work.stop(),
            Stage::Paused(paused) => drop(paused),
            Stage::Waiting(_) | Stage::Queued(_) | Stage::Done => {}
        }
        if let Requests::Taken(items) = self.requests {
            let _ = items.send(Item::End(Err(status.clone())));
        }
    }
}
