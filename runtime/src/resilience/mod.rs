//! What keeps calls going when servers do not: one policy or mechanism per file.
//!
//! Pure: times are handed in, chance comes from seeds. What waits, asks and answers is in `client` and `server`.

mod budget;
mod fallback;
mod retry;
mod throttle;

pub(crate) use budget::{Allowance, Budget, Earnings};
pub use fallback::check_reply;
pub(crate) use retry::{Because, Facts, Follows, Step, follows, step};
pub(crate) use throttle::Throttle;
