//! The compilers that are compared, and what the comparison runs with.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::workspace;

const MANIFEST: &str = "benches/compiler/Cargo.toml";

pub(super) const OURS: &str = "callsheet";
pub(super) const PROTOC: &str = "protoc";
/// protox, and behind it prost-build where Rust is generated.
pub(super) const PROTOX: &str = "protox+prost-build";

/// Where everything is.
pub(super) struct Programs {
    pub(super) callsheet: PathBuf,
    /// Nothing when it is not installed.
    pub(super) protoc: Option<PathBuf>,
    pub(super) protox: PathBuf,
    pub(super) rig: PathBuf,
    pub(super) tree: PathBuf,
    pub(super) same: PathBuf,
    /// For trees, and for what is generated from them.
    pub(super) scratch: PathBuf,
}

/// Builds what has to be built.
pub(super) fn build() -> Result<Programs, String> {
    let ours = cargo(&["build", "--release", "--package", "callsheet-cli"])?;
    let peers = cargo(&["build", "--release", "--manifest-path", MANIFEST])?;
    let program = |built: &[PathBuf], name: &str| {
        let found = built.iter().find(|path| path.ends_with(name)).cloned();
        found.ok_or_else(|| format!("cargo built no program called {name}"))
    };
    Ok(Programs {
        callsheet: program(&ours, "callsheet")?,
        protoc: installed(Path::new("/usr/bin/protoc")),
        protox: program(&peers, "peer-protox")?,
        rig: program(&peers, "rig")?,
        tree: program(&peers, "contract-tree")?,
        same: program(&peers, "same-contract")?,
        scratch: workspace::root().join("target/bench-compiler"),
    })
}

fn installed(path: &Path) -> Option<PathBuf> {
    let run = Command::new(path)
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    run.is_ok_and(|status| status.success())
        .then(|| path.to_owned())
}

/// Runs cargo; gives the programs that it built.
fn cargo(arguments: &[&str]) -> Result<Vec<PathBuf>, String> {
    let output = workspace::cargo(arguments)
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo {} failed", arguments.join(" ")));
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    Ok(messages.lines().filter_map(workspace::executable).collect())
}
