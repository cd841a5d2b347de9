//! `cargo xtask fuzz`: hands the compiler millions of inputs that nobody would write, and looks for one that breaks it.
//!
//! Coverage comes from flags of the stable compiler, so that neither a nightly one nor `cargo fuzz` is needed.
//!
//! A search from scratch (`--fresh`) depends neither on time nor on the order of files in a folder. Threads and tables
//! hashed with a random key do vary which edges an input is seen to take, so that two searches of one seed are alike, but
//! not the same: an input that breaks a program is kept, and runs again with `--input`.

mod merge;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{provision, workspace};

const FOLDER: &str = "tests/fuzz";

/// What was found on this machine.
const OWN: &str = "target/fuzz";

/// What is kept, below [`FOLDER`]: for each program what its search found worth keeping, and under [`BROKE`] for all.
const CORPUS: &str = "tests/fuzz/corpus";

/// Each input that ever broke one.
const BROKE: &str = "broke";

/// Inputs that are kept for each program: golden data that people still look at.
const MOST: usize = 70;

/// Characters of a kept input's name: libFuzzer's are hashes of 40.
const NAME: usize = 12;

/// The programs, each one law of `tests/fuzz/src/lib.rs`, cheapest first.
const TARGETS: &[&str] = &["parse", "check", "generate", "breaking"];

/// Contracts that people wrote, to start from.
const SEEDS: &[&str] = &["idl-examples", "tests/idl", "tests/ui"];

/// Bytes of the longest input that is tried: what breaks a compiler is rarely long, and short inputs run fast.
const LONGEST: u32 = 1024;

/// MiB that one program may hold.
const MEMORY: u32 = 256;

/// Seconds that one input may take, on a machine that does other things as well.
const SLOWEST: u32 = 20;

/// Inputs tried per program, unless said otherwise: what a change must pass.
const RUNS: u64 = 20_000;

/// Makes LLVM count which edges of the control flow an input takes.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Ccodegen-units=1 \
    --cfg fuzzing";

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
struct Options<'a> {
    targets: Vec<&'a str>,
    runs: u64,
    seed: u32,
    input: Option<&'a str>,
    keep: bool,
    fresh: bool,
}

/// Runs the programs that `options` name, all by default. `Ok(false)` when an input broke one.
pub(crate) fn fuzz(options: &[&str]) -> Result<bool, String> {
    let options = Options::read(options)?;
    provision::provide("Building libFuzzer", "g++", || {
        provision::output("c++", &["--version"])
    })?;
    let programs = build()?;
    let mut sound = true;
    for target in &options.targets {
        let program = programs.join(target);
        sound &= match options.input {
            Some(input) => run(Command::new(&program).arg(input))?,
            None if options.keep => keep(&program, target)?,
            None => explore(&program, target, &options)?,
        };
    }
    Ok(sound)
}

