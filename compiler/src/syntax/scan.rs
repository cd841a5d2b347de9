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
/// Stands for a character that was reported and left out.
pub(super) const BLANK: u8 = 4;

/// A brace, or the head of a declaration at the start of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) kind: MarkKind,
    /// Where it stands.
    pub(super) at: u32,
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
    Head,
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

struct Scanner<'a> {
    file: FileId,
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    reports: &'a mut Reports,
    depth: Depth,
    /// End of the last token.
    last: usize,
    /// Whether there was a token.
    seen: bool,
    line_first: bool,
    line_start: usize,
    indent: usize,
    /// Start of the documentation and annotations before a head.
    lead: Option<(usize, usize)>,
    /// Documentation that waits for the next token.
    pending: Vec<Comment>,
    out: Scan,
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
            b'\'' => self.quoted(),
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

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn char(&self) -> char {
        self.text[self.at..].chars().next().unwrap_or('\0')
    }

    fn span(&self, start: usize, end: usize) -> Span {
        span(self.file, start, end)
    }

    /// Replaces a part by `with`, line ends aside unless they are lost too.
    fn mask(&mut self, start: usize, end: usize, with: u8) {
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

    fn comment(&mut self, start: usize, line: bool) {
        let span = self.span(start, self.at);
        let comment = Comment {
            span,
            line,
            docs: Comment::documents(&self.text[start..self.at]),
        };
        self.out.comments.push(comment);
        if comment.docs.is_some() {
            self.pending.push(comment);
        }
        self.inspect(start, self.at);
    }

    fn line_comment(&mut self) {
        let start = self.at;
        let end = self.text[start..]
            .find('\n')
            .map_or(self.bytes.len(), |line| start + line);
        self.at = if self.bytes[..end].ends_with(b"\r") && end < self.bytes.len() {
            end - 1
        } else {
            end
        };
        self.comment(start, true);
    }

    fn block_comment(&mut self) {
        let start = self.at;
        let mut open: Vec<usize> = Vec::new();
        let mut deep = None;
        while let Some(&byte) = self.bytes.get(self.at) {
            match (byte, self.peek(1)) {
                (b'/', Some(b'*')) => {
                    if open.len() == MAX_DEPTH {
                        deep.get_or_insert(self.at);
                    }
                    open.push(self.at);
                    self.at += 2;
                }
                (b'*', Some(b'/')) => {
                    open.pop();
                    self.at += 2;
                    if open.is_empty() {
                        break;
                    }
                }
                (b'\n', _) => {
                    self.line_start = self.at + 1;
                    self.line_first = true;
                    self.at += 1;
                }
                _ => self.at += 1,
            }
        }
        if let Some(at) = deep {
            self.too_deep(at, 2, "comments");
        } else if let Some(&outer) = open.first() {
            let opening = self.span(outer, outer + 2);
            let mut report =
                Diagnostic::new(Code::UnterminatedComment, opening, "comment without end")
                    .label("the comment starts here and reaches to the end of the file")
                    .help(
                        "write `*/` where it ends; comments nest, so that each `/*` needs its own",
                    );
            if let Some(&inner) = open.get(1) {
                report = report.also(
                    self.span(inner, inner + 2),
                    "this starts a comment inside it",
                );
            }
            self.reports.push(report);
        }
        if deep.is_some() || !open.is_empty() {
            self.mask(start, self.at, b' ');
            self.out.truncated |= !open.is_empty();
        }
        self.comment(start, false);
    }

    /// Reports what must not even stand in strings and comments.
    fn inspect(&mut self, start: usize, end: usize) {
        let mut at = start;
        while at < end {
            // Most text is plain; this finds the next byte that may not be.
            let Some(skip) = self.bytes[at..end]
                .iter()
                .position(|byte| !(b' '..0x7f).contains(byte))
            else {
                return;
            };
            at += skip;
            let c = self.text[at..].chars().next().unwrap_or(' ');
            let line_end = c == '\r' && self.bytes.get(at + 1) == Some(&b'\n');
            let width = c.len_utf8();
            if character::kind(c) == Some(Kind::Control) && !line_end {
                let run = self.text[at..end]
                    .chars()
                    .take_while(|other| *other == c)
                    .count()
                    * width;
                self.control(at, at + run, c);
                self.mask(at, at + run, b'?');
                at += run;
            } else {
                at += width;
            }
        }
    }

    fn control(&mut self, start: usize, end: usize, c: char) {
        let report = Diagnostic::new(
            Code::ControlCharacter,
            self.span(start, end),
            format!("control character {}", character::describe(c)),
        )
        .help("remove it; inside a string write it as an escape, such as `\\u{202e}`");
        self.reports.push(report.fix(self.span(start, end), ""));
    }

    fn string(&mut self, raw: bool) {
        let start = self.at;
        self.at += if raw { 2 } else { 1 };
        loop {
            match self.peek(0) {
                Some(b'"') => {
                    self.at += 1;
                    self.inspect(start, self.at);
                    return;
                }
                Some(b'\\') if !raw && !matches!(self.peek(1), None | Some(b'\n')) => {
                    self.at += 1;
                    self.at += self.char().len_utf8();
                }
                Some(b'\n') | None => break,
                Some(_) => self.at += 1,
            }
        }
        // What closes the statement most likely was not meant as part of the string.
        let mut end = self.at;
        while end > start + 1 && b" \t\r;)],{}".contains(&self.bytes[end - 1]) {
            end -= 1;
        }
        let (code, what) = if raw {
            (Code::UnterminatedRawString, "raw string")
        } else {
            (Code::UnterminatedString, "string")
        };
        let quote = start + usize::from(raw);
        self.reports.push(
            Diagnostic::new(
                code,
                self.span(start, end),
                format!("{what} without closing quote"),
            )
            .label(format!("the {what} starts here"))
            .also(self.span(end, end), "and reaches to the end of the line")
            .help("close it with `\"` on the same line; a line break in a string is written `\\n`"),
        );
        self.at = end.max(quote + 1);
        self.inspect(start, self.at);
        self.mask(start, self.at, LOST);
    }

    /// `'…'`, as other languages write strings.
    fn quoted(&mut self) {
        let start = self.at;
        let line = self.text[start + 1..].split('\n').next().unwrap_or("");
        let Some(length) = line.find('\'') else {
            self.other();
            return;
        };
        self.at = start + length + 2;
        let mut report = Diagnostic::new(
            Code::InvalidCharacter,
            self.span(start, self.at),
            "string in single quotes",
        )
        .help("strings stand in double quotes: `\"…\"`");
        if !line[..length].contains(['"', '\\']) {
            report = report
                .fix(self.span(start, start + 1), "\"")
                .fix(self.span(self.at - 1, self.at), "\"");
        }
        self.reports.push(report);
        self.inspect(start, self.at);
        self.mask(start, self.at, LOST);
    }

    fn hash_comment(&mut self) {
        let start = self.at;
        let length = self.text[start..]
            .find('\n')
            .unwrap_or(self.text.len() - start);
        self.at = start + length;
        self.reports.push(
            Diagnostic::new(
                Code::InvalidCharacter,
                self.span(start, start + 1),
                "`#` starts no comment",
            )
            .help("comments start with `//`")
            .fix(self.span(start, start + 1), "//"),
        );
        self.mask(start, self.at, BLANK);
    }

    /// A number, with the sign of its exponent; what it means is for the builder.
    fn number(&mut self) {
        let start = self.at;
        while let Some(byte) = self.peek(0) {
            let exponent = matches!(byte, b'+' | b'-')
                && matches!(self.bytes[self.at - 1], b'e' | b'E')
                && self.at > start + 1
                && self.peek(1).is_some_and(|next| next.is_ascii_digit());
            let fraction = byte == b'.' && self.peek(1).is_some_and(|next| next.is_ascii_digit());
            if !(byte.is_ascii_alphanumeric() || byte == b'_' || exponent || fraction) {
                return;
            }
            self.at += 1;
        }
    }

    fn word(&mut self) {
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
                self.mask(from, to, b'_');
            }
        } else if self.line_first && self.starts_declaration(start) {
            let (at, behind) = self.lead.take().unwrap_or((start, self.last));
            self.push_mark(MarkKind::Head, at, behind);
        }
    }

    /// Whether a keyword of a declaration stands at `start`, with a name behind it.
    fn starts_declaration(&self, start: usize) -> bool {
        let word = &self.text[start..self.at];
        matches!(
            word,
            "message" | "enum" | "service" | "error" | "const" | "import" | "package"
        ) && self.text[self.at..]
            .trim_start_matches([' ', '\t'])
            .starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '"')
    }

    fn push_mark(&mut self, kind: MarkKind, at: usize, behind: usize) {
        if self.depth.deep.is_none() {
            let places = self.span(behind, at);
            self.out.marks.push(Mark {
                kind,
                at: places.end,
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
            self.push_mark(MarkKind::Open, self.at, self.last);
        }
        self.depth.open.push(byte);
        self.at += 1;
    }

    fn close(&mut self, byte: u8) {
        if byte == b'}' {
            self.depth.close_soft();
            self.leave_deep();
            self.push_mark(MarkKind::Close, self.at, self.last);
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

    fn too_deep(&mut self, at: usize, width: usize, what: &str) {
        self.reports.push(
            Diagnostic::new(
                Code::NestingTooDeep,
                self.span(at, at + width),
                format!("{what} nested more than {MAX_DEPTH} deep"),
            )
            .label(format!("level {}", MAX_DEPTH + 1))
            .help("move the inner part into a declaration of its own"),
        );
    }

    /// A character that starts no token: all of one run make one report.
    fn other(&mut self) {
        let start = self.at;
        let first = self.char();
        if first.is_alphanumeric() {
            self.word();
            return;
        }
        let Some(kind) = character::kind(first) else {
            self.at += 1;
            return;
        };
        while self.at < self.bytes.len() {
            let c = self.char();
            if character::kind(c) != Some(kind)
                || c.is_alphanumeric()
                || matches!(c, '"' | '\'') && c != first
            {
                break;
            }
            self.at += c.len_utf8();
            if self.text[self.at..].starts_with("//") || self.text[self.at..].starts_with("/*") {
                break;
            }
        }
        let place = self.span(start, self.at);
        let report = match kind {
            Kind::Control => {
                self.control(start, self.at, first);
                self.mask(start, self.at, BLANK);
                return;
            }
            Kind::Invisible => Diagnostic::new(
                Code::InvisibleCharacter,
                place,
                format!("invisible character {}", character::describe(first)),
            )
            .help("put a plain space in its place, or remove it")
            .fix(place, " "),
            Kind::Foreign => {
                let report = Diagnostic::new(
                    Code::InvalidCharacter,
                    place,
                    format!("invalid character {}", character::describe(first)),
                );
                match character::look_alike(first) {
                    Some(meant) => report.help(format!("write `{meant}`")).fix(place, meant),
                    None => report.help("remove it"),
                }
            }
        };
        self.reports.push(report);
        self.mask(start, self.at, BLANK);
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
