//! One call as the caller holds it: the request that goes in, the answer that comes out.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::coop;

use super::client::{AnswerTo, finish_items};
use super::command::{Command, Key};
use super::receiver::BodyReceiver;
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

/// The same of a call that begins now, as its caller has it: most are on the wire before anybody else needs a part of it.
pub(crate) struct Ask<'a> {
    pub(crate) route: &'a Arc<Route>,
    pub(crate) kind: MethodKind,
    pub(crate) deadline: Option<Instant>,
    pub(crate) attempt: u32,
    pub(crate) metadata: &'a Metadata,
    pub(crate) body: &'a Rope,
    pub(crate) now: Instant,
}

impl Ask<'_> {
    /// For later.
    pub(super) fn to_request(&self, again: Option<Again>) -> Request {
        Request {
            route: Arc::clone(self.route),
            kind: self.kind,
            deadline: self.deadline,
            attempt: self.attempt,
            metadata: self.metadata.clone(),
            body: self.body.clone(),
            again,
        }
    }
}

impl Request {
    /// All but what to do if it is refused.
    pub(super) fn asked(&self, now: Instant) -> Ask<'_> {
        Ask {
            route: &self.route,
            kind: self.kind,
            deadline: self.deadline,
            attempt: self.attempt,
            metadata: &self.metadata,
            body: &self.body,
            now,
        }
    }
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
    /// It comes to the connection's side.
    Slot,
    Items(Box<BodyReceiver>),
    /// It was there at once.
    Here(Box<Answered>),
    Done(Option<Duration>),
}

impl Exchange {
    /// Puts the request among what the connection writes next. `caller` is woken for the answer; without one, whoever polls first.
    pub(super) fn open(
        link: Arc<Shared>,
        asked: &Ask<'_>,
        mut again: Option<Again>,
        caller: Option<&Waker>,
    ) -> Self {
        let room = asked.kind.sends_many().then(|| Arc::new(Room::new()));
        let (answer_to, items) = if asked.kind.receives_many() {
            let (items, receiver) = mpsc::unbounded_channel();
            (AnswerTo::Items(items), Some(receiver))
        } else {
            (AnswerTo::slot(caller), None)
        };
        let opened = link.front.open(asked, &mut again, answer_to, room.as_ref());
        let (key, here) = match opened {
            Ok((key, roused)) => {
                if roused {
                    link.commands.rouse();
                }
                (key, None)
            }
            Err((why, answer_to)) => {
                let outcome = Err(link.unopened(why));
                let here = match answer_to {
                    AnswerTo::Items(items) => {
                        finish_items(&items, outcome);
                        None
                    }
                    AnswerTo::Slot(_) => Some(Box::new(Answered { outcome, at: None })),
                };
                (StreamId::new(0), here)
            }
        };
        let answer = match (items, here) {
            (Some(items), _) => {
                let receiver = BodyReceiver::new(key, link.commands.clone(), items);
                Answer::Items(Box::new(receiver))
            }
            (None, Some(here)) => Answer::Here(here),
            (None, None) => Answer::Slot,
        };
        Self {
            key,
            sender: room.map(|room| Box::new(BodySender::new(key, link.commands.clone(), room))),
            answer,
            link,
        }
    }

    /// Whether there is nothing to be had before its caller is woken.
    pub(crate) fn is_out(&self) -> bool {
        matches!(self.answer, Answer::Slot)
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
            Answer::Slot | Answer::Here(_) | Answer::Done(_) => Poll::Ready(Ok(())),
        }
    }

    /// Where replies are a stream: the way to take them. The call then lasts as long as the receiver.
    pub(crate) fn take_receiver(&mut self) -> Option<Box<BodyReceiver>> {
        if !matches!(self.answer, Answer::Items(_)) {
            return None;
        }
        match std::mem::replace(&mut self.answer, Answer::Done(None)) {
            Answer::Items(receiver) => Some(receiver),
            Answer::Slot | Answer::Here(_) | Answer::Done(_) => None,
        }
    }

    /// When the answer came, since the epoch of the connection's configuration; nothing while it has not, or where its moment
    /// was not noted.
    pub(crate) fn answered_at(&self) -> Option<Duration> {
        match self.answer {
            Answer::Done(at) => at,
            Answer::Slot | Answer::Here(_) | Answer::Items(_) => None,
        }
    }
}

impl Future for Exchange {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let answered = if let Answer::Slot = self.answer {
            let taken = std::task::ready!(self.link.front.poll_take(self.key, cx));
            taken.unwrap_or_else(|| Answered {
                outcome: Err(self.link.health.ended()),
                at: None,
            })
        } else {
            // Whoever tries again at once must not keep those from running who would make room.
            std::task::ready!(coop::poll_proceed(cx)).made_progress();
            match std::mem::replace(&mut self.answer, Answer::Done(None)) {
                Answer::Here(answered) => *answered,
                _ => Answered {
                    outcome: Err(Status::internal(
                        "the replies of this call are a stream, or it was polled after its answer",
                    )),
                    at: None,
                },
            }
        };
        self.answer = Answer::Done(answered.at);
        Poll::Ready(answered.outcome)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if matches!(self.answer, Answer::Slot | Answer::Items(_)) {
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
