//! What a connection does because time passes: the preface and frames that are late, signs of life, deadlines of calls.

use std::time::{Duration, Instant};

use super::{CloseReason, Connection, Event, Keepalive, Limits, Role, State, StreamId};
use crate::status::{Phase, Status};
use crate::wire::{CancelReason, FRAGMENT, Fault, Frame};

/// Deadlines of calls are looked at this often at most: one sweep over all calls instead of a timer for each.
const SWEEP: Duration = Duration::from_millis(10);

/// PINGs without a sign of life after which the peer is dead.
const MISSES: u32 = 2;

/// ```text
///               patience              prompt
///   Trusted ──────────────▶ Asked ──────────────▶ Suspected
///      ▲                      │                       │
///      └──── heard, with more patience then ──────────┘
/// ```
/// Only while calls are open; the PING that is sent here is none of those whose number decides that a peer is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    Trusted,
    Asked(Instant),
    Suspected,
}

#[derive(Debug)]
pub(super) struct Timers {
    /// When the preface has to be here.
    preface: Instant,
    /// When the frame that has begun has to be whole.
    pub(super) frame: Option<Instant>,
    /// When a server that has no calls left stops waiting for its client to hang up.
    pub(super) linger: Option<Instant>,
    /// No deadline of a call is before this.
    sweep: Option<Instant>,
    /// The latest time that anybody told.
    pub(super) latest: Instant,
    /// The last sweep.
    swept: Instant,
    /// Something was heard, asked, or became urgent.
    alive: Instant,
    /// PINGs since something was heard.
    unanswered: u32,
    /// What a client thinks of its server.
    trust: Trust,
    /// Something was heard, or the first call opened: what `trust` counts from.
    heard: Instant,
    /// Silence before a client asks whether its server is there.
    patience: Duration,
    /// Tells one PING from another.
    token: u64,
    /// The latest PING that somebody waits for; 0 where nobody does.
    wanted: u64,
}

impl Timers {
    pub(super) fn new(now: Instant, limits: &Limits, keepalive: &Keepalive) -> Self {
        Self {
            preface: now + limits.preface_timeout,
            frame: None,
            linger: None,
            sweep: None,
            latest: now,
            swept: now,
            alive: now,
            unanswered: 0,
            trust: Trust::Trusted,
            heard: now,
            patience: keepalive.prompt,
            token: 0,
            wanted: 0,
        }
    }

    /// The first call is open: silence counts from here.
    pub(super) fn busy(&mut self, now: Instant) {
        self.alive = self.alive.max(now);
        self.heard = self.heard.max(now);
        self.latest = now;
    }

    /// Whether somebody waits for the answer to this PING, or to a later one.
    pub(super) fn awaits(&self, token: u64) -> bool {
        token <= self.wanted
    }

    pub(super) fn sweep_at(&mut self, deadline: Option<Instant>) {
        if let Some(deadline) = deadline {
            self.sweep = Some(self.sweep.map_or(deadline, |sweep| sweep.min(deadline)));
        }
    }
}

impl Connection {
    /// The peer has given a sign of life.
    pub(super) fn heard(&mut self, now: Instant) {
        let keepalive = &self.config.keepalive;
        let timers = &mut self.timers;
        timers.alive = now;
        timers.heard = now;
        timers.latest = now;
        timers.unanswered = 0;
        match timers.trust {
            // It speaks by itself.
            Trust::Trusted => timers.patience = keepalive.prompt,
            Trust::Asked(_) => {
                timers.trust = Trust::Trusted;
                timers.patience = (timers.patience * 2).min(keepalive.patience());
            }
            Trust::Suspected => {
                timers.trust = Trust::Trusted;
                self.events.push_back(Event::Heard);
            }
        }
    }

    /// When a client that has calls open asks for a sign of life, or is tired of waiting for it.
    fn doubt_due(&self) -> Option<Instant> {
        if self.role == Role::Server || self.streams.is_empty() {
            return None;
        }
        match self.timers.trust {
            Trust::Trusted => Some(self.timers.heard + self.timers.patience),
            Trust::Asked(asked) => Some(asked + self.config.keepalive.prompt),
            Trust::Suspected => None,
        }
    }

    fn doubt(&mut self, now: Instant) {
        if self.timers.trust == Trust::Trusted {
            self.timers.trust = Trust::Asked(now);
            self.ask();
        } else {
            self.timers.trust = Trust::Suspected;
            self.events.push_back(Event::Silent);
        }
    }

    fn ask(&mut self) {
        self.timers.token += 1;
        Frame::Ping(self.timers.token).put(&mut self.control);
    }

    /// Asks for a sign of life. Once it is here, [`Event::Pong`] tells the number that this gives, or a higher one.
    pub fn ping(&mut self) -> u64 {
        if self.state != State::Closed {
            self.ask();
        }
        self.timers.wanted = self.timers.token;
        self.timers.token
    }

