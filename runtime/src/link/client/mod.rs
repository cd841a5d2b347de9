//! The side that calls: which caller waits for which stream, and who waits for a stream at all.

mod desk;
mod queue;
mod role;

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::mpsc::error::SendError;
use tokio::sync::oneshot;

use super::driver::now;
use super::exchange::{Again, Answered, Ask};
use super::outgoing::Outgoing;
use super::receiver::Item;
use super::room::Room;
use super::{Health, Outcome};
use crate::conn::{self, ByStream, Connection, Messages, OpenError, StreamId};
use crate::contract::MethodKind;
use crate::rope::Rope;
use crate::status::{Phase, Progress, Status};
use crate::wire::{CancelReason, Run};
use desk::News;
use queue::{MAX_WAITING, Opening, Queue};

#[cfg(test)]
pub(super) use desk::Desk;
pub(super) use desk::{Front, desk};

/// The role of a client's connection.
pub(super) struct Caller {
    /// From when they are begun until their answer is taken.
    calls: ByStream<Call>,
    queue: Queue,
    /// The number of the next call; 0 when there is none left.
    next: u32,
    /// One-way calls whose request is on its way out.
    leaving: Vec<StreamId>,
    /// Those whose request has left, and that the server may still refuse: GOAWAY may have crossed them.
    sent: ByStream<Again>,
    /// Who waits for a sign of life, by the number of the PING.
    pings: Vec<(u64, oneshot::Sender<()>)>,
    health: Arc<Health>,
    /// Who waits for the handshake.
    ready: Option<oneshot::Sender<Result<(), Status>>>,
    /// The time of what happens here.
    now: Instant,
    /// The moment that callers count from, and the time since then.
    epoch: Instant,
    since: Duration,
    /// Answers since the last pause.
    answered: usize,
    /// Callers have touched the machine since the driver last looked.
    stirred: bool,
    /// The driver has looked, and is to be roused.
    asleep: bool,
    /// Who is to hear of what happened here.
    news: News,
    /// Nothing begins any more.
    over: bool,
}

/// A call whose answer has not been taken yet.
struct Call {
    answer: AnswerTo,
    outgoing: Option<Box<Outgoing>>,
    /// Our last message has been said; the machine is told once it has them all.
    finished: bool,
}

/// Where what comes back goes.
pub(super) enum AnswerTo {
    /// One message at most, to be taken from here.
    Slot(Slot),
    /// Many.
    Items(UnboundedSender<Item>),
}

/// ```text
///   Waits ──message──► Waits with a reply ──┐
///     └─────────────── end ─────────────────┴──► Answered ──► taken
/// ```
pub(super) enum Slot {
    Waits {
        caller: Option<Waker>,
        /// The reply, where it came apart from its end.
        reply: Option<Rope>,
    },
    Answered(Answered),
}

/// Why a call was not begun.
pub(super) enum Unopened {
    /// The connection takes none any more.
    Gone,
    /// It cannot be sent.
    Refused(Status),
}

impl AnswerTo {
    /// For a caller that is to be woken so.
    pub(super) fn slot(caller: Option<&Waker>) -> Self {
        Self::Slot(Slot::Waits {
            caller: caller.cloned(),
            reply: None,
        })
    }

    fn waits(&self) -> bool {
        !matches!(self, Self::Slot(Slot::Answered(_)))
    }
}

impl Caller {
    /// `epoch` is the moment that callers count from.
    pub(super) fn new(
        health: Arc<Health>,
        ready: oneshot::Sender<Result<(), Status>>,
        epoch: Instant,
    ) -> Self {
        let now = now();
        Self {
            calls: ByStream::default(),
            queue: Queue::default(),
            next: 1,
            leaving: Vec::new(),
            sent: ByStream::default(),
            pings: Vec::new(),
            health,
            ready: Some(ready),
            now,
            epoch,
            since: now.saturating_duration_since(epoch),
            answered: 0,
            stirred: false,
            asleep: false,
            news: News::default(),
            over: false,
        }
    }

    /// What happens from here on happens `now`. Much happens at one time.
    fn at(&mut self, now: Instant) {
        if self.now != now {
            self.now = now;
            self.since = now.saturating_duration_since(self.epoch);
        }
    }

