//! How the circuit breakers of a service stand, for those who watch over it.

use std::sync::Arc;
use std::time::Duration;

use super::breaker::{BreakerReason, BreakerState};

/// The circuit breakers of the instances of one service in one group: those that stand in for each other.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Breakers {
    /// Full name of the service.
    pub service: Arc<str>,
    /// The group of its instances.
    pub group: Arc<str>,
    /// Whether so few instances are usable that all are asked, whatever their breakers say.
    pub panic: bool,
    /// The part of the instances whose breaker is not closed, from 0 to 1.
    pub ejected: f64,
    /// How many calls went to instances whose breaker is open, since so few were usable.
    pub ignored: u64,
    /// One per instance, by id.
    pub instances: Vec<InstanceBreaker>,
}

/// The circuit breaker of one instance, and what it judges by.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct InstanceBreaker {
    /// The instance's id.
    pub instance: Arc<str>,
    /// Where it is asked; empty where this client cannot read its address.
    pub endpoint: Arc<str>,
    /// What its breaker does.
    pub state: BreakerState,
    /// Why it is not closed.
    pub why: Option<BreakerReason>,
    /// In how long it may be asked again, if it is not closed.
    pub retry_in: Option<Duration>,
    /// How often it has opened since the client knows the instance.
    pub opened: u64,
    /// The part of its share of calls that it gets while its breaker is closed, from 0 to 1: less than all where it does
    /// worse than the others, and for a while after its breaker has closed.
    pub weight: f64,
    /// Calls that ended within the window, whatever came of them.
    pub calls: u32,
    /// Those that succeeded in time.
    pub successes: u32,
    /// Those that failed hard.
    pub failures: u32,
    /// Those that took, or take, far longer than at the others.
    pub late: u32,
    /// Those that it turned away for load.
    pub overloaded: u32,
}

/// Something that happened to the circuit breakers of a service.
#[derive(Clone, Debug)]
pub(crate) enum BreakerEvent {
    /// An instance is left alone.
    Opened {
        instance: Arc<str>,
        endpoint: Arc<str>,
        why: BreakerReason,
        pause: Duration,
    },
    /// It is asked again.
    Closed {
        instance: Arc<str>,
        endpoint: Arc<str>,
    },
    /// Too few instances are usable: all are asked.
    PanicBegan { usable: usize, listed: usize },
    /// Enough are usable.
    PanicEnded { usable: usize, listed: usize },
}
