//! The latencies of a method's calls, gathered by all threads without a lock, and the limit that follows from them.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::gradient::{Gradient, Window};

/// A window has this length at least, in µs: some calls of 10 ms one after the other.
const LENGTH: u64 = 100_000;

/// It has so many calls at least: their mean is within a seventh then, where they spread as waiting times do.
const CALLS: u64 = 50;

/// After so long fewer are enough, in µs.
const LONG: u64 = 2_000_000;

/// So many.
const FEW: u64 = 10;

/// What counts of one call at most, in µs: the sum of the squares of a window is far from the end of 64 bits.
const MOST: u64 = 60_000_000;

/// How long what calls need is believed without a call that shows it again.
const FRESH: Duration = Duration::from_secs(1);

/// Windows of latencies.
#[derive(Debug)]
pub(crate) struct Adaptive {
    start: Instant,
    limit: AtomicU32,
    /// Calls that began before, in µs since the start, say nothing of the limit in force.
    since: AtomicU64,
    calls: AtomicU64,
    /// In µs.
    sum: AtomicU64,
    squares: AtomicU64,
    /// Calls that were answered, whenever they began.
    answered: AtomicU64,
    least: AtomicU32,
    pressed: AtomicBool,
    /// A call has been answered without waiting for anything.
    quick: AtomicBool,
    /// What the fastest calls need, in µs; 0 if it is not known.
    needs: AtomicU32,
    gradient: Mutex<Gradient>,
}

impl Adaptive {
    pub(crate) fn new(least: u32, most: Option<u32>, start: Instant) -> Self {
        let gradient = Gradient::new(least, most);
        Self {
            start,
            limit: AtomicU32::new(gradient.limit()),
            since: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            sum: AtomicU64::new(0),
            squares: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            least: AtomicU32::new(u32::MAX),
            pressed: AtomicBool::new(false),
            quick: AtomicBool::new(false),
            needs: AtomicU32::new(0),
            gradient: Mutex::new(gradient),
        }
    }

    /// Keeps to other bounds from now on.
    pub(crate) fn bound(&self, least: u32, most: Option<u32>) {
        let mut gradient = self.gradient();
        gradient.bound(least, most);
        self.limit.store(gradient.limit(), Ordering::Relaxed);
    }

    /// The most calls that may run at once.
    #[inline]
    pub(crate) fn limit(&self) -> u32 {
        self.limit.load(Ordering::Relaxed)
    }

    /// The limit has kept a call out.
    pub(crate) fn press(&self) {
        if !self.pressed.load(Ordering::Relaxed) {
            self.pressed.store(true, Ordering::Relaxed);
        }
    }

    /// A call was answered without waiting for anything.
    #[inline]
    pub(crate) fn quick(&self) {
        if !self.quick.load(Ordering::Relaxed) {
            self.quick.store(true, Ordering::Relaxed);
            self.needs.store(0, Ordering::Relaxed);
        }
    }

    /// Whether less is left than the fastest of the recent calls needed, where that is known.
    #[inline]
    pub(crate) fn is_too_late(&self, deadline: Instant, now: Instant) -> bool {
        self.needs.load(Ordering::Relaxed) != 0
            && self.needs(now).is_some_and(|needs| deadline < now + needs)
    }

    pub(super) fn needs(&self, now: Instant) -> Option<Duration> {
        let micros = self.needs.load(Ordering::Relaxed);
        let since = Duration::from_micros(self.since.load(Ordering::Relaxed));
        let age = now.saturating_duration_since(self.start + since);
        (micros > 0 && age < FRESH).then(|| Duration::from_micros(micros.into()))
    }

    /// How long calls take that do not wait for each other, where it is known.
    pub(crate) fn baseline(&self) -> Option<Duration> {
        self.gradient().baseline()
    }

