//! One call as the caller holds it: the request that goes in, the answer that comes out.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::command::{Command, Key};
use super::mailbox::Closed;
use super::receiver::{BodyReceiver, Item};
use super::room::Room;
use super::sender::BodySender;
use super::{Outcome, Shared};
use crate::conn::StreamId;
use crate::contract::MethodKind;
use crate::metadata::Metadata;
use crate::rope::Rope;
use crate::status::Status;
use crate::wire::Route;

/// What is done with the status of a call that its caller takes for sent, when no handler has seen it.
pub(crate) type Again = Box<dyn FnOnce(Status) + Send>;

/// What a call asks for.
pub(crate) struct Request {
    /// Method, group and codec.
    pub(crate) route: Arc<Route>,
    /// What travels each way.
    pub(crate) kind: MethodKind,
    /// When the caller stops waiting.
    pub(crate) deadline: Option<Instant>,
    /// How many attempts came before.
    pub(crate) attempt: u32,
    /// What travels beside the request.
    pub(crate) metadata: Metadata,
    /// The one request; empty where requests are a stream.
    pub(crate) body: Rope,
    /// For a call that nobody waits for: what to do if it is refused once it has left.
    pub(crate) again: Option<Again>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("route", &self.route)
            .field("kind", &self.kind)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

/// A request on its way into the connection task, with what the task needs to answer it.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) stream: StreamId,
    pub(super) request: Request,
    pub(super) answer: AnswerTo,
    /// Room for messages of ours; none until the call has a stream.
    pub(super) room: Option<Arc<Room>>,
}

/// Where what comes back goes.
#[derive(Debug)]
pub(super) enum AnswerTo {
    /// One message at most.
    Slot(oneshot::Sender<Answered>),
    /// Many.
    Items(mpsc::UnboundedSender<Item>),
}

/// The end of a call with one reply or none, and when the connection task saw it, if it did: by the epoch of its configuration.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) outcome: Outcome,
    pub(super) at: Option<Duration>,
}

/// A call under way. Dropped before its end, it is cancelled.
///
/// Where the reply is one message or none, it is the future of that reply; where replies are a stream, they are taken
/// from [`Exchange::take_receiver`].
#[must_use = "dropping an exchange cancels the call"]
pub(crate) struct Exchange {
    key: Key,
    link: Arc<Shared>,
    /// Boxed, as most calls have none: they are moved with what they carry.
    sender: Option<Box<BodySender>>,
    answer: Answer,
}

enum Answer {
    Slot(oneshot::Receiver<Answered>),
    Items(Box<BodyReceiver>),
    Done(Option<Duration>),
}

impl Exchange {
    /// Hands `request` to the connection task.
    pub(super) fn open(link: Arc<Shared>, request: Request) -> Self {
        let sends = matches!(
            request.kind,
            MethodKind::ClientStream | MethodKind::BidiStream
        );
        let receives = matches!(
            request.kind,
            MethodKind::ServerStream | MethodKind::BidiStream
        );
        let room = sends.then(|| Arc::new(Room::new()));
        let (answer_to, answer) = if receives {
            let (items, receiver) = mpsc::unbounded_channel();
            (AnswerTo::Items(items), Err(receiver))
        } else {
            let (slot, receiver) = oneshot::channel();
            (AnswerTo::Slot(slot), Ok(receiver))
        };
        link.health.in_flight.fetch_add(1, Ordering::Relaxed);
        let opened = link.commands.send_numbered(|number| {
            Command::Open(Opening {
                stream: StreamId::new(number),
                request,
                answer: answer_to,
                room: room.clone(),
            })
        });
        let key = StreamId::new(match opened {
            Ok(number) => number,
            Err(Closed(command)) => {
                if let Command::Open(opening) = command {
                    // Also where no number is left: the next call finds another connection.
                    link.health.retire();
                    link.health
                        .answer(opening.answer, Err(link.health.gone()), None);
                }
                0
            }
        });
        Self {
            key,
            sender: room.map(|room| Box::new(BodySender::new(key, link.commands.clone(), room))),
            answer: match answer {
                Ok(slot) => Answer::Slot(slot),
                Err(items) => {
                    let receiver = BodyReceiver::new(key, link.commands.clone(), items);
                    Answer::Items(Box::new(receiver))
                }
            },
            link,
        }
    }

    /// Where requests are a stream: the way to send them. Once.
    pub(crate) fn take_sender(&mut self) -> Option<BodySender> {
        self.sender.take().map(|sender| *sender)
    }

    /// Waits until replies that are a stream have begun; at once where they are none.
    ///
    /// # Errors
    /// The status of a call that failed before its first message.
    pub(crate) fn poll_begun(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        match &mut self.answer {
            Answer::Items(receiver) => receiver.poll_begun(cx),
            Answer::Slot(_) | Answer::Done(_) => Poll::Ready(Ok(())),
        }
    }

    /// Where replies are a stream: the way to take them. The call then lasts as long as the receiver.
    pub(crate) fn take_receiver(&mut self) -> Option<Box<BodyReceiver>> {
        if !matches!(self.answer, Answer::Items(_)) {
            return None;
        }
        match std::mem::replace(&mut self.answer, Answer::Done(None)) {
            Answer::Items(receiver) => Some(receiver),
            Answer::Slot(_) | Answer::Done(_) => None,
        }
    }

    /// When the answer came, since the epoch of the connection's configuration; nothing while it has not, or where its moment
    /// was not noted.
    pub(crate) fn answered_at(&self) -> Option<Duration> {
        match self.answer {
            Answer::Done(at) => at,
            Answer::Slot(_) | Answer::Items(_) => None,
        }
    }
}

impl Future for Exchange {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let (outcome, at) = match &mut self.answer {
            Answer::Slot(slot) => match std::task::ready!(Pin::new(slot).poll(cx)) {
                Ok(answered) => (answered.outcome, answered.at),
                Err(_) => (Err(self.link.health.ended()), None),
            },
            Answer::Items(_) | Answer::Done(_) => (
                Err(Status::internal(
                    "the replies of this call are a stream, or it was polled after its answer",
                )),
                None,
            ),
        };
        self.answer = Answer::Done(at);
        Poll::Ready(outcome)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !matches!(self.answer, Answer::Done(_)) {
            // A receiver that was never taken cancels by itself as well; the second time does nothing.
            let _ = self.link.commands.send(Command::Cancel { key: self.key });
        }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
