//! A call under way at one instance, and what is learned of the instance when it ends.

use std::sync::Arc;

use tokio::time::Instant;

use crate::balance::Outcome;
use crate::resilience::Verdict;
use crate::status::{Code, Status};

use super::table::Target;

/// A call under way at one instance: what the balancers learn when it ends.
pub(super) struct Ticket {
    pub(super) target: Arc<Target>,
    started: Instant,
    /// When its caller stops waiting.
    deadline: Option<Instant>,
    open: bool,
    /// It decides whether the instance is asked again.
    probe: bool,
}

impl Ticket {
    /// A call to `target` starts.
    pub(super) fn start(target: Arc<Target>, now: Instant, deadline: Option<Instant>) -> Self {
        target.vitals.load.begin();
        Self {
            probe: target.vitals.takes_probe(),
            target,
            started: now,
            deadline,
            open: true,
        }
    }

    /// When it started.
    pub(super) fn started(&self) -> Instant {
        self.started
    }

    /// When its caller stops waiting.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Nobody waits for how it ends.
    pub(super) fn leave(&mut self) {
        if std::mem::replace(&mut self.open, false) {
            let vitals = &self.target.vitals;
            vitals.load.abandon();
            vitals.abandon();
            if self.probe {
                self.target.detector.probe_abandoned(vitals);
            }
        }
    }

    /// The call ended so.
    pub(super) fn finish<T>(&mut self, outcome: &Result<T, Status>, now: Instant) {
        if !std::mem::replace(&mut self.open, false) {
            return;
        }
        let (outcome, verdict) = match outcome {
            Ok(_) => (Outcome::Answered, Verdict::Answered),
            Err(status) => (outcome_of(status), Verdict::of(status)),
        };
        self.end(now, outcome, verdict);
    }

    fn end(&self, now: Instant, outcome: Outcome, verdict: Verdict) {
        let latency = now.saturating_duration_since(self.started);
        let Target {
            epoch,
            vitals,
            detector,
            counts,
            ..
        } = &*self.target;
        let verdict = if *counts { verdict } else { Verdict::Nothing };
        let now = now.saturating_duration_since(*epoch);
        vitals.load.end(now, latency, outcome);
        detector.ended(vitals, now, latency, verdict, self.probe);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        // What is given up at its deadline has failed; what its caller wants no more says nothing.
        let now = Instant::now();
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            self.end(now, Outcome::Failed, Verdict::Failed);
        } else {
            self.leave();
        }
    }
}

/// What an error tells balancers.
#[cold]
fn outcome_of(status: &Status) -> Outcome {
    match status.code() {
        Code::Unavailable | Code::DeadlineExceeded | Code::Internal => Outcome::Failed,
        _ if status.is_overloaded() => Outcome::Failed,
        _ => Outcome::Answered,
    }
}
