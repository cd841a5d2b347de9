//! What the driver of a client's connection asks of those who call.

use std::time::Instant;

use bytes::BytesMut;

use super::super::Outcome;
use super::super::command::Command;
use super::super::driver::Role;
use super::Caller;
use crate::conn::{self, CloseReason, Connection, Ends, Event, StreamId};
use crate::metadata::Metadata;
use crate::status::{Phase, Status};

/// Answers that are given before other tasks get their turn: what comes behind them waits as events until then.
const ANSWERS: usize = 256;

impl Role for Caller {
    fn command(&mut self, connection: &mut Connection, command: Command, now: Instant) {
        self.at(now);
        match command {
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
            Command::Discard { key } | Command::Cancel { key } => self.drop_call(connection, key),
            Command::Ping(answer) => self.pings.push((connection.ping(), answer)),
            Command::Drain => {
                self.health.leave();
                self.fail_waiting(&self.health.gone());
                connection.go_away("the client needs the connection no more");
            }
            Command::Close => connection.close("closed by the client"),
            // Only servers have handlers.
            Command::Answered { .. }
            | Command::Woken { .. }
            | Command::Admitted { .. }
            | Command::Begin { .. } => {}
        }
    }

    fn was_stirred(&mut self) -> bool {
        self.asleep = false;
        std::mem::take(&mut self.stirred)
    }

    fn may_sleep(&mut self) -> bool {
        self.asleep = !self.stirred;
        self.asleep
    }

    fn receive(&mut self, connection: &mut Connection, inbox: &mut BytesMut, now: Instant) {
        self.at(now);
        let mut answers = Answers {
            caller: self,
            left: ANSWERS,
        };
        connection.receive_with(inbox, now, &mut answers);
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
        self.queue.next_timeout()
    }

    fn timeout(&mut self, _: &mut Connection, now: Instant) {
        self.at(now);
        while let Some((stream, mut opening)) = self.queue.pop_expired(now) {
            self.forget_again(opening.request.again.take());
            let status =
                Status::deadline_exceeded("the deadline passed before the connection had room")
                    .in_phase(Phase::Local)
                    .not_started();
            self.answer(stream, Err(status));
        }
    }

    fn expects_more(&mut self, connection: &Connection) -> bool {
        // Those who have their answers may have more to ask.
        let answered = std::mem::take(&mut self.answered);
        answered > 1 || connection.active() + self.queue.len() > 1
    }

    fn closed(&mut self, _: &Connection, reason: &CloseReason, _: Vec<Command>) {
        self.over = true;
        self.health.close(reason);
        let gone = self.health.gone();
        self.handshake(Err(gone.clone().in_phase(Phase::Handshake)));
        self.fail_waiting(&gone);
        self.pings.clear();
    }
}

/// Answers calls while what was read is taken apart.
struct Answers<'a> {
    caller: &'a mut Caller,
    left: usize,
}

impl Ends for Answers<'_> {
    fn takes(&self) -> bool {
        self.left > 0
    }

    fn ended(&mut self, stream: StreamId, outcome: Outcome) {
        self.left -= 1;
        self.caller.ended(stream, outcome);
    }
}
