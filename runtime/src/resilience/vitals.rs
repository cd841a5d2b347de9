//! What is counted of one instance: by every call that ends, without a lock; and the same within a sliding window, from
//! look to look.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::outlier::Counts;
use crate::balance::Load;
use crate::status::{Code, Status};

/// What a call says of the instance that took it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It answered, if only with an error of the application.
    Answered,
    /// It, or the way to it, failed.
    Failed,
    /// It turned the call away for load.
    Overloaded,
    /// Nothing: no handler has seen the call, and another instance may.
    Nothing,
}

impl Verdict {
    /// What this error says of its instance. What the contract names is an answer, whatever its code.
    pub(crate) fn of(status: &Status) -> Self {
        use crate::status::Progress::NotStarted;
        if status.is_overloaded() {
            return Self::Overloaded;
        }
        if status.detail().is_some() {
            return Self::Answered;
        }
        match status.code() {
            Code::Unavailable if status.progress() == NotStarted => Self::Nothing,
            Code::Unavailable
            | Code::Internal
            | Code::Unknown
            | Code::DataLoss
            | Code::DeadlineExceeded => Self::Failed,
            Code::Cancelled => Self::Nothing,
            _ => Self::Answered,
        }
    }
}

/// Where the hard failures in a row stand, above the calls that ended.
const ROW: u64 = 1 << 32;

/// The bits of the calls that ended.
const CALLS: u64 = ROW - 1;

/// The bit that is set while the circuit breaker is not closed, so that nobody has to ask it.
const OPEN: u64 = 1 << 63;

/// One instance, as far as calls tell of its health.
#[derive(Debug)]
pub(crate) struct Vitals {
    /// What balancers know of it.
    pub(crate) load: Arc<Load>,
    /// Calls that ended (32 bits, wraps), hard failures in a row above them.
    ended: AtomicU64,
    /// From here on an answer is late, in nanoseconds.
    late_after: AtomicU64,
    failed: AtomicU32,
    late: AtomicU32,
    overloaded: AtomicU32,
    /// Calls that ended and do not count.
    uncounted: AtomicU32,
    /// Answers in time in a row while the circuit breaker was open.
    answers: AtomicU32,
    /// When it opened, in nanoseconds.
    opened: AtomicU64,
    /// The next call that begins here is a probe.
    offered: AtomicBool,
}

/// What else there is to do when a call has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// Nothing.
    None,
    /// So many hard failures in a row.
    Row(u32),
    /// So many answers in a row of an instance whose circuit breaker is open.
    Answers(u32),
}

impl Vitals {
    /// An instance that nothing is known of.
    pub(crate) fn new(load: Arc<Load>) -> Self {
        Self {
            load,
            ended: AtomicU64::new(0),
            late_after: AtomicU64::new(u64::MAX),
            failed: AtomicU32::new(0),
            late: AtomicU32::new(0),
            overloaded: AtomicU32::new(0),
            uncounted: AtomicU32::new(0),
            answers: AtomicU32::new(0),
            opened: AtomicU64::new(0),
            offered: AtomicBool::new(false),
        }
    }

    /// Whether a call that begins now is a probe. Cheap enough for every call.
    #[inline]
    pub(crate) fn takes_probe(&self) -> bool {
        self.offered.load(Ordering::Relaxed) && self.offered.swap(false, Ordering::Relaxed)
    }

    pub(super) fn offer_probe(&self) {
        self.offered.store(true, Ordering::Relaxed);
    }

    /// A call ended after `latency`. Cheap where it went well.
    #[inline]
    pub(super) fn count(&self, now: Duration, latency: Duration, verdict: Verdict) -> Sign {
        if verdict == Verdict::Answered && nanos(latency) <= self.late_after.load(Ordering::Relaxed)
        {
            let before = self.ended.fetch_add(1, Ordering::Relaxed);
            if before < ROW {
                return Sign::None;
            }
            return self.answered(before, now, latency);
        }
        self.count_bad(verdict)
    }

    /// An answer in time, behind failures.
    #[cold]
    fn answered(&self, before: u64, now: Duration, latency: Duration) -> Sign {
        self.ended.fetch_and(OPEN | CALLS, Ordering::Relaxed);
        let began = nanos(now.saturating_sub(latency));
        if before & OPEN == 0 || began < self.opened.load(Ordering::Relaxed) {
            return Sign::None;
        }
        Sign::Answers(self.answers.fetch_add(1, Ordering::Relaxed) + 1)
    }

