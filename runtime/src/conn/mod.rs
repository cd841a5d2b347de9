//! The connection machine: bytes and the time go in; bytes, events and the next timeout come out.
//!
//! One [`Connection`] is one side of one connection. A driver owns the transport and the clock:
//!
//! ```text
//!   transport ──► receive ──► next_event until None ──► handlers, callers
//!   handlers, callers ──► open, send, finish, … ──► transmit ──► transport
//!   at next_timeout ──► handle_timeout
//! ```
//!
//! Names no runtime and reads no clock. Knows nothing of services, codecs or the content of messages.

mod config;
mod control;
mod event;
mod finish;
mod flow;
mod open;
mod outbox;
mod reassembly;
mod receive;
mod routes;
mod send;
mod stream;
mod table;
mod timer;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;

pub use config::{Config, Keepalive, Limits};
pub use event::{
    Call, CloseReason, Destination, Event, Messages, OpenError, Reply, Request, SendError, StreamId,
};
pub use outbox::Outbox;
pub use receive::Ends;
pub(crate) use table::ByStream;

use crate::status::{Phase, Status};
use crate::wire::{CancelReason, Fault, Frame, GoAwayCode, Negotiated, Preface, Route};
use flow::{Allowance, Window};
use reassembly::Reassembly;
use routes::Routes;
use stream::{Gone, Stream};
use timer::Timers;

/// One side of one connection.
#[derive(Debug)]
pub struct Connection {
    role: Role,
    config: Config,
    state: State,
    ours: Preface,
    peer: Option<(Preface, Negotiated)>,
    streams: ByStream<Stream>,
    /// The highest stream number so far.
    highest: u32,
    routes: Routes,
    events: VecDeque<Event>,

    /// Bytes of a frame that has begun and is not whole.
    missing: usize,

    /// Frames in order. What is here is handed out whole, so that control frames may go before it.
    main: Outbox,
    control: BytesMut,
    /// Bytes ever handed out of `main`.
    handed: u64,
    /// So many of them at least the transport has not taken.
    unsent: u64,
    /// Bytes of control frames handed out since the transport had taken everything.
    controls: usize,
    /// Streams that have messages to write, in turn.
    round: VecDeque<u32>,
    /// Bytes in the queues of all streams.
    queued: usize,
    /// Message bytes the peer still takes on the connection.
    send_credit: u64,
    /// What DATA leaves of it to OPEN and END.
    reserve: u64,
    window: Window,
    reassembly: Reassembly,
    openable_wanted: bool,
    rested: bool,

    timers: Timers,
    cancels: Allowance,
    pings: Allowance,
    credits: Allowance,
    /// Bytes sent that have not earned the peer a CREDIT yet.
    credit_earning: usize,
    ignored: Allowance,
    stats: Stats,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Client,
    Server,
}

/// ```text
///   Greeting ──preface──► Open ──GOAWAY, either way──► Leaving ──last call over──► Closed
///      │                    │                             │                          ▲
///      └────────────────────┴── fault, close, loss ───────┴──────────────────────────┘
/// ```
/// A server that said GOAWAY stays in Leaving, with no calls, until its client hangs up or `Limits::linger` is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Greeting,
    Open,
    Leaving {
        /// This side said GOAWAY, and takes calls up to this number.
        last: Option<u32>,
    },
    Closed,
}

/// What a connection has counted since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Calls opened, by this side or by the peer.
    pub opened: u64,
    /// Server: calls that were ended here without a handler.
    pub refused: u64,
    /// Frames for calls that were over, or never were.
    pub late: u64,
    /// Frames of kinds that this version does not know and may ignore.
    pub unknown: u64,
}

impl Connection {
    /// The side that opens calls.
    pub fn client(config: Config, now: Instant) -> Self {
        let mut connection = Self::new(Role::Client, config, now);
        connection
            .main
            .tail()
            .extend_from_slice(&connection.ours.encode());
        connection
    }

    /// The side that answers them. It is silent until the peer has shown that it speaks the protocol.
    pub fn server(config: Config, now: Instant) -> Self {
        Self::new(Role::Server, config, now)
    }

