//! What was read, as canonical JSON.

use std::fmt::Write as _;

use crate::descriptor::json_name;
use crate::model::{Field, FieldShape, FieldType, FullName, Scalar};
use crate::surface::Surface;

use super::decode::{Decoded, Slot, Value};

pub(super) fn message(surface: &Surface<'_>, decoded: &Decoded<'_>) -> String {
    let mut parts = Vec::new();
    let mut fields: Vec<&(&Field, Slot<'_>)> = decoded.fields.iter().collect();
    fields.sort_by_key(|(field, _)| field.number);
    for (field, slot) in fields {
        if !is_shown(field, slot) {
            continue;
        }
        let default = json_name(&field.name);
        let name = string(field.json_name.as_ref().unwrap_or(&default));
        parts.push(format!("{name}:{}", self::slot(surface, field, slot)));
    }
    format!("{{{}}}", parts.join(","))
}

/// Zeros are left out where a field cannot tell them from absence.
fn is_shown(field: &Field, slot: &Slot<'_>) -> bool {
    let explicit = field.oneof.is_some() || !matches!(field.shape, FieldShape::Singular(_));
    match slot {
        Slot::Many(values) => !values.is_empty(),
        Slot::Map(_) | Slot::One(Value::Message(_)) => true,
        Slot::One(_) if explicit => true,
        Slot::One(Value::Integer(number)) => *number != 0,
        Slot::One(Value::Float(number)) => number.to_bits() != 0,
        Slot::One(Value::Bytes(bytes)) => !bytes.is_empty(),
    }
}

fn slot(surface: &Surface<'_>, field: &Field, slot: &Slot<'_>) -> String {
    let ty = super::ty(&field.shape);
    match slot {
        Slot::One(one) => value(surface, ty, one),
        Slot::Many(values) => {
            let values: Vec<String> = values.iter().map(|one| value(surface, ty, one)).collect();
            format!("[{}]", values.join(","))
        }
        Slot::Map(entries) => {
            let FieldShape::Map(key, _) = field.shape else {
                return String::new();
            };
            let mut parts: Vec<String> = entries
                .iter()
                .map(|(name, one)| {
                    let mut name = value(surface, &FieldType::Scalar(key), name);
                    if !name.starts_with('"') {
                        name = string(&name);
                    }
                    format!("{name}:{}", value(surface, ty, one))
                })
                .collect();
            parts.sort();
            format!("{{{}}}", parts.join(","))
        }
    }
}

fn value(surface: &Surface<'_>, ty: &FieldType, value: &Value<'_>) -> String {
    match (value, ty) {
        (Value::Integer(number), FieldType::Enum(name)) => enum_value(surface, name, *number),
        (Value::Integer(number), FieldType::Scalar(Scalar::Bool)) => (*number != 0).to_string(),
        (
            Value::Integer(number),
            FieldType::Scalar(
                Scalar::Int64
                | Scalar::Uint64
                | Scalar::Sint64
                | Scalar::Fixed64
                | Scalar::Sfixed64,
            ),
        ) => format!("\"{number}\""),
        (Value::Integer(number), _) => number.to_string(),
        (Value::Float(number), FieldType::Scalar(Scalar::Float)) => {
            #[expect(clippy::cast_possible_truncation, reason = "it was a float before")]
            let number = *number as f32;
            float(number.is_finite(), &format!("{number:?}"))
        }
        (Value::Float(number), _) => float(number.is_finite(), &format!("{number:?}")),
        (Value::Bytes(bytes), FieldType::Scalar(Scalar::String)) => {
            string(&String::from_utf8_lossy(bytes))
        }
        (Value::Bytes(bytes), _) => format!("\"{}\"", base64(bytes)),
        (Value::Message(decoded), _) => message(surface, decoded),
    }
}

fn float(finite: bool, text: &str) -> String {
    match (finite, text) {
        (true, text) => text.to_owned(),
        (false, "inf") => "\"Infinity\"".to_owned(),
        (false, "-inf") => "\"-Infinity\"".to_owned(),
        (false, _) => "\"NaN\"".to_owned(),
    }
}

/// The first name of the number, or the number where it has none.
fn enum_value(surface: &Surface<'_>, name: &FullName, number: i128) -> String {
    let values = surface.enumeration(name).map(|declared| &declared.values);
    let known = values.and_then(|values| {
        values
            .iter()
            .find(|value| i128::from(value.number) == number)
    });
    known.map_or_else(
        || number.to_string(),
        |value| string(&value.descriptor_name),
    )
}

fn string(text: &str) -> String {
    // Strings always serialize.
    serde_json::to_string(text).unwrap_or_default()
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut block = [0; 3];
        block[..chunk.len()].copy_from_slice(chunk);
        let number = u32::from_be_bytes([0, block[0], block[1], block[2]]);
        for place in 0..4 {
            if place > chunk.len() {
                text.push('=');
            } else {
                let letter = (number >> (18 - 6 * place)) & 63;
                let _ = write!(text, "{}", char::from(LETTERS[letter as usize]));
            }
        }
    }
    text
}