    /// When [`Connection::handle_timeout`] has something to do, if nothing else happens before.
    pub fn next_timeout(&self) -> Option<Instant> {
        let sweep = self
            .timers
            .sweep
            .map(|sweep| sweep.max(self.timers.swept + SWEEP));
        let earliest = match self.state {
            State::Closed => return None,
            State::Greeting => Some(self.timers.preface),
            State::Open | State::Leaving { .. } => {
                let ping = self.ping_due();
                Some(self.doubt_due().map_or(ping, |doubt| doubt.min(ping)))
            }
        };
        // A time in the past arms the timer: what ended the last call had no clock.
        let linger = self
            .lingers()
            .then(|| self.timers.linger.unwrap_or(self.timers.alive));
        [earliest, sweep, self.timers.frame, linger]
            .into_iter()
            .flatten()
            .min()
    }

    /// Does what is due at `now`; calling it early does no harm.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.timers.latest = now;
        match self.state {
            State::Closed => return,
            State::Greeting => {
                if now >= self.timers.preface {
                    return self.fault(Fault::PrefaceLate);
                }
            }
            State::Open | State::Leaving { .. } => {
                if now >= self.ping_due() {
                    if self.timers.unanswered == MISSES {
                        return self.fault(Fault::Silent);
                    }
                    self.timers.unanswered += 1;
                    self.timers.alive = now;
                    self.rest();
                    self.ask();
                }
                if self.doubt_due().is_some_and(|due| now >= due) {
                    self.doubt(now);
                }
            }
        }
        if self.timers.frame.is_some_and(|due| now >= due) {
            return self.fault(Fault::FrameLate);
        }
        if self.timers.sweep.is_some_and(|sweep| now >= sweep) {
            self.sweep(now);
        }
        self.linger(now);
    }

    fn ping_due(&self) -> Instant {
        let keepalive = &self.config.keepalive;
        let interval = if self.streams.is_empty() && self.timers.trust != Trust::Suspected {
            keepalive.idle
        } else {
            keepalive.busy
        };
        self.timers.alive + interval
    }

    /// A server that has said GOAWAY and has no calls left.
    fn lingers(&self) -> bool {
        self.role == Role::Server
            && matches!(self.state, State::Leaving { last: Some(_) })
            && self.streams.is_empty()
    }

    fn linger(&mut self, now: Instant) {
        if self.lingers() {
            match self.timers.linger {
                None => self.timers.linger = Some(now + self.limits().linger),
                Some(due) if now >= due => self.end(CloseReason::Drained),
                Some(_) => {}
            }
        }
    }

    /// Ends what is past its time, and finds out when to look again.
    fn sweep(&mut self, now: Instant) {
        self.timers.swept = now;
        self.timers.sweep = None;
        let mut next = None;
        let mut later = |at: Instant| next = Some(next.map_or(at, |next: Instant| next.min(at)));
        let (mut expired, mut stalled) = (Vec::new(), Vec::new());
        // The peer cannot be late with a fragment that the connection's window has no room for.
        let room = self.window.open() >= FRAGMENT + self.window.size() / 4;
        for (number, stream) in self.streams.iter_mut() {
            match stream.deadline {
                Some(deadline) if deadline > now => later(deadline),
                Some(_) if !stream.expired => expired.push(number),
                _ => {}
            }
            let Some(large) = &mut stream.large else {
                continue;
            };
            match &mut large.due {
                Some(due) if *due > now => later(*due),
                Some(due) if !room => {
                    *due = now + self.config.limits.frame_timeout;
                    later(*due);
                }
                Some(_) => stalled.push(number),
                None => {}
            }
        }
        self.timers.sweep = next;
        expired.sort_unstable();
        stalled.sort_unstable();
        for number in expired {
            self.expire(number);
        }
        for number in stalled {
            let status = Status::deadline_exceeded("a message was begun and not finished in time")
                .in_phase(Phase::Local)
                .with_setting("Limits::frame_timeout");
            self.fail(number, status);
        }
    }

    fn expire(&mut self, number: u32) {
        let id = StreamId(number);
        match self.role {
            Role::Client => {
                let Some(gone) = self.remove(number) else {
                    return;
                };
                let reason = CancelReason::Deadline;
                Frame::Cancel {
                    stream: number,
                    reason,
                }
                .put(self.main.tail());
                let why = if self.timers.trust == Trust::Suspected {
                    "the deadline passed before the reply came, and the server has given no sign of life"
                } else {
                    "the deadline passed before the reply came"
                };
                let mut status = Status::deadline_exceeded(why).in_phase(Phase::Local);
                if gone.opened_at >= self.handed {
                    status = status.not_started();
                }
                self.events.push_back(Event::Ended {
                    stream: id,
                    outcome: Err(status),
                });
            }
            Role::Server => {
                let Some(stream) = self.streams.get_mut(number) else {
                    return;
                };
                stream.expired = true;
                if stream.finishing {
                    self.fail(
                        number,
                        Status::deadline_exceeded("the reply could not be sent in time"),
                    );
                } else {
                    self.events.push_back(Event::DeadlineExpired { stream: id });
                }
            }
        }
    }
}
