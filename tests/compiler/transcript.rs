//! The findings of an analysis as text, short and complete: what snapshots hold.

use std::fmt::Write as _;

use callsheet_build::diagnostic::Severity;
use callsheet_build::driver::Analysis;
use callsheet_build::source::Span;

/// Every finding with its places, help and fix.
pub(crate) fn of(analysis: &Analysis) -> String {
    let mut text = String::new();
    for report in &analysis.diagnostics {
        let severity = match report.code.severity() {
            Severity::Error => "error",
            Severity::Lint => "lint",
        };
        let _ = writeln!(
            text,
            "{severity}[{}]: {}",
            report.code.as_str(),
            report.message
        );
        let primary = std::iter::once((&report.primary, "-->"));
        for (label, mark) in primary.chain(report.labels.iter().map(|label| (label, ":::"))) {
            let _ = writeln!(
                text,
                "  {mark} {} {:?}: {}",
                place(analysis, label.span),
                words(analysis, label.span),
                label.text
            );
        }
        for note in &report.notes {
            let _ = writeln!(text, "  note: {note}");
        }
        if let Some(help) = &report.help {
            let _ = writeln!(text, "  help: {help}");
        }
        for (span, edit) in report.fix.iter().flat_map(|fix| &fix.edits) {
            let _ = writeln!(
                text,
                "  fix: {} {:?} -> {edit:?}",
                place(analysis, *span),
                words(analysis, *span)
            );
        }
    }
    text
}

/// `path:line:column`, from 1.
fn place(analysis: &Analysis, span: Span) -> String {
    let source = analysis.sources.file(span.file);
    let before = &source.text[..span.start as usize];
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .map_or(0, |line| line.chars().count())
        + 1;
    format!("{}:{line}:{column}", source.path)
}

fn words(analysis: &Analysis, span: Span) -> &str {
    let text = analysis.sources.text(span);
    text.lines().next().unwrap_or_default()
}
