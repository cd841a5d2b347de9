//! What written values are worth: literals, and constants in their place.

use crate::diagnostic::{Code, Diagnostic};
use crate::model::{ConstantValue, Scalar};
use crate::resolve::Want;
use crate::syntax::ast::{Value, ValueKind};

use super::{Check, Place, lookup::scalar_name};

/// A value without a type yet.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Integer(i128),
    Float(f64),
    Bool(bool),
    String(String),
    /// In microseconds.
    Duration(u64),
    /// In bytes.
    Size(u64),
}

impl Literal {
    /// With its article, for a sentence.
    pub(super) fn described(&self) -> &'static str {
        match self {
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a floating-point number",
            Self::Bool(_) => "a boolean",
            Self::String(_) => "a string",
            Self::Duration(_) => "a duration",
            Self::Size(_) => "a size",
        }
    }
}

/// The types that constants and bounds may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    Scalar(Scalar),
    Duration,
}

/// Why a literal is no value of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// Another type: what would be right.
    Type(&'static str),
    /// Out of range: the range.
    Range(String),
}

impl Plain {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Scalar(scalar) => scalar_name(scalar),
            Self::Duration => "duration",
        }
    }

    /// `literal` as a value of this type.
    pub(super) fn fit(self, literal: &Literal) -> Result<ConstantValue, Misfit> {
        let scalar = match (self, literal) {
            (Self::Duration, Literal::Duration(micros)) => {
                return Ok(ConstantValue::Duration(*micros));
            }
            (Self::Duration, _) => return Err(Misfit::Type("a duration, such as `800ms`")),
            (Self::Scalar(scalar), _) => scalar,
        };
        match (scalar, literal) {
            (Scalar::Bool, Literal::Bool(value)) => Ok(ConstantValue::Bool(*value)),
            (Scalar::Bool, _) => Err(Misfit::Type("`true` or `false`")),
            (Scalar::String, Literal::String(text)) => Ok(ConstantValue::String(text.clone())),
            (Scalar::Bytes, Literal::String(text)) => {
                Ok(ConstantValue::Bytes(text.clone().into_bytes()))
            }
            (Scalar::String | Scalar::Bytes, _) => Err(Misfit::Type("a string in quotes")),
            (Scalar::Float | Scalar::Double, literal) => {
                let value = match literal {
                    Literal::Float(value) => *value,
                    // Rounds as the text with `.0` behind it would.
                    Literal::Integer(value) => value.to_string().parse().unwrap_or(f64::INFINITY),
                    _ => return Err(Misfit::Type("a number")),
                };
                // A text that rounds to the largest number is that number.
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "it rounds as the value will"
                )]
                let (fits, most) = if scalar == Scalar::Float {
                    ((value as f32).is_finite(), format!("{:e}", f32::MAX))
                } else {
                    (value.is_finite(), format!("{:e}", f64::MAX))
                };
                if fits {
                    Ok(ConstantValue::Float(scalar, value))
                } else {
                    Err(Misfit::Range(format!("-{most} to {most}")))
                }
            }
            (scalar, literal) => {
                let value = match literal {
                    Literal::Integer(value) => *value,
                    Literal::Size(bytes) => i128::from(*bytes),
                    _ => return Err(Misfit::Type("an integer")),
                };
                match integer_range(scalar) {
                    Some((least, most)) if value < least || value > most => {
                        Err(Misfit::Range(format!("{least} to {most}")))
                    }
                    _ => Ok(ConstantValue::Integer(scalar, value)),
                }
            }
        }
    }
}

/// The least and greatest value of an integer scalar.
pub(super) fn integer_range(scalar: Scalar) -> Option<(i128, i128)> {
    match scalar {
        Scalar::Int32 | Scalar::Sint32 | Scalar::Sfixed32 => {
            Some((i32::MIN.into(), i32::MAX.into()))
        }
        Scalar::Int64 | Scalar::Sint64 | Scalar::Sfixed64 => {
            Some((i64::MIN.into(), i64::MAX.into()))
        }
        Scalar::Uint32 | Scalar::Fixed32 => Some((0, u32::MAX.into())),
        Scalar::Uint64 | Scalar::Fixed64 => Some((0, u64::MAX.into())),
        Scalar::Bool | Scalar::Float | Scalar::Double | Scalar::String | Scalar::Bytes => None,
    }
}

impl Literal {
    /// The literal that a constant of this value stands for.
    pub(super) fn of(value: &ConstantValue) -> Self {
        match value {
            ConstantValue::Bool(value) => Self::Bool(*value),
            ConstantValue::Integer(_, value) => Self::Integer(*value),
            ConstantValue::Float(_, value) => Self::Float(*value),
            ConstantValue::String(text) => Self::String(text.clone()),
            ConstantValue::Bytes(bytes) => {
                Self::String(String::from_utf8_lossy(bytes).into_owned())
            }
            ConstantValue::Duration(micros) => Self::Duration(*micros),
        }
    }
}

/// A literal, and whether a constant stood for it.
#[derive(Clone, Debug)]
pub(super) struct Evaluated {
    pub(super) literal: Literal,
    pub(super) named: bool,
}

impl Check<'_> {
    /// The worth of `value`, where `expected` (with its article) is expected. Reported where it is none.
    pub(super) fn evaluate(
        &mut self,
        place: Place<'_>,
        value: &Value,
        expected: &str,
    ) -> Option<Evaluated> {
        let literal = match &value.kind {
            ValueKind::Integer(value) => Literal::Integer(*value),
            ValueKind::Float(value) => Literal::Float(*value),
            ValueKind::Bool(value) => Literal::Bool(*value),
            ValueKind::String(text) => Literal::String(text.clone()),
            ValueKind::Duration(micros) => Literal::Duration(*micros),
            ValueKind::Size(bytes) => Literal::Size(*bytes),
            ValueKind::Name(path) => {
                let id = self.resolve(place, path, Want::Constant)?;
                let literal = Literal::of(self.constants.get(&id)?.as_ref()?);
                return Some(Evaluated {
                    literal,
                    named: true,
                });
            }
            ValueKind::FieldPath(_)
            | ValueKind::List(_)
            | ValueKind::Range(_)
            | ValueKind::Call(..) => {
                self.wrong_type(value, written(&value.kind), expected);
                return None;
            }
        };
        Some(Evaluated {
            literal,
            named: false,
        })
    }

    /// Reports an argument of the wrong type.
    pub(super) fn wrong_type(&mut self, value: &Value, found: &str, expected: &str) {
        self.report(
            Diagnostic::new(
                Code::ArgumentType,
                value.span,
                format!("expected {expected}, found {found}"),
            )
            .label(format!("this is {found}"))
            .help(format!("write {expected}")),
        );
    }
}

/// What kind of value is written, with its article.
pub(super) fn written(kind: &ValueKind) -> &'static str {
    match kind {
        ValueKind::Integer(_) => "an integer",
        ValueKind::Float(_) => "a floating-point number",
        ValueKind::Bool(_) => "a boolean",
        ValueKind::String(_) => "a string",
        ValueKind::Duration(_) => "a duration",
        ValueKind::Size(_) => "a size",
        ValueKind::Name(_) => "a name",
        ValueKind::FieldPath(_) => "a field path",
        ValueKind::List(_) => "a list",
        ValueKind::Range(_) => "a range",
        ValueKind::Call(..) => "a call",
    }
}
