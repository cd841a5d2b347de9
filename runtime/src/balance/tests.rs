//! Who gets how many calls. Seeds decide every draw, so the bounds are exact and never flicker.

use super::*;

const MS: Duration = Duration::from_millis(1);
/// A balancer's name, and how a seed makes it.
type Kind = (&'static str, fn(u64) -> Arc<dyn Balancer>);

const BALANCERS: [Kind; 6] = [
    ("p2c", |seed| of(Balance::P2c, seed)),
    ("random", |seed| of(Balance::Random, seed)),
    ("round robin", |seed| of(Balance::RoundRobin, seed)),
    ("least active", |seed| of(Balance::LeastActive, seed)),
    ("weighted", |_| Arc::new(Weighted::new())),
    ("consistent hash", |seed| Arc::new(EachItsKey::new(seed))),
];

/// Consistent hashing of calls that all differ.
struct EachItsKey {
    balancer: ConsistentHash,
    keys: crate::random::Random,
}

impl EachItsKey {
    fn new(seed: u64) -> Self {
        Self {
            balancer: ConsistentHash::new(seed),
            keys: crate::random::Random::new(seed),
        }
    }
}

impl Balancer for EachItsKey {
    fn pick(&self, candidates: &Candidates, context: &PickContext<'_>) -> Option<usize> {
        let context = context.with_hash(self.keys.bits());
        self.balancer.pick(candidates, &context)
    }
}

fn fleet(weights: &[u32]) -> Candidates {
    let one =
        |(index, &weight)| Candidate::new(&format!("i{index}"), weight, Arc::new(Load::new()));
    weights.iter().enumerate().map(one).collect()
}

fn load(candidates: &Candidates, index: usize) -> &Arc<Load> {
    candidates.get(index).unwrap().load()
}

/// How long an instance takes for a call that begins now.
type Latency<'a> = &'a dyn Fn(&crate::random::Random, usize, Duration) -> Duration;

/// Each so long, plus up to a half.
fn steady<const N: usize>(
    latency: [Duration; N],
) -> impl Fn(&crate::random::Random, usize, Duration) -> Duration {
    move |random, index, _| latency[index].mul_f64(1.0 + random.unit() / 2.0)
}

/// Calls on a simulated clock: a new one every `every`, each instance answers after its `latency`.
struct Sim<'a> {
    candidates: &'a Candidates,
    latency: Latency<'a>,
    every: Duration,
    outcome: fn(usize) -> Outcome,
    seed: u64,
}

impl Sim<'_> {
    /// The shares of `calls` calls in per cent, after a tenth of them to warm up.
    fn shares(&self, balancer: &dyn Balancer, calls: u32) -> Vec<f64> {
        let random = crate::random::Random::new(self.seed);
        let mut under_way: Vec<(Duration, Duration, usize, InFlight)> = Vec::new();
        let mut shares = vec![0_u32; self.candidates.len()];
        let warm = calls / 10;
        for call in 0..calls + warm {
            let now = self.every * call;
            let (done, rest) = under_way.into_iter().partition(|one| one.0 <= now);
            under_way = rest;
            for (end, latency, index, call) in done {
                call.finish(end, latency, (self.outcome)(index));
            }
            let index = balancer
                .pick(self.candidates, &PickContext::at(now))
                .unwrap();
            let latency = (self.latency)(&random, index, now);
            let started = load(self.candidates, index).start();
            under_way.push((now + latency, latency, index, started));
            if call >= warm {
                shares[index] += 1;
            }
        }
        let share = |&count| f64::from(count) / f64::from(calls) * 100.0;
        shares.iter().map(share).collect()
    }
}

#[track_caller]
fn near(shares: &[f64], expect: &[f64], within: f64) {
    for (share, expect) in shares.iter().zip(expect) {
        assert!(
            (share - expect).abs() <= within,
            "{shares:?}, expected {expect}"
        );
    }
}

#[test]
fn equal_instances_share_equally_under_every_balancer() {
    for (name, make) in BALANCERS {
        for seed in 0..5 {
            let candidates = fleet(&[100; 4]);
            let sim = Sim {
                candidates: &candidates,
                latency: &steady([10 * MS; 4]),
                every: 2 * MS,
                outcome: |_| Outcome::Answered,
                seed,
            };
            let shares = sim.shares(&*make(seed), 10_000);
            let even = shares.iter().all(|share| (share - 25.0).abs() < 2.5);
            assert!(even, "{name}, seed {seed}: {shares:?}");
        }
    }
}

