//! `cargo xtask bench instructions`: how many instructions a call takes, counted, so that no noise blurs the figure.
//!
//! Each case runs twice under `callgrind`, with n units and with 2n: the difference over n is what one takes, since
//! everything that happens once is in both.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::figures::{Figures, TOLERANCE, difference};
use super::profile::Profile;
use super::{MANIFEST, callgrind};
use crate::{provision, workspace};

/// The committed figures.
const FIGURES: &str = "benches/instructions.toml";

/// What the command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options<'a> {
    /// Whether the counts become the committed figures.
    bless: bool,
    /// Where the profiles stay.
    keep: Option<&'a str>,
    /// How many functions of each case are listed.
    top: usize,
    /// The cases; all when empty.
    cases: Vec<&'a str>,
}

/// A case as the program lists it.
struct Case {
    name: String,
    units: u64,
}

/// Counts, prints and compares. `Ok(false)` when a case takes more than it may.
pub(crate) fn instructions(options: &[&str]) -> Result<bool, String> {
    let options = parse(options)?;
    let valgrind = callgrind::provide()?;
    let program = build()?;
    let cases = chosen(&program, &options.cases)?;
    let file = workspace::root().join(FIGURES);
    let mut committed = match fs::read_to_string(&file) {
        Ok(text) => Figures::parse(&text).map_err(|reason| format!("{FIGURES}: {reason}"))?,
        Err(_) if options.bless => Figures::default(),
        Err(error) => {
            return Err(format!(
                "cannot read {FIGURES}: {error}; `--bless` writes it"
            ));
        }
    };
    let machine = machine(&valgrind)?;
    let elsewhere = committed.elsewhere(&machine);

    let keep = options.keep.map(PathBuf::from);
    let folder = keep.clone().unwrap_or_else(|| {
        std::env::temp_dir().join(format!("callsheet-instructions-{}", std::process::id()))
    });
    fs::create_dir_all(&folder)
        .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    println!(
        "{:<14} {:>12} {:>12} {:>12}",
        "case", "instructions", "committed", "difference"
    );
    let mut tables = Vec::new();
    let mut above = Vec::new();
    let mut below: Vec<&str> = Vec::new();
    for case in &cases {
        let now = count(&program, case, &folder)?;
        if options.top > 0 {
            tables.push(table(case, &folder, options.top)?);
        }
        let Some(&figure) = committed.counts.get(&case.name) else {
            println!("{:<14} {now:>12} {:>12}", case.name, "none");
            above.push(case.name.as_str());
            committed.counts.insert(case.name.clone(), now);
            continue;
        };
        let difference = difference(now, figure);
        println!(
            "{:<14} {now:>12} {figure:>12} {difference:>+11.1}%",
            case.name
        );
        if difference > TOLERANCE {
            above.push(&case.name);
        } else if difference < -TOLERANCE {
            below.push(&case.name);
        }
        committed.counts.insert(case.name.clone(), now);
    }
    for table in tables {
        println!("\n{table}");
    }
    match &keep {
        Some(folder) => println!("\n{}", profiles(folder)),
        None => fs::remove_dir_all(&folder)
            .map_err(|error| format!("cannot remove {}: {error}", folder.display()))?,
    }

    if options.bless {
        if options.cases.is_empty() {
            let is_case = |name: &String| cases.iter().any(|case| case.name == *name);
            committed.counts.retain(|name, _| is_case(name));
        } else if !elsewhere.is_empty() {
            return Err(format!(
                "{}: bless all cases together, without --case",
                elsewhere.join(", ")
            ));
        }
        committed.machine = machine;
        fs::write(&file, committed.render())
            .map_err(|error| format!("cannot write {FIGURES}: {error}"))?;
        println!("\n{FIGURES} holds these counts now.");
        return Ok(true);
    }
    Ok(verdict(&above, &below, &elsewhere))
}

/// Says what came of the comparison, and what to do. Whether it is well.
fn verdict(above: &[&str], below: &[&str], elsewhere: &[String]) -> bool {
    if !below.is_empty() {
        println!(
            "\nFewer instructions than committed: {}. Keep it so with `cargo xtask bench instructions --bless`.",
            below.join(", ")
        );
    }
    if above.is_empty() {
        return true;
    }
    println!(
        "\nMore than {TOLERANCE} % above the committed figure, or without one: {}.",
        above.join(", ")
    );
    if elsewhere.is_empty() {
        println!(
            "See where with `cargo xtask bench instructions --top 30` before the change and behind it; if it is worth it, write the new\n\
             figures with `cargo xtask bench instructions --bless` and say why in the commit."
        );
        return false;
    }
    println!(
        "That is no failure here, because other compilers and libraries give other counts: {}.\n\
         Compare with what the code before the change takes on this machine.",
        elsewhere.join(", ")
    );
    true
}

fn parse<'a>(options: &[&'a str]) -> Result<Options<'a>, String> {
    let mut parsed = Options::default();
    let mut rest = options.iter();
    while let Some(option) = rest.next() {
        match *option {
            "--bless" => parsed.bless = true,
            "--keep" => parsed.keep = Some(rest.next().ok_or("--keep needs a folder")?),
            "--top" => {
                parsed.top = rest
                    .next()
                    .and_then(|number| number.parse().ok())
                    .ok_or("--top needs a number of functions")?;
            }
            "--case" => parsed
                .cases
                .push(rest.next().ok_or("--case needs the name of a case")?),
            other => {
                return Err(format!(
                    "unknown option `{other}`: `bench instructions` takes `--case CASE`, `--top N`, `--keep DIR` and\n\
                     `--bless`"
                ));
            }
        }
    }
    Ok(parsed)
}

