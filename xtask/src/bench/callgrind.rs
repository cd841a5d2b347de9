//! Counts the instructions of a program with valgrind's `callgrind`, which it gets where the system lets it.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::provision::{self, output};

/// Where the C library copies in steps of a vector register, not with one instruction per copy: valgrind counts that one
/// as often as it copies a byte, and from which size it is taken depends on the machine.
const COPY_IN_STEPS: &str = "glibc.cpu.x86_rep_movsb_threshold=1073741824";

/// A count under way.
pub(crate) struct Counting(Child);

/// Starts `program`; `profile` is the file that holds the outcome.
pub(crate) fn start(
    program: &Path,
    arguments: &[&str],
    profile: &Path,
) -> Result<Counting, String> {
    run(command(program, arguments, profile))
}

/// What starts `program` so.
pub(crate) fn command(program: &Path, arguments: &[&str], profile: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command
        .arg("--tool=callgrind")
        .arg("--quiet")
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(program)
        .args(arguments)
        .env("GLIBC_TUNABLES", COPY_IN_STEPS)
        .stdin(Stdio::null());
    command
}

/// Starts what [`command`] made.
pub(crate) fn run(mut command: Command) -> Result<Counting, String> {
    let child = command
        .spawn()
        .map_err(|error| format!("cannot run valgrind: {error}"))?;
    Ok(Counting(child))
}

impl Counting {
    /// Waits for the end. The instructions that the program took from its start.
    pub(crate) fn finish(mut self, profile: &Path) -> Result<u64, String> {
        let status = self.0.wait().map_err(|error| error.to_string())?;
        if !status.success() {
            return Err(format!("the program that is counted ended with {status}"));
        }
        let text = fs::read_to_string(profile)
            .map_err(|error| format!("cannot read {}: {error}", profile.display()))?;
        total(&text).ok_or_else(|| format!("{} holds no total", profile.display()))
    }
}

/// What a profile sums up to.
fn total(profile: &str) -> Option<u64> {
    profile
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("totals: "))
        .and_then(|total| total.trim().parse().ok())
}

/// Sees to it that there is a valgrind, and gives its version.
pub(crate) fn provide() -> Result<String, String> {
    provision::provide("Counting instructions", "valgrind", || {
        output("valgrind", &["--version"])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn total_of_a_profile_is_its_last_line() {
        let profile = "events: Ir\nsummary: 11\n\nfn=(1) main\n1 7\n\ntotals: 12\n";
        assert_eq!(total(profile), Some(12));
        assert_eq!(total("events: Ir\n"), None);
    }
}