    #[cold]
    fn count_bad(&self, verdict: Verdict) -> Sign {
        let one = |counter: &AtomicU32| counter.fetch_add(1, Ordering::Relaxed);
        match verdict {
            Verdict::Nothing => {
                one(&self.uncounted);
                Sign::None
            }
            Verdict::Answered => {
                one(&self.late);
                self.answers.store(0, Ordering::Relaxed);
                let before = self.ended.fetch_add(1, Ordering::Relaxed);
                if before & !(OPEN | CALLS) != 0 {
                    self.ended.fetch_and(OPEN | CALLS, Ordering::Relaxed);
                }
                Sign::None
            }
            Verdict::Overloaded => {
                one(&self.overloaded);
                self.ended.fetch_add(1, Ordering::Relaxed);
                Sign::None
            }
            Verdict::Failed => {
                one(&self.failed);
                self.answers.store(0, Ordering::Relaxed);
                let before = self.ended.fetch_add(ROW | 1, Ordering::Relaxed);
                Sign::Row(row(before) + 1)
            }
        }
    }

    /// The caller of a call went away: that counts for nothing.
    pub(crate) fn abandon(&self) {
        self.uncounted.fetch_add(1, Ordering::Relaxed);
    }

    /// From here on an answer is late; `None` where nobody can say.
    pub(super) fn set_late_after(&self, latency: Option<Duration>) {
        let nanos = latency.map_or(u64::MAX, nanos);
        self.late_after.store(nanos, Ordering::Relaxed);
    }

    /// Its circuit breaker is open since `now`, or closed.
    pub(super) fn set_open(&self, since: Option<Duration>) {
        self.answers.store(0, Ordering::Relaxed);
        if let Some(since) = since {
            self.opened.store(nanos(since), Ordering::Relaxed);
            self.ended.fetch_or(OPEN, Ordering::Relaxed);
        } else {
            self.offered.store(false, Ordering::Relaxed);
            self.ended.fetch_and(CALLS, Ordering::Relaxed);
        }
    }

    /// How many hard failures in a row there are, and whether its circuit breaker is open, as was last said of it.
    pub(super) fn record(&self) -> (u32, bool) {
        let ended = self.ended.load(Ordering::Relaxed);
        (row(ended), ended & OPEN != 0)
    }

