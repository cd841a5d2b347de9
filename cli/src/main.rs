//! The Callsheet command line: `check`, `gen`, `release`, `breaking`, `import`, `export`, `plugin`, `explain`,
//! `explain-policy`, `registry`, `config`.
//!
//! Turns arguments into calls of `callsheet-build` (for the last three: of `callsheet`), and what comes back into text and an
//! exit status. Findings go to standard error for people (`--format human`), as rustc's do, and to standard output where a
//! program reads them (`short`, `json`). What a command was asked for, a page or a diff, goes to standard output; what it
//! says about its own work goes to standard error.

mod arguments;
mod baseline;
mod breaking;
mod cache;
mod check;
mod clock;
mod config;
mod contracts;
mod explain;
mod explain_policy;
mod export;
mod fix;
mod generate;
mod git;
mod import;
mod outcome;
mod page;
mod plugin;
mod process;
mod project;
mod reach;
mod registry;
mod release;
mod report;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::{Arguments, Command};
use report::Failure;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Nothing is wrong; lints do not count.
    Clean,
    /// Errors, or differences under `gen --check`, or nothing of the name in the registry.
    Findings,
    /// An input could not be read.
    Unreadable,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.command {
        Command::Check(check) => check::run(check),
        Command::Gen(generate) => generate::run(generate),
        Command::Import(import) => import::run(import),
        Command::Export(export) => export::run(export),
        Command::Plugin(plugin) => plugin::run(plugin),
        Command::Release(freeze) => release::run(freeze),
        Command::Breaking(breaking) => breaking::run(breaking),
        Command::Explain(explain) => explain::run(explain),
        Command::ExplainPolicy(asked) => explain_policy::run(asked),
        Command::Registry(arguments) => registry::run(arguments),
        Command::Config(arguments) => config::run(arguments),
    };
    match outcome {
        Ok(Outcome::Clean) => ExitCode::SUCCESS,
        Ok(Outcome::Findings) => ExitCode::from(1),
        Ok(Outcome::Unreadable) => ExitCode::from(2),
        Err(Failure(text)) => {
            report::say(&format!("callsheet: {text}"));
            ExitCode::from(2)
        }
    }
}
