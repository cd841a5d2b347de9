//! The calls of a connection, from the start of their handlers on.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::call::{Call, Queued, Replies, Requests, Stage};
use super::paused::{Bells, Paused};
use super::task::{self, Job, Work, ran_out};
use super::watch::Watch;
use crate::conn::{self, ByStream, Connection, Destination, StreamId};
use crate::context::{Scope, Seed};
use crate::contract::MethodKind;
use crate::link;
use crate::link::Outcome;
use crate::link::command::{Command, Commands, Key};
use crate::link::dispatch::{self, Asked, Dispatch, Served, Verdict, Wake};
use crate::link::outgoing::Outgoing;
use crate::link::pace::{Pace, Place};
use crate::link::receiver::{BodyReceiver, Item};
use crate::link::room::Room;
use crate::link::sender::BodySender;
use crate::metadata::Metadata;
use crate::wire::FRAGMENT;

/// The calls of a connection that are not answered yet, and what each needs.
pub(super) struct Calls<D: Dispatch> {
    pub(super) dispatch: Arc<D>,
    pub(super) peer: Arc<str>,
    /// Who calls: the name that the connection gave, or else where it comes from.
    pub(super) caller: Arc<str>,
    /// Lent to the call that is being served: most are over before the next begins.
    lent: Option<Arc<str>>,
    pub(super) commands: Commands,
    pub(super) open: ByStream<Call<D>>,
    pub(super) bells: Bells,
    /// When the first of those that wait to be let in waits no longer.
    pub(super) patience: Option<Instant>,
    pub(super) watch: Watch,
    /// A handler that may compute for long was spawned.
    pub(super) spawned: bool,
}

impl<D: Dispatch> Calls<D> {
    pub(super) fn new(
        dispatch: Arc<D>,
        peer: Arc<str>,
        caller: Arc<str>,
        commands: Commands,
    ) -> Self {
        Self {
            caller,
            patience: None,
            dispatch,
            peer,
            lent: None,
            bells: Bells::new(commands.clone()),
            commands,
            open: ByStream::default(),
            watch: Watch::default(),
            spawned: false,
        }
    }

    /// Lets a call in, or not; `message` is the one request, where requests are no stream.
    pub(super) fn start(
        &mut self,
        connection: &mut Connection,
        stream: StreamId,
        target: &D::Target,
        mut request: conn::Request,
        message: Option<Bytes>,
        now: Instant,
    ) {
        if self.dispatch.is_open(target, request.deadline, now) {
            self.run(connection, stream, target, &mut request, message, None, now);
        } else {
            self.weigh(connection, stream, target, request, message, now);
        }
    }

    /// A call that may not simply run: it runs counted, or waits, or ends.
    #[cold]
    fn weigh(
        &mut self,
        connection: &mut Connection,
        stream: StreamId,
        target: &D::Target,
        mut request: conn::Request,
        message: Option<Bytes>,
        now: Instant,
    ) {
        let wake = || -> Wake {
            let commands = self.commands.clone();
            Box::new(move || {
                // A connection that has ended has nobody waiting.
                let _ = commands.send(Command::Admitted { key: stream });
            })
        };
        let asked = Asked {
            now,
            deadline: request.deadline,
            attempt: request.attempt,
            caller: &self.caller,
            wake: message.is_some().then_some(&wake),
        };
        let (ticket, until, message) = match (self.dispatch.admit(target, &asked), message) {
            (Verdict::Run(permit), message) => {
                let permit = Some(permit);
                self.run(
                    connection,
                    stream,
                    target,
                    &mut request,
                    message,
                    permit,
                    now,
                );
                return;
            }
            (Verdict::Wait { ticket, until }, Some(message)) => (ticket, until, message),
            (Verdict::Refuse(status), _) => {
                connection.finish(stream, Err(status));
                return;
            }
            (Verdict::Wait { .. }, None) => unreachable!("it was given no way to wait"),
        };
        self.waits_until(until);
        let call = Call {
            stream,
            deadline: request.deadline,
            one_way: request.one_way,
            stage: Stage::Queued(Box::new(Queued {
                ticket,
                target: target.clone(),
                request,
                message,
                until,
            })),
            requests: Requests::None,
            replies: None,
        };
        self.open.insert(stream, call);
    }

    fn waits_until(&mut self, until: Instant) {
        let first = self.patience.map_or(until, |first| first.min(until));
        self.patience = Some(first);
    }

