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
