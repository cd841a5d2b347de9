//! The committed figures: a file of the TOML that it takes to write `key = value`, and how a count compares to it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// How far above its committed figure a count may be, in percent. Counts of one build differ by up to 1 from run to run
/// (handlers that wait; most others by 0.1 at most), and a build in another folder orders functions differently. Calls with
/// 64 KiB differ by 10, since the kernel decides how much one read takes: their committed figure is the higher end.
pub(crate) const TOLERANCE: f64 = 3.0;

/// What stands in front of the figures, for who opens the file.
const HEAD: &str = "\
# Instructions that one call or message takes, client and server together: `cargo xtask bench instructions` compares,
# `cargo xtask bench instructions --bless` writes. What is said of the machine is what figures depend on: elsewhere they
# are compared, but a difference is no failure.
";

/// Instructions per unit, by case, and where they were counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    /// What the figures depend on besides the code, by name.
    pub(crate) machine: BTreeMap<String, String>,
    pub(crate) counts: BTreeMap<String, u64>,
}

impl Figures {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut figures = Self::default();
        let mut section = "";
        for (at, line) in text.lines().enumerate() {
            let bad = || format!("line {}: `{line}` is no figure", at + 1);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(name) = line.strip_prefix('[') {
                section = name.strip_suffix(']').ok_or_else(bad)?;
                continue;
            }
            let (key, value) = line.split_once(" = ").ok_or_else(bad)?;
            match section {
                "machine" => {
                    let value = value.trim_matches('"').to_owned();
                    figures.machine.insert(key.to_owned(), value);
                }
                "counts" => {
                    let count = value.replace('_', "").parse().map_err(|_| bad())?;
                    figures.counts.insert(key.to_owned(), count);
                }
                _ => return Err(bad()),
            }
        }
        Ok(figures)
    }

    pub(crate) fn render(&self) -> String {
        let mut text = format!("{HEAD}\n[machine]\n");
        for (key, value) in &self.machine {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{key} = \"{value}\"");
        }
        text.push_str("\n[counts]\n");
        for (case, count) in &self.counts {
            let _ = writeln!(text, "{case} = {count}");
        }
        text
    }

    /// What of the machine is not what it was when these figures were counted: each with then and now.
    pub(crate) fn elsewhere(&self, machine: &BTreeMap<String, String>) -> Vec<String> {
        machine
            .iter()
            .filter_map(|(key, now)| {
                let then = self.machine.get(key).map_or("not known", String::as_str);
                (then != now).then(|| format!("{key} was {then} and is {now}"))
            })
            .collect()
    }
}

/// How far `now` is from `committed`, in percent.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of one call are far below 2^52"
)]
pub(crate) fn difference(now: u64, committed: u64) -> f64 {
    (now as f64 / committed as f64 - 1.0) * 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures() -> Figures {
        Figures {
            machine: BTreeMap::from([("rustc".to_owned(), "1.88.0 (x86_64)".to_owned())]),
            counts: BTreeMap::from([("S-1".to_owned(), 9), ("S-64".to_owned(), 12_075)]),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(Figures::parse(&figures().render()).unwrap(), figures());
    }

    #[test]
    fn line_that_is_no_figure_is_told() {
        let reason = Figures::parse("[counts]\nS-1 = 9\nS-64 = many\n").unwrap_err();
        assert_eq!(reason, "line 3: `S-64 = many` is no figure");
    }

    #[test]
    fn other_compilers_are_told() {
        let here = |version: &str| BTreeMap::from([("rustc".to_owned(), version.to_owned())]);
        assert!(figures().elsewhere(&here("1.88.0 (x86_64)")).is_empty());
        assert_eq!(
            figures().elsewhere(&here("1.99.0")),
            ["rustc was 1.88.0 (x86_64) and is 1.99.0"]
        );
    }

    #[test]
    fn differences_are_percent_of_the_committed_figure() {
        assert!((difference(103, 100) - 3.0).abs() < 1e-9);
        assert!((difference(50, 100) + 50.0).abs() < 1e-9);
    }
}
