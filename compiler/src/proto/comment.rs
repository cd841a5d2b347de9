//! What stands above a declaration: documentation, why it is deprecated, and what only Callsheet has words for.

use super::MARK;
use crate::print;

/// The lines of a comment, without `//`.
#[derive(Debug, Default)]
pub(super) struct Comment {
    pub(super) lines: Vec<String>,
}

impl Comment {
    /// Documentation, one line each.
    pub(super) fn of(docs: &[String]) -> Self {
        let lines = docs.iter().map(|line| guarded(plain(line))).collect();
        Self { lines }
    }

    /// With the reason of a deprecation as a paragraph of its own, as many tools know it.
    pub(super) fn deprecated(self, reason: Option<&str>) -> Self {
        match reason {
            Some(reason) if plainly(reason) => self.paragraph(format!("Deprecated: {reason}")),
            Some(reason) => self.mark(&[print::deprecated(reason)]),
            None => self,
        }
    }

    /// With a line that says `words` to the import.
    pub(super) fn mark(self, words: &[String]) -> Self {
        if words.is_empty() {
            return self;
        }
        self.paragraph(format!("{MARK} {}", words.join(" ")))
    }

    fn paragraph(mut self, line: String) -> Self {
        if self.lines.last().is_some_and(|last| !last.is_empty()) {
            self.lines.push(String::new());
        }
        self.lines.push(line);
        self
    }

    /// As `SourceCodeInfo` has it: each line behind its `//`, with its end.
    pub(super) fn as_source_info(&self) -> Option<String> {
        if self.lines.is_empty() {
            return None;
        }
        let mut out = String::new();
        for line in &self.lines {
            if !line.is_empty() {
                out.push(' ');
                out.push_str(line);
            }
            out.push('\n');
        }
        Some(out)
    }
}

/// A reason that stands in a comment as it is.
fn plainly(reason: &str) -> bool {
    !reason.is_empty() && reason.trim() == reason && !reason.chars().any(char::is_control)
}

/// Documentation that looks like a mark gets a backslash, which the import takes away.
fn guarded(line: String) -> String {
    if line.trim_start_matches('\\').starts_with(MARK) {
        format!("\\{line}")
    } else {
        line
    }
}

/// A line that no character ends early.
fn plain(line: &str) -> String {
    let line: String = line
        .chars()
        .map(|letter| {
            if letter.is_control() && letter != '\t' {
                ' '
            } else {
                letter
            }
        })
        .collect();
    line.trim_end().to_owned()
}
