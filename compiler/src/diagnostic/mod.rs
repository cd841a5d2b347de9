//! What the compiler has to say about a file: plain values, rendered elsewhere.

mod code;

pub use code::Code;

use crate::source::Span;

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
    /// Its stable code; decides the severity and the manual page.
    pub code: Code,
    /// What is wrong, in one short sentence without a full stop. Never how to mend it.
    pub message: String,
    /// The place where it is wrong. The rendering underlines it.
    pub primary: Label,
    /// Every other place involved.
    pub labels: Vec<Label>,
    /// What to type to mend it.
    pub help: Option<String>,
    /// The edit that certainly mends it, if there is exactly one.
    pub fix: Option<Fix>,
}

impl Diagnostic {
    /// `message` about `span`, with `text` under it.
    #[must_use]
    pub fn new(
        code: Code,
        message: impl Into<String>,
        span: Span,
        text: impl Into<String>,
    ) -> Self {
        Self {
            code,
            message: message.into(),
            primary: Label {
                span,
                text: text.into(),
            },
            labels: Vec::new(),
            help: None,
            fix: None,
        }
    }

    /// Whether it keeps anything from being generated.
    pub fn is_error(&self) -> bool {
        self.code.severity() == Severity::Error
    }

    /// Adds another place involved.
    #[must_use]
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label {
            span,
            text: text.into(),
        });
        self
    }

    /// Says what to type.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds an edit to the fix.
    #[must_use]
    pub fn fix(mut self, span: Span, text: impl Into<String>) -> Self {
        let fix = self.fix.get_or_insert_with(|| Fix { edits: Vec::new() });
        fix.edits.push((span, text.into()));
        self
    }
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
