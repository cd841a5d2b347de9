//! What was read, whatever its types are called: numbers as numbers, fields by number, a list of one as that one.
//!
//! So a `bool` that became an `int32` shows no difference, and a cut-off number does.

use std::fmt::Write as _;

use crate::model::{Field, FieldShape};

use super::decode::{Decoded, Slot, Value};

/// The message in words of its own.
///
/// A list of one zero is that zero to whoever knows it, and nothing to whoever leaves zeros out: `lone_zero` says which.
pub(super) fn message(decoded: &Decoded<'_>, lone_zero: bool) -> String {
    let mut fields: Vec<&(&Field, Slot<'_>)> = decoded.fields.iter().collect();
    fields.sort_by_key(|(field, _)| field.number);
    let mut text = String::from("{");
    for (field, slot) in fields {
        let explicit = match field.shape {
            FieldShape::Singular(_) => field.oneof.is_some(),
            FieldShape::List(_) => lone_zero,
            FieldShape::Optional(_) | FieldShape::Map(..) => true,
        };
        let meaning = self::slot(slot, lone_zero);
        if explicit || !matches!(&*meaning, "0" | "f0" | "x") {
            let _ = write!(text, "{}:{meaning};", field.number);
        }
    }
    text.push('}');
    text
}

fn slot(slot: &Slot<'_>, lone_zero: bool) -> String {
    let value = |one: &Value<'_>| value(one, lone_zero);
    match slot {
        Slot::One(one) => value(one),
        Slot::Many(values) if values.len() == 1 => value(&values[0]),
        Slot::Many(values) => {
            let values: Vec<String> = values.iter().map(value).collect();
            format!("[{}]", values.join(","))
        }
        Slot::Map(entries) => {
            let mut entries: Vec<String> = entries
                .iter()
                .map(|(key, one)| format!("{}={}", value(key), value(one)))
                .collect();
            entries.sort();
            format!("<{}>", entries.join(","))
        }
    }
}

fn value(value: &Value<'_>, lone_zero: bool) -> String {
    match value {
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => format!("f{:x}", number.to_bits()),
        Value::Bytes(bytes) => bytes.iter().fold("x".to_owned(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        }),
        Value::Message(decoded) => message(decoded, lone_zero),
    }
}
