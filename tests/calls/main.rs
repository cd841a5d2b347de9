//! A server in a process of its own: how it ends, and what it does when the system refuses it something.
#![cfg(unix)]

mod descriptors;
mod echo;
mod process;
mod signals;
