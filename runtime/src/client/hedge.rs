//! The layer that asks a second instance where the first is slow: two attempts, which are one try for the layers above.
//!
//! ```text
//!   first ───────────── after ──────────▶ good: the second is cancelled
//!                         │
//!                         └── second ───▶ good: the first is cancelled
//!   either fails before the other has answered: the other's answer counts
//! ```

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::resilience::{self, Follows};
use crate::status::{Status, Why};

use super::attempt::{Attempt, Stage};
use super::journey::Journey;
use super::plan::Plan;
use super::reply::Received;
use super::table::Target;
use super::treated::{Treated, hedges};

/// Asks `target`, and another instance too where that is allowed and there is no answer for long.
pub(super) async fn run(
    journey: &mut Journey,
    target: &Arc<Target>,
    why: Why,
) -> Result<Received, Status> {
    let treatment = &journey.treated.treatment;
    match treatment.hedge.after.on() {
        Some(after) if hedges(treatment, journey.plan.method) => {
            hedged(journey, target, why, after.0).await
        }
        _ => journey.ask(target, why).await,
    }
}

/// How one of the two ended, if it has.
struct Leg {
    target: Arc<Target>,
    why: Why,
    began: Instant,
    outcome: Option<Result<Received, Status>>,
}

impl Leg {
    fn new(target: &Arc<Target>, why: Why) -> Self {
        Self {
            target: Arc::clone(target),
            why,
            began: Instant::now(),
            outcome: None,
        }
    }

    fn poll(
        &mut self,
        attempt: Pin<&mut impl Future<Output = Result<Received, Status>>>,
        cx: &mut Context<'_>,
    ) {
        if self.outcome.is_none()
            && let Poll::Ready(outcome) = attempt.poll(cx)
        {
            self.outcome = Some(outcome);
        }
    }
}

async fn hedged(
    journey: &mut Journey,
    target: &Arc<Target>,
    why: Why,
    after: Duration,
) -> Result<Received, Status> {
    let mut first = Leg::new(target, why);
    journey.asks(target, why, first.began);
    let second = race(journey, &mut first, after).await;
    let mut last = None;
    for (stage, leg) in [Some(first), second].into_iter().flatten().enumerate() {
        let Leg {
            target,
            why,
            began,
            outcome,
        } = leg;
        match outcome {
            // Given up, and cancelled with that.
            None => {
                journey.stages[stage] = Stage::Idle;
                journey.asked[stage] = None;
            }
            Some(outcome) => {
                let outcome = journey.end(stage, &target, why, began, outcome);
                if outcome.is_ok() {
                    return outcome;
                }
                last = Some(outcome);
            }
        }
    }
    last.unwrap_or_else(|| unreachable!("a race ends when one has ended"))
}

/// Both until one has the answer, or both have failed. Gives the second, if there was one.
async fn race(journey: &mut Journey, first: &mut Leg, after: Duration) -> Option<Leg> {
    let Journey {
        plan,
        treated,
        deadline,
        before,
        tried,
        stages: [first_stage, second_stage],
        asked: [_, too],
        watched,
        ..
    } = journey;
    // Unary calls send no stream of requests, and somebody waits for them.
    let (mut no_requests, mut none_either) = (None, None);
    let target = Arc::clone(&first.target);
    let attempt = Attempt {
        plan,
        treated,
        deadline: *deadline,
        target: &target,
        tried,
        number: *before,
    };
    let mut asked = pin!(attempt.run(&mut no_requests, None, first_stage));
    if let Ok(outcome) = timeout(after, &mut asked).await {
        first.outcome = Some(outcome);
        return None;
    }
    let Some(other) = other(plan, treated, tried, &target).await else {
        first.outcome = Some(asked.await);
        return None;
    };
    if !plan.channel.ledger().may_hedge(&treated.treatment) {
        first.outcome = Some(asked.await);
        return None;
    }
    let mut second = Leg::new(&other, Why::Hedged);
    if watched.is_some() {
        *too = Some((Arc::clone(&other), Why::Hedged, second.began));
    }
    let attempt = Attempt {
        plan,
        treated,
        deadline: *deadline,
        target: &other,
        tried,
        // Servers see that it comes on top.
        number: *before + 1,
    };
    let mut asked_too = pin!(attempt.run(&mut none_either, None, second_stage));
    let counts = |leg: &Leg| match &leg.outcome {
        None => false,
        Some(Ok(_)) => true,
        Some(Err(status)) => {
            let retry = &treated.treatment.retry;
            resilience::follows(status, retry, true) == Follows::Nothing
        }
    };
    poll_fn(|cx| {
        first.poll(asked.as_mut(), cx);
        if counts(first) {
            return Poll::Ready(());
        }
        second.poll(asked_too.as_mut(), cx);
        if counts(&second) || (first.outcome.is_some() && second.outcome.is_some()) {
            return Poll::Ready(());
        }
        Poll::Pending
    })
    .await;
    Some(second)
}

/// Another instance, that nothing speaks against.
async fn other(
    plan: &Plan,
    treated: &Treated,
    tried: &[u64],
    target: &Arc<Target>,
) -> Option<Arc<Target>> {
    let table = plan.channel.table(plan, treated).await.ok()?;
    if !table.has_better(tried, target) {
        return None;
    }
    let tried: Vec<_> = tried.iter().copied().chain([target.key]).collect();
    table.pick(&tried, plan.hash, Instant::now()).cloned()
}
