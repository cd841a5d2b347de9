//! `callsheet registry drain`

use super::Session;
use super::arguments::Drain;
use crate::Outcome;
use crate::report::Failure;

/// Takes an instance out of service, or back into it.
pub(super) async fn run(session: &Session, drain: &Drain) -> Result<Outcome, Failure> {
    session
        .steer(&drain.service, &drain.id, |order| order.drain = !drain.undo)
        .await
}
