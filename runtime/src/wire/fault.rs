//! What can be wrong with bytes from a peer, each with its name.

use std::fmt;

use super::frame::GoAwayCode;

/// A breach of the protocol. The connection it came on ends, with this as the reason in GOAWAY.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The first bytes are not the preface of this protocol.
    Magic,
    /// The preface announces a value outside of what version 1 allows.
    Announced {
        /// The field.
        field: &'static str,
        /// Its value as sent.
        value: u32,
    },
    /// No version is known to both sides.
    Version {
        /// What this side speaks, lowest and highest.
        ours: (u8, u8),
        /// What the peer speaks.
        theirs: (u8, u8),
    },
    /// The length field is less than the rest of a header.
    FrameShort {
        /// The length as sent.
        length: u32,
    },
    /// The length field is over the limit that this side announced.
    FrameLong {
        /// Payload bytes claimed.
        length: usize,
        /// `Limits::frame`
        limit: usize,
    },
    /// A kind that is neither known nor marked as ignorable.
    Kind(u8),
    /// A flag that the kind does not have and that is not a hint.
    Flags {
        /// The kind.
        kind: &'static str,
        /// The flags that are not known.
        flags: u8,
    },
    /// A compressed message, though the peers did not agree on compression.
    Compressed,
    /// A kind that only the other side may send.
    Direction(&'static str),
    /// A stream number where none belongs, or none where one does.
    StreamNumber {
        /// The kind.
        kind: &'static str,
        /// The number as sent.
        stream: u32,
    },
    /// The payload ended inside a field.
    Cut {
        /// The field.
        field: &'static str,
    },
    /// A number with more bits than its field has.
    Varint {
        /// The field.
        field: &'static str,
    },
    /// Text that is not UTF-8.
    NotText {
        /// The field.
        field: &'static str,
    },
    /// Bytes behind the last field.
    Surplus {
        /// The kind.
        kind: &'static str,
    },
    /// A text of the route is longer than version 1 allows.
    RouteLong {
        /// The field.
        field: &'static str,
        /// The most bytes it may have.
        limit: usize,
    },
    /// A route number that was never given.
    RouteUnknown(u32),
    /// A route to be numbered when the table is full.
    RouteTableFull,
    /// A stream number that was used before, or less than one that was.
    StreamReused {
        /// The number as sent.
        stream: u32,
        /// The highest number so far.
        highest: u32,
    },
    /// Message bytes for a stream that was never opened.
    StreamUnopened(u32),
    /// A request behind the last.
    AfterEnd(u32),
    /// Replies that begin a second time, or behind the first of them.
    BegunTwice(u32),
    /// A fragment of the wrong size: all but the last have 32 KiB, and the last is not empty.
    FragmentSize {
        /// Its stream.
        stream: u32,
        /// Its bytes.
        length: usize,
    },
    /// The peer ended its requests or the call inside a message.
    Unfinished(u32),
    /// More message bytes than the window allowed.
    WindowExceeded {
        /// The stream; 0 is the connection.
        stream: u32,
        /// Bytes beyond.
        excess: usize,
    },
    /// A window beyond 2^31 − 1, or grown by nothing.
    WindowGrowth {
        /// The stream; 0 is the connection.
        stream: u32,
        /// The growth as sent.
        by: u64,
    },
    /// Too much of what costs this side more than the peer.
    Flood {
        /// What there was too much of: `cancels`.
        what: &'static str,
        /// The setting that bounds it.
        limit: &'static str,
    },
    /// The peer sends and does not read: answers owed to it pile up.
    NotReading {
        /// Bytes of answers that wait.
        waiting: usize,
        /// `Limits::control_queue`
        limit: usize,
    },
    /// The preface did not arrive in time.
    PrefaceLate,
    /// A frame was begun and not finished in time.
    FrameLate,
    /// Nothing was heard, two PINGs included.
    Silent,
}