    /// All that was counted so far.
    pub(super) fn totals(&self) -> Totals {
        let ended = calls(self.ended.load(Ordering::Relaxed));
        Totals {
            counts: Counts {
                calls: ended,
                failed: self.failed.load(Ordering::Relaxed),
                late: self.late.load(Ordering::Relaxed),
                overloaded: self.overloaded.load(Ordering::Relaxed),
            },
            left: ended.wrapping_add(self.uncounted.load(Ordering::Relaxed)),
            in_flight: self.load.in_flight(),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
fn calls(ended: u64) -> u32 {
    ended as u32
}

fn row(ended: u64) -> u32 {
    ((ended & !OPEN) >> 32) as u32
}

/// Nanoseconds, up to 584 years of them.
#[inline]
pub(super) fn nanos(time: Duration) -> u64 {
    time.as_secs()
        .wrapping_mul(1_000_000_000)
        .wrapping_add(u64::from(time.subsec_nanos()))
}

/// What was counted up to some moment. All of it wraps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) counts: Counts,
    /// Calls that ended in whatever way.
    left: u32,
    in_flight: u32,
}

/// Totals as they were at the looks of the last while.
#[derive(Debug)]
pub(super) struct Window {
    looks: VecDeque<(Duration, Totals)>,
}

impl Window {
    /// A window that begins at `now`, where the totals are these.
    pub(super) fn new(now: Duration, totals: Totals) -> Self {
        Self {
            looks: VecDeque::from([(now, totals)]),
        }
    }

    /// A look at `now`. Of what is older than `span` only the youngest is kept, from which the window is counted.
    pub(super) fn look(&mut self, now: Duration, totals: Totals, span: Duration) {
        let edge = now.saturating_sub(span);
        while self.looks.get(1).is_some_and(|second| second.0 <= edge) {
            self.looks.pop_front();
        }
        self.looks.push_back((now, totals));
    }

    /// What was counted within the window, up to these totals.
    pub(super) fn counts(&self, totals: &Totals) -> Counts {
        let Some((_, first)) = self.looks.front() else {
            return Counts::default();
        };
        let (now, then) = (&totals.counts, &first.counts);
        Counts {
            calls: now.calls.wrapping_sub(then.calls),
            failed: now.failed.wrapping_sub(then.failed),
            late: now.late.wrapping_sub(then.late),
            overloaded: now.overloaded.wrapping_sub(then.overloaded),
        }
    }

    /// How many calls have waited for longer than `limit`, at least: those that were in flight at the last look so long
    /// ago, less all that ended since.
    pub(super) fn waiting(&self, now: Duration, totals: &Totals, limit: Duration) -> u32 {
        let mut looks = self.looks.iter().rev();
        let Some((_, then)) = looks.find(|look| now.saturating_sub(look.0) >= limit) else {
            return 0;
        };
        let ended = totals.left.wrapping_sub(then.left);
        then.in_flight.saturating_sub(ended).min(totals.in_flight)
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict::{Answered, Failed, Nothing, Overloaded};
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn vitals() -> Vitals {
        Vitals::new(Arc::default())
    }

    fn count(vitals: &Vitals, verdict: Verdict) -> Sign {
        vitals.count(Duration::from_secs(9), MS, verdict)
    }

    #[test]
    fn failures_in_a_row_are_counted_until_an_answer() {
        let vitals = vitals();
        let signs = |verdicts: &[Verdict]| {
            let signs = verdicts.iter().map(|&verdict| count(&vitals, verdict));
            signs.collect::<Vec<_>>()
        };
        assert_eq!(
            signs(&[Failed, Nothing, Overloaded, Failed]),
            [Sign::Row(1), Sign::None, Sign::None, Sign::Row(2)],
            "neither is an answer"
        );
        assert_eq!(signs(&[Answered, Failed]), [Sign::None, Sign::Row(1)]);
        vitals.set_late_after(Some(MS / 2));
        assert_eq!(signs(&[Answered, Failed]), [Sign::None, Sign::Row(1)]);
        let counts = vitals.totals().counts;
        assert_eq!((counts.calls, counts.failed), (7, 4));
        assert_eq!((counts.late, counts.overloaded), (1, 1));
    }

    #[test]
    fn answers_of_the_ejected_count_if_they_were_asked_behind_it() {
        let vitals = vitals();
        let now = Duration::from_secs(9);
        vitals.set_open(Some(now));
        let end = |latency, verdict| vitals.count(now + MS, latency, verdict);
        assert_eq!(end(2 * MS, Verdict::Answered), Sign::None, "asked before");
        assert_eq!(end(MS, Verdict::Answered), Sign::Answers(1));
        assert_eq!(end(MS, Verdict::Answered), Sign::Answers(2));
        assert_eq!(end(MS, Verdict::Failed), Sign::Row(1));
        assert_eq!(end(MS, Verdict::Answered), Sign::Answers(1));
        vitals.set_open(None);
        assert_eq!(end(MS, Verdict::Answered), Sign::None);
    }

    #[test]
    fn a_probe_is_taken_once() {
        let vitals = vitals();
        assert!(!vitals.takes_probe());
        vitals.offer_probe();
        assert!(vitals.takes_probe());
        assert!(!vitals.takes_probe());
    }

    #[test]
    fn a_window_slides_from_look_to_look() {
        let vitals = vitals();
        let span = 10 * MS;
        let mut window = Window::new(Duration::ZERO, vitals.totals());
        let mut seen = Vec::new();
        for look in 1..=25 {
            if look <= 5 {
                count(&vitals, Verdict::Failed);
            }
            count(&vitals, Verdict::Answered);
            let totals = vitals.totals();
            window.look(look * MS, totals, span);
            let counts = window.counts(&totals);
            seen.push((counts.calls, counts.failed));
        }
        assert_eq!(seen[4], (10, 5));
        assert_eq!(seen[9], (15, 5), "all ten ticks");
        assert_eq!(seen[10], (14, 4), "a tick later the first is out");
        assert_eq!(seen[14], (10, 0));
        assert_eq!(seen[24], (10, 0));
        assert!(window.looks.len() <= 11);
    }

    #[test]
    fn calls_that_wait_are_told_from_calls_that_come_and_go() {
        let load: Arc<Load> = Arc::default();
        let vitals = Vitals::new(Arc::clone(&load));
        let mut window = Window::new(Duration::ZERO, vitals.totals());
        for _ in 0..10 {
            load.begin();
        }
        window.look(10 * MS, vitals.totals(), 100 * MS);
        for _ in 0..3 {
            load.abandon();
            count(&vitals, Verdict::Answered);
        }
        load.abandon();
        vitals.abandon();
        for _ in 0..20 {
            load.begin();
        }
        let waiting = |now: u32, limit: u32| window.waiting(now * MS, &vitals.totals(), limit * MS);
        assert_eq!(waiting(15, 6), 0, "nobody looked so long ago");
        assert_eq!(waiting(16, 6), 6);
        assert_eq!(waiting(16, 16), 0, "they began later");
    }
}
