//! What a client leaves to chance: one source, which a seed decides.

use std::sync::Arc;

use crate::observe::Observer;
use crate::random::{self, Random};

use super::{Client, ClientBuilder};

impl ClientBuilder {
    /// Has `seed` decide all that the client leaves to chance: which instances balancers draw, whom a rule's `share` is about,
    /// pauses before retries, repetitions and new connections, how long breakers stay open, which calls are throttled, and which traces
    /// its [observer](Self::observer) records. Unless set, the operating system decides, or in a test
    /// `callsheet::testing::seeded`.
    ///
    /// In a runtime of one thread, with paused time, two clients with the same seed that meet with the same do the same. It is
    /// for tests: clients of one fleet with one seed would all prefer the same servers, come back to them at the same moment, and give
    /// their traces the same ids.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }
}

impl Client {
    /// Whatever is left to chance is drawn from this: by all of its tasks, so that each draw moves the next.
    pub(super) fn chance(&self) -> &Arc<Random> {
        &self.0.chance
    }
}

/// The chance of a client with this seed, if it has one.
pub(super) fn of(seed: Option<u64>, observer: &Observer) -> Arc<Random> {
    if let Some(seed) = seed {
        observer.seed(seed);
    }
    Arc::new(Random::new(seed.unwrap_or_else(random::seed)))
}
