//! The circuit breaker of one instance: when it is left alone, for how long, and when it is asked again.
//!
//! Knows no other instance: who compares, and who says that there is enough to judge by, is in `detector`.

use std::fmt;
use std::time::Duration;

use crate::governance::BreakerPolicy;
use crate::random::Random;

/// The part of a pause that is left to chance: enough to spread the probes of a crowd of clients, and no pause is much
/// shorter than what was set.
const JITTER: f64 = 0.2;

/// The most doublings that are counted: any pause is at its longest by then.
const DOUBLINGS: u32 = 20;

/// What a circuit breaker does.
///
/// ```text
///            failures in a row, or too many         time is up: one call goes as a probe,
///            failures or late answers               and the next pause is twice as long
///   Closed ──────────────────────────────▶ Open ────────────────────────────────────────▶ HalfOpen
///     ▲ ▲                                  │  ▲                                           │  │
///     │ └── asked all the same, it answers ┘  └───────────── the probe failed ────────────┘  │
///     └───────────────────────────── the probe was answered ────────────────────────────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BreakerState {
    /// Calls go to the instance.
    Closed,
    /// It is left alone while others can be asked.
    Open,
    /// One call is under way to it, and decides.
    HalfOpen,
}

impl fmt::Display for BreakerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half open",
        })
    }
}

/// Why a circuit breaker opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BreakerReason {
    /// Hard failures in a row.
    FailuresInRow,
    /// Too few of its calls succeeded, and more of the others'.
    Failures,
    /// Too many of its answers came far later than the others'.
    LateAnswers,
    /// The probe failed, or was late.
    FailedProbe,
}

impl fmt::Display for BreakerReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FailuresInRow => "failures in a row",
            Self::Failures => "more failures than the others",
            Self::LateAnswers => "far slower than the others",
            Self::FailedProbe => "a failed probe",
        })
    }
}

/// The circuit breaker of one instance.
#[derive(Debug)]
pub(crate) struct CircuitBreaker {
    phase: Phase,
    /// How often it opened of late.
    times: u32,
    random: Random,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Closed { since: Duration },
    Open { left_alone: Pause },
    HalfOpen { left_alone: Pause },
}

/// A time that an instance is left alone.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Pause {
    why: BreakerReason,
    until: Duration,
}

impl CircuitBreaker {
    /// A closed one; `seed` decides the jitter of its pauses.
    pub(crate) fn new(now: Duration, seed: u64) -> Self {
        Self {
            phase: Phase::Closed { since: now },
            times: 0,
            random: Random::new(seed),
        }
    }

    pub(crate) fn state(&self) -> BreakerState {
        match self.phase {
            Phase::Closed { .. } => BreakerState::Closed,
            Phase::Open { .. } => BreakerState::Open,
            Phase::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed { .. })
    }

    /// Why it is not closed.
    pub(crate) fn why(&self) -> Option<BreakerReason> {
        Some(self.pause()?.why)
    }

    /// When a call may go as a probe: also where one is under way, which may never end.
    pub(crate) fn until(&self) -> Option<Duration> {
        Some(self.pause()?.until)
    }

    fn pause(&self) -> Option<Pause> {
        match self.phase {
            Phase::Closed { .. } => None,
            Phase::Open { left_alone } | Phase::HalfOpen { left_alone } => Some(left_alone),
        }
    }

    /// Opens at `now` where it was closed. Each whole window that it was closed takes back one doubling.
    pub(crate) fn open(&mut self, now: Duration, why: BreakerReason, policy: &BreakerPolicy) {
        let Phase::Closed { since } = self.phase else {
            return;
        };
        let good = now.saturating_sub(since).as_nanos();
        let windows = good / policy.window.0.as_nanos().max(1);
        let windows = u32::try_from(windows).unwrap_or(u32::MAX);
        self.times = self.times.saturating_sub(windows);
        let until = self.pause_from(now, policy);
        self.phase = Phase::Open {
            left_alone: Pause { why, until },
        };
    }

