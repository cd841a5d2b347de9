//! Who does worse than the others, by so much that it matters and is no chance.
//!
//! Pure arithmetic over counts. What is compared is one instance with all the others of its service and group together:
//! a method that fails everywhere, or a client that is slow itself, makes nobody an outlier.

use std::time::Duration;

use super::breaker::BreakerReason;
use crate::governance::BreakerPolicy;

/// An answer is late that takes so many times as long as the average answer of a typical instance. Whatever the mix of
/// methods, at most a fifth of the answers of an instance like the others take that long (Markov's inequality), so
/// that an instance with more late answers is not like the others.
const LATE: u32 = 5;

/// By less than this no answer is late: what a scheduler or a collection of garbage costs says nothing of an instance.
const NOTICED: Duration = Duration::from_millis(10);

/// How many standard deviations apart a share must be from the others' to eject an instance. By chance that happens once in
/// 30 000 looks at a full window of an instance that is like the others.
const EJECTS: f64 = 4.0;

/// The same for taking some of its load: once in 700 looks, and what follows is mild.
const DEGRADES: f64 = 3.0;

/// The share of bad answers below which nobody is told from the others: where the others had none, a single one is chance.
const NOISE: f64 = 0.02;

/// Calls from which a share says something: one bad answer of four is still chance.
const FEWEST: u32 = 5;

/// What of its load an instance keeps at least, in 256ths: enough that its recovery is seen.
pub(crate) const LEAST_KEPT: u32 = 26;

/// All of its load.
pub(crate) const ALL: u32 = 256;

/// How calls ended within a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// All that ended, and those that wait so long that their answers will be late.
    pub(crate) calls: u32,
    /// Hard failures.
    pub(crate) failed: u32,
    /// Successes that came late, or will.
    pub(crate) late: u32,
    /// What was turned away for load.
    pub(crate) overloaded: u32,
}

impl Counts {
    /// Both together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            calls: self.calls.saturating_add(other.calls),
            failed: self.failed.saturating_add(other.failed),
            late: self.late.saturating_add(other.late),
            overloaded: self.overloaded.saturating_add(other.overloaded),
        }
    }

    /// What is left of these without the other, which is in them.
    pub(crate) fn without(self, other: Self) -> Self {
        Self {
            calls: self.calls.saturating_sub(other.calls),
            failed: self.failed.saturating_sub(other.failed),
            late: self.late.saturating_sub(other.late),
            overloaded: self.overloaded.saturating_sub(other.overloaded),
        }
    }

    fn bad(self) -> u32 {
        self.failed.saturating_add(self.late)
    }
}

/// From when on an answer is late, by the average latencies of the instances: the median of them counts, the lower one of
/// two, so that less than half of them cannot move it far. `None` where there is nothing to compare.
pub(crate) fn late_after(averages: &mut [Duration]) -> Option<Duration> {
    if averages.len() < 2 {
        return None;
    }
    let middle = (averages.len() - 1) / 2;
    let (_, &mut typical, _) = averages.select_nth_unstable(middle);
    Some((typical * LATE).max(typical + NOTICED))
}

/// Why an instance with these counts is to be left alone, if it is; and how bad it is.
pub(crate) fn ejects(
    own: Counts,
    others: Counts,
    policy: &BreakerPolicy,
) -> Option<(BreakerReason, f64)> {
    if own.calls < policy.least_calls.max(1) || others.calls < policy.least_calls.max(1) {
        return None;
    }
    let bad = share(own.bad(), own.calls);
    if 1.0 - bad >= policy.success.part() {
        return None;
    }
    is_worse(own.calls, bad, share(others.bad(), others.calls), EJECTS).then(|| {
        let why = if own.failed >= own.late {
            BreakerReason::Failures
        } else {
            BreakerReason::LateAnswers
        };
        (why, bad)
    })
}

/// What of its load an instance keeps, in 256ths: the part of its calls that go well beside that of the others', squared,
/// since a call that goes badly costs another one.
pub(crate) fn keeps(own: Counts, others: Counts) -> u32 {
    if own.calls < FEWEST || others.calls < FEWEST {
        return ALL;
    }
    let bad = share(own.bad().saturating_add(own.overloaded), own.calls);
    let theirs = share(others.bad().saturating_add(others.overloaded), others.calls);
    if !is_worse(own.calls, bad, theirs, DEGRADES) {
        return ALL;
    }
    let part = (1.0 - bad) / (1.0 - theirs).max(f64::EPSILON);
    parts(part * part).clamp(LEAST_KEPT, ALL)
}

