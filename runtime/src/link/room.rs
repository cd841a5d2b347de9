//! How far a sender of messages may be ahead of its connection task, in bytes.
//!
//! The sender takes all the room there is at once and spends it by itself; the task gives back what the machine has taken.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// What one sender may have waiting in its connection task: enough to keep two fragments ready while one is written.
const SEND_AHEAD: usize = 64 * 1024;

/// ```text
///   new ──open──► some room ◄──give_back── no room: the sender sleeps
///    │                │ └────── take ─────────►│
///    └────────────────┴───────── close ────────┴──► closed
/// ```
#[derive(Debug)]
pub(super) struct Room(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    free: usize,
    closed: bool,
    sleeper: Option<Waker>,
}

impl Room {
    pub(super) fn new() -> Self {
        Self(Mutex::default())
    }

    /// The call is on the wire: from now on there is room.
    pub(super) fn open(&self) {
        self.give_back(SEND_AHEAD);
    }

    /// Takes all the room there is, or waits until there is some; `None` if the call has ended.
    pub(super) fn poll_take(&self, cx: &mut Context<'_>) -> Poll<Option<usize>> {
        let mut state = self.lock();
        if state.closed {
            return Poll::Ready(None);
        }
        if state.free == 0 {
            match &mut state.sleeper {
                Some(sleeper) => sleeper.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
            return Poll::Pending;
        }
        Poll::Ready(Some(std::mem::take(&mut state.free)))
    }

    /// Gives back what was taken.
    pub(super) fn give_back(&self, bytes: usize) {
        self.change(|state| state.free += bytes);
    }

    /// The call has ended.
    pub(super) fn close(&self) {
        self.change(|state| state.closed = true);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        let sleeper = state.sleeper.take();
        drop(state);
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that could panic runs under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
