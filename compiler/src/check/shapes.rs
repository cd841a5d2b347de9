//! Which type may hold which: lists, maps, optionals.

use crate::diagnostic::{Code, Diagnostic};
use crate::model::{FieldShape, FieldType, Scalar};
use crate::source::Span;
use crate::syntax::ast::{Type, TypeKind};

use super::{Check, Place};

impl Check<'_> {
    /// The shape of a field's type. All names in it are looked up, whatever is wrong around them.
    pub(super) fn shape(&mut self, place: Place<'_>, ty: &Type) -> Option<FieldShape> {
        match &ty.kind {
            TypeKind::Name(path) => self.value_type(place, path).map(FieldShape::Singular),
            TypeKind::Optional(inner) => {
                if let TypeKind::Name(path) = &inner.kind {
                    self.value_type(place, path).map(FieldShape::Optional)
                } else {
                    let what = described(inner);
                    self.report(
                        Diagnostic::new(
                            Code::OptionalContainer,
                            ty.span,
                            format!("{what} cannot be optional"),
                        )
                        .label("`?` behind it")
                        .help(match inner.kind {
                            TypeKind::Optional(_) => "remove one `?`",
                            _ => {
                                "remove the `?`: one without entries and an absent one are the same"
                            }
                        })
                        .fix(
                            Span {
                                start: inner.span.end,
                                ..ty.span
                            },
                            "",
                        ),
                    );
                    self.shape(place, inner);
                    None
                }
            }
            TypeKind::List(inner) => {
                if let TypeKind::Name(path) = &inner.kind {
                    self.value_type(place, path).map(FieldShape::List)
                } else {
                    let what = described(inner);
                    self.report(
                        Diagnostic::new(
                            Code::ListEntry,
                            inner.span,
                            format!("a list cannot hold {what}"),
                        )
                        .label(what)
                        .help("declare a message that holds it, and make a list of that message"),
                    );
                    self.shape(place, inner);
                    None
                }
            }
            TypeKind::Map(key, value) => {
                let key = self.map_key(place, key);
                let value = if let TypeKind::Name(path) = &value.kind {
                    self.value_type(place, path)
                } else {
                    let what = described(value);
                    self.report(
                        Diagnostic::new(
                            Code::MapValue,
                            value.span,
                            format!("a map cannot hold {what}"),
                        )
                        .label(what)
                        .help("declare a message that holds it, and make a map to that message"),
                    );
                    self.shape(place, value);
                    None
                };
                Some(FieldShape::Map(key?, value?))
            }
        }
    }

    fn map_key(&mut self, place: Place<'_>, key: &Type) -> Option<Scalar> {
        let what = if let TypeKind::Name(path) = &key.kind {
            match self.value_type(place, path)? {
                FieldType::Scalar(Scalar::Float | Scalar::Double) => {
                    "a floating-point number".to_owned()
                }
                FieldType::Scalar(Scalar::Bytes) => "`bytes`".to_owned(),
                FieldType::Scalar(scalar) => return Some(scalar),
                FieldType::Enum(name) => format!("the enum `{name}`"),
                FieldType::Message(name) => format!("the message `{name}`"),
            }
        } else {
            self.shape(place, key);
            described(key).to_owned()
        };
        self.report(
            Diagnostic::new(
                Code::MapKey,
                key.span,
                format!("the key of a map cannot be {what}"),
            )
            .label("not a key type")
            .help("use an integer type, `string` or `bool` as key"),
        );
        None
    }
}

/// With its article, for a sentence.
pub(super) fn described(ty: &Type) -> &'static str {
    match ty.kind {
        TypeKind::Name(_) => "a single value",
        TypeKind::List(_) => "a list",
        TypeKind::Map(..) => "a map",
        TypeKind::Optional(_) => "an optional",
    }
}