/// Whether a share of bad answers among so many is further above the others' share than chance goes: a binomial share, taken
/// for normal.
fn is_worse(calls: u32, bad: f64, theirs: f64, deviations: f64) -> bool {
    let expected = theirs.max(NOISE);
    let deviation = (expected * (1.0 - expected).max(0.0) / f64::from(calls)).sqrt();
    bad - expected >= deviations * deviation && bad > expected
}

fn share(part: u32, whole: u32) -> f64 {
    (f64::from(part) / f64::from(whole.max(1))).min(1.0)
}

/// A part of 1 in 256ths.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to what fits"
)]
fn parts(part: f64) -> u32 {
    (part.clamp(0.0, 1.0) * f64::from(ALL)).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    const MS: Duration = Duration::from_millis(1);

    fn counts(calls: u32, failed: u32, late: u32) -> Counts {
        Counts {
            calls,
            failed,
            late,
            overloaded: 0,
        }
    }

    fn why(own: Counts, others: Counts) -> Option<BreakerReason> {
        Some(ejects(own, others, &BreakerPolicy::default())?.0)
    }

    #[test]
    fn too_few_successes_eject_where_the_others_do_better() {
        let healthy = counts(900, 0, 0);
        assert_eq!(why(counts(19, 19, 0), healthy), None, "too few calls");
        assert_eq!(why(counts(20, 4, 0), healthy), None, "80 % is enough");
        let failing = Some(BreakerReason::Failures);
        assert_eq!(why(counts(20, 5, 0), healthy), failing);
        assert_eq!(why(counts(100, 15, 10), healthy), failing, "together");
        let late = Some(BreakerReason::LateAnswers);
        assert_eq!(why(counts(100, 10, 15), healthy), late);
    }

    #[test]
    fn what_all_do_ejects_nobody() {
        assert_eq!(why(counts(100, 40, 0), counts(900, 360, 0)), None);
        assert_eq!(why(counts(100, 55, 0), counts(900, 360, 0)), None, "chance");
        assert!(why(counts(100, 65, 0), counts(900, 360, 0)).is_some());
        assert_eq!(why(counts(100, 100, 0), counts(900, 900, 0)), None);
        assert_eq!(
            why(counts(100, 100, 0), counts(19, 0, 0)),
            None,
            "no others"
        );
    }

    #[test]
    fn load_goes_away_before_the_instance_does() {
        let healthy = counts(900, 0, 0);
        let kept = |failed| keeps(counts(100, failed, 0), healthy) * 100 / ALL;
        assert_eq!(kept(5), 100, "a difference that may be chance");
        assert_eq!(kept(10), 80);
        assert_eq!(kept(20), 64);
        assert_eq!(kept(50), 25);
        assert_eq!(kept(100), 10);
        let refused = Counts {
            overloaded: 40,
            ..counts(100, 0, 0)
        };
        assert_eq!(keeps(refused, healthy) * 100 / ALL, 35);
        assert_eq!(why(refused, healthy), None, "overload ejects nobody");
        let all = Counts {
            overloaded: 360,
            ..counts(900, 0, 0)
        };
        assert_eq!(keeps(refused, all), ALL);
        assert_eq!(keeps(counts(4, 4, 0), healthy), ALL);
        assert_eq!(keeps(counts(5, 1, 0), healthy), ALL);
    }

    #[test]
    fn late_is_what_takes_far_longer_than_at_a_typical_instance() {
        let late = |millis: &[u32]| {
            let mut averages: Vec<_> = millis.iter().map(|&one| one * MS).collect();
            late_after(&mut averages)
        };
        assert_eq!(late(&[]), None);
        assert_eq!(late(&[2_000]), None, "nothing to compare with");
        assert_eq!(late(&[2_000, 20]), Some(100 * MS));
        assert_eq!(late(&[20, 2_000, 2_000, 22, 18]), Some(110 * MS));
        assert_eq!(late(&[1, 1, 1]), Some(11 * MS), "5 ms is no difference");
    }

    /// Instances of one kind, whatever share of their answers is late within what Markov's inequality allows. Four deviations are no
    /// proof: where few calls are expected to go badly, chance does it more often than for normal shares.
    #[test]
    fn equals_are_hardly_ever_ejected() {
        let random = Random::new(1);
        let late = |share: f64, calls: u32| {
            let bad = (0..calls).filter(|_| random.unit() < share).count();
            counts(calls, 0, u32::try_from(bad).unwrap())
        };
        let looks = 10_000;
        let ejected = (0..looks).filter(|look| {
            let share = 0.2 * random.unit();
            let calls = 20 + look % 380;
            why(late(share, calls), late(share, 9 * calls)).is_some()
        });
        let ejected = ejected.count();
        assert!(ejected <= 10, "{ejected} of {looks}");
    }
}
