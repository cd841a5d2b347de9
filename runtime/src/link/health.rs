//! How a client's connection is, for those who choose between connections and those whose call ended with it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::Outcome;
use super::exchange::{AnswerTo, Answered};
use super::receiver::Item;
use crate::conn::CloseReason;
use crate::status::{Phase, Status};

/// What the connection task says of its connection.
#[derive(Debug)]
pub(super) struct Health {
    endpoint: Arc<str>,
    usable: AtomicBool,
    /// Calls that wait or are open.
    pub(super) in_flight: AtomicUsize,
    reason: OnceLock<String>,
    /// Told at the end.
    #[cfg(test)]
    pub(super) over: tokio::sync::Notify,
}

impl Health {
    pub(super) fn new(endpoint: Arc<str>) -> Self {
        Self {
            endpoint,
            usable: AtomicBool::new(true),
            in_flight: AtomicUsize::new(0),
            reason: OnceLock::new(),
            #[cfg(test)]
            over: tokio::sync::Notify::new(),
        }
    }

    pub(super) fn is_usable(&self) -> bool {
        self.usable.load(Ordering::Acquire)
    }

    /// No new calls from now on.
    pub(super) fn retire(&self) {
        self.usable.store(false, Ordering::Release);
    }

    pub(super) fn close(&self, reason: &CloseReason) {
        self.retire();
        // It ends once.
        let _ = self.reason.set(reason.to_string());
        #[cfg(test)]
        self.over.notify_one();
    }

    /// For a call that never left.
    pub(super) fn gone(&self) -> Status {
        let why = self
            .reason
            .get()
            .map_or("the connection takes no new calls", String::as_str);
        self.say(why).not_started()
    }

    /// For a call whose task vanished: a runtime that was shut down, since the task itself answers all.
    pub(super) fn ended(&self) -> Status {
        self.say(
            self.reason
                .get()
                .map_or("the connection task is gone", String::as_str),
        )
    }

    fn say(&self, why: &str) -> Status {
        Status::unavailable(why)
            .in_phase(Phase::Send)
            .at_endpoint(Arc::clone(&self.endpoint))
    }

    /// Answers a call at a time; it is then no longer in flight.
    pub(super) fn answer(&self, answer: AnswerTo, outcome: Outcome, at: Instant) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        let outcome = match outcome {
            Err(status) if status.endpoint().is_none() => {
                Err(status.at_endpoint(Arc::clone(&self.endpoint)))
            }
            outcome => outcome,
        };
        match answer {
            // A caller that has gone needs no answer.
            AnswerTo::Slot(slot) => drop(slot.send(Answered { outcome, at })),
            AnswerTo::Items(items) => {
                let end = outcome.map(|reply| {
                    if let Some(body) = reply.body {
                        let _ = items.send(Item::Message {
                            body: body.into_bytes(),
                            owed: false,
                        });
                    }
                    reply.trailers
                });
                let _ = items.send(Item::End(end));
            }
        }
    }
}
