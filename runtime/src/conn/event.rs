//! What a connection tells its driver, and what the driver tells it.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::metadata::Metadata;
use crate::rope::Rope;
use crate::status::Status;
use crate::wire::{CancelReason, Fault, GoAwayCode, Route, Run};

/// The number of a call on its connection. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub(super) u32);

impl StreamId {
    /// The call with this number; 0 is no call, and never opens.
    pub fn new(number: u32) -> Self {
        Self(number)
    }

    /// As it stands on the wire.
    pub fn number(self) -> u32 {
        self.0
    }
}

impl From<StreamId> for u32 {
    #[inline]
    fn from(stream: StreamId) -> Self {
        stream.0
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What happened on a connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The prefaces are exchanged: calls may be opened.
    Ready,
    /// Server: a call has begun.
    Request {
        /// The call, to be ended with `finish`.
        stream: StreamId,
        /// What is asked.
        request: Request,
    },
    /// A message: of a streaming request, or of a reply that did not fit into END.
    Message {
        /// The call.
        stream: StreamId,
        /// The message, to be given back with `consumed`.
        body: Bytes,
        /// Server: no request follows.
        last: bool,
    },
    /// Several messages that came together.
    Run {
        /// The call.
        stream: StreamId,
        /// The messages, to be given back with `consumed_run`, all at once or in parts.
        run: Run,
    },
    /// Client: replies have begun, and the first of them is still to come. Not told where it came at once.
    Begun {
        /// The call.
        stream: StreamId,
    },
    /// Server: no request follows. Not told again where `last` said it.
    RequestsEnded {
        /// The call.
        stream: StreamId,
    },
    /// Client: the call is over. Nothing more comes for it.
    Ended {
        /// The call.
        stream: StreamId,
        /// How.
        outcome: Result<Reply, Status>,
    },
    /// Server: the call is over and nobody waits for its reply. Nothing more comes for it.
    Cancelled {
        /// The call.
        stream: StreamId,
        /// Why.
        reason: CancelReason,
    },
    /// Server: the deadline has passed. The driver stops the handler and calls `finish`.
    DeadlineExpired {
        /// The call.
        stream: StreamId,
    },
    /// After `SendError::NotReady`: the call takes messages again.
    Writable {
        /// The call.
        stream: StreamId,
    },
    /// Client, after `OpenError::Full`: the connection takes calls again.
    Openable,
    /// Client: calls are open, and the server has given no sign of life, though it was asked for one.
    Silent,
    /// Client: after [`Event::Silent`] it has given one.
    Heard,
    /// The peer has answered the PING with this number, and so is alive. Told where `ping` was called for it or a later one.
    Pong {
        /// What `ping` gave.
        token: u64,
    },
    /// The peer takes, or opens, no new calls; those open go on.
    GoAway {
        /// Why, for machines.
        code: GoAwayCode,
        /// Why, for people.
        message: String,
    },
    /// It is over: every call has had its end. What `transmit` still has is worth sending, then the transport is closed.
    Closed(CloseReason),
}

/// A call as the server sees it begin.
#[derive(Debug)]
pub struct Request {
    /// Where it goes.
    pub destination: Destination,
    /// When its caller stops waiting.
    pub deadline: Option<Instant>,
    /// How many attempts of this call came before.
    pub attempt: u32,
    /// Nobody waits for the reply, nor cancels: `finish` frees the call as ever, a reply message is not sent.
    pub one_way: bool,
    /// What came beside the message.
    pub metadata: Metadata,
    /// The first message if it came along, to be given back with `consumed`; else it follows as `Event::Message`.
    pub body: Option<Bytes>,
    /// No other message follows.
    pub last: bool,
}

/// Where a call goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To the route with this number, which [`Connection::route`](super::Connection::route) tells: an index for what the driver
    /// remembers about it.
    Numbered(u32),
    /// To a route that the connection does not keep.
    Once(Arc<Route>),
}

/// A call as the client begins it.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Where it goes.
    pub route: &'a Arc<Route>,
    /// When the caller stops waiting.
    pub deadline: Option<Instant>,
    /// How many attempts of this call came before.
    pub attempt: u32,
    /// Nobody waits for the reply; `Event::Ended` tells that the server is done with it.
    pub one_way: bool,
    /// What goes beside the message.
    pub metadata: &'a Metadata,
    /// The first message, if there is one already.
    pub body: Option<&'a Rope>,
    /// No other message follows.
    pub last: bool,
}

/// How a call succeeded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The last message, if it was not sent before: the reply of a unary call.
    pub body: Option<Rope>,
    /// What came behind it.
    pub trailers: Metadata,
}

/// Why a call could not be opened. No byte of it was sent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// The peer's preface has not come; `Event::Ready` tells.
    NotReady,
    /// As many calls are open, or as many bytes unsent, as may be; `Event::Openable` tells.
    Full,
    /// One side said GOAWAY, the number or one above it is used, or the connection is closed: another is needed.
    Gone,
    /// The call itself cannot be sent, here or elsewhere.
    Refused(Status),
}

/// What is sent on a call at once.
#[derive(Clone, Debug)]
pub enum Messages {
    /// One, of any size.
    One(Rope),
    /// Some small ones.
    Run(Run),
}

impl Messages {
    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        match self {
            Self::One(body) => body.len(),
            Self::Run(run) => run.cost(),
        }
    }
}

impl<B: Into<Rope>> From<B> for Messages {
    fn from(body: B) -> Self {
        Self::One(body.into())
    }
}

impl From<Run> for Messages {
    fn from(run: Run) -> Self {
        Self::Run(run)
    }
}

/// Why messages were not taken.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SendError {
    /// Too much waits already; `Event::Writable` tells. Here they are back.
    NotReady(Messages),
    /// The call is over, or its requests are.
    Gone,
    /// The peer takes no message of this size. Those before it are sent.
    TooLarge(Status),
}

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// One side said GOAWAY, and the last call is over.
    Drained,
    /// This side closed it.
    Local(String),
    /// The peer broke the protocol or a limit.
    Fault(Fault),
    /// The peer closed it.
    Peer {
        /// Why, for machines.
        code: GoAwayCode,
        /// Why, for people.
        message: String,
    },
    /// The transport failed or ended.
    Lost(String),
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drained => f.write_str("connection drained"),
            Self::Local(why) => write!(f, "connection closed: {why}"),
            Self::Fault(fault) => write!(f, "connection closed: {fault}"),
            Self::Peer { message, .. } => write!(f, "connection closed by the peer: {message}"),
            Self::Lost(why) => write!(f, "connection lost: {why}"),
        }
    }
}
