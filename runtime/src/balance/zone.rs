//! Zone preference: calls stay near while enough of what is near can take them; the surplus spills over to the others.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::candidates::{Candidate, Candidates};
use super::{Balancer, PickContext};
use crate::random::Random;

/// How much more than its share an instance is thought to bear, in per cent: while more than 100 / 140 of a zone is
/// usable, nothing leaves it (Envoy's overprovisioning factor).
const BEARABLE: u64 = 140;

/// How long a look at the near instances is good for, in milliseconds: a zone that breaks down is noticed long before a user does, and
/// looking at ten thousand instances ten times per second costs nothing that could be measured.
const LOOK_MS: u64 = 100;

/// Candidates, of which some may be near.
#[derive(Debug)]
pub(crate) struct Zoned {
    near: Option<Box<Near>>,
    /// Those that are not near: all of them where there is no preference.
    others: Candidates,
}

#[derive(Debug)]
struct Near {
    candidates: Candidates,
    /// What the zone weighs when all of it is usable and warm.
    whole: u64,
    random: Random,
    /// The chance to stay of a call, as a part of 2^64.
    stays: AtomicU64,
    /// When to look again, in milliseconds.
    look: AtomicU64,
}

impl Zoned {
    /// Candidates of which the `near` ones are preferred; `whole` is what those would weigh if all of them could be used and
    /// were warm. Where only one side has weights above 0 there is no preference.
    pub(crate) fn new(
        mut near: Vec<Candidate>,
        others: Vec<Candidate>,
        whole: u64,
        seed: u64,
    ) -> Self {
        let counts = |side: &[Candidate]| side.iter().any(|one| one.weight() > 0);
        if !counts(&near) || !counts(&others) {
            near.extend(others);
            return Self {
                near: None,
                others: Candidates::new(near),
            };
        }
        Self {
            near: Some(Box::new(Near {
                candidates: Candidates::new(near),
                whole,
                random: Random::new(seed),
                stays: AtomicU64::new(u64::MAX),
                look: AtomicU64::new(0),
            })),
            others: Candidates::new(others),
        }
    }

    /// The candidate that takes the call, counted through the near ones and then the others.
    pub(crate) fn pick(&self, balancer: &dyn Balancer, context: &PickContext<'_>) -> Option<usize> {
        let Some(near) = &self.near else {
            return balancer.pick(&self.others, context);
        };
        let here = || balancer.pick(&near.candidates, context);
        let there = || Some(balancer.pick(&self.others, context)? + near.candidates.len());
        if near.keeps(context.now) {
            here().or_else(there)
        } else {
            there().or_else(here)
        }
    }
}

impl Near {
    /// Whether a call stays.
    fn keeps(&self, now: Duration) -> bool {
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        if now >= self.look.load(Ordering::Relaxed) {
            let usable = self
                .candidates
                .iter()
                .filter(|one| one.load().is_available());
            let usable = usable.map(|one| u64::from(one.weight())).sum();
            self.stays
                .store(chance(usable, self.whole), Ordering::Relaxed);
            let next = now.saturating_add(LOOK_MS);
            self.look.store(next, Ordering::Relaxed);
        }
        let stays = self.stays.load(Ordering::Relaxed);
        stays == u64::MAX || self.random.bits() < stays
    }
}

