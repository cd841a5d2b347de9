//! `consistent_hash(.card.holder)`: field by field, down to a scalar or enum.

use crate::diagnostic::Code;
use crate::model::{FieldShape, FieldType, FullName};
use crate::resolve::{DeclKind, Want, WellKnownField, well_known};
use crate::source::Span;
use crate::syntax::ast::{self, Ident, TypeKind};

use super::messages::fields;
use super::{Check, alternatives, lookup};

/// Why a path does not lead anywhere: code, message, place, help.
pub(super) type Fault = (Code, String, Span, Option<String>);

/// Where one step of a path leads.
enum Step {
    /// To a value that can be hashed.
    End,
    Message(FullName),
    /// To something that no path goes through.
    Many(&'static str),
    /// To a field whose type is wrong, which is reported already.
    Unknown,
}

impl Check<'_> {
    /// What is wrong with `path` in messages of this name.
    pub(super) fn hash_fault(&self, message: &FullName, path: &[Ident]) -> Option<Fault> {
        let mut at = message.clone();
        for (position, part) in path.iter().enumerate() {
            let last = position + 1 == path.len();
            let Some(step) = self.step(&at, &part.text) else {
                return self.no_such_field(&at, part);
            };
            match step {
                Step::Unknown => return None,
                Step::End if last => return None,
                Step::End => {
                    let message = format!("`{}` is a single value, without fields", part.text);
                    let help = Some("end the path here".to_owned());
                    return Some((Code::HashPathType, message, part.span, help));
                }
                Step::Many(what) => {
                    let message =
                        format!("`{}` is {what}, and a hash path needs one value", part.text);
                    return Some((
                        Code::HashPathType,
                        message,
                        part.span,
                        Some("name a single field".to_owned()),
                    ));
                }
                Step::Message(name) if last => {
                    let fields = self.field_names_of(&name);
                    let message = format!(
                        "`{}` is the message `{name}`, and only a scalar or enum is hashed",
                        part.text
                    );
                    let help = match fields.first() {
                        Some(first) => format!(
                            "go on to one of its fields, such as `.{}.{first}`",
                            part.text
                        ),
                        None => "name a scalar or enum".to_owned(),
                    };
                    return Some((Code::HashPathType, message, part.span, Some(help)));
                }
                Step::Message(name) => at = name,
            }
        }
        None
    }

    fn step(&self, message: &FullName, field: &str) -> Option<Step> {
        if let Some(known) = well_known(&message.0) {
            let (_, held) = known.fields?.iter().find(|(name, _)| *name == field)?;
            return Some(match held {
                WellKnownField::Scalar(_) | WellKnownField::Enum => Step::End,
                WellKnownField::Message(name) => Step::Message(FullName((*name).into())),
                WellKnownField::Many => Step::Many("a list or map"),
            });
        }
        if let Some(fields) = self.fields.get(&message.0) {
            let (_, shape) = fields.iter().find(|(name, _)| &**name == field)?;
            return Some(match shape {
                None => Step::Unknown,
                Some(FieldShape::List(_)) => Step::Many("a list"),
                Some(FieldShape::Map(..)) => Step::Many("a map"),
                Some(FieldShape::Singular(ty) | FieldShape::Optional(ty)) => match ty {
                    FieldType::Scalar(_) | FieldType::Enum(_) => Step::End,
                    FieldType::Message(name) => Step::Message(name.clone()),
                },
            });
        }
        let Some(members) = self.members_of(message) else {
            return Some(Step::Unknown);
        };
        let found = fields(members)
            .into_iter()
            .find(|found| &*found.name.text == field)?;
        Some(self.step_through(message, found))
    }

    /// The same for a field that was looked at with its message, which may be another file's: nothing is reported here.
    fn step_through(&self, message: &FullName, field: &ast::Field) -> Step {
        let known = |ty: &ast::Type| match &ty.kind {
            TypeKind::Name(path) => self.type_in(message, path),
            TypeKind::List(_) | TypeKind::Map(..) | TypeKind::Optional(_) => None,
        };
        let one = |ty: &ast::Type| match known(ty) {
            Some(FieldType::Scalar(_) | FieldType::Enum(_)) => Step::End,
            Some(FieldType::Message(name)) => Step::Message(name),
            None => Step::Unknown,
        };
        let many = |ty: &ast::Type, what: &'static str| match known(ty) {
            Some(_) => Step::Many(what),
            None => Step::Unknown,
        };
        match &field.ty.kind {
            TypeKind::Name(_) => one(&field.ty),
            TypeKind::Optional(inner) => one(inner),
            TypeKind::List(inner) => many(inner, "a list"),
            TypeKind::Map(_, inner) => many(inner, "a map"),
        }
    }

    /// The type that `path` names inside a declaration, if it names one.
    fn type_in(&self, scope: &FullName, path: &ast::Path) -> Option<FieldType> {
        if let Some(built_in) = lookup::built_in(path) {
            return Some(built_in);
        }
        let of = self.names.named(&scope.0).first()?;
        let file = self.names.decl(*of).file?;
        let id = self.names.find(file, &scope.0, path, Want::Type).ok()?;
        let decl = self.names.decl(id);
        match decl.kind {
            DeclKind::Message => Some(FieldType::Message(decl.name.clone())),
            DeclKind::Enum => Some(FieldType::Enum(decl.name.clone())),
            DeclKind::Error | DeclKind::Service | DeclKind::Constant => None,
        }
    }

    fn no_such_field(&self, message: &FullName, part: &Ident) -> Option<Fault> {
        let declared = self
            .names
            .named(&message.0)
            .first()
            .and_then(|&id| self.names.decl(id).file);
        if declared.is_some_and(|file| self.loaded.files[file].ast.lost.covers(&part.text)) {
            return None;
        }
        let fields = self.field_names_of(message);
        if fields.iter().any(|field| field.starts_with(Ident::MISSING)) {
            return None;
        }
        let near = self.near.find(&part.text, fields.iter().copied());
        let help = match near {
            Some(near) => format!("write `.{near}`"),
            None if fields.is_empty() => {
                "choose another balancer: the request has no fields".to_owned()
            }
            None => format!(
                "its fields are {}",
                alternatives(fields.into_iter().take(12))
            ),
        };
        let what = format!("`{message}` has no field `{}`", part.text);
        Some((Code::HashPathUnknown, what, part.span, Some(help)))
    }

    fn field_names_of(&self, message: &FullName) -> Vec<&str> {
        if let Some(known) = well_known(&message.0) {
            return known
                .fields
                .unwrap_or_default()
                .iter()
                .map(|(name, _)| *name)
                .collect();
        }
        if let Some(fields) = self.fields.get(&message.0) {
            return fields.iter().map(|(name, _)| &**name).collect();
        }
        let members = self.members_of(message).unwrap_or_default();
        let fields = fields(members).into_iter();
        fields.map(|field| &*field.name.text).collect()
    }
}
