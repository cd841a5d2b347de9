//! What a client remembers of an instance: calls in flight, and how long they take.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// How fast a latency is forgotten: Finagle's and linkerd2's choice, long enough to smooth over a garbage collection.
const DECAY: Duration = Duration::from_secs(10);

/// What a failure does to the latency of an instance: one failure costs it some share for 20 s, a row of them nearly
/// all of it within four calls. Factors are kinder to a single failure than a fixed penalty.
const PENALTY: f32 = 8.0;

/// The most that penalties add up to, in microseconds.
const WORST: f32 = 5e6;

/// How a call ended, as far as the health of the instance goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The instance answered, if only with an error of the application.
    Answered,
    /// The instance, or the way to it, failed: connection lost, deadline passed, overloaded, broken.
    Failed,
    /// The caller lost interest; says nothing of the instance.
    Abandoned,
}

/// What speaks against asking an instance, the least first.
///
/// ```text
///             silent while calls wait            given up
///   Good ─────────────────────────────▶ Suspect ─────────▶ Down
///    ▲ ◀──────── heard of again ───────────┘                │
///    └────────────────── a connection came about ───────────┘
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Standing {
    /// Nothing.
    #[default]
    Good = 0,
    /// It has given no sign of life for a while, though calls wait: others are asked where there are any.
    Suspect = 1,
    /// There is no way to it: it is asked where all others are no better.
    Down = 2,
}

/// What a client remembers of one instance. Lock-free; one per instance, shared by all lists of candidates.
#[derive(Debug)]
pub struct Load {
    in_flight: AtomicU32,
    standing: AtomicU8,
    /// Peak-EWMA latency in microseconds (`f32`, upper half) and when it was noted, in milliseconds (lower half, wraps
    /// after 49 days). 0 while nothing is known.
    latency: AtomicU64,
    /// The place in the smooth weighted round.
    pub(super) turn: AtomicI64,
}

impl Load {
    /// An instance that nothing is known of, nor against.
    pub const fn new() -> Self {
        Self {
            in_flight: AtomicU32::new(0),
            standing: AtomicU8::new(Standing::Good as u8),
            latency: AtomicU64::new(0),
            turn: AtomicI64::new(0),
        }
    }

    /// A call starts. Dropping the guard ends it as [`Outcome::Abandoned`].
    pub fn start(self: &Arc<Self>) -> InFlight {
        self.begin();
        InFlight(Some(Arc::clone(self)))
    }

    /// A call starts; one of the next two ends it.
    pub(crate) fn begin(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    /// A call ended at `now` after `latency`.
    pub(crate) fn end(&self, now: Duration, latency: Duration, outcome: Outcome) {
        self.abandon();
        if outcome != Outcome::Abandoned {
            self.note(now, latency, outcome);
        }
    }

    /// The caller of a call lost interest.
    pub(crate) fn abandon(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// Calls in flight.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// What speaks against it.
    #[inline]
    pub fn standing(&self) -> Standing {
        match self.standing.load(Ordering::Relaxed) {
            0 => Standing::Good,
            1 => Standing::Suspect,
            _ => Standing::Down,
        }
    }

    /// Says what speaks against it.
    pub fn set_standing(&self, standing: Standing) {
        self.standing.store(standing as u8, Ordering::Relaxed);
    }

    /// Whether nothing speaks against it.
    pub fn is_available(&self) -> bool {
        self.standing() == Standing::Good
    }

    /// Says whether there is a way to it.
    pub fn set_available(&self, available: bool) {
        self.set_standing(if available {
            Standing::Good
        } else {
            Standing::Down
        });
    }

    /// Peak-EWMA latency at `now`; `None` while nothing is known.
    pub fn latency(&self, now: Duration) -> Option<Duration> {
        self.cost(now)
            .map(|micros| Duration::from_secs_f32(micros / 1e6))
    }

    /// The same in microseconds.
    pub(super) fn cost(&self, now: Duration) -> Option<f32> {
        let packed = self.latency.load(Ordering::Relaxed);
        (packed != 0).then(|| {
            let (value, stamp) = unpack(packed);
            value * kept(stamp, millis(now))
        })
    }

    /// Peak EWMA (Finagle): a slower answer counts at once, faster ones bring the value down with time.
    fn note(&self, now: Duration, latency: Duration, outcome: Outcome) {
        let now = millis(now);
        let sample = latency.as_secs_f32() * 1e6;
        let update = |packed| {
            let (value, stamp) = unpack(packed);
            let kept = kept(stamp, now);
            let decayed = value * kept;
            let next = match outcome {
                Outcome::Failed => (decayed.max(sample) * PENALTY).min(WORST).max(sample),
                _ if sample >= decayed => sample,
                _ => decayed + sample * (1.0 - kept),
            };
            // Never 0, which means that nothing is known.
            Some(pack(next.max(f32::MIN_POSITIVE), now))
        };
        // The closure always gives a value, so the exchange cannot fail.
        let _ = self
            .latency
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, update);
    }
}

impl Default for Load {
    fn default() -> Self {
        Self::new()
    }
}

fn pack(value: f32, stamp: u32) -> u64 {
    u64::from(value.to_bits()) << 32 | u64::from(stamp)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "two halves are taken apart"
)]
fn unpack(packed: u64) -> (f32, u32) {
    (f32::from_bits((packed >> 32) as u32), packed as u32)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "differences are taken modulo 2^32"
)]
fn millis(now: Duration) -> u32 {
    now.as_millis() as u32
}

