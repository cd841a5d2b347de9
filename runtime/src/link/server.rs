//! The side that answers: which call runs where, and what becomes of it.
//!
//! A handler is polled first in the connection's own task, and gets a task of its own only if it is pending then: most
//! are not, and a task costs more than the call.
//!
//! ```text
//!   Request ──no such method──────────────────────────────────────────────► finish(Err)
//!      │ has its one message, or takes a stream of them
//!      ├────────────► first poll ──ready──────────────────────────────────► finish
//!      │ waits for       │ pending
//!      └──the message    └──► task ──Answered──► all replies taken ───────► finish
//!                               └──Cancelled, deadline, end of connection─► aborted
//! ```
//!
//! The handler of a one-way call outlives its connection: its caller may have gone as soon as the request had left.

use std::collections::HashMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{AbortHandle, JoinHandle, JoinSet};
use tokio::time::timeout_at;

use super::Outcome;
use super::body::{BodyReceiver, BodySender, Item};
use super::command::{Command, Commands, Key};
use super::dispatch::{Dispatch, Guarded, Served, caught};
use super::driver::{Role, now};
use super::outgoing::Outgoing;
use crate::conn::{self, CloseReason, Connection, Event, StreamId};
use crate::contract::MethodKind;
use crate::metadata::Metadata;
use crate::status::Status;
use crate::wire::FRAGMENT;

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
    dispatch: Arc<D>,
    peer: Arc<str>,
    commands: Commands,
    /// By the number that a route has on this connection.
    targets: Vec<Option<D::Target>>,
    calls: HashMap<Key, Call<D::Target>>,
    draining: Option<DrainStart>,
    closing: bool,
    tally: Tally,
    /// Handlers that go on behind the end of the connection.
    outliving: JoinSet<()>,
}

/// A call that is not answered yet.
struct Call<T> {
    stream: StreamId,
    stage: Stage<T>,
    deadline: Option<Instant>,
    one_way: bool,
    requests: Requests,
    replies: Option<Outgoing>,
    /// The end, which waits until the machine has taken all replies.
    ending: Option<Outcome>,
}

enum Stage<T> {
    /// Its one message is still on its way.
    Waiting(T, conn::Request),
    /// A handler works on it.
    Running(JoinHandle<()>),
    /// The handler is done.
    Done,
}

/// What becomes of further messages.
enum Requests {
    /// The handler takes them.
    Taken(mpsc::UnboundedSender<Item>),
    /// The handler wants no more.
    Dropped,
    /// There must not be any.
    None,
}

impl<D: Dispatch> Answerer<D> {
    pub(super) fn new(dispatch: Arc<D>, peer: Arc<str>, commands: Commands) -> Self {
        Self {
            dispatch,
            peer,
            commands,
            targets: Vec::new(),
            calls: HashMap::new(),
            draining: None,
            closing: false,
            tally: Tally::default(),
            outliving: JoinSet::new(),
        }
    }

    /// Waits for the handlers that outlive the connection, and tells what became of all.
    pub(super) async fn tally(mut self) -> Tally {
        while self.outliving.join_next().await.is_some() {}
        self.tally
    }

    fn target(&mut self, request: &conn::Request) -> Result<D::Target, Status> {
        let Some(number) = request.route_number.map(|number| number as usize) else {
            return self.dispatch.find(&request.route);
        };
        if let Some(Some(target)) = self.targets.get(number) {
            return Ok(target.clone());
        }
        let target = self.dispatch.find(&request.route)?;
        // The machine bounds how many routes have numbers.
        if self.targets.len() <= number {
            self.targets.resize(number + 1, None);
        }
        self.targets[number] = Some(target.clone());
        Ok(target)
    }

    fn request(
        &mut self,
        connection: &mut Connection,
        stream: StreamId,
        mut request: conn::Request,
    ) {
        let target = match self.target(&request) {
            Ok(target) => target,
            Err(status) => {
                connection.finish(stream, Err(status));
                return;
            }
        };
        let kind = self.dispatch.kind(&target);
        if matches!(kind, MethodKind::ClientStream | MethodKind::BidiStream) {
            return self.start(connection, stream, &target, request, None);
        }
        match request.body.take() {
            Some(body) => self.start(connection, stream, &target, request, Some(body)),
            None if request.last => {
                connection.finish(stream, Err(no_request()));
            }
            None => {
                let call = Call {
                    stream,
                    deadline: request.deadline,
                    one_way: kind == MethodKind::OneWay,
                    stage: Stage::Waiting(target, request),
                    requests: Requests::None,
                    replies: None,
                    ending: None,
                };
                self.calls.insert(key(stream), call);
            }
        }
    }

