//! Statements of a file or block, one after the other: what each is, and whether it ends.

use pest::iterators::{Pair, Pairs};

use super::ast::{
    EnumValue, Groups, Import, Item, Member, Method, Path, Reserved, Spanned, Versions,
};
use super::comment::span as place;
use super::grammar::Rule;
use super::parse::Parser;
use super::recover::Context;
use super::scan::BLANK;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// What a statement became.
#[derive(Debug)]
pub(super) enum Node {
    Edition(Spanned<i128>),
    Package(Path, Span),
    Import(Import),
    Item(Item),
    Member(Member),
    Value(EnumValue),
    Reserved(Reserved),
    Versions(Versions),
    Groups(Groups),
    Method(Method),
}

/// How a statement ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With `;` or its block, or in a way that was reported.
    Met,
    /// Without the `;` it needs.
    Missing,
    /// Too early, which is reported with what else is missing; so is the rest of its line.
    Told,
}

/// A statement that has not met its `;`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    span: Span,
    told: bool,
    /// Whether it is the last node.
    built: bool,
}

impl<'a> Parser<'a> {
    /// Every statement of a block.
    pub(super) fn block(&mut self, context: Context, parts: Vec<Pair<'a, Rule>>) -> Vec<Node> {
        let mut nodes = Vec::with_capacity(parts.len());
        let mut open = None;
        for part in parts {
            if self.reports.full() {
                break;
            }
            self.step(context, part, &mut open, &mut nodes);
        }
        self.end_of_block(open);
        nodes
    }

    /// One statement. `open` is the one before it, if that lacks its `;`.
    pub(super) fn step(
        &mut self,
        context: Context,
        part: Pair<'a, Rule>,
        open: &mut Option<Open>,
        nodes: &mut Vec<Node>,
    ) {
        let span = self.span(&part);
        if span.start < self.done {
            self.region(context, self.done as usize, span.end as usize, nodes);
            return;
        }
        if let Some(before) = open.take() {
            let gap = &self.masked[before.span.end as usize..span.start as usize];
            if part.as_rule() == Rule::broken && !gap.contains('\n') {
                if before.told {
                    self.after_report(context, span, nodes);
                } else {
                    // What stops it may be a part of it, so that the rest is not what was meant.
                    if before.built {
                        nodes.pop();
                    }
                    self.lose(context, before.span);
                    self.stopped_statement(context, before.span, span, nodes);
                }
                return;
            }
            self.end_of_block(Some(before));
        }
        match part.as_rule() {
            Rule::broken => self.recover(context, span, nodes),
            Rule::stray => self.stray(span),
            _ => {
                let end = self.end(&part);
                if end != End::Met {
                    let told = end == End::Told;
                    *open = Some(Open {
                        span,
                        told,
                        built: false,
                    });
                }
                let foreign = std::mem::take(&mut self.foreign);
                let node = self.node(part, span);
                self.foreign = foreign;
                match node {
                    Some(node) => {
                        nodes.push(node);
                        if let Some(open) = open {
                            open.built = true;
                        }
                    }
                    None => self.lose(context, span),
                }
            }
        }
    }

    /// Reports a statement that ended without `;`.
    pub(super) fn end_of_block(&mut self, open: Option<Open>) {
        if let Some(Open {
            span, told: false, ..
        }) = open
        {
            self.report_missing_semicolon(span);
        }
    }

    pub(super) fn report_missing_semicolon(&mut self, statement: Span) {
        let at = statement.behind();
        let line = self.masked[at.start as usize..]
            .split('\n')
            .next()
            .unwrap_or("");
        if line.trim_start_matches([' ', '\t']).bytes().next() == Some(BLANK) {
            // What stands there was reported, and may have been meant as one.
            return;
        }
        self.unfinished = Some(at.start);
        self.reports.push(
            Diagnostic::new(Code::MissingSemicolon, at, "missing `;`")
                .label("the statement ends here")
                .help("write `;` behind it")
                .fix(at, ";"),
        );
    }

