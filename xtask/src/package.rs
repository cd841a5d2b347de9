//! `cargo xtask package`: packages every published crate, and builds each from what is in its package and theirs.
//!
//! Cargo would verify them itself, out of a registry that it makes for the purpose. But what it unpacks from there it
//! keeps in `CARGO_HOME`, under a name made of path and version, and takes again the next time: the second run of a
//! checkout would build against crates as they were at the first. Here each is unpacked anew, where it was packaged.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{provision, workspace};

/// Where cargo puts packages, and does not look for the workspace around them.
const FOLDER: &str = "target/package";

/// Packages the crates. `Ok(false)` when one does not package, or does not build.
pub(crate) fn package(options: &[&str]) -> Result<bool, String> {
    if let [unknown, ..] = options {
        return Err(format!("unknown option `{unknown}`: `package` takes none"));
    }
    provision::provide("Unpacking packages", "tar", || {
        provision::output("tar", &["--version"])
    })?;
    let names = workspace::PUBLISHED.map(|(name, _)| name);
    let mut arguments = vec!["package", "--no-verify", "--target-dir=target"];
    for name in names {
        arguments.extend(["--package", name]);
    }
    if !run(&mut workspace::cargo(&arguments))? {
        return Ok(false);
    }
    let folder = workspace::root().join(FOLDER);
    let mut unpacked = Vec::new();
    for name in names {
        unpacked.push((name, unpack(&folder, name)?));
    }
    let mut whole = true;
    for (name, own) in &unpacked {
        println!("   Building {name} from its package");
        whole &= build(&folder, own, &unpacked)?;
    }
    Ok(whole)
}

/// Unpacks the package of a crate beside it. The folder of what was in it.
fn unpack(folder: &Path, name: &str) -> Result<PathBuf, String> {
    let identity = workspace::cargo(&["pkgid", "--offline", "--package", name])
        .output()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    let identity = String::from_utf8_lossy(&identity.stdout);
    let Some((_, version)) = identity.trim().rsplit_once(['@', '#']) else {
        return Err(format!("cargo does not know the package `{name}`"));
    };
    let own = folder.join(format!("{name}-{version}"));
    if own.is_dir() {
        fs::remove_dir_all(&own)
            .map_err(|error| format!("cannot remove {}: {error}", own.display()))?;
    }
    let mut tar = Command::new("tar");
    // Without the times in it, which are those of no file: cargo would take what changed for what it has built.
    tar.args(["-x", "-z", "-m", "-f"])
        .arg(format!("{}.crate", own.display()))
        .current_dir(folder)
        .stdin(Stdio::null());
    if run(&mut tar)? && own.is_dir() {
        Ok(own)
    } else {
        Err(format!("the package of {name} does not unpack"))
    }
}

/// Builds the crate that is unpacked at `own`, against those that it depends on as they are unpacked.
fn build(folder: &Path, own: &Path, unpacked: &[(&str, PathBuf)]) -> Result<bool, String> {
    let lock = own.join("Cargo.lock");
    let lock = fs::read_to_string(&lock)
        .map_err(|error| format!("cannot read {}: {error}", lock.display()))?;
    // As the workspace is built, so that what both depend on is there already.
    let mut cargo = workspace::cargo(&["build", "--config=profile.dev.debug=\"line-tables-only\""]);
    cargo
        .current_dir(folder)
        .arg("--manifest-path")
        .arg(own.join("Cargo.toml"));
    for (name, path) in unpacked {
        if path != own && lock.contains(&format!("name = \"{name}\"\n")) {
            // From where cargo runs.
            let path = path.file_name().unwrap_or_default().display();
            cargo
                .arg("--config")
                .arg(format!("patch.crates-io.{name}.path=\"{path}\""));
        }
    }
    run(&mut cargo)
}

fn run(command: &mut Command) -> Result<bool, String> {
    command
        .status()
        .map(|status| status.success())
        .map_err(|error| format!("cannot run {}: {error}", command.get_program().display()))
}
