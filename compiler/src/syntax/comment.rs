//! Comments: where they stand, and which of them document what.

use std::ops::Range;
use std::sync::Arc;

use super::ast::Docs;
use crate::diagnostic::{Code, Diagnostic, Reports};
use crate::source::{FileId, Span};

/// One comment, documentation or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comment {
    /// With its markers, without the line end.
    pub span: Span,
    /// Whether it ends with its line (`//`) or at `*/`.
    pub line: bool,
    /// What it documents, if it is documentation.
    pub docs: Option<Documents>,
}

/// Which way documentation looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Documents {
    /// `///`, `/** */`: what follows.
    Next,
    /// `//!`: the file.
    File,
}

impl Comment {
    /// What the comment documents, by its first characters. Four slashes, `/**/` and `/***` are plain.
    pub(super) fn documents(text: &str) -> Option<Documents> {
        let plain =
            text.starts_with("////") || text.starts_with("/***") || text.starts_with("/**/");
        match text {
            _ if plain => None,
            _ if text.starts_with("///") || text.starts_with("/**") => Some(Documents::Next),
            _ if text.starts_with("//!") => Some(Documents::File),
            _ => None,
        }
    }
}

/// Documentation that waits for the declaration it stands before.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// In the order of the source, and so of the tokens behind it.
    next: Vec<Next>,
    /// Behind code on its line, where it can only be meant for what stands before it.
    trailing: Vec<Span>,
    /// What was taken, each declaration's in one run.
    given: Vec<Span>,
    /// `//!` before the first token.
    file: Vec<Span>,
    /// `//!` anywhere else.
    late: Vec<Span>,
}

/// Documentation of what follows.
#[derive(Debug)]
struct Next {
    /// The offset of the token behind it.
    anchor: u32,
    span: Span,
    taken: bool,
}

impl Waiting {
    /// Sorts one documentation comment in. `anchor` is the offset of the token behind it.
    pub(super) fn add(
        &mut self,
        documents: Documents,
        span: Span,
        anchor: u32,
        at_head: bool,
        trailing: bool,
    ) {
        match documents {
            Documents::File if at_head => self.file.push(span),
            Documents::File => self.late.push(span),
            Documents::Next if trailing => self.trailing.push(span),
            Documents::Next => self.next.push(Next {
                anchor,
                span,
                taken: false,
            }),
        }
    }

    /// The documentation of the file.
    pub(super) fn file(&mut self) -> Docs {
        let from = self.given.len();
        self.given.append(&mut self.file);
        Docs::of(from..self.given.len())
    }

    /// All that was taken: what each [`Docs`] is a range of.
    pub(super) fn given(&mut self) -> Arc<[Span]> {
        std::mem::take(&mut self.given).into()
    }

    /// Takes what stands before any token in `from..=to`.
    pub(super) fn take(&mut self, from: u32, to: u32) -> Docs {
        let range = self.before(from, to);
        let from = self.given.len();
        for next in &mut self.next[range] {
            if !std::mem::replace(&mut next.taken, true) {
                self.given.push(next.span);
            }
        }
        Docs::of(from..self.given.len())
    }

    /// Forgets what stands in a part that could not be parsed.
    pub(super) fn forget(&mut self, span: Span) {
        let range = self.before(span.start, span.end);
        for next in &mut self.next[range] {
            next.taken = true;
        }
    }

    fn before(&self, from: u32, to: u32) -> Range<usize> {
        let start = self.next.partition_point(|next| next.anchor < from);
        let length = self.next[start..]
            .iter()
            .take_while(|next| next.anchor <= to)
            .count();
        start..start + length
    }

    /// Reports what nothing has taken, each run of comments once.
    pub(super) fn report_rest(&self, reports: &mut Reports) {
        let left: Vec<&Next> = self.next.iter().filter(|next| !next.taken).collect();
        for run in left.chunk_by(|one, other| one.anchor == other.anchor) {
            if let (Some(first), Some(last)) = (run.first(), run.last()) {
                reports.push(
                    Diagnostic::new(
                        Code::UnattachedDocs,
                        first.span.to(last.span),
                        "documentation belongs to nothing",
                    )
                    .label("no declaration follows")
                    .help("move it before what it documents, or make it a plain comment: `//`"),
                );
            }
        }
        for span in &self.trailing {
            reports.push(
                Diagnostic::new(Code::UnattachedDocs, *span, "documentation stands behind what it documents")
                    .label("documentation belongs to the declaration that follows it")
                    .help("move it to a line of its own before the declaration, or make it a plain comment: `//`"),
            );
        }
        for span in &self.late {
            reports.push(
                Diagnostic::new(
                    Code::UnattachedDocs,
                    *span,
                    "documentation of the file stands inside it",
                )
                .label("`//!` documents the file, and stands before everything else")
                .help("move it to the head of the file, or write `///` to document what follows"),
            );
        }
    }
}

