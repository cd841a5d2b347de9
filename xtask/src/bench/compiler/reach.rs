//! What is wanted of the compiler, and whether a run shows it.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::cases::{AGAIN, CHECK, GEN, WRONG, key};
use super::cold::{COLD, PROST};
use super::programs::{OURS, PROTOC, PROTOX};
use crate::bench::columns::number;
use crate::bench::results::Results;

/// One wish, and the figure that tells; nothing where it was not measured.
struct Line {
    what: String,
    measured: Option<f64>,
    wanted: Wanted,
}

#[derive(Clone, Copy)]
enum Wanted {
    AtLeast(f64),
    AtMost(f64),
}

use Wanted::{AtLeast, AtMost};

const CPU: &str = "cpu_s";
const PEAK: &str = "peak_mib";

/// What a share of a clean tree's time the reports of a wrong one may add.
const WRONG_AT_MOST: f64 = 1.3;
/// The input grows sevenfold between these trees, and the cost by no more than this.
const GROWN: [usize; 2] = [1000, 7000];
const GROWN_AT_MOST: f64 = 8.0;
/// The share of the cores that work while a tree of this size or more is checked; reading the folder is one thread's work.
const CORES_AT_LEAST: f64 = 0.75;

/// A line for each wish.
pub(super) fn checklist(results: &Results, files: &BTreeSet<usize>, cores: usize) -> String {
    let mut list = String::from("Wanted of the compiler, and measured:");
    let (mut held, mut short, mut silent) = (0, 0, 0);
    for line in lines(results, files, cores) {
        let Some(measured) = line.measured else {
            silent += 1;
            continue;
        };
        let (holds, wanted) = match line.wanted {
            AtLeast(least) => (measured >= least, format!("at least {}", number(least))),
            AtMost(most) => (measured <= most, format!("at most {}", number(most))),
        };
        *(if holds { &mut held } else { &mut short }) += 1;
        let verdict = if holds { "holds" } else { "short" };
        // Writing to a string cannot fail.
        let _ = write!(
            list,
            "\n  {verdict}  {:<62} {wanted:<16} {:>9}",
            line.what,
            number(measured)
        );
    }
    let _ = write!(list, "\n{held} hold, {short} fall short");
    if silent > 0 {
        let _ = write!(list, ", {silent} were not measured");
    }
    list
}

fn lines(results: &Results, files: &BTreeSet<usize>, cores: usize) -> Vec<Line> {
    let median = |case: &str, system: &str, figure: &str| results.median(case, system, figure);
    let mut lines = Vec::new();
    let mut line = |what: String, measured: Option<f64>, wanted: Wanted| {
        lines.push(Line {
            what,
            measured,
            wanted,
        });
    };
    for &count in files {
        let [check, wrong, generate, again] =
            [CHECK, WRONG, GEN, AGAIN].map(|case| key(case, count));
        for (case, peer) in [(&check, PROTOC), (&generate, PROTOX)] {
            for figure in [CPU, PEAK] {
                line(
                    format!("{case}: {figure}, of {peer}"),
                    divided(median(case, OURS, figure), median(case, peer, figure)),
                    AtMost(0.6),
                );
            }
        }
        for (case, of, most) in [(&wrong, &check, WRONG_AT_MOST), (&again, &generate, 0.1)] {
            line(
                format!("{case}: {CPU}, of {of}"),
                divided(median(case, OURS, CPU), median(of, OURS, CPU)),
                AtMost(most),
            );
        }
    }
    for case in [CHECK, GEN] {
        let [small, large] = GROWN.map(|count| key(case, count));
        line(
            format!("{large}: {CPU}, of {small}"),
            divided(median(&large, OURS, CPU), median(&small, OURS, CPU)),
            AtMost(GROWN_AT_MOST),
        );
    }
    let busiest = files.last().map(|&count| key(CHECK, count));
    #[expect(clippy::cast_precision_loss, reason = "no machine has 2^53 cores")]
    let all = cores as f64;
    if let Some(case) = busiest {
        line(
            format!("{case}: cores, of {cores}"),
            divided(median(&case, OURS, "cores"), Some(all)),
            AtLeast(CORES_AT_LEAST),
        );
    }
    for figure in [CPU, "wall_s"] {
        line(
            format!("{COLD}: {figure}, of {PROST}"),
            divided(median(COLD, OURS, figure), median(COLD, PROST, figure)),
            AtMost(1.0),
        );
    }
    lines
}

fn divided(figure: Option<f64>, by: Option<f64>) -> Option<f64> {
    Some(figure? / by?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::tests::results;

    #[test]
    fn lines_that_were_not_measured_are_counted_apart() {
        let results = results(&[
            ("check 100", OURS, CPU, &[1.0]),
            ("check 100", PROTOC, CPU, &[2.0]),
            ("check, wrong 100", OURS, CPU, &[1.4]),
        ]);
        let list = checklist(&results, &BTreeSet::from([100]), 2);
        let lines: Vec<&str> = list.lines().collect();
        assert!(
            lines[1].contains("holds  check 100: cpu_s, of protoc"),
            "{list}"
        );
        assert!(lines[2].contains("short  check, wrong 100"), "{list}");
        assert!(
            list.ends_with("1 hold, 1 fall short, 9 were not measured"),
            "{list}"
        );
    }
}
