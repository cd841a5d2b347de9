//! Declarations as tree, and what is wrong with one that parsed.

use pest::iterators::{Pair, Pairs};

use super::ast::{
    Annotation, Const, Enum, EnumValue, Error, Field, Ident, Import, Item, Member, Message, Oneof,
    Path, Spanned,
};
use super::grammar::Rule;
use super::parse::Parser;
use super::recover::Context;
use super::scan::MAX_DEPTH;
use super::statement::Node;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// A braced declaration in parts.
pub(super) struct Braced<'a> {
    pub(super) name: Ident,
    code: Option<Pair<'a, Rule>>,
    pub(super) parts: Vec<Pair<'a, Rule>>,
}

impl<'a> Parser<'a> {
    /// `edition`, `package`, `import`.
    pub(super) fn head(&mut self, rule: Rule, parts: Pairs<'a, Rule>, span: Span) -> Option<Node> {
        let operand = parts
            .into_iter()
            .find(|part| matches!(part.as_rule(), Rule::number | Rule::path | Rule::string))?;
        let place = self.span(&operand);
        Some(match rule {
            Rule::edition => Node::Edition(Spanned {
                value: self.integer(place)?,
                span: place,
            }),
            Rule::package => {
                let path = self.path(operand);
                if path.absolute {
                    // What stood before the dot may be missing.
                    self.lost.spans.push(path.span);
                    self.lost.package = true;
                    let first = place.start as usize;
                    let dot = self.place_of(first, first + 1);
                    self.reports.push(
                        Diagnostic::new(
                            Code::UnexpectedToken,
                            dot,
                            "a package starts without a dot",
                        )
                        .help("remove the dot")
                        .fix(dot, ""),
                    );
                }
                if path.parts.len() > MAX_DEPTH {
                    self.deep_package(&path);
                    return None;
                }
                Node::Package(path, span)
            }
            _ => Node::Import(Import {
                path: Spanned {
                    value: self.string(place),
                    span: place,
                },
                span,
            }),
        })
    }

    fn deep_package(&mut self, path: &Path) {
        let count = path.parts.len();
        self.head_lost = true;
        self.reports.push(
            Diagnostic::new(
                Code::NestingTooDeep,
                path.span,
                format!("a package of {count} parts, more than the {MAX_DEPTH} that one may have"),
            )
            .help("write a shorter name"),
        );
    }

    /// Everything that annotations may stand before. `span` is the whole, `inner` what follows the annotations.
    pub(super) fn declaration(
        &mut self,
        rule: Rule,
        parts: Pairs<'a, Rule>,
        annotations: Vec<Annotation>,
        span: Span,
        inner: Span,
    ) -> Option<Node> {
        Some(match rule {
            Rule::constant => Node::Item(Item::Const(self.constant(parts, annotations, span)?)),
            Rule::message => {
                let Braced { name, parts, .. } = self.braced(parts)?;
                let docs = self.take_docs(span.start, name.span.end);
                let members = self.members(Context::Message, parts);
                let message = Message {
                    docs,
                    annotations,
                    name,
                    members,
                    span,
                };
                // Whoever asked for members takes it as one.
                Node::Item(Item::Message(message))
            }
            Rule::error => {
                let Braced { name, code, parts } = self.braced(parts)?;
                let docs = self.take_docs(span.start, name.span.end);
                let code = self.status_code(code, &name);
                let members = self.members(Context::Message, parts);
                Node::Item(Item::Error(Error {
                    docs,
                    annotations,
                    name,
                    code,
                    members,
                    span,
                }))
            }
            Rule::enumeration => {
                Node::Item(Item::Enum(self.enumeration(parts, annotations, span)?))
            }
            Rule::service => Node::Item(Item::Service(self.service(parts, annotations, span)?)),
            Rule::oneof => {
                let Braced { name, parts, .. } = self.braced(parts)?;
                let docs = self.take_docs(span.start, name.span.end);
                let members = self.members(Context::Oneof, parts);
                let mut fields = Vec::with_capacity(members.len());
                fields.extend(members.into_iter().filter_map(|member| match member {
                    Member::Field(field) => Some(field),
                    _ => None,
                }));
                Node::Member(Member::Oneof(Oneof {
                    docs,
                    annotations,
                    name,
                    fields,
                    span,
                }))
            }
            Rule::field | Rule::labelled_field | Rule::proto_field | Rule::thrift_field => {
                let before = self.annotations_behind(annotations, inner);
                let mut field = match rule {
                    Rule::field => self.field(parts, span)?,
                    Rule::labelled_field => self.labelled_field(parts, span)?,
                    _ => self.foreign_field(rule, parts, span)?,
                };
                field.annotations.splice(0..0, before);
                Node::Member(Member::Field(field))
            }
            Rule::enum_value => {
                let before = self.annotations_behind(annotations, inner);
                let mut value = self.enum_value(parts, span)?;
                value.annotations.splice(0..0, before);
                Node::Value(value)
            }
            Rule::reserved => {
                self.not_annotated(&annotations, "reserved");
                Node::Reserved(self.reserved(parts, span))
            }
            Rule::versions => {
                self.not_annotated(&annotations, "versions");
                Node::Versions(self.versions(parts, span))
            }
            Rule::groups => {
                self.not_annotated(&annotations, "groups");
                Node::Groups(self.groups(parts, span))
            }
            Rule::method => Node::Method(self.method(parts, annotations, span, inner)?),
            _ => return None,
        })
    }

