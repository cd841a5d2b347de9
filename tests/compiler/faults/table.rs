//! What was counted, and whether it is enough.

use std::collections::BTreeMap;
use std::fmt;

use super::MOST;
use super::corpus::Unit;
use super::inject::{Fault, Kind};
use super::judge::{self, Outcome};

/// Least share of the mistakes that are told, in percent.
const RECALL: f64 = 95.0;
/// Most reports for each mistake.
const REPORTS: f64 = 1.1;
/// Rows of a list of classes.
const ROWS: usize = 40;

/// Counts of one kind of fault, or of one number of faults.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    /// Faults that were tried alone.
    injected: usize,
    /// Those that gave no error.
    silent: usize,
    /// Mistakes that were injected, alone or with others.
    mistakes: usize,
    told: usize,
    /// Findings of all kinds, errors among them.
    reports: usize,
    errors: usize,
}

/// One class of something that may go wrong, with what was seen first.
#[derive(Debug, Default)]
struct Class {
    count: usize,
    of: usize,
    samples: Vec<String>,
}

/// Everything counted.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    samples: usize,
    kinds: BTreeMap<Kind, Row>,
    sizes: [Row; MOST],
    panics: usize,
    /// Faults without an error, by kind and class.
    silent: BTreeMap<(Kind, String), Class>,
    /// Single faults with several reports.
    noisy: BTreeMap<(Kind, String), Class>,
    /// Mistakes that were not told, alone or together.
    missed: BTreeMap<(Kind, String), Class>,
    /// Reports of combinations beyond one for each mistake.
    crowded: Class,
}

impl Class {
    fn add(&mut self, hit: bool, most: usize, sample: impl FnOnce() -> String) {
        self.of += 1;
        if hit {
            self.count += 1;
            if self.samples.len() < most {
                self.samples.push(sample());
            }
        }
    }
}

impl Tally {
    pub(crate) fn new(samples: usize) -> Self {
        Self {
            samples,
            ..Self::default()
        }
    }

    /// Counts a fault that was tried alone.
    pub(crate) fn alone(&mut self, unit: &Unit, fault: &Fault, outcome: &Outcome) {
        self.panics += usize::from(outcome.panicked());
        let row = self.kinds.entry(fault.kind).or_default();
        row.injected += 1;
        row.silent += usize::from(outcome.errors == 0);
        let key = (fault.kind, fault.class.clone());
        let sample = || format!("{}\n{}", judge::describe(unit, fault), outcome.shown(unit));
        let most = self.samples;
        let silent = self.silent.entry(key.clone()).or_default();
        silent.add(outcome.errors == 0, most, sample);
        let noisy = self.noisy.entry(key).or_default();
        noisy.add(outcome.errors > 0 && outcome.reports > 1, most, sample);
    }

    /// Counts mistakes that were injected together.
    pub(crate) fn together(
        &mut self,
        unit: &Unit,
        faults: &[&Fault],
        outcome: &Outcome,
        told: &[bool],
    ) {
        self.panics += usize::from(outcome.panicked());
        let all = || {
            let faults: Vec<String> = faults
                .iter()
                .zip(told)
                .map(|(fault, told)| {
                    let mark = if *told { "told" } else { "MISSED" };
                    format!("  {mark} {}", judge::describe(unit, fault))
                })
                .collect();
            format!("{}\n{}", faults.join("\n"), outcome.shown(unit))
        };
        let row = &mut self.sizes[faults.len() - 1];
        row.mistakes += faults.len();
        row.told += told.iter().filter(|told| **told).count();
        row.reports += outcome.reports;
        row.errors += outcome.errors;
        for (fault, told) in faults.iter().zip(told) {
            let row = self.kinds.entry(fault.kind).or_default();
            row.mistakes += 1;
            row.told += usize::from(*told);
            let key = (fault.kind, fault.class.clone());
            let missed = self.missed.entry(key).or_default();
            missed.add(!*told, self.samples, all);
        }
        if faults.len() == 1 {
            let row = self.kinds.entry(faults[0].kind).or_default();
            row.reports += outcome.reports;
            row.errors += outcome.errors;
        }
        let crowded = outcome.reports > faults.len() && faults.len() > 1;
        self.crowded.add(crowded, self.samples * 5, all);
    }

