//! Comments, strings, numbers, and characters that start nothing: how long each is, and what is wrong with it.

use super::character::{self, Kind};
use super::comment::Comment;
use super::scan::{BLANK, LOST, MAX_DEPTH, Scanner};
use crate::diagnostic::{Code, Diagnostic};

impl Scanner<'_> {
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

    pub(super) fn line_comment(&mut self) {
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

    pub(super) fn block_comment(&mut self) {
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
        self.comment(start, false);
        if deep.is_some() || !open.is_empty() {
            self.mask(start, self.at, b' ');
            self.out.truncated |= !open.is_empty();
        }
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

    pub(super) fn string(&mut self, raw: bool) {
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

    /// `'…'` or `“…”`, as other languages and word processors write strings. False if nothing closes it on its line.
    fn quoted(&mut self, open: char) -> bool {
        let start = self.at;
        let width = open.len_utf8();
        let line = self.text[start + width..].split('\n').next().unwrap_or("");
        let closes = |c: char| {
            if open == '\'' {
                c == open
            } else {
                c == '"' || character::look_alike(c) == Some("\"")
            }
        };
        let Some((length, close)) = line.char_indices().find(|(_, c)| closes(*c)) else {
            return false;
        };
        let inner = start + width..start + width + length;
        self.at = inner.end + close.len_utf8();
        let mut report = Diagnostic::new(
            Code::InvalidCharacter,
            self.span(start, self.at),
            format!("string in `{open}` quotes"),
        )
        .help("strings stand in straight double quotes: `\"…\"`");
        if !line[..length].contains(['"', '\\']) {
            report = report
                .fix(self.span(start, inner.start), "\"")
                .fix(self.span(inner.end, self.at), "\"");
        }
        self.reports.push(report);
        self.inspect(start, self.at);
        self.mask(start, self.at, LOST);
        true
    }

    pub(super) fn hash_comment(&mut self) {
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
    pub(super) fn number(&mut self) {
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

    /// A character that starts no token: all of one run make one report.
    pub(super) fn other(&mut self) {
        let start = self.at;
        let first = self.char();
        if first.is_alphanumeric() {
            self.word();
            return;
        }
        let quote = first == '\'' || character::look_alike(first) == Some("\"");
        if quote && self.quoted(first) {
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
            Kind::Invisible => {
                let report = Diagnostic::new(
                    Code::InvisibleCharacter,
                    place,
                    format!("invisible character {}", character::describe(first)),
                );
                if first.is_whitespace() {
                    report
                        .help("put a plain space in its place")
                        .fix(place, " ")
                } else {
                    report.help("remove it").fix(place, "")
                }
            }
            Kind::Foreign => {
                let report = Diagnostic::new(
                    Code::InvalidCharacter,
                    place,
                    format!("invalid character {}", character::describe(first)),
                );
                match character::look_alike(first) {
                    Some(meant)
                        if place.end - place.start == self.span(0, first.len_utf8()).end =>
                    {
                        self.reports
                            .push(report.help(format!("write `{meant}`")).fix(place, meant));
                        self.mask(start, self.at, BLANK);
                        // Brackets were not counted: what they hold is left out of the tree instead.
                        if !"(){}[]".contains(meant) {
                            self.out.masked[start..start + meant.len()]
                                .copy_from_slice(meant.as_bytes());
                        }
                        return;
                    }
                    Some(meant) => report.help(format!("write `{meant}`")),
                    None => report.help("remove it"),
                }
            }
        };
        self.reports.push(report);
        self.mask(start, self.at, BLANK);
    }

    pub(super) fn too_deep(&mut self, at: usize, width: usize, what: &str) {
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
}
