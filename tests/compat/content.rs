//! Random messages of any type, made from a seed.

use callsheet_tests::chance::Chance;
use prost_reflect::{DynamicMessage, Kind, MapKey, MessageDescriptor, Value};

/// A number of any size, the edges of types more often than others.
fn edge(chance: &mut Chance) -> u64 {
    let mut up_to = |limit: u64| chance.number() % limit;
    match up_to(6) {
        0 => 0,
        1 => up_to(4),
        2 => u64::from(u32::MAX) + up_to(3) - 1,
        3 => (1 << 31) + up_to(3) - 1,
        4 => u64::MAX - up_to(3),
        _ => {
            let number = chance.number();
            number >> chance.below(64)
        }
    }
}

/// A message with some of its fields set.
pub(crate) fn message(
    chance: &mut Chance,
    descriptor: &MessageDescriptor,
    depth: u32,
) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    for field in descriptor.fields() {
        if chance.below(3) == 0 {
            continue;
        }
        let value = if let Kind::Message(entry) = field.kind()
            && field.is_map()
        {
            let (key, value) = (entry.map_entry_key_field(), entry.map_entry_value_field());
            let count = chance.below(3);
            Value::Map(
                (0..count)
                    .map(|_| {
                        let key = map_key(value_of(chance, &key.kind(), depth));
                        (key, value_of(chance, &value.kind(), depth))
                    })
                    .collect(),
            )
        } else if field.is_list() {
            let count = chance.below(4);
            Value::List(
                (0..count)
                    .map(|_| value_of(chance, &field.kind(), depth))
                    .collect(),
            )
        } else {
            value_of(chance, &field.kind(), depth)
        };
        message.set_field(&field, value);
    }
    message
}

fn map_key(value: Value) -> MapKey {
    match value {
        Value::Bool(key) => MapKey::Bool(key),
        Value::I32(key) => MapKey::I32(key),
        Value::U64(key) => MapKey::U64(key),
        Value::String(key) => MapKey::String(key),
        other => panic!("no key of these contracts: {other:?}"),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    reason = "any bits are a number"
)]
fn value_of(chance: &mut Chance, kind: &Kind, depth: u32) -> Value {
    match kind {
        Kind::Bool => Value::Bool(chance.below(2) == 1),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(edge(chance) as i32),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(edge(chance) as i64),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(edge(chance) as u32),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(edge(chance)),
        Kind::Float => Value::F32(chance.below(9) as f32 / 4.0),
        Kind::Double => Value::F64(chance.below(9) as f64 / 4.0),
        Kind::String => Value::String("aé\u{0}~".chars().take(chance.below(5)).collect()),
        Kind::Bytes => {
            let length = chance.below(4);
            let bytes: Vec<u8> = (0..length).map(|_| chance.number() as u8).collect();
            Value::Bytes(bytes.into())
        }
        Kind::Enum(declared) => {
            let values: Vec<i32> = declared.values().map(|value| value.number()).collect();
            Value::EnumNumber(values[chance.below(values.len())])
        }
        Kind::Message(descriptor) if depth == 0 => {
            Value::Message(DynamicMessage::new(descriptor.clone()))
        }
        Kind::Message(descriptor) => Value::Message(message(chance, descriptor, depth - 1)),
    }
}
