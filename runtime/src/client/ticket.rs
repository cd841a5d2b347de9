//! A call under way at one instance, and what is learned of the instance when it ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::balance::Outcome;
use crate::resilience::Verdict;
use crate::status::{Code, Progress, Status};

use super::table::Target;

/// A call under way at one instance: what the balancers learn when it ends.
pub(super) struct Ticket {
    pub(super) target: Arc<Target>,
    /// When it started, since the moment that balancers count from.
    began: Duration,
    /// When its caller stops waiting.
    deadline: Option<Instant>,
    open: bool,
    /// It decides whether the instance is asked again.
    probe: bool,
}

impl Ticket {
    /// A call to `target` starts, `began` after the moment that balancers count from.
    pub(super) fn start(target: Arc<Target>, began: Duration, deadline: Option<Instant>) -> Self {
        target.vitals.load.begin();
        Self {
            probe: target.vitals.takes_probe(),
            target,
            began,
            deadline,
            open: true,
        }
    }

    /// When it started.
    pub(super) fn started(&self) -> Instant {
        self.target.epoch + self.began
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

    /// The call ended so, `now` after the moment that balancers count from.
    pub(super) fn finish<T>(&mut self, outcome: &Result<T, Status>, now: Duration) {
        if !std::mem::replace(&mut self.open, false) {
            return;
        }
        let (outcome, verdict) = match outcome {
            Ok(_) => (Outcome::Answered, Verdict::Answered),
            Err(status) => (outcome_of(status), Verdict::of(status)),
        };
        self.end(now, outcome, verdict);
    }

    fn end(&self, now: Duration, outcome: Outcome, verdict: Verdict) {
        let latency = now.saturating_sub(self.began);
        let Target {
            vitals,
            detector,
            counts,
            ..
        } = &*self.target;
        let verdict = if *counts { verdict } else { Verdict::Nothing };
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
            let now = self.target.since_epoch(now);
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
        // Nobody refuses calls as fast as a server of something else.
        Code::Unimplemented if status.progress() == Progress::NotStarted => Outcome::Failed,
        _ if status.is_overloaded() => Outcome::Failed,
        _ => Outcome::Answered,
    }
}
