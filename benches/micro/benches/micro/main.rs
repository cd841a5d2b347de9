//! The parts of the call path, each by itself: `cargo xtask bench micro`. Times differ from machine to machine and from
//! run to run; the allocations beside them do not.
//!
//! All is reached through what the runtime shows to everybody: the machine of a connection, the frames and the balancers
//! are open and know no IO; what lies between is seen in whole calls.
#![expect(
    clippy::unwrap_used,
    reason = "a bench that cannot go on reports by panicking"
)]

mod balance;
mod machine;
mod stack;
mod wire;

#[global_allocator]
static ALLOCATIONS: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}
