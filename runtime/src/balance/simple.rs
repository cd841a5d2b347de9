//! Random, least active.

use std::cmp::Ordering;

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
        candidates.draw(&self.0, context, None)
    }
}

/// The one with the fewest calls in flight for its weight; among equals a draw by weight. Looks at every candidate.
///
/// Calls are counted in whole ones of an instance of average weight: one of twice that weight may have two calls before an
/// idle one is preferred, or else the light ones would take more than their share at low load.
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
        let (count, weights) = (candidates.len() as u64, candidates.total());
        // (index, calls) of the best, and the weight of all that are as good.
        let mut best: Option<(usize, u64)> = None;
        let mut equals = 0;
        for (index, candidate) in candidates.iter().enumerate() {
            if !candidates.is_usable(index, context) {
                continue;
            }
            let weight = u64::from(candidate.weight());
            let calls = u64::from(candidate.load().in_flight());
            let calls = calls.saturating_mul(weights) / (weight * count);
            let takes = match calls.cmp(&best.map_or(u64::MAX, |(_, fewest)| fewest)) {
                Ordering::Less => {
                    equals = weight;
                    true
                }
                Ordering::Equal => {
                    equals += weight;
                    let drawn = (u128::from(self.0.bits()) * u128::from(equals)) >> 64;
                    drawn < u128::from(weight)
                }
                Ordering::Greater => false,
            };
            if takes {
                best = Some((index, calls));
            }
        }
        best.map(|(index, _)| index)
    }
}
