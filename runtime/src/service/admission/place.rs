//! What a call that was let in holds, and what one holds that waits to be.

use std::cmp::Reverse;
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::callers::Counted;
use super::gate::{Gate, Taken};
use crate::contract::Priority;
use crate::link;
use crate::status::Status;

/// The place of a call that runs. Given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    gate: Arc<Gate>,
    taken: Taken,
    /// The part of it that is its caller's.
    caller: Option<Box<Counted>>,
    /// When the call began, once it has waited for something.
    began: Option<Instant>,
    /// When it had its answer.
    answered: Option<Instant>,
}

impl Permit {
    pub(super) fn new(gate: &Arc<Gate>, taken: Taken, caller: Option<Box<Counted>>) -> Self {
        Self {
            gate: Arc::clone(gate),
            taken,
            caller,
            began: None,
            answered: None,
        }
    }

    /// The call goes on beside its connection: how long it takes from `began` on says something.
    pub(super) fn lasts(mut self, began: Instant) -> Self {
        self.began = Some(began);
        self
    }

    /// The call ends by an answer now.
    pub(crate) fn answered(mut self, now: Instant) {
        self.answered = Some(now);
    }

    pub(super) fn of_caller(mut self, caller: Option<Box<Counted>>) -> Self {
        self.caller = caller;
        self
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.caller = None;
        let ended = |began| (began, self.answered.unwrap_or_else(link::now));
        let timed = self.began.map(ended);
        self.gate.left(self.taken, timed, self.answered.is_some());
    }
}

/// What a call that waits has been told.
#[derive(Debug, Default)]
pub(super) enum Told {
    /// Nothing yet.
    #[default]
    Nothing,
    /// It has a place.
    Place(Permit),
    /// It has waited for too long.
    Late,
}

/// Where a call that waits is told.
pub(super) struct Slot {
    until: Option<Instant>,
    told: Mutex<Told>,
    wake: link::Wake,
}

impl Slot {
    pub(super) fn new(until: Option<Instant>, wake: link::Wake) -> Self {
        Self {
            until,
            told: Mutex::default(),
            wake,
        }
    }

    pub(super) fn until(&self) -> Option<Instant> {
        self.until
    }

    /// It has a place, or none in time.
    pub(super) fn tell(&self, what: Told) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = what;
        (self.wake)();
    }

    fn take(&self) -> Told {
        mem::take(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}

/// The place of a call in a line. It leaves the line when this is dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(super) gate: Arc<Gate>,
    pub(super) slot: Arc<Slot>,
    pub(super) place: (Reverse<Priority>, usize),
    pub(super) number: u64,
    pub(super) since: Instant,
    pub(super) caller: Option<Box<Counted>>,
    /// Why it waits, and the number that was reached.
    pub(super) refused: (super::Refusal, u32),
}

impl Ticket {
    /// What became of it: a place, or why there was none in time. Whoever asks waits no longer.
    pub(super) fn claim(mut self, now: Instant) -> Result<Permit, Status> {
        // Out of the line first: nobody tells it anything then.
        self.gate.pool().leave(self.place, self.number, now);
        match self.slot.take() {
            Told::Place(permit) => Ok(permit.of_caller(self.caller.take())),
            _ if self.slot.until().is_some_and(|until| until <= now) => {
                Err(self
                    .gate
                    .late((super::Refusal::Deadline, 0), self.since, now))
            }
            Told::Nothing | Told::Late => Err(self.gate.late(self.refused, self.since, now)),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.gate.pool().leave(self.place, self.number, link::now());
        // The place that it may have got meanwhile goes back, outside of any lock.
        drop(self.slot.take());
    }
}
