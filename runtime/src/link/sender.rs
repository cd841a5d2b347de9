//! The end of a stream of messages into which they go, as those who call and those who answer hold it.
//!
//! Bytes only: what a message is, the codec knows; how bytes travel, the connection task.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;

use super::command::{Command, Commands, Key};
use super::room::Room;
use crate::conn::Messages;
use crate::rope::Rope;
use crate::status::Status;
use crate::wire::frame::HEADER;
use crate::wire::{FRAGMENT, RunWriter};

/// A run is handed over before it is larger than this: what a stream may write in its turn.
const RUN: usize = FRAGMENT;

/// A message of this size and more travels by itself, and is not copied.
pub(crate) const ALONE: usize = 16 * 1024;

/// The first message of a stream is given this much memory for its run, unless it is larger: streams of single small
/// messages are many. The next run gets as much as the last one needed.
const FIRST_RUN: usize = 256;

/// Sends messages into a call. Dropped without [`BodySender::finish`], it ends the call as cancelled.
///
/// Messages gather in a run as long as its owner has some ready, and leave with [`BodySender::flush`] or when there are
/// enough of them: so whatever handing over costs is paid once for many.
#[derive(Debug)]
pub(crate) struct BodySender {
    key: Key,
    commands: Commands,
    room: Arc<Room>,
    /// Room that is left; below zero, what the last message took beyond it.
    left: isize,
    run: RunWriter,
    /// How large the last run was.
    usual: usize,
    finished: bool,
}

/// Why not all messages of a stream were sent.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The call has ended; how, its other end says.
    Ended,
    /// The stream has failed.
    Failed(Status),
}

impl BodySender {
    pub(super) fn new(key: Key, commands: Commands, room: Arc<Room>) -> Self {
        Self {
            key,
            commands,
            room,
            left: 0,
            run: RunWriter::default(),
            usual: FIRST_RUN,
            finished: false,
        }
    }

    /// Sends messages until there are no more of them. `next` puts the next one in; what it has put in has left when this
    /// returns, ready or not.
    pub(crate) fn poll_all(
        &mut self,
        cx: &mut Context<'_>,
        mut next: impl FnMut(&mut Self, &mut Context<'_>) -> Poll<Option<Result<(), Stop>>>,
    ) -> Poll<Result<(), Stop>> {
        let outcome = loop {
            match self.poll_ready(cx) {
                Poll::Ready(Ok(())) => {}
                outcome => break outcome,
            }
            match next(self, cx) {
                Poll::Ready(Some(Ok(()))) => {}
                Poll::Ready(Some(Err(stop))) => break Poll::Ready(Err(stop)),
                Poll::Ready(None) => break Poll::Ready(Ok(())),
                Poll::Pending => break Poll::Pending,
            }
        };
        self.flush()?;
        outcome
    }

    /// Waits until there is room for a message; the peer's flow control decides when.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Stop>> {
        while self.left <= 0 {
            let Some(free) = ready!(self.room.poll_take(cx)) else {
                return Poll::Ready(Err(Stop::Ended));
            };
            self.left = self.left.saturating_add_unsigned(free);
        }
        Poll::Ready(Ok(()))
    }

    /// Sends a message of `length` bytes, fewer than [`ALONE`], which `write` appends. For [`BodySender::poll_all`].
    ///
    /// # Errors
    /// [`Stop::Ended`]
    #[inline]
    pub(crate) fn put(
        &mut self,
        length: usize,
        write: impl FnOnce(&mut BytesMut),
    ) -> Result<(), Stop> {
        let cost = HEADER + length;
        if self.run.cost() + cost > RUN {
            self.flush()?;
        }
        self.run.expect(self.usual.max(cost));
        self.run.put(self.key.number(), write);
        self.left = self.left.saturating_sub_unsigned(cost);
        Ok(())
    }

    /// Sends a message that is encoded already. For [`BodySender::poll_all`].
    ///
    /// # Errors
    /// [`Stop::Ended`]
    pub(crate) fn put_encoded(&mut self, body: Rope) -> Result<(), Stop> {
        if body.len() < ALONE {
            return self.put(body.len(), |out| {
                for piece in body.pieces() {
                    out.extend_from_slice(piece);
                }
            });
        }
        self.flush()?;
        self.left = self.left.saturating_sub_unsigned(body.len());
        self.hand_over(body.into())
    }

    /// Hands over what has gathered.
    fn flush(&mut self) -> Result<(), Stop> {
        if self.run.is_empty() {
            return Ok(());
        }
        let run = self.run.finish();
        self.usual = run.cost().next_power_of_two().clamp(FIRST_RUN, RUN);
        self.hand_over(run.into())
    }

    fn hand_over(&mut self, messages: Messages) -> Result<(), Stop> {
        if self.room.is_closed() {
            return Err(Stop::Ended);
        }
        let key = self.key;
        let handed = self.commands.send(Command::Send { key, messages });
        handed.map_err(|_| Stop::Ended)
    }

