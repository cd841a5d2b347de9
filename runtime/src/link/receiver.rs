//! The end of a stream of messages out of which they come, as those who call and those who answer hold it.
//!
//! Bytes only: what a message is, the codec knows; how bytes travel, the connection task.

use std::task::{Context, Poll, ready};

use bytes::buf::Take;
use bytes::{Buf, Bytes};
use tokio::sync::mpsc;

use super::command::{Command, Commands, Key};
use crate::metadata::Metadata;
use crate::status::Status;
use crate::wire::Run;

/// Consumed messages are told to the connection task in portions of this many bytes, so that small ones cost no command
/// each: an eighth of the smallest window.
const CONSUMED_PORTION: usize = 8 * 1024;

/// A message that is being taken out: of a run, or of what came by itself.
pub(crate) type Part<'a> = Take<&'a mut Bytes>;

/// What the connection task puts into a [`BodyReceiver`].
#[derive(Debug)]
pub(super) enum Item {
    /// There will be messages, or a good end.
    Begun,
    /// Messages that came together. The machine wants to know when they are consumed.
    Run(Run),
    /// A message that came by itself.
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
    /// What is being taken out.
    run: Run,
    /// Messages of runs that are consumed and not yet told, and what they cost in all.
    consumed: usize,
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
            run: Run::default(),
            consumed: 0,
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

    /// What `read` makes of the next message, the status that ended the call, or `None` behind a good end.
    ///
    /// Each message that is taken lets the peer send as much again.
    pub(crate) fn poll_read<T>(
        &mut self,
        cx: &mut Context<'_>,
        read: impl FnOnce(Part<'_>) -> T,
    ) -> Poll<Option<Result<T, Status>>> {
        if self.run.is_empty()
            && let Some(outcome) = ready!(self.poll_item(cx))
        {
            return Poll::Ready(match outcome {
                Ok(mut body) => {
                    let length = body.len();
                    Some(Ok(read((&mut body).take(length))))
                }
                Err(end) => end.map(Err),
            });
        }
        let cost = self.run.front_cost();
        self.consumed += 1;
        self.cost += cost;
        if self.cost >= CONSUMED_PORTION {
            self.tell_consumed();
        }
        Poll::Ready(self.run.read(read).map(Ok))
    }

    /// Waits for what comes next: `None` if it is a run, which is in its place then; else a message, or the end.
    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Option<Status>>>> {
        if self.end.is_some() {
            return Poll::Ready(Some(Err(None)));
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
                Some(Item::Run(run)) => {
                    self.run = run;
                    return Poll::Ready(None);
                }
                Some(Item::Message { body, owed }) => {
                    if owed {
                        let (key, length) = (self.key, body.len());
                        let _ = self.commands.send(Command::ConsumedOne { key, length });
                    }
                    return Poll::Ready(Some(Ok(body)));
                }
                Some(Item::End(end)) => break end,
                None => break Err(gone()),
            }
        };
        let status = end.as_ref().err().cloned();
        self.end = Some(end);
        Poll::Ready(Some(Err(status)))
    }

    /// The next message as it is.
    #[cfg(test)]
    pub(crate) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Status>>> {
        self.poll_read(cx, |mut part| part.copy_to_bytes(part.remaining()))
    }

    fn tell_consumed(&mut self) {
        if self.consumed > 0 {
            let command = Command::Consumed {
                key: self.key,
                messages: std::mem::take(&mut self.consumed),
                cost: std::mem::take(&mut self.cost),
            };
            let _ = self.commands.send(command);
        }
    }

    /// What the server sent behind the last message; there once the stream has ended well.
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
    use crate::wire::RunWriter;
    use crate::wire::frame::HEADER;

    fn next(told: &mut Receiver<Command>) -> Option<Command> {
        let _ = told.poll_ready(&mut Context::from_waker(Waker::noop()));
        told.take()
    }

    fn run(lengths: &[usize]) -> Run {
        let mut writer = RunWriter::default();
        for length in lengths {
            writer.put(7, |out| out.resize(out.len() + length, 1));
        }
        writer.finish()
    }

    fn receiver() -> (BodyReceiver, mpsc::UnboundedSender<Item>, Receiver<Command>) {
        let (commands, told) = mailbox();
        let (items, taken) = mpsc::unbounded_channel();
        (
            BodyReceiver::new(StreamId::new(7), commands, taken),
            items,
            told,
        )
    }

    fn take(receiver: &mut BodyReceiver) -> Option<usize> {
        match receiver.poll_next(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Some(Ok(body))) => Some(body.len()),
            Poll::Ready(other) => panic!("{other:?}"),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_receiver_that_waits_has_told_what_it_consumed() {
        let (mut receiver, items, mut told) = receiver();
        items.send(Item::Run(run(&[3, 0]))).unwrap();
        items.send(Item::Run(run(&[5]))).unwrap();
        for length in [3, 0, 5] {
            assert_eq!(take(&mut receiver), Some(length));
            assert!(
                next(&mut told).is_none(),
                "one command for several messages"
            );
        }
        for _ in 0..2 {
            assert_eq!(take(&mut receiver), None);
        }
        let command = next(&mut told);
        assert!(
            matches!(
                command,
                Some(Command::Consumed { messages: 3, cost, .. }) if cost == 8 + 3 * HEADER
            ),
            "{command:?}"
        );
        assert!(next(&mut told).is_none());
    }

    #[test]
    fn what_is_consumed_is_told_once_whatever_it_came_with() {
        let (mut receiver, items, mut told) = receiver();
        let lengths = vec![1000; 25];
        items.send(Item::Run(run(&lengths))).unwrap();
        let body = vec![1; 40_000].into();
        items.send(Item::Message { body, owed: true }).unwrap();
        let body = vec![1; 50].into();
        items.send(Item::Message { body, owed: false }).unwrap();
        while take(&mut receiver).is_some() {}
        let (mut messages, mut costs, mut large) = (0, 0, Vec::new());
        while let Some(command) = next(&mut told) {
            match command {
                Command::Consumed {
                    messages: more,
                    cost,
                    ..
                } => {
                    assert!(cost < CONSUMED_PORTION + 1000 + HEADER);
                    messages += more;
                    costs += cost;
                }
                Command::ConsumedOne { length, .. } => large.push(length),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((messages, costs), (25, 25 * (1000 + HEADER)));
        assert_eq!(large, [40_000]);
    }
}
