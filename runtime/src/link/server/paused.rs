//! Handlers that wait for something in the task of their connection.
//!
//! ```text
//!   handler ──pending──► Paused ◄──still pending──┐
//!                          │ its bell is rung     │
//!                          └──► Woken ──► polled ─┴─ready──► finish
//! ```
//!
//! A task of its own costs a handler its place in memory, two ways through a queue and a turn of the scheduler; here it is
//! polled where its answer is written. Those that compute for long once they go on are not kept here: see
//! [`Pace`](crate::link::Pace).

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::task::{Job, Stage};
use crate::context::Scope;
use crate::link::Outcome;
use crate::link::command::{Command, Commands, Key};
use crate::link::dispatch::{self, Dispatch};

/// Bells, and handlers that can go on, for which a connection keeps room while it is idle: none that is worth a KiB.
const KEPT: usize = 4;

/// What wakes a handler that waits here. It is used for one call after the other: who rings it for one that is over makes
/// another look in vain.
pub(super) struct Bell {
    rope: Arc<Pull>,
    waker: Waker,
}

/// What is pulled to ring a bell, from any thread.
struct Pull {
    commands: Commands,
    /// The number of the call in the upper half, and [`RUNG`].
    state: AtomicU64,
}

/// It has been rung since the call was last polled.
const RUNG: u64 = 1;

/// The state of a bell of this call that has not been rung.
#[inline]
fn silent(key: Key) -> u64 {
    u64::from(key.number()) << 32
}

impl Bell {
    fn new(commands: Commands) -> Self {
        let rope = Arc::new(Pull {
            commands,
            state: AtomicU64::new(RUNG),
        });
        let waker = Waker::from(Arc::clone(&rope));
        Self { rope, waker }
    }

    /// From now on it wakes this call, which nobody could have woken before.
    #[inline]
    fn set(&self, key: Key) {
        self.rope.state.store(silent(key), Ordering::Relaxed);
    }

    /// From now on it wakes the call anew.
    fn reset(&self, key: Key) {
        // What was done before it was rung is seen by the handler that is polled next.
        self.rope.state.swap(silent(key), Ordering::AcqRel);
    }

    pub(super) fn waker(&self) -> &Waker {
        &self.waker
    }
}

impl Wake for Pull {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let state = self.state.fetch_or(RUNG, Ordering::AcqRel);
        if state & RUNG == 0 {
            let key = Key::new((state >> 32) as u32);
            // A connection that has ended has no handlers.
            let _ = self.commands.send(Command::Woken { key });
        }
    }
}

/// The bells of a connection that no call has.
pub(super) struct Bells {
    commands: Commands,
    spare: Vec<Bell>,
    /// The calls whose bells were rung, in turn.
    pub(super) rung: VecDeque<Key>,
}

impl Bells {
    pub(super) fn new(commands: Commands) -> Self {
        Self {
            commands,
            spare: Vec::new(),
            rung: VecDeque::new(),
        }
    }

    /// The bell for a handler that is polled for the first time; it is [taken](Self::take) if it is pending.
    #[inline]
    pub(super) fn lend(&mut self, key: Key) -> &Bell {
        if self.spare.is_empty() {
            self.spare.push(Bell::new(self.commands.clone()));
        }
        let bell = &self.spare[self.spare.len() - 1];
        bell.set(key);
        bell
    }

    /// The bell that was lent last.
    pub(super) fn take(&mut self) -> Option<Bell> {
        self.spare.pop()
    }

    /// A call needs its bell no longer.
    pub(super) fn give_back(&mut self, bell: Bell) {
        self.spare.push(bell);
    }

    /// Gives the memory that a burst has left back.
    pub(super) fn rest(&mut self) {
        self.spare.truncate(KEPT);
        self.spare.shrink_to(KEPT);
        self.rung.shrink_to(KEPT);
    }
}

/// A handler that waits for something.
pub(super) struct Paused<D: Dispatch> {
    /// Nothing once it is done.
    pub(super) answer: Option<D::Answer>,
    pub(super) scope: Scope,
    pub(super) permit: Option<D::Permit>,
    /// The number of its route.
    pub(super) route: usize,
    pub(super) bell: Option<Bell>,
}

impl<D: Dispatch> Paused<D> {
    /// Polls it again.
    pub(super) fn poll(&mut self, dispatch: &D, target: &D::Target, key: Key) -> Poll<Outcome> {
        let Some(bell) = &self.bell else {
            return Poll::Pending;
        };
        bell.reset(key);
        let mut cx = Context::from_waker(bell.waker());
        dispatch::poll(dispatch, target, &mut self.scope, &mut self.answer, &mut cx)
    }

    /// What one leaves that is done.
    pub(super) fn leave(&mut self) -> Option<(D::Permit, Bell, Scope)> {
        let scope = std::mem::take(&mut self.scope);
        Some((self.permit.take()?, self.bell.take()?, scope))
    }

    /// The same handler, to be run beside its connection.
    pub(super) fn into_job(
        mut self,
        dispatch: &Arc<D>,
        target: &D::Target,
        key: Key,
        commands: &Commands,
    ) -> Job<D> {
        Job {
            dispatch: Arc::clone(dispatch),
            target: target.clone(),
            scope: std::mem::take(&mut self.scope),
            stage: Stage::Pending(self.answer.take()),
            permit: self.permit.take(),
            key,
            commands: commands.clone(),
        }
    }
}

impl<D: Dispatch> Drop for Paused<D> {
    fn drop(&mut self) {
        if let Some(answer) = self.answer.take() {
            let scope = &mut self.scope;
            // The hook has told of a panic in user code; it is not the connection's.
            let _ = catch_unwind(AssertUnwindSafe(|| scope.enter(|| drop(answer))));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::mailbox::{Receiver, mailbox};

    fn told(receiver: &mut Receiver<Command>) -> Vec<u32> {
        let mut told = Vec::new();
        while receiver.look().is_some() {
            match receiver.take() {
                Some(Command::Woken { key }) => told.push(key.number()),
                other => panic!("{other:?}"),
            }
        }
        told
    }

    #[test]
    fn a_bell_tells_once_of_the_call_that_has_it_now() {
        let (commands, mut receiver) = mailbox();
        let mut bells = Bells::new(commands);
        let waker = bells.lend(Key::new(1)).waker().clone();
        waker.wake_by_ref();
        waker.wake_by_ref();
        assert_eq!(told(&mut receiver), [1]);
        // It was not pending: the next call has the same, and what the last one left does not keep it silent.
        let kept = bells.lend(Key::new(2)).waker().clone();
        assert!(kept.will_wake(&waker));
        waker.wake_by_ref();
        kept.wake_by_ref();
        assert_eq!(told(&mut receiver), [2]);

        let taken = bells.take();
        let other = bells.lend(Key::new(u32::MAX)).waker().clone();
        assert!(!other.will_wake(&waker));
        other.wake();
        kept.wake();
        assert_eq!(told(&mut receiver), [u32::MAX]);
        drop(taken);
        waker.wake();
        assert_eq!(told(&mut receiver), [0_u32; 0]);
    }

    #[test]
    fn bells_of_a_burst_are_given_back() {
        let (commands, _receiver) = mailbox();
        let mut bells = Bells::new(commands);
        let taken: Vec<_> = (1..100)
            .map(|number| {
                bells.lend(Key::new(number));
                bells.take().unwrap()
            })
            .collect();
        for bell in taken {
            bells.give_back(bell);
        }
        assert_eq!(bells.spare.len(), 99);
        bells.rest();
        assert_eq!((bells.spare.len(), bells.spare.capacity()), (KEPT, KEPT));
    }
}
