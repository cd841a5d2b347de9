//! The systems, and the programs that are built of them.

use std::path::PathBuf;
use std::process::Stdio;

use crate::workspace;

const MANIFEST: &str = "benches/peers/Cargo.toml";

/// Protobuf echoed without a framework.
pub(super) const FLOOR: &str = "limit";

/// The system that is compared with the others.
pub(super) const OURS: &str = "callsheet";

/// In the order of the tables. The program of each is `peer-<name>`.
pub(super) const SYSTEMS: [&str; 9] = [
    FLOOR,
    OURS,
    "tonic",
    "connectrpc",
    "connectrpc-grpc",
    "volo-thrift",
    "tarpc",
    "ttrpc",
    "capnp-rpc",
];

/// A system as it can be run.
pub(super) struct Program {
    pub(super) name: &'static str,
    pub(super) path: PathBuf,
}

/// The systems that can be run, and those that cannot.
pub(super) struct Built {
    pub(super) programs: Vec<Program>,
    pub(super) missing: Vec<&'static str>,
}

/// Builds the programs of these systems, without stopping at those that do not build.
pub(super) fn build(systems: &[&'static str]) -> Result<Built, String> {
    let mut arguments = vec![
        "build",
        "--release",
        "--keep-going",
        "--manifest-path",
        MANIFEST,
        "--message-format=json-render-diagnostics",
    ];
    let packages: Vec<String> = systems.iter().map(|name| package(name)).collect();
    // All of them are the whole workspace, whose crates share the builds of what they depend on.
    if systems.len() < SYSTEMS.len() {
        for package in &packages {
            arguments.extend(["--package", package]);
        }
    }
    let output = workspace::cargo(&arguments)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    let output = String::from_utf8_lossy(&output.stdout);
    let built: Vec<PathBuf> = output.lines().filter_map(workspace::executable).collect();
    let mut result = Built {
        programs: Vec::new(),
        missing: Vec::new(),
    };
    for &name in systems {
        let file = format!("peer-{name}");
        let is_it = |path: &&PathBuf| path.file_name().is_some_and(|name| *name == *file);
        match built.iter().find(is_it).cloned() {
            Some(path) => result.programs.push(Program { name, path }),
            None => result.missing.push(name),
        }
    }
    if result.programs.is_empty() {
        return Err("none of the programs built".to_owned());
    }
    Ok(result)
}

/// The package that a system's program is of.
fn package(system: &str) -> String {
    // connectrpc speaks two protocols, each a program of one package.
    format!("peer-{}", system.trim_end_matches("-grpc"))
}
