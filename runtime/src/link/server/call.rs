//! A call that is not answered yet.

use std::time::Instant;

use tokio::sync::mpsc;

use super::task::Work;
use crate::conn::{self, StreamId};
use crate::link::Outcome;
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
    /// A handler works on it.
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
    /// Stops the handler: its future is dropped, and its stream of requests ends with `status`.
    pub(super) fn stop(self, status: &Status) {
        if let Stage::Running(work) = self.stage {
            work.stop();
        }
        if let Requests::Taken(items) = self.requests {
            let _ = items.send(Item::End(Err(status.clone())));
        }
    }
}
