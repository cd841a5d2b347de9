//! Random, least active.

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
