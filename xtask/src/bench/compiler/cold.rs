//! The first build of a user's build script: the compiler and all that it depends on, from nothing.

use std::fs;
use std::process::Command;

use super::cases;
use super::programs::{OURS, Programs};
use crate::bench::results::{Failure, Figures, Results};
use crate::workspace;

pub(super) const COLD: &str = "cold build";
pub(super) const PROST: &str = "prost-build+tonic-prost-build+protox";

/// One build of each.
pub(super) fn measure(programs: &Programs, results: &mut Results) {
    for (system, package) in [(OURS, "cold-callsheet"), (PROST, "cold-prost")] {
        results.add(COLD, system, build(programs, package));
    }
}

fn build(programs: &Programs, package: &str) -> Result<Figures, Failure> {
    let target = programs.scratch.join("cold");
    if target.exists() {
        fs::remove_dir_all(&target)
            .map_err(|error| Failure::lasting(&format!("{}: {error}", target.display())))?;
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(&programs.rig);
    command
        // A dependency from a registry is never built so that it can be built again in parts; ours lies beside its user.
        .env("CARGO_INCREMENTAL", "0")
        .arg(cargo)
        .args([
            "build",
            "--offline",
            "--package",
            package,
            "--manifest-path",
        ])
        .arg(workspace::root().join("benches/compiler/Cargo.toml"))
        .arg("--target-dir")
        .arg(&target);
    let figures = cases::measured(&mut command, "0")?;
    // Peak memory is that of one rustc, which says nothing of the whole.
    let figures = figures.into_iter().filter(|(name, _)| name != "peak_mib");
    Ok(figures.collect())
}
