//! `chaos discovery`: what befalls servers and registries, and what calls notice of it, beside tonic.
//!
//! ```text
//! runner ──starts──▶ registry (a real engine)
//!    │   ──starts──▶ servers (`callsheet-node serve`, `tonic-node serve`)
//!    │   ──starts──▶ load (`callsheet-node load`, `tonic-node load`) ──▶ a line for each call
//!    ├── does harm: kill, stop, cut off, delete
//!    └── judges what the calls noticed: one line for each fact, with its bound
//! ```
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool at the edge: it reports to a terminal"
)]

mod fleet;
mod judgement;
mod listed;
mod machine;
mod node;
mod record;
mod registry;
mod report;
mod scenario;
mod stage;

use std::process::ExitCode;

use chaos::Failure;
use scenario::SCENARIOS;
use stage::Settings;

const USAGE: &str = "\
Usage: cargo xtask chaos discovery [--quick] [--only NAME]… [--on REGISTRY]… [--json FILE] [--list]

Starts real registries, servers and a load of 2 000 calls a second, does them harm, and prints what the calls noticed, beside
tonic's balanced channel where that has such a thing. Exits with 1 if a line falls short.

--quick        shorter outages and fewer rounds: some minutes in all
--only NAME    this scenario; repeat for more
--on REGISTRY  file, zookeeper, etcd or redis only; repeat for more
--json FILE    write the lines, and what each quarter of a second was like
--list         name the scenarios";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["discovery", "--list"] => {
            for scenario in SCENARIOS {
                println!("{:<10} {}", scenario.name, scenario.shows);
            }
            Ok(true)
        }
        ["discovery", options @ ..] => discovery(options),
        _ => Err(USAGE.into()),
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

fn discovery(options: &[&str]) -> Result<bool, Failure> {
    let settings = Settings::read(options).map_err(|reason| format!("{reason}\n\n{USAGE}"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let report = scenario::all(&settings).await?;
        println!("\n{report}");
        if let Some(file) = &settings.json {
            std::fs::write(file, report.json())
                .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
        }
        Ok(report.holds())
    })
}
