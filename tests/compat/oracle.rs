//! Whether a message that one contract wrote is the same to a reader of another: by another protobuf implementation, and
//! without any of the compiler's rules.

use std::collections::BTreeMap;

use callsheet_build::descriptor::lower;
use callsheet_build::model::Model;
use prost_reflect::prost::Message as _;
use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MapKey,
    MessageDescriptor, ReflectMessage as _, Value,
};

pub(crate) fn pool(model: &Model) -> DescriptorPool {
    let mut pool = DescriptorPool::new();
    pool.add_file_descriptor_protos(lower(model)).unwrap();
    pool
}

pub(crate) fn root(pool: &DescriptorPool) -> MessageDescriptor {
    pool.get_message_by_name("shop.orders.Root").unwrap()
}

/// The field of a reader's message that is the writer's: of the same name, or of the same number where the names are each
/// alone.
fn matched(writer: &FieldDescriptor, reader: &MessageDescriptor) -> Option<FieldDescriptor> {
    let names = writer.parent_message();
    reader.get_field_by_name(writer.name()).or_else(|| {
        let found = reader.get_field(writer.number())?;
        names
            .get_field_by_name(found.name())
            .is_none()
            .then_some(found)
    })
}

/// The first thing that the reader sees otherwise.
pub(crate) fn difference(written: &DynamicMessage, reader: &MessageDescriptor) -> Option<String> {
    match DynamicMessage::decode(reader.clone(), written.encode_to_vec().as_slice()) {
        Ok(read) => message(written, &read).err(),
        Err(error) => Some(error.to_string()),
    }
}

/// The first thing that is lost when a reader writes what it read, and the writer reads that again.
pub(crate) fn lost_on_the_way_back(
    written: &DynamicMessage,
    reader: &MessageDescriptor,
) -> Option<String> {
    let read = DynamicMessage::decode(reader.clone(), written.encode_to_vec().as_slice()).ok()?;
    let back = DynamicMessage::decode(written.descriptor(), read.encode_to_vec().as_slice());
    match back {
        Ok(back) => message(written, &back).err(),
        Err(error) => Some(error.to_string()),
    }
}

fn message(written: &DynamicMessage, read: &DynamicMessage) -> Result<(), String> {
    for writer in written.descriptor().fields() {
        let at = |what: &str| Err(format!("{}: {what}", writer.full_name()));
        let Some(reader) = matched(&writer, &read.descriptor()) else {
            let number = writer.number();
            let descriptor = read.descriptor();
            let mut ranges = descriptor.reserved_ranges();
            if written.has_field(&writer) && !ranges.any(|range| range.contains(&number)) {
                return at("is not there");
            }
            continue;
        };
        if reader.number() != writer.number() {
            if written.has_field(&writer) {
                return at("has another number");
            }
            continue;
        }
        let (old, new) = (written.get_field(&writer), read.get_field(&reader));
        let set = written.has_field(&writer);
        if writer.supports_presence() {
            let lost = if reader.supports_presence() {
                set != read.has_field(&reader)
            } else {
                // A list shows what was there by itself.
                set && !reader.is_list() && !read.has_field(&reader)
            };
            if lost {
                return at("is absent");
            }
            if !set {
                continue;
            }
        } else if !set && !read.has_field(&reader) {
            continue;
        }
        if !same_field(&writer, &old, &reader, &new) {
            return at(&format!("was {old}, is {new}"));
        }
    }
    Ok(())
}

