//! Reads bytes by a surface, as prost reads them by generated code.

use crate::model::{Field, FieldShape, FieldType, Message, Scalar};
use crate::surface::Surface;

use super::encode::{is_packed, wire_type};

/// How deep messages lie in one another: as deep as prost follows.
const DEPTH: usize = 100;

/// A message that was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Decoded<'a> {
    /// What it is read as; absent for the inside of a map.
    pub(super) message: Option<&'a Message>,
    /// What was there, by field.
    pub(super) fields: Vec<(&'a Field, Slot<'a>)>,
}

/// What a field holds.
#[derive(Clone, Debug)]
pub(super) enum Slot<'a> {
    One(Value<'a>),
    Many(Vec<Value<'a>>),
    Map(Vec<(Value<'a>, Value<'a>)>),
}

/// One value.
#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    Integer(i128),
    Float(f64),
    Bytes(Vec<u8>),
    Message(Decoded<'a>),
}

/// What a field looks like from outside.
enum Raw<'b> {
    Varint(u64),
    Eight([u8; 8]),
    Four([u8; 4]),
    Bytes(&'b [u8]),
}

impl Raw<'_> {
    fn wire_type(&self) -> u8 {
        match self {
            Self::Varint(_) => 0,
            Self::Eight(_) => 1,
            Self::Bytes(_) => 2,
            Self::Four(_) => 5,
        }
    }
}

pub(super) fn message<'a>(
    surface: &Surface<'a>,
    message: &'a Message,
    bytes: &[u8],
    depth: usize,
) -> Result<Decoded<'a>, String> {
    let mut decoded = Decoded {
        message: Some(message),
        fields: Vec::new(),
    };
    merge(surface, message, bytes, depth, &mut decoded)?;
    Ok(decoded)
}

fn merge<'a>(
    surface: &Surface<'a>,
    message: &'a Message,
    mut bytes: &[u8],
    depth: usize,
    into: &mut Decoded<'a>,
) -> Result<(), String> {
    if depth > DEPTH {
        return Err("messages lie too deep in one another".to_owned());
    }
    while !bytes.is_empty() {
        let (number, raw) = next(&mut bytes)?;
        let field = message
            .fields
            .iter()
            .find(|field| u64::from(field.number.unsigned_abs()) == number);
        if let Some(field) = field {
            set(surface, field, &raw, depth, into).map_err(|why| {
                match why.strip_prefix("field `") {
                    Some(inner) => format!("field `{}.{inner}", field.name),
                    None => format!("field `{}` {why}", field.name),
                }
            })?;
        }
    }
    Ok(())
}

/// The next field of a message.
fn next<'b>(bytes: &mut &'b [u8]) -> Result<(u64, Raw<'b>), String> {
    let key = varint(bytes)?;
    let number = key >> 3;
    if number == 0 || key > u64::from(u32::MAX) {
        return Err("it has a field without a number".to_owned());
    }
    let raw = match key & 7 {
        0 => Raw::Varint(varint(bytes)?),
        1 => Raw::Eight(array(bytes)?),
        2 => {
            let length = usize::try_from(varint(bytes)?).map_err(|_| short())?;
            let (inner, rest) = bytes.split_at_checked(length).ok_or_else(short)?;
            *bytes = rest;
            Raw::Bytes(inner)
        }
        5 => Raw::Four(array(bytes)?),
        other => return Err(format!("it has a field of the unknown wire type {other}")),
    };
    Ok((number, raw))
}

fn short() -> String {
    "it ends too early".to_owned()
}

fn array<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], String> {
    let (first, rest) = bytes.split_first_chunk::<N>().ok_or_else(short)?;
    *bytes = rest;
    Ok(*first)
}

fn varint(bytes: &mut &[u8]) -> Result<u64, String> {
    let mut number = 0u64;
    for place in 0..10 {
        let (&byte, rest) = bytes.split_first().ok_or_else(short)?;
        *bytes = rest;
        if place == 9 && byte > 1 {
            break;
        }
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err("it has a number that does not end".to_owned())
}

fn set<'a>(
    surface: &Surface<'a>,
    field: &'a Field,
    raw: &Raw<'_>,
    depth: usize,
    into: &mut Decoded<'a>,
) -> Result<(), String> {
    if let Some(oneof) = field.oneof {
        into.fields
            .retain(|(other, _)| other.oneof != Some(oneof) || other.number == field.number);
    }
    let known = into
        .fields
        .iter()
        .position(|(other, _)| other.number == field.number);
    let place = known.unwrap_or(into.fields.len());
    match &field.shape {
        FieldShape::Singular(ty) | FieldShape::Optional(ty) => {
            let before = known.map(|_| into.fields.remove(place).1);
            let value = match (before, ty, raw) {
                // A message that comes twice is one message.
                (
                    Some(Slot::One(Value::Message(mut before))),
                    FieldType::Message(_),
                    Raw::Bytes(bytes),
                ) => {
                    if let Some(inner) = before.message {
                        merge(surface, inner, bytes, depth + 1, &mut before)?;
                    }
                    Value::Message(before)
                }
                _ => value(surface, ty, raw, depth)?,
            };
            into.fields.insert(place, (field, Slot::One(value)));
        }
        FieldShape::List(ty) => {
            if known.is_none() {
                into.fields.push((field, Slot::Many(Vec::new())));
            }
            let mut values = Vec::new();
            match raw {
                Raw::Bytes(bytes) if is_packed(ty) => {
                    let mut rest = *bytes;
                    while !rest.is_empty() {
                        let raw = match wire_type(ty) {
                            0 => Raw::Varint(varint(&mut rest)?),
                            1 => Raw::Eight(array(&mut rest)?),
                            _ => Raw::Four(array(&mut rest)?),
                        };
                        values.push(value(surface, ty, &raw, depth)?);
                    }
                }
                raw => values.push(value(surface, ty, raw, depth)?),
            }
            if let Slot::Many(list) = &mut into.fields[place].1 {
                list.extend(values);
            }
        }
        FieldShape::Map(key, ty) => {
            let Raw::Bytes(mut rest) = *raw else {
                return Err(frame(raw, 2));
            };
            let key_type = FieldType::Scalar(*key);
            let (mut found_key, mut found_value) = (None, None);
            while !rest.is_empty() {
                match next(&mut rest)? {
                    (1, raw) => found_key = Some(value(surface, &key_type, &raw, depth)?),
                    (2, raw) => found_value = Some(value(surface, ty, &raw, depth + 1)?),
                    _ => {}
                }
            }
            let key = found_key.unwrap_or_else(|| zero(surface, &key_type));
            let one = found_value.unwrap_or_else(|| zero(surface, ty));
            if known.is_none() {
                into.fields.push((field, Slot::Map(Vec::new())));
            }
            if let Slot::Map(entries) = &mut into.fields[place].1 {
                let text = |value: &Value<'_>| format!("{value:?}");
                entries.retain(|(other, _)| text(other) != text(&key));
                entries.push((key, one));
            }
        }
    }
    Ok(())
}

