//! The stack: what a call goes through that needs more than one attempt, or more than the first attempt before it.
//!
//! A call of the plain path has met with none of this; it comes here behind a failure of its first attempt.

use std::future::Future;
use std::pin::Pin;

use tokio::time::timeout_at;

use crate::status::Status;

use super::cluster;
use super::fallback;
use super::journey::Journey;
use super::reply::Received;
use super::retry;

/// A call that goes on in an `async fn`.
pub(super) type Drive = Pin<Box<dyn Future<Output = Result<Received, Status>> + Send>>;

/// The layers, outermost first.
///
/// | layer | why it is there, and not elsewhere |
/// |---|---|
/// | [filters](super::filtered) | where there are any: once per call, whatever becomes of it further in |
/// | fallback | what it gives takes the place of everything below; only where settings or the program have something to give |
/// | strategy | how many asks a call is, and what their failures mean; only where it is not one |
/// | deadline | whatever follows has an end, pauses and further attempts included |
/// | retry | a failure ends at another instance; asks the throttle before each try, so that retries are kept back too |
/// | hedge | two attempts are one try: both fail before there is another |
/// | attempt | pick, connect, send, answer |
///
/// A call that is for [one instance](super::cluster::Only) has none of them but the deadline: nobody can answer in its place.
pub(super) fn drive(mut journey: Journey) -> Drive {
    if let Some(only) = journey.only.take() {
        return Box::pin(cluster::reach(journey, only));
    }
    if journey.treated.support.is_some() {
        return Box::pin(fallback::run(journey));
    }
    Box::pin(async move { run(&mut journey).await })
}

/// One ask of a service: from the deadline down to the attempts. What several asks share is above.
pub(super) async fn run(journey: &mut Journey) -> Result<Received, Status> {
    let outcome = within_deadline(journey).await;
    outcome.map_err(|status| journey.told(status))
}

async fn within_deadline(journey: &mut Journey) -> Result<Received, Status> {
    match journey.deadline {
        None => retry::run(journey).await,
        Some(deadline) => match timeout_at(deadline, retry::run(journey)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(journey.expired()),
        },
    }
}
