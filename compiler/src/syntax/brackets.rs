//! Braces that have no partner: which one is missing, told by indentation.
//!
//! Only a file that does not balance is looked at this way, so that unusual layout is never a mistake.

use super::comment::{Comment, span};
use super::scan::{BLANK, CLOSE, Mark, MarkKind, OPEN, Scan};
use crate::diagnostic::{Code, Diagnostic, Reports};
use crate::source::{FileId, Span};

/// A brace that the file does not close.
struct Unclosed {
    opener: Mark,
    /// The token before which its `}` was expected; the end of the file if `None`.
    before: Option<Mark>,
}

/// Reports what does not balance, and balances the masked text. Gives every `{` that is never closed.
pub(super) fn balance(file: FileId, scan: &mut Scan, reports: &mut Reports) -> Vec<u32> {
    let Some(mut imbalance) = imbalance(&scan.marks) else {
        return Vec::new();
    };
    undouble(file, scan, &mut imbalance.0, reports);
    let (unclosed, unmatched) = pair_by_indentation(&scan.marks, imbalance);
    let mut marks = scan.marks.clone();
    for mark in unmatched {
        if reports.full() {
            break;
        }
        if let Some(head) = headless(&marks, mark, &scan.masked)
            && insert_opener(file, head, scan, reports)
        {
            marks.retain(|mark| mark.token != head.token);
            continue;
        }
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
    unclosed.iter().map(|one| one.opener.token).collect()
}

/// Takes out the second of two `{` with nothing between them, as many as lack their `}`.
fn undouble(file: FileId, scan: &mut Scan, missing: &mut usize, reports: &mut Reports) {
    let doubled = |pair: &[Mark]| {
        let both = pair.iter().all(|mark| mark.kind == MarkKind::Open);
        both && pair[1].behind == pair[0].at + 1
    };
    let mut before = false;
    let mut second: Vec<Mark> = Vec::new();
    let mut marks = scan.marks.windows(2).peekable();
    while let Some(pair) = marks.next() {
        let here = doubled(pair);
        // Three in a row are no slip.
        let alone = !before && !marks.peek().is_some_and(|next| doubled(next));
        if here && alone && second.len() < (*missing).min(Reports::MAX_ERRORS) {
            second.push(pair[1]);
        }
        before = here;
    }
    for mark in &second {
        let at = mark.at as usize;
        scan.masked[at] = BLANK;
        let place = span(file, at, at + 1);
        reports.push(
            Diagnostic::new(Code::UnclosedBrace, place, "`{` stands here twice")
                .label("and this one is never closed")
                .help("remove one of them")
                .fix(place, ""),
        );
    }
    *missing -= second.len();
    scan.marks
        .retain(|mark| second.iter().all(|second| second.token != mark.token));
}

/// How many `}` are missing and how many are too many; `None` if the file balances.
fn imbalance(marks: &[Mark]) -> Option<(usize, usize)> {
    let (mut open, mut extra) = (0usize, 0usize);
    for mark in marks {
        match mark.kind {
            MarkKind::Open => open += 1,
            MarkKind::Close if open == 0 => extra += 1,
            MarkKind::Close => open -= 1,
            MarkKind::Head | MarkKind::Line => {}
        }
    }
    (open > 0 || extra > 0).then_some((open, extra))
}

/// A `{` whose `}` has not come.
#[derive(Clone, Copy)]
struct Block {
    opener: Mark,
    /// Indentation of its first line.
    inner: Option<u32>,
}

impl Block {
    /// Whether a line cannot belong to the block, by its indentation.
    fn ended_before(&self, line: &Mark) -> bool {
        let indented = self.inner.is_some_and(|inner| inner > self.opener.indent);
        line.indent <= self.opener.indent && (indented || line.kind == MarkKind::Head)
    }
}

fn pair_by_indentation(
    marks: &[Mark],
    (mut missing, mut extra): (usize, usize),
) -> (Vec<Unclosed>, Vec<Mark>) {
    let mut open: Vec<Block> = Vec::new();
    let mut unclosed = Vec::new();
    let mut unmatched = Vec::new();
    let mut line = 0;
    for mark in marks {
        if mark.first {
            line = mark.token;
        }
        let leave = |open: &mut Vec<Block>, unclosed: &mut Vec<Unclosed>| {
            unclosed.extend(open.pop().map(|block| Unclosed {
                opener: block.opener,
                before: Some(*mark),
            }));
        };
        match mark.kind {
            MarkKind::Open => open.push(Block {
                opener: *mark,
                inner: None,
            }),
            MarkKind::Head | MarkKind::Line => {
                while missing > 0 && open.last().is_some_and(|block| block.ended_before(mark)) {
                    leave(&mut open, &mut unclosed);
                    missing -= 1;
                }
                for block in open
                    .iter_mut()
                    .rev()
                    .take_while(|block| block.inner.is_none())
                {
                    block.inner = Some(mark.indent);
                }
            }
            MarkKind::Close => {
                let fits = |block: &Block| block.opener.indent == mark.indent;
                while missing > 0
                    && mark.first
                    && open
                        .last()
                        .is_some_and(|block| block.opener.indent > mark.indent)
                    && open.iter().rev().take(super::MAX_DEPTH).any(fits)
                {
                    leave(&mut open, &mut unclosed);
                    missing -= 1;
                }
                // One that closes a block begun on another line, and does not stand below its start.
                let astray = open
                    .last()
                    .is_some_and(|block| block.opener.token < line && !fits(block));
                if extra > 0 && astray {
                    unmatched.push(*mark);
                    extra -= 1;
                } else if open.pop().is_none() {
                    unmatched.push(*mark);
                }
            }
        }
    }
    unclosed.extend(open.into_iter().rev().map(|block| Unclosed {
        opener: block.opener,
        before: None,
    }));
    (unclosed, unmatched)
}

/// The nearest head of a block before `unmatched` that lacks its `{`.
fn headless(marks: &[Mark], unmatched: Mark, masked: &[u8]) -> Option<Mark> {
    let before = marks.partition_point(|mark| mark.token < unmatched.token);
    let blocks = [
        &b"message "[..],
        b"enum ",
        b"service ",
        b"error ",
        b"oneof ",
    ];
    let pairs = marks[..=before].windows(2).rev();
    let mut heads =
        pairs.filter(|pair| pair[0].kind == MarkKind::Head && pair[1].kind != MarkKind::Open);
    heads
        .find(|pair| {
            let word = &masked[pair[0].token as usize..];
            blocks.iter().any(|keyword| word.starts_with(keyword))
        })
        .map(|pair| pair[0])
}

/// Puts the stand-in for `{` behind the name of the head, or the status code behind that, and reports it there.
/// False if there is no place for it.
fn insert_opener(file: FileId, head: Mark, scan: &mut Scan, reports: &mut Reports) -> bool {
    let start = head.token as usize;
    let text = &scan.masked[start..];
    let word = |from: usize| {
        let blank = text[from..]
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace())
            .count();
        let name = text[from + blank..]
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_');
        from + blank + name.count()
    };
    let mut end = word(word(0));
    if text.get(end) == Some(&b'(') {
        end = text
            .iter()
            .take_while(|byte| **byte != b'\n')
            .position(|byte| *byte == b')')
            .map_or(end, |at| at + 1);
    }
    if !text.get(end).is_some_and(u8::is_ascii_whitespace) {
        return false;
    }
    let at = start + end;
    scan.masked[at] = OPEN;
    let place = span(file, at, at);
    reports.push(
        Diagnostic::new(Code::UnexpectedToken, place, "expected `{` behind the name")
            .help("write `{` here")
            .fix(place, " {"),
    );
    true
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
                    .also(before, "its `}` is missing here, by the indentation")
                    .help("write `}` where it ends")
            }
            None => report.help("write `}` where it ends; the file ends before it"),
        };
        reports.push(report);
    }
}