    /// A call has ended that had to wait for something, by an answer or because nobody waited for one; `running` go on.
    pub(crate) fn ended(&self, began: Instant, now: Instant, answered: bool, running: u32) {
        if answered {
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
        let since = self.since.load(Ordering::Relaxed);
        let began = self.micros(began);
        if began < since {
            return;
        }
        let now = self.micros(now);
        let took = now.saturating_sub(began).min(MOST);
        self.sum.fetch_add(took, Ordering::Relaxed);
        self.squares.fetch_add(took * took, Ordering::Relaxed);
        let least = u32::try_from(took).unwrap_or(u32::MAX);
        if answered && least < self.least.load(Ordering::Relaxed) {
            self.least.fetch_min(least, Ordering::Relaxed);
        }
        let calls = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let length = now.saturating_sub(since);
        if (calls >= CALLS && length >= LENGTH) || (calls >= FEW && length >= LONG) {
            // Whoever comes second to this has nothing to add.
            if let Ok(gradient) = self.gradient.try_lock() {
                self.close(gradient, Duration::from_micros(length), now, running);
            }
        }
    }

    /// Another thread may count a call among the old ones or the new: it is one of many.
    #[expect(
        clippy::cast_precision_loss,
        reason = "sums of some thousand latencies are far from the 53 bits of a float"
    )]
    fn close(
        &self,
        mut gradient: MutexGuard<'_, Gradient>,
        length: Duration,
        now: u64,
        running: u32,
    ) {
        let calls = self.calls.swap(0, Ordering::Relaxed);
        let sum = self.sum.swap(0, Ordering::Relaxed) as f64;
        let squares = self.squares.swap(0, Ordering::Relaxed) as f64;
        let answered = self.answered.swap(0, Ordering::Relaxed) as f64;
        let least = self.least.swap(u32::MAX, Ordering::Relaxed);
        if calls == 0 {
            return;
        }
        let calls = calls as f64;
        let mean = sum / calls;
        let variance = (squares / calls - mean * mean).max(0.0);
        // Little: what ran at once is what all of them took by how long it took.
        let together = sum / 1e6 / length.as_secs_f64();
        gradient.learn(&Window {
            length,
            mean: mean / 1e6,
            error: (variance / calls).sqrt() / 1e6,
            running: together.max(running.into()),
            rate: answered / length.as_secs_f64(),
            pressed: self.pressed.swap(false, Ordering::Relaxed),
        });
        let quick = self.quick.swap(false, Ordering::Relaxed);
        // Where nobody was answered nothing is known.
        let needs = if quick || least == u32::MAX { 0 } else { least };
        self.needs.store(needs, Ordering::Relaxed);
        self.limit.store(gradient.limit(), Ordering::Relaxed);
        self.since.store(now, Ordering::Relaxed);
    }

    fn micros(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.start);
        since.as_secs() * 1_000_000 + u64::from(since.subsec_micros())
    }

    fn gradient(&self) -> MutexGuard<'_, Gradient> {
        // No statement under the lock leaves it half done.
        self.gradient.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn calls_that_take_longer_the_more_of_them_run_are_limited() {
        let start = crate::resilience::origin();
        let adaptive = Adaptive::new(4, None, start);
        let mut now = start;
        // Ten at once in 10 ms.
        for _ in 0..100 {
            let began = now;
            now += ms(10);
            for _ in 0..10 {
                adaptive.ended(began, now, true, 10);
            }
        }
        assert_eq!(adaptive.limit(), u32::MAX);
        assert_eq!(adaptive.needs(now), Some(ms(10)));
        assert_eq!(adaptive.needs(now + FRESH), None);
        // A hundred at once, which ten places serve: 100 ms.
        for _ in 0..500 {
            now += ms(10);
            let running = adaptive.limit().min(100);
            adaptive.press();
            for _ in 0..running.min(10) {
                let took = ms(running.max(10).into());
                let began = now.checked_sub(took).unwrap();
                adaptive.ended(began, now, true, running);
            }
        }
        assert!((8..=30).contains(&adaptive.limit()), "{}", adaptive.limit());
    }

    #[test]
    fn a_method_that_is_also_quick_needs_nothing() {
        let start = crate::resilience::origin();
        let adaptive = Adaptive::new(4, None, start);
        let mut now = start;
        for _ in 0..100 {
            let began = now;
            now += ms(10);
            adaptive.ended(began, now, true, 1);
            adaptive.quick();
        }
        assert_eq!(adaptive.needs(now), None);
    }
}
