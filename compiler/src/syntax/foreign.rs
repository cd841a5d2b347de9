//! What authors bring along from other interface languages: our spelling of it.

use pest::iterators::{Pair, Pairs};

use super::ast::{Field, Ident, Path, Type, TypeKind};
use super::grammar::Rule;
use super::parse::Parser;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// The scalars and well-known words, for telling a type from a name that stands where it should.
const BUILT_IN: [&str; 21] = [
    "bool",
    "int32",
    "int64",
    "uint32",
    "uint64",
    "sint32",
    "sint64",
    "fixed32",
    "fixed64",
    "sfixed32",
    "sfixed64",
    "float",
    "double",
    "string",
    "bytes",
    "timestamp",
    "duration",
    "empty",
    "any",
    "struct",
    "value",
];

/// A field in another order, in parts.
struct Parts<'a> {
    label: Option<&'a str>,
    ty: Pair<'a, Rule>,
    name: Pair<'a, Rule>,
    number: Span,
    /// From its first to its last part, without what ends the statement.
    span: Span,
    /// Whether something stands behind the number.
    trailed: bool,
}

impl<'a> Parser<'a> {
    /// `repeated name: string = 1;`
    pub(super) fn labelled_field(&mut self, parts: Pairs<'a, Rule>, span: Span) -> Option<Field> {
        let parts: Vec<_> = parts.collect();
        let [label, field] = &parts[..] else {
            return None;
        };
        let ty = field
            .clone()
            .into_inner()
            .find(|part| part.as_rule() == Rule::type_ref)?;
        let place = self.span(&ty);
        let meant = labelled(Some(label.as_str()), self.original(place));
        let word = self.span(label);
        let with_gap = Span {
            end: self.span(field).start,
            ..word
        };
        let report = Diagnostic::new(
            Code::ForeignKeyword,
            word,
            format!("there is no keyword `{}`", label.as_str()),
        )
        .help(format!(
            "write the type as `{meant}`{}",
            hint(Some(label.as_str()))
        ));
        // What `required` should become, only the author knows.
        self.reports.push(match label.as_str() {
            "required" => report,
            _ => report.fix(with_gap, "").fix(place, meant),
        });
        let mut field = self.field(field.clone().into_inner(), span)?;
        field.ty = wrap(label.as_str(), field.ty);
        Some(field)
    }

    /// `optional string`, behind the colon.
    pub(super) fn labelled_type(&mut self, pair: Pair<'a, Rule>) -> Option<Type> {
        let whole = self.span(&pair);
        let mut parts = pair.into_inner();
        let (label, ty) = (parts.next()?, parts.next()?);
        let meant = labelled(Some(label.as_str()), self.original(self.span(&ty)));
        let report = Diagnostic::new(
            Code::ForeignKeyword,
            self.span(&label),
            format!("there is no keyword `{}`", label.as_str()),
        )
        .help(format!(
            "write the type as `{meant}`{}",
            hint(Some(label.as_str()))
        ));
        self.reports.push(match label.as_str() {
            "required" => report,
            _ => report.fix(whole, meant),
        });
        Some(wrap(label.as_str(), self.ty(ty)?))
    }

    /// `repeated string tags = 4;`, `1: required string name`.
    pub(super) fn foreign_field(
        &mut self,
        rule: Rule,
        parts: Pairs<'a, Rule>,
        span: Span,
    ) -> Option<Field> {
        let annotations: Vec<_> = parts
            .clone()
            .filter(|part| part.as_rule() == Rule::annotation)
            .collect();
        let annotations = annotations
            .into_iter()
            .filter_map(|part| self.annotation(part))
            .collect();
        let parts = self.parts(parts)?;
        let ty = self.original(self.span(&parts.ty));
        let name = parts.name.as_str();
        let missing_colon = rule == Rule::proto_field && parts.label.is_none() && swapped(ty, name);
        if missing_colon {
            let colon = self.span(&parts.ty).behind();
            self.reports.push(
                Diagnostic::new(
                    Code::UnexpectedToken,
                    self.span(&parts.name),
                    format!("expected `:`, found `{name}`"),
                )
                .help("write `:` between the name of a field and its type")
                .fix(colon, ":"),
            );
        } else {
            let (shown_type, shown_name) = if swapped(ty, name) {
                (name, ty)
            } else {
                (ty, name)
            };
            let digits = self.original(parts.number);
            let meant = format!(
                "{shown_name}: {} = {digits}",
                labelled(parts.label, shown_type)
            );
            let report = Diagnostic::new(
                Code::ForeignField,
                parts.span,
                "field in the order of another language",
            )
            .help(format!("write `{meant};`{}", hint(parts.label)));
            // What `required` should become, only the author knows.
            let certain = !parts.trailed && parts.label != Some("required");
            self.reports.push(match rule {
                Rule::proto_field if certain => report.fix(parts.span, meant),
                Rule::thrift_field if certain => {
                    let (whole, end) = self.thrift_end(parts.span);
                    report.fix(whole, format!("{meant}{end}"))
                }
                _ => report,
            });
        }
        let number = self.field_number(parts.number)?;
        let (ty, name) = if swapped(ty, name) {
            (self.word_as_type(&parts.name), self.type_as_word(&parts.ty))
        } else {
            (self.ty(parts.ty)?, self.ident(&parts.name))
        };
        Some(Field {
            docs: self.take_docs(span.start, parts.span.start),
            name,
            ty: parts.label.map_or(ty.clone(), |label| wrap(label, ty)),
            number,
            annotations,
            span,
        })
    }

