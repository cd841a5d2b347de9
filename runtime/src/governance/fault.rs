//! What is wrong with a document, and where.

use std::error::Error;
use std::fmt;

use crate::printable::printable;

/// The longest text of a fault, in characters: it may quote what somebody wrote.
const MAX_TEXT: usize = 400;

/// Whether a document can be used in spite of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// It can: somebody should look at it.
    Warning,
    /// It is refused, all of it.
    Error,
}

/// One thing that is wrong with a document. Its texts hold no control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// Whether the document is refused for it.
    pub severity: Severity,
    /// The line where it stands, from 1.
    pub line: usize,
    /// The character of that line, from 1.
    pub column: usize,
    /// Which value: `retry.attempts`, `method.get.timeout`, `rule[0].when`; empty for the document as a whole.
    pub key: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Fault {
    pub(super) fn new(
        severity: Severity,
        (line, column): (usize, usize),
        key: &str,
        message: &str,
    ) -> Self {
        Self {
            severity,
            line,
            column,
            key: printable(key, MAX_TEXT).into(),
            message: printable(message, MAX_TEXT).into(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

impl Error for Fault {}
