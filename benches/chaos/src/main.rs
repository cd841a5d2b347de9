//! `chaos discovery` and `chaos governance`: what befalls servers and registries, and what calls notice of it, beside others.
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

mod area;
mod fleet;
mod governance;
mod judgement;
mod listed;
mod machine;
mod node;
mod poison;
mod record;
mod registry;
mod report;
mod scenario;
mod secret;
mod stage;

use std::process::ExitCode;

use area::{AREAS, Area};
use chaos::Failure;
use stage::Settings;

const USAGE: &str = "\
Usage: cargo xtask chaos AREA [--quick] [--only NAME]… [--on REGISTRY]… [--json FILE] [--list]

Exits with 1 if a line falls short.

--quick        shorter outages, fewer rounds, smaller floods: some minutes in all
--only NAME    this scenario; repeat for more
--on REGISTRY  process, list, file, zookeeper, etcd or redis only; repeat for more
--json FILE    write the lines, and what each quarter of a second was like
--list         name the scenarios";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let area = |name: &str| AREAS.iter().find(|area| area.name == name);
    let done = match arguments.as_slice() {
        [name, options @ ..] if area(name).is_some() => area(name).map_or(Ok(false), |area| {
            if options == ["--list"] {
                list(area);
                return Ok(true);
            }
            play(area, options)
        }),
        _ => Err(usage().into()),
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

fn usage() -> String {
    let areas: Vec<String> = AREAS
        .iter()
        .map(|area| format!("{}: {}.", area.name, area.about))
        .collect();
    format!("{USAGE}\n\n{}", areas.join("\n\n"))
}

fn list(area: &Area) {
    for scenario in area.scenarios {
        println!("{:<10} {}", scenario.name, scenario.shows);
    }
}

fn play(area: &Area, options: &[&str]) -> Result<bool, Failure> {
    let settings = Settings::read(options, area.scenarios)
        .map_err(|reason| format!("{reason}\n\n{}", usage()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let report = scenario::all(area, &settings).await?;
        println!("\n{report}");
        if let Some(file) = &settings.json {
            std::fs::write(file, report.json())
                .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
        }
        Ok(report.holds())
    })
}
