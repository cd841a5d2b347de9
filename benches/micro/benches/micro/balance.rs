//! What a pick costs, with what is noted of the call behind it, among few instances and many.

use std::sync::Arc;
use std::time::Duration;

use callsheet::Balance;
use callsheet::balance::{
    self, Balancer, Candidate, Candidates, Load, Outcome, PickContext, Weighted,
};
use divan::Bencher;

/// Decides the random choices.
const SEED: u64 = 7;

const INSTANCES: [usize; 2] = [3, 100];

/// Picks among so many instances of two weights.
fn pick(bencher: Bencher<'_, '_>, instances: usize, balancer: &dyn Balancer) {
    let candidates = (0..instances).map(|index| {
        let weight = if index % 2 == 0 { 100 } else { 50 };
        Candidate::new(&format!("instance-{index}"), weight, Arc::new(Load::new()))
    });
    let candidates = Candidates::new(candidates.collect());
    let mut now = Duration::from_secs(1);
    bencher.bench_local(|| {
        now += Duration::from_micros(10);
        let index = balancer.pick(&candidates, &PickContext::at(now)).unwrap();
        let call = candidates.get(index).unwrap().load().start();
        call.finish(now, Duration::from_micros(100), Outcome::Answered);
    });
}

#[divan::bench(args = INSTANCES)]
fn p2c(bencher: Bencher<'_, '_>, instances: usize) {
    pick(bencher, instances, &*balance::of(Balance::P2c, SEED));
}

#[divan::bench(args = INSTANCES)]
fn random(bencher: Bencher<'_, '_>, instances: usize) {
    pick(bencher, instances, &*balance::of(Balance::Random, SEED));
}

#[divan::bench(args = INSTANCES)]
fn round_robin(bencher: Bencher<'_, '_>, instances: usize) {
    pick(bencher, instances, &*balance::of(Balance::RoundRobin, SEED));
}

#[divan::bench(args = INSTANCES)]
fn least_active(bencher: Bencher<'_, '_>, instances: usize) {
    pick(
        bencher,
        instances,
        &*balance::of(Balance::LeastActive, SEED),
    );
}

#[divan::bench(args = INSTANCES)]
fn weighted(bencher: Bencher<'_, '_>, instances: usize) {
    pick(bencher, instances, &Weighted::new());
}
