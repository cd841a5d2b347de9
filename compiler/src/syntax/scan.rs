//! Characters to tokens, as far as brackets, strings and comments need: what no grammar can name well.
//!
//! Reports bad characters, unterminated strings and comments, and nesting beyond the limit, and leaves a text of the same
//! length without them, so that a mistake of this kind never becomes a second one in the grammar. One pass, no recursion.

use super::character::{self, Kind};
use super::comment::{Comment, Waiting, span};
use crate::diagnostic::{Code, Diagnostic, Reports};
use crate::source::{FileId, Span};

/// Deepest nesting of brackets, and of block comments. No contract comes near; the grammar recurses this far.
pub const MAX_DEPTH: usize = 64;

/// Stands for a part that was reported and left out.
pub(super) const LOST: u8 = 1;
/// Stands for a `}` that is missing.
pub(super) const CLOSE: u8 = 2;
/// Stands for a `{` that is missing.
pub(super) const OPEN: u8 = 3;
/// Stands for a character that was reported and left out.
pub(super) const BLANK: u8 = 4;
/// Stands for a name that is missing.
pub(super) const NAME: u8 = 5;

/// A brace, or the head of a declaration at the start of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) kind: MarkKind,
    /// Where it stands; of a head, where its documentation and annotations start.
    pub(super) at: u32,
    /// Where the brace or keyword itself stands.
    pub(super) token: u32,
    /// Where the token before it ends.
    pub(super) behind: u32,
    /// Indentation of its line, in bytes.
    pub(super) indent: u32,
    /// Whether it is the first token of its line.
    pub(super) first: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MarkKind {
    Open,
    Close,
    /// The keyword of a declaration or oneof, first in its line.
    Head,
    /// Any other word or `@` that is first in its line.
    Line,
}

/// What one pass over the characters leaves.
pub(super) struct Scan {
    /// The text, same length, for the grammar.
    pub(super) masked: Vec<u8>,
    pub(super) comments: Vec<Comment>,
    pub(super) docs: Waiting,
    pub(super) marks: Vec<Mark>,
    /// Whether a reported part runs to the end of the file, so that nothing can be said about what is missing there.
    pub(super) truncated: bool,
    /// Where it stopped because of the limit of errors.
    pub(super) stopped: Option<Span>,
}

/// Reads all of `text`.
pub(super) fn scan(file: FileId, text: &str, reports: &mut Reports) -> Scan {
    let mut scanner = Scanner {
        file,
        text,
        bytes: text.as_bytes(),
        at: 0,
        reports,
        depth: Depth::default(),
        last: 0,
        seen: false,
        line_first: true,
        line_start: 0,
        indent: 0,
        lead: None,
        pending: Vec::new(),
        out: Scan {
            masked: text.as_bytes().to_vec(),
            comments: Vec::new(),
            docs: Waiting::default(),
            marks: Vec::new(),
            truncated: false,
            stopped: None,
        },
    };
    scanner.run();
    scanner.out
}

/// The open brackets.
#[derive(Default)]
struct Depth {
    open: Vec<u8>,
    /// Where the first bracket beyond the limit stands, while it is open.
    deep: Option<usize>,
}

pub(super) struct Scanner<'a> {
    file: FileId,
    pub(super) text: &'a str,
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    pub(super) reports: &'a mut Reports,
    depth: Depth,
    /// End of the last token.
    last: usize,
    /// Whether there was a token.
    seen: bool,
    pub(super) line_first: bool,
    pub(super) line_start: usize,
    indent: usize,
    /// Start of the documentation and annotations before a head.
    lead: Option<(usize, usize)>,
    /// Documentation that waits for the next token.
    pub(super) pending: Vec<Comment>,
    pub(super) out: Scan,
}

