//! One JSON object per finding and line, for programs.

use std::fmt::Write as _;

use serde::Serialize;

use super::place::Places;
use super::{acts, ordered, severity};
use crate::diagnostic::Diagnostic;
use crate::source::{SourceMap, Span};

#[derive(Serialize)]
struct Finding<'a> {
    code: &'a str,
    severity: &'a str,
    message: &'a str,
    file: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    labels: Vec<Said<'a>>,
    notes: &'a [String],
    help: Option<&'a str>,
    fix: Option<Fix<'a>>,
}

/// A place with a text: what to say there, or what to write there.
#[derive(Serialize)]
struct Said<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    text: &'a str,
}

#[derive(Serialize)]
struct Fix<'a> {
    edits: Vec<Said<'a>>,
}

/// One object per line with the keys `code severity message file line column end_line end_column labels notes help fix`.
///
/// `severity` is `"error"` or `"lint"`. Lines and columns start at 1; columns count Unicode scalar values; the end is
/// behind the last character. The first of `labels` is the text of the place itself, if there is one. `fix` is `null` or
/// `{"edits": […]}`, all of which together mend the finding.
pub fn json(diagnostics: &[Diagnostic], sources: &SourceMap) -> String {
    let mut places = Places::new(sources);
    let mut lines = String::new();
    for diagnostic in ordered(diagnostics) {
        let mut text = |span: Span, text| {
            let place = places.place(span);
            Said {
                file: &sources.file(span.file).path,
                line: place.line,
                column: place.column,
                end_line: place.end_line,
                end_column: place.end_column,
                text,
            }
        };
        let own = text(diagnostic.primary.span, "");
        let primary = Some(&diagnostic.primary).filter(|label| !label.text.is_empty());
        let labels = primary.into_iter().chain(&diagnostic.labels);
        let finding = Finding {
            code: diagnostic.code.as_str(),
            severity: severity(diagnostic),
            message: &diagnostic.message,
            file: own.file,
            line: own.line,
            column: own.column,
            end_line: own.end_line,
            end_column: own.end_column,
            labels: labels
                .map(|label| text(label.span, label.text.as_str()))
                .collect(),
            notes: &diagnostic.notes,
            help: diagnostic.help.as_deref(),
            fix: diagnostic.fix.as_ref().map(|fix| Fix {
                edits: fix
                    .edits
                    .iter()
                    .map(|(span, new)| text(*span, new.as_str()))
                    .collect(),
            }),
        };
        // Plain structures of strings and numbers always serialize.
        let line = serde_json::to_string(&finding).unwrap_or_default();
        escape(&line, &mut lines);
        lines.push('\n');
    }
    lines
}

/// Writes as escapes what JSON would let through and a terminal might act on. It can only stand inside strings.
pub(super) fn escape(line: &str, into: &mut String) {
    for c in line.chars() {
        if acts(c) {
            let _ = write!(into, "\\u{:04x}", u32::from(c));
        } else {
            into.push(c);
        }
    }
}
