//! What a pick costs, with what is noted of the call behind it, among few instances and many; and what a change of the list
//! costs.

use std::sync::Arc;
use std::time::Duration;

use callsheet::Balance;
use callsheet::balance::{
    self, Balancer, Candidate, Candidates, ConsistentHash, Load, Outcome, PickContext, Weighted,
};
use divan::Bencher;

/// Decides the random choices.
const SEED: u64 = 7;

const INSTANCES: [usize; 2] = [3, 100];

/// The most that a client knows of one service, and a usual number.
const FLEETS: [usize; 2] = [100, 10_000];

/// So many instances of two weights.
fn fleet(instances: usize) -> Vec<Candidate> {
    let one = |index| {
        let weight = if index % 2 == 0 { 100 } else { 50 };
        Candidate::new(&format!("instance-{index}"), weight, Arc::new(Load::new()))
    };
    (0..instances).map(one).collect()
}

/// Picks among so many instances of two weights, for calls that all differ.
fn pick(bencher: Bencher<'_, '_>, instances: usize, balancer: &dyn Balancer) {
    let candidates = Candidates::new(fleet(instances));
    let mut now = Duration::from_secs(1);
    let mut hash = SEED;
    bencher.bench_local(|| {
        now += Duration::from_micros(10);
        hash = hash.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
        let context = PickContext::at(now).with_hash(hash);
        let index = balancer.pick(&candidates, &context).unwrap();
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

#[divan::bench(args = [3, 100, 10_000])]
fn consistent_hash(bencher: Bencher<'_, '_>, instances: usize) {
    pick(bencher, instances, &ConsistentHash::new(SEED));
}

/// What is prepared for picks when a list has changed.
#[divan::bench(args = FLEETS)]
fn changed_list(bencher: Bencher<'_, '_>, instances: usize) {
    let list = fleet(instances);
    bencher
        .with_inputs(|| list.clone())
        .bench_local_values(Candidates::new);
}

#[divan::bench(args = INSTANCES)]
fn weighted(bencher: Bencher<'_, '_>, instances: usize) {
    pick(bencher, instances, &Weighted::new());
}
