//! What follows the failure of one attempt: nothing, another instance at once, or another try after a pause.
//!
//! ```text
//!                    not started ──turned away for load──▶ Retry: costs budget, another instance at once, or after a pause
//!   failure ────────────┤ else ──────────────────────────▶ Move: free, another instance at once
//!     │ may have run
//!     ├── the server says so, or idempotent and a code of the policy ──▶ Retry: costs budget, after a pause
//!     └── else ────────────────────────────────────────────────────────▶ Nothing
//! ```
//!
//! Pure: chance is handed in.

use std::time::Duration;

use crate::contract::MethodDescriptor;
use crate::governance::RetryPolicy;
use crate::status::{Code, Progress, Status};

/// What may follow a failure, as far as it and its method go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Follows {
    /// It is the answer.
    Nothing,
    /// Another instance may be asked at once, and it costs nothing: nobody has done anything yet.
    Move,
    /// It may be tried again, which costs budget.
    Retry(Because),
}

/// Why a call may be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Because {
    /// It was turned away for load, and did not start.
    TurnedAway,
    /// Running it twice does no harm.
    Harmless,
}

/// What may follow `status` of an attempt of a method that is `idempotent` or not.
pub(crate) fn follows(status: &Status, policy: &RetryPolicy, idempotent: bool) -> Follows {
    if status.progress() == Progress::NotStarted {
        return match status.code() {
            Code::Unavailable | Code::ResourceExhausted if status.is_overloaded() => {
                Follows::Retry(Because::TurnedAway)
            }
            // The last is said where another server has taken an instance's address, or an instance is not what its record says.
            Code::Unavailable | Code::ResourceExhausted | Code::Unimplemented => Follows::Move,
            _ => Follows::Nothing,
        };
    }
    if status.is_retryable() || (idempotent && policy.on.contains(status.code())) {
        return Follows::Retry(Because::Harmless);
    }
    Follows::Nothing
}

/// Decides which failures are followed by another try, for calls of a client that was given it by
/// [`ClientBuilder::retries`](crate::ClientBuilder::retries).
///
/// It is asked behind every failure of an attempt that may have run or was turned away for load, as long as all of the request is
/// still there. What is asked of it is one decision: whatever it says, retries cost budget, are kept back with other calls, end
/// with the deadline, and go to another instance where there is one. What nobody has begun moves to another instance without it.
///
/// ```
/// use std::time::Duration;
/// use callsheet::Code;
/// use callsheet::resilience::{Failure, Retries, Step};
///
/// /// Conflicts are tried again five times, whatever the contract says; all else is treated as ever.
/// struct Conflicts;
///
/// impl Retries for Conflicts {
///     fn next(&self, failure: &Failure<'_>, usual: Step) -> Step {
///         match failure.status.code() {
///             Code::Aborted if failure.retries < 5 => Step::After(Duration::from_millis(10)),
///             Code::Aborted => Step::GiveUp,
///             _ => usual,
///         }
///     }
/// }
/// ```
pub trait Retries: Send + Sync + 'static {
    /// What follows this failure; `usual` would without this. To try a method again that is not
    /// [idempotent](crate::Policy::idempotent) is to say that running it twice does no harm.
    fn next(&self, failure: &Failure<'_>, usual: Step) -> Step;
}

/// A failure of an attempt, for [`Retries`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Failure<'a> {
    /// What was called.
    pub method: &'static MethodDescriptor,
    /// How the attempt ended.
    pub status: &'a Status,
    /// How many retries the call has had.
    pub retries: u32,
    /// What is said of its retries, all places taken together.
    pub policy: &'a RetryPolicy,
    /// What is left of its time.
    pub left: Option<Duration>,
}

/// How a call that may be tried again goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The failure is the answer.
    GiveUp,
    /// Another try, after this pause.
    After(Duration),
}

/// What is known of a call that may be tried again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    /// Retries that it has had.
    pub(crate) retries: u32,
    /// It is made by a handler that serves a later attempt itself.
    pub(crate) serves_retry: bool,
    /// What is left of its time.
    pub(crate) left: Option<Duration>,
    /// There is an instance that it did not ask, and that nothing speaks against.
    pub(crate) elsewhere: bool,
}

/// Whether a failure that [may be retried](Follows::Retry) is, and when. `chance` is of [0, 1). The budget is not asked here,
/// but only for what comes to [`Step::After`].
pub(crate) fn step(
    status: &Status,
    because: Because,
    policy: &RetryPolicy,
    facts: Facts,
    chance: f64,
) -> Step {
    let runs_twice = because == Because::Harmless;
    if facts.retries >= policy.attempts || (runs_twice && (facts.serves_retry || status.is_spent()))
    {
        return Step::GiveUp;
    }
    let pause = match (status.retry_after(), because) {
        // Somebody else may have room; two who have none mean that there is none.
        (_, Because::TurnedAway) if facts.retries == 0 && facts.elsewhere => Duration::ZERO,
        (Some(wish), _) => wish,
        (None, _) => pause(policy, facts.retries, chance),
    };
    if facts.left.is_some_and(|left| left <= pause) {
        return Step::GiveUp;
    }
    Step::After(pause)
}

