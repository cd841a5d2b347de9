//! The side that calls: which caller waits for which stream, and who waits for a stream at all.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc::error::SendError;
use tokio::sync::oneshot;

use super::command::Command;
use super::driver::{Role, now};
use super::exchange::{Again, AnswerTo, Opening, Request};
use super::outgoing::Outgoing;
use super::receiver::Item;
use super::{Health, Outcome};
use crate::conn::{self, ByStream, CloseReason, Connection, Event, Messages, OpenError, StreamId};
use crate::contract::MethodKind;
use crate::metadata::Metadata;
use crate::rope::Rope;
use crate::status::{Phase, Progress, Status};
use crate::wire::{CancelReason, Run};

/// Calls that wait for a stream because the connection has as many as it may. Beyond it a call fails at once: the
/// callers are far ahead of what the server takes.
const MAX_WAITING: usize = 64 * 1024;

/// The role of a client's connection.
pub(super) struct Caller {
    calls: ByStream<Call>,
    /// Who waits for room on the connection, by number; those that gave up are still in it.
    queue: VecDeque<Waiting>,
    /// How many have not given up.
    waiting: usize,
    deadlines: BinaryHeap<Reverse<(Instant, StreamId)>>,
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
}

/// A call that is not on the wire yet.
struct Waiting {
    stream: StreamId,
    /// None of a call that gave up.
    opening: Option<Opening>,
    finished: bool,
}

