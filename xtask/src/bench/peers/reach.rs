//! What is wanted of Callsheet, and whether a run shows it.

use std::fmt::Write;

use super::programs::{FLOOR, OURS, SYSTEMS};
use crate::bench::columns::number;
use crate::bench::results::Results;

/// What a figure is divided by.
enum Against {
    /// Nothing: it is wanted as it is.
    Nothing,
    /// The same figure of a system.
    System(&'static str),
    /// The same figure of whichever peer has the highest.
    HighestPeer,
    /// The same figure of whichever peer has the lowest.
    LowestPeer,
    /// Another figure of our own, of a case.
    Own(&'static str, &'static str),
}

use Against::{HighestPeer, LowestPeer, Nothing, Own, System};

enum Wanted {
    AtLeast(f64),
    AtMost(f64),
}

use Wanted::{AtLeast, AtMost};

/// A line of the list: our figure of a case, divided by another.
struct Line {
    case: &'static str,
    figure: &'static str,
    against: Against,
    wanted: Wanted,
}

const fn line(case: &'static str, figure: &'static str, against: Against, wanted: Wanted) -> Line {
    Line {
        case,
        figure,
        against,
        wanted,
    }
}

const CALLS: &str = "calls_per_s";
const P99: &str = "p99_us";

/// What other load on the machine may take of a figure that should stay the same.
const SAME: f64 = 0.95;

const LINES: &[Line] = &[
    line("S 1x1", CALLS, System(FLOOR), AtLeast(1.0)),
    line("S 1x1", CALLS, System("tonic"), AtLeast(1.2)),
    line("S 1x1", P99, System("tonic"), AtMost(0.85)),
    line("S 64x1", CALLS, System(FLOOR), AtLeast(0.8)),
    line("S 64x1", CALLS, System("tonic"), AtLeast(7.0)),
    line("S 64x1", CALLS, System("connectrpc"), AtLeast(7.0)),
    line("S 64x1", CALLS, System("volo-thrift"), AtLeast(5.0)),
    line("S 64x1", CALLS, System("tarpc"), AtLeast(4.5)),
    line("S 64x1", CALLS, System("ttrpc"), AtLeast(3.7)),
    line(
        "S 64x1",
        "server_cpu_s_per_m",
        System("tonic"),
        AtMost(1.0 / 15.0),
    ),
    line("S 64x4", CALLS, System(FLOOR), AtLeast(0.6)),
    line("S 64x4", CALLS, System("tonic"), AtLeast(12.0)),
    line("S 64x4", P99, System("tonic"), AtMost(0.1)),
    line("S 512x4", CALLS, System(FLOOR), AtLeast(0.4)),
    line("S 512x4", CALLS, System("tonic"), AtLeast(18.0)),
    line("S 512x4", CALLS, System("tarpc"), AtLeast(7.0)),
    line("S 512x4", P99, Nothing, AtMost(1000.0)),
    line("K 64x4", CALLS, System(FLOOR), AtLeast(0.65)),
    line("K 64x4", CALLS, System("tonic"), AtLeast(16.0)),
    line("K 64x4", CALLS, HighestPeer, AtLeast(6.0)),
    line("L 64x1", CALLS, HighestPeer, AtLeast(1.0)),
    line("L 64x1", CALLS, System("tonic"), AtLeast(2.5)),
    line("L 64x1", P99, System("volo-thrift"), AtMost(2.0)),
    line("L 64x4", CALLS, HighestPeer, AtLeast(1.0)),
    line("L 64x4", CALLS, System("tonic"), AtLeast(2.5)),
    line("L 64x4", P99, System("volo-thrift"), AtMost(2.0)),
    line(
        "stream server",
        "messages_per_s",
        System("tonic"),
        AtLeast(1.3),
    ),
    line("open 20k", P99, System("tonic"), AtMost(0.2)),
    line("open 20k", P99, LowestPeer, AtMost(0.5)),
    line("open 20k", "cpu_s_per_m", System("tonic"), AtMost(0.25)),
    line("open 50k", P99, System("tonic"), AtMost(0.2)),
    line("open 50k", P99, LowestPeer, AtMost(0.5)),
    line("open 50k", "cpu_s_per_m", System("tonic"), AtMost(0.25)),
    line("S 64x1 pending", CALLS, Own("S 64x1", CALLS), AtLeast(0.8)),
    line("idle 2000", "kib_per_connection", Nothing, AtMost(6.0)),
    // Given back to the allocator, which keeps some of it from the system.
    line(
        "idle 2000",
        "kib_per_connection_after_burst",
        Own("idle 2000", "kib_per_connection"),
        AtMost(2.0),
    ),
    line(
        "S beside 4 MiB",
        P99,
        Own("S beside 4 MiB", "alone_p99_us"),
        AtMost(3.0),
    ),
    line("S 128x2", CALLS, Own("S 64x1", CALLS), AtLeast(SAME)),
    line("S 256x4", CALLS, Own("S 64x1", CALLS), AtLeast(SAME)),
    line("S 1024x16", CALLS, Own("S 64x1", CALLS), AtLeast(SAME)),
    line("S 4096x64", CALLS, Own("S 64x1", CALLS), AtLeast(SAME)),
    line("S 10000x4", CALLS, Own("S 64x1", CALLS), AtLeast(SAME)),
];

/// A line for each wish that the results say something of.
pub(super) fn checklist(results: &Results) -> String {
    let mut list = String::from("Wanted of Callsheet, and measured:");
    let (mut held, mut short) = (0, 0);
    for line in LINES {
        let Some((measured, other)) = line.measure(results) else {
            continue;
        };
        let (holds, wanted) = match line.wanted {
            AtLeast(least) => (measured >= least, format!("at least {}", number(least))),
            AtMost(most) => (measured <= most, format!("at most {}", number(most))),
        };
        *(if holds { &mut held } else { &mut short }) += 1;
        let verdict = if holds { "holds" } else { "short" };
        let what = format!("{}: {}{other}", line.case, line.figure);
        // Writing to a string cannot fail.
        let _ = write!(
            list,
            "\n  {verdict}  {what:<62} {wanted:<16} {:>9}",
            number(measured)
        );
    }
    let _ = write!(list, "\n{held} hold, {short} fall short");
    let silent = LINES.len() - held - short;
    if silent > 0 {
        let _ = write!(list, ", {silent} were not measured");
    }
    list
}

impl Line {
    /// The figure, and how its divisor is called. Nothing when one of them was not measured.
    fn measure(&self, results: &Results) -> Option<(f64, String)> {
        let ours = results.median(self.case, OURS, self.figure)?;
        let peers = || {
            let peers = SYSTEMS
                .into_iter()
                .filter(|name| ![FLOOR, OURS].contains(name));
            peers.filter_map(|name| Some((results.median(self.case, name, self.figure)?, name)))
        };
        let by_figure = |a: &(f64, &str), b: &(f64, &str)| a.0.total_cmp(&b.0);
        let (other, name) = match self.against {
            Nothing => return Some((ours, String::new())),
            System(name) => (
                results.median(self.case, name, self.figure)?,
                name.to_owned(),
            ),
            HighestPeer => peers()
                .max_by(by_figure)
                .map(|(figure, name)| (figure, format!("{name}, the best peer")))?,
            LowestPeer => peers()
                .min_by(by_figure)
                .map(|(figure, name)| (figure, format!("{name}, the best peer")))?,
            Own(case, figure) => (
                results.median(case, OURS, figure)?,
                if case == self.case {
                    figure.to_owned()
                } else {
                    case.to_owned()
                },
            ),
        };
        Some((ours / other, format!(" / {name}")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::cases::CASES;
    use super::*;
    use crate::bench::results::tests::results;

    #[test]
    fn every_line_is_about_a_case_that_is_run() {
        for line in LINES {
            assert!(
                CASES.iter().any(|case| case.name == line.case),
                "{}",
                line.case
            );
        }
    }

    #[test]
    fn list_tells_what_holds_and_what_falls_short() {
        let results = results(&[
            ("S 1x1", FLOOR, CALLS, &[100.0]),
            ("S 1x1", OURS, CALLS, &[110.0]),
            ("S 1x1", "tonic", CALLS, &[100.0]),
        ]);
        let list = checklist(&results);
        let lines: Vec<String> = list
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(
            lines[1],
            "holds S 1x1: calls_per_s / limit at least 1.00 1.10"
        );
        assert_eq!(
            lines[2],
            "short S 1x1: calls_per_s / tonic at least 1.20 1.10"
        );
        let silent = LINES.len() - 2;
        assert_eq!(
            lines[3],
            format!("1 hold, 1 fall short, {silent} were not measured")
        );
    }

    #[test]
    fn best_peer_is_neither_the_floor_nor_ours() {
        let results = results(&[
            ("K 64x4", FLOOR, CALLS, &[1000.0]),
            ("K 64x4", OURS, CALLS, &[600.0]),
            ("K 64x4", "tonic", CALLS, &[50.0]),
        ]);
        let list = checklist(&results);
        assert!(list.contains("tonic, the best peer"), "{list}");
    }
}