/// How much of a value noted at `stamp` is left at `now`. Threads may bring their times out of order; what seems to
/// lie in the future is now.
#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds beyond 2^24 leave nothing of the value anyway"
)]
fn kept(stamp: u32, now: u32) -> f32 {
    let elapsed = now.wrapping_sub(stamp);
    // Under load most calls end within the millisecond of the one before.
    if elapsed == 0 || elapsed > u32::MAX / 2 {
        return 1.0;
    }
    (-(elapsed as f32) / (DECAY.as_millis() as f32)).exp()
}

/// A call that is under way.
#[derive(Debug)]
#[must_use = "dropping it ends the call"]
pub struct InFlight(Option<Arc<Load>>);

impl InFlight {
    /// The call ended at `now` after `latency`.
    pub fn finish(mut self, now: Duration, latency: Duration, outcome: Outcome) {
        if let Some(load) = self.0.take() {
            load.end(now, latency, outcome);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some(load) = &self.0 {
            load.abandon();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn noted(load: &Arc<Load>, now: u32, latency: u32, outcome: Outcome) {
        load.start().finish(MS * now, MS * latency, outcome);
    }

    fn latency(load: &Load, now: u32) -> u128 {
        load.latency(MS * now).unwrap().as_millis()
    }

    #[test]
    fn a_slow_answer_counts_at_once_and_is_forgotten_with_time() {
        let load = Arc::new(Load::new());
        assert_eq!(load.latency(Duration::ZERO), None);
        noted(&load, 0, 10, Outcome::Answered);
        assert_eq!(latency(&load, 0), 10);
        noted(&load, 1, 1_000, Outcome::Answered);
        assert_eq!(latency(&load, 1), 1_000);
        noted(&load, 2, 10, Outcome::Answered);
        assert!(latency(&load, 2) > 990);
        assert!((360..375).contains(&latency(&load, 10_002)));
        for now in (10_002..100_000).step_by(100) {
            noted(&load, now, 10, Outcome::Answered);
        }
        assert!((9..=11).contains(&latency(&load, 100_000)));
    }

    #[test]
    fn failures_weigh_more_each_time_up_to_a_limit() {
        let load = Arc::new(Load::new());
        noted(&load, 0, 1, Outcome::Answered);
        let mut seen = Vec::new();
        for _ in 0..6 {
            noted(&load, 0, 1, Outcome::Failed);
            seen.push(latency(&load, 0));
        }
        assert_eq!(seen, [8, 64, 512, 4_096, 5_000, 5_000]);
    }

    #[test]
    fn calls_in_flight_end_however_they_end() {
        let load = Arc::new(Load::new());
        let (one, two, three) = (load.start(), load.start(), load.start());
        assert_eq!(load.in_flight(), 3);
        drop(one);
        two.finish(MS, MS, Outcome::Failed);
        three.finish(MS, MS, Outcome::Abandoned);
        assert_eq!(load.in_flight(), 0);
    }

    #[test]
    fn times_out_of_order_and_the_wrap_of_the_stamp_do_no_harm() {
        let load = Arc::new(Load::new());
        noted(&load, 5_000, 10, Outcome::Answered);
        assert_eq!(latency(&load, 4_000), 10);
        let wrap = Duration::from_millis(1 << 32);
        load.start().finish(wrap, 7 * MS, Outcome::Answered);
        assert!(load.latency(wrap).unwrap() >= 7 * MS);
    }
}
