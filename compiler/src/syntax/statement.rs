//! Statements of a file or block, one after the other: what each is, and whether it ends.

use pest::iterators::{Pair, Pairs};

use super::ast::{
    EnumValue, Groups, Import, Item, Member, Method, Path, Reserved, Spanned, Versions,
};
use super::grammar::Rule;
use super::parse::Parser;
use super::recover::Context;
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

/// A statement that has not met its `;`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    span: Span,
}

impl<'a> Parser<'a> {
    /// Every statement of a block.
    pub(super) fn block(&mut self, context: Context, parts: Vec<Pair<'a, Rule>>) -> Vec<Node> {
        let mut nodes = Vec::new();
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
        if let Some(before) = open.take() {
            let gap = &self.masked[before.span.end as usize..span.start as usize];
            if part.as_rule() == Rule::broken && !gap.contains('\n') {
                self.stopped_statement(context, before.span, span, nodes);
                return;
            }
            self.end_of_block(Some(before));
        }
        match part.as_rule() {
            Rule::broken => self.recover(context, span, nodes),
            Rule::stray => self.stray(span),
            _ => {
                if self.lacks_semicolon(&part) {
                    *open = Some(Open { span });
                }
                let foreign = std::mem::take(&mut self.foreign);
                let node = self.node(part, span);
                self.foreign = foreign;
                match node {
                    Some(node) => nodes.push(node),
                    None => self.lose(span),
                }
            }
        }
    }

    /// Reports a statement that ended without `;`.
    pub(super) fn end_of_block(&mut self, open: Option<Open>) {
        if let Some(Open { span }) = open {
            self.report_missing_semicolon(span);
        }
    }

    pub(super) fn report_missing_semicolon(&mut self, statement: Span) {
        let at = statement.behind();
        self.reports.push(
            Diagnostic::new(Code::MissingSemicolon, at, "missing `;`")
                .label("the statement ends here")
                .help("write `;` behind it")
                .fix(at, ";"),
        );
    }

    fn stray(&mut self, span: Span) {
        self.reports.push(
            Diagnostic::new(Code::StraySemicolon, span, "`;` that ends nothing")
                .help("remove it; a block ends with its `}`")
                .fix(span, ""),
        );
    }

    /// Whether a statement that must end with `;` does not. One that ends with `,` is reported here.
    fn lacks_semicolon(&mut self, part: &Pair<'a, Rule>) -> bool {
        let mut statement = part.clone();
        while let Rule::item
        | Rule::member
        | Rule::oneof_member
        | Rule::enum_member
        | Rule::service_member
        | Rule::labelled_field = statement.as_rule()
        {
            let Some(inner) = statement.into_inner().last() else {
                return false;
            };
            statement = inner;
        }
        self.unterminated(statement.as_rule(), statement.into_inner())
    }

    /// The same for the parts of one statement.
    pub(super) fn unterminated(&mut self, rule: Rule, parts: Pairs<'a, Rule>) -> bool {
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
        let Some(last) = last.filter(|_| !block) else {
            return false;
        };
        match last.as_rule() {
            // A field of Thrift is reported as a whole.
            Rule::comma if rule != Rule::thrift_field => {
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
                false
            }
            Rule::semicolon | Rule::comma | Rule::proto_body => false,
            _ => match rule {
                Rule::field | Rule::enum_value => numbered,
                Rule::thrift_field => false,
                _ => true,
            },
        }
    }

    fn node(&mut self, part: Pair<'a, Rule>, span: Span) -> Option<Node> {
        match part.as_rule() {
            Rule::edition | Rule::package | Rule::import => {
                self.head(part.as_rule(), part.into_inner(), span)
            }
            _ => {
                let mut annotations = Vec::new();
                let mut whole = true;
                for part in part.into_inner() {
                    if part.as_rule() == Rule::annotation {
                        let annotation = self.annotation(part);
                        whole &= annotation.is_some();
                        annotations.extend(annotation);
                    } else {
                        let rule = part.as_rule();
                        let keyword = self.span(&part);
                        let node =
                            self.declaration(rule, part.into_inner(), annotations, span, keyword);
                        // An annotation that is lost might have mattered; what it stands at is there all the same.
                        return node.filter(|_| whole || !matches!(rule, Rule::reserved));
                    }
                }
                None
            }
        }
    }

    /// Remembers the words of a part that is missing in the tree, and drops its documentation.
    pub(super) fn lose(&mut self, span: Span) {
        self.docs.forget(span);
        let words = self
            .masked(span)
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'));
        self.lost.words.extend(words.map(Into::into));
    }
}
