//! A broken statement made whole by one small edit, so that what it says is not lost with its mistake.
//!
//! The report of a broken statement says where it stops and what could stand there. One token that is missing, too many,
//! doubled, or on the wrong side of its neighbour is mended in a copy of the masked text, and the copy parsed instead:
//! what is inside a block whose head is broken is still checked, and nothing that the statement names goes missing.

use pest::Parser as _;
use pest::error::InputLocation;
use rustc_hash::FxHashMap;

use super::comment::span as place;
use super::grammar::{Grammar, Rule};
use super::lean::Lean;
use super::parse::Parser;
use super::recover::{Context, Stop};
use super::scan::{BLANK, CLOSE, NAME, OPEN};
use super::statement::Node;
use crate::source::Span;

/// Deepest repairs inside one another: each holds a copy of the text.
const DEEPEST: usize = 4;
/// Longest text that is copied. Files of this size are written by programs, whose mistakes are not slips of a finger.
const LONGEST_TEXT: usize = 1 << 20;
/// Longest statement, or head of a block, that edits are tried on.
const LONGEST_STATEMENT: usize = 1 << 13;

/// An edit of the masked text that keeps its length.
pub(super) struct Edit {
    at: usize,
    bytes: Vec<u8>,
    pub(super) kind: Kind,
}