/// The lines of a run of documentation comments, without markers and common indentation.
pub(super) fn read(spans: &[Span], text: &str) -> Vec<String> {
    let mut lines: Vec<&str> = Vec::new();
    for span in spans {
        let Some(comment) = text.get(span.start as usize..span.end as usize) else {
            continue;
        };
        if let Some(block) = comment.strip_prefix("/**") {
            read_block(block.strip_suffix("*/").unwrap_or(block), &mut lines);
        } else {
            lines.push(comment[3..].trim_end());
        }
    }
    let indent = lines
        .iter()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start_matches([' ', '\t']).len())
        .min()
        .unwrap_or(0);
    lines
        .into_iter()
        .map(|line| line.get(indent..).unwrap_or("").to_owned())
        .collect()
}

/// The lines of a block, without the `*` that many draw along its left edge. Its first line is indented like the rest
/// whatever stands before it.
fn read_block<'a>(block: &'a str, lines: &mut Vec<&'a str>) {
    let rows: Vec<&str> = block.lines().map(str::trim_end).collect();
    let starred = rows.len() > 1
        && rows[1..]
            .iter()
            .all(|row| row.trim_start().starts_with('*') || row.trim().is_empty());
    let rows = rows.iter().enumerate().map(|(index, row)| match index {
        0 => row.trim_start(),
        _ if starred => {
            let row = row.trim_start();
            let row = row.strip_prefix('*').unwrap_or(row);
            row.strip_prefix(' ').unwrap_or(row)
        }
        _ => row,
    });
    let rows: Vec<&str> = rows.collect();
    let indent = rows
        .iter()
        .skip(1)
        .filter(|row| !row.trim().is_empty())
        .map(|row| row.len() - row.trim_start().len())
        .min()
        .unwrap_or(0);
    let first = lines.len();
    for (index, row) in rows.iter().enumerate() {
        lines.push(if index == 0 {
            row
        } else {
            row.get(indent..).unwrap_or("")
        });
    }
    if lines[first..].first().is_some_and(|row| row.is_empty()) {
        lines.remove(first);
    }
    if lines.len() > first && lines.last().is_some_and(|row| row.is_empty()) {
        lines.pop();
    }
}

/// A span of `file`.
pub(super) fn span(file: FileId, start: usize, end: usize) -> Span {
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span::new(file, offset(start), offset(end))
}

#[cfg(test)]
mod tests {
    use super::{Comment, Documents, read, span};
    use crate::source::{Source, SourceMap};

    fn lines(comment: &str) -> Vec<String> {
        let mut sources = SourceMap::default();
        let file = sources.add(Source {
            path: "a.rpc".into(),
            import_path: "a.rpc".into(),
            text: comment.into(),
        });
        read(&[span(file, 0, comment.len())], comment)
    }

    #[test]
    fn a_line_loses_marker_and_indentation() {
        assert_eq!(lines("/// One."), ["One."]);
        assert_eq!(lines("///"), [""]);
    }

    #[test]
    fn a_block_loses_its_drawn_edge() {
        assert_eq!(lines("/** One. */"), ["One."]);
        assert_eq!(
            lines("/**\n * One.\n *\n *   Two.\n */"),
            ["One.", "", "  Two."]
        );
        assert_eq!(
            lines("/** One.\n    Two.\n      Three. */"),
            ["One.", "Two.", "  Three."]
        );
    }

    #[test]
    fn rulers_are_plain_comments() {
        assert_eq!(Comment::documents("//// x"), None);
        assert_eq!(Comment::documents("/*** x ***/"), None);
        assert_eq!(Comment::documents("/**/"), None);
        assert_eq!(Comment::documents("//! x"), Some(Documents::File));
    }
}
