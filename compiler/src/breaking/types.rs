//! Whether what was written as one type is read as the same by another.

use super::{Category, Witness};
use super::{Compare, Verdict};
use crate::model::{ConstantValue, Enum, Field, FieldShape, FieldType, FullName, Message, Scalar};
use crate::surface::{self, is_well_known};

/// How the values of an old type come out of the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Relation {
    /// As they are; it is the same type.
    Same,
    /// As they are; it is another type of the same values or more.
    Wider,
    /// Those that the new type can hold as they are, others as something else.
    Narrower,
    /// As something else.
    Other,
}

/// How a message or enum reads as one of another name.
#[derive(Clone, Debug, Default)]
pub(super) struct PairReading {
    /// Whether bytes are read as something else.
    pub(super) wire: bool,
    /// Whether JSON is.
    pub(super) json: bool,
    /// What shows it.
    pub(super) witness: Option<Witness>,
}

impl<'a> Compare<'a> {
    /// How values of the one type come out of the other, and whether their JSON does.
    pub(super) fn types(&mut self, old: &FieldType, new: &FieldType) -> (Relation, bool) {
        if old == new {
            return (Relation::Same, false);
        }
        let json = json_form(old) != json_form(new);
        match (old, new) {
            (FieldType::Scalar(old), FieldType::Scalar(new)) => (scalars(*old, *new), json),
            (FieldType::Enum(_), FieldType::Scalar(new)) => (scalars(Scalar::Int32, *new), true),
            (FieldType::Scalar(old), FieldType::Enum(_)) => (scalars(*old, Scalar::Int32), true),
            (FieldType::Enum(old), FieldType::Enum(new)) => {
                let pair = self.pair(old, new);
                (pair.relation(), pair.json)
            }
            (FieldType::Message(old), FieldType::Message(new)) => {
                let pair = self.pair(old, new);
                let form = |name: &FullName| is_well_known(name);
                (pair.relation(), pair.json || form(old) || form(new))
            }
            // The bytes of a message are the message, to whoever looks into them.
            (FieldType::Message(_), FieldType::Scalar(Scalar::Bytes)) => (Relation::Wider, true),
            (FieldType::Scalar(Scalar::Bytes), FieldType::Message(_)) => (Relation::Narrower, true),
            (FieldType::Message(_), _) | (_, FieldType::Message(_)) => (Relation::Other, true),
        }
    }

    /// How a message or enum reads as one of another name. Of messages that hold one another, the question alone is taken
    /// for a yes: whatever differs is found where it stands.
    pub(super) fn pair(&mut self, old: &FullName, new: &FullName) -> PairReading {
        let key = (old.clone(), new.clone());
        if let Some(known) = self.pairs.get(&key) {
            return known.clone();
        }
        self.pairs.insert(key.clone(), PairReading::default());
        let found: Vec<Verdict> = match (self.declared(old, true), self.declared(new, false)) {
            (Declared::Message(old), Declared::Message(new)) => self.message(old, new),
            (Declared::Enum(old), Declared::Enum(new)) => self.enumeration(old, new),
            // One that is nowhere was not loaded, and is told where it is gone.
            _ => Vec::new(),
        };
        let has = |category| found.iter().any(|it| it.breaks.contains_key(&category));
        let reading = PairReading {
            wire: has(Category::Wire),
            json: has(Category::Json),
            witness: found.into_iter().find_map(|it| it.witness),
        };
        self.pairs.insert(key, reading.clone());
        reading
    }

    fn declared(&self, name: &FullName, old: bool) -> Declared<'a> {
        let surface = if old { self.old } else { self.new };
        if let Some(message) = surface.message(name) {
            Declared::Message(message)
        } else if let Some(declared) = surface.enumeration(name) {
            Declared::Enum(declared)
        } else {
            Declared::Nothing
        }
    }
}

