//! Round robin.

use std::sync::atomic::{AtomicU64, Ordering};

use super::candidates::{Candidate, Candidates};
use super::{Balancer, PickContext};
use crate::random;

/// Each in turn, as often as its weight says: where weights are equal plain round robin, where they differ each round
/// leaves out those whose turn has not come yet, so that turns are exact in the long run and spread evenly.
///
/// One atomic addition per look and no lock. Where weights are equal one look is enough; otherwise as many as the
/// largest weight is larger than the average, on average (the static stride scheduler of gRPC's weighted round robin).
#[derive(Debug)]
pub struct RoundRobin(AtomicU64);

impl RoundRobin {
    /// Starts where `seed` says, so that the clients of a fleet do not all start with the same instance.
    pub fn new(seed: u64) -> Self {
        // Far from the end of the counter, and still anywhere in a round of any length we meet.
        Self(AtomicU64::new(random::mix(seed) >> 24))
    }
}

/// Looks for each candidate before all are looked at: among many of little weight beside a few of much, a round may have
/// no turn for anybody who is left.
const ROUNDS: usize = 4;

impl Balancer for RoundRobin {
    fn pick(&self, candidates: &Candidates, context: &PickContext<'_>) -> Option<usize> {
        let n = candidates.len();
        let mut looks = n.saturating_mul(ROUNDS);
        while looks > 0 {
            looks -= 1;
            let look = self.0.fetch_add(1, Ordering::Relaxed);
            let (round, index) = (look / n as u64, place(look, n));
            if candidates.is_usable(index, context) && has_turn(candidates, index, round) {
                return Some(index);
            }
        }
        // Turns that others took meanwhile may have been the usable ones, or those who are left weigh little.
        let left = || (0..n).filter(|&index| candidates.is_usable(index, context));
        let weight = |index: usize| u128::from(candidates.get(index).map_or(0, Candidate::weight));
        let total: u128 = left().map(weight).sum();
        let drawn = self.0.fetch_add(1, Ordering::Relaxed);
        let mut rest = (u128::from(random::mix(drawn)) * total) >> 64;
        for index in left() {
            match rest.checked_sub(weight(index)) {
                None => return Some(index),
                Some(next) => rest = next,
            }
        }
        None
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the remainder is below `n`"
)]
fn place(look: u64, n: usize) -> usize {
    (look % n as u64) as usize
}

/// Whether a candidate has a turn in this round. Of as many rounds as the largest weight it has one in as many as its own,
/// evenly spread; each candidate begins elsewhere, so that the light ones do not all come in the same round.
fn has_turn(candidates: &Candidates, index: usize, round: u64) -> bool {
    if candidates.is_even() {
        return true;
    }
    let rounds = u64::from(candidates.heaviest());
    let Some(weight) = candidates.get(index).map(|one| u64::from(one.weight())) else {
        return false;
    };
    // Below 2^56: weights have 28 bits.
    let start = random::mix(index as u64) % rounds;
    (weight * (round % rounds) + start) % rounds + weight >= rounds
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::super::Load;
    use super::*;

    fn fleet(weights: &[u32]) -> Candidates {
        let one =
            |(index, &weight)| Candidate::new(&format!("i{index}"), weight, Arc::new(Load::new()));
        weights.iter().enumerate().map(one).collect()
    }

    fn turns(candidates: &Candidates, count: usize) -> Vec<usize> {
        let balancer = RoundRobin::new(3);
        (0..count)
            .map(|_| balancer.pick(candidates, &PickContext::default()).unwrap())
            .collect()
    }

    #[test]
    fn turns_follow_the_weights_exactly() {
        for weights in [
            &[50, 100, 250][..],
            &[1, 1, 1, 5],
            &[1_000_000, 1],
            &[3, 0, 4],
        ] {
            let candidates = fleet(weights);
            let total: u32 = weights.iter().sum();
            let count = usize::try_from(total * 2).unwrap().min(20_000);
            let turns = turns(&candidates, count);
            for (index, &weight) in weights.iter().enumerate() {
                let found = turns.iter().filter(|&&turn| turn == index).count();
                let due = count * weight as usize / total as usize;
                assert!(found.abs_diff(due) <= 2, "{weights:?}: {found}, not {due}");
            }
        }
    }

    #[test]
    fn turns_are_spread_evenly() {
        let turns = turns(&fleet(&[600, 200, 100, 100]), 1_000);
        let gaps = |wanted: usize| {
            let places = turns.iter().enumerate().filter(|one| *one.1 == wanted);
            let places: Vec<_> = places.map(|one| one.0).collect();
            places.windows(2).map(|two| two[1] - two[0]).max().unwrap()
        };
        // 5 and 10 on average.
        assert!(gaps(0) <= 4, "{}", gaps(0));
        assert!(gaps(1) <= 8, "{}", gaps(1));
        assert!(gaps(2) <= 14, "{}", gaps(2));
        assert!(gaps(3) <= 14, "{}", gaps(3));
    }

    #[test]
    fn those_that_are_left_share_by_weight() {
        for heavy_is_down in [true, false] {
            let weights = [10, 30, 60, 10_000];
            let candidates = fleet(&weights);
            let down = if heavy_is_down { 3 } else { 0 };
            candidates.get(down).unwrap().load().set_available(false);
            let total: u32 = weights.iter().sum::<u32>() - weights[down];
            let turns = turns(&candidates, 20_000);
            for (index, weight) in weights.into_iter().enumerate().filter(|one| one.0 != down) {
                let found = turns.iter().filter(|&&turn| turn == index).count();
                let due = 20_000 * weight as usize / total as usize;
                assert!(found.abs_diff(due) < 200, "{index}: {found}, not {due}");
            }
        }
    }

    proptest! {
        #[test]
        fn nobody_is_left_out_or_ahead(weights in prop::collection::vec(1_u32..50, 1..8)) {
            let candidates = fleet(&weights);
            let total: u32 = weights.iter().sum();
            let turns = turns(&candidates, 3 * total as usize);
            for (index, weight) in weights.iter().enumerate() {
                let found = turns.iter().filter(|&&turn| turn == index).count();
                prop_assert!(found.abs_diff(3 * *weight as usize) <= 2);
            }
        }
    }
}
