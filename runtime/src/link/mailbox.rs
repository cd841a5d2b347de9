//! The way from those who hold the ends of a call to the connection task: a queue that is taken whole.
//!
//! One lock, held for the length of a push or a swap and never across anything else; a sender wakes the task only if it
//! sleeps. Knows nothing of what is sent.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Room that a queue keeps while its connection is idle: none that is worth a KiB.
const KEPT: usize = 4;

/// Both ends of a new mailbox.
pub(super) fn mailbox<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared(Mutex::new(State {
        queue: VecDeque::new(),
        sleeper: None,
        end: End::Open,
    })));
    let receiver = Receiver {
        shared: Arc::clone(&shared),
        taken: VecDeque::new(),
    };
    (Sender(Arc::new(Origin(shared))), receiver)
}

/// Puts things in. The mailbox is orphaned when the last clone is gone.
#[derive(Debug)]
pub(super) struct Sender<T>(Arc<Origin<T>>);

/// What all senders share; its end is theirs.
#[derive(Debug)]
struct Origin<T>(Arc<Shared<T>>);

/// Takes things out. Dropping it closes the mailbox.
#[derive(Debug)]
pub(super) struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// Taken out of the queue, and not yet given to anybody.
    taken: VecDeque<T>,
}

#[derive(Debug)]
struct Shared<T>(Mutex<State<T>>);

#[derive(Debug)]
struct State<T> {
    queue: VecDeque<T>,
    /// The receiver, where it waits.
    sleeper: Option<Waker>,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Open,
    /// No sender is left.
    Orphaned,
    /// The receiver takes nothing more.
    Closed,
}

/// What was not taken because the mailbox is closed.
#[derive(Debug)]
pub(super) struct Closed<T>(pub(super) T);

impl<T> Sender<T> {
    /// Puts `item` in.
    ///
    /// # Errors
    /// The item, when the receiver takes nothing more.
    pub(super) fn send(&self, item: T) -> Result<(), Closed<T>> {
        let state = self.0.0.lock();
        if state.end == End::Closed {
            return Err(Closed(item));
        }
        push(state, item);
        Ok(())
    }

    /// Wakes the receiver if it sleeps, for something that it finds elsewhere.
    pub(super) fn rouse(&self) {
        let sleeper = self.0.0.lock().sleeper.take();
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
    }
}

/// Puts `item` in and wakes the receiver if it sleeps, when the lock is open again.
fn push<T>(mut state: MutexGuard<'_, State<T>>, item: T) {
    state.queue.push_back(item);
    let sleeper = state.sleeper.take();
    drop(state);
    if let Some(sleeper) = sleeper {
        sleeper.wake();
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for Origin<T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if state.end == End::Open {
            state.end = End::Orphaned;
        }
        let sleeper = state.sleeper.take();
        drop(state);
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
    }
}

impl<T> Receiver<T> {
    /// Whether there is something to [take](Self::take), or will never be again; nobody is woken for what comes later.
    pub(super) fn look(&mut self) -> Option<Ready> {
        if !self.taken.is_empty() {
            return Some(Ready::Some);
        }
        let mut state = self.shared.lock();
        state.sleeper = None;
        state.ready(&mut self.taken)
    }

    /// Waits until there is something to take, or will never be again.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Ready> {
        if !self.taken.is_empty() {
            return Poll::Ready(Ready::Some);
        }
        let mut state = self.shared.lock();
        if let Some(ready) = state.ready(&mut self.taken) {
            return Poll::Ready(ready);
        }
        if !matches!(&state.sleeper, Some(sleeper) if sleeper.will_wake(cx.waker())) {
            state.sleeper = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// The next of what there is.
    pub(super) fn take(&mut self) -> Option<T> {
        self.taken.pop_front()
    }

    /// Takes nothing more, and gives what came before.
    pub(super) fn close(&mut self) -> impl Iterator<Item = T> + use<'_, T> {
        let mut state = self.shared.lock();
        state.end = End::Closed;
        state.sleeper = None;
        self.taken.extend(state.queue.drain(..));
        drop(state);
        self.taken.drain(..)
    }

    /// Gives the memory of a mailbox that is not used now back.
    pub(super) fn release(&mut self) {
        if self.taken.is_empty() {
            self.taken.shrink_to(KEPT);
        }
        let mut state = self.shared.lock();
        if state.queue.is_empty() {
            state.queue.shrink_to(KEPT);
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        // What still lies there may hold senders: it goes when the lock is open again.
        let left: Vec<T> = self.close().collect();
        drop(left);
    }
}

/// What a receiver may expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ready {
    /// There is something to take.
    Some,
    /// Nothing will come again.
    Never,
}

