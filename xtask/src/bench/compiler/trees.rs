//! Trees of contracts: grown anew for each run, and seen to mean the same in both languages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::programs::Programs;
use crate::workspace;

/// Decides what the trees look like.
const SEED: &str = "1";

/// A tree on the disk.
pub(super) struct Tree {
    pub(super) files: usize,
    /// Of the `.rpc` files.
    pub(super) bytes: u64,
    /// Holds `rpc`, `proto`, and `wrong` with a mistake in each file.
    pub(super) folder: PathBuf,
    /// The paths of the `.proto` files, as protoc reads its arguments from a file.
    pub(super) list: PathBuf,
}

/// Grows a tree of so many files.
pub(super) fn grow(programs: &Programs, files: usize) -> Result<Tree, String> {
    let folder = programs.scratch.join(files.to_string());
    let failed =
        |error: std::io::Error| format!("cannot grow a tree in {}: {error}", folder.display());
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(failed)?;
    }
    fs::create_dir_all(&folder).map_err(failed)?;
    run(Command::new(&programs.tree)
        .args([&files.to_string(), SEED])
        .arg(&folder))?;
    let contracts = workspace::files(&folder.join("rpc"), ".rpc")?;
    let sizes = contracts
        .iter()
        .map(|path| fs::metadata(path).map(|file| file.len()));
    let bytes = sizes.sum::<Result<u64, _>>().map_err(failed)?;
    let protos = workspace::files(&folder.join("proto"), ".proto")?;
    let names: Vec<String> = protos
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let list = folder.join("files");
    fs::write(&list, names.join("\n")).map_err(failed)?;
    let tree = Tree {
        files,
        bytes,
        folder,
        list,
    };
    if let Some(protoc) = &programs.protoc {
        means_the_same(programs, protoc, &tree)?;
    }
    Ok(tree)
}

/// What protoc makes of the `.proto` files is what we make of the others.
fn means_the_same(programs: &Programs, protoc: &Path, tree: &Tree) -> Result<(), String> {
    let set = tree.folder.join("set.pb");
    run(Command::new(protoc)
        .arg("-I")
        .arg(tree.folder.join("proto"))
        .arg(format!("--descriptor_set_out={}", set.display()))
        .arg(format!("@{}", tree.list.display())))?;
    run(Command::new(&programs.same)
        .arg(tree.folder.join("rpc"))
        .arg(&set))
}

fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().display().to_string();
    let output = command
        .output()
        .map_err(|error| format!("cannot run {program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program} failed: {}", said.trim_end()))
}
