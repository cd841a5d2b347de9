//! What the compiler has to say about a file: plain values, rendered elsewhere.

mod code;
mod levels;
mod near;
pub mod render;
mod reports;

pub use code::Code;
pub use levels::{Level, Levels, NotALint};
pub use near::{certain, near};
pub use reports::{Reports, shorten};

use std::fmt::Write as _;

use crate::source::Span;

/// Bytes of the longest text that a finding says whole: whoever quotes a name of a megabyte says enough with its ends.
const LONGEST: usize = 4096;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing is generated.
    Error,
    /// Taste: the contract means what it says, and could say it better.
    Lint,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its stable code; decides the manual page.
    pub code: Code,
    /// How bad it is: what the code says, or [`Levels`] if they deny a lint.
    pub severity: Severity,
    /// What is wrong, in one short sentence without a full stop. Never how to mend it.
    pub message: String,
    /// The place where it is wrong. The rendering underlines it.
    pub primary: Label,
    /// Every other place involved.
    pub labels: Vec<Label>,
    /// What else there is to know: facts, never advice.
    pub notes: Vec<String>,
    /// What to type to mend it.
    pub help: Option<String>,
    /// The edit that certainly mends it, if there is exactly one.
    pub fix: Option<Fix>,
}

impl Diagnostic {
    /// A finding at `span`, without label text, help or fix.
    pub fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity(),
            message: told(message),
            primary: Label {
                span,
                text: String::new(),
            },
            labels: Vec::new(),
            notes: Vec::new(),
            help: None,
            fix: None,
        }
    }

    /// Whether it keeps anything from being generated.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Says `text` at the primary place.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.primary.text = told(text);
        self
    }

    /// Points at another place.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label {
            span,
            text: told(text),
        });
        self
    }

    /// Tells a fact.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(told(text));
        self
    }

    /// Says what to type.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(told(text));
        self
    }

    /// Adds a replacement to the edit that certainly mends it. An empty span inserts.
    #[must_use]
    pub fn fix(mut self, span: Span, text: impl Into<String>) -> Self {
        self.fix
            .get_or_insert_with(|| Fix { edits: Vec::new() })
            .edits
            .push((span, text.into()));
        self
    }
}

/// The text, without its middle where it is longer than anybody reads.
fn told(text: impl Into<String>) -> String {
    let text = text.into();
    if text.len() <= LONGEST {
        return text;
    }
    let mut start = LONGEST / 2;
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let mut end = text.len() - LONGEST / 4;
    while !text.is_char_boundary(end) {
        end += 1;
    }
    let mut short = text[..start].to_owned();
    // Writing to a string cannot fail.
    let _ = write!(short, " … ({} bytes) … ", end - start);
    short.push_str(&text[end..]);
    short
}

/// A place with what is to be said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What; may be empty.
    pub text: String,
}

/// A machine-applicable edit: all replacements together, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// Disjoint spans and the text that takes their place.
    pub edits: Vec<(Span, String)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_told_by_its_ends() {
        for unit in ["x", "ä", "…", "🦀"] {
            let text = format!("`{}` is not there", unit.repeat(1 << 20));
            let short = told(text.clone());
            assert!(
                short.len() < LONGEST && short.starts_with('`') && short.ends_with("not there")
            );
        }
        let whole = "x".repeat(LONGEST);
        assert_eq!(told(whole.clone()), whole);
    }
}