    fn new(role: Role, config: Config, now: Instant) -> Self {
        let ours = config.limits.preface();
        let limits = &config.limits;
        Self {
            role,
            state: State::Greeting,
            ours,
            peer: None,
            streams: ByStream::default(),
            highest: 0,
            routes: Routes::default(),
            events: VecDeque::new(),
            missing: 0,
            main: Outbox::new(),
            control: BytesMut::new(),
            handed: 0,
            unsent: 0,
            controls: 0,
            round: VecDeque::new(),
            queued: 0,
            send_credit: 0,
            reserve: 0,
            window: Window::new(1 << ours.connection_window_log2),
            reassembly: Reassembly::new(limits.reassembly),
            openable_wanted: false,
            rested: false,
            timers: Timers::new(now, limits, &config.keepalive),
            cancels: Allowance::new(limits.cancels, Limits::CANCELS_PER_SECOND, now),
            pings: Allowance::new(limits.pings, Limits::PINGS_PER_SECOND, now),
            credits: Allowance::new(limits.credits, 0, now),
            credit_earning: 0,
            ignored: Allowance::new(limits.ignored, Limits::IGNORED_PER_SECOND, now),
            stats: Stats::default(),
            config,
        }
    }

    /// The next thing that happened.
    pub fn next_event(&mut self) -> Option<Event> {
        if self.events.is_empty() {
            self.close_if_drained();
        }
        self.events.pop_front()
    }

    /// Takes and opens no new calls; those open go on. The server says up to which call it accepted, so that its client can
    /// send later ones elsewhere. [`Event::Closed`] follows the last call.
    pub fn go_away(&mut self, message: impl Into<String>) {
        if !matches!(self.state, State::Open | State::Leaving { last: None }) {
            if self.state == State::Greeting {
                self.close(message);
            }
            return;
        }
        let last_stream = match self.role {
            Role::Client => 0,
            Role::Server => self.highest,
        };
        let message = message.into().into();
        // Behind the calls that this side has opened: control frames would overtake them.
        Frame::GoAway {
            last_stream,
            code: GoAwayCode::Shutdown,
            message,
        }
        .put(self.main.tail());
        self.state = State::Leaving {
            last: Some(last_stream),
        };
        self.timers.linger = None;
    }

    /// Ends the connection and all calls on it, and tells the peer why.
    pub fn close(&mut self, message: impl Into<String>) {
        let message = message.into();
        self.end(CloseReason::Local(message));
    }

    /// The transport failed or ended: ends all calls. Also what the driver calls when the peer has hung up.
    pub fn lost(&mut self, why: impl Into<String>) {
        let drained = matches!(self.state, State::Leaving { .. }) && self.streams.is_empty();
        self.end(if drained {
            CloseReason::Drained
        } else {
            CloseReason::Lost(why.into())
        });
    }

    /// Of what `transmit` has handed out, the transport has not taken the last `bytes`: the calls in them have not left, if
    /// the connection ends now.
    pub fn unsent(&mut self, bytes: usize) {
        // Control frames may stand among them, and are nobody's calls.
        let calls = bytes.saturating_sub(self.controls) as u64;
        self.unsent = calls.min(self.handed);
    }

    /// Client: the lowest number that a call may still have. When all are used ([`Connection::is_leaving`]), the last.
    pub fn next_stream(&self) -> StreamId {
        StreamId(self.highest.saturating_add(1))
    }

    /// Server: where a call of this connection goes. `None` if it is one of another connection.
    pub fn route<'a>(&'a self, destination: &'a Destination) -> Option<&'a Arc<Route>> {
        match destination {
            Destination::Numbered(number) => self.routes.numbered(*number),
            Destination::Once(route) => Some(route),
        }
    }

    /// Bytes that the frame which has begun still lacks; 0 if none has, or its length is not known yet.
    pub fn missing(&self) -> usize {
        self.missing
    }

    /// Whether what the peer sends is to be read, where `unwritten` bytes wait for the transport already. A server reads on
    /// only as far as its client takes the answers, or it would hold them all. A client always does: its own callers bound
    /// what it sends, and so both never wait for each other.
    pub fn reads_on(&self, unwritten: usize) -> bool {
        self.role == Role::Client || self.main.len() + unwritten < self.limits().send_buffer
    }

    /// The transport was full, and takes bytes again: a sign of life. An answer to PING may be long in coming then, and the
    /// rest of a frame is perhaps not read for that.
    pub fn relieved(&mut self, now: Instant) {
        self.heard(now);
        let due = now + self.limits().frame_timeout;
        self.timers.frame = self.timers.frame.map(|_| due);
    }

    /// Whether the peer has had nothing to say for long since this was last asked: what a burst has left is given back then.
    pub(crate) fn has_rested(&mut self) -> bool {
        std::mem::take(&mut self.rested)
    }

    /// Calls that are open.
    pub fn active(&self) -> usize {
        self.streams.len()
    }

    /// Whether the call is open.
    pub fn is_active(&self, stream: StreamId) -> bool {
        self.streams.get(stream.0).is_some()
    }

    /// Whether one side said GOAWAY, or no stream number is left.
    pub fn is_leaving(&self) -> bool {
        matches!(self.state, State::Leaving { .. }) || self.highest == u32::MAX
    }