/// What an edit does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Puts this token in.
    Insert(&'static str),
    /// Puts a name in that stands for the one that is missing before this token.
    Name(Span),
    /// Takes out one of two equal tokens: this one.
    Undouble(Span),
    /// Takes out a token.
    Remove(Span),
    /// Swaps two tokens.
    Swap(Span, Span),
    /// Puts a token in the place of another.
    Replace(Span, &'static str),
}

impl Parser<'_> {
    /// The edit that makes a statement of `from..to`, which stops to parse at `stop`.
    pub(super) fn edit(
        &self,
        context: Context,
        from: usize,
        to: usize,
        stop: &Stop,
    ) -> Option<Edit> {
        let bytes = self.masked.as_bytes();
        if self.repairs == DEEPEST || bytes.len() > LONGEST_TEXT || stop.at >= to {
            return None;
        }
        let slice = self.beginning(from, to)?;
        let edits = self.edits(from, slice.len() + from, stop);
        edits.into_iter().find(|edit| {
            let start = edit.at - from;
            let mut text = slice.clone();
            let Some(part) = text.get_mut(start..start + edit.bytes.len()) else {
                return false;
            };
            part.copy_from_slice(&edit.bytes);
            String::from_utf8(text).is_ok_and(|text| whole(context, &text))
        })
    }

    /// The edit that brings what stands behind the `;` of `from..to` before it, and where that ends.
    pub(super) fn late(
        &self,
        context: Context,
        from: usize,
        to: usize,
        stop: &Stop,
    ) -> Option<(Edit, usize)> {
        let end = self.token(stop.at);
        let next = self.token(to);
        let line = self.masked.get(to..next.start as usize)?;
        let near = self.masked(end) == ";" && end.end as usize == to && !line.contains('\n');
        if !near || self.repairs == DEEPEST || self.masked.len() > LONGEST_TEXT {
            return None;
        }
        let edit = self.swap(end, next)?;
        let behind = next.end as usize;
        if behind - from > LONGEST_STATEMENT {
            return None;
        }
        let mut text = self.bare(from, behind);
        text[edit.at - from..][..edit.bytes.len()].copy_from_slice(&edit.bytes);
        let text = String::from_utf8(text).ok()?;
        whole(context, &text).then_some((edit, behind))
    }

    /// A statement, or the head of a block with its first token and an end.
    pub(super) fn beginning(&self, from: usize, to: usize) -> Option<Vec<u8>> {
        let text = &self.masked.as_bytes()[from..to];
        let open = text
            .iter()
            .take(LONGEST_STATEMENT)
            .position(|byte| matches!(byte, b'{' | &OPEN));
        let end = match open {
            Some(open) => {
                let first = self.token(from + open + 1);
                let last = first.end as usize;
                if last > to { to } else { last }
            }
            None => to,
        };
        if end - from > LONGEST_STATEMENT {
            return None;
        }
        let mut slice = self.bare(from, end);
        if open.is_some() {
            slice.push(CLOSE);
        }
        Some(slice)
    }

    /// A part of the masked text with blanks for its comments.
    fn bare(&self, from: usize, to: usize) -> Vec<u8> {
        let mut text = self.masked.as_bytes()[from..to].to_vec();
        let first = self
            .comments
            .partition_point(|comment| (comment.span.start as usize) < from);
        for comment in &self.comments[first..] {
            let (start, end) = (comment.span.start as usize, comment.span.end as usize);
            if start >= to {
                break;
            }
            text[start - from..end.min(to) - from].fill(b' ');
        }
        text
    }

    /// Every edit worth a try, the likeliest first.
    fn edits(&self, from: usize, to: usize, stop: &Stop) -> Vec<Edit> {
        let found = self.token(stop.at);
        let word = self.masked(found);
        let before = self.tokens_before(from, found.start as usize);
        let last = before.last().copied();
        let next = self.token(found.end as usize);
        let next_word = self.masked(next);
        let behind = self.masked(self.token(next.end as usize));
        let gap = last.map_or(from, |last| last.end as usize)..found.start as usize;
        let free = gap.clone().find(|at| self.is_free(*at));
        let swap_next = (next.end as usize <= to)
            .then(|| self.swap(found, next))
            .flatten();
        let near = gap.clone().rfind(|at| self.is_free(*at));
        let name = || {
            let named = stop
                .expected
                .iter()
                .any(|rule| matches!(rule, Rule::ident | Rule::enum_value | Rule::field));
            let edit = Edit {
                at: near?,
                bytes: vec![NAME],
                kind: Kind::Name(found),
            };
            (named && matches!(word, "{" | "(" | ":" | "=")).then_some(edit)
        };
        let mut edits = Vec::new();
        // Two types without a comma between them are no doubled one.
        if let Some(free) = free
            && before.len() > 1
            && self.masked(before[before.len() - 2]) == "<"
        {
            edits.push(Edit {
                at: free,
                bytes: b",".to_vec(),
                kind: Kind::Insert(","),
            });
        }
        if let Some(last) = last {
            let text = self.masked(last);
            if word == text {
                edits.push(blank(found, Kind::Undouble(found)));
                edits.push(blank(last, Kind::Undouble(last)));
            } else if before.len() > 1 && self.masked(before[before.len() - 2]) == text {
                edits.push(blank(last, Kind::Undouble(last)));
            }
        }
        match word {
            // `message { Order id: …`
            "{" if !matches!(behind, ":" | "=") && !is_keyword(next_word) => {
                edits.extend(swap_next);
            }
            "{" | "(" | ":" | "=" => edits.extend(name()),
            _ => {}
        }
        // `message Order id {: …`
        let late_brace = next_word == "{" && matches!(behind, ":" | "=");
        if late_brace {
            edits.extend(self.swap(found, next));
        }
        let wanted: Vec<&'static str> = stop
            .expected
            .iter()
            .filter_map(|rule| symbol(*rule))
            .filter(|symbol| *symbol != "{" || next_word != "{")
            .collect();
        if let Some(free) = free {
            edits.extend(wanted.iter().map(|symbol| Edit {
                at: free,
                bytes: symbol.as_bytes().to_vec(),
                kind: Kind::Insert(symbol),
            }));
        }
        if next_word != "{" || late_brace {
            edits.extend(
                (next.end as usize <= to)
                    .then(|| self.swap(found, next))
                    .flatten(),
            );
        }
        edits.extend(name());
        if !matches!(word, "{" | "}" | ";") {
            let symbols = wanted.iter().filter(|_| found.end - found.start == 1);
            edits.extend(symbols.map(|symbol| Edit {
                at: found.start as usize,
                bytes: symbol.as_bytes().to_vec(),
                kind: Kind::Replace(found, symbol),
            }));
            if !word.starts_with('.') {
                edits.push(blank(found, Kind::Remove(found)));
            }
        }
        if let Some(last) = last {
            edits.extend(self.swap(last, found));
            // Without its `=`, a field has no number: that is another mistake.
            if self.masked(last) != "=" && !self.masked(last).starts_with('.') {
                edits.push(blank(last, Kind::Remove(last)));
            }
        }
        edits
    }

    /// Whether a token of one byte can be put at `at`: into a gap, or in the place of a whole character that was left out.
    fn is_free(&self, at: usize) -> bool {
        matches!(self.masked.as_bytes()[at], b' ' | b'\t' | b'\n' | BLANK)
            && self.text.is_char_boundary(at)
    }

    fn tokens_before(&self, from: usize, to: usize) -> Vec<Span> {
        let mut tokens = Vec::new();
        let mut at = from;
        while at < to {
            let token = self.token(at);
            if token.end as usize > to || token.start == token.end {
                break;
            }
            tokens.push(token);
            at = token.end as usize;
        }
        tokens
    }

    /// Puts `second` before `first`. Not across a comment.
    fn swap(&self, first: Span, second: Span) -> Option<Edit> {
        let gap = place(first.file, first.end as usize, second.start as usize);
        let blank = self
            .masked(gap)
            .bytes()
            .all(|byte| byte.is_ascii_whitespace() || byte == BLANK);
        let whole = first.end <= second.start && first.start < first.end;
        // Places of what is moved lie beside it; within a longer character they would lie nowhere.
        let text = self.text.get(first.start as usize..second.end as usize);
        let ascii = text.is_some_and(str::is_ascii);
        (blank && whole && ascii).then(|| Edit {
            at: first.start as usize,
            bytes: [self.masked(second), self.masked(gap), self.masked(first)]
                .concat()
                .into_bytes(),
            kind: Kind::Swap(first, second),
        })
    }

    /// Parses `from..to` with an edit. What is inside is reported as ever; that the statement is broken has been.
    pub(super) fn repair(
        &mut self,
        context: Context,
        from: usize,
        to: usize,
        edit: &Edit,
        nodes: &mut Vec<Node>,
    ) {
        let mut text = self.masked.as_bytes().to_vec();
        text[edit.at..edit.at + edit.bytes.len()].copy_from_slice(&edit.bytes);
        let Ok(text) = String::from_utf8(text) else {
            return;
        };
        match edit.kind {
            // It may have been meant as a part of the statement that is missed now.
            Kind::Remove(token) | Kind::Replace(token, _) => self.lost.spans.push(token),
            Kind::Name(before) => {
                let declares = context == Context::File || self.masked(before) == "{";
                self.lost.nameless += usize::from(declares);
            }
            Kind::Insert(_) | Kind::Undouble(_) | Kind::Swap(..) => {}
        }
        let lean = Lean::new(&text, self.comments);
        let mut parser = Parser {
            file: self.file,
            text: self.text,
            masked: &text,
            lean: &lean,
            comments: self.comments,
            docs: std::mem::take(&mut self.docs),
            reports: std::mem::take(&mut self.reports),
            lost: std::mem::take(&mut self.lost),
            stopped: self.stopped,
            head_lost: self.head_lost,
            unclosed: std::mem::take(&mut self.unclosed),
            foreign: self.foreign,
            words: FxHashMap::default(),
            repairs: self.repairs + 1,
            done: 0,
            unfinished: self.unfinished,
            astray: self.astray,
        };
        let before = parser.reports.len();
        parser.region(context, from, to, nodes);
        if matches!(edit.kind, Kind::Remove(_) | Kind::Replace(..)) {
            // What else is wrong with the same statement is so for want of what was taken out.
            let head = self.masked[from..to]
                .find('{')
                .map_or(to, |open| from + open);
            parser.reports.keep_since(before, |report| {
                let at = report.primary.span.start as usize;
                !(from..head).contains(&at)
            });
        }
        let Parser {
            docs,
            reports,
            lost,
            stopped,
            head_lost,
            unclosed,
            unfinished,
            astray,
            ..
        } = parser;
        self.unfinished = unfinished;
        self.astray = astray;
        self.docs = docs;
        self.reports = reports;
        self.lost = lost;
        self.stopped = stopped;
        self.head_lost = head_lost;
        self.unclosed = unclosed;
    }
}

