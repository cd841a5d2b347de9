//! One call as the caller holds it: the request that goes in, the answer that comes out.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::body::{BodyReceiver, BodySender, Item};
use super::command::{Command, Key};
use super::mailbox::Closed;
use super::{Outcome, Shared};
use crate::contract::MethodKind;
use crate::metadata::Metadata;
use crate::status::Status;
use crate::wire::Route;

/// What a call asks for.
#[derive(Clone, Debug)]
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
    pub(crate) body: Bytes,
}

/// A request on its way into the connection task, with what the task needs to answer it.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) key: Key,
    pub(super) request: Request,
    pub(super) answer: AnswerTo,
    /// Room for messages of ours; none until the call has a stream.
    pub(super) room: Option<Arc<Semaphore>>,
}

/// Where what comes back goes.
#[derive(Debug)]
pub(super) enum AnswerTo {
    /// One message at most.
    Slot(oneshot::Sender<Outcome>),
    /// Many.
    Items(mpsc::UnboundedSender<Item>),
}

/// A call under way. Dropped before its end, it is cancelled.
///
/// Where the reply is one message or none, it is the future of that reply; where replies are a stream, they are taken
/// from [`Exchange::take_receiver`].
#[must_use = "dropping an exchange cancels the call"]
pub(crate) struct Exchange {
    key: Key,
    link: Arc<Shared>,
    sender: Option<BodySender>,
    answer: Answer,
}

enum Answer {
    Slot(oneshot::Receiver<Outcome>),
    Items(BodyReceiver),
    Done,
}

impl Exchange {
    /// Hands `request` to the connection task.
    pub(super) fn open(link: &Arc<Shared>, request: Request) -> Self {
        let key = link.next_key.fetch_add(1, Ordering::Relaxed);
        let sends = matches!(
            request.kind,
            MethodKind::ClientStream | MethodKind::BidiStream
        );
        let receives = matches!(
            request.kind,
            MethodKind::ServerStream | MethodKind::BidiStream
        );
        let room = sends.then(|| Arc::new(Semaphore::new(0)));
        let sender = room
            .clone()
            .map(|room| BodySender::new(key, link.commands.clone(), room));
        let (answer_to, answer) = if receives {
            let (items, receiver) = mpsc::unbounded_channel();
            let receiver = BodyReceiver::new(key, link.commands.clone(), receiver);
            (AnswerTo::Items(items), Answer::Items(receiver))
        } else {
            let (slot, receiver) = oneshot::channel();
            (AnswerTo::Slot(slot), Answer::Slot(receiver))
        };
        link.health.in_flight.fetch_add(1, Ordering::Relaxed);
        let opening = Opening {
            key,
            request,
            answer: answer_to,
            room,
        };
        if let Err(Closed(Command::Open(opening))) = link.commands.send(Command::Open(opening)) {
            link.health.answer(opening.answer, Err(link.health.gone()));
        }
        Self {
            key,
            link: Arc::clone(link),
            sender,
            answer,
        }
    }

    /// Where requests are a stream: the way to send them. Once.
    pub(crate) fn take_sender(&mut self) -> Option<BodySender> {
        self.sender.take()
    }

    /// Waits until replies that are a stream have begun; at once where they are none.
    ///
    /// # Errors
    /// The status of a call that failed before its first message.
    pub(crate) fn poll_begun(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        match &mut self.answer {
            Answer::Items(receiver) => receiver.poll_begun(cx),
            Answer::Slot(_) | Answer::Done => Poll::Ready(Ok(())),
        }
    }

    /// Where replies are a stream: the way to take them. The call then lasts as long as the receiver.
    pub(crate) fn take_receiver(&mut self) -> Option<BodyReceiver> {
        match std::mem::replace(&mut self.answer, Answer::Done) {
            Answer::Items(receiver) => Some(receiver),
            other => {
                self.answer = other;
                None
            }
        }
    }
}

impl Future for Exchange {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let outcome = match &mut self.answer {
            Answer::Slot(slot) => std::task::ready!(Pin::new(slot).poll(cx))
                .unwrap_or_else(|_| Err(self.link.health.ended())),
            Answer::Items(_) | Answer::Done => Err(Status::internal(
                "the replies of this call are a stream, or it was polled after its answer",
            )),
        };
        self.answer = Answer::Done;
        Poll::Ready(outcome)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !matches!(self.answer, Answer::Done) {
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