    /// Sends one message as soon as there is room for it.
    ///
    /// # Errors
    /// `cancelled` when the call has ended; how it ended, its other end says.
    #[cfg(test)]
    pub(crate) async fn send(&mut self, body: Rope) -> Result<(), Status> {
        let mut body = Some(body);
        std::future::poll_fn(|cx| {
            let sent = self.poll_all(cx, |sender, _| {
                Poll::Ready(body.take().map(|body| sender.put_encoded(body)))
            });
            match sent {
                // There is no room for another.
                Poll::Pending if body.is_none() => Poll::Ready(Ok(())),
                sent => sent,
            }
        })
        .await
        .map_err(|_| Status::cancelled("the call has ended"))
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

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::task::Waker;

    use super::super::mailbox::{Receiver, mailbox};
    use super::*;
    use crate::conn::StreamId;

    fn next(told: &mut Receiver<Command>) -> Option<Command> {
        let _ = told.poll_ready(&mut Context::from_waker(Waker::noop()));
        told.take()
    }

    fn room_of(sender: &BodySender) -> Arc<Room> {
        Arc::clone(&sender.room)
    }

    /// Lets `sender` send messages of these lengths, of which no more are ready then.
    fn send(sender: &mut BodySender, lengths: &mut VecDeque<usize>) -> Poll<Result<(), Stop>> {
        sender.poll_all(
            &mut Context::from_waker(Waker::noop()),
            |sender, _| match lengths.pop_front() {
                Some(length) => Poll::Ready(Some(sender.put_encoded(vec![1; length].into()))),
                None => Poll::Pending,
            },
        )
    }

    /// How many messages have been handed over together, in order.
    fn handed(told: &mut Receiver<Command>) -> Vec<usize> {
        let mut handed = Vec::new();
        while let Some(command) = next(told) {
            handed.push(match command {
                Command::Send {
                    messages: Messages::Run(run),
                    ..
                } => run.messages(),
                Command::Send {
                    messages: Messages::One(_),
                    ..
                } => 1,
                other => panic!("{other:?}"),
            });
        }
        handed
    }

    fn sender() -> (BodySender, Receiver<Command>) {
        let (commands, told) = mailbox();
        (
            BodySender::new(StreamId::new(7), commands, Arc::new(Room::new())),
            told,
        )
    }

    #[test]
    fn messages_that_are_ready_together_leave_together_and_none_waits() {
        let (mut sender, mut told) = sender();
        let mut lengths = VecDeque::from([100; 5]);
        assert!(send(&mut sender, &mut lengths).is_pending());
        assert_eq!(lengths.len(), 5, "nothing is made before there is room");
        room_of(&sender).open();
        assert!(send(&mut sender, &mut lengths).is_pending());
        assert_eq!(handed(&mut told), [5]);
        assert!(send(&mut sender, &mut [1].into()).is_pending());
        assert_eq!(handed(&mut told), [1]);
        // A run is no larger than a fragment, and a large message goes by itself, in its order.
        let frame = HEADER + 1000;
        assert!(send(&mut sender, &mut [1000; 40].into()).is_pending());
        assert_eq!(handed(&mut told), [FRAGMENT / frame, 40 - FRAGMENT / frame]);
        assert!(send(&mut sender, &mut [10, 10, ALONE, 10].into()).is_pending());
        assert_eq!(handed(&mut told), [2, 1, 1]);
    }

    #[test]
    fn a_sender_without_room_makes_no_messages_until_it_has_some() {
        let (mut sender, mut told) = sender();
        let room = room_of(&sender);
        room.open();
        let mut lengths = VecDeque::from(vec![1000; 1000]);
        assert!(send(&mut sender, &mut lengths).is_pending());
        let sent = 1000 - lengths.len();
        let frame = HEADER + 1000;
        assert_eq!(sent, (64 << 10) / frame + 1, "one may go beyond the room");
        assert_eq!(handed(&mut told).iter().sum::<usize>(), sent);
        assert!(send(&mut sender, &mut lengths).is_pending());
        assert_eq!(handed(&mut told), [0; 0]);
        room.give_back(frame * 10);
        assert!(send(&mut sender, &mut lengths).is_pending());
        assert_eq!(handed(&mut told), [10]);
        room.close();
        assert!(matches!(
            send(&mut sender, &mut lengths),
            Poll::Ready(Err(Stop::Ended))
        ));
    }

    #[test]
    fn a_stream_that_fails_has_sent_what_came_before() {
        let (mut sender, mut told) = sender();
        room_of(&sender).open();
        let mut left = 3;
        let mut cx = Context::from_waker(Waker::noop());
        let outcome = sender.poll_all(&mut cx, |sender, _| {
            left -= 1;
            Poll::Ready(Some(if left > 0 {
                sender.put(1, |out| out.extend_from_slice(b"x"))
            } else {
                Err(Stop::Failed(Status::aborted("enough")))
            }))
        });
        assert!(matches!(outcome, Poll::Ready(Err(Stop::Failed(_)))));
        assert_eq!(handed(&mut told), [2]);
    }

    #[test]
    fn a_sender_that_is_dropped_inside_a_run_gives_the_call_up() {
        let (mut sender, mut told) = sender();
        room_of(&sender).open();
        assert!(send(&mut sender, &mut [1, 2].into()).is_pending());
        sender
            .put(3, |out| out.extend_from_slice(b"abc"))
            .expect("there is room");
        drop(sender);
        let commands = [next(&mut told), next(&mut told), next(&mut told)];
        assert!(
            matches!(
                commands,
                [
                    Some(Command::Send { .. }),
                    Some(Command::Abandon { .. }),
                    None
                ]
            ),
            "{commands:?}"
        );
    }
}
