//! The side that calls: which caller waits for which stream, and who waits for a stream at all.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::Health;
use super::body::Item;
use super::command::{Command, Key};
use super::driver::Role;
use super::exchange::{AnswerTo, Opening, Request};
use super::outgoing::Outgoing;
use crate::conn::{self, CloseReason, Connection, Event, OpenError, StreamId};
use crate::contract::MethodKind;
use crate::metadata::Metadata;
use crate::status::{Phase, Status};
use crate::wire::CancelReason;

/// Calls that wait for a stream because the connection has as many as it may. Beyond it a call fails at once: the
/// callers are far ahead of what the server takes.
const MAX_WAITING: usize = 64 * 1024;

/// The role of a client's connection.
pub(super) struct Caller {
    places: HashMap<Key, Place>,
    calls: HashMap<StreamId, Call>,
    /// Who waits for a stream, in order; those that gave up are still in it.
    queue: VecDeque<Key>,
    waiting: usize,
    deadlines: BinaryHeap<Reverse<(Instant, Key)>>,
    /// One-way calls whose request is on its way out.
    leaving: Vec<StreamId>,
    health: Arc<Health>,
    /// Who waits for the handshake.
    ready: Option<oneshot::Sender<Result<(), Status>>>,
}

enum Place {
    Waiting(Box<Waiting>),
    Open(StreamId),
}

/// A call that has no stream yet.
struct Waiting {
    opening: Opening,
    finished: bool,
}

/// A call that has its stream.
struct Call {
    key: Key,
    answer: AnswerTo,
    /// The reply, where it came apart from its end.
    reply: Option<Bytes>,
    outgoing: Option<Outgoing>,
    /// Our last message has been said; the machine is told once it has them all.
    finished: bool,
}

impl Caller {
    pub(super) fn new(health: Arc<Health>, ready: oneshot::Sender<Result<(), Status>>) -> Self {
        Self {
            places: HashMap::new(),
            calls: HashMap::new(),
            queue: VecDeque::new(),
            waiting: 0,
            deadlines: BinaryHeap::new(),
            leaving: Vec::new(),
            health,
            ready: Some(ready),
        }
    }

    fn open(&mut self, connection: &mut Connection, opening: Opening, now: Instant) {
        let waiting = Waiting {
            opening,
            finished: false,
        };
        // Those who wait already come first.
        if self.waiting > 0 {
            self.wait(waiting);
        } else if let Some(waiting) = self.try_open(connection, waiting, now) {
            self.wait(waiting);
        }
    }

    fn wait(&mut self, waiting: Waiting) {
        let key = waiting.opening.key;
        if self.waiting == MAX_WAITING {
            let status = Status::resource_exhausted(format!(
                "{MAX_WAITING} calls wait for this connection already"
            ))
            .not_started()
            .in_phase(Phase::Local)
            .with_setting("ClientBuilder::connections");
            self.health.answer(waiting.opening.answer, Err(status));
            return;
        }
        if let Some(deadline) = waiting.opening.request.deadline {
            self.deadlines.push(Reverse((deadline, key)));
        }
        self.waiting += 1;
        self.queue.push_back(key);
        self.places.insert(key, Place::Waiting(Box::new(waiting)));
        self.forget_those_that_gave_up();
    }

    /// Keeps the queue as long as those who wait are many, however often callers come and go while nothing is opened.
    fn forget_those_that_gave_up(&mut self) {
        let most = 2 * self.waiting + 64;
        let places = &self.places;
        let waits = |key: &Key| matches!(places.get(key), Some(Place::Waiting(_)));
        if self.queue.len() > most {
            self.queue.retain(waits);
        }
        if self.deadlines.len() > most {
            self.deadlines.retain(|Reverse((_, key))| waits(key));
        }
    }

