//! What every system of the comparison shares: the command line, the load, and what is measured.
//!
//! A system is a binary crate that implements [`Peer`] and [`Client`] and whose `main` is [`run`]. It is started as
//! `<system> serve`, prints its address and serves until its input ends; and as `<system> load ADDRESS CASE…`, which
//! puts the cases' load on that address and prints a line for each. This crate knows no system and no protocol.

mod case;
mod command;
mod histogram;
mod load;
mod peer;
mod process;
mod random;
mod row;

pub use case::{Case, Payload};
pub use command::run;
pub use peer::{Client, Peer, Result, Unsupported, listen};

use bytes::Bytes;

/// Bytes of a message of a stream.
pub const STREAM_MESSAGE: usize = 100;

/// Most bytes that a reply to `fetch` has: with the message around them 4 MiB, which both gRPC and Callsheet allow by
/// default.
pub const MOST_FETCHED: usize = 4 * 1024 * 1024 - 1024;

/// A payload of so many bytes: no zeros, and the same in every process.
pub fn payload(size: usize) -> Bytes {
    (1..=251_u8).cycle().take(size).collect::<Vec<u8>>().into()
}

/// Computes for so long, as a handler does that has real work.
pub fn compute(micros: u64) {
    let ends = std::time::Instant::now() + std::time::Duration::from_micros(micros);
    while std::time::Instant::now() < ends {
        std::hint::spin_loop();
    }
}
