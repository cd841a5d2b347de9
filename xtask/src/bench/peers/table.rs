//! The tables for people.

use super::cases::Case;
use super::programs::{FLOOR, OURS};
use super::results::Results;
use super::round::Pace;

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

/// The rows in columns: the first left, the others right.
fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let line = |row: &Vec<String>| {
        let mut line = String::from(" ");
        for (at, cell) in row.iter().enumerate() {
            let blanks = " ".repeat(width(at) - cell.chars().count());
            line.push_str(if at == 0 { " " } else { "  " });
            if at == 0 {
                line.extend([cell.as_str(), &blanks]);
            } else {
                line.extend([blanks.as_str(), cell]);
            }
        }
        line.trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn ratio(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| format!("{value:.2}"))
}

/// Thousands apart by blanks, and decimals only where they say something.
pub(super) fn number(value: f64) -> String {
    let decimals = match value.abs() {
        tiny if tiny < 0.1 => 3,
        small if small < 10.0 => 2,
        middling if middling < 100.0 => 1,
        _ => 0,
    };
    let written = format!("{value:.decimals$}");
    let (whole, rest) = written.split_once('.').unwrap_or((&written, ""));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    if rest.is_empty() {
        grouped
    } else {
        format!("{grouped}.{rest}")
    }
}

#[cfg(test)]
mod tests {
    use super::super::cases::CASES;
    use super::super::results::Failure;
    use super::super::results::tests::results;
    use super::*;

    #[test]
    fn numbers_have_as_many_decimals_as_they_need() {
        for (value, written) in [
            (0.0667, "0.067"),
            (0.456, "0.46"),
            (12.34, "12.3"),
            (999.6, "1 000"),
            (1_234_567.0, "1 234 567"),
            (100.0, "100"),
        ] {
            assert_eq!(number(value), written);
        }
    }

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