    /// Whether it is over.
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// What the peers agreed on, once they have.
    pub fn negotiated(&self) -> Option<Negotiated> {
        self.peer.map(|(_, negotiated)| negotiated)
    }

    /// What it has counted.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Bytes that it holds, or has told the driver of and not got back: messages received and not consumed, messages and
    /// frames not yet handed out.
    pub fn buffered(&self) -> usize {
        self.window.held()
            + self.reassembly.bytes()
            + self.queued
            + self.main.len()
            + self.control.len()
    }

    fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// Ends the connection for what the peer did.
    fn fault(&mut self, fault: Fault) {
        self.end(CloseReason::Fault(fault));
    }

    fn end(&mut self, reason: CloseReason) {
        if self.state == State::Closed {
            return;
        }
        let goaway = match &reason {
            CloseReason::Local(message) => Some((GoAwayCode::Closed, message.clone())),
            CloseReason::Fault(fault) => Some((fault.code(), fault.to_string())),
            CloseReason::Drained | CloseReason::Peer { .. } | CloseReason::Lost(_) => None,
        };
        let greeted = self.role == Role::Client || self.peer.is_some();
        if let Some((code, message)) = goaway.filter(|_| greeted) {
            let frame = Frame::GoAway {
                last_stream: self.highest,
                code,
                message: message.into(),
            };
            frame.put(self.main.tail());
        }
        self.state = State::Closed;
        self.round.clear();
        for number in self.streams.numbers() {
            let Some(gone) = self.remove(number) else {
                continue;
            };
            let id = StreamId(number);
            let event = match self.role {
                Role::Client => Event::Ended {
                    stream: id,
                    outcome: Err(self.unavailable(&gone, &reason.to_string())),
                },
                Role::Server if gone.finishing => continue,
                Role::Server => Event::Cancelled {
                    stream: id,
                    reason: CancelReason::Caller,
                },
            };
            self.events.push_back(event);
        }
        // What was charged for the frame at fault is held by nobody.
        self.window = Window::new(self.window.size());
        self.events.push_back(Event::Closed(reason));
    }

    /// What a call ends with when its connection does.
    fn unavailable(&self, gone: &Gone, why: &str) -> Status {
        let status = Status::unavailable(why).in_phase(Phase::Send);
        if gone.opened_at >= self.handed - self.unsent {
            status.not_started()
        } else {
            status
        }
    }

    fn close_if_drained(&mut self) {
        if let State::Leaving { last } = self.state {
            let lingers = self.role == Role::Server && last.is_some();
            if self.streams.is_empty() && !lingers {
                self.end(CloseReason::Drained);
            }
        }
    }

    /// Takes a call out of the table, with all that it holds.
    #[inline]
    fn remove(&mut self, number: u32) -> Option<Gone> {
        let (gone, held, queue, large) = self.streams.drop_with(number, |stream| {
            let gone = Gone {
                since: stream.since,
                opened_at: stream.opened_at,
                finishing: stream.finishing,
            };
            let held = stream.held + stream.open_held;
            (gone, held, stream.queue.take(), stream.large.take())
        })?;
        // The peer may have said its last word on the call already.
        self.ignored.grow(1);
        if let Some(queue) = queue {
            self.queued -= queue.bytes;
        }
        self.give_back(held);
        if let Some(large) = large {
            self.reassembly.release(number, large.bytes + large.open);
            self.grant_withheld();
        }
        self.tell_openable();
        Some(gone)
    }

    /// Gives connection credit back to the peer.
    #[inline]
    fn give_back(&mut self, cost: usize) {
        if cost > 0
            && let Some(bytes) = self.window.give_back(cost)
            && self.state != State::Closed
        {
            Frame::Credit { stream: 0, bytes }.put(&mut self.control);
        }
    }

    #[inline]
    fn tell_openable(&mut self) {
        if self.openable_wanted && self.is_open() && self.has_room() {
            self.openable_wanted = false;
            self.events.push_back(Event::Openable);
        }
    }

    /// Gives the memory that a burst has left back, where the peer has had nothing to say for long.
    fn rest(&mut self) {
        self.rested = true;
        self.streams.rest();
        if self.streams.is_empty() && self.events.is_empty() {
            self.events = VecDeque::new();
        }
    }

    fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Whether the client may open another call.
    fn has_room(&self) -> bool {
        let theirs = self.peer.map_or(0, |(peer, _)| usize::from(peer.streams));
        self.streams.len() < self.limits().streams.min(theirs)
            && self.main.len() < self.limits().send_buffer
    }
}

#[cfg(test)]
mod tests;
