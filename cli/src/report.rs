//! Findings and messages as text on the right stream.

use std::fmt;
use std::io::{self, Write as _};

use callsheet_build::diagnostic::{Code, Severity, render};
use callsheet_build::driver::Analysis;

use crate::Outcome;
use crate::arguments::{Colours, Format, Input, When};

/// Why a command could not do its work.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

impl Failure {
    pub(crate) fn of(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// Prints a line for people.
pub(crate) fn say(line: &str) {
    // There is nobody left to tell when standard error is closed.
    let _ = writeln!(io::stderr().lock(), "{}", render::shown(line));
}

/// Prints what was asked for.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whoever reads has read enough: `callsheet explain CS0101 | head -1`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure(format!("standard output: {error}"))),
        Ok(()) => Ok(()),
    }
}

/// Prints the findings of an analysis of `entries`, and says how they count.
pub(crate) fn findings(
    analysis: &Analysis,
    entries: &[String],
    input: &Input,
) -> Result<Outcome, Failure> {
    let Analysis {
        sources,
        diagnostics,
        ..
    } = analysis;
    match input.format {
        Format::Human => {
            let text = render::human(
                diagnostics,
                sources,
                coloured(&input.colours, &io::stderr()),
            );
            let _ = io::stderr().lock().write_all(text.as_bytes());
        }
        Format::Short => print(&render::short(diagnostics, sources))?,
        Format::Json => print(&render::json(diagnostics, sources))?,
        Format::Sarif => print(&render::sarif(diagnostics, sources))?,
        Format::Github => print(&render::github(diagnostics, sources))?,
    }
    if unreadable(analysis, entries) {
        Ok(Outcome::Unreadable)
    } else if count(analysis, Severity::Error) > 0 {
        Ok(Outcome::Findings)
    } else {
        Ok(Outcome::Clean)
    }
}

/// Prints what an analysis of so many files without a finding prints.
pub(crate) fn nothing(files: usize, input: &Input) -> Result<(), Failure> {
    findings(&Analysis::default(), &[], input)?;
    if input.format == Format::Human {
        say(&totals(0, 0, files));
    }
    Ok(())
}

/// The findings of an analysis as numbers.
pub(crate) fn summary(analysis: &Analysis) -> String {
    totals(
        count(analysis, Severity::Error),
        count(analysis, Severity::Lint),
        analysis.sources.iter().count(),
    )
}

/// `2 errors, 1 lint in 3 files`
fn totals(errors: usize, lints: usize, files: usize) -> String {
    let number = |count: usize, what: &str| match count {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    };
    format!(
        "{}, {} in {}",
        number(errors, "error"),
        number(lints, "lint"),
        number(files, "file")
    )
}

fn count(analysis: &Analysis, severity: Severity) -> usize {
    analysis
        .diagnostics
        .iter()
        .filter(|finding| finding.severity == severity)
        .count()
}

/// Whether a file that was asked for is no text that could be looked at.
fn unreadable(analysis: &Analysis, entries: &[String]) -> bool {
    analysis.diagnostics.iter().any(|finding| {
        let source = analysis.sources.file(finding.primary.span.file);
        let kind = matches!(
            finding.code,
            Code::ImportNotFound
                | Code::Unreadable
                | Code::NotUtf8
                | Code::FileTooLarge
                | Code::NotRegularFile
                | Code::OutsideRoots
        );
        // A file that an import names is reported in the file that imports it, which has a text.
        kind && source.text.is_empty() && entries.iter().any(|entry| **entry == *source.import_path)
    })
}

/// Whether a stream gets colours: what the command line says, or else <https://no-color.org>, or else
/// <https://bixense.com/clicolors>, or else whether it is a terminal that has colours.
pub(crate) fn coloured(colours: &Colours, stream: &impl io::IsTerminal) -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    match colours.when {
        When::Always => true,
        When::Never => false,
        When::Auto if set("NO_COLOR").is_some() => false,
        When::Auto if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
        When::Auto => {
            stream.is_terminal() && set("TERM").map_or(cfg!(windows), |term| term != "dumb")
        }
    }
}