fn frame(raw: &Raw<'_>, wanted: u8) -> String {
    format!(
        "comes with the wire type {} instead of {wanted}",
        raw.wire_type()
    )
}

fn value<'a>(
    surface: &Surface<'a>,
    ty: &FieldType,
    raw: &Raw<'_>,
    depth: usize,
) -> Result<Value<'a>, String> {
    let wrong = || Err(frame(raw, wire_type(ty)));
    match (ty, raw) {
        (FieldType::Message(name), Raw::Bytes(bytes)) => match surface.message(name) {
            Some(inner) => Ok(Value::Message(message(surface, inner, bytes, depth + 1)?)),
            None => Ok(Value::Bytes(bytes.to_vec())),
        },
        (FieldType::Scalar(Scalar::String), Raw::Bytes(bytes)) => match str::from_utf8(bytes) {
            Ok(_) => Ok(Value::Bytes(bytes.to_vec())),
            Err(_) => Err("is not UTF-8".to_owned()),
        },
        (FieldType::Scalar(Scalar::Bytes), Raw::Bytes(bytes)) => Ok(Value::Bytes(bytes.to_vec())),
        (FieldType::Enum(_), Raw::Varint(number)) => Ok(Value::Integer(low(*number).into())),
        (FieldType::Scalar(scalar), Raw::Varint(number)) => {
            varint_value(*scalar, *number).map_or_else(wrong, |number| Ok(Value::Integer(number)))
        }
        (FieldType::Scalar(scalar), Raw::Four(bytes)) => match scalar {
            Scalar::Float => Ok(Value::Float(f32::from_le_bytes(*bytes).into())),
            Scalar::Fixed32 => Ok(Value::Integer(u32::from_le_bytes(*bytes).into())),
            Scalar::Sfixed32 => Ok(Value::Integer(i32::from_le_bytes(*bytes).into())),
            _ => wrong(),
        },
        (FieldType::Scalar(scalar), Raw::Eight(bytes)) => match scalar {
            Scalar::Double => Ok(Value::Float(f64::from_le_bytes(*bytes))),
            Scalar::Fixed64 => Ok(Value::Integer(u64::from_le_bytes(*bytes).into())),
            Scalar::Sfixed64 => Ok(Value::Integer(i64::from_le_bytes(*bytes).into())),
            _ => wrong(),
        },
        _ => wrong(),
    }
}

/// The number that a varint is read as, `None` where the type is no varint.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "readers of protobuf keep the low bits"
)]
fn varint_value(scalar: Scalar, number: u64) -> Option<i128> {
    let zigzag = |number: u64| (number >> 1) as i64 ^ -((number & 1) as i64);
    Some(match scalar {
        Scalar::Bool => i128::from(number != 0),
        Scalar::Int32 => low(number).into(),
        Scalar::Int64 => (number as i64).into(),
        Scalar::Uint32 => (number as u32).into(),
        Scalar::Uint64 => number.into(),
        Scalar::Sint32 => zigzag(u64::from(number as u32)).into(),
        Scalar::Sint64 => zigzag(number).into(),
        _ => return None,
    })
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "readers of protobuf keep the low bits"
)]
fn low(number: u64) -> i32 {
    number as i32
}

fn zero<'a>(surface: &Surface<'a>, ty: &FieldType) -> Value<'a> {
    match ty {
        FieldType::Scalar(Scalar::String | Scalar::Bytes) => Value::Bytes(Vec::new()),
        FieldType::Scalar(Scalar::Float | Scalar::Double) => Value::Float(0.0),
        FieldType::Scalar(_) | FieldType::Enum(_) => Value::Integer(0),
        FieldType::Message(name) => Value::Message(Decoded {
            message: surface.message(name),
            fields: Vec::new(),
        }),
    }
}