    /// When the next pause ends if it begins at `now`; the one behind it will be twice as long.
    fn pause_from(&mut self, now: Duration, policy: &BreakerPolicy) -> Duration {
        let span = policy.open.0.saturating_mul(1 << self.times);
        let span = span.min(policy.longest_open.0);
        self.times = (self.times + 1).min(DOUBLINGS);
        now + span.mul_f64(1.0 - self.random.unit() * JITTER)
    }

    /// Whether a call may go as a probe at `now`.
    pub(crate) fn is_due(&self, now: Duration) -> bool {
        self.until().is_some_and(|until| now >= until)
    }

    /// A call goes as a probe at `now`, and the next pause begins. So one that hangs is followed by another, and however many
    /// of them fail together, each pause is doubled once.
    pub(crate) fn probe(&mut self, now: Duration, policy: &BreakerPolicy) {
        if let Some(Pause { why, .. }) = self.pause() {
            let until = self.pause_from(now, policy);
            self.phase = Phase::HalfOpen {
                left_alone: Pause { why, until },
            };
        }
    }

    /// A probe failed, or was late.
    pub(crate) fn failed(&mut self) {
        if let Some(Pause { until, .. }) = self.pause() {
            let why = BreakerReason::FailedProbe;
            self.phase = Phase::Open {
                left_alone: Pause { why, until },
            };
        }
    }

    /// Nobody can be sent as a probe at `now`: there is no way to the instance, or it is silent.
    pub(crate) fn wait(&mut self, now: Duration, policy: &BreakerPolicy) {
        let until = now + policy.open.0;
        match &mut self.phase {
            Phase::Closed { .. } => {}
            Phase::Open { left_alone } | Phase::HalfOpen { left_alone } => left_alone.until = until,
        }
    }

    /// The instance has given a sign of life at `now`: there is no use in waiting any longer.
    pub(crate) fn hasten(&mut self, now: Duration) {
        match &mut self.phase {
            Phase::Closed { .. } => {}
            Phase::Open { left_alone } | Phase::HalfOpen { left_alone } => {
                left_alone.until = left_alone.until.min(now);
            }
        }
    }

    /// The probe was given up by its caller at `now`, and says nothing.
    pub(crate) fn release(&mut self, now: Duration) {
        if let Phase::HalfOpen { mut left_alone } = self.phase {
            left_alone.until = left_alone.until.min(now);
            self.times = self.times.saturating_sub(1);
            self.phase = Phase::Open { left_alone };
        }
    }

