//! `callsheet gen`

use std::fmt::Write as _;

use callsheet_build::codegen::{Files, Options};
use callsheet_build::diagnostic::render;
use callsheet_build::driver;
use callsheet_build::host::{Difference, Output};
use similar::TextDiff;

use crate::Outcome;
use crate::arguments::Generate;
use crate::check::analyse;
use crate::project::shown;
use crate::report::{self, Failure};

/// Generates the contracts' Rust, or compares it with what is there.
pub(crate) fn run(generate: &Generate) -> Result<Outcome, Failure> {
    let (analysis, outcome) = analyse(&generate.input)?;
    let Some(model) = &analysis.model else {
        return Ok(outcome);
    };
    let options = Options {
        at: generate.at,
        ..Options::default()
    };
    let files = driver::generate(model, &options).map_err(Failure::of)?;
    if generate.check {
        compare(generate, &files)
    } else {
        write(generate, &files)
    }
}

fn write(generate: &Generate, files: &Files) -> Result<Outcome, Failure> {
    let written = Output::new(&generate.out)
        .synchronize(files)
        .map_err(Failure::of)?;
    for name in &written.written {
        report::say(&format!("wrote {}", shown(&generate.out.join(name))));
    }
    for name in &written.removed {
        report::say(&format!("removed {}", shown(&generate.out.join(name))));
    }
    for name in &written.foreign {
        report::say(&format!(
            "left {}: nothing generated it",
            shown(&generate.out.join(name))
        ));
    }
    report::say(&format!(
        "{} written, {} unchanged, {} removed",
        written.written.len(),
        written.unchanged.len(),
        written.removed.len()
    ));
    Ok(Outcome::Clean)
}

fn compare(generate: &Generate, files: &Files) -> Result<Outcome, Failure> {
    let differences = Output::new(&generate.out)
        .compare(files)
        .map_err(Failure::of)?;
    let mut text = String::new();
    let mut foreign = 0;
    for difference in &differences {
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
                let path = shown(&generate.out.join(name));
                let _ = writeln!(
                    text,
                    "foreign: {path}: nothing generated it; move it elsewhere"
                );
                continue;
            }
        };
        let path = shown(&generate.out.join(name));
        let diff = TextDiff::from_lines(found, expected);
        let _ = writeln!(text, "{what}: {path}");
        let _ = write!(
            text,
            "{}",
            diff.unified_diff()
                .header(&path, &format!("{path} (generated)"))
        );
    }
    report::print(&render::shown(&text))?;
    if differences.is_empty() {
        report::say(&format!("{} files are up to date", files.0.len()));
        Ok(Outcome::Clean)
    } else {
        let help = if foreign == differences.len() {
            ""
        } else {
            "; run `callsheet gen` without `--check`"
        };
        report::say(&format!(
            "{} of {} differ{help}",
            differences.len(),
            shown(&generate.out)
        ));
        Ok(Outcome::Findings)
    }
}
