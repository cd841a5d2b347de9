//! What keeps calls going when servers do not: one policy or mechanism per file.
//!
//! Pure: times are handed in, chance comes from seeds. What waits, asks and answers is in `client` and `server`.

mod adaptive;
mod breaker;
mod budget;
#[cfg(test)]
mod crowd;
mod detector;
mod failback;
mod fallback;
mod gradient;
mod line;
mod outlier;
mod rate;
mod retry;
mod stale;
mod states;
mod throttle;
mod vitals;

pub use breaker::{BreakerReason, BreakerState};
pub use fallback::check_reply;
pub use retry::{Failure, Retries, Step};
pub use states::{Breakers, InstanceBreaker};

pub(crate) use adaptive::Adaptive;
pub(crate) use budget::{Allowance, Budget, Earnings};
pub(crate) use detector::{Detector, Listed};
pub(crate) use failback::{Due, Repetitions, Waiting};
pub(crate) use line::Line;
pub(crate) use rate::{CallerRate, Rate};
pub(crate) use retry::{Facts, Follows, follows, step};
pub(crate) use stale::{Bounds, LastAnswers};
pub(crate) use states::BreakerEvent;
pub(crate) use throttle::Throttle;
pub(crate) use vitals::{Verdict, Vitals};

/// Where the clock of a test begins.
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any instant will do")]
fn origin() -> std::time::Instant {
    std::time::Instant::now()
}
