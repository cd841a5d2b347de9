//! Random, round robin, least active.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::candidates::Candidates;
use super::{Balancer, PickContext};
use crate::random;

/// Draws by weight, without regard to load: constant time, no memory, and even when calls are many and alike.
#[derive(Debug)]
pub struct Random(random::Random);

impl Random {
    /// The draws that `seed` decides.
    pub fn new(seed: u64) -> Self {
        Self(random::Random::new(seed))
    }
}

impl Balancer for Random {
    fn pick(&self, candidates: &Candidates, context: &PickContext<'_>) -> Option<usize> {
        candidates
            .draw(&self.0, context, None)
            .or_else(|| candidates.last_resort(context))
    }
}

/// Each in turn, whatever its weight.
#[derive(Debug)]
pub struct RoundRobin(AtomicUsize);

impl RoundRobin {
    /// Starts where `seed` says, so that the clients of a fleet do not all start with the same instance.
    pub fn new(seed: u64) -> Self {
        Self(AtomicUsize::new(random::scale(
            random::mix(seed),
            usize::from(u16::MAX),
        )))
    }
}

impl Balancer for RoundRobin {
    fn pick(&self, candidates: &Candidates, context: &PickContext<'_>) -> Option<usize> {
        let n = candidates.len();
        (0..n)
            .map(|_| self.0.fetch_add(1, Ordering::Relaxed) % n)
            .find(|&index| candidates.is_usable(index, context))
            // Turns that others took meanwhile may have been the usable ones.
            .or_else(|| (0..n).find(|&index| candidates.is_usable(index, context)))
            .or_else(|| candidates.last_resort(context))
    }
}

/// The one with the fewest calls in flight for its weight; among equals a draw by weight. Looks at every candidate.
#[derive(Debug)]
pub struct LeastActive(random::Random);

impl LeastActive {
    /// The draws that `seed` decides.
    pub fn new(seed: u64) -> Self {
        Self(random::Random::new(seed))
    }
}

impl Balancer for LeastActive {
    fn pick(&self, candidates: &Candidates, context: &PickContext<'_>) -> Option<usize> {
        // (index, calls, weight) of the best, and the weight of all that are as good.
        let mut best: Option<(usize, u64, u64)> = None;
        let mut equals = 0;
        for (index, candidate) in candidates.iter().enumerate() {
            if !candidates.is_usable(index, context) {
                continue;
            }
            let calls = u64::from(candidate.load().in_flight());
            let weight = u64::from(candidate.weight());
            // calls / weight against calls / weight, in whole numbers.
            let order = best.map_or(std::cmp::Ordering::Less, |(_, fewest, of)| {
                (calls * of).cmp(&(fewest * weight))
            });
            let takes = match order {
                std::cmp::Ordering::Less => {
                    equals = weight;
                    true
                }
                std::cmp::Ordering::Equal => {
                    equals += weight;
                    let drawn = (u128::from(self.0.bits()) * u128::from(equals)) >> 64;
                    drawn < u128::from(weight)
                }
                std::cmp::Ordering::Greater => false,
            };
            if takes {
                best = Some((index, calls, weight));
            }
        }
        best.map(|(index, ..)| index)
            .or_else(|| candidates.last_resort(context))
    }
}