/// The part of the calls, of 2^64, that stays in a zone of which this much is usable.
fn chance(usable: u64, whole: u64) -> u64 {
    let bears = u128::from(usable) * u128::from(BEARABLE);
    let whole = u128::from(whole) * 100;
    if bears >= whole {
        return u64::MAX;
    }
    // Weights sum up to less than 2^42, so the shift fits.
    u64::try_from((bears << 64) / whole).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::super::{Load, P2c, Standing};
    use super::*;

    const CALLS: u32 = 20_000;

    fn candidates(weights: &[u32]) -> Vec<Candidate> {
        let one =
            |(index, &weight)| Candidate::new(&format!("i{index}"), weight, Arc::new(Load::new()));
        weights.iter().enumerate().map(one).collect()
    }

    /// The shares of the near ones and the others in per cent, if some of the near ones are down.
    fn shares(near: &[u32], down: &[usize], others: &[u32], whole: u64) -> Vec<f64> {
        let near = candidates(near);
        let others = candidates(others);
        for &index in down {
            near[index].load().set_standing(Standing::Down);
        }
        let mut shares = vec![0_u32; near.len() + others.len()];
        let zoned = Zoned::new(near, others, whole, 7);
        let balancer = P2c::new(3);
        let context = PickContext::at(Duration::from_secs(1));
        for _ in 0..CALLS {
            shares[zoned.pick(&balancer, &context).unwrap()] += 1;
        }
        let per_cent = |share: u32| f64::from(share) * 100.0 / f64::from(CALLS);
        shares.into_iter().map(per_cent).collect()
    }

    #[track_caller]
    fn check(shares: &[f64], expect: &[f64]) {
        assert_eq!(shares.len(), expect.len());
        for (share, expect) in shares.iter().zip(expect) {
            assert!((share - expect).abs() < 1.0, "{shares:?}, not {expect:?}");
        }
    }

    #[test]
    fn calls_stay_in_the_zone_while_enough_of_it_is_usable() {
        let all = shares(&[100; 4], &[], &[100; 4], 400);
        check(&all, &[25.0, 25.0, 25.0, 25.0, 0.0, 0.0, 0.0, 0.0]);
        let most = shares(&[100; 4], &[2], &[100; 4], 400);
        let third = 100.0 / 3.0;
        check(&most, &[third, third, 0.0, third, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn the_surplus_of_a_weakened_zone_spills_over_by_weight() {
        // 140 % of a half stay.
        let half = shares(&[100, 100], &[0], &[100, 200], 200);
        check(&half, &[0.0, 70.0, 10.0, 20.0]);
        let quarter = shares(&[300, 100], &[0], &[100, 100], 400);
        check(&quarter, &[0.0, 35.0, 32.5, 32.5]);
    }

    #[test]
    fn a_zone_that_warms_up_takes_what_it_can() {
        let cold = shares(&[10, 10], &[], &[100, 100], 200);
        check(&cold, &[7.0, 7.0, 43.0, 43.0]);
    }

    #[test]
    fn where_nobody_is_left_near_all_calls_go_elsewhere_and_the_other_way_round() {
        check(
            &shares(&[100, 100], &[0, 1], &[100, 100], 200),
            &[0.0, 0.0, 50.0, 50.0],
        );
        check(&shares(&[], &[], &[100, 100], 0), &[50.0, 50.0]);
        check(&shares(&[100, 300], &[], &[], 400), &[25.0, 75.0]);
        let others = candidates(&[100]);
        others[0].load().set_standing(Standing::Down);
        let near = candidates(&[100, 100]);
        near[0].load().set_standing(Standing::Down);
        let zoned = Zoned::new(near, others, 1_000, 1);
        for _ in 0..100 {
            let picked = zoned.pick(&P2c::new(1), &PickContext::default());
            assert_eq!(picked, Some(1), "it bears what nobody else can");
        }
    }

    #[test]
    fn weight_0_elsewhere_takes_nothing_that_spills_over() {
        check(
            &shares(&[100, 100], &[0], &[0, 0], 200),
            &[0.0, 100.0, 0.0, 0.0],
        );
    }

    #[test]
    fn a_zone_that_breaks_down_is_noticed_at_the_next_look() {
        let near = candidates(&[100; 4]);
        let loads: Vec<_> = near.iter().map(|one| Arc::clone(one.load())).collect();
        let zoned = Zoned::new(near, candidates(&[100; 4]), 400, 5);
        let balancer = P2c::new(5);
        let stay = |at: u64| {
            let context = PickContext::at(Duration::from_millis(at));
            let picks = (0..1_000).map(|_| zoned.pick(&balancer, &context).unwrap());
            picks.filter(|&index| index < 4).count()
        };
        assert_eq!(stay(1_000), 1_000);
        for load in &loads[1..] {
            load.set_standing(Standing::Down);
        }
        assert!((300..400).contains(&stay(1_100)), "35 % stay");
        loads[1].set_standing(Standing::Good);
        loads[2].set_standing(Standing::Good);
        assert_eq!(stay(1_200), 1_000);
    }
}
