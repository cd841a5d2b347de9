//! What calls notice of faults, under every balancer, on a virtual clock.

use std::time::Duration;

use super::super::super::vitals::Verdict;
use super::fleet::{Behaviour, Trial, failed, p99, share};
use super::{MS, SECOND};
use crate::balance::{Balancer, LeastActive, P2c, RoundRobin};
use crate::governance::BreakerPolicy;
use crate::random::Random;

type Kind = (&'static str, fn(u64) -> Box<dyn Balancer>);

const BALANCERS: [Kind; 4] = [
    ("p2c", |seed| Box::new(P2c::new(seed))),
    ("round robin", |seed| Box::new(RoundRobin::new(seed))),
    ("random", |seed| Box::new(crate::balance::Random::new(seed))),
    ("least active", |seed| Box::new(LeastActive::new(seed))),
];

/// What a healthy instance takes: some 10 ms, and now and then far longer.
fn healthy(random: &Random) -> (Duration, Verdict) {
    let usual = (10 * MS).mul_f64(0.8 + 0.6 * random.unit());
    let times = if random.unit() < 0.001 { 20 } else { 1 };
    (usual * times, Verdict::Answered)
}

fn trial<'a>(balancer: &'a dyn Balancer, behaviour: Behaviour<'a>, seed: u64) -> Trial<'a> {
    Trial {
        balancer,
        behaviour,
        every: MS,
        lasts: 30 * SECOND,
        policy: BreakerPolicy::default(),
        retries: 2,
        seed,
    }
}

#[track_caller]
fn check_one_bad_of_ten(bad: Behaviour<'_>) {
    let late = 10 * SECOND..30 * SECOND;
    for (name, make) in BALANCERS {
        for seed in 1..=3 {
            let well = trial(&*make(seed), &|random, _, _| healthy(random), seed).run(10);
            let ill = trial(&*make(seed), bad, seed).run(10);
            let share = share(&ill, 0, &late);
            let (p99, base) = (p99(&ill, &late), p99(&well, &late));
            let of = format!("{name}, seed {seed}");
            assert!(share < 0.02, "{of}: {share}");
            assert!(p99 <= base.mul_f64(1.5), "{of}: {p99:?} beside {base:?}");
            assert!(failed(&ill, &late) < 0.000_1, "{of}");
        }
    }
}

#[test]
fn one_of_ten_that_takes_two_seconds_is_asked_hardly_ever() {
    check_one_bad_of_ten(&|random, index, _| match index {
        0 => (2 * SECOND, Verdict::Answered),
        _ => healthy(random),
    });
}

#[test]
fn one_of_ten_that_fails_two_calls_of_five_is_asked_hardly_ever() {
    check_one_bad_of_ten(&|random, index, _| match index {
        0 if random.unit() < 0.4 => (5 * MS, Verdict::Failed),
        _ => healthy(random),
    });
}

#[test]
fn a_server_that_flaps_costs_no_idempotent_call() {
    for (name, make) in BALANCERS {
        let flapping: Behaviour<'_> = &|random, index, now| match index {
            0 if now.as_secs() % 2 == 1 => (MS, Verdict::Failed),
            _ => healthy(random),
        };
        let balancer = make(5);
        let mut trial = trial(&*balancer, flapping, 5);
        trial.lasts = 300 * SECOND;
        trial.every = 2 * MS;
        let ended = trial.run(10);
        let failed = failed(&ended, &(Duration::ZERO..300 * SECOND));
        assert!(failed <= 0.001, "{name}: {failed}");
        let late = share(&ended, 0, &(60 * SECOND..300 * SECOND));
        assert!(late < 0.02, "{name}: its pauses grow: {late}");
    }
}

#[test]
fn a_pause_that_hits_all_ejects_nobody() {
    for (name, make) in BALANCERS {
        // Whoever is asked between the 10th and the 12th second answers when that is over.
        let paused: Behaviour<'_> = &|random, _, now| {
            let (usual, verdict) = healthy(random);
            match now.as_secs() {
                10 | 11 => ((12 * SECOND).saturating_sub(now) + usual, verdict),
                _ => (usual, verdict),
            }
        };
        let ended = trial(&*make(9), paused, 9).run(10);
        for index in 0..10 {
            let share = share(&ended, index, &(13 * SECOND..30 * SECOND));
            assert!((share - 0.1).abs() < 0.03, "{name}: {index} has {share}");
        }
    }
}

#[test]
fn where_all_fail_all_are_asked_and_the_first_that_recovers_has_calls_at_once() {
    for (name, make) in BALANCERS {
        let failing: Behaviour<'_> = &|random, index, now| match index {
            3 if now >= 20 * SECOND => healthy(random),
            _ => (5 * MS, Verdict::Failed),
        };
        let balancer = make(2);
        let mut trial = trial(&*balancer, failing, 2);
        trial.retries = 0;
        let ended = trial.run(10);
        for index in 0..10 {
            let share = share(&ended, index, &(5 * SECOND..20 * SECOND));
            assert!((share - 0.1).abs() < 0.03, "{name}: {index} has {share}");
        }
        let good = ended.iter().filter(|one| one.ok).map(|one| one.began);
        let first = good.min().expect("some calls succeed");
        assert!(first < 20 * SECOND + 100 * MS, "{name}: {first:?}");
        let share = share(&ended, 3, &(21 * SECOND..22 * SECOND));
        assert!(share > 0.05, "{name}: {share}");
    }
}

#[test]
fn differences_that_do_not_matter_eject_nobody() {
    for (name, make) in BALANCERS {
        // One instance is half as slow again, one fails a call of a hundred, and one call in ten takes long anywhere.
        let uneven: Behaviour<'_> = &|random, index, _| {
            let (usual, verdict) = healthy(random);
            match index {
                0 => (usual.mul_f64(1.5), verdict),
                1 if random.unit() < 0.01 => (usual, Verdict::Failed),
                _ if random.unit() < 0.1 => (usual * 30, verdict),
                _ => (usual, verdict),
            }
        };
        let ended = trial(&*make(4), uneven, 4).run(10);
        // P2C gives little to whoever fails at all, on its own account.
        for index in (0..10).filter(|&index| index != 1 || name != "p2c") {
            let share = share(&ended, index, &(5 * SECOND..30 * SECOND));
            assert!(share > 0.04, "{name}: {index} has {share}");
        }
        assert!(
            failed(&ended, &(Duration::ZERO..30 * SECOND)) < 0.000_1,
            "{name}"
        );
    }
}
