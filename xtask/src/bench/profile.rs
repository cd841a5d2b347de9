//! What a profile of `callgrind` says of each function. The format is described in valgrind's manual, "Callgrind Format
//! Specification"; this reads what one event without instruction addresses gives.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

/// What a function takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cost {
    /// Instructions of its own, those of what is inlined into it included.
    own: u64,
    /// Instructions from its calls to their ends.
    whole: u64,
    /// How often it is called.
    calls: u64,
}

/// The functions of a program, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Profile(BTreeMap<String, Cost>);

impl Profile {
    /// Reads a profile; lines that it does not know have nothing to do with functions.
    pub(crate) fn parse(text: &str) -> Self {
        let mut names = HashMap::new();
        let mut profile = Self::default();
        let (mut function, mut called, mut calls) = (String::new(), String::new(), None);
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("fn=") {
                function = resolve(name, &mut names);
            } else if let Some(name) = line.strip_prefix("cfn=") {
                called = resolve(name, &mut names);
            } else if let Some(number) = line.strip_prefix("calls=") {
                calls = number
                    .split(' ')
                    .next()
                    .and_then(|number| number.parse::<u64>().ok());
            } else if let Some(cost) = cost(line) {
                // Behind `calls` stands what they took, not what the caller did.
                if let Some(calls) = calls.take() {
                    let entry = profile.0.entry(called.clone()).or_default();
                    entry.whole += cost;
                    entry.calls += calls;
                } else {
                    profile.0.entry(function.clone()).or_default().own += cost;
                }
            }
        }
        profile
    }

    /// The `top` functions by what they take themselves, each per unit, when `self` is of `units` more than `shorter`.
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of runs of seconds are far below 2^52"
    )]
    pub(crate) fn table(&self, shorter: &Self, units: u64, top: usize) -> String {
        let before = |name: &str| shorter.0.get(name).copied().unwrap_or_default();
        let mut rows: Vec<_> = self
            .0
            .iter()
            .map(|(name, cost)| {
                let before = before(name);
                let each = |now: u64, then: u64| now.saturating_sub(then) as f64 / units as f64;
                (
                    each(cost.own, before.own),
                    each(cost.whole, before.whole),
                    each(cost.calls, before.calls),
                    name,
                )
            })
            .collect();
        rows.sort_by(|a, b| b.0.total_cmp(&a.0));
        let total: f64 = rows.iter().map(|row| row.0).sum();
        let mut text = format!(
            "{:>10} {:>6} {:>12} {:>8}  function\n",
            "itself", "", "with callees", "calls"
        );
        for (own, whole, calls, name) in rows.into_iter().take(top) {
            let share = own / total * 100.0;
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "{own:>10.1} {share:>5.1}% {whole:>12.1} {calls:>8.2}  {name}"
            );
        }
        text
    }
}

/// `(7) name` gives a name a number, `(7)` stands for it.
fn resolve<'a>(written: &'a str, names: &mut HashMap<&'a str, &'a str>) -> String {
    match written.split_once(' ') {
        Some((number, name)) => {
            names.insert(number, name);
            name.to_owned()
        }
        None => names.get(written).copied().unwrap_or(written).to_owned(),
    }
}

/// The cost of a line such as `12 7`, `+3 7` or `* 7`: a place in the source, and what it takes.
fn cost(line: &str) -> Option<u64> {
    let (place, cost) = line.split_once(' ')?;
    let is_place = place.starts_with(|c: char| c.is_ascii_digit() || "+-*".contains(c));
    is_place.then(|| cost.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: &str = "\
positions: line
events: Ir
summary: 60

fl=(1) main.rs
fn=(1) main
1 3
+1 7
cfn=(2) send
calls=2 20
* 40
fi=(2) inlined.rs
30 5

fn=(2)
20 35
cfn=(3) write
calls=4 1
-2 5

fn=(3)
1 5
totals: 60
";

    #[test]
    fn costs_are_told_apart_from_those_of_callees() {
        let profile = Profile::parse(PROFILE);
        let of = |name: &str| profile.0[name];
        let cost = |own, whole, calls| Cost { own, whole, calls };
        assert_eq!(of("main"), cost(15, 0, 0));
        assert_eq!(of("send"), cost(35, 40, 2));
        assert_eq!(of("write"), cost(5, 5, 4));
    }

    #[test]
    fn what_both_runs_do_once_cancels_out() {
        let shorter = Profile::parse("fn=(1) main\n1 15\nfn=(2) send\n1 15\n");
        let table = Profile::parse(PROFILE).table(&shorter, 2, 2);
        let rows: Vec<Vec<&str>> = table
            .lines()
            .skip(1)
            .map(|row| row.split_whitespace().collect())
            .collect();
        assert_eq!(
            rows,
            [
                ["10.0", "80.0%", "20.0", "1.00", "send"],
                ["2.5", "20.0%", "2.5", "2.00", "write"]
            ]
        );
    }
}
