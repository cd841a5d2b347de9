//! Where the calls of a method run, and what is known of how long they compute.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Where the calls of a method run.
///
/// A call whose handler waits for something stays where it is while its method computes for short once it goes on, and has a
/// task of its own from then on otherwise; with streams it always has one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Placement {
    /// As [`Placement::Inline`] while the method computes for short. Once it was seen to compute for more than 100 µs at a
    /// time, its calls begin on threads for blocking work, and have tasks of their own when they first wait for something;
    /// until it no longer does. Where it computes for more than 25 µs at a time after it has waited, its calls have tasks of
    /// their own from when they wait.
    #[default]
    Learned,
    /// In the task of the connection to its end: the cheapest, and for as long as such a call computes, its connection stands
    /// still.
    Inline,
    /// Each in a task of its own from the start: other calls of the connection go on, if the runtime has another thread.
    Spawned,
    /// Each on a thread for blocking work ([`tokio::task::spawn_blocking`]) to its end: for handlers that block their thread.
    /// Such a thread cannot be cancelled: when its call is, the handler goes on until it next awaits.
    Blocking,
}

/// Where one call runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Connection,
    Task,
    /// On a thread, until it waits for something.
    ThreadFirst,
    /// On a thread to its end.
    Thread,
}

/// A poll that takes longer holds up its connection: what a task of its own costs is below a hundredth of it, and it is
/// about what a call takes on its way through a network anyway.
pub(super) const LONG: Duration = Duration::from_micros(100);

/// The same for a handler that goes on after it has waited, which may as well have a task: what that costs is below a
/// twentieth of it, and tasks can go on side by side on several threads.
const LONG_LATER: Duration = Duration::from_micros(25);

/// What one poll counts at most, as a multiple of what is long. A thread that was taken off its core makes any method look long
/// once; with the weight below it takes two such polls among nine.
const MOST: u32 = 6;

/// Threads that compute for one method at once. More than most machines have cores; the runtime has 512 for all purposes, and
/// what comes beyond is spawned.
const THREADS: usize = 32;

/// Polls of a method that are timed one by one when it may have been what took long, and at first: as many as the mean
/// remembers.
const CLOSELY: u32 = 64;

/// Share of the newest poll in the mean, as a shift: an eighth.
const INLINE_SHIFT: u32 = 3;

/// The same for a method that has been moved: it comes back after a hundred short polls, not after a few by chance.
const MOVED_SHIFT: u32 = 5;

/// The bit that says that the method has been moved; below it is the mean.
const MOVED: u32 = 1 << 31;

/// What is known of one method of an offer; all connections share it.
#[derive(Debug)]
pub(crate) struct Pace {
    placement: Placement,
    /// How long first polls take.
    first: Mean,
    /// How long those take that come after a handler has waited.
    later: Mean,
    /// Shared with each thread that computes for it.
    computing: Arc<()>,
}

impl Pace {
    pub(crate) fn new(placement: Placement) -> Self {
        Self {
            placement,
            first: Mean::default(),
            later: Mean::default(),
            computing: Arc::default(),
        }
    }

    /// Where the next call runs.
    pub(super) fn place(&self) -> Place {
        match self.placement {
            Placement::Learned if !self.first.is_moved() => Place::Connection,
            Placement::Inline => Place::Connection,
            Placement::Learned if Arc::strong_count(&self.computing) > THREADS => Place::Task,
            Placement::Learned => Place::ThreadFirst,
            Placement::Spawned => Place::Task,
            Placement::Blocking => Place::Thread,
        }
    }

    /// Whether a call that has begun in the task of its connection stays there while it waits.
    pub(super) fn stays(&self) -> bool {
        self.placement == Placement::Inline || !self.later.is_moved()
    }

    /// Held by a thread for as long as it computes for the method.
    pub(super) fn computing(&self) -> Arc<()> {
        Arc::clone(&self.computing)
    }

    /// Whether its next first poll is to be timed.
    pub(super) fn is_suspect(&self) -> bool {
        self.placement == Placement::Learned && self.first.is_suspect()
    }

    /// Whether its next poll of a handler that has waited is to be timed.
    pub(super) fn is_suspect_later(&self) -> bool {
        self.placement == Placement::Learned && self.later.is_suspect()
    }

    /// It may have been what took long.
    pub(super) fn suspect(&self) {
        self.first.suspect();
        self.later.suspect();
    }

    /// Learns from a first poll that was timed.
    pub(super) fn learn(&self, took: Duration) {
        self.first.learn(took, LONG);
    }