    /// Calls go to the instance again.
    pub(crate) fn close(&mut self, now: Duration) {
        self.phase = Phase::Closed { since: now };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const TICK: Duration = Duration::from_nanos(1);
    const WHY: BreakerReason = BreakerReason::FailuresInRow;

    /// Opens and fails its probe as soon as it is due, so often: how long each pause was.
    fn pauses(breaker: &mut CircuitBreaker, mut now: Duration, count: usize) -> Vec<Duration> {
        let policy = BreakerPolicy::default();
        let mut pauses = Vec::new();
        breaker.open(now, WHY, &policy);
        for _ in 0..count {
            let until = breaker.until().unwrap();
            pauses.push(until.saturating_sub(now));
            assert!(
                !breaker.is_due(until.saturating_sub(TICK)),
                "not a tick too early"
            );
            assert!(breaker.is_due(until));
            now = until;
            breaker.probe(now, &policy);
            assert_eq!(breaker.state(), BreakerState::HalfOpen);
            breaker.failed();
            assert_eq!(breaker.why(), Some(BreakerReason::FailedProbe));
        }
        pauses
    }

    #[track_caller]
    fn follow(pauses: &[Duration], wholes: &[u32]) {
        assert_eq!(pauses.len(), wholes.len());
        for (pause, &whole) in pauses.iter().zip(wholes) {
            let whole = whole * SECOND;
            let shortest = whole.mul_f64(1.0 - JITTER);
            assert!(shortest <= *pause && *pause <= whole, "{pauses:?}");
        }
    }

    #[test]
    fn pauses_double_up_to_a_minute_and_no_two_clients_have_the_same() {
        let ahead = |seed| pauses(&mut CircuitBreaker::new(SECOND, seed), SECOND, 9);
        follow(&ahead(1), &[1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(ahead(1), ahead(1), "the seed decides");
        assert!(ahead(1).iter().zip(ahead(2)).all(|(one, two)| *one != two));
    }

    #[test]
    fn each_good_window_takes_back_a_doubling() {
        let policy = BreakerPolicy::default();
        for (good, expect) in [(0, 8), (9, 8), (10, 4), (19, 4), (20, 2), (30, 1), (600, 1)] {
            let mut breaker = CircuitBreaker::new(Duration::ZERO, 4);
            // 1 and 2 s, 4 s behind the probe that is answered; the next would be 8 s.
            pauses(&mut breaker, SECOND, 1);
            let now = 100 * SECOND;
            breaker.probe(now, &policy);
            breaker.close(now);
            assert_eq!(breaker.state(), BreakerState::Closed);
            follow(&pauses(&mut breaker, now + good * SECOND, 1), &[expect]);
        }
    }

    #[test]
    fn a_probe_that_was_given_up_is_sent_again_at_once_and_one_that_hangs_later() {
        let policy = BreakerPolicy::default();
        let mut breaker = CircuitBreaker::new(Duration::ZERO, 4);
        breaker.open(SECOND, WHY, &policy);
        breaker.probe(5 * SECOND, &policy);
        let until = breaker.until().unwrap();
        follow(&[until.saturating_sub(5 * SECOND)], &[2]);
        assert!(!breaker.is_due(until.saturating_sub(TICK)), "exactly one");
        assert!(breaker.is_due(until), "it may never end");
        breaker.release(5 * SECOND + TICK);
        assert_eq!(breaker.state(), BreakerState::Open);
        assert!(breaker.is_due(5 * SECOND + TICK));
        breaker.probe(6 * SECOND, &policy);
        let until = breaker.until().unwrap();
        follow(&[until.saturating_sub(6 * SECOND)], &[2]);
        breaker.close(6 * SECOND);
        breaker.release(7 * SECOND);
        assert_eq!(breaker.state(), BreakerState::Closed);
        assert_eq!((breaker.until(), breaker.why()), (None, None));
    }

    #[test]
    fn probes_that_hang_and_fail_together_double_no_pause_twice() {
        let policy = BreakerPolicy::default();
        let mut breaker = CircuitBreaker::new(Duration::ZERO, 4);
        breaker.open(SECOND, WHY, &policy);
        let mut pauses = Vec::new();
        let mut now = breaker.until().unwrap();
        for _ in 0..3 {
            breaker.probe(now, &policy);
            let until = breaker.until().unwrap();
            pauses.push(until.saturating_sub(now));
            now = until;
        }
        for _ in 0..3 {
            breaker.failed();
        }
        assert_eq!(breaker.until(), Some(now), "no longer for having failed");
        breaker.probe(now, &policy);
        pauses.push(breaker.until().unwrap().saturating_sub(now));
        follow(&pauses, &[2, 4, 8, 16]);
    }

    #[test]
    fn a_sign_of_life_ends_a_pause_and_prolongs_none() {
        let policy = BreakerPolicy::default();
        let mut breaker = CircuitBreaker::new(Duration::ZERO, 4);
        breaker.hasten(SECOND);
        assert_eq!(breaker.state(), BreakerState::Closed);
        breaker.open(SECOND, WHY, &policy);
        breaker.hasten(SECOND + TICK);
        assert!(breaker.is_due(SECOND + TICK));
        breaker.hasten(9 * SECOND);
        assert!(breaker.is_due(SECOND + TICK));
        assert_eq!(breaker.state(), BreakerState::Open, "a probe decides");
    }
}
