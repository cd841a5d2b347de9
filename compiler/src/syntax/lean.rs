//! The text that the grammar reads: the masked text without comments, line ends and indentation.
//!
//! Most of a contract is documentation, which no rule needs to look at. A gap between two tokens is left out, or becomes
//! one blank where the tokens would otherwise be read as one. Places are told in the coordinates of the source.

use std::cell::Cell;
use std::ops::Range;

use super::comment::Comment;
use super::scan::{BLANK, CLOSE, OPEN};

/// A text without gaps, and where each of its parts comes from.
pub(super) struct Lean {
    text: String,
    parts: Vec<Part>,
    /// The part that was looked up last: the next look-up is mostly close to it.
    last: Cell<usize>,
}

/// A part of the text that stands in the source without a gap, up to the next part.
#[derive(Clone, Copy)]
struct Part {
    /// Where it starts in the lean text.
    lean: u32,
    /// Where it starts in the source.
    source: u32,
}

impl Lean {
    /// The lean form of `masked`, whose comments are those that the scan found.
    pub(super) fn new(masked: &str, comments: &[Comment]) -> Self {
        let bytes = masked.as_bytes();
        let mut lean = Self {
            // About what is left of a file with much documentation.
            text: String::with_capacity(masked.len() / 4),
            parts: Vec::with_capacity(masked.len() / 32),
            last: Cell::new(0),
        };
        let mut comments = comments.iter().peekable();
        let mut at = 0;
        let mut start = 0;
        loop {
            // Behind the gap that starts here, if one does.
            let next = skip(bytes, at, &mut comments);
            let ended = next >= bytes.len();
            if next > at || ended {
                lean.push(masked, start..at);
                if ended {
                    return lean;
                }
                if !lean.text.is_empty() && !may_touch(lean.text.as_bytes(), bytes[next]) {
                    lean.text.push(' ');
                }
                start = next;
            }
            at = token(bytes, next);
        }
    }

    fn push(&mut self, masked: &str, source: Range<usize>) {
        if !source.is_empty() {
            let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
            self.parts.push(Part {
                lean: offset(self.text.len()),
                source: offset(source.start),
            });
            self.text.push_str(&masked[source]);
        }
    }

    /// The text of a range of the source.
    pub(super) fn between(&self, source: Range<usize>) -> &str {
        let [from, to] = [source.start, source.end].map(|at| self.lean(at));
        self.text.get(from..to).unwrap_or("")
    }

    /// Where the first token at or behind a place in the source stands here.
    fn lean(&self, source: usize) -> usize {
        let behind = self
            .parts
            .partition_point(|part| part.source as usize <= source);
        let next = self
            .parts
            .get(behind)
            .map_or(self.text.len(), |part| part.lean as usize);
        let Some(part) = behind.checked_sub(1).map(|index| self.parts[index]) else {
            return next;
        };
        (part.lean as usize + (source - part.source as usize)).min(next)
    }

    /// Where a slice of this text stands in the source; what pest counts to its end of the gap behind it is left out.
    pub(super) fn source(&self, slice: &str) -> Range<usize> {
        let start = slice.as_ptr().addr() - self.text.as_ptr().addr();
        let end = start + slice.trim_end_matches(' ').len();
        let from = self.place(start);
        if end == start {
            return from..from;
        }
        from..self.place(end - 1) + 1
    }

    /// Where the character at an offset of this text stands in the source.
    pub(super) fn place(&self, lean: usize) -> usize {
        let has = |index: usize| {
            let from = self.parts.get(index).map(|part| part.lean as usize);
            let to = self.parts.get(index + 1).map(|part| part.lean as usize);
            from.is_some_and(|from| from <= lean) && to.is_none_or(|to| lean < to)
        };
        let last = self.last.get();
        let index = if has(last) {
            last
        } else if has(last + 1) {
            last + 1
        } else {
            self.parts
                .partition_point(|part| part.lean as usize <= lean)
                .saturating_sub(1)
        };
        self.last.set(index);
        self.parts.get(index).map_or(0, |part| {
            part.source as usize + lean.saturating_sub(part.lean as usize)
        })
    }
}

/// The first byte at or behind `at` that is neither space nor comment.
fn skip<'c>(
    bytes: &[u8],
    mut at: usize,
    comments: &mut std::iter::Peekable<impl Iterator<Item = &'c Comment>>,
) -> usize {
    loop {
        while let Some(b' ' | b'\n' | b'\t' | b'\r' | &BLANK) = bytes.get(at) {
            at += 1;
        }
        if bytes.get(at) != Some(&b'/') {
            return at;
        }
        while comments
            .next_if(|comment| (comment.span.start as usize) < at)
            .is_some()
        {}
        match comments.next_if(|comment| comment.span.start as usize == at) {
            Some(comment) => at = comment.span.end as usize,
            None => return at,
        }
    }
}

/// The end of the token at `at`, as far as spaces in it could be taken for gaps.
fn token(bytes: &[u8], at: usize) -> usize {
    let word = |at: usize| {
        let length = bytes[at..].iter().position(|byte| !is_word(*byte));
        length.map_or(bytes.len(), |length| at + length)
    };
    match bytes[at] {
        b'"' => string(bytes, at, false).unwrap_or(at + 1),
        b'r' if bytes.get(at + 1) == Some(&b'"') => string(bytes, at + 1, true).unwrap_or(at + 1),
        byte if is_word(byte) => word(at),
        _ => at + 1,
    }
}

/// Behind the string that starts with the quote at `quote`, if it ends on its line.
fn string(bytes: &[u8], quote: usize, raw: bool) -> Option<usize> {
    let mut at = quote + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\n' => return None,
            b'\\' if !raw => at += 2,
            _ => at += 1,
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether what was before a gap and what follows it are two tokens without the gap as well.
fn may_touch(before: &[u8], next: u8) -> bool {
    let alone = |byte: u8| {
        matches!(
            byte,
            b';' | b':'
                | b'{'
                | b'}'
                | b'('
                | b')'
                | b'['
                | b']'
                | b','
                | b'<'
                | b'>'
                | b'='
                | b'@'
                | b'?'
                | OPEN
                | CLOSE
        )
    };
    let before = before.last().copied().unwrap_or(b';');
    // `..` and `=`, `-` and `>` make one token.
    alone(before) || alone(next) && !matches!(before, b'.' | b'-')
}
