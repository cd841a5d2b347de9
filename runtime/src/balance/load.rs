//! What a client remembers of an instance: calls in flight, and how long they take.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::PickContext;

/// How fast a latency is forgotten: a third of it is left after this. Long enough that a short pause of a machine hardly
/// counts; short enough that an instance that is thought to be slow, and gets few calls, is soon asked again.
///
/// In milliseconds.
const DECAY: f32 = 5_000.0;

/// What a failure does to the latency of an instance: one failure costs it some share for 7 s, a row of them nearly
/// all of it within four calls. Factors are kinder to a single failure than a fixed penalty.
const PENALTY: f32 = 8.0;

/// Answers after which a latency is known. The first ones of a process that fills its caches say little, and an instance
/// that is thought to be slow gets few calls to show that it is not.
const KNOWN: u32 = 32;

/// The most that one answer counts, as a multiple of what is known. A pause of some machine, which all calls that are under
/// way there feel, counts for what it is; an instance that has become slow is found by its next answers, and before
/// by its calls in flight.
const OUTLIER: f32 = 8.0;

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

/// What speaks against asking an instance, the least first: the worst of what is known of the way to it, and of how it
/// answers.
///
/// ```text
///             silent while calls wait            given up
///   Good ─────────────────────────────▶ Suspect ─────────▶ Down
///    ▲ ◀──────── heard of again ───────────┘                │
///    └────────────────── a connection came about ───────────┘
///
///             its circuit breaker opens
///   Good, Suspect ─────────────────────▶ Ejected
///        ▲ ◀──────── closes ────────────────┘
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Standing {
    /// Nothing.
    #[default]
    Good = 0,
    /// It has given no sign of life for a while, though calls wait: others are asked where there are any.
    Suspect = 1,
    /// It answers with failures, or late: others are asked where there are any, until its circuit breaker closes.
    Ejected = 2,
    /// There is no way to it: it is asked where all others are no better.
    Down = 3,
}

/// The bits of a state that say how the way to an instance stands.
const WAY: u32 = 0xFF;

/// The bit that says that its circuit breaker is open.
const OPEN: u32 = 1 << 8;

/// Where the part of its share that it has lost stands, in 256ths.
const LOST: u32 = 16;

/// What a client remembers of one instance. Lock-free; one per instance, shared by all lists of candidates.
#[derive(Debug)]
pub struct Load {
    in_flight: AtomicU32,
    /// 0 where nothing speaks against it and its share is whole, so that a pick reads it once.
    state: AtomicU32,
    /// Average latency in microseconds (`f32`, 32 bits), of how many answers (8 bits, 255 at most), and when it was noted, in
    /// milliseconds (24 bits, wraps after 4 h). 0 while there was none.
    latency: AtomicU64,
    /// The place in the smooth weighted round.
    pub(super) turn: AtomicI64,
}

impl Load {
    /// An instance that nothing is known of, nor against.
    pub const fn new() -> Self {
        Self {
            in_flight: AtomicU32::new(0),
            state: AtomicU32::new(0),
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
        standing(self.state.load(Ordering::Relaxed))
    }

    /// Says how the way to it stands.
    pub fn set_standing(&self, standing: Standing) {
        self.change(WAY, standing as u32);
    }

    /// How the way to it stands, whatever its circuit breaker says.
    pub(crate) fn way(&self) -> Standing {
        standing(self.state.load(Ordering::Relaxed) & WAY)
    }

    /// Says whether its circuit breaker is open, and which part of its share it keeps, in 256ths.
    pub(crate) fn set_ejected(&self, open: bool, keeps: u32) {
        let lost = 256_u32.saturating_sub(keeps) << LOST;
        self.change(!WAY, if open { OPEN | lost } else { lost });
    }

    /// The part of its share that it keeps, in 256ths.
    pub(crate) fn keeps(&self) -> u32 {
        256 - (self.state.load(Ordering::Relaxed) >> LOST)
    }

    fn change(&self, bits: u32, to: u32) {
        let update = |state| Some(state & !bits | to);
        // The closure always gives something.
        let _ = self
            .state
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, update);
    }

    /// Whether it may take this call, that `draw` stands for. Of the calls that would be its share it takes the part that it
    /// keeps.
    #[inline]
    pub(super) fn admits(&self, context: &PickContext<'_>, draw: impl FnOnce() -> u64) -> bool {
        let state = self.state.load(Ordering::Relaxed);
        state == 0 || admits(state, context, draw)
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

    /// Average latency at `now`, what is long ago weighing less; `None` while nothing is known.
    pub fn latency(&self, now: Duration) -> Option<Duration> {
        self.cost(now)
            .map(|micros| Duration::from_secs_f32(micros / 1e6))
    }

    /// Average latency of the last answers however long ago they came; `None` while nothing is known.
    pub(crate) fn last_latency(&self) -> Option<Duration> {
        let noted = Noted::unpack(self.latency.load(Ordering::Relaxed));
        let known = noted.answers >= KNOWN && noted.micros.is_finite();
        known.then(|| Duration::from_secs_f32(noted.micros / 1e6))
    }

    /// Forgets how long answers took: what follows has nothing to do with it.
    pub(crate) fn forget_latency(&self) {
        self.latency.store(0, Ordering::Relaxed);
    }

    /// The same at `now` in microseconds, what is long ago weighing less.
    pub(super) fn cost(&self, now: Duration) -> Option<f32> {
        let noted = Noted::unpack(self.latency.load(Ordering::Relaxed));
        (noted.answers >= KNOWN).then(|| noted.micros * kept(noted.stamp, millis(now)))
    }

    /// An average over the last seconds: each answer counts for the time since the one before, so that neither a busy second
    /// nor a lonely outlier decides. A failure makes the instance look slower at once.
    fn note(&self, now: Duration, latency: Duration, outcome: Outcome) {
        let now = millis(now);
        let sample = latency.as_secs_f32() * 1e6;
        let update = |packed| {
            let before = Noted::unpack(packed);
            let kept = kept(before.stamp, now);
            let after = if outcome == Outcome::Failed {
                let known = (before.micros * kept).max(sample);
                Noted {
                    micros: (known * PENALTY).min(WORST).max(sample),
                    answers: MOST,
                    stamp: now,
                }
            } else {
                before.and(sample, kept, now)?
            };
            Some(after.pack())
        };
        // Where the closure gives nothing, nothing has changed.
        let _ = self
            .latency
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, update);
    }
}