    fn whole(&self) -> Row {
        let mut whole = Row::default();
        for row in self.sizes {
            whole.mistakes += row.mistakes;
            whole.told += row.told;
            whole.reports += row.reports;
            whole.errors += row.errors;
        }
        whole
    }

    /// What falls short of what is asked for.
    pub(crate) fn short(&self) -> Vec<String> {
        let mut short = Vec::new();
        if self.panics > 0 {
            short.push(format!("{} panics", self.panics));
        }
        let sizes = self.sizes.iter().enumerate();
        let rows = sizes.map(|(at, row)| (format!("{} at a time", at + 1), *row));
        for (name, row) in rows.chain([("all".to_owned(), self.whole())]) {
            if row.recall() < RECALL {
                short.push(format!(
                    "{name}: {:.1} % told, {RECALL} asked",
                    row.recall()
                ));
            }
            if row.reports_each() > REPORTS {
                let each = row.reports_each();
                short.push(format!("{name}: {each:.2} reports each, {REPORTS} allowed"));
            }
        }
        short
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a table")]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

impl Row {
    fn recall(&self) -> f64 {
        share(self.told, self.mistakes) * 100.0
    }

    fn reports_each(&self) -> f64 {
        share(self.reports, self.mistakes)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<24}{:>9}{:>9}{:>10}{:>9}{:>14}",
            "alone", "tried", "valid", "mistakes", "told", "reports each"
        )?;
        for (kind, row) in &self.kinds {
            writeln!(
                f,
                "{:<24}{:>9}{:>9}{:>10}{:>8.1}%",
                kind.name(),
                row.injected,
                row.silent,
                row.mistakes,
                row.recall(),
            )?;
        }
        writeln!(
            f,
            "\n{:<24}{:>9}{:>9}{:>14}{:>14}",
            "together", "mistakes", "told", "reports each", "errors each"
        )?;
        let sizes = self.sizes.iter().enumerate();
        let rows = sizes.map(|(at, row)| (format!("{} at a time", at + 1), *row));
        for (name, row) in rows.chain([("all".to_owned(), self.whole())]) {
            writeln!(
                f,
                "{name:<24}{:>9}{:>8.1}%{:>14.3}{:>14.3}",
                row.mistakes,
                row.recall(),
                row.reports_each(),
                share(row.errors, row.mistakes),
            )?;
        }
        writeln!(f, "\npanics: {}", self.panics)?;
        if self.samples == 0 {
            return Ok(());
        }
        list(f, "mistakes that were not told", &self.missed)?;
        list(f, "single faults with several reports", &self.noisy)?;
        list(f, "faults without an error", &self.silent)?;
        writeln!(
            f,
            "\n== combinations with more reports than mistakes: {} of {}",
            self.crowded.count, self.crowded.of
        )?;
        for sample in &self.crowded.samples {
            writeln!(f, "--\n{sample}")?;
        }
        Ok(())
    }
}

/// The classes with most hits, and samples.
fn list(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    classes: &BTreeMap<(Kind, String), Class>,
) -> fmt::Result {
    let mut classes: Vec<_> = classes
        .iter()
        .filter(|(_, class)| class.count > 0)
        .collect();
    classes.sort_by_key(|(_, class)| std::cmp::Reverse(class.count));
    writeln!(f, "\n== {title}")?;
    for ((kind, what), class) in classes.iter().take(ROWS) {
        let name = format!("{}: {what}", kind.name());
        writeln!(f, "{name:<48}{:>7} of {:>7}", class.count, class.of)?;
    }
    for ((kind, what), class) in classes.iter().take(ROWS) {
        for sample in &class.samples {
            writeln!(f, "-- {title}: {} ({what})\n{sample}", kind.name())?;
        }
    }
    Ok(())
}
