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
use super::parse::{Parser, nearest_keyword};
use super::scan::{BLANK, CLOSE, LOST, OPEN, shorten};
use super::statement::{End, Node};
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

    fn probe(self) -> Rule {
        match self {
            Self::File => Rule::probe_file,
            Self::Message => Rule::probe_message,
            Self::Oneof => Rule::probe_oneof,
            Self::Enum => Rule::probe_enum,
            Self::Service => Rule::probe_service,
        }
    }

    /// The words that a statement may start with.
    fn keywords(self) -> &'static [&'static str] {
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

    /// Our keyword for a word of another language, and what to say where there is none.
    fn foreign(self, word: &str) -> Option<(Option<&'static str>, &'static str)> {
        Some(match (self, word) {
            (Self::File | Self::Message, "struct" | "record" | "table" | "class") => {
                (Some("message"), "")
            }
            (Self::File, "exception") => (
                Some("error"),
                "; an error has a status code: `error Name(not_found) { … }`",
            ),
            (Self::File, "interface" | "protocol" | "trait") => (Some("service"), ""),
            (Self::File, "namespace" | "module" | "library") => (Some("package"), ""),
            (Self::File, "include" | "using" | "use") => (Some("import"), ""),
            (Self::File, "syntax") => (None, "write `edition 2026;`"),
            (Self::File, "type" | "typedef" | "alias") => (
                None,
                "there are no aliases: write the type where it is used",
            ),
            (Self::File | Self::Message, "union") => {
                (None, "write `oneof name { … }` inside a message")
            }
            (Self::File | Self::Message | Self::Enum | Self::Service, "option") => {
                (None, "options are annotations: `@name(value)`")
            }
            (Self::File | Self::Message, "extend" | "extensions" | "group") => (
                None,
                "there are no extensions: write a message of its own, or a field of type `any`",
            ),
            (Self::Service, "method" | "fn" | "func" | "fun" | "def" | "procedure") => {
                (Some("rpc"), "")
            }
            (Self::Service, "oneway") => (None, "write `@oneway rpc name(Request);`"),
            _ => return None,
        })
    }
}

/// Where a statement stops to parse, and what could stand there.
struct Stop {
    at: usize,
    /// Whether nothing of it parses.
    whole: bool,
    expected: Vec<Rule>,
}

