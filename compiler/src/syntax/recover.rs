//! What is wrong where the grammar gave up, and where to go on.
//!
//! A `broken` statement is parsed again by a strict rule for the place where it stops; keywords that were misspelt or
//! come from another language are replaced, so that what they declare is known; statements that a missing `;` hides in
//! it are found at the starts of their lines. Every look at a statement either consumes it or reports, and the reports
//! are limited: time stays linear.

use pest::Parser as _;
use pest::error::{ErrorVariant, InputLocation};

use super::comment::span as place;
use super::expected;
use super::grammar::{Grammar, Rule};
use super::keyword::{Meant, Why};
use super::parse::Parser;
use super::repair::{self, Edit, Kind};
use super::scan::{BLANK, CLOSE, LOST, OPEN, shorten};
use super::statement::Node;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// What holds a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    File,
    Message,
    Oneof,
    Enum,
    Service,
}

impl Context {
    /// The rule of one statement.
    pub(super) fn entry(self) -> Rule {
        match self {
            Self::File => Rule::file_entry,
            Self::Message => Rule::message_entry,
            Self::Oneof => Rule::oneof_entry,
            Self::Enum => Rule::enum_entry,
            Self::Service => Rule::service_entry,
        }
    }

    /// What it holds.
    fn statement(self) -> &'static str {
        match self {
            Self::File => "a declaration",
            Self::Message | Self::Oneof => "a field",
            Self::Enum => "an enum value",
            Self::Service => "a method",
        }
    }

    /// The rule that tells where a statement stops.
    pub(super) fn probe(self) -> Rule {
        match self {
            Self::File => Rule::probe_file,
            Self::Message => Rule::probe_message,
            Self::Oneof => Rule::probe_oneof,
            Self::Enum => Rule::probe_enum,
            Self::Service => Rule::probe_service,
        }
    }

    /// The words that a statement may start with.
    pub(super) fn keywords(self) -> &'static [&'static str] {
        match self {
            Self::File => &[
                "edition", "package", "import", "const", "message", "enum", "error", "service",
            ],
            Self::Message => &["message", "enum", "oneof", "reserved"],
            Self::Oneof => &[],
            Self::Enum => &["reserved"],
            Self::Service => &["rpc", "versions", "groups"],
        }
    }
}

/// Where a statement stops to parse, and what could stand there.
pub(super) struct Stop {
    pub(super) at: usize,
    /// Whether nothing of it parses.
    whole: bool,
    pub(super) expected: Vec<Rule>,
}

