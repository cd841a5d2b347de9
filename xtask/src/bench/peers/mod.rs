//! `cargo xtask bench peers`: Callsheet beside other systems, all doing the same work on the same two cores.
//!
//! `benches/peers` has a program for each system. This module starts them, in turn, and sums up what they print; it
//! knows no system but by name. What the cases measure is in `benches/peers/rig`.

mod cases;
mod programs;
mod reach;
mod round;
mod table;

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

use crate::bench::progress;
use crate::bench::results::Results;
use cases::{CASES, Case};
use programs::{Program, SYSTEMS};
use round::Pace;

const USAGE: &str = "\
Usage: cargo xtask bench peers [--quick] [--rounds N] [--only CASE]… [--system NAME]… [--json FILE]

Builds the programs of benches/peers, and runs each server on core 0 and its load on core 1: in each round, every case
with every system in turn. Prints medians of the rounds for each case, and how they compare with what is wanted.

--quick        3 rounds with short windows instead of 5
--rounds N     so many rounds
--only CASE    this case, as `S 64x1`; repeat for more
--system NAME  this system, as `tonic`; repeat for more
--json FILE    write a row for each case and system

The exit status says whether the run worked, not whether what is wanted was reached: other load on the machine decides
that too. A system that cannot be built or run says why, and the others go on.";

/// What the command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options<'a> {
    quick: bool,
    rounds: Option<usize>,
    cases: BTreeSet<&'a str>,
    systems: BTreeSet<&'a str>,
    json: Option<&'a str>,
}

/// Runs the comparison. `Ok(false)` when no system gave a figure.
pub(super) fn peers(options: &[&str]) -> Result<bool, String> {
    if options
        .iter()
        .any(|option| ["--help", "-h"].contains(option))
    {
        println!("{USAGE}");
        return Ok(true);
    }
    let options = parse(options)?;
    if !cfg!(target_os = "linux") {
        return Err("`bench peers` pins processes and reads /proc: it needs Linux".to_owned());
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if cores < 2 {
        return Err(
            "`bench peers` needs two cores, one for the servers and one for the load".to_owned(),
        );
    }
    let taskset = Command::new("taskset")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    if !taskset.is_ok_and(|status| status.success()) {
        return Err(
            "`bench peers` pins processes with `taskset`, which is not here: install util-linux"
                .to_owned(),
        );
    }

    let cases: Vec<&Case> = CASES
        .iter()
        .filter(|case| options.cases.is_empty() || options.cases.contains(case.name))
        .collect();
    let names: Vec<&'static str> = SYSTEMS
        .iter()
        .copied()
        .filter(|name| options.systems.is_empty() || options.systems.contains(name))
        .collect();
    let (pace, rounds) = if options.quick {
        (Pace::QUICK, 3)
    } else {
        (Pace::FULL, 5)
    };
    let rounds = options.rounds.unwrap_or(rounds);

    let built = programs::build(&names)?;
    let results = measure(&cases, &built.programs, pace, rounds);
    println!("{}", table::heading(rounds, pace));
    for system in &built.missing {
        println!("{system} did not build: cargo said why above.");
    }
    for case in &cases {
        println!("\n{}", table::table(case, &results));
    }
    println!("\n{}", reach::checklist(&results));
    if let Some(file) = options.json {
        fs::write(file, results.json(&built.missing))
            .map_err(|error| format!("cannot write {file}: {error}"))?;
    }
    Ok(results.any())
}

/// All rounds. In each, a case's systems run one after the other, so that what slows the machine slows all of them.
fn measure(cases: &[&Case], programs: &[Program], pace: Pace, rounds: usize) -> Results {
    let mut results = Results::default();
    for round in 1..=rounds {
        for case in cases {
            for program in programs
                .iter()
                .filter(|program| case.concerns(program.name))
            {
                if results.is_settled(case.name, program.name) {
                    continue;
                }
                progress(&format!(
                    "round {round}/{rounds}  {}  {}",
                    case.name, program.name
                ));
                let row = round::run(program, case.name, pace);
                results.add(case.name, program.name, row);
            }
        }
    }
    progress("");
    results
}

fn parse<'a>(options: &[&'a str]) -> Result<Options<'a>, String> {
    let mut parsed = Options::default();
    let mut rest = options.iter();
    while let Some(&option) = rest.next() {
        if option == "--quick" {
            parsed.quick = true;
            continue;
        }
        let mut value = || {
            let value = rest.next().copied();
            value.ok_or_else(|| format!("{option} needs a value\n\n{USAGE}"))
        };
        match option {
            "--rounds" => {
                let rounds = value()?.parse().ok().filter(|&rounds| rounds > 0);
                parsed.rounds = Some(rounds.ok_or("--rounds needs a number, 1 or more")?);
            }
            "--only" => {
                let name = value()?;
                if !CASES.iter().any(|case| case.name == name) {
                    let names: Vec<_> = CASES.iter().map(|case| case.name).collect();
                    return Err(format!(
                        "no case `{name}`; the cases are {}",
                        names.join(", ")
                    ));
                }
                parsed.cases.insert(name);
            }
            "--system" => {
                let name = value()?;
                if !SYSTEMS.contains(&name) {
                    return Err(format!(
                        "no system `{name}`; the systems are {}",
                        SYSTEMS.join(", ")
                    ));
                }
                parsed.systems.insert(name);
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
        let parsed = parse(&[
            "--system", "tonic", "--quick", "--only", "S 64x1", "--json", "a.json",
        ])
        .unwrap();
        assert!(parsed.quick && parsed.rounds.is_none());
        assert_eq!(parsed.cases, BTreeSet::from(["S 64x1"]));
        assert_eq!(parsed.systems, BTreeSet::from(["tonic"]));
        assert_eq!(parsed.json, Some("a.json"));
    }

    #[test]
    fn unknown_names_are_told_with_those_that_exist() {
        assert!(parse(&["--only", "S"]).unwrap_err().contains("S 64x1"));
        assert!(parse(&["--system", "grpc"]).unwrap_err().contains("tonic"));
        assert!(parse(&["--rounds", "0"]).unwrap_err().contains("1 or more"));
        assert!(parse(&["--fast"]).unwrap_err().contains("Usage"));
        assert!(parse(&["--json"]).unwrap_err().contains("needs a value"));
    }
}
