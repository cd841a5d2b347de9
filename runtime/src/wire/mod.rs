//! Bytes of the native protocol: preface, frames, heads, varints (docs/wire.md, version 1).
//!
//! Plain forms and their encoding, each way. Holds no state of a connection, and knows nothing of sockets, clocks or
//! which side it runs on.

pub mod fault;
pub mod frame;
pub mod head;
pub mod preface;
mod varint;

pub use fault::Fault;
pub use frame::{CancelReason, Frame, FrameKind, GoAwayCode};
pub use head::{EndHead, HeadLimits, OpenHead, Route, RouteRef};
pub use preface::{Negotiated, Preface};

/// The most message bytes that one frame carries.
///
/// Small enough that a call waits behind 30 µs of somebody's bulk at 10 Gbit/s, large enough that headers are 0.03 % of it.
pub const FRAGMENT: usize = 32 * 1024;

/// What a frame with message bytes costs in flow control on top of them: its header.
///
/// Thus a flood of empty messages uses up the window like any other.
pub const FRAME_COST: usize = frame::HEADER;

/// The most routes that a connection gives a number.
pub const MAX_ROUTES: usize = 1024;

/// The most bytes of text in the numbered routes of a connection.
pub const MAX_ROUTE_TABLE: usize = 64 * 1024;

/// What a whole message costs in flow control: its bytes, and [`FRAME_COST`] for each frame it takes.
pub const fn cost(message: usize) -> usize {
    let fragments = message.div_ceil(FRAGMENT);
    message + FRAME_COST * if fragments == 0 { 1 } else { fragments }
}
