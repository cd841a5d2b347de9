//! What those who hold the ends of a call tell the connection task.

use tokio::sync::oneshot;

use super::Outcome;
use super::mailbox::Sender;
use crate::conn::{Messages, StreamId};

/// Names a call within its connection, from before it is on the wire until after.
pub(super) type Key = StreamId;

/// The way to the connection task.
///
/// Without a bound of its own: what it holds is bounded by the calls that exist and by the room that each stream has.
pub(super) type Commands = Sender<Command>;

/// What the connection task is to do. One that names a call which has ended is ignored.
#[derive(Debug)]
pub(super) enum Command {
    /// Send messages.
    Send { key: Key, messages: Messages },
    /// Replies have begun, and the first of them may take its time.
    Begin { key: Key },
    /// No more messages of ours.
    Finish { key: Key },
    /// The sender of messages was dropped before it said that it was finished.
    Abandon { key: Key },
    /// So many messages of runs were taken out, which cost so much in all.
    Consumed {
        key: Key,
        messages: usize,
        cost: usize,
    },
    /// A message of this length that had come by itself was taken out.
    ConsumedOne { key: Key, length: usize },
    /// Nobody takes further messages out.
    Discard { key: Key },
    /// Nobody waits for the answer any more.
    Cancel { key: Key },
    /// A handler that waits in the connection's task can go on.
    Woken { key: Key },
    /// A handler that ran in a task of its own is done.
    Answered { key: Key, outcome: Outcome },
    /// A call that waited to be let in has a place, or none in time.
    Admitted { key: Key },
    /// Ask the peer for a sign of life, and tell when it comes.
    Ping(oneshot::Sender<()>),
    /// No new calls; end when those in flight have ended.
    Drain,
    /// End now.
    Close,
}
