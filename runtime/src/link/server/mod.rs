//! The side that answers: which call runs where, and what becomes of it.
//!
//! A handler is polled first in the connection's own task, and stays there while it waits: a task costs more than the
//! call. Those of methods that compute for long begin in a task or on a thread, or get a task when they wait; those of streams
//! have a task of their own once they wait, so that they work beside what takes their messages.
//!
//! ```text
//!   Request ──no such method, or turned away──────────────────────────────► finish(Err)
//!      │ let in: has its one message, or takes a stream of them
//!      ├──inline────► first poll ──ready──────────────────────────────────► finish
//!      │                 │ pending
//!      │                 ├──► Paused ──Woken──► polled again ──ready──────► finish
//!      │                 │      │ others compute for long here
//!      ├──elsewhere──────┴──────┴──► task or thread ──Answered──► replies taken ─► finish
//!      │ waits for the message, or to be let in
//!      └──► one of these two
//!                               └──Cancelled, deadline, end of connection► stopped
//! ```
//!
//! The handler of a one-way call outlives its connection: its caller may have gone as soon as the request had left.

mod call;
mod calls;
mod paused;
mod task;
mod watch;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc::error::SendError;
use tokio::task::JoinSet;

use super::command::{Command, Commands, Key};
use super::dispatch::Dispatch;
use super::driver::{Role, now};
use super::receiver::Item;
use crate::conn::{self, CloseReason, Connection, Destination, Event, Messages, StreamId};
use crate::contract::MethodKind;
use crate::metadata::Metadata;
use crate::status::Status;
use crate::wire::Run;
use call::{Call, Requests, Stage};
use calls::Calls;

/// Time for the handler of a one-way call that has no deadline, once its connection has ended: what calls get that set
/// none.
const OUTLIVE: Duration = Duration::from_secs(5);

/// What has become of the calls of a connection since it was told to drain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Ended by themselves.
    pub(crate) drained: usize,
    /// Cut off.
    pub(crate) cancelled: usize,
    /// Came too late.
    pub(crate) refused: u64,
}

/// How a connection stood when its drain began.
struct DrainStart {
    open: usize,
    refused: u64,
}

/// The role of a server's connection.
pub(super) struct Answerer<D: Dispatch> {
    /// By the number that a route has on this connection.
    targets: Vec<Option<D::Target>>,
    calls: Calls<D>,
    draining: Option<DrainStart>,
    closing: bool,
    tally: Tally,
    /// Handlers that go on behind the end of the connection.
    outliving: JoinSet<()>,
}

impl<D: Dispatch> Answerer<D> {
    pub(super) fn new(
        dispatch: Arc<D>,
        peer: Arc<str>,
        caller: Arc<str>,
        commands: Commands,
    ) -> Self {
        Self {
            targets: Vec::new(),
            calls: Calls::new(dispatch, peer, caller, commands),
            draining: None,
            closing: false,
            tally: Tally::default(),
            outliving: JoinSet::new(),
        }
    }

    /// Waits for the handlers that outlive the connection, and tells what became of all.
    pub(super) async fn tally(&mut self) -> Tally {
        while self.outliving.join_next().await.is_some() {}
        self.tally
    }

    fn request(
        &mut self,
        connection: &mut Connection,
        stream: StreamId,
        request: conn::Request,
        now: Instant,
    ) {
        let find = || match connection.route(&request.destination) {
            Some(route) => self.calls.dispatch.find(route),
            None => Err(Status::internal("the call came by another connection")),
        };
        let unnumbered;
        let target = match request.destination {
            Destination::Numbered(number) => numbered(&mut self.targets, number as usize, find),
            Destination::Once(_) => match find() {
                Ok(target) => {
                    unnumbered = target;
                    Ok(&unnumbered)
                }
                Err(status) => Err(status),
            },
        };
        match target {
            Ok(target) => Self::begin(&mut self.calls, connection, stream, target, request, now),
            Err(status) => {
                connection.finish(stream, Err(status));
            }
        }
    }

    fn begin(
        calls: &mut Calls<D>,
        connection: &mut Connection,
        stream: StreamId,
        target: &D::Target,
        mut request: conn::Request,
        now: Instant,
    ) {
        let kind = calls.dispatch.method(target).kind;
        if matches!(kind, MethodKind::ClientStream | MethodKind::BidiStream) {
            return calls.start(connection, stream, target, request, None, now);
        }
        match request.body.take() {
            Some(body) => calls.start(connection, stream, target, request, Some(body), now),
            None if request.last => {
                connection.finish(stream, Err(no_request()));
            }
            None => {
                let call = Call {
                    stream,
                    deadline: request.deadline,
                    one_way: kind == MethodKind::OneWay,
                    stage: Stage::Waiting(Box::new((target.clone(), request))),
                    requests: Requests::None,
                    replies: None,
                };
                calls.open.insert(stream, call);
            }
        }
    }