fn same_field(
    writer: &FieldDescriptor,
    old: &Value,
    reader: &FieldDescriptor,
    new: &Value,
) -> bool {
    let one = |old: &Value, new: &Value| same(&writer.kind(), old, &reader.kind(), new);
    match (old, new) {
        (Value::Map(old), Value::Map(new)) => {
            let (Kind::Message(writer), Kind::Message(reader)) = (writer.kind(), reader.kind())
            else {
                return false;
            };
            let (writer, reader) = (
                writer.map_entry_value_field(),
                reader.map_entry_value_field(),
            );
            let new: BTreeMap<String, &Value> =
                new.iter().map(|(key, value)| (text(key), value)).collect();
            old.len() == new.len()
                && old.iter().all(|(key, old)| {
                    new.get(&text(key))
                        .is_some_and(|new| same(&writer.kind(), old, &reader.kind(), new))
                })
        }
        (Value::List(old), Value::List(new)) => {
            old.len() == new.len() && old.iter().zip(new).all(|(old, new)| one(old, new))
        }
        // One value became a list of one.
        (old, Value::List(new)) => new.len() == 1 && one(old, &new[0]),
        (Value::List(old), new) => old.len() == 1 && one(&old[0], new),
        (old, new) => one(old, new),
    }
}

/// A key as a number or a text, whatever its type.
fn text(key: &MapKey) -> String {
    match key {
        MapKey::Bool(key) => u8::from(*key).to_string(),
        MapKey::I32(key) => key.to_string(),
        MapKey::I64(key) => key.to_string(),
        MapKey::U32(key) => key.to_string(),
        MapKey::U64(key) => key.to_string(),
        MapKey::String(key) => format!("{key:?}"),
    }
}

fn same(writer: &Kind, old: &Value, reader: &Kind, new: &Value) -> bool {
    if let (Kind::Enum(writer), Kind::Enum(reader), Some(number)) =
        (writer, reader, old.as_enum_number())
        && !means_the_same(writer, reader, number)
    {
        return false;
    }
    match (integer(old), integer(new)) {
        (Some(old), Some(new)) => return old == new,
        (None, None) => {}
        _ => return false,
    }
    match (old, new) {
        (Value::F32(old), Value::F32(new)) => old.to_bits() == new.to_bits(),
        (Value::F64(old), Value::F64(new)) => old.to_bits() == new.to_bits(),
        (Value::String(old), Value::String(new)) => old == new,
        (Value::Bytes(old), Value::Bytes(new)) => old == new,
        (Value::String(old), Value::Bytes(new)) => old.as_bytes() == new,
        (Value::Bytes(old), Value::String(new)) => old == new.as_bytes(),
        (Value::Message(old), Value::Message(new)) => message(old, new).is_ok(),
        (Value::Message(old), Value::Bytes(new)) => old.encode_to_vec() == *new,
        _ => false,
    }
}

/// Whether the number stands for the same in both: under each name that it has, where the reader knows the name; and known
/// or given up, not unknown.
fn means_the_same(writer: &EnumDescriptor, reader: &EnumDescriptor, number: i32) -> bool {
    let suffix = |enumeration: &EnumDescriptor, name: &str| {
        let prefix = format!("{}_", enumeration.name().to_uppercase());
        name.strip_prefix(&prefix).unwrap_or(name).to_owned()
    };
    // Enums of two names have two prefixes, so that no value of the one is called as one of the other.
    let named = |name: &str| {
        let same_enum = writer.full_name() == reader.full_name();
        let mut values = reader.values();
        values
            .find(|value| same_enum && suffix(reader, value.name()) == suffix(writer, name))
            .map(|value| value.number())
    };
    let mut names = writer.values().filter(|value| value.number() == number);
    if names.any(|value| named(value.name()).is_some_and(|found| found != number)) {
        return false;
    }
    if writer.get_value(number).is_none() {
        return true;
    }
    reader.get_value(number).is_some()
        || reader
            .reserved_ranges()
            .any(|range| range.contains(&number))
}

fn integer(value: &Value) -> Option<i128> {
    Some(match value {
        Value::Bool(value) => i128::from(*value),
        Value::I32(value) | Value::EnumNumber(value) => (*value).into(),
        Value::I64(value) => (*value).into(),
        Value::U32(value) => (*value).into(),
        Value::U64(value) => (*value).into(),
        _ => return None,
    })
}
