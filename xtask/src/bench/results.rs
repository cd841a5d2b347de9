//! What the rounds of a comparison gave, and the medians of it.

use std::collections::BTreeMap;
use std::fmt::Write;

/// What a load printed, by name.
pub(super) type Figures = BTreeMap<String, f64>;

/// Why a run gave no figures.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) reason: String,
    /// Whether another round would fail the same way.
    pub(super) lasting: bool,
}

impl Failure {
    pub(super) fn lasting(reason: &str) -> Self {
        Self {
            reason: reason.to_owned(),
            lasting: true,
        }
    }

    pub(super) fn passing(reason: String) -> Self {
        Self {
            reason,
            lasting: false,
        }
    }
}

/// All rounds of one case with one system.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    figures: Vec<Figures>,
    failures: Vec<Failure>,
}

impl Rounds {
    /// The lowest, the median and the highest of a figure.
    pub(super) fn spread(&self, figure: &str) -> Option<[f64; 3]> {
        let figures = self.figures.iter();
        let mut values: Vec<f64> = figures.filter_map(|row| row.get(figure)).copied().collect();
        values.sort_by(f64::total_cmp);
        let (lowest, highest) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = if values.len().is_multiple_of(2) {
            f64::midpoint(values[middle - 1], values[middle])
        } else {
            values[middle]
        };
        Some([lowest, median, highest])
    }

    /// What went wrong, if anything did.
    pub(super) fn trouble(&self) -> Option<String> {
        let failure = self.failures.last()?;
        Some(if self.figures.is_empty() {
            failure.reason.clone()
        } else {
            let rounds = self.figures.len() + self.failures.len();
            format!(
                "{} of {rounds} rounds failed: {}",
                self.failures.len(),
                failure.reason
            )
        })
    }
}

/// Everything that was measured.
#[derive(Debug, Default)]
pub(super) struct Results {
    /// In the order in which they first ran.
    rows: Vec<(String, &'static str, Rounds)>,
}

impl Results {
    pub(super) fn add(&mut self, case: &str, system: &'static str, row: Result<Figures, Failure>) {
        let at = self
            .rows
            .iter()
            .position(|row| row.0 == case && row.1 == system);
        let at = at.unwrap_or_else(|| {
            self.rows.push((case.to_owned(), system, Rounds::default()));
            self.rows.len() - 1
        });
        let rounds = &mut self.rows[at].2;
        match row {
            Ok(figures) => rounds.figures.push(figures),
            Err(failure) => rounds.failures.push(failure),
        }
    }

    /// Whether another round would tell nothing new.
    pub(super) fn is_settled(&self, case: &str, system: &str) -> bool {
        let rounds = self.rounds(case, system);
        rounds.is_some_and(|rounds| rounds.failures.iter().any(|failure| failure.lasting))
    }

    /// Whether anything was measured at all.
    pub(super) fn any(&self) -> bool {
        self.rows
            .iter()
            .any(|(_, _, rounds)| !rounds.figures.is_empty())
    }

    pub(super) fn rounds(&self, case: &str, system: &str) -> Option<&Rounds> {
        let row = self
            .rows
            .iter()
            .find(|row| row.0 == case && row.1 == system);
        row.map(|(_, _, rounds)| rounds)
    }

    /// The systems that ran a case, in order.
    pub(super) fn of_case<'a>(
        &'a self,
        case: &'a str,
    ) -> impl Iterator<Item = (&'static str, &'a Rounds)> {
        let rows = self.rows.iter().filter(move |row| row.0 == case);
        rows.map(|(_, system, rounds)| (*system, rounds))
    }

    pub(super) fn median(&self, case: &str, system: &str, figure: &str) -> Option<f64> {
        Some(self.rounds(case, system)?.spread(figure)?[1])
    }

    /// An array with an object for each case and system: medians by the figures' names, and the lowest and highest of
    /// each. A system that did not build has one object, without a case.
    pub(super) fn json(&self, missing: &[&str]) -> String {
        let mut rows: Vec<String> = missing
            .iter()
            .map(|system| {
                format!(
                    "{{\"system\":{},\"failed\":\"did not build\"}}",
                    quoted(system)
                )
            })
            .collect();
        for (case, system, rounds) in &self.rows {
            let mut row = format!(
                "{{\"case\":{},\"system\":{},\"rounds\":{}",
                quoted(case),
                quoted(system),
                rounds.figures.len()
            );
            let names = rounds.figures.iter().flat_map(BTreeMap::keys);
            for name in names.collect::<std::collections::BTreeSet<_>>() {
                if let Some([lowest, median, highest]) = rounds.spread(name) {
                    // Writing to a string cannot fail.
                    let _ = write!(
                        row,
                        ",\"{name}\":{median:.3},\"{name}_lowest\":{lowest:.3},\"{name}_highest\":{highest:.3}"
                    );
                }
            }
            if let Some(trouble) = rounds.trouble() {
                let _ = write!(row, ",\"failed\":{}", quoted(&trouble));
            }
            row.push('}');
            rows.push(row);
        }
        format!("[\n{}\n]\n", rows.join(",\n"))
    }
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(control));
            }
            plain => quoted.push(plain),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Results with one figure in each row.
    pub(in super::super) fn results(rows: &[(&str, &'static str, &str, &[f64])]) -> Results {
        let mut results = Results::default();
        for (case, system, figure, values) in rows {
            for value in *values {
                let figures = Figures::from([((*figure).to_owned(), *value)]);
                results.add(case, system, Ok(figures));
            }
        }
        results
    }

    #[test]
    fn median_lies_between_the_lowest_and_the_highest() {
        let odd = results(&[("S 1x1", "tonic", "calls_per_s", &[30.0, 10.0, 11.0])]);
        let rounds = odd.rounds("S 1x1", "tonic").unwrap();
        assert_eq!(rounds.spread("calls_per_s"), Some([10.0, 11.0, 30.0]));
        let even = results(&[("S 1x1", "tonic", "calls_per_s", &[30.0, 10.0])]);
        assert_eq!(even.median("S 1x1", "tonic", "calls_per_s"), Some(20.0));
        assert_eq!(even.median("S 1x1", "tonic", "p99_us"), None);
    }

    #[test]
    fn failed_rounds_do_not_hide_the_others() {
        let mut results = results(&[("S 1x1", "tonic", "calls_per_s", &[30.0])]);
        results.add(
            "S 1x1",
            "tonic",
            Err(Failure::passing("it \"broke\"".to_owned())),
        );
        assert!(!results.is_settled("S 1x1", "tonic"));
        assert_eq!(
            results.json(&[]),
            "[\n{\"case\":\"S 1x1\",\"system\":\"tonic\",\"rounds\":1,\"calls_per_s\":30.000,\
             \"calls_per_s_lowest\":30.000,\"calls_per_s_highest\":30.000,\
             \"failed\":\"1 of 2 rounds failed: it \\\"broke\\\"\"}\n]\n"
        );
    }

    #[test]
    fn case_that_a_system_does_not_offer_is_settled() {
        let mut results = Results::default();
        results.add("stream bidi", "tarpc", Err(Failure::lasting("no streams")));
        assert!(results.is_settled("stream bidi", "tarpc"));
        assert!(!results.any());
    }
}