/// Full jitter: anything up to `first_pause * 2^retries`, at most `longest_pause` (Marc Brooker, "Exponential Backoff And
/// Jitter", 2015: of all kinds the one that clears a crowd with the fewest calls).
fn pause(policy: &RetryPolicy, retries: u32, chance: f64) -> Duration {
    let factor = 1_u32.checked_shl(retries).unwrap_or(u32::MAX);
    let whole = policy.first_pause.0.saturating_mul(factor);
    whole.min(policy.longest_pause.0).mul_f64(chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: Facts = Facts {
        retries: 0,
        serves_retry: false,
        left: None,
        elsewhere: false,
    };

    fn check(status: &Status, idempotent: bool, expect: Follows) {
        assert_eq!(
            follows(status, &RetryPolicy::default(), idempotent),
            expect,
            "{status:?}"
        );
    }

    #[test]
    fn what_did_not_start_moves_whatever_its_method_promises() {
        let refused = Status::unavailable("refused").not_started();
        check(&refused, false, Follows::Move);
        check(&refused, true, Follows::Move);
        let strange = Status::unimplemented("no such service").not_started();
        check(&strange, false, Follows::Move);
        check(
            &Status::unimplemented("by the handler"),
            true,
            Follows::Nothing,
        );
        let wrong = Status::invalid_argument("breaks a rule").not_started();
        check(&wrong, true, Follows::Nothing);
    }

    #[test]
    fn what_may_have_run_is_retried_only_where_that_is_harmless() {
        let lost = Status::unavailable("connection lost");
        check(&lost, false, Follows::Nothing);
        check(&lost, true, Follows::Retry(Because::Harmless));
        check(&lost.retryable(), false, Follows::Retry(Because::Harmless));
        check(&Status::internal("bug"), true, Follows::Nothing);
    }

    #[test]
    fn what_is_turned_away_for_load_is_no_free_move() {
        let full = Status::resource_exhausted("full")
            .not_started()
            .overloaded();
        check(&full, false, Follows::Retry(Because::TurnedAway));
    }

    fn next(status: &Status, facts: Facts) -> Step {
        let policy = RetryPolicy::default();
        let Follows::Retry(because) = follows(status, &policy, true) else {
            panic!("{status:?} is not retried");
        };
        step(status, because, &policy, facts, 0.999_999)
    }

    #[test]
    fn pauses_double_and_attempts_end() {
        let lost = Status::unavailable("connection lost");
        let pauses: Vec<_> = (0..3)
            .map(|retries| match next(&lost, Facts { retries, ..FACTS }) {
                Step::After(pause) => Some(pause.as_millis()),
                Step::GiveUp => None,
            })
            .collect();
        assert_eq!(pauses, [Some(19), Some(39), None]);
        let policy = RetryPolicy::default();
        assert_eq!(pause(&policy, 40, 1.0), policy.longest_pause.0);
    }

    #[test]
    fn a_wish_is_waited_for_or_the_call_given_up() {
        let wish = Duration::from_millis(300);
        let full = Status::resource_exhausted("full")
            .not_started()
            .overloaded()
            .with_retry_after(wish);
        assert_eq!(next(&full, FACTS), Step::After(wish));
        let facts = Facts {
            left: Some(Duration::from_millis(200)),
            ..FACTS
        };
        assert_eq!(next(&full, facts), Step::GiveUp);
    }

    #[test]
    fn who_is_turned_away_asks_another_at_once_and_then_waits() {
        let wish = Duration::from_millis(300);
        let full = Status::resource_exhausted("full")
            .not_started()
            .overloaded();
        let first = Facts {
            elsewhere: true,
            ..FACTS
        };
        let second = Facts {
            retries: 1,
            ..first
        };
        let wishes = full.clone().with_retry_after(wish);
        assert_eq!(next(&full, first), Step::After(Duration::ZERO));
        assert_eq!(next(&wishes, first), Step::After(Duration::ZERO));
        assert_eq!(next(&wishes, second), Step::After(wish));
        assert_ne!(next(&full, second), Step::After(Duration::ZERO));
        assert_ne!(next(&full, FACTS), Step::After(Duration::ZERO));
    }

    #[test]
    fn one_tier_retries() {
        let lost = Status::unavailable("connection lost");
        let serving = Facts {
            serves_retry: true,
            ..FACTS
        };
        assert_eq!(next(&lost, serving), Step::GiveUp);
        assert_eq!(next(&lost.spent(), FACTS), Step::GiveUp);
        // What did not run costs the tiers below nothing.
        let full = Status::resource_exhausted("full")
            .not_started()
            .overloaded();
        let elsewhere = Facts {
            elsewhere: true,
            ..serving
        };
        assert_eq!(next(&full, elsewhere), Step::After(Duration::ZERO));
    }
}