fn standing(state: u32) -> Standing {
    match state & WAY {
        3.. => Standing::Down,
        _ if state & OPEN != 0 => Standing::Ejected,
        0 => Standing::Good,
        1 => Standing::Suspect,
        _ => Standing::Ejected,
    }
}

#[cold]
fn admits(state: u32, context: &PickContext<'_>, draw: impl FnOnce() -> u64) -> bool {
    let state = if context.ejected_too {
        state & WAY
    } else {
        state
    };
    if standing(state) > context.worst {
        return false;
    }
    let lost = state >> LOST;
    // Where nobody better is left, nobody can take what it gives away.
    lost == 0 || context.worst > Standing::Good || draw() >> 56 >= u64::from(lost)
}

/// What is noted of an instance's answers.
#[derive(Clone, Copy, Debug)]
struct Noted {
    micros: f32,
    answers: u32,
    stamp: u32,
}

/// The most answers that are counted: from here on only time decides how much another one counts.
const MOST: u32 = 255;

/// The bits of a stamp.
const STAMP: u32 = (1 << 24) - 1;

impl Noted {
    /// The same and one answer more; `None` where that changes nothing.
    fn and(self, sample: f32, kept: f32, now: u32) -> Option<Self> {
        let fresh = 1.0 - kept;
        let share = if self.answers == MOST {
            if fresh <= 0.0 {
                return None;
            }
            fresh
        } else {
            fresh.max(1.0 / share(self.answers + 1))
        };
        let sample = if self.answers >= KNOWN {
            sample.min(self.micros * OUTLIER)
        } else {
            sample
        };
        Some(Self {
            // Never 0, of which nothing could be a multiple.
            micros: (self.micros + (sample - self.micros) * share).max(f32::MIN_POSITIVE),
            answers: (self.answers + 1).min(MOST),
            stamp: now,
        })
    }

    fn pack(self) -> u64 {
        u64::from(self.micros.to_bits()) << 32 | u64::from(self.answers << 24 | self.stamp)
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "two halves are taken apart"
    )]
    fn unpack(packed: u64) -> Self {
        let low = packed as u32;
        Self {
            micros: f32::from_bits((packed >> 32) as u32),
            answers: low >> 24,
            stamp: low & STAMP,
        }
    }
}

impl Default for Load {
    fn default() -> Self {
        Self::new()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "differences are taken modulo 2^24"
)]
fn millis(now: Duration) -> u32 {
    now.as_millis() as u32 & STAMP
}

/// How much of a value noted at `stamp` is left at `now`. Threads may bring their times out of order; what seems to
/// lie in the future is now.
fn kept(stamp: u32, now: u32) -> f32 {
    let elapsed = now.wrapping_sub(stamp) & STAMP;
    // Under load most calls end within the millisecond of the one before.
    if elapsed == 0 || elapsed > STAMP / 2 {
        return 1.0;
    }
    (-share(elapsed) / DECAY).exp()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "numbers here have 24 bits, as an `f32` has"
)]
fn share(count: u32) -> f32 {
    count as f32
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

    /// An instance that has given so many answers of 10 ms each at the beginning of time.
    fn known(answers: u32) -> Arc<Load> {
        let load = Arc::new(Load::new());
        for _ in 0..answers {
            noted(&load, 0, 10, Outcome::Answered);
        }
        load
    }

    #[test]
    fn a_latency_is_known_after_some_answers_and_forgotten_with_time() {
        let load = known(KNOWN - 1);
        assert_eq!(load.latency(Duration::ZERO), None);
        noted(&load, 0, 74, Outcome::Answered);
        assert_eq!(latency(&load, 0), 12, "the first ones count alike");
        assert_eq!(latency(&load, 5_000), 4);
        assert_eq!(latency(&load, 60_000), 0);
    }

    #[test]
    fn an_average_follows_what_lasts_and_hardly_what_is_rare() {
        let load = known(300);
        noted(&load, 1, 10_000, Outcome::Answered);
        assert_eq!(latency(&load, 1), 10, "one outlier in a millisecond");
        for now in 2..2_000 {
            noted(&load, now, 10, Outcome::Answered);
        }
        for now in 2_000..2_500 {
            noted(&load, now, 100, Outcome::Answered);
        }
        assert!(
            (17..=18).contains(&latency(&load, 2_500)),
            "a tenth of the time"
        );
        for now in (3_000..30_000).step_by(100) {
            noted(&load, now, 100, Outcome::Answered);
        }
        assert!((98..=100).contains(&latency(&load, 29_900)));
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
        let load = known(300);
        noted(&load, 5_000, 10, Outcome::Answered);
        assert_eq!(latency(&load, 4_000), 10);
        noted(&load, 4_000, 70, Outcome::Answered);
        assert_eq!(latency(&load, 5_000), 10);
        let wrap = Duration::from_millis(1 << 24);
        load.start().finish(wrap, 7 * MS, Outcome::Answered);
        assert!(load.latency(wrap).unwrap() >= 7 * MS);
    }
}