    /// Calls the handler; `message` is the one request, where requests are no stream.
    fn start(
        &mut self,
        connection: &mut Connection,
        stream: StreamId,
        target: &D::Target,
        request: conn::Request,
        message: Option<Bytes>,
    ) {
        let key = key(stream);
        let kind = self.dispatch.kind(target);
        let deadline = request.deadline;
        let one_way = kind == MethodKind::OneWay;
        let mut requests = Requests::None;
        let mut receiver = None;
        if message.is_none() {
            let (items, taken) = mpsc::unbounded_channel();
            if let Some(body) = request.body {
                let _ = items.send(Item::Message { body, owed: true });
            }
            receiver = Some(BodyReceiver::new(key, self.commands.clone(), taken));
            requests = if request.last {
                let _ = items.send(Item::End(Ok(Metadata::new())));
                Requests::None
            } else {
                Requests::Taken(items)
            };
        }
        let (mut sender, mut replies) = (None, None);
        if matches!(kind, MethodKind::ServerStream | MethodKind::BidiStream) {
            let room = Arc::new(Semaphore::new(0));
            replies = Some(Outgoing::new(Arc::clone(&room)));
            sender = Some(BodySender::new(key, self.commands.clone(), room));
        }
        // What the handler holds of large messages stays in the machine's account until the call ends.
        if let Some(length) = message.as_ref().map(Bytes::len)
            && length <= FRAGMENT
        {
            connection.consumed(stream, length);
        }
        let served = Served {
            peer: Arc::clone(&self.peer),
            deadline,
            metadata: request.metadata,
            body: message.unwrap_or_default(),
            requests: receiver,
            replies: sender,
        };
        let dispatch = Arc::clone(&self.dispatch);
        let begun = catch_unwind(AssertUnwindSafe(|| {
            let mut answer = Guarded::new(
                dispatch.call(target, served),
                Arc::clone(&dispatch),
                target.clone(),
            );
            // It is polled again in its own task, which then is the one to be woken.
            let mut context = Context::from_waker(Waker::noop());
            match pin!(&mut answer).poll(&mut context) {
                Poll::Ready(outcome) => Ok(outcome),
                Poll::Pending => Err(answer),
            }
        }));
        let (stage, ending) = match begun {
            Ok(Err(answer)) => {
                let commands = self.commands.clone();
                let task = tokio::spawn(async move {
                    let outcome = answer.await;
                    // A connection that has ended wants no answer.
                    let _ = commands.send(Command::Answered { key, outcome });
                });
                (Stage::Running(task), None)
            }
            Ok(Ok(outcome)) if replies.is_none() => {
                connection.finish(stream, outcome);
                return;
            }
            // What it has sent is among the commands, before its end.
            Ok(Ok(outcome)) => {
                let _ = self.commands.send(Command::Answered { key, outcome });
                (Stage::Done, None)
            }
            Err(panic) => {
                let outcome = Err(caught(&*self.dispatch, target, &*panic));
                connection.finish(stream, outcome);
                return;
            }
        };
        let call = Call {
            stream,
            stage,
            deadline,
            one_way,
            requests,
            replies,
            ending,
        };
        self.calls.insert(key, call);
    }

