//! Smooth weighted round robin.

use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use super::candidates::Candidates;
use super::{Balancer, PickContext};

/// Each by its weight, exactly, and spread evenly: with weights 5, 1, 1 the order is `a a b a c a a` (the smooth
/// weighted round robin of nginx). Looks at every candidate.
#[derive(Debug, Default)]
pub struct Weighted {
    /// A round is many small steps; one that another thread cuts into would no longer be exact.
    round: Mutex<()>,
}

impl Weighted {
    /// A round that starts anew.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Balancer for Weighted {
    fn pick(&self, candidates: &Candidates, context: &PickContext<'_>) -> Option<usize> {
        let _round = self.round.lock().unwrap_or_else(PoisonError::into_inner);
        let mut total = 0;
        let mut best = None;
        for (index, candidate) in candidates.iter().enumerate() {
            if !candidates.is_usable(index, context) {
                continue;
            }
            let weight = i64::from(candidate.weight());
            total += weight;
            let turn = candidate.load().turn.fetch_add(weight, Ordering::Relaxed) + weight;
            if best.is_none_or(|(_, farthest)| turn > farthest) {
                best = Some((index, turn));
            }
        }
        let (index, _) = best?;
        candidates
            .get(index)?
            .load()
            .turn
            .fetch_sub(total, Ordering::Relaxed);
        Some(index)
    }
}
