//! What a scenario says: facts, each with its bound and where the bound comes from.

use std::fmt;
use std::fmt::Write as _;
use std::time::Duration;

use crate::record::Record;

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Calls, or other things.
    Count,
    /// Time, to which a bound is given the lateness of the machine.
    Millis,
    /// Hundredths.
    Percent,
}

/// A figure. What never happened is infinite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Figure {
    pub(crate) value: f64,
    pub(crate) unit: Unit,
}

impl Figure {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub(crate) fn count(count: usize) -> Self {
        Self {
            value: count as f64,
            unit: Unit::Count,
        }
    }

    pub(crate) fn millis(millis: f64) -> Self {
        Self {
            value: millis,
            unit: Unit::Millis,
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "times of minutes, in microseconds"
    )]
    pub(crate) fn micros(micros: u64) -> Self {
        Self::millis(micros as f64 / 1000.0)
    }

    pub(crate) fn percent(percent: f64) -> Self {
        Self {
            value: percent,
            unit: Unit::Percent,
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit {
            _ if self.value.is_infinite() => f.write_str("never"),
            Unit::Count => write!(f, "{:.0}", self.value),
            Unit::Millis if self.value >= 10_000.0 => write!(f, "{:.1} s", self.value / 1000.0),
            Unit::Millis => write!(f, "{:.0} ms", self.value),
            Unit::Percent => write!(f, "{:.1} %", self.value),
        }
    }
}

/// Where a bound comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// What the project has set itself to show.
    Goal,
    /// What the documentation promises.
    Promise,
}

/// A fact, and how far it may go.
#[derive(Clone, Debug)]
pub(crate) struct Judgement {
    /// Names it, the same for every system.
    pub(crate) what: String,
    pub(crate) figure: Figure,
    /// The most that is right; without one it is only told.
    pub(crate) bound: Option<(Figure, Source)>,
    /// What else there is to know.
    pub(crate) note: String,
}

impl Judgement {
    /// A fact that is at most so much, as the project has set itself.
    pub(crate) fn goal(what: impl Into<String>, figure: Figure, most: Figure) -> Self {
        Self::told(what, figure).within(most, Source::Goal)
    }

    /// A fact that is at most so much, as the documentation says.
    pub(crate) fn promise(what: impl Into<String>, figure: Figure, most: Figure) -> Self {
        Self::told(what, figure).within(most, Source::Promise)
    }

    /// A fact without a bound.
    pub(crate) fn told(what: impl Into<String>, figure: Figure) -> Self {
        Self {
            what: what.into(),
            figure,
            bound: None,
            note: String::new(),
        }
    }

    /// That no call of a load failed.
    pub(crate) fn none_failed(what: impl Into<String>, records: &[&Record]) -> Self {
        let failed = records.iter().map(|record| record.failed.len()).sum();
        let all: usize = records.iter().map(|record| record.all()).sum();
        let mut judgement = Self::goal(what, Figure::count(failed), Figure::count(0));
        judgement.note = format!("of {all} calls");
        for record in records {
            if let Some((count, why)) = record.reasons().first() {
                // Writing to a string cannot fail.
                let _ = write!(judgement.note, "; {count}x {why}");
            }
        }
        judgement
    }

    fn within(mut self, most: Figure, source: Source) -> Self {
        self.bound = Some((most, source));
        self
    }

    pub(crate) fn noting(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Whether it is within its bound on a machine that was so late.
    pub(crate) fn holds(&self, late: Duration) -> bool {
        let Some((most, _)) = self.bound else {
            return true;
        };
        let slack = match most.unit {
            Unit::Millis => late.as_secs_f64() * 1000.0,
            Unit::Count | Unit::Percent => 0.0,
        };
        self.figure.value <= most.value + slack
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bound_of_time_is_given_the_lateness_of_the_machine_and_no_other_is() {
        let time = Judgement::goal("", Figure::millis(110.0), Figure::millis(100.0));
        assert!(!time.holds(Duration::from_millis(9)));
        assert!(time.holds(Duration::from_millis(10)));
        let count = Judgement::goal("", Figure::count(1), Figure::count(0));
        assert!(!count.holds(Duration::from_secs(10)));
        assert!(Judgement::told("", Figure::count(1)).holds(Duration::ZERO));
    }

    #[test]
    fn what_never_happened_is_out_of_every_bound() {
        let never = Judgement::goal("", Figure::millis(f64::INFINITY), Figure::millis(5000.0));
        assert!(!never.holds(Duration::from_secs(60)));
        assert_eq!(never.figure.to_string(), "never");
    }
}
