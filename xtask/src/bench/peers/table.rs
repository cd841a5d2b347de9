//! The tables for people.

use super::cases::Case;
use super::programs::{FLOOR, OURS};
use super::round::Pace;
use crate::bench::columns::{aligned, number, ratio};
use crate::bench::results::Results;

/// A figure of a table: its name in the results, and its heading.
const COLUMNS: [(&str, &str); 14] = [
    ("calls_per_s", "calls/s"),
    ("messages_per_s", "messages/s"),
    ("kib_per_connection", "KiB/connection"),
    ("kib_per_connection_after_burst", "after burst"),
    ("p50_us", "p50 us"),
    ("p99_us", "p99 us"),
    ("p999_us", "p99.9 us"),
    ("server_cpu_s_per_m", "server CPU s/M"),
    ("client_cpu_s_per_m", "client CPU s/M"),
    ("failed_calls", "failed"),
    ("alone_calls_per_s", "alone: calls/s"),
    ("alone_p50_us", "p50 us"),
    ("alone_p99_us", "p99 us"),
    ("neighbours_per_s", "neighbours/s"),
];

pub(super) fn heading(rounds: usize, pace: Pace) -> String {
    format!(
        "Medians of {rounds} rounds (lowest–highest), {:?} each after {:?} of warm-up; server on one core, load on another.\n\
         \"of {FLOOR}\" is the first figure divided by that of {FLOOR}; \"{OURS} x\" is that of {OURS} divided by this one.",
        pace.window, pace.warm,
    )
}

/// A case's table: a line per system. The first figure has its spread, and how it compares.
pub(super) fn table(case: &Case, results: &Results) -> String {
    let Case { name, shows, .. } = case;
    let has = |figure: &str| {
        let mut rounds = results.of_case(name);
        rounds.any(|(_, rounds)| rounds.spread(figure).is_some())
    };
    let mut columns: Vec<_> = COLUMNS
        .into_iter()
        .filter(|(figure, _)| has(figure))
        .collect();
    columns.sort_by_key(|(figure, _)| *figure != case.figure);
    let mut lines = vec![format!("{name}: {shows}")];
    let mut grid = Vec::new();
    let mut remarks = Vec::new();
    if let [(first, heading), others @ ..] = columns.as_slice() {
        let mut titles = vec![
            "system".to_owned(),
            (*heading).to_owned(),
            "(lowest–highest)".to_owned(),
            format!("of {FLOOR}"),
            format!("{OURS} x"),
        ];
        titles.extend(others.iter().map(|(_, heading)| (*heading).to_owned()));
        grid.push(titles);
        for (system, rounds) in results.of_case(name) {
            let Some([lowest, median, highest]) = rounds.spread(first) else {
                continue;
            };
            let of_floor = results
                .median(name, FLOOR, first)
                .map(|floor| median / floor);
            let ours = results.median(name, OURS, first).map(|ours| ours / median);
            let mut row = vec![
                system.to_owned(),
                number(median),
                format!("({}–{})", number(lowest), number(highest)),
                ratio(of_floor),
                ratio(ours),
            ];
            for (figure, _) in others {
                let median = rounds.spread(figure).map(|[_, median, _]| median);
                row.push(median.map_or_else(String::new, number));
            }
            grid.push(row);
        }
    }
    for (system, rounds) in results.of_case(name) {
        if let Some(trouble) = rounds.trouble() {
            remarks.push(format!("  {system}: {trouble}"));
        }
    }
    lines.extend(aligned(&grid));
    lines.extend(remarks);
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::cases::CASES;
    use super::*;
    use crate::bench::results::Failure;
    use crate::bench::results::tests::results;

    #[test]
    fn figure_that_a_case_is_about_comes_first() {
        let case = CASES.iter().find(|case| case.name == "open 20k").unwrap();
        let mut results = Results::default();
        let figures = [("calls_per_s", 20_000.0), ("p99_us", 300.0)];
        let figures = figures.map(|(name, figure)| (name.to_owned(), figure));
        results.add(case.name, "tonic", Ok(figures.into()));
        let table = table(case, &results);
        let titles = table.lines().nth(1).unwrap();
        assert!(titles.find("p99 us") < titles.find("calls/s"), "{table}");
    }

    #[test]
    fn table_compares_with_the_floor_and_with_us() {
        let mut results = results(&[
            ("S 1x1", "limit", "calls_per_s", &[200.0]),
            ("S 1x1", "callsheet", "calls_per_s", &[100.0, 90.0, 110.0]),
            ("S 1x1", "tonic", "calls_per_s", &[50.0]),
        ]);
        results.add("S 1x1", "tarpc", Err(Failure::lasting("did not build")));
        let expected = "\
S 1x1: 16 B, one call at a time
  system     calls/s  (lowest–highest)  of limit  callsheet x
  limit          200         (200–200)      1.00         0.50
  callsheet      100         (90.0–110)      0.50         1.00
  tonic         50.0       (50.0–50.0)      0.25         2.00
  tarpc: did not build";
        let table = table(&CASES[0], &results);
        let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(squeezed(&table), squeezed(expected));
        let widths: Vec<usize> = table
            .lines()
            .skip(1)
            .take(4)
            .map(|line| line.chars().count())
            .collect();
        assert!(widths.iter().all(|&width| width == widths[0]), "{table}");
    }
}
