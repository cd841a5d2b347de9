//! `cargo xtask bench`: what calls cost, and what compiling costs.

pub(crate) mod callgrind;
mod columns;
mod compiler;
mod figures;
mod instructions;
mod peers;
mod profile;
mod results;

use std::io::IsTerminal as _;

use crate::workspace;

/// The crate of the programs that measure Callsheet alone.
const MANIFEST: &str = "benches/micro/Cargo.toml";

/// Runs the bench that `options` name.
pub(crate) fn bench(options: &[&str]) -> Result<bool, String> {
    match options {
        ["instructions", options @ ..] => instructions::instructions(options),
        ["compiler", options @ ..] => compiler::compiler(options),
        ["micro", filters @ ..] => micro(filters),
        ["peers", options @ ..] => peers::peers(options),
        _ => Err(
            "`bench` takes the name of a bench: compiler, instructions, micro, peers".to_owned(),
        ),
    }
}

/// Measures the parts of the call path, all by default. What follows goes to divan: parts of names, and its options.
fn micro(filters: &[&str]) -> Result<bool, String> {
    let mut command = workspace::cargo(&["bench", "--bench", "micro", "--manifest-path", MANIFEST]);
    command.arg("--").args(filters);
    command
        .status()
        .map(|status| status.success())
        .map_err(|error| format!("cannot run cargo: {error}"))
}

/// Says what runs, in place of what was said before; not to a file.
fn progress(what: &str) {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K{what}");
    }
}
