//! rustc and its companions, run on generated text against the runtime that this test itself links with.
//!
//! `cargo` built the runtime for this test and put it beside it; so one file is compiled with one process, without a second
//! resolution and a second build of all that the runtime needs.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

/// What the text is given to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tool {
    Rustc,
    /// clippy with its default lints, which runs rustc's too.
    Clippy,
    Rustdoc,
}

/// A run of `tool` on the crate with this root, for this edition; the output goes to `out`.
pub(crate) fn run(tool: Tool, edition: &str, root: &Path, out: &Path, more: &[&str]) -> Output {
    let name = match tool {
        Tool::Rustc => "rustc",
        Tool::Clippy => "clippy-driver",
        Tool::Rustdoc => "rustdoc",
    };
    let binary = Path::new(env!("CARGO")).with_file_name(name);
    let libraries = libraries();
    let runtime = runtime(&libraries);
    let mut command = Command::new(binary);
    command
        .arg(root)
        .args(["--crate-name", "generated", "--crate-type", "lib"])
        .args(["--edition", edition])
        .arg("--extern")
        .arg(format!("callsheet={}", runtime.display()))
        .arg("-L")
        .arg(format!("dependency={}", libraries.display()))
        .args(more)
        .env_remove("RUSTFLAGS");
    match tool {
        Tool::Rustc | Tool::Clippy => {
            command.args(["--emit=metadata", "--out-dir"]).arg(out);
        }
        Tool::Rustdoc => {
            command.arg("--out-dir").arg(out);
        }
    }
    command
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", command.get_program().display()))
}

/// What a run said, without the texts of other tools.
pub(crate) fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Where cargo put this test, and the libraries that it is made of.
fn libraries() -> PathBuf {
    let test = std::env::current_exe().expect("a running test");
    test.parent().expect("a folder").to_owned()
}

/// The runtime as this test has it: the newest, since cargo builds it before the test whenever it changed.
fn runtime(libraries: &Path) -> PathBuf {
    let newest = std::fs::read_dir(libraries)
        .expect("the folder of libraries")
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_name()?.to_str()?;
            let built = name.starts_with("libcallsheet-") && name.strip_suffix(".rlib").is_some();
            let changed = path.metadata().ok()?.modified().ok()?;
            built.then_some((changed, path))
        })
        .max_by_key(|(changed, _): &(SystemTime, PathBuf)| *changed);
    let (_, path) = newest.expect("the runtime, built for this test");
    path
}
