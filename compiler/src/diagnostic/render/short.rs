//! One line per finding, as editors and `grep` read them.

use std::fmt::Write as _;

use super::place::Places;
use super::{clean, ordered, severity};
use crate::diagnostic::Diagnostic;
use crate::source::SourceMap;

/// `path:line:column: error[CS0001]: message`, one line each. Lines and columns start at 1; columns count Unicode scalar
/// values.
pub fn short(diagnostics: &[Diagnostic], sources: &SourceMap) -> String {
    let mut places = Places::new(sources);
    let mut text = String::new();
    for diagnostic in ordered(diagnostics) {
        let span = diagnostic.primary.span;
        let place = places.place(span);
        let _ = writeln!(
            text,
            "{}:{}:{}: {}[{}]: {}",
            clean(&sources.file(span.file).path),
            place.line,
            place.column,
            severity(diagnostic),
            diagnostic.code.as_str(),
            clean(&diagnostic.message)
        );
    }
    text
}