#[test]
fn weights_decide_the_shares_at_rest_and_under_load() {
    for (name, make) in BALANCERS {
        // One call at a time, and forty at a time.
        for every in [20 * MS, MS / 4] {
            let candidates = fleet(&[50, 100, 250]);
            let sim = Sim {
                candidates: &candidates,
                latency: &steady([10 * MS; 3]),
                every,
                outcome: |_| Outcome::Answered,
                seed: 3,
            };
            let shares = sim.shares(&*make(3), 10_000);
            let expect = [12.5, 25.0, 62.5];
            let fit = shares
                .iter()
                .zip(expect)
                .all(|(share, expect)| (share - expect).abs() < 5.0);
            assert!(fit, "{name}, a call every {every:?}: {shares:?}");
        }
    }
}

#[test]
fn the_weighted_round_is_exact_and_smooth() {
    let candidates = fleet(&[5, 1, 1]);
    let balancer = Weighted::new();
    let context = PickContext::default();
    let round: String = (0..14)
        .map(|_| ["a", "b", "c"][balancer.pick(&candidates, &context).unwrap()])
        .collect();
    assert_eq!(round, "aabacaaaabacaa");
}

#[test]
fn round_robin_takes_equal_ones_each_in_turn() {
    let candidates = fleet(&[7; 3]);
    let balancer = RoundRobin::new(9);
    let picks: Vec<_> = (0..6)
        .map(|_| balancer.pick(&candidates, &PickContext::default()).unwrap())
        .collect();
    assert_eq!(picks[..3], picks[3..]);
    let mut turn = picks[..3].to_vec();
    turn.sort_unstable();
    assert_eq!(turn, [0, 1, 2]);
}

#[test]
fn least_active_picks_the_fewest_calls_for_the_weight() {
    let candidates = fleet(&[100, 100, 300]);
    let balancer = LeastActive::new(1);
    let start = |index: usize| load(&candidates, index).start();
    let mut calls = Vec::from([0, 0, 1, 1, 2, 2, 2].map(start));
    assert_eq!(balancer.pick(&candidates, &PickContext::default()), Some(2));
    calls.extend([2; 5].map(start));
    for _ in 0..20 {
        assert_ne!(balancer.pick(&candidates, &PickContext::default()), Some(2));
    }
}

#[test]
fn p2c_leaves_a_slow_instance_nearly_alone() {
    for seed in 0..5 {
        let candidates = fleet(&[100; 10]);
        let mut latency = [10 * MS; 10];
        latency[4] = 2_000 * MS;
        let sim = Sim {
            candidates: &candidates,
            latency: &steady(latency),
            every: MS,
            outcome: |_| Outcome::Answered,
            seed,
        };
        let shares = sim.shares(&P2c::new(seed), 20_000);
        assert!(shares[4] < 2.0, "seed {seed}: {shares:?}");
        let others = shares.iter().enumerate().filter(|one| one.0 != 4);
        assert!(
            others.into_iter().all(|(_, share)| *share > 8.0),
            "{shares:?}"
        );
    }
}

#[test]
fn p2c_is_not_drawn_to_an_instance_that_fails_fast() {
    let candidates = fleet(&[100; 4]);
    let sim = Sim {
        candidates: &candidates,
        latency: &steady([10 * MS, 10 * MS, MS / 10, 10 * MS]),
        every: MS,
        outcome: |index| match index {
            2 => Outcome::Failed,
            _ => Outcome::Answered,
        },
        seed: 1,
    };
    let shares = sim.shares(&P2c::new(1), 20_000);
    assert!(shares[2] < 2.0, "{shares:?}");
}

#[test]
fn p2c_does_not_stampede_to_an_instance_that_nothing_is_known_of() {
    let candidates = fleet(&[100; 4]);
    for index in 0..3 {
        let call = load(&candidates, index).start();
        call.finish(Duration::ZERO, 10 * MS, Outcome::Answered);
    }
    let balancer = P2c::new(2);
    let mut picks = [0_u32; 4];
    for _ in 0..4_000 {
        picks[balancer.pick(&candidates, &PickContext::default()).unwrap()] += 1;
    }
    let shares = picks.map(|count| f64::from(count) / 40.0);
    near(&shares, &[25.0; 4], 2.5);
}

