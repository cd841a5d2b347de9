//! A simulated fleet on a virtual clock: calls that are balanced, retried and judged as a client's are.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;
use std::time::Duration;

use super::super::super::vitals::{Verdict, Vitals};
use super::super::*;
use crate::balance::{Balancer, Candidate, Candidates, Outcome, PickContext};
use crate::random::Random;

/// How long the instance takes for a call that begins now, and how it ends.
pub(super) type Behaviour<'a> = &'a dyn Fn(&Random, usize, Duration) -> (Duration, Verdict);

/// What is tried: a load on instances, and how they behave.
pub(super) struct Trial<'a> {
    pub(super) balancer: &'a dyn Balancer,
    pub(super) behaviour: Behaviour<'a>,
    /// A call begins this often.
    pub(super) every: Duration,
    pub(super) lasts: Duration,
    pub(super) policy: BreakerPolicy,
    /// Further tries of a call that failed, each at another instance.
    pub(super) retries: usize,
    pub(super) seed: u64,
}

/// A call that has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub(super) began: Duration,
    pub(super) latency: Duration,
    pub(super) ok: bool,
    /// Which instances it tried, a bit each.
    tried: u32,
}

/// The longest pause before a call is tried again.
const PAUSE: Duration = Duration::from_millis(20);

struct Call {
    began: Duration,
    tried: Vec<u64>,
}

/// What happens next to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// It is tried.
    Begins,
    /// A try ends.
    Ends {
        index: usize,
        since: Duration,
        failed: bool,
        probe: bool,
    },
}

/// When, which call, what.
type Event = Reverse<(Duration, usize, Step)>;

impl Trial<'_> {
    /// The calls in the order in which they ended.
    pub(super) fn run(&self, instances: usize) -> Vec<Ended> {
        let ids: Vec<_> = (0..instances).map(|index| format!("i{index}")).collect();
        let keys: Vec<_> = ids.iter().map(|id| Candidate::key_of(id)).collect();
        let all = ids.iter().map(|_| Arc::new(Vitals::new(Arc::default())));
        let all: Vec<_> = all.collect();
        let listed = ids.iter().zip(&all).map(|(id, vitals)| Listed {
            key: Candidate::key_of(id),
            instance: id.as_str().into(),
            endpoint: Arc::default(),
            vitals: Arc::clone(vitals),
        });
        let policy = self.policy.clone();
        let detector = Detector::new("S", "default", policy, self.seed, Listener::nobody());
        detector.follow(listed.collect(), Duration::ZERO);
        let candidates = ids.iter().zip(&all);
        let candidates: Candidates = candidates
            .map(|(id, one)| Candidate::new(id, 100, Arc::clone(&one.load)))
            .collect();
        let random = Random::new(self.seed);
        let mut calls: Vec<Call> = Vec::new();
        let mut events: BinaryHeap<Event> = BinaryHeap::new();
        let mut ended = Vec::new();
        let mut next = Duration::ZERO;
        loop {
            let due = events.peek().map(|event| event.0.0);
            if next < self.lasts && due.is_none_or(|due| next <= due) {
                let (began, tried) = (next, Vec::new());
                calls.push(Call { began, tried });
                events.push(Reverse((next, calls.len() - 1, Step::Begins)));
                next += self.every;
            }
            let Some(Reverse((now, number, step))) = events.pop() else {
                return ended;
            };
            let call = &mut calls[number];
            let Step::Ends {
                index,
                since,
                failed,
                probe,
            } = step
            else {
                let index = pick(&detector, &candidates, self.balancer, now, &call.tried);
                let (latency, verdict) = (self.behaviour)(&random, index, now);
                all[index].load.begin();
                let step = Step::Ends {
                    index,
                    since: now,
                    failed: verdict == Verdict::Failed,
                    probe: all[index].takes_probe(),
                };
                events.push(Reverse((now + latency, number, step)));
                continue;
            };
            let (verdict, outcome) = if failed {
                (Verdict::Failed, Outcome::Failed)
            } else {
                (Verdict::Answered, Outcome::Answered)
            };
            all[index].load.end(now, now.saturating_sub(since), outcome);
            detector.ended(&all[index], now, now.saturating_sub(since), verdict, probe);
            call.tried.push(keys[index]);
            if failed && call.tried.len() <= self.retries {
                let pause = PAUSE.mul_f64(random.unit());
                events.push(Reverse((now + pause, number, Step::Begins)));
                continue;
            }
            let bit = |index: usize| u32::from(call.tried.contains(&keys[index])) << index;
            ended.push(Ended {
                began: call.began,
                latency: now.saturating_sub(call.began),
                ok: !failed,
                tried: (0..instances).map(bit).sum(),
            });
        }
    }
}

/// As a client picks.
fn pick(
    detector: &Detector,
    candidates: &Candidates,
    balancer: &dyn Balancer,
    now: Duration,
    tried: &[u64],
) -> usize {
    let context = PickContext::at(now).after(tried);
    if detector.needs_care(now) {
        if let Some(key) = detector.probe(now, |key| !tried.contains(&key)) {
            let index = candidates.iter().position(|one| one.key() == key);
            return index.expect("it is listed");
        }
        if detector.panics() {
            let context = context.with_ejected();
            return balancer.pick(candidates, &context).expect("all are asked");
        }
    }
    let worse = || balancer.pick(candidates, &context.down_to(Standing::Ejected));
    let good = balancer.pick(candidates, &context);
    good.or_else(worse).expect("there is always somebody")
}

fn begun(ended: &[Ended], within: &Range<Duration>) -> Vec<Ended> {
    let within = ended.iter().filter(|one| within.contains(&one.began));
    within.copied().collect()
}

/// The share of calls that tried an instance, of those that began within.
pub(super) fn share(ended: &[Ended], index: usize, within: &Range<Duration>) -> f64 {
    let all = begun(ended, within);
    let there = all.iter().filter(|one| one.tried & (1 << index) != 0);
    part(there.count(), all.len())
}

/// The share of calls that failed, of those that began within.
pub(super) fn failed(ended: &[Ended], within: &Range<Duration>) -> f64 {
    let all = begun(ended, within);
    part(all.iter().filter(|one| !one.ok).count(), all.len())
}

/// The latency that 99 of 100 calls stay below, of those that began within.
pub(super) fn p99(ended: &[Ended], within: &Range<Duration>) -> Duration {
    let all = begun(ended, within);
    let mut latencies: Vec<_> = all.iter().map(|one| one.latency).collect();
    latencies.sort();
    latencies[latencies.len() * 99 / 100]
}
