//! `cargo xtask bench compiler`: the compiler beside protoc and beside protox with prost-build, on the same contracts.
//!
//! `benches/compiler` grows the trees and has the peer's program. This module runs each compiler in turn and sums up what
//! `rig` says of each run.

mod cases;
mod cold;
mod programs;
mod reach;
mod table;
mod trees;

use std::collections::BTreeSet;
use std::fs;

use super::progress;
use super::results::Results;
use cases::{CASES, Case};
use programs::Programs;
use trees::Tree;

const USAGE: &str = "\
Usage: cargo xtask bench compiler [--quick] [--rounds N] [--files N]… [--cold] [--json FILE]

Grows trees of contracts, the same in .rpc and in .proto, and in each round runs every compiler on every tree in turn.
Prints medians of the rounds for each case, and how they compare with what is wanted. CPU is user and system time.

--quick      2 rounds instead of 5, and no tree of 7000 files
--rounds N   so many rounds
--files N    trees of so many files; repeat for more
--cold       also build the compilers from nothing, as a build script's dependencies: takes minutes
--json FILE  write a row for each case and system

The exit status says whether the run worked, not whether what is wanted was reached: other load on the machine decides
that too. protoc is Debian's, from `protobuf-compiler`; without it, its rows are left out.";

/// Trees of so many files, unless the command line says otherwise.
const FILES: [usize; 3] = [100, 1000, 7000];

/// What the command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options<'a> {
    quick: bool,
    rounds: Option<usize>,
    files: BTreeSet<usize>,
    cold: bool,
    json: Option<&'a str>,
}

/// Runs the comparison. `Ok(false)` when no compiler gave a figure.
pub(super) fn compiler(options: &[&str]) -> Result<bool, String> {
    if options
        .iter()
        .any(|option| ["--help", "-h"].contains(option))
    {
        println!("{USAGE}");
        return Ok(true);
    }
    let mut options = parse(options)?;
    let rounds = options.rounds.unwrap_or(if options.quick { 2 } else { 5 });
    if options.files.is_empty() {
        options.files.extend(FILES);
        if options.quick {
            options.files.remove(&FILES[2]);
        }
    }
    let programs = programs::build()?;
    let mut all = Vec::new();
    for &files in &options.files {
        progress(&format!("growing a tree of {files} files"));
        all.push(trees::grow(&programs, files)?);
    }
    let mut results = measure(&programs, &all, rounds);
    if options.cold {
        for round in 1..=rounds.min(3) {
            progress(&format!("round {round}  cold builds"));
            cold::measure(&programs, &mut results);
        }
    }
    progress("");
    println!("{}", table::heading(rounds));
    for tree in &all {
        println!("\n{}", table::tree(tree, &results));
    }
    if options.cold {
        println!("\n{}", table::cold(&results));
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("\n{}", reach::checklist(&results, &options.files, cores));
    if let Some(file) = options.json {
        fs::write(file, results.json(&[]))
            .map_err(|error| format!("cannot write {file}: {error}"))?;
    }
    Ok(results.any())
}

/// All rounds. In each, the compilers run one after the other, so that what slows the machine slows all of them.
fn measure(programs: &Programs, trees: &[Tree], rounds: usize) -> Results {
    let mut results = Results::default();
    for round in 1..=rounds {
        for tree in trees {
            for Case { name, systems } in &CASES {
                for &system in *systems {
                    let key = cases::key(name, tree.files);
                    if results.is_settled(&key, system) {
                        continue;
                    }
                    progress(&format!("round {round}/{rounds}  {key}  {system}"));
                    let row = cases::run(programs, tree, name, system);
                    results.add(&key, system, row);
                }
            }
        }
    }
    results
}

fn parse<'a>(options: &[&'a str]) -> Result<Options<'a>, String> {
    let mut parsed = Options::default();
    let mut rest = options.iter();
    while let Some(&option) = rest.next() {
        let mut value = || {
            let value = rest.next().copied();
            value.ok_or_else(|| format!("{option} needs a value\n\n{USAGE}"))
        };
        let number = |value: &str| {
            let number = value.parse().ok().filter(|&number| number > 0);
            number.ok_or_else(|| format!("{option} needs a number, 1 or more"))
        };
        match option {
            "--quick" => parsed.quick = true,
            "--cold" => parsed.cold = true,
            "--rounds" => parsed.rounds = Some(number(value()?)?),
            "--files" => {
                parsed.files.insert(number(value()?)?);
            }
            "--json" => parsed.json = Some(value()?),
            _ => return Err(format!("unknown option `{option}`\n\n{USAGE}")),
        }
    }
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_in_any_order() {
        let parsed = parse(&["--files", "10", "--cold", "--files", "20", "--json", "a"]).unwrap();
        assert_eq!(parsed.files, BTreeSet::from([10, 20]));
        assert!(parsed.cold && !parsed.quick && parsed.rounds.is_none());
        assert_eq!(parsed.json, Some("a"));
    }

    #[test]
    fn numbers_are_one_or_more() {
        assert!(parse(&["--files", "0"]).unwrap_err().contains("1 or more"));
        assert!(parse(&["--rounds", "x"]).unwrap_err().contains("1 or more"));
        assert!(parse(&["--rounds"]).unwrap_err().contains("needs a value"));
    }
}
