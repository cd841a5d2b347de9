//! One call on a connection: what has come, what is to go, and its windows.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::{Bytes, BytesMut};

use super::event::Messages;
use super::flow::Window;
use crate::metadata::Metadata;
use crate::status::Status;

/// The state of one call. It is in the table from OPEN until END, CANCEL or the end of the connection.
///
/// ```text
///            client                                       server
///   open ──► requests open ─┐                    OPEN ──► requests open ─┐
///                │ finish_requests                           │ LAST      │
///                ▼          │                                ▼           │
///           requests ended  │ END, cancel,              requests ended   │ CANCEL, finish
///                │          │ deadline, loss                 │           │ when all is written
///                └────► gone ◄──┘                            └─► gone ◄──┘
/// ```
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) since: Instant,
    pub(super) deadline: Option<Instant>,
    /// Server: the driver has been told that the deadline passed.
    pub(super) expired: bool,
    pub(super) one_way: bool,
    /// The requests are complete: sent, on the client; received, on the server.
    pub(super) requests_ended: bool,
    /// Replies have begun: one side has said so, or sent the first of them.
    pub(super) begun: bool,
    /// Server: `finish` was called; what is queued is being written.
    pub(super) finishing: bool,
    /// Client: where OPEN stands in the bytes written on this connection.
    pub(super) opened_at: u64,
    /// Message bytes the peer still takes.
    pub(super) send_credit: u64,
    pub(super) queue: Option<Box<SendQueue>>,
    /// Message bytes this side still takes.
    pub(super) window: Window,
    /// What the message of OPEN holds of the connection's window.
    pub(super) open_held: usize,
    /// What messages not yet consumed hold of the connection's window.
    pub(super) held: usize,
    /// Messages told to the driver and not yet consumed.
    pub(super) waiting: usize,
    pub(super) large: Option<Box<Large>>,
}

/// What is told of a call that is out of the table.
pub(super) struct Gone {
    pub(super) since: Instant,
    pub(super) opened_at: u64,
    pub(super) finishing: bool,
}

/// What a stream holds of messages larger than a fragment.
#[derive(Debug, Default)]
pub(super) struct Large {
    /// The message that is not whole yet.
    pub(super) partial: Option<BytesMut>,
    /// Cost of fragments received and not consumed, whose connection credit is back with the peer.
    pub(super) bytes: usize,
    /// That part of it whose stream credit is back with the peer, too.
    pub(super) early: usize,
    /// Cost of the message of OPEN, whose credit is back with the peer.
    pub(super) open: usize,
    /// Cost of fragments of `partial` whose stream credit waits for others.
    pub(super) withheld: usize,
    /// When the next fragment has to be here.
    pub(super) due: Option<Instant>,
}

/// Messages of a stream that wait for credit or for their turn.
#[derive(Debug, Default)]
pub(super) struct SendQueue {
    pub(super) messages: VecDeque<Messages>,
    /// How much of the first is written, where it is one message; of a run it is taken out.
    pub(super) written: usize,
    /// Bytes of all that are not.
    pub(super) bytes: usize,
    pub(super) after: After,
    /// It stands in the round of those that may write.
    pub(super) in_round: bool,
    /// The driver was told to wait.
    pub(super) wanted: bool,
}

impl SendQueue {
    /// Whether the driver, which was told to wait, is to be told that it need not: half of `bound` is free.
    pub(super) fn takes_more(&mut self, bound: usize) -> bool {
        let takes = self.wanted && self.bytes <= bound / 2;
        self.wanted &= !takes;
        takes
    }

    /// Whether nothing is left to be written.
    pub(super) fn is_done(&self) -> bool {
        self.messages.is_empty() && matches!(self.after, After::Nothing)
    }
}

/// What follows the last message.
#[derive(Debug, Default)]
pub(super) enum After {
    #[default]
    Nothing,
    EndRequests,
    End(Result<Metadata, Status>),
}

impl Stream {
    #[inline]
    pub(super) fn new(
        since: Instant,
        deadline: Option<Instant>,
        send_credit: u64,
        window: usize,
    ) -> Self {
        Self {
            since,
            deadline,
            expired: false,
            one_way: false,
            requests_ended: false,
            begun: false,
            finishing: false,
            opened_at: 0,
            send_credit,
            queue: None,
            window: Window::new(window),
            open_held: 0,
            held: 0,
            waiting: 0,
            large: None,
        }
    }

    /// The message that `last` completes, if there were fragments before it.
    #[inline]
    pub(super) fn complete(&mut self, last: &[u8]) -> Option<Bytes> {
        let large = self.large.as_mut()?;
        let mut partial = large.partial.take()?;
        large.withheld = 0;
        large.due = None;
        partial.extend_from_slice(last);
        Some(partial.freeze())
    }

    /// Whether a message is half received.
    #[inline]
    pub(super) fn is_in_message(&self) -> bool {
        self.large
            .as_ref()
            .is_some_and(|large| large.partial.is_some())
    }
}
