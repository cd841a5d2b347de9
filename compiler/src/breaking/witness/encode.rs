//! Bytes of messages that have next to nothing in them.

use crate::model::{Field, FieldShape, FieldType, Scalar};
use crate::surface::Surface;

use super::ty;

/// How deep samples of messages in messages go.
const DEPTH: usize = 3;

/// A value to be written.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::breaking) enum Given {
    /// Of any integer type, of `bool` or of an enum.
    Integer(i128),
    /// Of `float` or `double`.
    Float(f64),
    /// Of a string, `bytes`, or a message in its encoding.
    Bytes(Vec<u8>),
}

impl Given {
    pub(super) fn is_zero(&self) -> bool {
        match self {
            Self::Integer(number) => *number == 0,
            Self::Float(number) => number.to_bits() == 0,
            Self::Bytes(bytes) => bytes.is_empty(),
        }
    }
}

/// A value that is not zero.
pub(in crate::breaking) fn sample(surface: &Surface<'_>, ty: &FieldType, depth: usize) -> Given {
    match ty {
        FieldType::Scalar(Scalar::Float | Scalar::Double) => Given::Float(1.5),
        FieldType::Scalar(Scalar::String | Scalar::Bytes) => Given::Bytes(b"a".to_vec()),
        FieldType::Scalar(_) => Given::Integer(1),
        FieldType::Enum(name) => {
            let values = surface.enumeration(name).map(|it| &it.values);
            let first = values.and_then(|it| it.iter().find(|value| value.number != 0));
            Given::Integer(first.map_or(1, |value| value.number.into()))
        }
        FieldType::Message(name) => {
            let message = surface.message(name).filter(|_| depth < DEPTH);
            let field = message.and_then(|message| message.fields.first());
            let mut bytes = Vec::new();
            if let Some(first) = field {
                let inner = sample(surface, self::ty(&first.shape), depth + 1);
                self::field(&mut bytes, first, &[inner]);
            }
            Given::Bytes(bytes)
        }
    }
}

/// Values at the edges of a field's type, as a writer has them: nobody writes a zero that is the same as nothing.
pub(super) fn written(surface: &Surface<'_>, field: &Field, depth: usize) -> Vec<Given> {
    let mut all = candidates(surface, ty(&field.shape), depth);
    let is_message = matches!(ty(&field.shape), FieldType::Message(_));
    if matches!(field.shape, FieldShape::Singular(_)) && field.oneof.is_none() && !is_message {
        all.retain(|given| !given.is_zero());
    }
    all
}

/// Values at the edges of the type: what another type may read as something else.
fn candidates(surface: &Surface<'_>, ty: &FieldType, depth: usize) -> Vec<Given> {
    match ty {
        FieldType::Scalar(scalar) => scalar_candidates(*scalar),
        FieldType::Enum(name) => {
            let mut all = vec![sample(surface, ty, depth)];
            if let Some(declared) = surface.enumeration(name) {
                let numbers = declared.values.iter().map(|value| value.number.into());
                all.extend(numbers.map(Given::Integer));
            }
            all.push(Given::Integer(-1));
            all
        }
        FieldType::Message(name) => {
            let mut all = vec![sample(surface, ty, depth), Given::Bytes(Vec::new())];
            let message = surface.message(name).filter(|_| depth < DEPTH);
            for one in message.map_or(&[][..], |message| &message.fields) {
                for given in written(surface, one, depth + 1) {
                    let mut bytes = Vec::new();
                    field(&mut bytes, one, &[given]);
                    all.push(Given::Bytes(bytes));
                }
            }
            all
        }
    }
}

pub(super) fn scalar_candidates(scalar: Scalar) -> Vec<Given> {
    let integers = |min: i128, max: i128| {
        [
            1,
            2,
            -1,
            0,
            i32::MAX.into(),
            i128::from(i32::MAX) + 1,
            u32::MAX.into(),
            i128::from(u32::MAX) + 1,
            i128::from(i64::MAX) + 1,
            min,
            max,
        ]
        .into_iter()
        .filter(|number| (min..=max).contains(number))
        .map(Given::Integer)
        .collect()
    };
    match scalar {
        Scalar::Bool => integers(0, 1),
        Scalar::Int32 | Scalar::Sint32 | Scalar::Sfixed32 => {
            integers(i32::MIN.into(), i32::MAX.into())
        }
        Scalar::Int64 | Scalar::Sint64 | Scalar::Sfixed64 => {
            integers(i64::MIN.into(), i64::MAX.into())
        }
        Scalar::Uint32 | Scalar::Fixed32 => integers(0, u32::MAX.into()),
        Scalar::Uint64 | Scalar::Fixed64 => integers(0, u64::MAX.into()),
        Scalar::Float | Scalar::Double => {
            vec![Given::Float(1.5), Given::Float(1e-3), Given::Float(0.0)]
        }
        Scalar::String => [&b"a"[..], b"abcd", b"\x08\x01", b""].map(bytes).into(),
        Scalar::Bytes => [&b"a"[..], b"\xff", b"\x08\x01", b""].map(bytes).into(),
    }
}

