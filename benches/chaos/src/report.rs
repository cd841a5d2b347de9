//! What came of the scenarios: a line for each fact, ours beside another's.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use crate::judgement::{Judgement, Source};
use crate::machine::{Noise, TOO_LATE};
use crate::record::Record;
use crate::registry::Arena;
use crate::stage::System;

/// Failed calls that are written down one by one; beyond, their number tells enough.
const WRITTEN: usize = 2000;

/// One scenario, played once.
pub(crate) struct Run {
    pub(crate) scenario: &'static str,
    pub(crate) system: System,
    pub(crate) arena: Arena,
    pub(crate) judgements: Vec<Judgement>,
    /// Why it came to no end.
    pub(crate) failure: Option<String>,
    pub(crate) noise: Noise,
    pub(crate) seconds: f64,
    pub(crate) repeated: bool,
    pub(crate) records: Vec<Record>,
}

impl Run {
    pub(crate) fn holds(&self) -> bool {
        let late = self.noise.late;
        self.failure.is_none() && self.judgements.iter().all(|one| one.holds(late))
    }

    /// Tells who waits.
    pub(crate) fn tell(&self) {
        eprintln!(
            "{} on {}, {}:",
            self.scenario,
            self.arena,
            self.system.name()
        );
        for judgement in &self.judgements {
            let mark = if judgement.holds(self.noise.late) {
                ' '
            } else {
                '!'
            };
            eprintln!(
                "  {mark} {}: {} {}",
                judgement.what, judgement.figure, judgement.note
            );
        }
        if let Some(failure) = &self.failure {
            eprintln!("  ! {failure}");
        }
        let Noise { late, others, own } = self.noise;
        eprintln!(
            "    {:.0} s; timer late by {late:.1?} at most; {own:.1} cores busy here, {others:.1} elsewhere",
            self.seconds
        );
    }

    fn json(&self) -> Value {
        let late = self.noise.late;
        let lines: Vec<Value> = self
            .judgements
            .iter()
            .map(|one| {
                json!({
                    "what": one.what,
                    "figure": if one.figure.value.is_finite() { json!(one.figure.value) } else { json!("never") },
                    "text": one.figure.to_string(),
                    "at_most": one.bound.map(|(most, _)| most.value),
                    "holds": one.holds(late),
                    "note": one.note,
                })
            })
            .collect();
        let loads: Vec<Value> = self
            .records
            .iter()
            .map(|record| {
                json!({
                    "name": record.name,
                    "calls": record.all(),
                    "failed": record.failed.len(),
                    "behind_us": record.late,
                    "slices": record.slices(),
                    "failures": record.failed.iter().take(WRITTEN).collect::<Vec<_>>(),
                })
            })
            .collect();
        json!({
            "scenario": self.scenario,
            "system": self.system.name(),
            "on": self.arena.name(),
            "holds": self.holds(),
            "failure": self.failure,
            "lines": lines,
            "timer_late_ms": late.as_secs_f64() * 1000.0,
            "cores_busy_elsewhere": self.noise.others,
            "cores_busy_here": self.noise.own,
            "seconds": self.seconds,
            "repeated": self.repeated,
            "loads": loads,
        })
    }
}

/// Everything that was played.
pub(crate) struct Report {
    /// Whose lines stand beside ours.
    beside: System,
    pub(crate) runs: Vec<Run>,
    /// How long it took, with what was played at the same time.
    pub(crate) lasted: Duration,
}

impl Report {
    /// Nothing yet, to be compared with this system.
    pub(crate) fn beside(beside: System) -> Self {
        Self {
            beside,
            runs: Vec::new(),
            lasted: Duration::ZERO,
        }
    }

    /// Whether each line of ours is within its bound. What the others do is told and not judged.
    pub(crate) fn holds(&self) -> bool {
        self.ours().all(Run::holds)
    }

    fn ours(&self) -> impl Iterator<Item = &Run> {
        let runs = self.runs.iter();
        runs.filter(|run| run.system == System::Callsheet)
    }

