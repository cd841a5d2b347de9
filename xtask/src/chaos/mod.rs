//! `cargo xtask chaos`: builds the programs of `benches/chaos` and lets them play. What they do is known there only.

use crate::{provision, workspace};

const MANIFEST: &str = "benches/chaos/Cargo.toml";

/// Plays the scenarios that `options` name. `Ok(false)` when a line falls short.
pub(crate) fn chaos(options: &[&str]) -> Result<bool, String> {
    let asks_only = options
        .iter()
        .any(|option| ["--help", "--list"].contains(option));
    if !asks_only {
        provision::engines()?;
    }
    let output = workspace::cargo(&[
        "build",
        "--manifest-path",
        MANIFEST,
        "--bins",
        "--message-format=json-render-diagnostics",
    ])
    .stderr(std::process::Stdio::inherit())
    .output()
    .map_err(|error| format!("cannot run cargo: {error}"))?;
    let messages = String::from_utf8_lossy(&output.stdout);
    let runner = messages
        .lines()
        .filter_map(workspace::executable)
        .find(|path| path.file_stem().is_some_and(|name| name == "chaos"))
        .filter(|_| output.status.success())
        .ok_or("the programs of benches/chaos do not build")?;
    let status = std::process::Command::new(runner)
        .args(options)
        .status()
        .map_err(|error| format!("cannot run the scenarios: {error}"))?;
    match status.code() {
        Some(0) => Ok(true),
        Some(1) => Ok(false),
        _ => Err("the scenarios did not run".to_owned()),
    }
}
