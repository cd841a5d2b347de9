//! Looking at the text around a mistake: what stands there, what could, and where the next statement starts.

use pest::Parser as _;
use pest::iterators::Pair;

use super::ast::Annotation;
use super::comment::span as place;
use super::grammar::{Grammar, Rule};
use super::parse::Parser;
use super::recover::Context;
use super::scan::shorten;
use crate::source::Span;

/// Names of what the grammar asked for, in a fixed order, each once.
pub(super) fn list(rules: &[Rule]) -> Vec<&'static str> {
    let mut names: Vec<(u8, &'static str)> = rules.iter().filter_map(|rule| name(*rule)).collect();
    names.sort_unstable();
    names.dedup();
    // What may stand almost everywhere tells little beside something that must.
    if names.iter().any(|(rank, _)| *rank < 8) {
        names.retain(|(rank, _)| *rank < 9);
    }
    names.into_iter().map(|(_, name)| name).collect()
}

/// The bracket that closes another.
pub(super) fn closer(open: &str) -> &'static str {
    match open {
        "(" => ")",
        "[" => "]",
        _ => ">",
    }
}

/// The same in words: `` `,` or `;` ``.
pub(super) fn sentence(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [many @ .., last] => format!("{} or {last}", many.join(", ")),
    }
}

/// How long the string at the start of a text is.
fn string(text: &str, escapes: bool) -> usize {
    let mut bytes = text.bytes().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return at + 1,
            b'\n' => break,
            b'\\' if escapes => drop(bytes.next()),
            _ => {}
        }
    }
    1
}

/// How long the number at the start of a text is, with its fraction.
fn number(text: &str) -> usize {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let bytes = text.as_bytes();
    let mut end = 0;
    while let Some(&byte) = bytes.get(end) {
        let next = bytes.get(end + 1).copied().unwrap_or_default();
        if !(word(byte) || byte == b'.' && next.is_ascii_digit()) {
            break;
        }
        end += 1;
    }
    end
}

/// A rank, for the order, and a name. `None` for what is no token of the language.
fn name(rule: Rule) -> Option<(u8, &'static str)> {
    Some(match rule {
        Rule::ident | Rule::path => (1, "a name"),
        Rule::type_ref | Rule::list_type => (1, "a type"),
        Rule::payload => (1, "a message"),
        Rule::value | Rule::call | Rule::field_path | Rule::list | Rule::argument => (1, "a value"),
        Rule::string => (1, "a string"),
        Rule::number => (1, "a number"),
        Rule::reserved_entry => (1, "a number, range or quoted name"),
        Rule::open_end => (2, "`..`"),
        Rule::params | Rule::param => (2, "an argument `name: type = 1`"),
        Rule::field => (2, "a field `name: type = 1;`"),
        Rule::enum_value => (2, "a value `NAME = 1;`"),
        Rule::edition | Rule::kw_edition => (3, "`edition`"),
        Rule::package | Rule::kw_package => (3, "`package`"),
        Rule::import | Rule::kw_import => (3, "`import`"),
        Rule::item => (4, "a declaration"),
        Rule::constant | Rule::kw_const => (4, "`const`"),
        Rule::message | Rule::kw_message => (4, "`message`"),
        Rule::enumeration | Rule::kw_enum => (4, "`enum`"),
        Rule::error | Rule::kw_error => (4, "`error`"),
        Rule::service | Rule::kw_service => (4, "`service`"),
        Rule::oneof | Rule::kw_oneof => (4, "`oneof`"),
        Rule::reserved | Rule::kw_reserved => (4, "`reserved`"),
        Rule::method | Rule::kw_rpc => (4, "`rpc`"),
        Rule::versions | Rule::kw_versions => (4, "`versions`"),
        Rule::groups | Rule::kw_groups => (4, "`groups`"),
        Rule::open => (5, "`{`"),
        Rule::request | Rule::lparen | Rule::error_code => (5, "`(`"),
        Rule::colon => (5, "`:`"),
        Rule::equals => (5, "`=`"),
        Rule::rparen => (6, "`)`"),
        Rule::rbracket => (6, "`]`"),
        Rule::rangle => (6, "`>`"),
        Rule::comma => (6, "`,`"),
        Rule::close => (6, "`}`"),
        Rule::reply | Rule::arrow => (6, "`->`"),
        Rule::throws | Rule::kw_throws => (6, "`throws`"),
        Rule::semicolon => (7, "`;`"),
        Rule::annotation | Rule::at => (9, "an annotation"),
        Rule::question => (9, "`?`"),
        Rule::arguments => (9, "`(`"),
        _ => return None,
    })
}

impl<'a> Parser<'a> {
    /// The first token at or behind `at`; empty at the end of the file.
    pub(super) fn token(&self, at: usize) -> Span {
        let at = self.skip(at);
        let rest = &self.masked[at..];
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let length = match rest.chars().next() {
            None => 0,
            Some('"') => string(rest, true),
            Some('r') if rest.starts_with("r\"") => 1 + string(&rest[1..], false),
            Some(c) if c.is_ascii_digit() => number(rest),
            Some(c) if word(c) => rest.find(|c| !word(c)).unwrap_or(rest.len()),
            Some('-') if rest.starts_with("->") => 2,
            Some('.') => rest.len() - rest.trim_start_matches('.').len(),
            Some(c) => c.len_utf8(),
        };
        place(self.file, at, self.whole(at + length))
    }

