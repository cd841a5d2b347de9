//! Programs of the system that a task needs, installed where the system lets us.

use std::process::{Command, Stdio};

/// What `probe` finds of the program in Debian's `package`; installed if it is not there, and may be.
///
/// # Errors
/// What to install, and what for.
pub(crate) fn provide<T>(
    purpose: &str,
    package: &str,
    probe: impl Fn() -> Option<T>,
) -> Result<T, String> {
    if let Some(found) = probe() {
        return Ok(found);
    }
    let how = format!(
        "{purpose} needs {package}: install it (Debian: apt-get install {package}), or run this as root where there is \
         apt-get"
    );
    let root = output("id", &["-u"]).is_some_and(|id| id == "0");
    if !root || output("apt-get", &["--version"]).is_none() {
        return Err(how);
    }
    let apt = |arguments: &[&str]| {
        Command::new("apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    let install = [
        "install",
        "--yes",
        "--quiet",
        "--no-install-recommends",
        package,
    ];
    if apt(&["update", "--quiet"]) && apt(&install) {
        probe().ok_or(how)
    } else {
        Err(format!("{how}. apt-get could not install it."))
    }
}

/// The first line that a command prints, if it ends well.
pub(crate) fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output
        .status
        .success()
        .then(|| text.lines().next().unwrap_or_default().trim().to_owned())
}