/// A call that is on the wire.
struct Call {
    answer: AnswerTo,
    /// The reply, where it came apart from its end.
    reply: Option<Rope>,
    outgoing: Option<Box<Outgoing>>,
    /// Our last message has been said; the machine is told once it has them all.
    finished: bool,
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
            queue: VecDeque::new(),
            waiting: 0,
            deadlines: BinaryHeap::new(),
            leaving: Vec::new(),
            sent: ByStream::default(),
            pings: Vec::new(),
            health,
            ready: Some(ready),
            now,
            epoch,
            since: now.saturating_duration_since(epoch),
            answered: 0,
        }
    }

    /// What happens from here on happens `now`. Much happens at one time.
    fn at(&mut self, now: Instant) {
        if self.now != now {
            self.now = now;
            self.since = now.saturating_duration_since(self.epoch);
        }
    }

    fn open(&mut self, connection: &mut Connection, opening: Opening) {
        // Those who wait already come first.
        let left = if self.waiting > 0 {
            Some(opening)
        } else {
            self.try_open(connection, opening, false)
        };
        if let Some(opening) = left {
            self.wait(opening);
        }
    }

    fn wait(&mut self, opening: Opening) {
        if self.waiting == MAX_WAITING {
            let status = Status::resource_exhausted(format!(
                "{MAX_WAITING} calls wait for this connection already"
            ))
            .not_started()
            .in_phase(Phase::Local)
            .with_setting("ClientBuilder::connections");
            self.answer(opening.answer, Err(status));
            return;
        }
        let stream = opening.stream;
        if let Some(deadline) = opening.request.deadline {
            self.deadlines.push(Reverse((deadline, stream)));
        }
        self.waiting += 1;
        self.queue.push_back(Waiting {
            stream,
            opening: Some(opening),
            finished: false,
        });
        self.forget_those_that_gave_up();
    }

    /// Keeps the queue as long as those who wait are many, however often callers come and go while nothing is opened.
    fn forget_those_that_gave_up(&mut self) {
        let most = 2 * self.waiting + 64;
        if self.queue.len() > most {
            self.queue.retain(|waiting| waiting.opening.is_some());
        }
        if self.deadlines.len() > most {
            let mut deadlines = std::mem::take(&mut self.deadlines);
            deadlines.retain(|Reverse((_, stream))| self.waits(*stream));
            self.deadlines = deadlines;
        }
    }

    /// Where a call that waits stands in the queue.
    fn place(&self, stream: StreamId) -> Option<usize> {
        let place = self
            .queue
            .binary_search_by_key(&stream, |waiting| waiting.stream);
        place
            .ok()
            .filter(|&place| self.queue[place].opening.is_some())
    }

    fn waits(&self, stream: StreamId) -> bool {
        self.place(stream).is_some()
    }

    /// Puts the call on the wire, or gives it back because there is no room now.
    fn try_open(
        &mut self,
        connection: &mut Connection,
        opening: Opening,
        finished: bool,
    ) -> Option<Opening> {
        let Request {
            route,
            kind,
            deadline,
            attempt,
            metadata,
            body,
            again: _,
        } = &opening.request;
        let streams = matches!(kind, MethodKind::ClientStream | MethodKind::BidiStream);
        let opened = connection.open(
            opening.stream,
            &conn::Call {
                route,
                deadline: *deadline,
                attempt: *attempt,
                one_way: *kind == MethodKind::OneWay,
                metadata,
                body: (!streams).then_some(body),
                last: !streams || finished,
            },
            self.now,
        );
        match opened {
            Ok(()) => {
                let one_way = *kind == MethodKind::OneWay;
                let Opening {
                    stream,
                    request,
                    answer,
                    room,
                } = opening;
                if one_way {
                    self.leaving.push(stream);
                    if let Some(again) = request.again {
                        self.sent.insert(stream, again);
                    }
                }
                let call = Call {
                    answer,
                    reply: None,
                    outgoing: room.map(|room| Box::new(Outgoing::new(room))),
                    finished,
                };
                self.calls.insert(stream, call);
            }
            Err(OpenError::Full | OpenError::NotReady) => return Some(opening),
            Err(OpenError::Gone) => {
                let status = self.health.gone();
                self.answer(opening.answer, Err(status));
            }
            Err(OpenError::Refused(status)) => {
                self.answer(opening.answer, Err(status));
            }
        }
        None
    }

    /// Puts those who wait on the wire, as far as there is room.
    fn open_waiting(&mut self, connection: &mut Connection) {
        while let Some(Waiting {
            stream,
            opening,
            finished,
        }) = self.queue.pop_front()
        {
            // Some gave up.
            let Some(opening) = opening else { continue };
            if let Some(opening) = self.try_open(connection, opening, finished) {
                self.queue.push_front(Waiting {
                    stream,
                    opening: Some(opening),
                    finished,
                });
                return;
            }
            self.waiting -= 1;
        }
        self.deadlines.clear();
    }

    fn fail_waiting(&mut self, status: &Status) {
        for opening in self.queue.drain(..).filter_map(|waiting| waiting.opening) {
            let outcome = Err(status.clone());
            self.health
                .answer(opening.answer, outcome, Some(self.since));
        }
        self.waiting = 0;
        self.deadlines.clear();
    }

    fn answer(&self, answer: AnswerTo, outcome: Outcome) {
        self.health.answer(answer, outcome, Some(self.since));
    }

    fn message(&mut self, connection: &mut Connection, stream: StreamId, body: Bytes) {
        let Some(call) = self.calls.get_mut(stream) else {
            return;
        };
        match &call.answer {
            AnswerTo::Items(items) => {
                let length = body.len();
                if items.send(Item::Message { body, owed: true }).is_err() {
                    connection.consumed(stream, length);
                }
            }
            AnswerTo::Slot(_) => {
                connection.consumed(stream, body.len());
                if call.reply.replace(body.into()).is_some() {
                    let status =
                        Status::internal("the server sent several replies where one belongs");
                    self.give_up(connection, stream, CancelReason::Limit, status);
                }
            }
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

    fn ended(&mut self, stream: StreamId, outcome: Result<conn::Reply, Status>) {
        let Some(call) = self.calls.remove(stream) else {
            self.settled(stream, outcome);
            return;
        };
        self.answered += 1;
        if outcome.is_err() {
            // Its caller hears of it.
            self.sent.remove(stream);
        }
        let outcome = match (outcome, call.reply) {
            (Ok(end), reply @ Some(_)) if end.body.is_none() => Ok(conn::Reply {
                body: reply,
                trailers: end.trailers,
            }),
            (outcome, _) => outcome,
        };
        self.answer(call.answer, outcome);
    }

    /// A call that nobody waits for any more is over.
    fn settled(&mut self, stream: StreamId, outcome: Result<conn::Reply, Status>) {
        if let Some(again) = self.sent.remove(stream)
            && let Err(status) = outcome
            && status.progress() == Progress::NotStarted
        {
            again(status);
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
        if self.calls.get(stream).is_some() {
            self.give_up(connection, stream, CancelReason::Caller, status());
        } else if let Some(place) = self.place(stream)
            && let Some(opening) = self.queue[place].opening.take()
        {
            self.waiting -= 1;
            let status = status().not_started();
            self.answer(opening.answer, Err(status));
        }
    }

    fn finish(&mut self, connection: &mut Connection, stream: StreamId) {
        if let Some(call) = self.calls.get_mut(stream) {
            call.finished = true;
            if call
                .outgoing
                .as_ref()
                .is_none_or(|outgoing| outgoing.is_empty())
            {
                connection.finish_requests(stream);
            }
        } else if let Some(place) = self.place(stream) {
            self.queue[place].finished = true;
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

impl Role for Caller {
    fn command(&mut self, connection: &mut Connection, command: Command, now: Instant) {
        self.at(now);
        match command {
            Command::Open(opening) => self.open(connection, opening),
            Command::Send { key, messages } => self.send(connection, key, messages),
            Command::Finish { key } => self.finish(connection, key),
            Command::Abandon { key } => self.cancel(connection, key, || {
                Status::cancelled("the stream of requests was dropped before its end")
                    .in_phase(Phase::Local)
            }),
            Command::Consumed {
                key,
                messages,
                cost,
            } => connection.consumed_run(key, messages, cost),
            Command::ConsumedOne { key, length } => connection.consumed(key, length),
            Command::Discard { key } | Command::Cancel { key } => {
                self.cancel(connection, key, || {
                    Status::cancelled("the caller has gone").in_phase(Phase::Local)
                });
            }
            Command::Ping(answer) => self.pings.push((connection.ping(), answer)),
            Command::Drain => {
                self.health.leave();
                self.fail_waiting(&self.health.gone());
                connection.go_away("the client needs the connection no more");
            }
            Command::Close => connection.close("closed by the client"),
            // Only servers have handlers.
            Command::Answered { .. } | Command::Admitted { .. } | Command::Begin { .. } => {}
        }
    }

    fn event(&mut self, connection: &mut Connection, event: Event, now: Instant) {
        self.at(now);
        match event {
            Event::Ready => {
                self.handshake(Ok(()));
                self.open_waiting(connection);
            }
            Event::Begun { stream } => self.begun(stream),
            Event::Message { stream, body, .. } => self.message(connection, stream, body),
            Event::Run { stream, run } => self.run(connection, stream, run),
            Event::Ended { stream, outcome } => self.ended(stream, outcome),
            Event::Writable { stream } => self.writable(connection, stream),
            Event::Openable => self.open_waiting(connection),
            Event::Silent => self.health.doubt(true),
            Event::Heard => self.health.doubt(false),
            Event::Pong { token } => {
                for (_, answer) in self.pings.extract_if(.., |(asked, _)| *asked <= token) {
                    let _ = answer.send(());
                }
            }
            Event::GoAway { .. } => {
                self.health.retire();
                self.fail_waiting(&self.health.gone());
            }
            // The driver sees the end itself; the rest happens to servers.
            _ => {}
        }
    }

    fn flushed(&mut self, connection: &Connection) {
        let leaving = std::mem::take(&mut self.leaving);
        for stream in leaving {
            if connection.has_left(stream) {
                let reply = conn::Reply {
                    body: None,
                    trailers: Metadata::new(),
                };
                self.ended(stream, Ok(reply));
            } else {
                self.leaving.push(stream);
            }
        }
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.deadlines
            .peek()
            .map(|Reverse((deadline, _))| *deadline)
    }

    fn timeout(&mut self, connection: &mut Connection, now: Instant) {
        self.at(now);
        while let Some(Reverse((deadline, stream))) = self.deadlines.peek().copied()
            && deadline <= now
        {
            self.deadlines.pop();
            if self.waits(stream) {
                self.cancel(connection, stream, || {
                    Status::deadline_exceeded("the deadline passed before the connection had room")
                        .in_phase(Phase::Local)
                });
            }
        }
    }

    fn expects_more(&mut self) -> bool {
        // Those who have their answers may have more to ask.
        let answered = std::mem::take(&mut self.answered);
        answered > 1 || self.calls.len() + self.waiting > 1
    }

    fn closed(&mut self, _: &Connection, reason: &CloseReason, late: Vec<Command>) {
        self.health.close(reason);
        let gone = self.health.gone();
        self.handshake(Err(gone.clone().in_phase(Phase::Handshake)));
        self.fail_waiting(&gone);
        self.pings.clear();
        for command in late {
            if let Command::Open(opening) = command {
                self.answer(opening.answer, Err(gone.clone()));
            }
        }
    }
}
