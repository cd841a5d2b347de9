//! What writing a folder did, or how it differs from what would be written.

use std::fmt::Write as _;
use std::path::Path;

use callsheet_build::diagnostic::render;
use callsheet_build::host::{Difference, Written};
use similar::TextDiff;

use crate::Outcome;
use crate::arguments::Format;
use crate::project::shown;
use crate::report::{self, Failure};

/// Says what was written to `folder`.
pub(crate) fn written(folder: &Path, written: &Written) {
    for name in &written.written {
        report::say(&format!("wrote {}", shown(&folder.join(name))));
    }
    for name in &written.removed {
        report::say(&format!("removed {}", shown(&folder.join(name))));
    }
    for name in &written.foreign {
        report::say(&format!(
            "left {}: nothing generated it",
            shown(&folder.join(name))
        ));
    }
    report::say(&format!(
        "{} written, {} unchanged, {} removed",
        written.written.len(),
        written.unchanged.len(),
        written.removed.len()
    ));
}

/// Prints how `folder` differs from the `count` files that `command` would leave there.
pub(crate) fn differences(
    folder: &Path,
    differences: &[Difference],
    count: usize,
    command: &str,
    format: Format,
) -> Result<Outcome, Failure> {
    let mut text = String::new();
    let mut foreign = 0;
    for difference in differences {
        let (what, name, found, expected) = match difference {
            Difference::Missing { name, expected } => ("missing", name, "", expected.as_str()),
            Difference::Stale {
                name,
                found,
                expected,
            } => ("stale", name, found.as_str(), expected.as_str()),
            Difference::Orphan { name, found } => ("orphan", name, found.as_str(), ""),
            Difference::Foreign { name } => {
                foreign += 1;
                let path = shown(&folder.join(name));
                let _ = writeln!(
                    text,
                    "foreign: {path}: nothing generated it; move it elsewhere"
                );
                continue;
            }
        };
        let path = shown(&folder.join(name));
        let diff = TextDiff::from_lines(found, expected);
        let _ = writeln!(text, "{what}: {path}");
        let _ = write!(
            text,
            "{}",
            diff.unified_diff()
                .header(&path, &format!("{path} (generated)"))
        );
    }
    match format {
        Format::Human | Format::Short => report::print(&render::shown(&text))?,
        // Standard output holds what a program reads.
        _ if text.is_empty() => {}
        _ => report::say(text.trim_end()),
    }
    if differences.is_empty() {
        report::say(&format!("{count} files are up to date"));
        Ok(Outcome::Clean)
    } else {
        let help = if foreign == differences.len() {
            String::new()
        } else {
            format!("; run `callsheet {command}` without `--check`")
        };
        report::say(&format!(
            "{} of {} differ{help}",
            differences.len(),
            shown(folder)
        ));
        Ok(Outcome::Findings)
    }
}
