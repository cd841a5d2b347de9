//! `callsheet registry weight`

use super::Session;
use super::arguments::Weight;
use crate::Outcome;
use crate::report::Failure;

/// Gives an instance another weight, or its own again.
pub(super) async fn run(session: &Session, weight: &Weight) -> Result<Outcome, Failure> {
    session
        .steer(&weight.service, &weight.id, |order| {
            // None with `--clear`, which stands alone.
            order.weight = weight.share;
        })
        .await
}
