//! What those who operate clients and servers see of them: numbers, spans, logs, and pages over HTTP; and what they never
//! see, which is what calls carry.

#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

mod admin;
mod chain;
mod exported;
mod listed;
mod logged;
mod numbers;
mod recorded;
mod spans;
