//! Fields: their types, annotations, and names in JSON.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::sync::Arc;

use rustc_hash::{FxBuildHasher, FxHashSet};

use crate::case;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Field, FieldShape};
use crate::source::Span;
use crate::syntax::ast::{self, Member, TypeKind};

use super::table::Target;
use super::{Check, Place, shapes};

/// A field by name; not made where its type is wrong.
pub(super) struct NamedField {
    pub(super) name: Arc<str>,
    pub(super) made: Option<Field>,
}

impl NamedField {
    pub(super) fn shape(&self) -> Option<FieldShape> {
        self.made.as_ref().map(|field| field.shape.clone())
    }
}

impl Check<'_> {
    /// One field; `oneof` is the position of the oneof that it is a member of.
    pub(super) fn field(
        &mut self,
        place: Place<'_>,
        item: &ast::Field,
        oneof: Option<usize>,
    ) -> NamedField {
        let mut shape = self.shape(place, &item.ty);
        if oneof.is_some() && !matches!(item.ty.kind, TypeKind::Name(_)) {
            if shape.is_some() {
                self.oneof_member(item);
            }
            shape = None;
        }
        let annotations = self.annotations(place, Target::Field, &item.annotations);
        let rules = self.rules(place, item, shape.as_ref(), oneof.is_some(), &annotations);
        let json_name = self.json_name(&annotations);
        let number = i32::try_from(item.number.value).ok();
        let made = shape.zip(number).map(|(shape, number)| Field {
            name: item.name.text.to_string(),
            docs: self.docs(item.docs),
            deprecated: annotations.deprecation(),
            number,
            shape,
            oneof,
            json_name,
            redact: annotations.get("redact").is_some(),
            rules,
            span: item.name.span,
        });
        NamedField {
            name: item.name.text.clone(),
            made,
        }
    }

    fn oneof_member(&mut self, item: &ast::Field) {
        let what = shapes::described(&item.ty);
        let report = Diagnostic::new(
            Code::OneofMember,
            item.ty.span,
            format!("a member of a oneof cannot be {what}"),
        )
        .label(what);
        let report = match &item.ty.kind {
            TypeKind::Optional(inner) => report
                .help("remove the `?`: a member of a oneof is present or absent already")
                .fix(
                    Span {
                        start: inner.span.end,
                        ..item.ty.span
                    },
                    "",
                ),
            _ => report.help("declare a message that holds it, and use that message here"),
        };
        self.report(report);
    }

    fn json_name(&mut self, annotations: &super::annotations::Annotations<'_>) -> Option<String> {
        let given = annotations.get("json")?;
        let super::annotations::Checked::Text(text, span) = given.argument(0)? else {
            return None;
        };
        // The checks of protoc: `[` opens an extension in JSON, and NUL ends the name in C.
        if text.is_empty() || text.contains('\0') || text.starts_with('[') {
            self.report(
                Diagnostic::new(Code::ArgumentType, *span, "this cannot be a name in JSON")
                    .label("empty, or with `[` in front, or with NUL inside")
                    .help("write a plain name, such as `\"userId\"`"),
            );
            return None;
        }
        Some(text.clone())
    }

    /// No two members of one name, in `.rpc`, in Rust or in JSON.
    pub(super) fn field_names(&mut self, fields: &[&ast::Field], members: &[Member]) {
        if !names_may_meet(fields, members) {
            return;
        }
        let mut json: HashMap<String, &ast::Field> = HashMap::new();
        let mut reported = self.member_clashes(fields, members);
        for field in fields {
            if reported.contains(&field.name.span) {
                continue;
            }
            let name = json_name(field);
            if let Some(first) = json.get(&name) {
                self.report(
                    Diagnostic::new(
                        Code::JsonNameClash,
                        field.name.span,
                        format!(
                            "`{}` and `{}` are both `{name}` in JSON",
                            first.name.text, field.name.text
                        ),
                    )
                    .label(format!("`{name}` in JSON"))
                    .also(first.name.span, format!("`{name}` in JSON too"))
                    .help("give one of them another name in JSON: `@json(\"…\")`"),
                );
                reported.insert(field.name.span);
            } else {
                json.insert(name, field);
            }
        }
    }

    fn member_clashes(
        &mut self,
        fields: &[&ast::Field],
        members: &[Member],
    ) -> std::collections::HashSet<Span> {
        let mut reported = std::collections::HashSet::new();
        let mut exact: HashMap<&str, Span> = HashMap::new();
        let mut rust: HashMap<Cow<'_, str>, &ast::Ident> = HashMap::new();
        let oneofs: HashMap<Span, Span> = members
            .iter()
            .filter_map(|member| match member {
                Member::Oneof(oneof) => Some((oneof.name.span, oneof.span)),
                _ => None,
            })
            .collect();
        let mut copied: Vec<Span> = Vec::new();
        let names = members.iter().filter_map(|member| match member {
            Member::Oneof(oneof) => Some(&oneof.name),
            _ => None,
        });
        let mut names: Vec<&ast::Ident> = fields
            .iter()
            .map(|field| &field.name)
            .chain(names)
            .collect();
        names.sort_by_key(|name| name.span);
        for name in names {
            if let Some(first) = exact.get(&*name.text) {
                reported.insert(name.span);
                // A second copy of a oneof is one mistake, whatever is in it.
                if copied
                    .iter()
                    .any(|copy| copy.start < name.span.start && name.span.end < copy.end)
                {
                    continue;
                }
                self.duplicate(name, *first, "in one list of fields");
                copied.extend(oneofs.get(&name.span));
                continue;
            }
            exact.insert(&name.text, name.span);
            let snake = case::snake(&name.text);
            match rust.get(&snake) {
                Some(first) if !snake.is_empty() => {
                    self.case_clash(name, first, &snake);
                    reported.insert(name.span);
                }
                _ => {
                    rust.insert(snake, name);
                }
            }
        }
        reported
    }

    /// Reports the second definition of one name.
    pub(super) fn duplicate(&mut self, name: &ast::Ident, first: Span, place: &str) {
        self.report(
            Diagnostic::new(
                Code::DuplicateDefinition,
                name.span,
                format!("`{}` is defined twice {place}", name.text),
            )
            .label("defined again here")
            .also(first, "first defined here")
            .help("rename or remove one of them"),
        );
    }

    /// Reports two names that are one name in Rust.
    pub(super) fn case_clash(&mut self, name: &ast::Ident, first: &ast::Ident, rust: &str) {
        self.report(
            Diagnostic::new(
                Code::CaseClash,
                name.span,
                format!(
                    "`{}` and `{}` are both `{rust}` in Rust",
                    first.text, name.text
                ),
            )
            .label(format!("`{rust}` in Rust"))
            .also(first.span, format!("`{rust}` in Rust too"))
            .help("rename one of them so that they differ in more than case and underscores"),
        );
    }
}