    pub(super) fn describe(&self, token: Span) -> String {
        match self.masked(token) {
            "" => "the end of the file".to_owned(),
            "\u{2}" => "the end of the block".to_owned(),
            text if text.starts_with('"') => format!("string {}", shorten(text)),
            text => format!("`{}`", shorten(text)),
        }
    }

    /// The start of the next token at or behind `at`.
    pub(super) fn skip(&self, mut at: usize) -> usize {
        let bytes = self.masked.as_bytes();
        loop {
            while matches!(
                bytes.get(at),
                Some(b' ' | b'\t' | b'\r' | b'\n' | &super::scan::BLANK)
            ) {
                at += 1;
            }
            let index = self
                .comments
                .partition_point(|comment| (comment.span.start as usize) < at);
            match self.comments.get(index) {
                Some(comment)
                    if comment.span.start as usize == at && bytes.get(at) == Some(&b'/') =>
                {
                    at = comment.span.end as usize;
                }
                _ => return at,
            }
        }
    }

    /// The first token in `from..to` that is the first of its line and starts a statement of `context`.
    pub(super) fn next_statement(&self, context: Context, from: usize, to: usize) -> Option<usize> {
        let bytes = self.masked.as_bytes();
        let mut at = from;
        let mut depth = 0usize;
        while at < to {
            match bytes[at] {
                b'{' | super::scan::OPEN => depth += 1,
                b'}' | super::scan::CLOSE => depth = depth.saturating_sub(1),
                b'"' => {
                    at = self.token(at).end as usize;
                    continue;
                }
                b'/' if self.skip(at) > at => {
                    at = self.skip(at);
                    continue;
                }
                b'\n' if depth == 0 => {
                    let first = self.skip(at);
                    if first < to && self.starts(context, first) {
                        return Some(first);
                    }
                    at = first.max(at + 1);
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
        None
    }

    /// Whether the token at `at` starts a statement of `context`, as far as two tokens tell.
    fn starts(&self, context: Context, at: usize) -> bool {
        let word = self.token(at);
        let next = self.token(word.end as usize);
        let (word, next) = (self.masked(word), self.masked(next));
        let name = next.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let literal = next.starts_with(|c: char| c.is_ascii_digit() || c == '"');
        let field = matches!(context, Context::Message | Context::Oneof) && next == ":";
        let value = context == Context::Enum && next == "=";
        let named = |word: &str| word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        match (context, word) {
            (Context::File | Context::Service, "@") => true,
            (Context::File, "const" | "message" | "enum" | "error" | "service" | "package")
            | (Context::Message, "message" | "enum" | "oneof")
            | (Context::Service, "rpc" | "groups") => name,
            (Context::File, "import" | "edition")
            | (Context::Message | Context::Enum, "reserved")
            | (Context::Service, "versions") => literal,
            _ => (field || value) && named(word),
        }
    }

    /// The innermost `(`, `[` or `<` in `from..to` that is still open at its end.
    pub(super) fn open_bracket(&self, from: usize, to: usize) -> Option<usize> {
        let mut open: Vec<usize> = Vec::new();
        let mut at = self.skip(from);
        while at < to {
            let token = self.token(at);
            match self.masked(token) {
                "(" | "[" | "<" => open.push(at),
                ")" | "]" | ">" => {
                    open.pop();
                }
                _ => {}
            }
            at = self.skip((token.end as usize).max(at + 1));
        }
        open.pop()
    }

    /// Whether the bracket at `opener` has its partner before `to`.
    pub(super) fn closes(&self, opener: usize, to: usize) -> bool {
        let mut open: Vec<&str> = Vec::new();
        let mut at = opener;
        while at < to {
            let token = self.token(at);
            match self.masked(token) {
                text @ ("(" | "[" | "<") => open.push(text),
                text @ (")" | "]" | ">") => {
                    let pair = open.pop().is_some_and(|open| closer(open) == text);
                    if !pair || open.is_empty() {
                        return pair;
                    }
                }
                _ => {}
            }
            at = self.skip((token.end as usize).max(at + 1));
        }
        false
    }

    /// The whole annotations before a keyword that was misspelt.
    pub(super) fn annotations_before(&mut self, span: Span, word: Span) -> Vec<Annotation> {
        let (from, to) = (span.start as usize, word.start as usize);
        let pairs: Vec<_> = self.annotations_in(from, to).collect();
        pairs
            .into_iter()
            .filter_map(|pair| self.annotation(pair))
            .collect()
    }

    /// Where a statement starts behind its annotations.
    pub(super) fn behind_annotations(&self, span: Span) -> usize {
        let (from, to) = (span.start as usize, span.end as usize);
        let last = self.annotations_in(from, to).last();
        last.map_or(from, |pair| self.skip(self.span(&pair).end as usize))
    }

    fn annotations_in(&self, from: usize, to: usize) -> impl Iterator<Item = Pair<'a, Rule>> {
        let mut at = from;
        std::iter::from_fn(move || {
            let parsed = Grammar::parse(Rule::annotation, self.lean.between(at..to));
            let pair = parsed.ok()?.next()?;
            at = self.skip(self.span(&pair).end as usize);
            Some(pair)
        })
    }
}