impl Scanner<'_> {
    fn run(&mut self) {
        while let Some(&byte) = self.bytes.get(self.at) {
            if self.reports.full() {
                self.out.stopped = Some(self.span(self.at, self.at));
                return;
            }
            match byte {
                b'\n' => {
                    self.at += 1;
                    self.line_first = true;
                    self.line_start = self.at;
                }
                b' ' | b'\t' => self.at += 1,
                b'\r' if self.peek(1) == Some(b'\n') => self.at += 1,
                b'/' if self.peek(1) == Some(b'/') => self.line_comment(),
                b'/' if self.peek(1) == Some(b'*') => self.block_comment(),
                _ => self.token(byte),
            }
        }
        self.settle(self.bytes.len(), true);
        if let Some(start) = self.depth.deep.take() {
            self.mask(start, self.bytes.len(), LOST);
            self.out.truncated = true;
        }
    }

    fn token(&mut self, byte: u8) {
        let start = self.at;
        if self.line_first {
            self.indent = start - self.line_start;
        }
        self.settle(start, false);
        match byte {
            b'"' => self.string(false),
            b'r' if self.peek(1) == Some(b'"') => self.string(true),
            b'#' if self.line_first => self.hash_comment(),
            b'0'..=b'9' => self.number(),
            b'A'..=b'Z' | b'a'..=b'z' | b'_' => self.word(),
            b'-' if self.peek(1) == Some(b'>') => self.at += 2,
            b'{' | b'(' | b'[' | b'<' => self.open(byte),
            b'}' | b')' | b']' | b'>' => self.close(byte),
            b';' => {
                self.depth.close_soft();
                self.leave_deep();
                self.at += 1;
            }
            _ => self.other(),
        }
        if self.line_first && matches!(self.depth.open.last(), None | Some(b'{')) {
            self.mark_line(byte, start);
        }
        // An annotation on a line of its own leads to the declaration below it, like documentation.
        if byte != b'@' && self.line_first {
            self.lead = None;
        } else if self.line_first {
            self.lead.get_or_insert((start, self.last));
        }
        self.line_first = false;
        self.seen = true;
        self.last = self.at;
    }

    pub(super) fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    pub(super) fn char(&self) -> char {
        self.text[self.at..].chars().next().unwrap_or('\0')
    }

    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        span(self.file, start, end)
    }

    /// Replaces a part by `with`, line ends aside unless they are lost too.
    pub(super) fn mask(&mut self, start: usize, end: usize, with: u8) {
        self.out.masked[start..end].fill(with);
    }

    /// Says of waiting documentation which token is behind it.
    fn settle(&mut self, next: usize, end: bool) {
        for comment in std::mem::take(&mut self.pending) {
            let (Some(documents), from) = (comment.docs, comment.span.start as usize) else {
                continue;
            };
            let behind_code = self.seen && !self.text[self.last..from].contains('\n');
            let before_code = !end && !self.text[comment.span.end as usize..next].contains('\n');
            let trailing = behind_code && !before_code;
            let anchor = self.span(next, next).start;
            self.out
                .docs
                .add(documents, comment.span, anchor, !self.seen, trailing);
            if self.lead.is_none() && !trailing && self.line_first {
                self.lead = Some((from, self.last));
            }
        }
    }

    pub(super) fn word(&mut self) {
        let start = self.at;
        let mut foreign = Vec::new();
        while self.at < self.bytes.len() {
            let c = self.char();
            if !(c == '_' || c.is_alphanumeric()) {
                break;
            }
            if !c.is_ascii() {
                foreign.push((self.at, self.at + c.len_utf8()));
            }
            self.at += c.len_utf8();
        }
        if !foreign.is_empty() {
            let word = &self.text[start..self.at];
            self.reports.push(
                Diagnostic::new(
                    Code::InvalidCharacter,
                    self.span(start, self.at),
                    format!("name with letters outside ASCII: `{}`", shorten(word)),
                )
                .help("names are made of the letters a to z, digits and `_`"),
            );
            for (from, to) in foreign {
                self.stand_in(from, to);
            }
        } else if self.line_first && self.starts_declaration(start) {
            let (at, behind) = self.lead.take().unwrap_or((start, self.last));
            self.push_mark(MarkKind::Head, at, start, behind);
        }
    }

    /// Puts ASCII letters in the place of a foreign one, others for each: so that it is the name that it would be, unlike
    /// any other, and causes no further finding.
    fn stand_in(&mut self, start: usize, end: usize) {
        const LETTERS: &[u8; 52] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut rest = self.text[start..end].chars().next().map_or(0, u32::from) as usize;
        // As many letters as the character has bytes are enough: 52² > U+07FF, 52³ > U+FFFF, 52⁴ > U+10FFFF.
        for byte in &mut self.out.masked[start..end] {
            *byte = LETTERS[rest % LETTERS.len()];
            rest /= LETTERS.len();
        }
    }

    /// Marks a line by its first token, unless the token has a mark of its own.
    fn mark_line(&mut self, byte: u8, start: usize) {
        let marked = self
            .out
            .marks
            .last()
            .is_some_and(|mark| mark.token as usize >= start);
        if !marked && (byte == b'@' || byte == b'_' || byte.is_ascii_alphabetic()) {
            let (at, behind) = self.lead.unwrap_or((start, self.last));
            self.push_mark(MarkKind::Line, at, start, behind);
        }
    }

    /// Whether a keyword of a declaration stands at `start`, with a name behind it.
    fn starts_declaration(&self, start: usize) -> bool {
        let word = &self.text[start..self.at];
        matches!(
            word,
            "message" | "enum" | "service" | "error" | "oneof" | "const" | "import" | "package"
        ) && self.text[self.at..]
            .trim_start_matches([' ', '\t'])
            .starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '"')
    }

    fn push_mark(&mut self, kind: MarkKind, at: usize, token: usize, behind: usize) {
        if self.depth.deep.is_none() {
            let places = self.span(behind, at);
            self.out.marks.push(Mark {
                kind,
                at: places.end,
                token: self.span(token, token).start,
                behind: places.start,
                indent: u32::try_from(self.indent).unwrap_or(u32::MAX),
                first: self.line_first,
            });
        }
    }

    fn open(&mut self, byte: u8) {
        if self.depth.deep.is_none() && self.depth.open.len() == MAX_DEPTH {
            self.too_deep(self.at, 1, "brackets");
            self.depth.deep = Some(self.at);
        } else if byte == b'{' {
            self.push_mark(MarkKind::Open, self.at, self.at, self.last);
        }
        self.depth.open.push(byte);
        self.at += 1;
    }

    fn close(&mut self, byte: u8) {
        if byte == b'}' {
            self.depth.close_soft();
            self.leave_deep();
            self.push_mark(MarkKind::Close, self.at, self.at, self.last);
        }
        self.depth.close(byte);
        self.at += 1;
        self.leave_deep();
    }

    /// Blanks the part beyond the limit once its first bracket is closed.
    fn leave_deep(&mut self) {
        if self.depth.open.len() <= MAX_DEPTH
            && let Some(start) = self.depth.deep.take()
        {
            self.mask(start, self.at, LOST);
        }
    }
}

impl Depth {
    /// Drops what a statement left open besides braces.
    fn close_soft(&mut self) {
        while self.open.last().is_some_and(|open| *open != b'{') {
            self.open.pop();
        }
    }

    fn close(&mut self, byte: u8) {
        let opener = match byte {
            b'}' => b'{',
            b')' => b'(',
            b']' => b'[',
            _ => b'<',
        };
        if self.open.last() == Some(&opener) {
            self.open.pop();
        }
    }
}

/// At most forty characters of what an author wrote.
pub(super) fn shorten(text: &str) -> String {
    const SHOWN: usize = 40;
    let clean = |c: char| {
        if matches!(character::kind(c), Some(Kind::Control)) {
            '\u{fffd}'
        } else {
            c
        }
    };
    if text.chars().count() <= SHOWN {
        return text.chars().map(clean).collect();
    }
    text.chars()
        .take(SHOWN - 1)
        .map(clean)
        .chain(['…'])
        .collect()
}