fn bytes(text: &[u8]) -> Given {
    Given::Bytes(text.to_vec())
}

/// The field with these values: the last one only where it is no list, one entry each where it is a map.
pub(super) fn field(out: &mut Vec<u8>, field: &Field, given: &[Given]) {
    match &field.shape {
        FieldShape::Singular(ty) | FieldShape::Optional(ty) => {
            if let Some(value) = given.last() {
                tagged(out, field.number, ty, value);
            }
        }
        FieldShape::List(ty) if is_packed(ty) => {
            let mut inner = Vec::new();
            for value in given {
                plain(&mut inner, ty, value);
            }
            length_delimited(out, field.number, &inner);
        }
        FieldShape::List(ty) => {
            for value in given {
                tagged(out, field.number, ty, value);
            }
        }
        FieldShape::Map(key, _) => {
            let keys = scalar_candidates(*key);
            for (key, value) in keys.iter().zip(given) {
                entry(out, field, key, value);
            }
        }
    }
}

/// One entry of a map.
pub(super) fn entry(out: &mut Vec<u8>, field: &Field, key: &Given, value: &Given) {
    if let FieldShape::Map(scalar, ty) = &field.shape {
        let mut inner = Vec::new();
        tagged(&mut inner, 1, &FieldType::Scalar(*scalar), key);
        tagged(&mut inner, 2, ty, value);
        length_delimited(out, field.number, &inner);
    }
}

/// Whether lists of the type are written in one piece.
pub(in crate::breaking) fn is_packed(ty: &FieldType) -> bool {
    match ty {
        FieldType::Scalar(scalar) => !matches!(scalar, Scalar::String | Scalar::Bytes),
        FieldType::Enum(_) => true,
        FieldType::Message(_) => false,
    }
}

/// How a value is framed: 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes.
pub(super) fn wire_type(ty: &FieldType) -> u8 {
    match ty {
        FieldType::Message(_) | FieldType::Scalar(Scalar::String | Scalar::Bytes) => 2,
        FieldType::Scalar(Scalar::Double | Scalar::Fixed64 | Scalar::Sfixed64) => 1,
        FieldType::Scalar(Scalar::Float | Scalar::Fixed32 | Scalar::Sfixed32) => 5,
        FieldType::Enum(_) | FieldType::Scalar(_) => 0,
    }
}

fn tagged(out: &mut Vec<u8>, number: i32, ty: &FieldType, value: &Given) {
    tag(out, number, wire_type(ty));
    plain(out, ty, value);
}

fn length_delimited(out: &mut Vec<u8>, number: i32, inner: &[u8]) {
    tag(out, number, 2);
    varint(out, inner.len() as u64);
    out.extend(inner);
}

fn tag(out: &mut Vec<u8>, number: i32, wire_type: u8) {
    // Numbers are positive: the checker sees to it.
    varint(
        out,
        u64::from(number.unsigned_abs()) << 3 | u64::from(wire_type),
    );
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "values lie in the range of the type, and negative ones are written in two's complement"
)]
fn plain(out: &mut Vec<u8>, ty: &FieldType, value: &Given) {
    match value {
        Given::Bytes(bytes) => {
            varint(out, bytes.len() as u64);
            out.extend(bytes);
        }
        Given::Float(number) => match ty {
            FieldType::Scalar(Scalar::Float) => out.extend((*number as f32).to_le_bytes()),
            _ => out.extend(number.to_le_bytes()),
        },
        Given::Integer(number) => {
            let wide = *number as i64;
            match ty {
                FieldType::Scalar(Scalar::Fixed32 | Scalar::Sfixed32) => {
                    out.extend((*number as u32).to_le_bytes());
                }
                FieldType::Scalar(Scalar::Fixed64 | Scalar::Sfixed64) => {
                    out.extend((*number as u64).to_le_bytes());
                }
                FieldType::Scalar(Scalar::Sint32 | Scalar::Sint64) => {
                    varint(out, ((wide << 1) ^ (wide >> 63)) as u64);
                }
                _ => varint(out, *number as u64),
            }
        }
    }
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        #[expect(clippy::cast_possible_truncation, reason = "seven bits at a time")]
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    #[expect(clippy::cast_possible_truncation, reason = "less than 0x80")]
    out.push(number as u8);
}
