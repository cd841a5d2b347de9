//! The layer that tries again: another instance at once for what did not start, the budget for what was turned away for load
//! or may have run, and a pause where nobody else can be asked.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::backoff::Backoff;
use crate::observe::Note;
use crate::resilience::{self, Facts, Failure, Follows, Step};
use crate::status::{Code, Phase, Status, Why};

use super::hedge;
use super::journey::Journey;
use super::reply::Received;

/// How often all instances are asked in turn before a call that none of them started fails: enough to live through the
/// moment between a server's last breath and the registry's word of it.
const ROUNDS: u32 = 3;

/// How many instances are asked beyond the first that does not know the method: it costs a call little that somebody else has a
/// dead instance's address, and a method that nobody has costs four attempts and not one for each instance.
const STRANGERS: usize = 3;

/// The first pause between two rounds.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// The longest pause between two rounds.
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// Tries until there is an answer, or nothing is left to try.
pub(super) async fn run(journey: &mut Journey) -> Result<Received, Status> {
    if let Err(status) = &journey.plan.body {
        return Err(status.clone());
    }
    let mut tries = Tries::default();
    // That of an attempt before the stack.
    let mut failure = journey.failed.take();
    loop {
        if let Some(status) = failure.take() {
            tries.next(journey, status).await?;
        }
        let Some(target) = journey.pick().await? else {
            tries.next_round(journey).await?;
            continue;
        };
        if keeps_back(journey) {
            let observer = journey.plan.channel.client().observer();
            observer.note(&Note::Throttled(journey.plan.method));
            let last = journey.failed.take();
            return Err(last.unwrap_or_else(kept_back).spent());
        }
        match hedge::run(journey, &target, tries.why).await {
            Ok(received) => return Ok(received),
            Err(status) => failure = Some(status),
        }
    }
}

fn keeps_back(journey: &Journey) -> bool {
    let ledger = journey.plan.channel.ledger();
    ledger.keeps_back(&journey.treated.treatment, Instant::now())
}

fn kept_back() -> Status {
    Status::resource_exhausted("kept back: the servers have turned too many calls away for load")
        .not_started()
        .overloaded()
        .in_phase(Phase::Local)
        .with_setting("Settings::throttle")
        .briefly("kept back")
}

/// A failure that would have been tried again but for its number, its budget, or who else does that. Where retries are
/// switched off, those further up may try.
fn given_up(journey: &Journey, status: Status) -> Status {
    if journey.treated.treatment.retry.attempts > 0 {
        status.spent()
    } else {
        status
    }
}

/// Whether who was asked does not know the method.
fn is_stranger(status: &Status) -> bool {
    status.code() == Code::Unimplemented
}

/// Whether a call ends that met somebody who does not know the method, the last of so many.
pub(super) fn has_met_enough_strangers(status: &Status, met: usize) -> bool {
    is_stranger(status) && met > STRANGERS
}

/// Whether the program decides what follows a failure, and all of the request is there to be sent again.
fn decides(journey: &Journey) -> bool {
    journey.plan.channel.client().retries().is_some() && journey.is_whole()
}

/// What is counted of the tries of a call.
#[derive(Default)]
struct Tries {
    retries: u32,
    rounds: u32,
    /// Instances that do not know the method.
    strangers: usize,
    /// Between rounds.
    pauses: Option<Backoff>,
    /// It was waited for the next try already.
    paused: bool,
    why: Why,
}

impl Tries {
    /// Waits until the next try behind a failure, which is kept.
    ///
    /// # Errors
    /// The failure, where it is the end.
    async fn next(&mut self, journey: &mut Journey, status: Status) -> Result<(), Status> {
        match journey.follows(&status) {
            Follows::Nothing if !decides(journey) => return Err(status),
            Follows::Move => {
                self.strangers += usize::from(is_stranger(&status));
                if has_met_enough_strangers(&status, self.strangers) {
                    return Err(status);
                }
                self.paused = false;
                if self.why == Why::First {
                    self.why = Why::Moved;
                }
            }
            follows => {
                let elsewhere = journey.has_other().await;
                let Some(pause) = self.retry(journey, &status, follows, elsewhere) else {
                    return Err(match follows {
                        Follows::Nothing => status,
                        _ => given_up(journey, status),
                    });
                };
                self.retries += 1;
                self.paused = true;
                self.why = Why::Retried;
                journey.failed = Some(status);
                if !pause.is_zero() {
                    sleep(pause).await;
                }
                return Ok(());
            }
        }
        journey.failed = Some(status);
        Ok(())
    }

    /// How long to wait before the failure is followed by another try, if it is.
    fn retry(
        &self,
        journey: &mut Journey,
        status: &Status,
        follows: Follows,
        elsewhere: bool,
    ) -> Option<Duration> {
        let now = Instant::now();
        let facts = Facts {
            retries: self.retries,
            serves_retry: journey.serves_retry,
            left: journey.left(now),
            elsewhere,
        };
        let treatment = &journey.treated.treatment;
        let usual = match follows {
            Follows::Nothing | Follows::Move => Step::GiveUp,
            Follows::Retry(because) => {
                let chance = journey.plan.channel.client().chance().unit();
                resilience::step(status, because, &treatment.retry, facts, chance)
            }
        };
        let step = match journey.plan.channel.client().retries() {
            Some(retries) if journey.is_whole() => {
                let failure = Failure {
                    method: journey.plan.method,
                    status,
                    retries: self.retries,
                    policy: &treatment.retry,
                    left: facts.left,
                };
                retries.next(&failure, usual)
            }
            _ => usual,
        };
        let Step::After(pause) = step else {
            return None;
        };
        let ledger = journey.plan.channel.ledger();
        let granted = ledger.may_retry(treatment, now);
        journey.story.asked_budget(ledger.retries_left());
        if !granted {
            let observer = journey.plan.channel.client().observer();
            observer.note(&Note::BudgetSpent(journey.plan.method));
        }
        granted.then_some(pause)
    }

    /// All instances have failed: lets them be asked again.
    ///
    /// # Errors
    /// The last failure, once they were asked often enough.
    async fn next_round(&mut self, journey: &mut Journey) -> Result<(), Status> {
        if !journey.tried.is_empty() && self.paused {
            // A retry has waited, and may ask the same instance where there is no other.
            self.paused = false;
            journey.tried.clear();
            return Ok(());
        }
        self.rounds += 1;
        // Who does not know a method does not come to know it in a moment.
        let is_over = self.rounds >= ROUNDS || journey.failed.as_ref().is_some_and(is_stranger);
        if is_over && let Some(status) = journey.failed.take() {
            return Err(status);
        }
        journey.tried.clear();
        let chance = journey.plan.channel.client().chance();
        let pauses = self
            .pauses
            .get_or_insert_with(|| Backoff::new(FIRST_PAUSE, LONGEST_PAUSE, chance.bits()));
        sleep(pauses.pause()).await;
        Ok(())
    }
}