    /// A caller has touched the machine: whether the driver is to be roused for it.
    fn stir(&mut self) -> bool {
        self.stirred = true;
        std::mem::take(&mut self.asleep)
    }

    /// Begins a call, or lets it wait.
    fn open(
        &mut self,
        connection: &mut Connection,
        asked: &Ask<'_>,
        again: &mut Option<Again>,
        answer: AnswerTo,
        room: Option<&Arc<Room>>,
    ) -> Result<StreamId, (Unopened, AnswerTo)> {
        if self.over || self.next == 0 {
            return Err((Unopened::Gone, answer));
        }
        let stream = StreamId::new(self.next);
        // Those who wait already come first.
        let opened = if self.queue.len() > 0 {
            Err(OpenError::Full)
        } else {
            self.try_open(connection, stream, asked, again, false)
        };
        let mut outgoing = None;
        match opened {
            Ok(()) => outgoing = room.map(|room| Box::new(Outgoing::new(Arc::clone(room)))),
            Err(OpenError::Full | OpenError::NotReady) => {
                if self.queue.len() == MAX_WAITING {
                    return Err((Unopened::Refused(too_many()), answer));
                }
                let opening = Opening {
                    request: asked.to_request(again.take()),
                    room: room.cloned(),
                };
                self.queue.push(stream, opening);
            }
            Err(OpenError::Gone) => return Err((Unopened::Gone, answer)),
            Err(OpenError::Refused(status)) => return Err((Unopened::Refused(status), answer)),
        }
        self.next = self.next.wrapping_add(1);
        self.health.begin();
        self.calls.insert(
            stream,
            Call {
                answer,
                outgoing,
                finished: false,
            },
        );
        Ok(stream)
    }

    /// Puts a call on the wire, if there is room now.
    fn try_open(
        &mut self,
        connection: &mut Connection,
        stream: StreamId,
        asked: &Ask<'_>,
        again: &mut Option<Again>,
        finished: bool,
    ) -> Result<(), OpenError> {
        let sends = asked.kind.sends_many();
        let one_way = asked.kind == MethodKind::OneWay;
        connection.open(
            stream,
            &conn::Call {
                route: asked.route,
                deadline: asked.deadline,
                attempt: asked.attempt,
                one_way,
                metadata: asked.metadata,
                body: (!sends).then_some(asked.body),
                last: !sends || finished,
            },
            asked.now,
        )?;
        if one_way {
            self.leaving.push(stream);
            if let Some(again) = again.take() {
                self.sent.insert(stream, again);
            }
        }
        Ok(())
    }

    /// Puts those who wait on the wire, as far as there is room.
    fn open_waiting(&mut self, connection: &mut Connection) {
        while let Some((stream, mut opening)) = self.queue.pop() {
            let finished = self.calls.get(stream).is_some_and(|call| call.finished);
            let mut again = opening.request.again.take();
            let asked = opening.request.asked(self.now);
            let opened = self.try_open(connection, stream, &asked, &mut again, finished);
            match opened {
                Ok(()) => {
                    let room = opening.room.take();
                    if let Some(call) = self.calls.get_mut(stream) {
                        call.outgoing = room.map(|room| Box::new(Outgoing::new(room)));
                    }
                }
                Err(OpenError::Full | OpenError::NotReady) => {
                    opening.request.again = again;
                    self.queue.put_back(stream, opening);
                    return;
                }
                Err(OpenError::Gone) => {
                    self.forget_again(again);
                    self.answer(stream, Err(self.health.gone()));
                }
                Err(OpenError::Refused(status)) => {
                    self.forget_again(again);
                    self.answer(stream, Err(status));
                }
            }
        }
    }

    fn fail_waiting(&mut self, status: &Status) {
        while let Some((stream, mut opening)) = self.queue.pop() {
            self.forget_again(opening.request.again.take());
            self.answer(stream, Err(status.clone()));
        }
    }

    /// Drops what is not needed when the lock is open: it holds a whole call.
    fn forget_again(&mut self, again: Option<Again>) {
        self.news.settled.extend(again.map(|again| (again, None)));
    }