/// Whether a word starts a statement inside a block.
fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "message" | "enum" | "oneof" | "reserved" | "rpc" | "versions" | "groups" | "@"
    )
}

fn blank(token: Span, kind: Kind) -> Edit {
    Edit {
        at: token.start as usize,
        bytes: vec![BLANK; (token.end - token.start) as usize],
        kind,
    }
}

/// What to put in for a rule: only what is one byte long.
fn symbol(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::colon => ":",
        Rule::equals => "=",
        Rule::open => "{",
        Rule::lparen | Rule::request | Rule::error_code => "(",
        Rule::rparen => ")",
        Rule::rbracket => "]",
        Rule::rangle => ">",
        Rule::comma => ",",
        _ => return None,
    })
}

/// Whether a text without comments is one statement as the language has it, to its end.
pub(super) fn whole(context: Context, text: &str) -> bool {
    let lean = Lean::new(text, &[]);
    let text = lean.between(0..text.len());
    let Err(error) = Grammar::parse(context.probe(), text) else {
        return false;
    };
    let (InputLocation::Pos(at) | InputLocation::Span((at, _))) = error.location;
    let ended = text.trim_end().ends_with([';', '}', char::from(CLOSE)]);
    ended && text[at..].trim().is_empty() && maps_are_whole(text)
}

/// Whether every map has a type of keys and one of values, which the grammar leaves to the builder.
fn maps_are_whole(text: &str) -> bool {
    text.match_indices("map").all(|(at, _)| {
        let Some(inner) = text[at + 3..].trim_start().strip_prefix('<') else {
            return true;
        };
        let (mut depth, mut types, mut empty) = (0, 0, true);
        for c in inner.chars() {
            match c {
                '<' => depth += 1,
                '>' if depth == 0 => break,
                '>' => depth -= 1,
                ',' if depth == 0 => empty = true,
                _ if c.is_ascii_alphanumeric() && empty => {
                    types += 1;
                    empty = false;
                }
                _ => {}
            }
        }
        types == 2
    })
}
