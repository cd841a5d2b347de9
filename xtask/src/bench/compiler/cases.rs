//! What each compiler is made to do, and running it.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::programs::{OURS, PROTOC, PROTOX, Programs};
use super::trees::Tree;
use crate::bench::results::{Failure, Figures};

/// What is done with each tree, and who does it.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) systems: &'static [&'static str],
}

/// Reads and checks; protoc and protox make a descriptor set of it, with the places in the sources.
pub(super) const CHECK: &str = "check";
/// The same on the tree with a mistake in each file.
pub(super) const WRONG: &str = "check, wrong";
/// Writes formatted Rust to an empty folder.
pub(super) const GEN: &str = "gen";
/// Looks whether the Rust is up to date, which it is.
pub(super) const AGAIN: &str = "gen --check";

/// In the order in which they run: the last two use what the one before them wrote.
pub(super) const CASES: [Case; 4] = [
    Case {
        name: CHECK,
        systems: &[OURS, PROTOC, PROTOX],
    },
    Case {
        name: WRONG,
        systems: &[OURS],
    },
    Case {
        name: GEN,
        systems: &[OURS, PROTOX],
    },
    Case {
        name: AGAIN,
        systems: &[OURS],
    },
];

/// How a case of a tree is called in the results.
pub(super) fn key(case: &str, files: usize) -> String {
    format!("{case} {files}")
}

/// Runs a case once.
pub(super) fn run(
    programs: &Programs,
    tree: &Tree,
    case: &str,
    system: &str,
) -> Result<Figures, Failure> {
    let [rpc, proto, wrong] = ["rpc", "proto", "wrong"].map(|part| tree.folder.join(part));
    let out = programs.scratch.join(format!("out-{system}"));
    if case == GEN && out.exists() {
        fs::remove_dir_all(&out)
            .map_err(|error| Failure::lasting(&format!("{}: {error}", out.display())))?;
    }
    let mut command = Command::new(&programs.rig);
    let expected = if case == WRONG { "1" } else { "0" };
    match (system, case) {
        (OURS, _) => {
            let root = if case == WRONG { &wrong } else { &rpc };
            let what = if [CHECK, WRONG].contains(&case) {
                "check"
            } else {
                "gen"
            };
            command.arg(&programs.callsheet).arg(what).arg("--root");
            command.arg(root).arg(root);
            if [GEN, AGAIN].contains(&case) {
                command.arg("--out").arg(&out);
            }
            if case == AGAIN {
                command.arg("--check");
            }
        }
        (PROTOC, CHECK) => {
            let Some(protoc) = &programs.protoc else {
                return Err(Failure::lasting("not installed"));
            };
            command.arg(protoc).arg("-I").arg(&proto);
            command.arg("--descriptor_set_out=/dev/null");
            command.arg(format!("@{}", tree.list.display()));
        }
        (PROTOX, CHECK) => {
            command.arg(&programs.protox).arg("check").arg(&proto);
        }
        (PROTOX, GEN) => {
            command.arg(&programs.protox).arg("gen").arg(&proto);
            command.arg(&out);
        }
        _ => return Err(Failure::lasting("not offered")),
    }
    measured(&mut command, expected)
}

/// Runs a command of the rig; its figures, if it ended with the expected status.
pub(super) fn measured(command: &mut Command, expected: &str) -> Result<Figures, Failure> {
    let output = command
        .output()
        .map_err(|error| Failure::lasting(&format!("cannot run the rig: {error}")))?;
    let (figures, status) = read(&String::from_utf8_lossy(&output.stdout))?;
    if status == expected {
        return Ok(figures);
    }
    let program = command.get_args().next().unwrap_or_default();
    let program = Path::new(program).display();
    Err(Failure::lasting(&format!(
        "{program} ended with status {status}"
    )))
}

/// A line of the rig: `wall_s=1.5 cpu_s=2.5 … status=0`.
fn read(line: &str) -> Result<(Figures, String), Failure> {
    let mut figures = Figures::new();
    let mut status = String::new();
    for field in line.split_whitespace() {
        let wrong = || Failure::lasting(&format!("the rig printed `{field}`"));
        let (name, value) = field.split_once('=').ok_or_else(wrong)?;
        if name == "status" {
            value.clone_into(&mut status);
        } else {
            figures.insert(name.to_owned(), value.parse().map_err(|_| wrong())?);
        }
    }
    if let (Some(cpu), Some(wall)) = (figures.get("cpu_s"), figures.get("wall_s")) {
        figures.insert("cores".to_owned(), cpu / wall);
    }
    Ok((figures, status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_of_the_rig_is_read_as_figures() {
        let (figures, status) = read("wall_s=2.0 cpu_s=3.0 peak_mib=10.5 status=1\n").unwrap();
        assert_eq!(figures.get("cores"), Some(&1.5));
        assert_eq!(figures.get("peak_mib"), Some(&10.5));
        assert_eq!(status, "1");
        assert!(read("killed").is_err());
    }
}
