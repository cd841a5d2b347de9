//! Generated clients against generated servers, through a registry: every way to call, and what a call inherits, where
//! it goes, and what becomes of it when servers come and go.

#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

mod balance;
mod breaker;
mod codecs;
mod deadlines;
mod documents;
mod fallback;
mod hostile;
mod kinds;
mod membership;
mod moves;
mod outage;
mod raw;
mod routing;
mod shop;
mod strategies;
mod threads;
mod tries;