    /// Ends a call for its caller.
    fn answer(&mut self, stream: StreamId, outcome: Outcome) {
        let Some(call) = self.calls.get_mut(stream) else {
            return;
        };
        call.outgoing = None;
        let outcome = self.health.settle(outcome);
        match &mut call.answer {
            AnswerTo::Slot(slot) => {
                let at = Some(self.since);
                let answered = Slot::Answered(Answered { outcome, at });
                if let Slot::Waits {
                    caller: Some(caller),
                    ..
                } = std::mem::replace(slot, answered)
                {
                    self.news.woken.push(caller);
                }
            }
            AnswerTo::Items(items) => {
                finish_items(items, outcome);
                self.calls.remove(stream);
            }
        }
    }

    /// Takes the answer of a call, or leaves word who is to be woken when it comes; and whoever was to be woken before.
    fn poll_take(
        &mut self,
        stream: StreamId,
        cx: &mut Context<'_>,
    ) -> (Poll<Option<Answered>>, Option<Waker>) {
        let Some(call) = self.calls.get_mut(stream) else {
            return (Poll::Ready(None), None);
        };
        if let AnswerTo::Slot(Slot::Waits { caller, .. }) = &mut call.answer {
            let known = caller
                .as_ref()
                .is_some_and(|caller| caller.will_wake(cx.waker()));
            let former = if known {
                None
            } else {
                caller.replace(cx.waker().clone())
            };
            return (Poll::Pending, former);
        }
        let answered = self
            .calls
            .remove(stream)
            .and_then(|call| match call.answer {
                AnswerTo::Slot(Slot::Answered(answered)) => Some(answered),
                _ => None,
            });
        (Poll::Ready(answered), None)
    }

    /// The task has gone before the end of the connection.
    fn abandon(&mut self) {
        self.over = true;
        let status = self.health.ended();
        self.fail_waiting(&status);
        for number in self.calls.numbers() {
            let stream = StreamId::new(number);
            if self.is_waited_for(stream) {
                self.answer(stream, Err(status.clone()));
            }
        }
    }

    fn is_waited_for(&self, stream: StreamId) -> bool {
        let call = self.calls.get(stream);
        call.is_some_and(|call| call.answer.waits())
    }

    fn message(&mut self, connection: &mut Connection, stream: StreamId, body: Bytes) {
        let Some(call) = self.calls.get_mut(stream) else {
            return;
        };
        match &mut call.answer {
            AnswerTo::Items(items) => {
                let length = body.len();
                if items.send(Item::Message { body, owed: true }).is_err() {
                    connection.consumed(stream, length);
                }
            }
            AnswerTo::Slot(Slot::Waits { reply, .. }) => {
                connection.consumed(stream, body.len());
                if reply.replace(body.into()).is_some() {
                    let status =
                        Status::internal("the server sent several replies where one belongs");
                    self.give_up(connection, stream, CancelReason::Limit, status);
                }
            }
            AnswerTo::Slot(Slot::Answered(_)) => {}
        }
    }

    fn run(&mut self, connection: &mut Connection, stream: StreamId, mut run: Run) {
        let Some(call) = self.calls.get(stream) else {
            return;
        };
        if let AnswerTo::Items(items) = &call.answer {
            if let Err(SendError(Item::Run(run))) = items.send(Item::Run(run)) {
                connection.consumed_run(stream, run.messages(), run.cost());
            }
            return;
        }
        while let Some(body) = run.pop() {
            self.message(connection, stream, body);
        }
    }

    fn begun(&mut self, stream: StreamId) {
        if let Some(Call {
            answer: AnswerTo::Items(items),
            ..
        }) = self.calls.get(stream)
        {
            // Where nobody takes items any more, the call is being cancelled.
            let _ = items.send(Item::Begun);
        }
    }