    /// A call that waited to be let in has a place, or none in time.
    pub(super) fn admitted(&mut self, connection: &mut Connection, key: Key, now: Instant) {
        let is_queued = |call: &Call<D>| matches!(call.stage, Stage::Queued(_));
        if !self.open.get(key).is_some_and(is_queued) {
            return;
        }
        let Some(Call {
            stream,
            stage: Stage::Queued(queued),
            ..
        }) = self.open.remove(key)
        else {
            return;
        };
        let Queued {
            ticket,
            target,
            mut request,
            message,
            ..
        } = *queued;
        match self.dispatch.claim(&target, ticket) {
            Ok(permit) => {
                let (message, permit) = (Some(message), Some(permit));
                self.run(
                    connection,
                    stream,
                    &target,
                    &mut request,
                    message,
                    permit,
                    now,
                );
            }
            Err(status) => {
                connection.finish(stream, Err(status));
            }
        }
    }

    /// Ends the wait of those who have waited for long enough.
    pub(super) fn lose_patience(&mut self, connection: &mut Connection, now: Instant) {
        if self.patience.is_none_or(|first| first > now) {
            return;
        }
        self.patience = None;
        for key in self.open.numbers() {
            let key = StreamId::new(key);
            let until = match self.open.get(key).map(|call| &call.stage) {
                Some(Stage::Queued(queued)) => queued.until,
                _ => continue,
            };
            if until <= now {
                self.admitted(connection, key, now);
            } else {
                self.waits_until(until);
            }
        }
    }

