//! The tables for people.

use super::cases::{CASES, Case, key};
use super::cold::{COLD, PROST};
use super::programs::OURS;
use super::trees::Tree;
use crate::bench::columns::{aligned, number, ratio};
use crate::bench::results::{Results, Rounds};

pub(super) fn heading(rounds: usize) -> String {
    format!(
        "Medians of {rounds} rounds (lowest–highest). CPU is user and system time of all threads; \"{OURS} x\" is the \
         figure of {OURS} divided by this one."
    )
}

/// The table of a tree: a line for each case and compiler.
pub(super) fn tree(tree: &Tree, results: &Results) -> String {
    #[expect(
        clippy::cast_precision_loss,
        reason = "trees are far smaller than 2^53 bytes"
    )]
    let size = tree.bytes as f64 / 1e6;
    let mut lines = vec![format!("{} files, {} MB", tree.files, number(size))];
    let mut rows = vec![titles()];
    let mut remarks = Vec::new();
    for Case { name, systems } in &CASES {
        let key = key(name, tree.files);
        for &system in *systems {
            rows.extend(row(results, &key, name, system));
            let rounds = results.rounds(&key, system);
            if let Some(trouble) = rounds.and_then(Rounds::trouble) {
                remarks.push(format!("  {name}, {system}: {trouble}"));
            }
        }
    }
    lines.extend(aligned(&rows));
    lines.extend(remarks);
    lines.join("\n")
}

/// The table of the cold builds.
pub(super) fn cold(results: &Results) -> String {
    let mut lines = vec!["First build of a build script's dependencies".to_owned()];
    let mut rows = vec![titles()];
    for system in [OURS, PROST] {
        rows.extend(row(results, COLD, COLD, system));
        let rounds = results.rounds(COLD, system);
        if let Some(trouble) = rounds.and_then(Rounds::trouble) {
            lines.push(format!("  {system}: {trouble}"));
        }
    }
    lines.extend(aligned(&rows));
    lines.join("\n")
}

fn titles() -> Vec<String> {
    [
        "case",
        "compiler",
        "CPU s",
        "(lowest–highest)",
        "callsheet x",
        "peak MiB",
        "callsheet x",
        "wall s",
        "cores",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn row(results: &Results, key: &str, name: &str, system: &str) -> Option<Vec<String>> {
    let median = |system: &str, figure: &str| results.median(key, system, figure);
    let [lowest, cpu, highest] = results.rounds(key, system)?.spread("cpu_s")?;
    let beside = |figure: &str| Some(median(OURS, figure)? / median(system, figure)?);
    let shown = |figure: &str| median(system, figure).map_or_else(String::new, number);
    Some(vec![
        name.to_owned(),
        system.to_owned(),
        number(cpu),
        format!("({}–{})", number(lowest), number(highest)),
        ratio(beside("cpu_s")),
        shown("peak_mib"),
        ratio(beside("peak_mib")),
        shown("wall_s"),
        shown("cores"),
    ])
}