    /// Learns from the poll of a handler that has waited, which was timed.
    pub(super) fn learn_later(&self, took: Duration) {
        self.later.learn(took, LONG_LATER);
    }
}

/// How long polls take.
#[derive(Debug)]
struct Mean {
    /// The mean in nanoseconds, and [`MOVED`].
    ///
    /// Connections on several threads may lose each other's updates: it is an estimate.
    state: AtomicU32,
    /// Polls still to be timed one by one. Looking at the clock costs a twentieth of a small call.
    suspicion: AtomicU32,
}

impl Default for Mean {
    fn default() -> Self {
        Self {
            state: AtomicU32::new(0),
            suspicion: AtomicU32::new(CLOSELY),
        }
    }
}

impl Mean {
    fn is_moved(&self) -> bool {
        self.state.load(Ordering::Relaxed) & MOVED != 0
    }

    fn is_suspect(&self) -> bool {
        self.suspicion.load(Ordering::Relaxed) > 0
    }

    fn suspect(&self) {
        self.suspicion.store(CLOSELY, Ordering::Relaxed);
    }

    fn learn(&self, took: Duration, long: Duration) {
        let suspicion = self.suspicion.load(Ordering::Relaxed);
        let state = self.state.load(Ordering::Relaxed);
        // One that has been moved is timed for as long as it is.
        if state & MOVED == 0 && took <= long {
            let left = suspicion.saturating_sub(1);
            self.suspicion.store(left, Ordering::Relaxed);
        } else if suspicion != CLOSELY {
            self.suspect();
        }
        let next = learned(state, nanos(took), nanos(long));
        // Others read it: they need not when nothing is new.
        if next != state {
            self.state.store(next, Ordering::Relaxed);
        }
    }
}

fn nanos(time: Duration) -> u32 {
    u32::try_from(time.as_nanos()).unwrap_or(u32::MAX)
}

/// ```text
///   inline ──mean over `long`──► moved
///     ▲                           │
///     └──mean under half of it────┘
/// ```
fn learned(state: u32, took: u32, long: u32) -> u32 {
    let (moved, mean) = (state & MOVED, state & !MOVED);
    let shift = if moved == 0 {
        INLINE_SHIFT
    } else {
        MOVED_SHIFT
    };
    let mean = mean - (mean >> shift) + (took.min(MOST * long) >> shift);
    let moved = if moved == 0 {
        mean > long
    } else {
        mean >= long / 2
    };
    mean | if moved { MOVED } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MICRO: u32 = 1_000;
    const MILLI: u32 = 1_000 * MICRO;

    /// Whether a method has been moved after polls of these lengths.
    fn after(polls: impl IntoIterator<Item = u32>) -> bool {
        let long = nanos(LONG);
        let state = polls
            .into_iter()
            .fold(0, |state, took| learned(state, took, long));
        state & MOVED != 0
    }

    #[test]
    fn two_long_polls_move_a_method_and_one_does_not_however_long() {
        assert!(!after([5 * MILLI]));
        assert!(after([5 * MILLI, 5 * MILLI]));
        assert!(!after([u32::MAX]));
        let among_short = [20 * MICRO; 30].into_iter().chain([u32::MAX]);
        assert!(!after(among_short));
        let every_eighth = (0..32).map(|poll| if poll % 8 == 7 { 5 * MILLI } else { MICRO });
        assert!(after(every_eighth));
    }

    #[test]
    fn the_bound_is_a_mean_of_a_hundred_microseconds() {
        assert!(!after([99 * MICRO; 1_000]));
        assert!(after([102 * MICRO; 1_000]));
    }

    #[test]
    fn a_moved_method_comes_back_after_many_short_polls() {
        let moved = || [5 * MILLI; 10].into_iter();
        assert!(after(moved().chain([MICRO; 10])));
        assert!(!after(moved().chain([MICRO; 150])));
        // Between the bounds it stays as it is.
        assert!(after(moved().chain([75 * MICRO; 1_000])));
        assert!(!after([75 * MICRO; 1_000]));
    }

    #[test]
    fn what_is_set_is_not_learned() {
        for (placement, place) in [
            (Placement::Inline, Place::Connection),
            (Placement::Spawned, Place::Task),
            (Placement::Blocking, Place::Thread),
        ] {
            let pace = Pace::new(placement);
            for took in [Duration::ZERO, Duration::from_secs(100)] {
                for _ in 0..100 {
                    pace.learn(took);
                }
                assert_eq!(pace.place(), place);
            }
        }
    }
}