    pub(super) fn braced(&mut self, parts: Pairs<'a, Rule>) -> Option<Braced<'a>> {
        let mut name = None;
        let mut code = None;
        let mut inner = Vec::new();
        for part in parts {
            match part.as_rule() {
                Rule::ident => name = Some(self.ident(&part)),
                Rule::error_code => code = Some(part),
                Rule::open
                | Rule::close
                | Rule::kw_message
                | Rule::kw_error
                | Rule::kw_enum
                | Rule::kw_service
                | Rule::kw_oneof => {}
                _ => inner.push(part),
            }
        }
        Some(Braced {
            name: name?,
            code,
            parts: inner,
        })
    }

    fn members(&mut self, context: Context, parts: Vec<Pair<'a, Rule>>) -> Vec<Member> {
        let nodes = self.block(context, parts);
        // Members are most of the tree. Collecting them would keep the room of the nodes, which are larger.
        let mut members = Vec::with_capacity(nodes.len());
        members.extend(nodes.into_iter().filter_map(|node| match node {
            Node::Member(member) => Some(member),
            Node::Item(Item::Message(message)) => Some(Member::Message(message)),
            Node::Item(Item::Enum(declaration)) => Some(Member::Enum(declaration)),
            Node::Reserved(reserved) => Some(Member::Reserved(reserved)),
            _ => None,
        }));
        members
    }

    fn status_code(&mut self, code: Option<Pair<'a, Rule>>, name: &Ident) -> Ident {
        let written =
            code.and_then(|code| code.into_inner().find(|part| part.as_rule() == Rule::ident));
        if let Some(written) = written {
            return self.ident(&written);
        }
        let at = name.span.behind();
        if !self.foreign {
            self.reports.push(
                Diagnostic::new(
                    Code::MissingStatusCode,
                    at,
                    format!("error `{}` has no status code", name.text),
                )
                .help(format!(
                    "write one behind its name, as in `error {}(not_found) {{ … }}`",
                    name.text
                )),
            );
        }
        Ident {
            text: "unknown".into(),
            span: at,
        }
    }

    fn constant(
        &mut self,
        parts: Pairs<'a, Rule>,
        annotations: Vec<Annotation>,
        span: Span,
    ) -> Option<Const> {
        let (mut name, mut ty, mut value) = (None, None, None);
        for part in parts {
            match part.as_rule() {
                Rule::ident => name = Some(self.ident(&part)),
                Rule::type_ref => ty = self.ty(part),
                Rule::value => value = self.value(part),
                _ => {}
            }
        }
        let name = name?;
        let docs = self.take_docs(span.start, name.span.end);
        Some(Const {
            docs,
            annotations,
            name,
            ty: ty?,
            value: value?,
            span,
        })
    }

    fn enumeration(
        &mut self,
        parts: Pairs<'a, Rule>,
        annotations: Vec<Annotation>,
        span: Span,
    ) -> Option<Enum> {
        let Braced { name, parts, .. } = self.braced(parts)?;
        let docs = self.take_docs(span.start, name.span.end);
        let nodes = self.block(Context::Enum, parts);
        let (mut values, mut reserved) = (Vec::with_capacity(nodes.len()), Vec::new());
        for node in nodes {
            match node {
                Node::Value(value) => values.push(value),
                Node::Reserved(one) => reserved.push(one),
                _ => {}
            }
        }
        Some(Enum {
            docs,
            annotations,
            name,
            values,
            reserved,
            span,
        })
    }

    fn enum_value(&mut self, parts: Pairs<'a, Rule>, span: Span) -> Option<EnumValue> {
        let (mut name, mut number, mut annotations) = (None, None, Vec::new());
        let mut numbered = false;
        for part in parts {
            match part.as_rule() {
                Rule::ident => name = Some(self.ident(&part)),
                Rule::number => {
                    numbered = true;
                    let span = self.span(&part);
                    number = self.integer(span).map(|value| Spanned { value, span });
                }
                Rule::annotation => annotations.extend(self.annotation(part)),
                _ => {}
            }
        }
        let name = name?;
        if !numbered {
            self.missing_number("value", &name, name.span);
        }
        annotations.shrink_to_fit();
        let docs = self.take_docs(span.start, name.span.end);
        Some(EnumValue {
            docs,
            name,
            number: number?,
            annotations,
            span,
        })
    }

    fn missing_number(&mut self, what: &str, name: &Ident, behind: Span) {
        self.reports.push(
            Diagnostic::new(
                Code::MissingNumber,
                behind.behind(),
                format!("{what} `{}` has no number", name.text),
            )
            .help("write ` = N` behind it, with a number that the others leave free"),
        );
    }

    /// A field, or an entry of an argument list.
    pub(super) fn field(&mut self, parts: Pairs<'a, Rule>, span: Span) -> Option<Field> {
        let (mut name, mut ty, mut number, mut annotations) = (None, None, None, Vec::new());
        let mut numbered = false;
        let mut early: Option<Span> = None;
        let mut behind = span;
        let mut number_end = span;
        for part in parts {
            let place = self.span(&part);
            match part.as_rule() {
                Rule::ident => name = Some(self.ident(&part)),
                Rule::type_ref => {
                    behind = place;
                    ty = self.ty(part);
                }
                Rule::number => {
                    numbered = true;
                    number_end = place.behind();
                    number = self.field_number(place);
                }
                Rule::annotation => {
                    if !numbered {
                        early = Some(early.map_or(place, |early| early.to(place)));
                    }
                    annotations.extend(self.annotation(part));
                }
                _ => {}
            }
        }
        let name = name?;
        if !numbered {
            self.missing_number("field", &name, behind);
        } else if let Some(early) = early {
            let report = Diagnostic::new(
                Code::MisplacedAnnotation,
                early,
                "annotation before the number of its field",
            )
            .help("move it behind the number: `name: type = 1 @annotation;`");
            self.reports
                .push(self.moved(report, early, number_end, " ", ""));
        }
        annotations.shrink_to_fit();
        let docs = self.take_docs(span.start, name.span.end);
        Some(Field {
            docs,
            name,
            ty: ty?,
            number: number?,
            annotations,
            span,
        })
    }

    pub(super) fn field_number(&mut self, span: Span) -> Option<Spanned<u64>> {
        let value = self.integer(span)?;
        if let Ok(value) = u64::try_from(value) {
            return Some(Spanned { value, span });
        }
        let report = if value < 0 {
            Diagnostic::new(Code::MalformedNumber, span, "negative field number")
                .help("field numbers start at 1")
        } else {
            Diagnostic::new(Code::NumberTooLarge, span, "field number too large")
                .help("the largest is 536870911")
        };
        self.reports.push(report);
        None
    }
}
