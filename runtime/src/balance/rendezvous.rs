//! Consistent hashing with bounded loads.

use super::candidates::Candidates;
use super::p2c::P2c;
use super::{Balancer, PickContext};
use crate::random::{mix, unit};

/// How much more than the average an instance bears before calls go to the next: the paper's measurements at 1.25 show
/// nearly all keys at home and no instance that stands out.
const BOUND: f64 = 1.25;

/// Calls with one [hash](PickContext::hash) go to one instance while it lives and bears them; calls without a hash go as
/// [`P2c`] sends them.
///
/// Every instance draws a number for every hash, and the largest draw for its weight has the call (rendezvous hashing:
/// Thaler and Ravishankar 1998, weighted by Schindelhauer and Schomaker 2005). So shares follow the weights exactly, and
/// where an instance comes, goes or changes its weight only the calls move that it wins or loses. What is tried in vain, cannot be
/// used or is full is skipped, and each hash has its own order of others: what an instance loses is spread over all.
///
/// No instance bears more than 1.25 times its share of the calls in flight, rounded up (Mirrokni, Thorup and
/// Zadimoghaddam 2016, by this client's calls); see [`ConsistentHash::bound`].
///
/// Remembers nothing, and looks at every candidate.
#[derive(Debug)]
pub struct ConsistentHash {
    bound: f64,
    otherwise: P2c,
}

impl ConsistentHash {
    /// `seed` decides only where calls without a hash go.
    pub fn new(seed: u64) -> Self {
        Self {
            bound: BOUND,
            otherwise: P2c::new(seed),
        }
    }

    /// Lets an instance bear so many times its share of the calls in flight, at least once. The more, the less calls leave
    /// their instance under load; with [`f64::INFINITY`] they never do while it lives.
    #[must_use]
    pub fn bound(mut self, times: f64) -> Self {
        self.bound = times.max(1.0);
        self
    }

    /// Whether a candidate of this weight that bears so many calls bears one more, if all weigh `weights` together and bear
    /// `calls`.
    fn has_room(&self, weight: u32, in_flight: u32, (calls, weights): (u64, u64)) -> bool {
        let share = f64::from(weight) / real(weights);
        f64::from(in_flight) < (self.bound * real(calls + 1) * share).ceil()
    }
}

impl Balancer for ConsistentHash {
    fn pick(&self, candidates: &Candidates, context: &PickContext<'_>) -> Option<usize> {
        let Some(hash) = context.hash else {
            return self.otherwise.pick(candidates, context);
        };
        let usable = |index: usize| candidates.is_usable(index, context);
        let home = first(candidates, hash, usable)?;
        // An idle instance has room, whatever the others bear.
        if candidates.get(home)?.load().in_flight() == 0 {
            return Some(home);
        }
        let mut all = (0, 0);
        for (index, candidate) in candidates.iter().enumerate() {
            if usable(index) {
                all.0 += u64::from(candidate.load().in_flight());
                all.1 += u64::from(candidate.weight());
            }
        }
        let has_room = |index: usize| {
            candidates.get(index).is_some_and(|candidate| {
                self.has_room(candidate.weight(), candidate.load().in_flight(), all)
            })
        };
        if has_room(home) {
            return Some(home);
        }
        // Somebody has room unless calls began meanwhile.
        first(candidates, hash, |index| usable(index) && has_room(index)).or(Some(home))
    }
}

