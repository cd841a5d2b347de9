//! Braces that have no partner: which one is missing, told by indentation.
//!
//! Only a file that does not balance is looked at this way, so that unusual layout is never a mistake.

use super::comment::{Comment, span};
use super::scan::{BLANK, CLOSE, Mark, MarkKind, Scan};
use crate::diagnostic::{Code, Diagnostic, Reports};
use crate::source::{FileId, Span};

/// A brace that the file does not close.
struct Unclosed {
    opener: Mark,
    /// The token before which its `}` was expected; the end of the file if `None`.
    before: Option<Mark>,
}

/// Reports what does not balance, and balances the masked text.
pub(super) fn balance(file: FileId, scan: &mut Scan, reports: &mut Reports) {
    let missing = missing_closers(&scan.marks);
    let Some(missing) = missing else {
        return;
    };
    let (unclosed, unmatched) = pair_by_indentation(&scan.marks, missing);
    for mark in unmatched {
        let place = span(file, mark.at as usize, mark.at as usize + 1);
        scan.masked[mark.at as usize] = BLANK;
        reports.push(
            Diagnostic::new(Code::UnmatchedBrace, place, "`}` closes nothing")
                .help("remove it, or write the `{` that it should close"),
        );
    }
    for one in &unclosed {
        if let Some(before) = one.before {
            insert_closer(before, &mut scan.masked, &scan.comments);
        }
    }
    if !scan.truncated {
        report_unclosed(file, &unclosed, reports);
    }
}

/// How many `}` are missing at the end; `None` if the file balances.
fn missing_closers(marks: &[Mark]) -> Option<usize> {
    let mut open = 0usize;
    let mut unmatched = false;
    for mark in marks {
        match mark.kind {
            MarkKind::Open => open += 1,
            MarkKind::Close if open == 0 => unmatched = true,
            MarkKind::Close => open -= 1,
            MarkKind::Head => {}
        }
    }
    (open > 0 || unmatched).then_some(open)
}

fn pair_by_indentation(marks: &[Mark], mut missing: usize) -> (Vec<Unclosed>, Vec<Mark>) {
    let mut open: Vec<Mark> = Vec::new();
    let mut unclosed = Vec::new();
    let mut unmatched = Vec::new();
    for mark in marks {
        match mark.kind {
            MarkKind::Open => open.push(*mark),
            MarkKind::Head => {
                while missing > 0 && open.last().is_some_and(|top| top.indent >= mark.indent) {
                    unclosed.extend(open.pop().map(|opener| Unclosed {
                        opener,
                        before: Some(*mark),
                    }));
                    missing -= 1;
                }
            }
            MarkKind::Close => {
                let fits = |top: &Mark| top.indent == mark.indent;
                while missing > 0
                    && mark.first
                    && open.last().is_some_and(|top| top.indent > mark.indent)
                    && open.iter().rev().take(super::MAX_DEPTH).any(fits)
                {
                    unclosed.extend(open.pop().map(|opener| Unclosed {
                        opener,
                        before: Some(*mark),
                    }));
                    missing -= 1;
                }
                if open.pop().is_none() {
                    unmatched.push(*mark);
                }
            }
        }
    }
    unclosed.extend(open.into_iter().rev().map(|opener| Unclosed {
        opener,
        before: None,
    }));
    (unclosed, unmatched)
}

/// Puts the stand-in for `}` between two tokens. Comments there are blanked: they would swallow it.
fn insert_closer(before: Mark, masked: &mut [u8], comments: &[Comment]) {
    let gap = before.behind as usize..before.at as usize;
    let first = comments.partition_point(|comment| (comment.span.end as usize) <= gap.start);
    for comment in comments[first..]
        .iter()
        .take_while(|comment| (comment.span.start as usize) < gap.end)
    {
        masked[comment.span.start as usize..comment.span.end as usize].fill(b' ');
    }
    let free = masked[gap.clone()].iter().position(|byte| *byte != CLOSE);
    if let Some(free) = free {
        masked[gap.start + free] = CLOSE;
    }
}

/// One report for all braces that miss their partner at the same place.
fn report_unclosed(file: FileId, unclosed: &[Unclosed], reports: &mut Reports) {
    let brace = |mark: &Mark| span(file, mark.at as usize, mark.at as usize + 1);
    let place = |one: &Unclosed| one.before.map(|mark| mark.at);
    for group in unclosed.chunk_by(|left, right| place(left) == place(right)) {
        let (first, rest) = (&group[0], &group[1..]);
        let mut report = Diagnostic::new(
            Code::UnclosedBrace,
            brace(&first.opener),
            "`{` is never closed",
        )
        .label("opened here");
        for other in rest {
            report = report.also(brace(&other.opener), "nor is this");
        }
        report = match first.before {
            Some(mark) => {
                let before: Span = span(file, mark.behind as usize, mark.behind as usize);
                report
                    .also(before, "by the indentation, it ends here")
                    .help("write `}` where it ends")
            }
            None => report.help("write `}` where it ends; the file ends before it"),
        };
        reports.push(report);
    }
}