    /// Opens a stream for the call, or gives it back because there is none now.
    fn try_open(
        &mut self,
        connection: &mut Connection,
        waiting: Waiting,
        now: Instant,
    ) -> Option<Waiting> {
        let Request {
            route,
            kind,
            deadline,
            attempt,
            metadata,
            body,
        } = &waiting.opening.request;
        let streams = matches!(kind, MethodKind::ClientStream | MethodKind::BidiStream);
        let stream = connection.next_stream();
        let opened = connection.open(
            stream,
            &conn::Call {
                route,
                deadline: *deadline,
                attempt: *attempt,
                one_way: *kind == MethodKind::OneWay,
                metadata,
                body: (!streams).then_some(body),
                last: !streams || waiting.finished,
            },
            now,
        );
        match opened {
            Ok(()) => {
                let Opening {
                    key, answer, room, ..
                } = waiting.opening;
                self.places.insert(key, Place::Open(stream));
                let call = Call {
                    key,
                    answer,
                    reply: None,
                    outgoing: room.map(Outgoing::new),
                    finished: waiting.finished,
                };
                self.calls.insert(stream, call);
                if *kind == MethodKind::OneWay {
                    self.leaving.push(stream);
                }
            }
            Err(OpenError::Full | OpenError::NotReady) => return Some(waiting),
            Err(OpenError::Gone) => {
                let status = self.health.gone();
                self.health.answer(waiting.opening.answer, Err(status));
            }
            Err(OpenError::Refused(status)) => {
                self.health.answer(waiting.opening.answer, Err(status));
            }
        }
        None
    }

    /// Opens streams for those who wait, as far as there are some.
    fn open_waiting(&mut self, connection: &mut Connection, now: Instant) {
        while let Some(key) = self.queue.pop_front() {
            match self.places.remove(&key) {
                Some(Place::Waiting(waiting)) => {
                    if let Some(waiting) = self.try_open(connection, *waiting, now) {
                        self.places.insert(key, Place::Waiting(Box::new(waiting)));
                        self.queue.push_front(key);
                        return;
                    }
                    self.waiting -= 1;
                }
                // Gave up.
                None => {}
                Some(open @ Place::Open(_)) => {
                    self.places.insert(key, open);
                }
            }
        }
        self.deadlines.clear();
    }

    fn fail_waiting(&mut self, status: &Status) {
        while let Some(key) = self.queue.pop_front() {
            if let Some(Place::Waiting(waiting)) = self.places.remove(&key) {
                self.health
                    .answer(waiting.opening.answer, Err(status.clone()));
            }
        }
        self.waiting = 0;
        self.deadlines.clear();
    }

    fn message(&mut self, connection: &mut Connection, stream: StreamId, body: Bytes) {
        let Some(call) = self.calls.get_mut(&stream) else {
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
                if call.reply.replace(body).is_some() {
                    let status =
                        Status::internal("the server sent several replies where one belongs");
                    self.give_up(connection, stream, CancelReason::Limit, status);
                }
            }
        }
    }

    fn begun(&mut self, stream: StreamId) {
        if let Some(Call {
            answer: AnswerTo::Items(items),
            ..
        }) = self.calls.get(&stream)
        {
            // Where nobody takes items any more, the call is being cancelled.
            let _ = items.send(Item::Begun);
        }
    }

    fn ended(&mut self, stream: StreamId, outcome: Result<conn::Reply, Status>) {
        let Some(call) = self.calls.remove(&stream) else {
            return;
        };
        self.places.remove(&call.key);
        let reply = call.reply;
        let outcome = outcome.map(|end| conn::Reply {
            body: end.body.or(reply),
            trailers: end.trailers,
        });
        self.health.answer(call.answer, outcome);
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

    fn cancel(&mut self, connection: &mut Connection, key: Key, status: impl FnOnce() -> Status) {
        match self.places.get(&key) {
            Some(Place::Open(stream)) => {
                let stream = *stream;
                self.give_up(connection, stream, CancelReason::Caller, status());
            }
            Some(Place::Waiting(_)) => {
                if let Some(Place::Waiting(waiting)) = self.places.remove(&key) {
                    self.waiting -= 1;
                    self.health
                        .answer(waiting.opening.answer, Err(status().not_started()));
                }
            }
            None => {}
        }
    }

    /// The call with that key, if it has its stream.
    fn call(&mut self, key: Key) -> Option<(StreamId, &mut Call)> {
        match self.places.get(&key) {
            Some(Place::Open(stream)) => Some((*stream, self.calls.get_mut(stream)?)),
            Some(Place::Waiting(_)) | None => None,
        }
    }

    fn finish(&mut self, connection: &mut Connection, key: Key) {
        if let Some(Place::Waiting(waiting)) = self.places.get_mut(&key) {
            waiting.finished = true;
        } else if let Some((stream, call)) = self.call(key) {
            call.finished = true;
            if call.outgoing.as_ref().is_none_or(Outgoing::is_empty) {
                connection.finish_requests(stream);
            }
        }
    }

    fn send(&mut self, connection: &mut Connection, key: Key, body: Bytes) {
        let Some((stream, call)) = self.call(key) else {
            return;
        };
        if let Some(outgoing) = &mut call.outgoing
            && let Err(status) = outgoing.push(connection, stream, body)
        {
            self.give_up(connection, stream, CancelReason::Limit, status);
        }
    }

    fn writable(&mut self, connection: &mut Connection, stream: StreamId) {
        let Some(call) = self.calls.get_mut(&stream) else {
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
            // Whoever connected may have gone; then the commands end soon.
            let _ = ready.send(outcome);
        }
    }
}

