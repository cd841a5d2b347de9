//! Documents and their histories as people and programs read them.

use std::fmt::Write as _;

use callsheet_build::diagnostic::render;
use serde_json::json;
use similar::TextDiff;

use super::arguments::{self, Format};
use super::history::History;
use super::store::Stored;
use crate::Outcome;
use crate::clock;
use crate::reach::Reached;
use crate::report::{self, Failure};

/// A text that somebody else wrote, without what a terminal might act on.
pub(super) fn safe(text: &str) -> String {
    render::shown(text)
}

/// What a change of a document changes; empty where that is nothing.
pub(super) fn difference(name: &str, before: &str, after: &str) -> String {
    if before == after {
        return String::new();
    }
    let difference = TextDiff::from_lines(before, after)
        .unified_diff()
        .header(&format!("{name} (now)"), &format!("{name} (then)"))
        .to_string();
    safe(&difference)
}

/// Prints the changes of a document, the latest first, or the document after one of them.
pub(super) async fn history(
    reached: &Reached,
    asked: &arguments::History,
    format: Format,
) -> Result<Outcome, Failure> {
    let name = &asked.named.service;
    let stored = Stored::read(reached, name).await?;
    let history = stored.history();
    if let Some(number) = asked.show {
        let Some(change) = history.change(number) else {
            return Ok(no_change(name, number, &history));
        };
        report::print(&safe(change.text.as_deref().unwrap_or_default()))?;
        return Ok(Outcome::Clean);
    }
    if history.changes.is_empty() {
        report::say(&format!("{name}: no change is known"));
        return Ok(Outcome::Findings);
    }
    let mut text = String::new();
    for change in history.changes.iter().rev() {
        let _ = match format {
            Format::Text => writeln!(
                text,
                "{:>4}  {:<20}  {:<12}  {:<7}  {}",
                change.number,
                match change.at_unix_ms {
                    0 => String::new(),
                    at => clock::utc(at),
                },
                change.by,
                if change.text.is_some() {
                    "set"
                } else {
                    "removed"
                },
                change.message,
            ),
            Format::Json => writeln!(text, "{}", json!(change)),
        };
    }
    report::print(&match format {
        Format::Text => safe(&text),
        Format::Json => text,
    })?;
    Ok(Outcome::Clean)
}

/// Says that a history has no change of this number, and which it has.
pub(super) fn no_change(name: &str, number: u64, history: &History) -> Outcome {
    let known = match (history.changes.first(), history.last()) {
        (Some(first), Some(last)) => format!("it has {} to {}", first.number, last.number),
        _ => "it has none".to_owned(),
    };
    report::say(&format!(
        "the history of {name} has no change {number} to go by: {known}"
    ));
    Outcome::Findings
}