impl Parser<'_> {
    /// Reports a statement that nothing matches, and goes on behind it.
    pub(super) fn recover(&mut self, context: Context, span: Span, nodes: &mut Vec<Node>) {
        if self.meant_here(context, span, nodes) {
            return;
        }
        let keyword = self.keyword(context, span);
        if let Some((word, meant)) = keyword
            && self.replace_keyword(context, span, word, &meant, nodes)
        {
            return;
        }
        let stop = self.stop(context, span);
        let start = self.behind_annotations(span);
        let whole = stop.at == start;
        if whole && let Some(keyword) = self.unwritten_keyword(context, start, span.end as usize) {
            let meant = Meant {
                keyword: Some(keyword),
                hint: "",
                why: Why::Missing,
                ours: Some(keyword),
            };
            if self.replace_keyword(context, span, place(span.file, start, start), &meant, nodes) {
                return;
            }
        }
        self.give_up(
            context,
            span.start as usize,
            span,
            &Stop { whole, ..stop },
            nodes,
        );
    }

    /// Reports a statement that lacks its `;` because something else stands there.
    pub(super) fn stopped_statement(
        &mut self,
        context: Context,
        statement: Span,
        rest: Span,
        nodes: &mut Vec<Node>,
    ) {
        let stop = self.stop(context, statement.to(rest));
        let stop = Stop {
            at: stop.at.max(rest.start as usize),
            ..stop
        };
        self.give_up(context, statement.start as usize, rest, &stop, nodes);
    }

    /// One report for `span`, up to the next statement in it; that one is parsed. Of the rest, what one edit makes a
    /// statement is parsed, too; it starts at `from`.
    fn give_up(
        &mut self,
        context: Context,
        from: usize,
        span: Span,
        stop: &Stop,
        nodes: &mut Vec<Node>,
    ) {
        let end = span.end as usize;
        let next = self.next_statement(context, self.behind_annotations(span), end);
        let (mut to, mut edit) = (end, None);
        if let Some((late, behind)) = self.late(context, from, end, stop) {
            self.done = place(span.file, behind, behind).end;
            (to, edit) = (behind, Some(late));
        } else if next.is_none() {
            edit = self.edit(context, from, end, stop);
        }
        let broken = Span {
            end: next.map_or(span.end, |next| place(span.file, next, next).start),
            ..span
        };
        self.notice_astray(span, stop);
        let reported = self
            .masked(broken)
            .bytes()
            .any(|byte| matches!(byte, LOST | BLANK | OPEN | CLOSE));
        let doubled = self.masked(broken).starts_with('{') && self.unclosed_before(broken.start);
        if !reported && !doubled {
            self.report_stop(context, broken, stop, next, edit.as_ref());
        }
        if let Some(edit) = edit {
            self.repair(context, from, to, &edit, nodes);
            return;
        }
        self.head_lost |= context == Context::File;
        self.lose(context, broken);
        if let Some(next) = next {
            self.region(context, next, end, nodes);
        }
    }

    /// Notes a token that may belong behind the `;` or `}` that follows it.
    fn notice_astray(&mut self, span: Span, stop: &Stop) {
        let found = self.token(stop.at);
        let (token, end) = if self.masked(found) == "}" {
            (span, found)
        } else {
            (found, self.token(found.end as usize))
        };
        let word = self.masked(token);
        if matches!(self.masked(end), ";" | "}")
            && word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && word
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            self.astray = Some((token, self.token(end.end as usize).start));
        }
    }

    /// Whether a broken statement lacks the token that was reported just before it: one mistake, and told.
    fn meant_here(&mut self, context: Context, span: Span, nodes: &mut Vec<Node>) -> bool {
        let Some((token, at)) = self.astray.filter(|(_, at)| *at == span.start) else {
            return false;
        };
        let word = self.masked(token);
        let Some(head) = self.beginning(span.start as usize, span.end as usize) else {
            return false;
        };
        let joined = format!("{word} {}", String::from_utf8_lossy(&head));
        if !repair::whole(context, &joined) {
            return false;
        }
        // Documentation stands before the token.
        let between = place(span.file, token.start as usize, at as usize);
        self.docs.forget(between);
        let keyword = context.keywords().iter().find(|keyword| **keyword == word);
        let here = place(span.file, at as usize, at as usize);
        let meant = keyword.map(|keyword| Meant {
            keyword: Some(keyword),
            hint: "",
            why: Why::Astray,
            ours: Some(keyword),
        });
        let parsed =
            meant.is_some_and(|meant| self.replace_keyword(context, span, here, &meant, nodes));
        if !parsed {
            self.after_report(context, span, nodes);
        }
        true
    }

    /// Whether the token before `at` is a `{` that was reported as never closed.
    fn unclosed_before(&self, at: u32) -> bool {
        let before = self.trim(0, at as usize);
        self.unclosed
            .iter()
            .any(|opener| *opener as usize + 1 == before)
    }

    fn report_stop(
        &mut self,
        context: Context,
        broken: Span,
        stop: &Stop,
        next: Option<usize>,
        edit: Option<&Edit>,
    ) {
        let at = stop.at.min(next.unwrap_or(broken.end as usize));
        if let Some(opener) = self.unclosed_bracket(broken, at, stop) {
            let text = &self.masked[opener..=opener];
            let close = expected::closer(text);
            let behind = self.trim(opener, at);
            self.reports.push(
                Diagnostic::new(
                    Code::UnclosedBracket,
                    place(self.file, opener, opener + 1),
                    format!("`{text}` is never closed"),
                )
                .label("opened here")
                .also(
                    place(self.file, behind, behind),
                    format!("`{close}` is missing, at the latest here"),
                )
                .help(format!("write `{close}` where it ends")),
            );
            return;
        }
        let found = self.token(at);
        let shown = self.describe(found);
        if let Some(Kind::Undouble(token)) = edit.map(|edit| edit.kind) {
            let word = self.describe(token);
            let gap = self.trim(0, token.start as usize);
            let fix = place(self.file, gap, token.end as usize);
            let message = format!("{word} stands here twice");
            self.reports.push(
                Diagnostic::new(Code::UnexpectedToken, token, message)
                    .help("remove one of them")
                    .fix(fix, ""),
            );
            return;
        }
        let names = expected::list(&stop.expected);
        let starts = stop.whole && names.len() > 1;
        let message = match &names[..] {
            [] => format!("unexpected {shown}"),
            _ if starts => format!("expected {}, found {shown}", context.statement()),
            _ => format!("expected {}, found {shown}", expected::sentence(&names)),
        };
        let at_end = next == Some(at) || found.start == found.end;
        let behind = self.trim(broken.start as usize, at);
        let spot = if at_end {
            place(self.file, behind, behind)
        } else {
            found
        };
        let report = Diagnostic::new(Code::UnexpectedToken, spot, message);
        if let Some(Kind::Swap(first, second)) = edit.map(|edit| edit.kind) {
            let right = format!("{} {}", self.masked(second), self.masked(first));
            let help = format!("write `{}`", shorten(&right));
            self.reports.push(report.help(help));
            return;
        }
        self.reports.push(match &names[..] {
            [] => report.help("remove it"),
            _ if starts => report.help(format!("what may stand here: {}", names.join(", "))),
            _ => report.help(format!("write {} here", expected::sentence(&names))),
        });
    }

    /// The bracket whose missing partner is the reason why a statement stops at `at`.
    fn unclosed_bracket(&self, broken: Span, at: usize, stop: &Stop) -> Option<usize> {
        let opener = self.open_bracket(broken.start as usize, at)?;
        let end = self
            .masked
            .as_bytes()
            .get(at)
            .is_none_or(|byte| b";{}".contains(byte));
        let wanted = stop
            .expected
            .iter()
            .any(|rule| matches!(rule, Rule::rparen | Rule::rbracket | Rule::rangle));
        let missing = at >= broken.end as usize || end || wanted;
        (missing && !self.closes(opener, broken.end as usize)).then_some(opener)
    }

    /// Asks the grammar where a statement stops to parse.
    fn stop(&self, context: Context, span: Span) -> Stop {
        self.stop_of(context.probe(), span.start as usize, span.end as usize)
    }

    fn stop_of(&self, rule: Rule, from: usize, to: usize) -> Stop {
        let text = self.lean.between(from..to);
        match Grammar::parse(rule, text) {
            Ok(_) => Stop {
                at: to,
                whole: false,
                expected: Vec::new(),
            },
            Err(error) => {
                let (InputLocation::Pos(at) | InputLocation::Span((at, _))) = error.location;
                let expected = match error.variant {
                    ErrorVariant::ParsingError { positives, .. } => positives,
                    ErrorVariant::CustomError { .. } => Vec::new(),
                };
                let at = if at == text.len() {
                    to
                } else {
                    self.character(self.lean.source(&text[at..]).start)
                };
                Stop {
                    at,
                    whole: false,
                    expected,
                }
            }
        }
    }

    /// Goes on behind a reported statement without another word about it.
    pub(super) fn after_report(&mut self, context: Context, span: Span, nodes: &mut Vec<Node>) {
        let end = span.end as usize;
        self.head_lost |= context == Context::File;
        let next = self.next_statement(context, self.behind_annotations(span), end);
        let lost = Span {
            end: next.map_or(span.end, |next| place(span.file, next, next).start),
            ..span
        };
        self.lose(context, lost);
        if let Some(next) = next {
            self.region(context, next, end, nodes);
        }
    }
}