impl Role for Caller {
    fn command(&mut self, connection: &mut Connection, command: Command, now: Instant) {
        match command {
            Command::Open(opening) => self.open(connection, opening, now),
            Command::Message { key, body } => self.send(connection, key, body),
            Command::Finish { key } => self.finish(connection, key),
            Command::Abandon { key } => self.cancel(connection, key, || {
                Status::cancelled("the stream of requests was dropped before its end")
                    .in_phase(Phase::Local)
            }),
            Command::Consumed { key, messages } => {
                if let Some(Place::Open(stream)) = self.places.get(&key) {
                    for length in messages {
                        connection.consumed(*stream, length);
                    }
                }
            }
            Command::Discard { key } | Command::Cancel { key } => {
                self.cancel(connection, key, || {
                    Status::cancelled("the caller has gone").in_phase(Phase::Local)
                });
            }
            Command::Drain => {
                self.health.retire();
                self.fail_waiting(&self.health.gone());
                connection.go_away("the client needs the connection no more");
            }
            Command::Close => connection.close("closed by the client"),
            // Only servers have handlers.
            Command::Answered { .. } | Command::Begin { .. } => {}
        }
    }

    fn event(&mut self, connection: &mut Connection, event: Event, now: Instant) {
        match event {
            Event::Ready => {
                self.handshake(Ok(()));
                self.open_waiting(connection, now);
            }
            Event::Begun { stream } => self.begun(stream),
            Event::Message { stream, body, .. } => self.message(connection, stream, body),
            Event::Ended { stream, outcome } => self.ended(stream, outcome),
            Event::Writable { stream } => self.writable(connection, stream),
            Event::Openable => self.open_waiting(connection, now),
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
        while let Some(Reverse((deadline, key))) = self.deadlines.peek().copied()
            && deadline <= now
        {
            self.deadlines.pop();
            if let Some(Place::Waiting(_)) = self.places.get(&key) {
                self.cancel(connection, key, || {
                    Status::deadline_exceeded("the deadline passed before the connection had room")
                        .in_phase(Phase::Local)
                });
            }
        }
    }

    fn expects_more(&self) -> bool {
        self.places.len() > 1
    }

    fn closed(&mut self, _: &Connection, reason: &CloseReason, late: Vec<Command>) {
        self.health.close(reason);
        let gone = self.health.gone();
        self.handshake(Err(gone.clone().in_phase(Phase::Handshake)));
        self.fail_waiting(&gone);
        for command in late {
            if let Command::Open(opening) = command {
                self.health.answer(opening.answer, Err(gone.clone()));
            }
        }
    }
}
