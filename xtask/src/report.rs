//! What came of the steps, and how it is told: a table, then one plain line.

use std::fmt;

/// What came of a step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    /// Whether its command ended well.
    pub(crate) succeeded: bool,
    /// The tests that its runners reported.
    pub(crate) tally: Tally,
    /// How long it took.
    pub(crate) seconds: f64,
}

/// Tests counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Tally {
    /// Adds what a line of a test runner's output says: `test result: ok. 3 passed; 0 failed; …`.
    pub(crate) fn read(&mut self, line: &str) {
        let Some((_, counts)) = line
            .trim_start()
            .strip_prefix("test result: ")
            .and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for count in counts.split(';') {
            match count.trim().split_once(' ') {
                Some((number, "passed")) => self.passed += number.parse::<u64>().unwrap_or(0),
                Some((number, "failed")) => self.failed += number.parse::<u64>().unwrap_or(0),
                _ => {}
            }
        }
    }
}

/// The steps that ran, by name, in order.
#[derive(Debug, Default)]
pub(crate) struct Report(Vec<(&'static str, Outcome)>);

impl Report {
    pub(crate) fn add(&mut self, step: &'static str, outcome: Outcome) {
        self.0.push((step, outcome));
    }

    pub(crate) fn succeeded(&self) -> bool {
        self.0.iter().all(|(_, outcome)| outcome.succeeded)
    }

    /// The tests of all steps. A step that failed without a failed test counts as one, so that the closing line never
    /// says "0 failed" of a run that did.
    fn total(&self) -> Tally {
        let mut total = Tally::default();
        for (_, outcome) in &self.0 {
            let silent = !outcome.succeeded && outcome.tally.failed == 0;
            total.passed += outcome.tally.passed;
            total.failed += outcome.tally.failed + u64::from(silent);
        }
        total
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<12} {:<8} {:>8} {:>8} {:>8}",
            "step", "outcome", "passed", "failed", "seconds"
        )?;
        for (step, outcome) in &self.0 {
            let word = if outcome.succeeded { "ok" } else { "FAILED" };
            let Tally { passed, failed } = outcome.tally;
            let seconds = outcome.seconds;
            writeln!(
                f,
                "{step:<12} {word:<8} {passed:>8} {failed:>8} {seconds:>8.1}"
            )?;
        }
        let Tally { passed, failed } = self.total();
        write!(f, "\n{passed} passed, {failed} failed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(succeeded: bool, passed: u64, failed: u64) -> Outcome {
        Outcome {
            succeeded,
            tally: Tally { passed, failed },
            seconds: 1.0,
        }
    }

    #[test]
    fn results_of_several_runners_add_up() {
        let mut tally = Tally::default();
        for line in [
            "running 4 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
        ] {
            tally.read(line);
        }
        assert_eq!(
            tally,
            Tally {
                passed: 13,
                failed: 2
            }
        );
    }

    #[test]
    fn closing_line_sums_all_steps() {
        let mut report = Report::default();
        report.add("fmt", outcome(true, 0, 0));
        report.add("test", outcome(true, 40, 0));
        report.add("doctest", outcome(true, 2, 0));
        assert!(report.succeeded());
        assert_eq!(
            report.to_string().lines().last(),
            Some("42 passed, 0 failed")
        );
    }

    #[test]
    fn step_that_fails_without_a_test_counts_as_one_failure() {
        let mut report = Report::default();
        report.add("clippy", outcome(false, 0, 0));
        report.add("test", outcome(false, 40, 3));
        assert!(!report.succeeded());
        assert_eq!(
            report.to_string().lines().last(),
            Some("40 passed, 4 failed")
        );
    }
}