impl<T> State<T> {
    /// Moves what lies here to the receiver, which has `taken` everything before.
    fn ready(&mut self, taken: &mut VecDeque<T>) -> Option<Ready> {
        if !self.queue.is_empty() {
            std::mem::swap(&mut self.queue, taken);
            Some(Ready::Some)
        } else if self.end == End::Open {
            None
        } else {
            Some(Ready::Never)
        }
    }
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn drain(receiver: &mut Receiver<u32>, cx: &mut Context<'_>) -> Vec<u32> {
        let mut all = Vec::new();
        while receiver.poll_ready(cx) == Poll::Ready(Ready::Some) {
            all.extend(receiver.take());
        }
        all
    }

    #[test]
    fn a_sleeping_receiver_is_woken_once_for_all_that_comes_before_it_looks() {
        let wakes = Arc::new(Wakes::default());
        let waker = Arc::clone(&wakes).into();
        let mut cx = Context::from_waker(&waker);
        let (sender, mut receiver) = mailbox();
        for item in [1, 2] {
            sender.send(item).unwrap();
        }
        assert_eq!(drain(&mut receiver, &mut cx), [1, 2]);
        assert_eq!(wakes.0.load(Ordering::Relaxed), 0, "it was not asleep");
        for item in [3, 4, 5] {
            sender.clone().send(item).unwrap();
        }
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        assert_eq!(drain(&mut receiver, &mut cx), [3, 4, 5]);
    }

    #[test]
    fn a_receiver_that_only_looks_is_not_woken() {
        let wakes = Arc::new(Wakes::default());
        let waker = Arc::clone(&wakes).into();
        let (sender, mut receiver) = mailbox();
        assert!(
            receiver
                .poll_ready(&mut Context::from_waker(&waker))
                .is_pending()
        );
        assert_eq!(receiver.look(), None);
        sender.send(1).unwrap();
        assert_eq!(wakes.0.load(Ordering::Relaxed), 0);
        assert_eq!(receiver.look(), Some(Ready::Some));
        assert_eq!(receiver.take(), Some(1));
    }

    #[test]
    fn the_end_of_the_last_sender_is_told_behind_what_it_sent() {
        let wakes = Arc::new(Wakes::default());
        let waker = Arc::clone(&wakes).into();
        let mut cx = Context::from_waker(&waker);
        let (sender, mut receiver) = mailbox();
        let other = sender.clone();
        assert!(receiver.poll_ready(&mut cx).is_pending());
        drop(sender);
        assert!(receiver.poll_ready(&mut cx).is_pending());
        other.send(7).unwrap();
        drop(other);
        assert_eq!(drain(&mut receiver, &mut cx), [7]);
        assert_eq!(receiver.poll_ready(&mut cx), Poll::Ready(Ready::Never));
        assert!(wakes.0.load(Ordering::Relaxed) > 0);
    }

    #[test]
    fn a_closed_mailbox_gives_up_what_it_holds_and_takes_nothing() {
        let (sender, mut receiver) = mailbox();
        sender.send(1).unwrap();
        assert_eq!(receiver.close().collect::<Vec<_>>(), [1]);
        assert!(matches!(sender.send(2), Err(Closed(2))));
    }

    #[test]
    fn a_sleeping_receiver_is_roused_for_what_lies_elsewhere() {
        let wakes = Arc::new(Wakes::default());
        let waker = Arc::clone(&wakes).into();
        let (sender, mut receiver) = mailbox::<u32>();
        assert!(
            receiver
                .poll_ready(&mut Context::from_waker(&waker))
                .is_pending()
        );
        for _ in 0..2 {
            sender.rouse();
            assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        }
        assert_eq!(receiver.look(), None);
    }

    #[test]
    fn an_idle_mailbox_keeps_no_room() {
        let (sender, mut receiver) = mailbox();
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..2 {
            for item in 0..1_000 {
                sender.send(item).unwrap();
            }
            assert_eq!(drain(&mut receiver, &mut cx).len(), 1_000);
        }
        receiver.release();
        assert!(receiver.taken.capacity() + receiver.shared.lock().queue.capacity() < 32);
    }
}
