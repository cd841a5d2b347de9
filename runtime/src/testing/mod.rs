//! What tests are made of: servers, clients and a network within the process, faults that strike them, chance that a seed
//! decides; and suites that prove that an extension keeps its promises.
//!
//! Behind the feature `testing`; nothing in a program that runs names it. All of it runs in paused time.

mod cluster;
mod faults;
pub mod registry;
mod wire;

pub use cluster::Cluster;
pub use faults::{Fault, FaultId, Faults};

pub use crate::random::{Seeded, seeded};