    /// Calls the handler.
    #[expect(
        clippy::too_many_arguments,
        reason = "it is the second half of `start`"
    )]
    fn run(
        &mut self,
        connection: &mut Connection,
        stream: StreamId,
        target: &D::Target,
        request: &mut conn::Request,
        message: Option<Bytes>,
        permit: Option<D::Permit>,
        now: Instant,
    ) {
        let method = self.dispatch.method(target);
        let (mut requests, mut replies) = (Requests::None, None);
        let small = message.as_ref().map(Bytes::len);
        let is_alone = matches!(method.kind, MethodKind::Unary | MethodKind::OneWay);
        let served = match message {
            Some(body) if is_alone => Served {
                body,
                requests: None,
                replies: None,
            },
            message => {
                let body = request.body.take();
                let streams = self.streams(method.kind, stream, message, body, request.last);
                (requests, replies) = (streams.1, streams.2);
                streams.0
            }
        };
        let peer = self.lent.take();
        let mut scope = Scope::Serving(Seed {
            method: method.path,
            peer: peer.unwrap_or_else(|| Arc::clone(&self.peer)),
            deadline: request.deadline,
            metadata: std::mem::take(&mut request.metadata),
            attempt: request.attempt,
        });
        let pace = self.dispatch.pace(target);
        let place = pace.place();
        let begun = match place {
            Place::Connection => {
                let begins_at = begins(&mut self.watch, pace, &request.destination);
                let mut cx = Context::from_waker(self.bells.lend(stream).waker());
                let begun = dispatch::begin(&*self.dispatch, target, &mut scope, served, &mut cx);
                if let Some(start) = begins_at {
                    let took = link::now().saturating_duration_since(start);
                    pace.learn(took);
                    self.watch.timed(took);
                }
                match begun {
                    Ok(outcome) if replies.is_none() => {
                        if permit.is_none() {
                            self.dispatch.quick(target);
                        }
                        connection.finish(stream, outcome);
                        self.lent = scope.into_peer();
                        return;
                    }
                    Ok(outcome) => Err(outcome),
                    Err(answer) => Ok(task::Stage::Pending(Some(answer))),
                }
            }
            Place::Task | Place::ThreadFirst | Place::Thread => Ok(task::Stage::Before(served)),
        };
        // What the handler holds of large messages stays in the machine's account until the call ends.
        if let Some(length) = small
            && length <= FRAGMENT
        {
            connection.consumed(stream, length);
        }
        let stage = match (begun, &request.destination) {
            (Ok(task::Stage::Pending(answer)), Destination::Numbered(route))
                if is_alone && pace.stays() =>
            {
                Stage::Paused(Paused {
                    answer,
                    scope,
                    permit: Some(self.dispatch.hold(target, permit, now)),
                    route: *route as usize,
                    bell: self.bells.take(),
                })
            }
            (Ok(stage), _) => {
                let job = Job {
                    dispatch: Arc::clone(&self.dispatch),
                    target: target.clone(),
                    scope,
                    stage,
                    permit: Some(self.dispatch.hold(target, permit, now)),
                    key: stream,
                    commands: self.commands.clone(),
                };
                Stage::Running(match place {
                    Place::Connection => Work::in_task(job),
                    Place::Task => {
                        self.spawned = true;
                        Work::in_task(job)
                    }
                    Place::ThreadFirst => Work::on_thread_first(job),
                    Place::Thread => Work::on_thread(job),
                })
            }
            // What it has sent is among the commands, before its end.
            (Err(outcome), _) => {
                let _ = self.commands.send(Command::Answered {
                    key: stream,
                    outcome,
                });
                Stage::Done
            }
        };
        let call = Call {
            stream,
            stage,
            deadline: request.deadline,
            one_way: method.kind == MethodKind::OneWay,
            requests,
            replies,
        };
        self.open.insert(stream, call);
    }

    /// The ends of the streams of a call; `message` is the one request, `body` the first of several.
    fn streams(
        &self,
        kind: MethodKind,
        stream: StreamId,
        message: Option<Bytes>,
        body: Option<Bytes>,
        last: bool,
    ) -> (Served, Requests, Option<Box<Replies>>) {
        let mut requests = Requests::None;
        let mut served = Served::default();
        if let Some(message) = message {
            served.body = message;
        } else {
            let (items, taken) = mpsc::unbounded_channel();
            if let Some(body) = body {
                let _ = items.send(Item::Message { body, owed: true });
            }
            let receiver = BodyReceiver::new(stream, self.commands.clone(), taken);
            served.requests = Some(Box::new(receiver));
            if last {
                let _ = items.send(Item::End(Ok(Metadata::new())));
            } else {
                requests = Requests::Taken(items);
            }
        }
        let mut replies = None;
        if matches!(kind, MethodKind::ServerStream | MethodKind::BidiStream) {
            let room = Arc::new(Room::new());
            replies = Some(Box::new(Replies {
                waiting: Outgoing::new(Arc::clone(&room)),
                ending: None,
            }));
            let sender = BodySender::new(stream, self.commands.clone(), room);
            served.replies = Some(Box::new(sender));
        }
        (served, requests, replies)
    }

    /// A handler that waited here can go on.
    pub(super) fn resume(
        &mut self,
        connection: &mut Connection,
        targets: &[Option<D::Target>],
        key: Key,
        now: Instant,
    ) {
        self.watch.event();
        let Some(Call {
            stage: Stage::Paused(paused),
            ..
        }) = self.open.get_mut(key)
        else {
            return;
        };
        let Some(Some(target)) = targets.get(paused.route) else {
            return;
        };
        let pace = self.dispatch.pace(target);
        let mut done = None;
        if pace.stays() {
            let resumed_at = pace.is_suspect_later().then(link::now);
            if let Poll::Ready(outcome) = paused.poll(&*self.dispatch, target, key) {
                done = Some(outcome);
            }
            if let Some(start) = resumed_at {
                let took = link::now().saturating_duration_since(start);
                pace.learn_later(took);
                self.watch.timed(took);
            } else {
                self.watch.called(paused.route);
            }
        }
        if let Some(outcome) = done {
            self.done(connection, key, outcome, now);
        } else if !pace.stays()
            && let Some(call) = self.open.get_mut(key)
        {
            call.part(targets, &self.dispatch, &self.commands);
            self.spawned = true;
        }
    }

    /// A handler that waited here is done.
    fn done(&mut self, connection: &mut Connection, key: Key, outcome: Outcome, now: Instant) {
        let left = self.open.drop_with(key, |call| match &mut call.stage {
            Stage::Paused(paused) => paused.leave(),
            _ => None,
        });
        let Some(Some((permit, bell, scope))) = left else {
            return;
        };
        if ran_out(&outcome) {
            drop(permit);
        } else {
            self.dispatch.answered(permit, now);
        }
        self.bells.give_back(bell);
        self.lent = scope.into_peer();
        connection.finish(key, outcome);
    }

    /// A handler that ran beside the connection is done.
    pub(super) fn answered(&mut self, connection: &mut Connection, key: Key, outcome: Outcome) {
        let Some(call) = self.open.get_mut(key) else {
            return;
        };
        call.stage = Stage::Done;
        if let Some(replies) = &mut call.replies
            && !replies.waiting.is_empty()
        {
            replies.ending = Some(outcome);
            return;
        }
        let stream = call.stream;
        self.open.remove(key);
        connection.finish(stream, outcome);
    }
}

/// A handler is called inline. Gives the time if it is to be timed.
fn begins(watch: &mut Watch, pace: &Pace, destination: &Destination) -> Option<Instant> {
    match destination {
        Destination::Numbered(route) if !pace.is_suspect() => {
            watch.called(*route as usize);
            None
        }
        _ => Some(link::now()),
    }
}