/// Whether any two members may have one name in Rust or in JSON: told by hashes, since nearly always none do.
fn names_may_meet(fields: &[&ast::Field], members: &[Member]) -> bool {
    let mut hashes = FxHashSet::default();
    let oneofs = members.iter().filter_map(|member| match member {
        Member::Oneof(oneof) => Some(&oneof.name),
        _ => None,
    });
    let mut names = fields.iter().map(|field| &field.name).chain(oneofs);
    let mut meets = |in_json: bool, name: &str| {
        let hash = FxBuildHasher.hash_one((in_json, name));
        !hashes.insert(hash)
    };
    names.any(|name| meets(false, &case::snake(&name.text)))
        || fields.iter().any(|field| meets(true, &json_name(field)))
}

/// The name of a field in JSON: what `@json` says, or protobuf's lower camel case.
fn json_name(field: &ast::Field) -> String {
    for annotation in &field.annotations {
        if &*annotation.name.text == "json"
            && let Some([argument]) = annotation.arguments.as_deref()
            && let ast::ValueKind::String(text) = &argument.value.kind
        {
            return text.clone();
        }
    }
    let mut name = String::with_capacity(field.name.text.len());
    let mut raise = false;
    for c in field.name.text.chars() {
        if c == '_' {
            raise = true;
        } else {
            name.push(if raise { c.to_ascii_uppercase() } else { c });
            raise = false;
        }
    }
    name
}