/// Builds the program that is counted.
fn build() -> Result<PathBuf, String> {
    let built = workspace::cargo(&[
        "build",
        "--release",
        "--manifest-path",
        MANIFEST,
        "--bin",
        "calls",
    ])
    // One place whatever the user has set, and no flags that would give other counts.
    .env_remove("CARGO_TARGET_DIR")
    .env_remove("RUSTFLAGS")
    .status()
    .map_err(|error| format!("cannot run cargo: {error}"))?;
    if built.success() {
        Ok(workspace::root().join("target/release/calls"))
    } else {
        Err(format!("{MANIFEST} does not build"))
    }
}

/// The cases that the program lists and the command line names, all by default.
fn chosen(program: &Path, names: &[&str]) -> Result<Vec<Case>, String> {
    let list = std::process::Command::new(program)
        .output()
        .map_err(|error| format!("cannot run {}: {error}", program.display()))?;
    let list = String::from_utf8_lossy(&list.stdout);
    let mut cases = Vec::new();
    for line in list.lines() {
        let (name, units) = line.split_once(' ').unwrap_or((line, ""));
        cases.push(Case {
            name: name.to_owned(),
            units: units
                .parse()
                .map_err(|_| format!("`{line}` is no case with a number of units"))?,
        });
    }
    if let Some(unknown) = names
        .iter()
        .find(|name| !cases.iter().any(|case| case.name == **name))
    {
        let known: Vec<_> = cases.iter().map(|case| case.name.as_str()).collect();
        return Err(format!(
            "no case `{unknown}`; the cases are {}",
            known.join(", ")
        ));
    }
    cases.retain(|case| names.is_empty() || names.contains(&case.name.as_str()));
    Ok(cases)
}

/// Instructions per unit. The profiles are in `folder`.
fn count(program: &Path, case: &Case, folder: &Path) -> Result<u64, String> {
    let run = |times: u64| {
        let units = (case.units * times).to_string();
        callgrind::start(
            program,
            &[&case.name, &units],
            &file_of(case, times, folder),
        )
    };
    let (shorter, longer) = (run(1)?, run(2)?);
    let shorter = shorter.finish(&file_of(case, 1, folder));
    let longer = longer.finish(&file_of(case, 2, folder));
    Ok(longer?.saturating_sub(shorter?) / case.units)
}

/// Where the profile of so many times the units of a case is.
fn file_of(case: &Case, times: u64, folder: &Path) -> PathBuf {
    folder.join(format!("callgrind.{}.{times}", case.name))
}

/// What the functions of a case take.
fn table(case: &Case, folder: &Path, top: usize) -> Result<String, String> {
    let read = |times: u64| {
        let file = file_of(case, times, folder);
        fs::read_to_string(&file)
            .map(|text| Profile::parse(&text))
            .map_err(|error| format!("cannot read {}: {error}", file.display()))
    };
    let table = read(2)?.table(&read(1)?, case.units, top);
    Ok(format!("{}, per call or message\n{table}", case.name))
}

/// What counts depend on besides the code.
fn machine(valgrind: &str) -> Result<BTreeMap<String, String>, String> {
    let version = std::process::Command::new("rustc")
        .arg("-vV")
        .current_dir(workspace::root())
        .output()
        .map_err(|error| format!("cannot run rustc: {error}"))?;
    let version = String::from_utf8_lossy(&version.stdout);
    let rustc = version.lines().next().unwrap_or_default();
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    // Its allocator and its copying are a good part of what is counted.
    let libc = provision::output("getconf", &["GNU_LIBC_VERSION"]);
    Ok(BTreeMap::from([
        ("rustc".to_owned(), rustc.replace("rustc ", "")),
        ("host".to_owned(), host.unwrap_or_default().to_owned()),
        (
            "libc".to_owned(),
            libc.unwrap_or_else(|| "not known".to_owned()),
        ),
        ("valgrind".to_owned(), valgrind.replace("valgrind-", "")),
    ]))
}

/// How to read what was kept.
fn profiles(folder: &Path) -> String {
    format!(
        "Profiles: {0}/callgrind.CASE.1 and, with twice as many calls, {0}/callgrind.CASE.2.\n\
         Read one with `callgrind_annotate --auto=no FILE` (`--inclusive=yes` with what a function calls, `--tree=both` with\n\
         callers) or kcachegrind. An inlined function has no row of its own: its lines count for the function that holds\n\
         them, under the file that they stand in.",
        folder.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        assert_eq!(
            parse(&[
                "--case", "S-1", "--keep", "out", "--top", "25", "--case", "K-64"
            ])
            .unwrap(),
            Options {
                bless: false,
                keep: Some("out"),
                top: 25,
                cases: vec!["S-1", "K-64"],
            }
        );
        assert!(parse(&["--top", "all"]).unwrap_err().contains("a number"));
        assert!(parse(&["--keep"]).unwrap_err().contains("needs a folder"));
        assert!(parse(&["--all"]).unwrap_err().contains("`--all`"));
    }

    #[test]
    fn more_instructions_fail_where_the_figures_were_taken() {
        assert!(verdict(&[], &["S-1"], &[]));
        assert!(!verdict(&["S-1"], &[], &[]));
        assert!(verdict(&["S-1"], &[], &["rustc was 1 and is 2".to_owned()]));
    }
}