impl Fault {
    /// What GOAWAY says of it.
    pub fn code(&self) -> GoAwayCode {
        match self {
            Self::Version { .. } => GoAwayCode::Version,
            Self::FrameLong { .. }
            | Self::Flood { .. }
            | Self::NotReading { .. }
            | Self::RouteTableFull => GoAwayCode::Limit,
            Self::WindowExceeded { .. } | Self::WindowGrowth { .. } => GoAwayCode::FlowControl,
            Self::PrefaceLate | Self::FrameLate | Self::Silent => GoAwayCode::Timeout,
            _ => GoAwayCode::Protocol,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => f.write_str("the peer does not speak the Callsheet protocol"),
            Self::Announced { field, value } => write!(f, "preface: {field} may not be {value}"),
            Self::Version { ours, theirs } => write!(
                f,
                "no common version: this side speaks {} to {}, the peer {} to {}",
                ours.0, ours.1, theirs.0, theirs.1
            ),
            Self::FrameShort { length } => {
                write!(f, "frame length {length} is less than a header")
            }
            Self::FrameLong { length, limit } => {
                write!(
                    f,
                    "frame of {length} bytes is over the limit of {limit} (Limits::frame)"
                )
            }
            Self::Kind(kind) => write!(f, "unknown frame kind {kind:#04x}"),
            Self::Flags { kind, flags } => write!(f, "{kind} with reserved flags {flags:#04x}"),
            Self::Compressed => {
                f.write_str("compressed message, but compression was not agreed on")
            }
            Self::Direction(kind) => write!(f, "{kind} from the side that may not send it"),
            Self::StreamNumber { kind, stream } => write!(f, "{kind} with stream number {stream}"),
            Self::Cut { field } => write!(f, "the frame ends inside {field}"),
            Self::Varint { field } => write!(f, "{field} has too many bits"),
            Self::NotText { field } => write!(f, "{field} is not UTF-8"),
            Self::Surplus { kind } => write!(f, "{kind} with bytes behind its last field"),
            Self::RouteLong { field, limit } => {
                write!(f, "{field} of a route is over {limit} bytes")
            }
            Self::RouteUnknown(number) => write!(f, "route number {number} was never given"),
            Self::RouteTableFull => write!(
                f,
                "route table is full ({} routes or {} bytes)",
                super::MAX_ROUTES,
                super::MAX_ROUTE_TABLE
            ),
            Self::StreamReused { stream, highest } => {
                write!(f, "OPEN of stream {stream} after stream {highest}")
            }
            Self::StreamUnopened(stream) => {
                write!(f, "DATA on stream {stream}, which was never opened")
            }
            Self::BegunTwice(stream) => {
                write!(f, "replies of stream {stream} begin when they have begun")
            }
            Self::AfterEnd(stream) => {
                write!(f, "DATA on stream {stream} after the end of its requests")
            }
            Self::FragmentSize { stream, length } => {
                write!(f, "fragment of {length} bytes on stream {stream}")
            }
            Self::Unfinished(stream) => write!(f, "stream {stream} ended inside a message"),
            Self::WindowExceeded { stream: 0, excess } => {
                write!(f, "connection window exceeded by {excess} bytes")
            }
            Self::WindowExceeded { stream, excess } => {
                write!(f, "window of stream {stream} exceeded by {excess} bytes")
            }
            Self::WindowGrowth { stream, by } => {
                write!(f, "CREDIT of {by} bytes on stream {stream}")
            }
            Self::Flood { what, limit } => write!(f, "too many {what} (Limits::{limit})"),
            Self::NotReading { waiting, limit } => write!(
                f,
                "the peer does not read: {waiting} bytes of answers wait, over the limit of {limit} \
                 (Limits::control_queue)"
            ),
            Self::PrefaceLate => f.write_str("no preface in time (Limits::preface_timeout)"),
            Self::FrameLate => {
                f.write_str("a frame was not finished in time (Limits::frame_timeout)")
            }
            Self::Silent => {
                f.write_str("the peer is silent, two PINGs were not answered (Keepalive)")
            }
        }
    }
}

impl std::error::Error for Fault {}