#[test]
fn no_balancer_picks_what_cannot_be_used() {
    for (name, make) in BALANCERS {
        let balancer = make(1);
        let candidates = fleet(&[100, 100, 100, 0, 100]);
        load(&candidates, 0).set_available(false);
        let tried = [Candidate::key_of("i2")];
        let context = PickContext::default().after(&tried);
        let mut seen = [false; 5];
        for _ in 0..200 {
            seen[balancer.pick(&candidates, &context).unwrap()] = true;
        }
        assert_eq!(seen, [false, true, false, false, true], "{name}");
        load(&candidates, 1).set_available(false);
        load(&candidates, 4).set_available(false);
        assert_eq!(balancer.pick(&candidates, &context), None, "{name}");
        assert_eq!(balancer.pick(&fleet(&[]), &context), None, "{name}");
        assert_eq!(balancer.pick(&fleet(&[7]), &context), Some(0), "{name}");
    }
}

#[test]
fn what_is_suspected_is_picked_only_where_nothing_better_will_do() {
    let context = PickContext::at(Duration::ZERO);
    for (name, make) in BALANCERS {
        let candidates = fleet(&[100; 3]);
        let balancer = make(5);
        load(&candidates, 0).set_standing(Standing::Suspect);
        load(&candidates, 1).set_standing(Standing::Down);
        for _ in 0..100 {
            assert_eq!(balancer.pick(&candidates, &context), Some(2), "{name}");
        }
        load(&candidates, 2).set_standing(Standing::Suspect);
        assert_eq!(balancer.pick(&candidates, &context), None, "{name}");
        let context = context.down_to(Standing::Suspect);
        let picked: std::collections::BTreeSet<_> = (0..100)
            .map(|_| balancer.pick(&candidates, &context).unwrap())
            .collect();
        assert_eq!(picked, [0, 2].into(), "{name}");
    }
}

#[test]
fn picks_from_many_threads_stay_within_bounds_and_even() {
    for (name, make) in BALANCERS {
        let balancer = make(4);
        let candidates = fleet(&[100; 5]);
        let pick = || {
            let mut picks = [0_u32; 5];
            for _ in 0..5_000 {
                picks[balancer.pick(&candidates, &PickContext::default()).unwrap()] += 1;
            }
            picks
        };
        let all = std::thread::scope(|threads| {
            let workers = [(); 4].map(|()| threads.spawn(pick));
            workers.map(|worker| worker.join().unwrap())
        });
        let total = |index: usize| all.iter().map(|picks| picks[index]).sum::<u32>();
        for index in 0..5 {
            let total = total(index);
            assert!((3_500..4_500).contains(&total), "{name}: {all:?}");
        }
    }
}

/// How long an answer takes: 3 ms to 6 ms, and what the noise adds.
type Noise = (
    &'static str,
    fn(&crate::random::Random, usize, Duration) -> Duration,
);

const NOISES: [Noise; 5] = [
    ("none", |_, _, _| Duration::ZERO),
    ("one is a third slower", |random, index, _| {
        let slower = if index == 1 { 1.0 + random.unit() } else { 0.0 };
        MS.mul_f64(slower)
    }),
    ("1 of 1 000 takes 40 times as long", |random, _, _| {
        MS * if random.unit() < 0.001 { 180 } else { 0 }
    }),
    ("1 of 100 takes 15 times as long", |random, _, _| {
        MS * if random.unit() < 0.01 { 65 } else { 0 }
    }),
    ("each pauses for 100 ms every 10 s", |_, index, now| {
        let index = u32::try_from(index).unwrap();
        let phase = (now + MS * (1_000 + 2_300 * index)).as_millis() % 10_000;
        MS.mul_f64(f64::from(100 - u32::try_from(phase.min(100)).unwrap()))
    }),
];

#[test]
fn weights_are_respected_within_5_per_cent_over_10_000_calls_whatever_the_noise() {
    let (weights, due) = ([50, 100, 250, 100], [10.0, 20.0, 50.0, 20.0]);
    for (name, make) in BALANCERS {
        for (noise, added) in NOISES {
            // A tenth of a call under way on average, one, and forty; two seeds each.
            for run in 0..6_usize {
                let every = [45 * MS, 9 * MS / 2, MS / 9][run % 3];
                let candidates = fleet(&weights);
                let latency = |random: &crate::random::Random, index, now| {
                    3 * MS.mul_f64(1.0 + random.unit()) + added(random, index, now)
                };
                let sim = Sim {
                    candidates: &candidates,
                    latency: &latency,
                    every,
                    outcome: |_| Outcome::Answered,
                    seed: run as u64,
                };
                let shares = sim.shares(&*make(run as u64), 10_000);
                let mut pairs = shares.iter().zip(due);
                assert!(
                    pairs.all(|(share, due)| (share - due).abs() <= 5.0),
                    "{name}, noise: {noise}, a call every {every:?}: {shares:.1?}"
                );
            }
        }
    }
}
