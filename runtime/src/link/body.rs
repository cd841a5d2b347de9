//! The two ends of a stream of messages, as those who call and those who answer hold them.
//!
//! Bytes only: what a message is, the codec knows; how bytes travel, the connection task.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc};

use super::command::{Command, Commands, Key};
use crate::metadata::Metadata;
use crate::status::Status;
use crate::wire::cost;

/// What one sender may have waiting in its connection task: enough to keep two fragments ready while one is written.
pub(super) const SEND_AHEAD: usize = 64 * 1024;

/// Consumed messages are told to the connection task in portions of this many bytes, so that small ones cost no command
/// each: an eighth of the smallest window.
const CONSUMED_PORTION: usize = 8 * 1024;

/// What a message costs beside its bytes, so that a flood of empty ones is bounded too.
const OVERHEAD: usize = 16;

/// What sending `body` takes from [`SEND_AHEAD`].
pub(super) fn room_for(body: &Bytes) -> u32 {
    u32::try_from((body.len() + OVERHEAD).min(SEND_AHEAD)).unwrap_or(u32::MAX)
}

/// Sends messages into a call. Dropped without [`BodySender::finish`], it ends the call as cancelled.
#[derive(Debug)]
pub(crate) struct BodySender {
    key: Key,
    commands: Commands,
    room: Arc<Semaphore>,
    finished: bool,
}

impl BodySender {
    pub(super) fn new(key: Key, commands: Commands, room: Arc<Semaphore>) -> Self {
        Self {
            key,
            commands,
            room,
            finished: false,
        }
    }

    /// Sends one message as soon as there is room for it; the peer's flow control decides when.
    ///
    /// # Errors
    /// `cancelled` when the call has ended; how it ended, its other end says.
    pub(crate) async fn send(&mut self, body: Bytes) -> Result<(), Status> {
        let ended = || Status::cancelled("the call has ended");
        let room = self.room.acquire_many(room_for(&body)).await;
        room.map_err(|_| ended())?.forget();
        self.commands
            .send(Command::Message {
                key: self.key,
                body,
            })
            .map_err(|_| ended())
    }

    /// Says that there will be messages, before there is the first.
    pub(crate) fn begin(&self) {
        // A call that has ended needs no beginning.
        let _ = self.commands.send(Command::Begin { key: self.key });
    }

    /// Says that there will be no more messages.
    pub(crate) fn finish(mut self) {
        self.finished = true;
        // A call that has ended needs no end.
        let _ = self.commands.send(Command::Finish { key: self.key });
    }
}

impl Drop for BodySender {
    fn drop(&mut self) {
        if !self.finished {
            let _ = self.commands.send(Command::Abandon { key: self.key });
        }
    }
}

/// What the connection task puts into a [`BodyReceiver`].
#[derive(Debug)]
pub(super) enum Item {
    /// There will be messages, or a good end.
    Begun,
    Message {
        body: Bytes,
        /// The machine wants to know when it is consumed.
        owed: bool,
    },
    End(Result<Metadata, Status>),
}

/// Takes messages out of a call. Dropped before the end, it tells the peer to stop.
#[derive(Debug)]
pub(crate) struct BodyReceiver {
    key: Key,
    commands: Commands,
    items: mpsc::UnboundedReceiver<Item>,
    /// Lengths of messages consumed and not yet told, and what they cost in all.
    consumed: Vec<usize>,
    cost: usize,
    /// What came while only a beginning was waited for.
    first: Option<Item>,
    end: Option<Result<Metadata, Status>>,
}

impl BodyReceiver {
    pub(super) fn new(key: Key, commands: Commands, items: mpsc::UnboundedReceiver<Item>) -> Self {
        Self {
            key,
            commands,
            items,
            consumed: Vec::new(),
            cost: 0,
            first: None,
            end: None,
        }
    }

    /// Waits until the other side has begun to send messages, or ended the call.
    ///
    /// # Errors
    /// The status of a call that failed before its first message.
    pub(crate) fn poll_begun(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        match std::task::ready!(self.items.poll_recv(cx)) {
            Some(Item::Begun) => Poll::Ready(Ok(())),
            Some(Item::End(Err(status))) => {
                self.end = Some(Err(status.clone()));
                Poll::Ready(Err(status))
            }
            Some(first) => {
                self.first = Some(first);
                Poll::Ready(Ok(()))
            }
            None => Poll::Ready(Err(gone())),
        }
    }

    /// The next message, the status that ended the call, or `None` behind a good end.
    ///
    /// Each message that is taken lets the peer send as much again.
    pub(crate) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Status>>> {
        if self.end.is_some() {
            return Poll::Ready(None);
        }
        let end = loop {
            let item = match self.first.take() {
                Some(first) => Poll::Ready(Some(first)),
                None => self.items.poll_recv(cx),
            };
            let Poll::Ready(item) = item else {
                // Whoever waits owes nothing: the peer may lack just that to finish its message.
                self.tell_consumed();
                return Poll::Pending;
            };
            match item {
                Some(Item::Begun) => {}
                Some(Item::Message { body, owed }) => {
                    if owed {
                        self.give_back(body.len());
                    }
                    return Poll::Ready(Some(Ok(body)));
                }
                Some(Item::End(end)) => break end,
                None => break Err(gone()),
            }
        };
        let item = end.as_ref().err().cloned().map(Err);
        self.end = Some(end);
        Poll::Ready(item)
    }

    fn give_back(&mut self, length: usize) {
        self.consumed.push(length);
        self.cost += cost(length);
        if self.cost >= CONSUMED_PORTION {
            self.tell_consumed();
        }
    }

    fn tell_consumed(&mut self) {
        if !self.consumed.is_empty() {
            self.cost = 0;
            let messages = std::mem::take(&mut self.consumed);
            let key = self.key;
            let _ = self.commands.send(Command::Consumed { key, messages });
        }
    }

    /// What the server sent behind the last message; there once the stream has ended well.
    #[cfg(test)]
    pub(crate) fn trailers(&self) -> Option<&Metadata> {
        self.end.as_ref()?.as_ref().ok()
    }
}

fn gone() -> Status {
    Status::unavailable("the connection task is gone")
}

impl Drop for BodyReceiver {
    fn drop(&mut self) {
        if self.end.is_none() {
            let _ = self.commands.send(Command::Discard { key: self.key });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::super::mailbox::{Receiver, mailbox};
    use super::*;
    use crate::conn::StreamId;

    fn next(told: &mut Receiver<Command>) -> Option<Command> {
        let _ = told.poll_ready(&mut Context::from_waker(Waker::noop()));
        told.take()
    }

    #[test]
    fn a_receiver_that_waits_has_told_what_it_consumed() {
        let (commands, mut told) = mailbox();
        let (items, taken) = mpsc::unbounded_channel();
        let mut receiver = BodyReceiver::new(StreamId::new(7), commands, taken);
        let mut cx = Context::from_waker(Waker::noop());
        for length in [3, 0] {
            let body = vec![1; length].into();
            items.send(Item::Message { body, owed: true }).unwrap();
        }
        for _ in 0..2 {
            assert!(matches!(
                receiver.poll_next(&mut cx),
                Poll::Ready(Some(Ok(_)))
            ));
            assert!(
                next(&mut told).is_none(),
                "one command for several messages"
            );
        }
        for _ in 0..2 {
            assert!(receiver.poll_next(&mut cx).is_pending());
        }
        let command = next(&mut told);
        assert!(
            matches!(&command, Some(Command::Consumed { messages, .. }) if messages == &[3, 0]),
            "{command:?}"
        );
        assert!(next(&mut told).is_none());
    }
}
