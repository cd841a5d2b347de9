//! How a client's connection is, for those who choose between connections and those whose call ended with it.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::Outcome;
use crate::conn::CloseReason;
use crate::status::{Phase, Status};

/// What becomes of a connection that has come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Calls wait, and the server has given no sign of life though it was asked for one.
    Silent,
    /// After that it has given one.
    Heard,
    /// It takes no new calls: it is lost, or the server leaves.
    Over,
}

/// Whoever wants to know what becomes of a connection. Called from the connection's task or a caller's, so it must not block.
pub(crate) type Watcher = Box<dyn Fn(Change) + Send + Sync>;

/// What the connection task says of its connection.
pub(super) struct Health {
    endpoint: Arc<str>,
    usable: AtomicBool,
    silent: AtomicBool,
    /// Whether the handshake is over.
    greeted: AtomicBool,
    watcher: Option<Watcher>,
    /// Calls that wait or are open.
    pub(super) in_flight: AtomicUsize,
    reason: OnceLock<String>,
    /// Told at the end.
    #[cfg(test)]
    pub(super) over: tokio::sync::Notify,
}

impl Health {
    pub(super) fn new(endpoint: Arc<str>, watcher: Option<Watcher>) -> Self {
        Self {
            endpoint,
            usable: AtomicBool::new(true),
            silent: AtomicBool::new(false),
            greeted: AtomicBool::new(false),
            watcher,
            in_flight: AtomicUsize::new(0),
            reason: OnceLock::new(),
            #[cfg(test)]
            over: tokio::sync::Notify::new(),
        }
    }

    pub(super) fn is_usable(&self) -> bool {
        self.usable.load(Ordering::Acquire)
    }

    /// Whether the server was last found to be silent.
    pub(super) fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Relaxed)
    }

    /// The peers have agreed on the protocol.
    pub(super) fn greet(&self) {
        self.greeted.store(true, Ordering::Release);
    }

    /// No new calls from now on, which is none of this side's wishes.
    pub(super) fn retire(&self) {
        if self.usable.swap(false, Ordering::AcqRel) && self.greeted.load(Ordering::Acquire) {
            self.tell(Change::Over);
        }
    }

    /// No new calls from now on, because nobody here wants any.
    pub(super) fn leave(&self) {
        self.usable.store(false, Ordering::Release);
    }

    pub(super) fn doubt(&self, silent: bool) {
        self.silent.store(silent, Ordering::Relaxed);
        if self.is_usable() {
            self.tell(if silent {
                Change::Silent
            } else {
                Change::Heard
            });
        }
    }

    fn tell(&self, change: Change) {
        if let Some(watcher) = &self.watcher {
            watcher(change);
        }
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

    /// A call waits or is open. Told, as is its end, under the lock of the connection's side: others only read the count.
    pub(super) fn begin(&self) {
        let count = self.in_flight.load(Ordering::Relaxed);
        self.in_flight.store(count + 1, Ordering::Relaxed);
    }

    /// One is no longer: what its caller is told.
    #[inline]
    pub(super) fn settle(&self, outcome: Outcome) -> Outcome {
        let count = self.in_flight.load(Ordering::Relaxed);
        self.in_flight.store(count - 1, Ordering::Relaxed);
        outcome.map_err(|status| self.named(status))
    }

    /// A status that says where it comes from.
    #[cold]
    pub(super) fn named(&self, status: Status) -> Status {
        if status.endpoint().is_none() {
            status.at_endpoint(Arc::clone(&self.endpoint))
        } else {
            status
        }
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health")
            .field("endpoint", &self.endpoint)
            .field("usable", &self.usable)
            .field("silent", &self.silent)
            .field("in_flight", &self.in_flight)
            .finish_non_exhaustive()
    }
}