impl Parser<'_> {
    /// Reports a statement that nothing matches, and goes on behind it.
    pub(super) fn recover(&mut self, context: Context, span: Span, nodes: &mut Vec<Node>) {
        let keyword = self.keyword(context, span);
        if let Some((word, meant)) = keyword
            && self.replace_keyword(context, span, word, &meant, nodes)
        {
            return;
        }
        let stop = self.stop(context, span);
        let whole = stop.at == self.behind_annotations(span);
        self.give_up(context, span, &Stop { whole, ..stop }, nodes);
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
        self.give_up(context, rest, &stop, nodes);
    }

    /// One report for `span`, up to the next statement in it; that one is parsed.
    fn give_up(&mut self, context: Context, span: Span, stop: &Stop, nodes: &mut Vec<Node>) {
        let end = span.end as usize;
        let next = self.next_statement(context, self.behind_annotations(span), end);
        let broken = Span {
            end: next.map_or(span.end, |next| place(span.file, next, next).start),
            ..span
        };
        let reported = self
            .masked(broken)
            .bytes()
            .any(|byte| matches!(byte, LOST | BLANK | OPEN | CLOSE));
        let doubled = self.masked(broken).starts_with('{') && self.unclosed_before(broken.start);
        if !reported && !doubled {
            self.report_stop(context, broken, stop, next);
        }
        self.head_lost |= context == Context::File;
        self.lose(broken);
        if let Some(next) = next {
            self.region(context, next, end, nodes);
        }
    }

    /// Whether the token before `at` is a `{` that was reported as never closed.
    fn unclosed_before(&self, at: u32) -> bool {
        let before = self.trim(0, at as usize);
        self.unclosed
            .iter()
            .any(|opener| *opener as usize + 1 == before)
    }

    fn report_stop(&mut self, context: Context, broken: Span, stop: &Stop, next: Option<usize>) {
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
                    self.lean.source(&text[at..]).start
                };
                Stop {
                    at,
                    whole: false,
                    expected,
                }
            }
        }
    }

    /// The word that stands for a keyword in a broken statement, if one does: its place, and our word for it.
    fn keyword(&self, context: Context, span: Span) -> Option<(Span, Meant)> {
        let word = self.token(self.behind_annotations(span));
        let text = self.masked(word);
        if !text.starts_with(|c: char| c.is_ascii_alphabetic())
            || context.keywords().contains(&text)
        {
            return None;
        }
        let next = self.token(self.skip(word.end as usize));
        let follows = self.masked(next);
        let fits = |keyword: &str| match keyword {
            "edition" => follows.starts_with(|c: char| c.is_ascii_digit()),
            "versions" => follows.starts_with(|c: char| c.is_ascii_digit()),
            "import" => follows.starts_with('"'),
            "reserved" => follows.starts_with(|c: char| c.is_ascii_digit() || c == '"'),
            _ => follows.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'),
        };
        if let Some((meant, hint)) = context.foreign(text) {
            // Where fields stand, the word may be the name of one.
            let field = context != Context::File && follows.starts_with([':', '=']);
            return (!field).then_some((
                word,
                Meant {
                    keyword: meant.filter(|meant| fits(meant)),
                    hint,
                    foreign: true,
                    ours: meant,
                },
            ));
        }
        let near = nearest_keyword(text, context.keywords()).filter(|near| fits(near))?;
        Some((
            word,
            Meant {
                keyword: Some(near),
                hint: "",
                foreign: false,
                ours: Some(near),
            },
        ))
    }

    /// Reports a word that should be a keyword, and parses what follows it as if it were. False if nothing was said.
    fn replace_keyword(
        &mut self,
        context: Context,
        span: Span,
        word: Span,
        meant: &Meant,
        nodes: &mut Vec<Node>,
    ) -> bool {
        let text = shorten(self.masked(word));
        let code = if meant.foreign {
            Code::ForeignKeyword
        } else {
            Code::MisspeltKeyword
        };
        let message = if meant.foreign {
            format!("there is no keyword `{text}`")
        } else {
            format!("unknown keyword `{text}`")
        };
        let report = Diagnostic::new(code, word, message);
        let report = match meant.ours {
            Some(ours) => report.help(format!("write `{ours}`{}", meant.hint)),
            None => report.help(meant.hint),
        };
        let Some(keyword) = meant.keyword else {
            self.reports.push(report);
            self.after_report(context, span, nodes);
            return true;
        };
        let from = word.end as usize;
        let rest = self.lean.between(from..span.end as usize);
        let parsed = Grammar::parse(after(keyword), rest);
        let Ok(parts) = parsed else {
            // Only a word that is surely meant as keyword is worth a second look at what follows it.
            if !meant.foreign && context != Context::File && context != Context::Service {
                return false;
            }
            self.reports.push(report.fix(word, keyword));
            self.after_report(context, span, nodes);
            return true;
        };
        let certain = keyword != "error" || !meant.foreign;
        self.reports.push(if certain {
            report.fix(word, keyword)
        } else {
            report
        });
        let end = parts
            .clone()
            .map(|part| self.span(&part).end)
            .max()
            .unwrap_or(word.end);
        let statement = Span { end, ..span };
        let rule = rule_of(keyword);
        let annotations = self.annotations_before(span, word);
        let open = self.end_of(rule, parts.clone()) == End::Missing;
        self.foreign = meant.foreign;
        let node = match rule {
            Rule::edition | Rule::package | Rule::import => self.head(rule, parts, statement),
            _ => self.declaration(rule, parts, annotations, statement, statement),
        };
        self.foreign = false;
        match node {
            Some(node) => nodes.push(node),
            None => self.lose(statement),
        }
        let rest = self.skip(end as usize);
        let same_line = !self.masked[end as usize..rest].contains('\n');
        if open && (!same_line || rest >= span.end as usize) {
            self.report_missing_semicolon(statement);
        }
        if rest < span.end as usize {
            if open && same_line {
                self.after_report(
                    context,
                    Span {
                        start: place(span.file, rest, rest).start,
                        ..span
                    },
                    nodes,
                );
            } else {
                self.region(context, rest, span.end as usize, nodes);
            }
        }
        true
    }

    /// Goes on behind a reported statement without another word about it.
    pub(super) fn after_report(&mut self, context: Context, span: Span, nodes: &mut Vec<Node>) {
        let end = span.end as usize;
        self.head_lost |= context == Context::File;
        let next = self.next_statement(context, self.behind_annotations(span), end);
        self.lose(Span {
            end: next.map_or(span.end, |next| place(span.file, next, next).start),
            ..span
        });
        if let Some(next) = next {
            self.region(context, next, end, nodes);
        }
    }
}

/// What a word was meant to be.
struct Meant {
    /// The keyword that what follows fits.
    keyword: Option<&'static str>,
    hint: &'static str,
    foreign: bool,
    ours: Option<&'static str>,
}

fn after(keyword: &str) -> Rule {
    match keyword {
        "edition" => Rule::edition_after,
        "package" => Rule::package_after,
        "import" => Rule::import_after,
        "const" => Rule::const_after,
        "message" => Rule::message_after,
        "enum" => Rule::enum_after,
        "error" => Rule::error_after,
        "service" => Rule::service_after,
        "oneof" => Rule::oneof_after,
        "reserved" => Rule::reserved_after,
        "versions" => Rule::versions_after,
        "groups" => Rule::groups_after,
        _ => Rule::rpc_after,
    }
}

fn rule_of(keyword: &str) -> Rule {
    match keyword {
        "edition" => Rule::edition,
        "package" => Rule::package,
        "import" => Rule::import,
        "const" => Rule::constant,
        "message" => Rule::message,
        "enum" => Rule::enumeration,
        "error" => Rule::error,
        "service" => Rule::service,
        "oneof" => Rule::oneof,
        "reserved" => Rule::reserved,
        "versions" => Rule::versions,
        "groups" => Rule::groups,
        _ => Rule::method,
    }
}
