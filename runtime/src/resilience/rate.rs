//! How many calls per second, of all callers together and of each: by `governor`, whose clock is handed the time.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::HashMapStateStore;
use governor::state::{InMemoryState, NotKeyed};
use governor::{NotUntil, Quota, RateLimiter};

/// Callers before those are let go of whose allowance is full again.
const SWEEP: usize = 1_000;

/// A clock that is told the time.
#[derive(Clone, Debug)]
struct Told {
    start: Instant,
    /// Since then, in nanoseconds.
    now: Arc<AtomicU64>,
}

impl Told {
    fn new(start: Instant) -> Self {
        Self {
            start,
            now: Arc::default(),
        }
    }

    fn tell(&self, now: Instant) {
        let since = now.saturating_duration_since(self.start).as_nanos();
        let since = u64::try_from(since).unwrap_or(u64::MAX);
        self.now.fetch_max(since, Ordering::Relaxed);
    }
}

impl Clock for Told {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::new(self.now.load(Ordering::Relaxed))
    }
}

type Limiter<K, S> = RateLimiter<K, S, Told, NoOpMiddleware<Nanos>>;

/// A bound for calls per second; as many may come at once.
#[derive(Debug)]
pub(crate) struct Rate {
    limiter: Limiter<NotKeyed, InMemoryState>,
    clock: Told,
}

impl Rate {
    pub(crate) fn new(per_second: NonZeroU32, start: Instant) -> Self {
        let clock = Told::new(start);
        Self {
            limiter: RateLimiter::direct_with_clock(Quota::per_second(per_second), clock.clone()),
            clock,
        }
    }

    /// Takes one; else how long until there is one again.
    pub(crate) fn take(&self, now: Instant) -> Result<(), Duration> {
        self.clock.tell(now);
        self.limiter.check().map_err(|not| left(&not, &self.clock))
    }
}

/// The same for each caller.
#[derive(Debug)]
pub(crate) struct CallerRate {
    limiter: Limiter<Arc<str>, HashMapStateStore<Arc<str>>>,
    clock: Told,
    /// At so many callers those are let go of that have not called for long.
    sweep: AtomicUsize,
}

impl CallerRate {
    pub(crate) fn new(per_second: NonZeroU32, start: Instant) -> Self {
        let clock = Told::new(start);
        let store = HashMapStateStore::default();
        Self {
            limiter: RateLimiter::new(Quota::per_second(per_second), store, clock.clone()),
            clock,
            sweep: AtomicUsize::new(SWEEP),
        }
    }

    /// Takes one of `caller`'s; else how long until there is one again.
    pub(crate) fn take(&self, caller: &Arc<str>, now: Instant) -> Result<(), Duration> {
        self.clock.tell(now);
        if self.limiter.len() > self.sweep.load(Ordering::Relaxed) {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
            let next = (self.limiter.len() * 2).max(SWEEP);
            self.sweep.store(next, Ordering::Relaxed);
        }
        let taken = self.limiter.check_key(caller);
        taken.map_err(|not| left(&not, &self.clock))
    }
}

fn left(not: &NotUntil<Nanos>, clock: &Told) -> Duration {
    not.wait_time_from(clock.now())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn per_second(number: u32) -> NonZeroU32 {
        NonZeroU32::new(number).unwrap()
    }

    #[test]
    fn a_second_worth_of_calls_may_come_at_once_and_then_one_at_a_time() {
        let start = crate::resilience::origin();
        let rate = Rate::new(per_second(10), start);
        for _ in 0..10 {
            rate.take(start).unwrap();
        }
        let wait = rate.take(start).unwrap_err();
        assert_eq!(wait, Duration::from_millis(100));
        rate.take(start + wait).unwrap();
        rate.take(start + wait).unwrap_err();
        let taken = (0..100)
            .filter(|at| {
                rate.take(start + Duration::from_millis(100 + 10 * at))
                    .is_ok()
            })
            .count();
        assert_eq!(taken, 9);
    }

    #[test]
    fn callers_have_allowances_of_their_own_and_are_forgotten() {
        let start = crate::resilience::origin();
        let rate = CallerRate::new(per_second(1), start);
        let (checkout, search) = ("checkout".into(), "search".into());
        rate.take(&checkout, start).unwrap();
        rate.take(&checkout, start).unwrap_err();
        rate.take(&search, start).unwrap();
        for number in 0..10_000 {
            let caller = format!("10.0.{number}").into();
            let now = start + Duration::from_secs(2 * number);
            rate.take(&caller, now).unwrap();
        }
        assert!(rate.limiter.len() <= SWEEP + 1);
    }
}