    /// A field of Thrift with the `,` that may end it, and what has to be written behind it: there it may end with nothing.
    fn thrift_end(&self, field: Span) -> (Span, &'static str) {
        let rest = &self.masked[field.end as usize..];
        let mark = rest.trim_start_matches([' ', '\t']);
        let comma = self.masked.len() - mark.len();
        match mark.bytes().next() {
            Some(b';') => (field, ""),
            Some(b',') => (field.to(self.place_of(comma, comma + 1)), ";"),
            _ => (field, ";"),
        }
    }

    fn parts(&self, all: Pairs<'a, Rule>) -> Option<Parts<'a>> {
        let (mut label, mut ty, mut name, mut number) = (None, None, None, None);
        let mut span: Option<Span> = None;
        let mut trailed = false;
        for part in all {
            let place = self.span(&part);
            match part.as_rule() {
                Rule::semicolon | Rule::wrong_comma => continue,
                Rule::label => label = Some(part.as_str()),
                Rule::type_ref => ty = Some(part),
                Rule::ident => name = Some(part),
                Rule::number => number = Some(place),
                Rule::annotation | Rule::proto_options => trailed = true,
                _ => {}
            }
            span = Some(span.map_or(place, |span| span.to(place)));
        }
        Some(Parts {
            label,
            ty: ty?,
            name: name?,
            number: number?,
            span: span?,
            trailed,
        })
    }

    fn word_as_type(&mut self, pair: &Pair<'a, Rule>) -> Type {
        let ident = self.ident(pair);
        let span = ident.span;
        let path = Path {
            absolute: false,
            parts: vec![ident],
            span,
        };
        Type {
            kind: TypeKind::Name(path),
            span,
        }
    }

    fn type_as_word(&self, pair: &Pair<'a, Rule>) -> Ident {
        Ident {
            text: pair.as_str().trim().into(),
            span: self.span(pair),
        }
    }
}

/// Whether what stands in the type's place is a name, and the other way round: told by built-in types, or by case.
fn swapped(ty: &str, name: &str) -> bool {
    let cased = ty.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.starts_with(|c: char| c.is_ascii_uppercase());
    (BUILT_IN.contains(&name) || cased)
        && !BUILT_IN.contains(&ty)
        && ty
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Our spelling of a type with a label before it.
fn labelled(label: Option<&str>, ty: &str) -> String {
    let ty = ty.trim();
    match label {
        Some("repeated") if !ty.starts_with('[') => format!("[{ty}]"),
        Some("optional") if !ty.ends_with('?') => format!("{ty}?"),
        _ => ty.to_owned(),
    }
}

fn wrap(label: &str, ty: Type) -> Type {
    let span = ty.span;
    let kind = match (label, &ty.kind) {
        // Without a second finding about what cannot be repeated or optional.
        (_, TypeKind::List(_) | TypeKind::Map(..)) | ("optional", TypeKind::Optional(_)) => {
            return ty;
        }
        ("repeated", _) => TypeKind::List(Box::new(ty)),
        ("optional", _) => TypeKind::Optional(Box::new(ty)),
        _ => return ty,
    };
    Type { kind, span }
}

/// What else to say about a label.
fn hint(label: Option<&str>) -> &'static str {
    match label {
        Some("required") => ", with `@required` behind the number if it must be there",
        _ => "",
    }
}
