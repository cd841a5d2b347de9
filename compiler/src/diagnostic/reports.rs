//! Gathers the findings about one file, and knows when to stop.

use super::{Code, Diagnostic, Severity};
use crate::source::Span;

/// The findings so far.
#[derive(Debug, Default)]
pub struct Reports {
    list: Vec<Diagnostic>,
    errors: usize,
}

impl Reports {
    /// Most errors that are told about one file: nobody reads on, and each may be the echo of one before.
    pub const MAX_ERRORS: usize = 50;

    /// Adds a finding. Errors beyond [`Self::MAX_ERRORS`] are dropped; whoever sees [`Self::full`] stops and says so.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if diagnostic.code.severity() == Severity::Error {
            if self.full() {
                return;
            }
            self.errors += 1;
        }
        self.list.push(diagnostic);
    }

    /// Whether the limit is reached.
    pub fn full(&self) -> bool {
        self.errors >= Self::MAX_ERRORS
    }

    /// Whether there is no error yet.
    pub fn clean(&self) -> bool {
        self.errors == 0
    }

    /// Everything, by place; `stopped` is where reading ended because of the limit.
    pub fn finish(mut self, stopped: Option<Span>) -> Vec<Diagnostic> {
        self.list.sort_by_key(|diagnostic| diagnostic.primary.span);
        if let Some(span) = stopped {
            self.list.push(
                Diagnostic::new(
                    Code::TooManyErrors,
                    span,
                    format!("more than {} errors in this file", Self::MAX_ERRORS),
                )
                .label("the file was read no further than this")
                .help("mend the errors above and check again"),
            );
        }
        self.list
    }
}