    /// What the other did where ours did this.
    fn other(&self, scenario: &str, what: &str) -> Option<String> {
        let runs = self.runs.iter();
        let mut runs = runs.filter(|run| run.system == self.beside);
        let run = runs.find(|run| run.scenario == scenario)?;
        if run.failure.is_some() {
            return Some("failed".to_owned());
        }
        let judgement = run.judgements.iter().find(|one| one.what == what)?;
        Some(cell(judgement))
    }

    /// One object for each run.
    pub(crate) fn json(&self) -> String {
        let runs: Vec<String> = self.runs.iter().map(|run| run.json().to_string()).collect();
        format!("[\n{}\n]\n", runs.join(",\n"))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![
            [
                "scenario",
                "on",
                "fact",
                "at most",
                "callsheet",
                self.beside.name(),
                "",
            ]
            .map(str::to_owned),
        ];
        for run in self.ours() {
            for one in &run.judgements {
                let most = one
                    .bound
                    .map_or_else(String::new, |(most, source)| match source {
                        Source::Goal => most.to_string(),
                        Source::Promise => format!("{most} *"),
                    });
                let verdict = match one.bound {
                    None => "",
                    Some(_) if one.holds(run.noise.late) => "ok",
                    Some(_) => "SHORT",
                };
                rows.push([
                    run.scenario.to_owned(),
                    run.arena.to_string(),
                    one.what.clone(),
                    most,
                    cell(one),
                    self.other(run.scenario, &one.what).unwrap_or_default(),
                    verdict.to_owned(),
                ]);
            }
            if let Some(failure) = &run.failure {
                let first = failure.lines().next().unwrap_or_default().to_owned();
                let [scenario, on] = [run.scenario.to_owned(), run.arena.to_string()];
                let none = String::new;
                rows.push([
                    scenario,
                    on,
                    first,
                    none(),
                    none(),
                    none(),
                    "FAILED".to_owned(),
                ]);
            }
        }
        let mut widths = [0; 7];
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        for row in &rows {
            let cells: Vec<String> = row
                .iter()
                .zip(widths)
                .map(|(cell, width)| format!("{cell:<width$}"))
                .collect();
            writeln!(f, "{}", cells.join("  ").trim_end())?;
        }
        self.say_of_the_machine(f)
    }
}

/// A figure with the beginning of its note: the whole is in the running account.
fn cell(judgement: &Judgement) -> String {
    let note = judgement.note.split(';').next().unwrap_or_default();
    format!("{} {note}", judgement.figure).trim().to_owned()
}

impl Report {
    fn say_of_the_machine(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let late = self.runs.iter().map(|run| run.noise.late).max();
        let late = late.unwrap_or_default();
        let seconds: f64 = self.runs.iter().map(|run| run.seconds).sum();
        let busy: f64 = self
            .runs
            .iter()
            .map(|run| run.noise.others * run.seconds)
            .sum();
        let again = self.runs.iter().filter(|run| run.repeated).count();
        writeln!(f)?;
        writeln!(
            f,
            "* what the documentation promises; the other bounds are what the project has set itself"
        )?;
        writeln!(
            f,
            "the machine: an idle timer was late by {late:.1?} at most, which bounds of time are given on top, each \
             scenario by its own; {:.2} cores were busy with other things; {again} scenarios were played again for a lateness \
             beyond {TOO_LATE:?}",
            if seconds > 0.0 { busy / seconds } else { 0.0 }
        )?;
        let lines = self
            .ours()
            .flat_map(|run| run.judgements.iter().map(move |one| (run, one)));
        let judged = lines.filter(|(_, one)| one.bound.is_some());
        let (held, short): (Vec<_>, Vec<_>) =
            judged.partition(|(run, one)| one.holds(run.noise.late));
        let failed = self.ours().filter(|run| run.failure.is_some()).count();
        write!(
            f,
            "{} lines hold, {} fall short, {failed} scenarios failed, in {:.0} s",
            held.len(),
            short.len(),
            self.lasted.as_secs_f64()
        )
    }
}
