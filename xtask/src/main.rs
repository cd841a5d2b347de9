//! The developers' tasks, run as `cargo xtask <task>`: what they are, and how the command line names them.
//!
//! Each task is a module. None knows a crate of the workspace: they call `cargo` and read files.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a tool at the edge: it reports to a terminal and measures how long its steps take"
)]

mod bench;
mod bless;
mod chaos;
mod faults;
mod fuzz;
mod linear;
mod lines;
mod package;
mod provision;
mod report;
mod runner;
mod steps;
mod workspace;

use std::process::ExitCode;

const USAGE: &str = "\
Usage: cargo xtask <task>

Tasks:
  test [--only STEP]… [--list]  run every check that a change must pass, or only the named steps; list them
  bench compiler [--quick] [--files N]… [--cold] [--json FILE]
                                compare the compiler with others on generated trees; `bench compiler --help` says more
  bench instructions [--case CASE]… [--top N] [--keep DIR] [--bless]
                                count the instructions of a call, and compare with the committed figures; list the
                                functions that take most; keep the profiles; make the counts the committed figures
  bench micro [FILTER]…         measure the parts of the call path, or those whose name holds a filter
  bench peers [--quick] [--only CASE]… [--system NAME]… [--json FILE]
                                compare with other systems: the same load on each; `bench peers --help` says more
  chaos discovery|governance [--quick] [--only NAME]… [--on REGISTRY]… [--json FILE] [--list]
                                do harm to servers and registries, and judge what calls notice of it, beside others
  engines                       install what the tests of discovery need and the system lacks: Redis, etcd, ZooKeeper
  fuzz [TARGET]… [--runs N] [--seed N] [--fresh] [--input FILE] [--keep]
                                hand the compiler inputs that nobody would write; start from scratch instead of from what
                                was found here; one input again; keep the fewest inputs that cover all that was found
  faults [--cases N] [--seed S] [--samples N]
                                inject mistakes into every valid contract, one to five at a time, and count which are
                                told, in how many reports; show some of each class that goes wrong
  package                       package every published crate, and build each from its package
  bless                         accept what the snapshot tests see now
  linear                        count the instructions of the compiler for inputs of one size and of ten times that size
  lines                         lines of code and normal dependencies of each crate";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["test", options @ ..] => steps::test(options),
        ["bench", options @ ..] => bench::bench(options),
        ["chaos", options @ ..] => chaos::chaos(options),
        ["engines"] => provision::engines(),
        ["fuzz", options @ ..] => fuzz::fuzz(options),
        ["faults", options @ ..] => faults::faults(options),
        ["package", options @ ..] => package::package(options),
        ["bless"] => bless::bless(),
        ["linear"] => linear::linear(),
        ["lines"] => lines::lines(),
        [] | ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        unknown => Err(format!("no such task: {}\n\n{USAGE}", unknown.join(" "))),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::from(2)
        }
    }
}