    fn stray(&mut self, span: Span) {
        // `id: uint64 = 1 };` lacks nothing but the right order.
        let before = self.trim(0, span.start as usize);
        if self.masked[..before].ends_with('}') {
            let inner = self.trim(0, before - 1);
            if self.unfinished == Some(place(span.file, inner, inner).start) {
                return;
            }
        }
        self.reports.push(
            Diagnostic::new(Code::StraySemicolon, span, "`;` that ends nothing")
                .help("remove it; a block ends with its `}`")
                .fix(span, ""),
        );
    }

    /// How a statement ends. One that ends with `,` is reported here.
    fn end(&mut self, part: &Pair<'a, Rule>) -> End {
        let mut statement = part.clone();
        while let Rule::item
        | Rule::member
        | Rule::oneof_member
        | Rule::enum_member
        | Rule::service_member
        | Rule::labelled_field = statement.as_rule()
        {
            let Some(inner) = statement.into_inner().last() else {
                return End::Met;
            };
            statement = inner;
        }
        self.end_of(statement.as_rule(), statement.into_inner())
    }

    /// The same for the parts of one statement.
    pub(super) fn end_of(&mut self, rule: Rule, parts: Pairs<'a, Rule>) -> End {
        let mut numbered = false;
        let mut last = None;
        for part in parts {
            numbered |= part.as_rule() == Rule::number;
            last = Some(part);
        }
        let block = matches!(
            rule,
            Rule::message | Rule::enumeration | Rule::error | Rule::service | Rule::oneof
        );
        let numberless = matches!(rule, Rule::field | Rule::enum_value) && !numbered;
        let Some(last) = last.filter(|_| !block) else {
            return End::Met;
        };
        match last.as_rule() {
            Rule::semicolon | Rule::proto_body => End::Met,
            // A field of Thrift is reported as a whole.
            _ if rule == Rule::thrift_field => End::Met,
            _ if numberless => End::Told,
            Rule::wrong_comma => {
                let span = self.span(&last);
                self.reports.push(
                    Diagnostic::new(
                        Code::MissingSemicolon,
                        span,
                        "`,` where `;` ends the statement",
                    )
                    .help("write `;`")
                    .fix(span, ";"),
                );
                End::Met
            }
            _ => End::Missing,
        }
    }

    fn node(&mut self, part: Pair<'a, Rule>, span: Span) -> Option<Node> {
        match part.as_rule() {
            Rule::edition | Rule::package | Rule::import => {
                self.head(part.as_rule(), part.into_inner(), span)
            }
            _ => {
                let mut annotations = Vec::new();
                for part in part.into_inner() {
                    if part.as_rule() == Rule::annotation {
                        annotations.extend(self.annotation(part));
                    } else {
                        let inner = self.span(&part);
                        return self.declaration(
                            part.as_rule(),
                            part.into_inner(),
                            annotations,
                            span,
                            inner,
                        );
                    }
                }
                None
            }
        }
    }

    /// Remembers a part that is missing in the tree, and drops its documentation.
    pub(super) fn lose(&mut self, context: Context, span: Span) {
        self.docs.forget(span);
        self.lost.spans.push(span);
        let text = self.masked(span);
        let blocks = text.contains('{');
        // Where no type can be declared, the lost part declares none.
        let declares = context == Context::File || blocks;
        let head = text.find(['{', ':', '=', ';']).unwrap_or(text.len());
        let mut before = "";
        let words = text
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'));
        for word in words {
            let start = word.as_ptr().addr() - text.as_ptr().addr();
            let named = matches!(before, "const" | "message" | "enum" | "error");
            if declares && (named || start < head) {
                self.lost.declared.insert(word.into());
            }
            self.lost.words.insert(word.into());
            before = word;
        }
    }
}