impl<'a> Options<'a> {
    fn read(arguments: &[&'a str]) -> Result<Self, String> {
        let mut options = Self {
            targets: Vec::new(),
            runs: RUNS,
            seed: 1,
            input: None,
            keep: false,
            fresh: false,
        };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || {
                rest.next()
                    .copied()
                    .ok_or_else(|| format!("{argument} needs a value"))
            };
            match *argument {
                "--runs" => options.runs = number(value()?)?,
                "--seed" => options.seed = number(value()?)?,
                "--input" => options.input = Some(value()?),
                "--keep" => options.keep = true,
                "--fresh" => options.fresh = true,
                target if TARGETS.contains(&target) => options.targets.push(target),
                unknown => {
                    return Err(format!(
                        "`fuzz` knows no `{unknown}`: it takes {}, --runs N, --seed N, --input FILE, --keep, --fresh",
                        TARGETS.join(", ")
                    ));
                }
            }
        }
        if options.targets.is_empty() {
            options.targets = TARGETS.to_vec();
        }
        if options.input.is_some() && options.targets.len() != 1 {
            return Err("--input needs the one program that it is for".to_owned());
        }
        Ok(options)
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.replace('_', "")
        .parse()
        .map_err(|_| format!("`{text}` is not a number that fits"))
}

/// Builds the programs. The folder they are in.
pub(crate) fn build() -> Result<PathBuf, String> {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let target = provision::output(&rustc, &["--print", "host-tuple"])
        .ok_or("cannot ask rustc for the machine's target")?;
    let manifest = format!("{FOLDER}/Cargo.toml");
    // Named, so that build scripts and macros of dependencies are built without counters.
    let arguments = [
        "build",
        "--release",
        "--bins",
        "--target",
        &target,
        "--manifest-path",
        &manifest,
    ];
    let mut cargo = workspace::cargo(&arguments);
    cargo.env("RUSTFLAGS", COVERAGE);
    if run(&mut cargo)? {
        let programs = format!("target/{target}/release");
        Ok(workspace::root().join(programs))
    } else {
        Err("the programs do not build".to_owned())
    }
}

/// Tries inputs made from those that are kept, and tells what came of it.
fn explore(program: &Path, target: &str, options: &Options<'_>) -> Result<bool, String> {
    if options.fresh {
        let own = working(target)?;
        fs::remove_dir_all(own).map_err(|error| error.to_string())?;
    }
    let own = working(target)?;
    let found = folder(&format!("{OWN}/found"))?;
    let log = found.join(format!("{target}.log"));
    let mut command = Command::new(program);
    command
        .arg(&own)
        .arg(format!(
            "-seed_inputs={}",
            inputs(&starts(target))?.join(",")
        ))
        .arg(format!("-dict={FOLDER}/rpc.dict"))
        .arg(format!("-runs={}", options.runs))
        .arg(format!("-seed={}", options.seed))
        .arg(format!("-max_len={LONGEST}"))
        .arg(format!("-rss_limit_mb={MEMORY}"))
        .arg(format!("-timeout={SLOWEST}"))
        // Which edges are taken says enough; how often would keep twice as many inputs, and run half as fast.
        .args(["-use_counters=0", "-print_final_stats=1"])
        // Nobody else adds inputs; to look for some every second would make the search depend on time.
        .arg("-reload=0")
        .arg(format!("-artifact_prefix={}/{target}-", found.display()))
        .stderr(fs::File::create(&log).map_err(|error| error.to_string())?);
    let sound = run(&mut command)?;
    let log = fs::read_to_string(&log).map_err(|error| error.to_string())?;
    let figure = |name: &str| last(&log, &format!("stat::{name}:")).unwrap_or("?");
    println!(
        "{target:<9} {:>9} inputs, {:>6}/s, at most {:>3} MiB: {}",
        figure("number_of_executed_units"),
        figure("average_exec_per_sec"),
        figure("peak_rss_mb"),
        if sound { "sound" } else { "BROKEN" }
    );
    if !sound {
        println!("{}", breakage(&log, target));
    }
    Ok(sound)
}

/// Where to start: contracts that people wrote, what is kept, and what once broke something.
fn starts(target: &str) -> Vec<String> {
    let kept = [target, BROKE].map(|folder| format!("{CORPUS}/{folder}"));
    SEEDS
        .iter()
        .map(|seed| (*seed).to_owned())
        .chain(kept)
        .filter(|folder| workspace::root().join(folder).is_dir())
        .collect()
}

/// The files below `folders`, in an order that is the same everywhere.
fn inputs(folders: &[String]) -> Result<Vec<String>, String> {
    let mut inputs = Vec::new();
    for folder in folders {
        let files = workspace::files(&workspace::root().join(folder), "")?;
        let names = files
            .iter()
            .filter_map(|file| file.strip_prefix(workspace::root()).ok());
        inputs.extend(names.map(|name| name.display().to_string()));
    }
    Ok(inputs)
}

/// Makes the inputs that add most to what contracts and former breakages cover the ones that are kept.
fn keep(program: &Path, target: &str) -> Result<bool, String> {
    let kept = format!("{CORPUS}/{target}");
    let mut covered = starts(target);
    covered.retain(|folder| *folder != kept);
    let failed = |error: std::io::Error| error.to_string();
    let first = folder(&format!("{OWN}/covered"))?;
    fs::remove_dir_all(&first).map_err(failed)?;
    let first = folder(&format!("{OWN}/covered"))?;
    // What lies in the first folder of a merge counts as covered.
    for (number, input) in inputs(&covered)?.iter().enumerate() {
        let copy = first.join(number.to_string());
        fs::copy(workspace::root().join(input), copy).map_err(failed)?;
    }
    let control = workspace::root().join(format!("{OWN}/merge"));
    if control.exists() {
        fs::remove_file(&control).map_err(failed)?;
    }
    let mut command = Command::new(program);
    command
        .args(["-set_cover_merge=1", "-use_counters=0"])
        .arg(format!("-merge_control_file={}", control.display()))
        .arg(format!("-max_len={LONGEST}"))
        .arg(&first)
        .arg(working(target)?)
        .arg(folder(&kept)?);
    if !run(&mut command)? {
        return Ok(false);
    }
    let seen = fs::read_to_string(&control).map_err(failed)?;
    let mut fewest = Vec::new();
    for input in merge::most_of(&seen, MOST) {
        let bytes = fs::read(workspace::root().join(&input)).map_err(failed)?;
        let name = Path::new(&input).file_name().unwrap_or_default();
        let name = name
            .to_string_lossy()
            .chars()
            .take(NAME)
            .collect::<String>();
        // As the programs read it, so that all of it is text.
        fewest.push((name, String::from_utf8_lossy(&bytes).into_owned()));
    }
    fs::remove_dir_all(folder(&kept)?).map_err(failed)?;
    let kept = folder(&kept)?;
    for (name, text) in fewest {
        fs::write(kept.join(name), text).map_err(failed)?;
    }
    Ok(true)
}

/// The folder of the inputs that `target` found worth keeping on this machine.
fn working(target: &str) -> Result<PathBuf, String> {
    folder(&format!("{OWN}/corpus/{target}"))
}

fn folder(path: &str) -> Result<PathBuf, String> {
    let folder = workspace::root().join(path);
    fs::create_dir_all(&folder)
        .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    Ok(folder)
}

fn run(command: &mut Command) -> Result<bool, String> {
    command
        .current_dir(workspace::root())
        .stdin(Stdio::null())
        .status()
        .map(|status| status.success())
        .map_err(|error| format!("cannot run {}: {error}", command.get_program().display()))
}

/// What follows `name` on the last line of `log` that starts with it.
fn last<'a>(log: &'a str, name: &str) -> Option<&'a str> {
    log.lines()
        .rev()
        .find_map(|line| line.strip_prefix(name))
        .map(str::trim)
}

