//! Statements that have lines of their own, so that they can be moved or removed as lines.

use super::parse::Parser;
use crate::diagnostic::Diagnostic;
use crate::source::Span;

impl Parser<'_> {
    /// The line of a statement with its end, if there is nothing else on it, no comment either.
    pub(super) fn own_line(&self, part: Span) -> Option<Span> {
        let (start, end) = (part.start as usize, part.end as usize);
        let from = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        let to = end + self.text[end..].find('\n')? + 1;
        let line = self.text[from..to].trim();
        let alone = line.ends_with(';') && line.matches(';').count() == 1 && !line.contains('/');
        let whole = |at: usize| u32::try_from(at).ok();
        (alone || Self::is_import(line))
            .then(|| Some(Span::new(part.file, whole(from)?, whole(to)?)))
            .flatten()
    }

    /// `import "shop/common.rpc";`, which has slashes that begin no comment.
    fn is_import(line: &str) -> bool {
        let path = line
            .strip_prefix("import \"")
            .and_then(|rest| rest.strip_suffix("\";"));
        path.is_some_and(|path| !path.contains(['"', ';', '\\']))
    }

    /// Whether two statements that have lines of their own say the same.
    pub(super) fn same_line(&self, first: Span, second: Span) -> bool {
        let text = |span: Span| self.own_line(span).map(|line| self.original(line).trim());
        text(first).is_some() && text(first) == text(second)
    }

    /// The report with the edit that moves the line of `late` to before the line of `before`, or to behind that of `behind`.
    pub(super) fn moved_line(
        &self,
        report: Diagnostic,
        late: Span,
        before: Option<Span>,
        behind: Option<Span>,
    ) -> Diagnostic {
        let Some(line) = self.own_line(late) else {
            return report;
        };
        let to = match (before, behind) {
            (_, Some(span)) => self.own_line(span).map(Span::behind),
            (Some(span), None) => self.own_line(span).map(Span::before),
            (None, None) => None,
        };
        match to {
            Some(to) => {
                let text = self.original(line).trim();
                report.fix(line, "").fix(to, format!("{text}\n"))
            }
            None => report,
        }
    }
}
