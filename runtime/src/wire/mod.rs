//! Bytes of the native protocol: preface, frames, heads, varints (docs/wire.md, version 1).
//!
//! Plain forms and their encoding, each way. Holds no state of a connection, and knows nothing of sockets, clocks or
//! which side it runs on.

pub mod fault;
pub mod frame;
pub mod head;
pub mod preface;
pub mod run;
mod varint;

pub use fault::Fault;
pub use frame::{CancelReason, Frame, FrameKind, GoAwayCode};
pub use head::{EndHead, HeadLimits, OpenHead, Route, RouteRef};
pub use preface::{Negotiated, Preface};
pub use run::{Run, RunWriter};

/// The message bytes of a fragment, and the most of any DATA.
///
/// Small enough that a call waits behind 30 µs of somebody's bulk at 10 Gbit/s, large enough that headers are 0.03 % of it.
pub const FRAGMENT: usize = 32 * 1024;

/// The most message bytes that a sender puts into one OPEN or END, where the peer takes such frames.
///
/// What is sent whole is received whole, without being put together; beyond this, what others wait behind it counts more.
pub const WHOLE: usize = 128 * 1024;

/// What a frame with so many message bytes costs in flow control: its header as well, but a full fragment no more than its
/// bytes.
///
/// Thus a flood of empty messages uses up the window like any other, and two fragments fit into 64 KiB.
pub const fn frame_cost(bytes: usize) -> usize {
    let cost = bytes + frame::HEADER;
    if cost < FRAGMENT { cost } else { FRAGMENT }
}

/// The most routes that a connection gives a number.
pub const MAX_ROUTES: usize = 1024;

/// The most bytes of text in the numbered routes of a connection.
pub const MAX_ROUTE_TABLE: usize = 64 * 1024;

/// What a whole message costs in flow control.
pub const fn cost(message: usize) -> usize {
    let leading = leading_cost(message);
    leading + frame_cost(message - leading)
}

/// What the fragments of a message before the last cost in flow control.
pub const fn leading_cost(message: usize) -> usize {
    message.saturating_sub(1) / FRAGMENT * FRAGMENT
}
