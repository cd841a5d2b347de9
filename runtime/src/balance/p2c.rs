//! The power of two choices, by latency and calls in flight.

use super::candidates::{Candidate, Candidates};
use super::{Balancer, PickContext};
use crate::random::Random;

/// How much longer the queue of the first choice must be. Queues of equal instances differ by chance alone; without slack
/// chance would decide, and the weights, by which the first choice was drawn, would count for nothing at low load.
const SLACK: f32 = 1.5;

/// How much longer one choice must take for latencies to count: up to twice as long is as good, or else every noise of a
/// machine would undo the weights. Instances that are a little slower get less under load, by their calls in flight.
const CLEARLY: f32 = 2.0;

/// Draws two by weight and takes the first, unless the second is clearly better: much shorter latency, fewer calls in
/// flight for its weight. Constant time. The default.
///
/// Two random choices keep a crowd of clients from running to the same best instance (Mitzenmacher 2001). Where all
/// answer about as fast, shares follow the weights. An instance that nothing is known of is taken to be as fast as the
/// other choice.
#[derive(Debug)]
pub struct P2c(Random);

impl P2c {
    /// The draws that `seed` decides.
    pub fn new(seed: u64) -> Self {
        Self(Random::new(seed))
    }
}

impl Balancer for P2c {
    fn pick(&self, candidates: &Candidates, context: &PickContext<'_>) -> Option<usize> {
        if candidates.len() == 1 && candidates.is_usable(0, context) {
            return Some(0);
        }
        let first = candidates.draw(&self.0, context, None)?;
        let Some(second) = candidates.draw(&self.0, context, Some(first)) else {
            return Some(first);
        };
        let (one, two) = (candidates.get(first)?, candidates.get(second)?);
        let better = is_better(two, one, context);
        Some(if better { second } else { first })
    }
}

/// Whether `other` is so much better than `one` that it takes the call.
fn is_better(other: &Candidate, one: &Candidate, context: &PickContext<'_>) -> bool {
    let latencies = (other.load().cost(context.now), one.load().cost(context.now));
    let slower = match latencies {
        (Some(there), Some(here)) if there > here * CLEARLY || here > there * CLEARLY => {
            there / here
        }
        _ => 1.0,
    };
    // Calls in flight are taken for the weight beside the average of the two, so that at rest weights do not count
    // twice: the draw has honoured them. One call is what anybody may have.
    let average = f32::midpoint(share(one.weight()), share(other.weight()));
    let queue = |candidate: &Candidate| {
        let calls = share(candidate.load().in_flight());
        (calls * average / share(candidate.weight())).max(1.0)
    };
    slower * queue(other) * SLACK < queue(one)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "weights and calls beyond 2^24 need no last digit"
)]
fn share(count: u32) -> f32 {
    count as f32
}