    fn ended(&mut self, stream: StreamId, outcome: Outcome) {
        let reply = match self.calls.get_mut(stream).map(|call| &mut call.answer) {
            Some(AnswerTo::Slot(Slot::Waits { reply, .. })) => reply.take(),
            Some(AnswerTo::Items(_)) => None,
            Some(AnswerTo::Slot(Slot::Answered(_))) | None => {
                self.settled(stream, outcome);
                return;
            }
        };
        self.answered += 1;
        if outcome.is_err() {
            // Its caller hears of it.
            let again = self.sent.remove(stream);
            self.forget_again(again);
        }
        let outcome = match outcome {
            Ok(end) if reply.is_some() && end.body.is_none() => Ok(conn::Reply {
                body: reply,
                trailers: end.trailers,
            }),
            outcome => outcome,
        };
        self.answer(stream, outcome);
    }

    /// A call that nobody waits for any more is over.
    fn settled(&mut self, stream: StreamId, outcome: Outcome) {
        if let Some(again) = self.sent.remove(stream) {
            let refused = outcome
                .err()
                .filter(|status| status.progress() == Progress::NotStarted);
            self.news.settled.push((again, refused));
        }
    }

    /// Cancels a call for a reason of ours.
    fn give_up(
        &mut self,
        connection: &mut Connection,
        stream: StreamId,
        reason: CancelReason,
        status: Status,
    ) {
        connection.cancel(stream, reason);
        self.ended(stream, Err(status));
    }

    fn cancel(
        &mut self,
        connection: &mut Connection,
        stream: StreamId,
        status: impl FnOnce() -> Status,
    ) {
        if let Some(mut opening) = self.queue.give_up(stream) {
            self.forget_again(opening.request.again.take());
            let status = status().not_started();
            self.answer(stream, Err(status));
        } else if self.is_waited_for(stream) {
            self.give_up(connection, stream, CancelReason::Caller, status());
        }
    }

    /// Nobody waits for the answer, nor takes it.
    fn drop_call(&mut self, connection: &mut Connection, stream: StreamId) {
        self.cancel(connection, stream, || {
            Status::cancelled("the caller has gone").in_phase(Phase::Local)
        });
        self.calls.remove(stream);
    }

    fn finish(&mut self, connection: &mut Connection, stream: StreamId) {
        if let Some(call) = self.calls.get_mut(stream) {
            call.finished = true;
            if call
                .outgoing
                .as_ref()
                .is_some_and(|outgoing| outgoing.is_empty())
            {
                connection.finish_requests(stream);
            }
        }
    }

    fn send(&mut self, connection: &mut Connection, stream: StreamId, messages: Messages) {
        let Some(call) = self.calls.get_mut(stream) else {
            return;
        };
        if let Some(outgoing) = &mut call.outgoing
            && let Err(status) = outgoing.push(connection, stream, messages)
        {
            self.give_up(connection, stream, CancelReason::Limit, status);
        }
    }

    fn writable(&mut self, connection: &mut Connection, stream: StreamId) {
        let Some(call) = self.calls.get_mut(stream) else {
            return;
        };
        let Some(outgoing) = &mut call.outgoing else {
            return;
        };
        match outgoing.advance(connection, stream) {
            Ok(()) if call.finished && outgoing.is_empty() => connection.finish_requests(stream),
            Ok(()) => {}
            Err(status) => self.give_up(connection, stream, CancelReason::Limit, status),
        }
    }

    fn handshake(&mut self, outcome: Result<(), Status>) {
        if let Some(ready) = self.ready.take() {
            if outcome.is_ok() {
                self.health.greet();
            }
            // Whoever connected may have gone; then the commands end soon.
            let _ = ready.send(outcome);
        }
    }
}

/// Ends a stream of replies.
pub(super) fn finish_items(items: &UnboundedSender<Item>, outcome: Outcome) {
    let end = outcome.map(|reply| {
        if let Some(body) = reply.body {
            // A caller that has gone needs no answer.
            let _ = items.send(Item::Message {
                body: body.into_bytes(),
                owed: false,
            });
        }
        reply.trailers
    });
    let _ = items.send(Item::End(end));
}

fn too_many() -> Status {
    Status::resource_exhausted(format!(
        "{MAX_WAITING} calls wait for this connection already"
    ))
    .not_started()
    .in_phase(Phase::Local)
    .with_setting("ClientBuilder::connections")
}

#[cfg(test)]
mod tests;
