//! Gathers the findings about one file, and knows when to stop.

use std::collections::HashMap;

use super::{Code, Diagnostic, Severity};
use crate::source::{FileId, Span};

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
    ///
    /// A finding of the same code at the same place as one of the last is the same, met again behind a repair.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let same = |other: &&Diagnostic| {
            other.code == diagnostic.code && other.primary.span == diagnostic.primary.span
        };
        if self
            .list
            .iter()
            .rev()
            .take(Self::MAX_ERRORS)
            .any(|other| same(&other))
        {
            return;
        }
        if diagnostic.code.severity() == Severity::Error {
            if self.full() {
                return;
            }
            self.errors += 1;
        }
        self.list.push(diagnostic);
    }

    /// How many findings there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Drops those of the findings behind the first `mark` that `keep` does not want.
    pub fn keep_since(&mut self, mark: usize, keep: impl Fn(&Diagnostic) -> bool) {
        let new = self.list.split_off(mark.min(self.list.len()));
        let (kept, dropped): (Vec<_>, Vec<_>) = new.into_iter().partition(|report| keep(report));
        let errors = dropped
            .iter()
            .filter(|report| report.code.severity() == Severity::Error);
        self.errors -= errors.count();
        self.list.extend(kept);
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

/// Most lints that are told about one file: whoever has more wants to allow one of them, or to mend them by `--fix`.
const MAX_LINTS: usize = 50;

/// Keeps of each file the first [`Reports::MAX_ERRORS`] errors and as many lints, and says where there are more. The
/// findings are in order.
pub fn shorten(diagnostics: &mut Vec<Diagnostic>) {
    /// What is known of the errors, or of the lints, of one file.
    #[derive(Default)]
    struct Count {
        kept: usize,
        dropped: usize,
        /// Where the first that was dropped stands.
        from: Option<Span>,
        told: bool,
    }

    let mut counts: HashMap<(FileId, Severity), Count> = HashMap::new();
    diagnostics.retain(|report| {
        let count = counts
            .entry((report.primary.span.file, report.severity))
            .or_default();
        let most = match report.severity {
            Severity::Error => Reports::MAX_ERRORS,
            Severity::Lint => MAX_LINTS,
        };
        if matches!(report.code, Code::TooManyErrors | Code::TooManyLints) {
            count.told = true;
            return true;
        }
        if count.kept < most {
            count.kept += 1;
            return true;
        }
        count.dropped += 1;
        count.from.get_or_insert(report.primary.span);
        false
    });
    let more = counts.into_iter().filter(|(_, count)| !count.told);
    let more = more.filter_map(|((_, severity), count)| {
        let (code, what) = match severity {
            Severity::Error => (Code::TooManyErrors, "errors"),
            Severity::Lint => (Code::TooManyLints, "lints"),
        };
        let report = Diagnostic::new(
            code,
            count.from?,
            format!("more than {} {what} in this file", count.kept),
        );
        let label = format!("{} more from here on are not shown", count.dropped);
        Some(report.label(label).help("mend those above and check again"))
    });
    let before = diagnostics.len();
    diagnostics.extend(more);
    if diagnostics.len() > before {
        diagnostics.sort_by_key(|report| (report.primary.span, report.code));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Source, SourceMap};

    fn found(code: Code, count: u32) -> Vec<Diagnostic> {
        let file = SourceMap::default().add(Source {
            path: "a.rpc".into(),
            import_path: "a.rpc".into(),
            text: "x".repeat(1000).into(),
        });
        let at = |at| Diagnostic::new(code, Span::new(file, at, at), "found");
        (0..count).map(at).collect()
    }

    #[test]
    fn of_each_kind_the_first_are_kept_and_the_rest_are_counted() {
        for (code, more) in [
            (Code::UnknownName, Code::TooManyErrors),
            (Code::UnusedImport, Code::TooManyLints),
        ] {
            let mut few = found(code, 50);
            shorten(&mut few);
            assert_eq!(few.len(), 50);
            let mut many = found(code, 57);
            shorten(&mut many);
            assert_eq!(many.len(), 51);
            assert_eq!((many[50].code, many[50].primary.span.start), (more, 50));
            assert_eq!(many[50].primary.text, "7 more from here on are not shown");
        }
    }

    #[test]
    fn a_limit_that_is_told_already_is_not_told_again() {
        let mut many = found(Code::UnknownName, 60);
        many[59].code = Code::TooManyErrors;
        shorten(&mut many);
        let told = many
            .iter()
            .filter(|report| report.code == Code::TooManyErrors);
        assert_eq!((told.count(), many.len()), (1, 51));
    }
}