    fn message(&mut self, connection: &mut Connection, stream: StreamId, body: Bytes, last: bool) {
        let Some(call) = self.calls.get_mut(&key(stream)) else {
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
            Requests::None => match self.calls.remove(&key(stream)) {
                Some(Call {
                    stage: Stage::Waiting(target, request),
                    ..
                }) => self.start(connection, stream, &target, request, Some(body)),
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

    fn requests_ended(&mut self, connection: &mut Connection, stream: StreamId) {
        let Some(call) = self.calls.get_mut(&key(stream)) else {
            return;
        };
        match std::mem::replace(&mut call.requests, Requests::None) {
            Requests::Taken(items) => {
                let _ = items.send(Item::End(Ok(Metadata::new())));
            }
            Requests::None if matches!(call.stage, Stage::Waiting(..)) => {
                self.calls.remove(&key(stream));
                connection.finish(stream, Err(no_request()));
            }
            Requests::Dropped | Requests::None => {}
        }
    }

    /// Ends a call from this side, whatever its handler is at.
    fn fail(&mut self, connection: &mut Connection, stream: StreamId, status: Status) {
        if let Some(call) = self.calls.remove(&key(stream)) {
            call.stop(&status);
            connection.finish(stream, Err(status));
        }
    }

    /// The connection of a call has ended before the call did.
    fn lose(&mut self, call: Call<D::Target>) {
        match call.stage {
            Stage::Running(task) if call.one_way => {
                let until = call.deadline.unwrap_or_else(|| now() + OUTLIVE);
                let stop = Stop(task.abort_handle());
                self.outliving.spawn(async move {
                    // Done or late, it is stopped.
                    let _ = timeout_at(until.into(), task).await;
                    drop(stop);
                });
            }
            _ => call.stop(&Status::cancelled("the connection has ended")),
        }
    }

    fn answered(&mut self, connection: &mut Connection, key: Key, outcome: Outcome) {
        let Some(call) = self.calls.get_mut(&key) else {
            return;
        };
        call.stage = Stage::Done;
        if call.replies.as_ref().is_none_or(Outgoing::is_empty) {
            let stream = call.stream;
            self.calls.remove(&key);
            connection.finish(stream, outcome);
        } else {
            call.ending = Some(outcome);
        }
    }

    fn send(&mut self, connection: &mut Connection, key: Key, body: Bytes) {
        let Some(call) = self.calls.get_mut(&key) else {
            return;
        };
        let stream = call.stream;
        if let Some(replies) = &mut call.replies
            && let Err(status) = replies.push(connection, stream, body)
        {
            self.fail(connection, stream, status);
        }
    }

    fn writable(&mut self, connection: &mut Connection, stream: StreamId) {
        let Some(call) = self.calls.get_mut(&key(stream)) else {
            return;
        };
        let Some(replies) = &mut call.replies else {
            return;
        };
        match replies.advance(connection, stream) {
            Ok(()) if replies.is_empty() => {
                if let Some(outcome) = call.ending.take() {
                    self.calls.remove(&key(stream));
                    connection.finish(stream, outcome);
                }
            }
            Ok(()) => {}
            Err(status) => self.fail(connection, stream, status),
        }
    }
}

impl<D: Dispatch> Role for Answerer<D> {
    fn command(&mut self, connection: &mut Connection, command: Command, _: Instant) {
        match command {
            Command::Message { key, body } => self.send(connection, key, body),
            Command::Begin { key } => {
                if let Some(call) = self.calls.get(&key) {
                    connection.begin(call.stream);
                }
            }
            Command::Answered { key, outcome } => self.answered(connection, key, outcome),
            Command::Consumed { key, messages } => {
                if let Some(call) = self.calls.get(&key) {
                    for length in messages {
                        connection.consumed(call.stream, length);
                    }
                }
            }
            Command::Discard { key } => {
                if let Some(call) = self.calls.get_mut(&key)
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
            | Command::Open(_) => {}
        }
    }

    fn event(&mut self, connection: &mut Connection, event: Event, _: Instant) {
        match event {
            Event::Request { stream, request } => self.request(connection, stream, request),
            Event::Message { stream, body, last } => self.message(connection, stream, body, last),
            Event::RequestsEnded { stream } => self.requests_ended(connection, stream),
            Event::Cancelled { stream, .. } => {
                if self.closing {
                    self.tally.cancelled += 1;
                }
                if let Some(call) = self.calls.remove(&key(stream)) {
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

    fn flushed(&mut self, _: &Connection) {}

    fn next_timeout(&self) -> Option<Instant> {
        None
    }

    fn timeout(&mut self, _: &mut Connection, _: Instant) {}

    fn expects_more(&self) -> bool {
        !self.calls.is_empty()
    }

    fn closed(&mut self, connection: &Connection, reason: &CloseReason, _: Vec<Command>) {
        for (_, call) in self.calls.drain() {
            call.stop(&Status::cancelled("the connection has ended"));
        }
        if let Some(start) = &self.draining {
            self.tally.drained = start.open.saturating_sub(self.tally.cancelled);
            self.tally.refused = connection.stats().refused - start.refused;
        }
        self.dispatch.closed(&self.peer, reason);
    }
}

impl<T> Call<T> {
    /// Stops the handler: its future is dropped, and its stream of requests ends with `status`.
    fn stop(self, status: &Status) {
        if let Stage::Running(task) = self.stage {
            task.abort();
        }
        if let Requests::Taken(items) = self.requests {
            let _ = items.send(Item::End(Err(status.clone())));
        }
    }
}

/// Stops a task that still runs when this is dropped.
struct Stop(AbortHandle);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn key(stream: StreamId) -> Key {
    stream
}

fn no_request() -> Status {
    Status::invalid_argument("the call ended without a request")
}