/// The candidate with the best draw among those that `fits` accepts, which is asked as seldom as possible.
fn first(candidates: &Candidates, hash: u64, fits: impl Fn(usize) -> bool) -> Option<usize> {
    let draws = candidates.iter().map(|one| mix(one.seat() ^ hash));
    if candidates.is_even() {
        let mut best = None;
        for (index, draw) in draws.enumerate() {
            if best.is_none_or(|(_, largest)| draw > largest) && fits(index) {
                best = Some((index, draw));
            }
        }
        return best.map(|(index, _)| index);
    }
    let mut best = None;
    for (index, (draw, candidate)) in draws.zip(candidates).enumerate() {
        // The time until the first of `weight` events per unit of time: the first of all candidates' is one's own with
        // the chance of its share.
        let time = -(unit(draw) + f64::EPSILON / 4.0).ln() / f64::from(candidate.weight());
        if best.is_none_or(|(_, soonest)| time < soonest) && fits(index) {
            best = Some((index, time));
        }
    }
    best.map(|(index, _)| index)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "sums beyond 2^53 need no last digit"
)]
fn real(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::super::{Candidate, InFlight, Load};
    use super::*;

    fn fleet(weights: &[(u64, u32)]) -> Candidates {
        let one = |&(id, weight): &(u64, u32)| {
            Candidate::new(&format!("10.0.0.{id}"), weight, Arc::new(Load::new()))
        };
        weights.iter().map(one).collect()
    }

    fn even(count: u64) -> Vec<(u64, u32)> {
        (0..count).map(|id| (id, 100)).collect()
    }

    fn context<'a>(hash: u64) -> PickContext<'a> {
        PickContext::default().with_hash(mix(hash))
    }

    /// Who has each of so many keys, by what stands for the id.
    fn homes(candidates: &Candidates, keys: u64) -> Vec<u64> {
        let balancer = ConsistentHash::new(0);
        let home = |key| {
            let index = balancer.pick(candidates, &context(key)).unwrap();
            candidates.get(index).unwrap().key()
        };
        (0..keys).map(home).collect()
    }

    #[test]
    fn keys_are_shared_by_weight() {
        let candidates = fleet(&[(1, 50), (2, 100), (3, 250), (4, 0)]);
        let homes = homes(&candidates, 40_000);
        for (candidate, share) in candidates.iter().zip([0.125, 0.25, 0.625, 0.0]) {
            let keys = homes.iter().filter(|&&home| home == candidate.key());
            let found = real(keys.count() as u64) / 40_000.0;
            assert!((found - share).abs() < 0.01, "{found}, not {share}");
        }
    }

    #[test]
    fn who_leaves_or_joins_moves_only_the_keys_that_it_had_or_has() {
        let keys = 10_000;
        for weights in [even(20), (0..20).zip((50..).step_by(5)).collect()] {
            let whole = fleet(&weights);
            let before = homes(&whole, keys);
            for gone in [0, 7, 19] {
                let mut rest = weights.clone();
                let total: u32 = rest.iter().map(|one| one.1).sum();
                let weight = rest.remove(gone).1;
                let after = homes(&fleet(&rest), keys);
                let key = whole.get(gone).unwrap().key();
                let moved = before.iter().zip(&after).filter(|(old, new)| old != new);
                let moved: Vec<_> = moved.collect();
                assert!(moved.iter().all(|(old, _)| **old == key));
                let due = real(keys) * f64::from(weight) / f64::from(total);
                let moved = real(moved.len() as u64);
                assert!((moved - due).abs() < due / 4.0, "{moved} moved, not {due}");
            }
        }
    }

    #[test]
    fn a_weight_that_grows_only_wins_keys() {
        let before = homes(&fleet(&[(1, 100), (2, 10), (3, 100)]), 5_000);
        let grown = fleet(&[(1, 100), (2, 60), (3, 100)]);
        let winner = grown.get(1).unwrap().key();
        let mut moved = 0;
        for (old, new) in before.iter().zip(homes(&grown, 5_000)) {
            if *old != new {
                assert_eq!(new, winner);
                moved += 1;
            }
        }
        assert!((700..1_100).contains(&moved), "{moved}");
    }

    #[test]
    fn each_try_goes_to_the_next_of_the_key_and_keys_differ_in_their_order() {
        let candidates = fleet(&even(5));
        let balancer = ConsistentHash::new(0);
        let order = |hash| {
            let mut tried = Vec::new();
            while let Some(index) = balancer.pick(&candidates, &context(hash).after(&tried)) {
                tried.push(candidates.get(index).unwrap().key());
            }
            tried
        };
        let orders: std::collections::HashSet<_> = (0..1_000).map(order).collect();
        assert!(orders.iter().all(|order| order.len() == 5));
        assert!(orders.len() > 110, "{} of 120 orders", orders.len());
        assert_eq!(order(3), order(3));
    }

    #[test]
    fn calls_without_a_hash_are_spread() {
        let candidates = fleet(&even(3));
        let balancer = ConsistentHash::new(4);
        let mut seen = [false; 3];
        for _ in 0..100 {
            seen[balancer.pick(&candidates, &PickContext::default()).unwrap()] = true;
        }
        assert_eq!(seen, [true; 3]);
    }

    #[test]
    fn without_a_bound_calls_of_a_hash_stay_together() {
        let candidates = fleet(&even(8));
        let balancer = ConsistentHash::new(0).bound(f64::INFINITY);
        let home = balancer.pick(&candidates, &context(9)).unwrap();
        let mut calls = Vec::new();
        for _ in 0..100 {
            assert_eq!(balancer.pick(&candidates, &context(9)), Some(home));
            calls.push(candidates.get(home).unwrap().load().start());
        }
    }

    /// Lets `keys` start one call each, and checks the bound behind each.
    fn stays_within_bounds(weights: &[(u64, u32)], keys: &[u64], bound: f64) {
        let candidates = fleet(weights);
        let balancer = ConsistentHash::new(0).bound(bound);
        let total: u32 = weights.iter().map(|one| one.1).sum();
        let mut calls: Vec<InFlight> = Vec::new();
        for &key in keys {
            let index = balancer.pick(&candidates, &context(key)).unwrap();
            let picked = candidates.get(index).unwrap();
            calls.push(picked.load().start());
            let average = real(calls.len() as u64) * f64::from(picked.weight()) / f64::from(total);
            let bears = f64::from(picked.load().in_flight());
            assert!(
                bears <= (bound * average).ceil(),
                "{bears} of {} calls, {weights:?}",
                calls.len()
            );
        }
    }

    #[test]
    fn one_hot_key_does_not_drown_its_instance() {
        stays_within_bounds(&even(10), &[1; 1_000], 1.25);
        stays_within_bounds(&[(1, 10), (2, 90), (3, 300)], &[1; 1_000], 1.25);
    }

    proptest! {
        #[test]
        fn no_instance_bears_more_than_its_bound(
            weights in prop::collection::vec(1_u32..1_000, 1..12),
            keys in prop::collection::vec(0_u64..6, 0..120),
            bound in 1.0_f64..2.0,
        ) {
            let weights: Vec<_> = (0..).zip(weights).collect();
            stays_within_bounds(&weights, &keys, bound);
        }
    }
}
