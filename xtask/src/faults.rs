//! `cargo xtask faults`: mistakes injected into every valid contract, and how many of them the compiler tells.

use crate::workspace;

const USAGE: &str = "`faults` takes `--cases N`, `--seed S` and `--samples N`";

/// Combinations of faults by default: enough that the shares of a kind are steady, in about two minutes.
const CASES: u64 = 20_000;

/// Runs the measurement of `tests/compiler/faults`, optimised. `Ok(false)` where too few mistakes are told, or in too many
/// reports.
pub(crate) fn faults(options: &[&str]) -> Result<bool, String> {
    let mut command = workspace::cargo(&[
        "test",
        "--release",
        "--quiet",
        "--package=callsheet-tests",
        "--test=compiler",
        "--",
        "--nocapture",
        "--exact",
        "faults::independent_mistakes_are_told_once_each",
    ]);
    command.env("FAULTS_CASES", CASES.to_string());
    let mut rest = options.iter();
    while let Some(option) = rest.next() {
        let variable = match *option {
            "--cases" => "FAULTS_CASES",
            "--seed" => "FAULTS_SEED",
            "--samples" => "FAULTS_SAMPLES",
            _ => return Err(USAGE.to_owned()),
        };
        let value = rest.next().ok_or(USAGE)?;
        let number: u64 = value
            .parse()
            .map_err(|_| format!("`{option}` takes a number, not `{value}`"))?;
        command.env(variable, number.to_string());
    }
    command
        .status()
        .map(|status| status.success())
        .map_err(|error| format!("cannot run cargo: {error}"))
}
