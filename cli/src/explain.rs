//! `callsheet explain`

use std::fmt::Write as _;
use std::io;

use callsheet_build::diagnostic::{Code, Severity};

use crate::Outcome;
use crate::arguments::Explain;
use crate::page;
use crate::report::{self, Failure};

/// Prints the manual page of a code, or the list of all codes.
pub(crate) fn run(explain: &Explain) -> Result<Outcome, Failure> {
    let coloured = report::coloured(&explain.colours, &io::stdout());
    let Some(written) = &explain.code else {
        report::print(&list())?;
        return Ok(Outcome::Clean);
    };
    let Some(code) = Code::named(&spelt(written)) else {
        return Err(Failure(unknown(written)));
    };
    if coloured {
        report::print(&page::terminal(code.page()))?;
    } else {
        report::print(code.page())?;
    }
    Ok(Outcome::Clean)
}

/// A code as it may be written for short: `15` for CS0015.
fn spelt(written: &str) -> String {
    let digits = written.trim_start_matches(['c', 'C', 's', 'S']);
    match digits.parse::<u16>() {
        Ok(number) => format!("CS{number:04}"),
        Err(_) => written.to_owned(),
    }
}

/// A line for each code: number, severity, title.
fn list() -> String {
    let mut text = String::new();
    for code in Code::ALL {
        let severity = match code.severity() {
            Severity::Error => "error",
            Severity::Lint => "lint",
        };
        let _ = writeln!(text, "{}  {severity:5}  {}", code.as_str(), code.title());
    }
    text
}

/// That there is no such code, and which are near: by number, or by a word of their title.
fn unknown(written: &str) -> String {
    const SHOWN: usize = 5;
    let number = |text: &str| -> Option<i32> {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        digits.parse().ok()
    };
    let near: Vec<&Code> = if let Some(wanted) = number(written) {
        let mut codes: Vec<&Code> = Code::ALL.iter().collect();
        let distance =
            |code: &Code| number(code.as_str()).map_or(i32::MAX, |it| (it - wanted).abs());
        codes.sort_by_key(|code| distance(code));
        codes.truncate(SHOWN);
        codes.sort();
        codes
    } else {
        let word = written.to_lowercase();
        let about = |code: &&Code| word.len() > 2 && code.title().to_lowercase().contains(&word);
        Code::ALL.iter().filter(about).take(SHOWN).collect()
    };
    let mut text = format!("there is no code `{}`", written.escape_debug());
    if near.is_empty() {
        text.push_str("; `callsheet explain --list` lists them all");
        return text;
    }
    text.push_str("; near it are");
    for code in near {
        let _ = write!(text, "\n    {}  {}", code.as_str(), code.title());
    }
    text
}