    fn message(
        &mut self,
        connection: &mut Connection,
        stream: StreamId,
        body: Bytes,
        last: bool,
        now: Instant,
    ) {
        let Some(call) = self.calls.open.get_mut(stream) else {
            return;
        };
        match &call.requests {
            Requests::Taken(items) => {
                let length = body.len();
                if items.send(Item::Message { body, owed: true }).is_err() {
                    connection.consumed(stream, length);
                }
                if last {
                    self.requests_ended(connection, stream);
                }
            }
            Requests::Dropped => connection.consumed(stream, body.len()),
            Requests::None => match self.calls.open.remove(stream) {
                Some(Call {
                    stage: Stage::Waiting(waiting),
                    ..
                }) => {
                    let (target, request) = *waiting;
                    self.calls
                        .start(connection, stream, &target, request, Some(body), now);
                }
                Some(call) => {
                    let status =
                        Status::invalid_argument("several requests where the method takes one");
                    call.stop(&status);
                    connection.finish(stream, Err(status));
                }
                None => {}
            },
        }
    }

    fn run(&mut self, connection: &mut Connection, stream: StreamId, mut run: Run, now: Instant) {
        let Some(call) = self.calls.open.get(stream) else {
            return;
        };
        match &call.requests {
            Requests::Taken(items) => {
                if let Err(SendError(Item::Run(run))) = items.send(Item::Run(run)) {
                    connection.consumed_run(stream, run.messages(), run.cost());
                }
            }
            Requests::Dropped => connection.consumed_run(stream, run.messages(), run.cost()),
            Requests::None => {
                while let Some(body) = run.pop() {
                    self.message(connection, stream, body, false, now);
                }
            }
        }
    }

    fn requests_ended(&mut self, connection: &mut Connection, stream: StreamId) {
        let Some(call) = self.calls.open.get_mut(stream) else {
            return;
        };
        match std::mem::replace(&mut call.requests, Requests::None) {
            Requests::Taken(items) => {
                let _ = items.send(Item::End(Ok(Metadata::new())));
            }
            Requests::None if matches!(call.stage, Stage::Waiting(..)) => {
                self.calls.open.remove(stream);
                connection.finish(stream, Err(no_request()));
            }
            Requests::Dropped | Requests::None => {}
        }
    }

    /// Ends a call from this side, whatever its handler is at.
    fn fail(&mut self, connection: &mut Connection, stream: StreamId, status: Status) {
        if let Some(call) = self.calls.open.remove(stream) {
            call.stop(&status);
            connection.finish(stream, Err(status));
        }
    }

    /// The connection of a call has ended before the call did.
    fn lose(&mut self, mut call: Call<D>) {
        if call.one_way {
            call.part(&self.targets, &self.calls.dispatch, &self.calls.commands);
        }
        match call.stage {
            Stage::Running(work) if call.one_way => {
                let until = call.deadline.unwrap_or_else(|| now() + OUTLIVE);
                self.outliving.spawn(work.last_until(until));
            }
            _ => call.stop(&Status::cancelled("the connection has ended")),
        }
    }

    fn send(&mut self, connection: &mut Connection, key: Key, messages: Messages) {
        let Some(call) = self.calls.open.get_mut(key) else {
            return;
        };
        let stream = call.stream;
        if let Some(replies) = &mut call.replies
            && let Err(status) = replies.waiting.push(connection, stream, messages)
        {
            self.fail(connection, stream, status);
        }
    }

    fn writable(&mut self, connection: &mut Connection, stream: StreamId) {
        let Some(call) = self.calls.open.get_mut(stream) else {
            return;
        };
        let Some(replies) = &mut call.replies else {
            return;
        };
        match replies.waiting.advance(connection, stream) {
            Ok(()) if replies.waiting.is_empty() => {
                if let Some(outcome) = replies.ending.take() {
                    self.calls.open.remove(stream);
                    connection.finish(stream, outcome);
                }
            }
            Ok(()) => {}
            Err(status) => self.fail(connection, stream, status),
        }
    }
}