/// What broke, where the input is, and how to run it again.
fn breakage(log: &str, target: &str) -> String {
    let mut told: Vec<String> = log
        .lines()
        .skip_while(|line| !line.contains("panicked at") && !line.contains("ERROR: libFuzzer"))
        .take(3)
        .map(str::to_owned)
        .collect();
    let mark = "Test unit written to ";
    if let Some((_, path)) = log.lines().find_map(|line| line.split_once(mark)) {
        told.push(format!(
            "again: cargo xtask fuzz {target} --input {}",
            path.trim()
        ));
    }
    told.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_runs_when_nothing_is_named() {
        let options = Options::read(&[]).unwrap();
        assert_eq!(options.targets, TARGETS);
        assert_eq!(options.runs, RUNS);
    }

    #[test]
    fn runs_and_targets_are_read() {
        let options = Options::read(&["check", "--runs", "5_000_000", "--seed", "7"]).unwrap();
        assert_eq!(
            (options.targets, options.runs, options.seed),
            (vec!["check"], 5_000_000, 7)
        );
    }

    #[test]
    fn unknown_words_are_told_with_those_that_exist() {
        let reason = Options::read(&["pars"]).unwrap_err();
        assert!(
            reason.contains("`pars`") && reason.contains("parse"),
            "{reason}"
        );
        assert!(Options::read(&["--input", "x"]).is_err());
    }

    #[test]
    fn what_broke_is_told_with_how_to_see_it_again() {
        let log = "#1 NEW\nthread 'x' panicked at a.rs:1:1:\nno place\nstack\nartifact_prefix='./'; Test unit written to \
                   found/parse-crash-1\n";
        let told = breakage(log, "parse");
        assert!(told.contains("no place"), "{told}");
        assert!(
            told.ends_with("again: cargo xtask fuzz parse --input found/parse-crash-1"),
            "{told}"
        );
    }

    #[test]
    fn last_figure_counts() {
        let log = "stat::peak_rss_mb: 12\nstat::peak_rss_mb:   44\n";
        assert_eq!(last(log, "stat::peak_rss_mb:"), Some("44"));
    }
}
