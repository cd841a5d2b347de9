//! What keeps calls going when servers do not: one policy or mechanism per file.
//!
//! Pure: times are handed in, chance comes from seeds. What waits, asks and answers is in `client` and `server`.

mod breaker;
mod budget;
mod detector;
mod failback;
mod fallback;
mod outlier;
mod retry;
mod stale;
mod states;
mod throttle;
mod vitals;

pub use breaker::{BreakerReason, BreakerState};
pub use fallback::check_reply;
pub use retry::{Failure, Retries, Step};
pub use states::{Breakers, InstanceBreaker};

pub(crate) use budget::{Allowance, Budget, Earnings};
pub(crate) use detector::{Detector, Listed};
pub(crate) use failback::{Due, Repetitions, Waiting};
pub(crate) use retry::{Facts, Follows, follows, step};
pub(crate) use stale::{Bounds, LastAnswers};
pub(crate) use states::BreakerEvent;
pub(crate) use throttle::Throttle;
pub(crate) use vitals::{Verdict, Vitals};
