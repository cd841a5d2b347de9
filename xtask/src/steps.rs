//! `cargo xtask test`: the steps that a change must pass, in order. All of them run, whatever the first ones say.

use crate::report::Report;
use crate::{runner, workspace};

/// One command and what it shows.
struct Step {
    name: &'static str,
    shows: &'static str,
    cargo: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
}

/// Cheapest first: a slip in formatting is told before anything is built.
const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        shows: "the code is formatted",
        cargo: &["fmt", "--all", "--check"],
        environment: &[],
    },
    Step {
        name: "clippy",
        shows: "no lint has anything to say, with every feature on",
        cargo: &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--keep-going",
            "--",
            "-D",
            "warnings",
        ],
        environment: &[],
    },
    Step {
        name: "engines",
        shows: "the engines that discovery is tested against are installed",
        cargo: &["xtask", "engines"],
        environment: &[],
    },
    Step {
        name: "test",
        shows: "the tests of all crates pass",
        cargo: &[
            "test",
            "--workspace",
            "--all-features",
            "--lib",
            "--bins",
            "--tests",
            "--examples",
            "--no-fail-fast",
        ],
        environment: &[],
    },
    Step {
        name: "doctest",
        shows: "the examples in the documentation and the README compile and run",
        cargo: &[
            "test",
            "--workspace",
            "--all-features",
            "--doc",
            "--no-fail-fast",
        ],
        environment: &[],
    },
    Step {
        name: "doc",
        shows: "the documentation builds without a warning",
        cargo: &["doc", "--workspace", "--all-features", "--no-deps"],
        environment: &[("RUSTDOCFLAGS", "-D warnings")],
    },
    Step {
        name: "bench-fmt",
        shows: "the measuring programs are formatted",
        cargo: &["fmt", "--manifest-path=benches/micro/Cargo.toml", "--check"],
        environment: &[],
    },
    Step {
        name: "bench-clippy",
        shows: "no lint has anything to say of the measuring programs",
        cargo: &[
            "clippy",
            "--manifest-path=benches/micro/Cargo.toml",
            // As they are built to be counted, so that what is built for it is there already.
            "--release",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
        environment: &[],
    },
    Step {
        name: "bench-run",
        shows: "every micro bench runs, once",
        cargo: &["xtask", "bench", "micro", "--test"],
        environment: &[],
    },
    Step {
        name: "peers-fmt",
        shows: "the comparison with other systems is formatted",
        cargo: &[
            "fmt",
            "--manifest-path=benches/peers/Cargo.toml",
            "--all",
            "--check",
        ],
        environment: &[],
    },
    // The peers themselves are left to who runs the comparison: they take minutes to build.
    Step {
        name: "peers-clippy",
        shows: "no lint has anything to say of the comparison's load, floor and Callsheet",
        cargo: &[
            "clippy",
            "--manifest-path=benches/peers/Cargo.toml",
            "--package=rig",
            "--package=peer-limit",
            "--package=peer-callsheet",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
        environment: &[],
    },
    Step {
        name: "peers-test",
        shows: "the comparison's load counts and computes rightly, and its floor and Callsheet build",
        cargo: &[
            "test",
            "--manifest-path=benches/peers/Cargo.toml",
            "--package=rig",
            "--package=peer-limit",
            "--package=peer-callsheet",
            "--lib",
            "--bins",
        ],
        environment: &[],
    },
    Step {
        name: "compilers-fmt",
        shows: "the comparison with other compilers is formatted",
        cargo: &[
            "fmt",
            "--manifest-path=benches/compiler/Cargo.toml",
            "--all",
            "--check",
        ],
        environment: &[],
    },
    // The peer's program is left to who runs the comparison.
    Step {
        name: "compilers-clippy",
        shows: "no lint has anything to say of the comparison's trees and rig",
        cargo: &[
            "clippy",
            "--manifest-path=benches/compiler/Cargo.toml",
            "--package=contract-tree",
            "--package=rig",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
        environment: &[],
    },
    Step {
        name: "compilers-test",
        shows: "the comparison's trees are the same for one seed, and mistakes are where they are wanted",
        cargo: &[
            "test",
            "--manifest-path=benches/compiler/Cargo.toml",
            "--package=contract-tree",
        ],
        environment: &[],
    },
    Step {
        name: "chaos-fmt",
        shows: "the scenarios are formatted",
        cargo: &["fmt", "--manifest-path=benches/chaos/Cargo.toml", "--check"],
        environment: &[],
    },
    Step {
        name: "chaos-clippy",
        shows: "no lint has anything to say of the scenarios",
        cargo: &[
            "clippy",
            "--manifest-path=benches/chaos/Cargo.toml",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
        environment: &[],
    },
    Step {
        name: "chaos-test",
        shows: "the scenarios count and judge rightly",
        cargo: &[
            "test",
            "--manifest-path=benches/chaos/Cargo.toml",
            "--lib",
            "--bins",
        ],
        environment: &[],
    },
    Step {
        name: "chaos",
        shows: "calls notice nothing, or as little as can be, of what befalls servers and registries",
        cargo: &["xtask", "chaos", "discovery", "--quick"],
        environment: &[],
    },
    Step {
        name: "governance",
        shows: "servers that fail, are slow or have too much to do cost their callers little",
        cargo: &["xtask", "chaos", "governance", "--quick"],
        environment: &[],
    },
    Step {
        name: "instructions",
        shows: "no call takes more instructions than is committed",
        cargo: &["xtask", "bench", "instructions"],
        environment: &[],
    },
    Step {
        name: "fuzz-fmt",
        shows: "the fuzzing programs are formatted",
        cargo: &["fmt", "--manifest-path=tests/fuzz/Cargo.toml", "--check"],
        environment: &[],
    },
    Step {
        name: "fuzz-clippy",
        shows: "no lint has anything to say of the fuzzing programs",
        cargo: &[
            "clippy",
            "--manifest-path=tests/fuzz/Cargo.toml",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
        environment: &[],
    },
    Step {
        name: "fuzz",
        shows: "no input that a short search finds breaks the compiler",
        cargo: &["xtask", "fuzz", "--fresh"],
        environment: &[],
    },
    Step {
        name: "linear",
        shows: "what the compiler does grows as its input does",
        cargo: &["xtask", "linear"],
        environment: &[],
    },
    Step {
        name: "package",
        shows: "every published crate packages, and builds from its package",
        cargo: &["xtask", "package"],
        environment: &[],
    },
    Step {
        name: "quickstart",
        shows: "the first thing that a newcomer runs ends well",
        cargo: &["run", "--example", "quickstart"],
        environment: &[],
    },
];

/// Runs the steps that `options` name, all by default. `Ok(false)` when one failed.
pub(crate) fn test(options: &[&str]) -> Result<bool, String> {
    let chosen = match options {
        ["--list"] => {
            for step in STEPS {
                println!("{:<12} {}", step.name, step.shows);
            }
            return Ok(true);
        }
        options => choose(options)?,
    };
    let mut report = Report::default();
    for step in chosen {
        println!("\n== {}: {}", step.name, step.shows);
        println!("   cargo {}\n", step.cargo.join(" "));
        let mut command = workspace::cargo(step.cargo);
        command.envs(step.environment.iter().copied());
        report.add(step.name, runner::run(command));
    }
    println!("\n{report}");
    Ok(report.succeeded())
}

/// The steps of `--only STEP --only STEP`, in the order of the table.
fn choose(options: &[&str]) -> Result<Vec<&'static Step>, String> {
    let mut wanted = Vec::new();
    let mut rest = options;
    while let [first, after @ ..] = rest {
        let (name, after) = match (*first, after) {
            ("--only", [name, after @ ..]) => (*name, after),
            ("--only", []) => return Err("--only needs the name of a step".to_owned()),
            (option, after) => match option.strip_prefix("--only=") {
                Some(name) => (name, after),
                None => {
                    return Err(format!(
                        "unknown option `{option}`: `test` takes `--only STEP` and `--list`"
                    ));
                }
            },
        };
        if !STEPS.iter().any(|step| step.name == name) {
            let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
            return Err(format!(
                "no step `{name}`; the steps are {}",
                names.join(", ")
            ));
        }
        wanted.push(name);
        rest = after;
    }
    Ok(STEPS
        .iter()
        .filter(|step| wanted.is_empty() || wanted.contains(&step.name))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(options: &[&str]) -> Result<Vec<&'static str>, String> {
        Ok(choose(options)?.iter().map(|step| step.name).collect())
    }

    #[test]
    fn every_step_runs_when_none_is_named() {
        assert_eq!(names(&[]).unwrap().len(), STEPS.len());
    }

    #[test]
    fn named_steps_run_in_the_order_of_the_table() {
        assert_eq!(
            names(&["--only", "test", "--only=fmt"]).unwrap(),
            ["fmt", "test"]
        );
    }

    #[test]
    fn unknown_step_is_told_with_those_that_exist() {
        let reason = names(&["--only", "tests"]).unwrap_err();
        assert!(reason.contains("no step `tests`"), "{reason}");
        assert!(reason.contains("clippy"), "{reason}");
    }
}
