//! Keywords that are misspelt, missing, or another language's: what was meant, and what follows parsed as if it stood
//! there.

use pest::Parser as _;

use super::comment::span as place;
use super::grammar::{Grammar, Rule};
use super::parse::{Parser, nearest_keyword};
use super::recover::Context;
use super::scan::shorten;
use super::statement::{End, Node};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

impl Context {
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

impl Parser<'_> {
    /// The word that stands for a keyword in a broken statement, if one does: its place, and our word for it.
    pub(super) fn keyword(&self, context: Context, span: Span) -> Option<(Span, Meant)> {
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
                    why: Why::Foreign,
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
                why: Why::Misspelt,
                ours: Some(near),
            },
        ))
    }

    /// Reports a word that should be a keyword, and parses what follows it as if it were. False if nothing was said.
    pub(super) fn replace_keyword(
        &mut self,
        context: Context,
        span: Span,
        word: Span,
        meant: &Meant,
        nodes: &mut Vec<Node>,
    ) -> bool {
        let foreign = meant.why == Why::Foreign;
        let text = shorten(self.masked(word));
        let report = match meant.why {
            Why::Foreign => {
                let message = format!("there is no keyword `{text}`");
                Diagnostic::new(Code::ForeignKeyword, word, message)
            }
            Why::Misspelt => {
                let message = format!("unknown keyword `{text}`");
                Diagnostic::new(Code::MisspeltKeyword, word, message)
            }
            Why::Missing | Why::Astray => {
                let token = self.token(word.end as usize);
                let found = self.describe(token);
                let ours = meant.ours.unwrap_or_default();
                let message = format!("expected `{ours}` before {found}");
                Diagnostic::new(Code::UnexpectedToken, token, message)
            }
        };
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
        let parsed = Grammar::parse(after(keyword), self.lean.between(from..span.end as usize));
        let Ok(parts) = parsed else {
            // Only a word that is surely meant as keyword is worth a second look at what follows it.
            if matches!(meant.why, Why::Missing | Why::Astray)
                || !foreign && context != Context::File && context != Context::Service
            {
                return false;
            }
            self.reports.push(report.fix(word, keyword));
            self.after_report(context, span, nodes);
            return true;
        };
        let report = match meant.why {
            Why::Astray => None,
            // Told by looks: likely, not certain.
            Why::Missing => Some(report),
            // An error needs a status code besides.
            Why::Foreign if keyword == "error" => Some(report),
            Why::Foreign | Why::Misspelt => Some(report.fix(word, keyword)),
        };
        if let Some(report) = report {
            self.reports.push(report);
        }
        let end = parts
            .clone()
            .map(|part| self.span(&part).end)
            .max()
            .unwrap_or(word.end);
        let statement = Span { end, ..span };
        let rule = rule_of(keyword);
        let annotations = self.annotations_before(span, word);
        let open = self.end_of(rule, parts.clone()) == End::Missing;
        self.foreign = foreign;
        let node = match rule {
            Rule::edition | Rule::package | Rule::import => self.head(rule, parts, statement),
            _ => self.declaration(rule, parts, annotations, statement, statement),
        };
        self.foreign = false;
        match node {
            Some(node) => nodes.push(node),
            None => self.lose(context, statement),
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

    /// The keyword that a statement lacks whose first token stands at `start`, told by what it looks like.
    pub(super) fn unwritten_keyword(
        &self,
        context: Context,
        start: usize,
        end: usize,
    ) -> Option<&'static str> {
        let first = self.token(start);
        let next = self.token(first.end as usize);
        let (word, follows) = (self.masked(first), self.masked(next));
        let (number, text) = (
            word.starts_with(|c: char| c.is_ascii_digit()),
            word.starts_with('"'),
        );
        let name = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && !context.keywords().contains(&word);
        Some(match (context, follows) {
            (Context::File, ";") if number => "edition",
            (Context::File, _) if text => "import",
            (Context::Message | Context::Enum, _) if text => "reserved",
            (Context::Message | Context::Enum, ";" | "," | ".." | "..=") if number => "reserved",
            (Context::Service, ";" | ",") if number => "versions",
            (Context::File, ":") if name => "const",
            // A file has one package.
            (Context::File, "." | ";") if name && !self.masked[..start].contains("package") => {
                "package"
            }
            (Context::File, "(") if name => "error",
            (Context::Service, "(") if name => "rpc",
            (Context::Service, "," | ";") if name => "groups",
            (Context::File | Context::Message, "{" | "\u{3}") if name => {
                self.keyword_of_block(context, word, next.end as usize, end)
            }
            _ => return None,
        })
    }

    /// The keyword of a block by what is in it, which starts at `start`.
    fn keyword_of_block(
        &self,
        context: Context,
        name: &str,
        start: usize,
        end: usize,
    ) -> &'static str {
        let first = self.token(start.min(end));
        let next = self.token(first.end as usize);
        match (context, self.masked(first), self.masked(next)) {
            (Context::File, "rpc" | "versions" | "groups", word) if word != ":" => "service",
            (Context::File, "@", _) => "service",
            (_, _, "=") => "enum",
            (Context::Message, _, _) if name.starts_with(|c: char| c.is_ascii_lowercase()) => {
                "oneof"
            }
            _ => "message",
        }
    }
}

/// Why a word does not stand for the keyword that was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    Foreign,
    Misspelt,
    /// There is none.
    Missing,
    /// It stands elsewhere, which is reported.
    Astray,
}

/// What a word was meant to be.
pub(super) struct Meant {
    /// The keyword that what follows fits.
    pub(super) keyword: Option<&'static str>,
    pub(super) hint: &'static str,
    pub(super) why: Why,
    pub(super) ours: Option<&'static str>,
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
