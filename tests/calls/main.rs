//! Servers and clients in processes of their own: how they end, are stopped and are killed, what hostile and slow peers make
//! them hold, and what they do when the system refuses them something.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

mod chain;
mod crowd;
mod descriptors;
mod echo;
mod hostile;
mod keeper;
mod killed;
mod load;
mod one_way;
mod process;
mod signals;
mod slow;
mod stopped;