impl<D: Dispatch> Role for Answerer<D> {
    fn command(&mut self, connection: &mut Connection, command: Command, now: Instant) {
        match command {
            Command::Send { key, messages } => self.send(connection, key, messages),
            Command::Begin { key } => {
                if let Some(call) = self.calls.open.get(key) {
                    connection.begin(call.stream);
                }
            }
            Command::Admitted { key } => self.calls.admitted(connection, key, now),
            Command::Woken { key } => self.calls.bells.rung.push_back(key),
            Command::Answered { key, outcome } => self.calls.answered(connection, key, outcome),
            Command::Consumed {
                key,
                messages,
                cost,
            } => connection.consumed_run(key, messages, cost),
            Command::ConsumedOne { key, length } => connection.consumed(key, length),
            Command::Discard { key } => {
                if let Some(call) = self.calls.open.get_mut(key)
                    && matches!(call.requests, Requests::Taken(_))
                {
                    call.requests = Requests::Dropped;
                }
            }
            Command::Drain => {
                self.draining.get_or_insert(DrainStart {
                    open: connection.active(),
                    refused: connection.stats().refused,
                });
                connection.go_away("the server is shutting down");
            }
            Command::Close => {
                self.closing = true;
                connection.close("the server has shut down");
            }
            // The answer says how the replies end. The rest is said by callers.
            Command::Finish { .. }
            | Command::Abandon { .. }
            | Command::Cancel { .. }
            | Command::Ping(_) => {}
        }
    }

    fn event(&mut self, connection: &mut Connection, event: Event, now: Instant) {
        self.calls.watch.event();
        match event {
            Event::Request { stream, request } => self.request(connection, stream, request, now),
            Event::Message { stream, body, last } => {
                self.message(connection, stream, body, last, now);
            }
            Event::Run { stream, run } => self.run(connection, stream, run, now),
            Event::RequestsEnded { stream } => self.requests_ended(connection, stream),
            Event::Cancelled { stream, .. } => {
                if self.closing {
                    self.tally.cancelled += 1;
                }
                if let Some(call) = self.calls.open.remove(stream) {
                    if connection.is_closed() && !self.closing {
                        self.lose(call);
                    } else {
                        call.stop(&Status::cancelled("the caller has gone"));
                    }
                }
            }
            Event::DeadlineExpired { stream } => {
                let status =
                    Status::deadline_exceeded("the deadline passed before the handler was done");
                self.fail(connection, stream, status);
            }
            Event::Writable { stream } => self.writable(connection, stream),
            // The driver sees the end itself; the rest happens to clients.
            _ => {}
        }
    }

    fn has_woken(&self) -> bool {
        !self.calls.bells.rung.is_empty()
    }

    fn resume(&mut self, connection: &mut Connection, now: Instant) -> bool {
        let Some(key) = self.calls.bells.rung.pop_front() else {
            return false;
        };
        self.calls.resume(connection, &self.targets, key, now);
        true
    }

    fn rest(&mut self) {
        self.calls.bells.rest();
        self.calls.open.rest();
    }

    fn flushed(&mut self, _: &Connection) {}

    fn next_timeout(&self) -> Option<Instant> {
        self.calls.patience
    }

    fn timeout(&mut self, connection: &mut Connection, now: Instant) {
        self.calls.lose_patience(connection, now);
    }

    fn asks_time(&self, idle: bool) -> bool {
        self.calls.watch.is_due(idle)
    }

    fn has_spawned(&mut self) -> bool {
        std::mem::take(&mut self.calls.spawned)
    }

    fn took(&mut self, time: Duration) {
        for route in self.calls.watch.look(time) {
            if let Some(Some(target)) = self.targets.get(route) {
                self.calls.dispatch.pace(target).suspect();
            }
        }
    }

    fn expects_more(&mut self, _: &Connection) -> bool {
        !self.calls.open.is_empty()
    }

    fn closed(&mut self, connection: &Connection, reason: &CloseReason, _: Vec<Command>) {
        for call in self.calls.open.drain() {
            call.stop(&Status::cancelled("the connection has ended"));
        }
        if let Some(start) = &self.draining {
            self.tally.drained = start.open.saturating_sub(self.tally.cancelled);
            self.tally.refused = connection.stats().refused - start.refused;
        }
        self.calls.dispatch.closed(&self.calls.peer, reason);
    }
}

/// Who answers the route of this number: found once.
fn numbered<T>(
    targets: &mut Vec<Option<T>>,
    number: usize,
    find: impl FnOnce() -> Result<T, Status>,
) -> Result<&T, Status> {
    // The machine bounds how many routes have numbers.
    if targets.len() <= number {
        targets.resize_with(number + 1, || None);
    }
    let target = &mut targets[number];
    match target {
        Some(target) => Ok(target),
        None => Ok(target.insert(find()?)),
    }
}

fn no_request() -> Status {
    Status::invalid_argument("the call ended without a request")
}