enum Declared<'a> {
    Message(&'a Message),
    Enum(&'a Enum),
    Nothing,
}

impl PairReading {
    fn relation(&self) -> Relation {
        if self.wire {
            Relation::Other
        } else {
            Relation::Wider
        }
    }
}

/// How scalars are written; types of one form share their bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    Zigzag,
    Four,
    Eight,
    Float,
    Double,
    Bytes,
}

fn form(scalar: Scalar) -> Form {
    match scalar {
        Scalar::Bool | Scalar::Int32 | Scalar::Int64 | Scalar::Uint32 | Scalar::Uint64 => {
            Form::Plain
        }
        Scalar::Sint32 | Scalar::Sint64 => Form::Zigzag,
        Scalar::Fixed32 | Scalar::Sfixed32 => Form::Four,
        Scalar::Fixed64 | Scalar::Sfixed64 => Form::Eight,
        Scalar::Float => Form::Float,
        Scalar::Double => Form::Double,
        Scalar::String | Scalar::Bytes => Form::Bytes,
    }
}

/// The least and the greatest value.
fn range(scalar: Scalar) -> (i128, i128) {
    match scalar {
        // Strings are the smaller part of bytes; floats are not compared.
        Scalar::Bool | Scalar::Float | Scalar::Double | Scalar::Bytes => (0, 1),
        Scalar::Int32 | Scalar::Sint32 | Scalar::Sfixed32 => (i32::MIN.into(), i32::MAX.into()),
        Scalar::Int64 | Scalar::Sint64 | Scalar::Sfixed64 => (i64::MIN.into(), i64::MAX.into()),
        Scalar::Uint32 | Scalar::Fixed32 => (0, u32::MAX.into()),
        Scalar::Uint64 | Scalar::Fixed64 => (0, u64::MAX.into()),
        Scalar::String => (0, 0),
    }
}

pub(super) fn scalars(old: Scalar, new: Scalar) -> Relation {
    if old == new {
        return Relation::Same;
    }
    if form(old) != form(new) {
        return Relation::Other;
    }
    let ((old_min, old_max), (new_min, new_max)) = (range(old), range(new));
    if new_min <= old_min && old_max <= new_max {
        Relation::Wider
    } else {
        Relation::Narrower
    }
}

/// What a value is in JSON.
#[derive(PartialEq, Eq)]
enum JsonForm {
    Bool,
    Number,
    /// A number in quotes.
    Quoted,
    Float,
    Text,
    Base64,
    Name,
    Object,
}

fn json_form(ty: &FieldType) -> JsonForm {
    match ty {
        FieldType::Enum(_) => JsonForm::Name,
        FieldType::Message(_) => JsonForm::Object,
        FieldType::Scalar(scalar) => match scalar {
            Scalar::Bool => JsonForm::Bool,
            Scalar::Int32
            | Scalar::Uint32
            | Scalar::Sint32
            | Scalar::Fixed32
            | Scalar::Sfixed32 => JsonForm::Number,
            Scalar::Int64
            | Scalar::Uint64
            | Scalar::Sint64
            | Scalar::Fixed64
            | Scalar::Sfixed64 => JsonForm::Quoted,
            Scalar::Float | Scalar::Double => JsonForm::Float,
            Scalar::String => JsonForm::Text,
            Scalar::Bytes => JsonForm::Base64,
        },
    }
}

/// Whether a field tells absence from zero.
pub(super) fn is_explicit(field: &Field) -> bool {
    field.oneof.is_some()
        || matches!(
            field.shape,
            FieldShape::Optional(_) | FieldShape::Singular(FieldType::Message(_))
        )
}

/// The type of a constant, as it is written.
pub(super) fn constant(value: &ConstantValue) -> &'static str {
    match value {
        ConstantValue::Bool(_) => "bool",
        ConstantValue::Integer(scalar, _) | ConstantValue::Float(scalar, _) => {
            surface::scalar(*scalar)
        }
        ConstantValue::String(_) => "string",
        ConstantValue::Bytes(_) => "bytes",
        ConstantValue::Duration(_) => "duration",
    }
}
