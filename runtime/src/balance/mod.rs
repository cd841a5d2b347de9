//! Which of several instances takes the next call.
//!
//! Pure: no clock, no IO, no runtime. Times are handed in as durations since any fixed moment, seeds by the caller;
//! what a balancer must remember of an instance lives in its [`Load`].

mod affinity;
mod candidates;
mod load;
mod p2c;
mod ramp;
mod rendezvous;
mod simple;
mod steady;
mod turns;
mod weighted;
mod zone;

use std::sync::Arc;
use std::time::Duration;

pub use candidates::{Candidate, Candidates};
pub use load::{InFlight, Load, Outcome, Standing};
pub use p2c::P2c;
pub use rendezvous::ConsistentHash;
pub use simple::{LeastActive, Random};
pub use turns::RoundRobin;
pub use weighted::Weighted;

pub(crate) use affinity::{of_bytes, of_field};
pub(crate) use ramp::{Ramp, WARM_UP};
pub(crate) use steady::Steady;
pub(crate) use zone::Zoned;

use crate::contract::Balance;

/// Chooses among candidates. Shared by all calls of a client, so a pick must be cheap, lock little and allocate
/// nothing.
///
/// ```
/// use callsheet::balance::{Balancer, Candidates, PickContext};
///
/// /// Always the first that can be used.
/// struct First;
///
/// impl Balancer for First {
///     fn pick(&self, candidates: &Candidates, context: &PickContext<'_>) -> Option<usize> {
///         (0..candidates.len()).find(|&index| candidates.is_usable(index, context))
///     }
/// }
/// ```
pub trait Balancer: Send + Sync + 'static {
    /// The index of the candidate that takes the call; `None` if none can be used.
    fn pick(&self, candidates: &Candidates, context: &PickContext<'_>) -> Option<usize>;
}

/// What is known of the call that looks for an instance.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct PickContext<'a> {
    /// The time, since the same moment as in [`InFlight::finish`].
    pub now: Duration,
    /// [`Candidate::key`] of the instances that have been tried for this call; they are not picked again.
    pub tried: &'a [u64],
    /// The hash of the part of the request that ties calls to an instance, where there is one.
    pub hash: Option<u64>,
    /// The worst standing that an instance may have.
    pub worst: Standing,
    /// Whether instances whose circuit breaker is open will do, and those that have lost a part of their share take all of it:
    /// so few are left that nobody can be spared.
    pub ejected_too: bool,
}

impl<'a> PickContext<'a> {
    /// The first try of a call, at `now`.
    pub const fn at(now: Duration) -> Self {
        Self {
            now,
            tried: &[],
            hash: None,
            worst: Standing::Good,
            ejected_too: false,
        }
    }

    /// The same after these were tried.
    #[must_use]
    pub const fn after(mut self, tried: &'a [u64]) -> Self {
        self.tried = tried;
        self
    }

    /// The same where instances of this standing will do, and better ones.
    #[must_use]
    pub const fn down_to(mut self, worst: Standing) -> Self {
        self.worst = worst;
        self
    }

    /// The same whatever circuit breakers say.
    #[must_use]
    pub const fn with_ejected(mut self) -> Self {
        self.ejected_too = true;
        self
    }

    /// The same with the hash of what ties the call to an instance.
    #[must_use]
    pub const fn with_hash(mut self, hash: u64) -> Self {
        self.hash = Some(hash);
        self
    }
}

/// The balancer that a contract asks for; `seed` decides its random choices.
pub fn of(balance: Balance, seed: u64) -> Arc<dyn Balancer> {
    match balance {
        Balance::P2c => Arc::new(P2c::new(seed)),
        Balance::Random => Arc::new(Random::new(seed)),
        Balance::RoundRobin => Arc::new(RoundRobin::new(seed)),
        Balance::LeastActive => Arc::new(LeastActive::new(seed)),
        Balance::ConsistentHash(_) => Arc::new(ConsistentHash::new(seed)),
    }
}

#[cfg(test)]
mod tests;
