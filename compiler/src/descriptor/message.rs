//! Messages and enums as descriptors.

use std::collections::HashSet;

use prost_types::descriptor_proto::ReservedRange;
use prost_types::enum_descriptor_proto::EnumReservedRange;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, EnumOptions, EnumValueDescriptorProto, EnumValueOptions,
    FieldDescriptorProto, FieldOptions, MessageOptions, OneofDescriptorProto,
};

use crate::model::{Enum, EnumValue, Field, FieldShape, FieldType, Message, Scalar};

pub(super) fn lower_message(message: &Message) -> DescriptorProto {
    let mut fields = Vec::new();
    let mut entries = Vec::new();
    let mut oneofs: Vec<_> = message
        .oneofs
        .iter()
        .map(|declared| oneof(&declared.name))
        .collect();
    let declared = message.oneofs.iter().map(|oneof| &*oneof.name);
    let mut taken: HashSet<String> = declared
        .chain(message.fields.iter().map(|field| &*field.name))
        .map(str::to_owned)
        .collect();
    for field in &message.fields {
        let mut lowered = lower_field(field);
        match &field.shape {
            FieldShape::Map(key, value) => {
                let entry = map_entry(&field.name, *key, value);
                lowered.type_name = Some(format!(".{}.{}", message.name, entry.name()));
                entries.push(entry);
            }
            FieldShape::Optional(_) => {
                lowered.proto3_optional = Some(true);
                lowered.oneof_index = Some(index(oneofs.len()));
                oneofs.push(oneof(&synthetic_name(&mut taken, &field.name)));
            }
            FieldShape::Singular(_) | FieldShape::List(_) => {}
        }
        fields.push(lowered);
    }
    DescriptorProto {
        name: Some(message.name.simple().to_owned()),
        field: fields,
        nested_type: message
            .messages
            .iter()
            .map(lower_message)
            .chain(entries)
            .collect(),
        enum_type: message.enums.iter().map(lower_enum).collect(),
        oneof_decl: oneofs,
        options: message.deprecated.as_ref().map(|_| MessageOptions {
            deprecated: Some(true),
            ..MessageOptions::default()
        }),
        reserved_range: message
            .reserved_numbers
            .iter()
            .map(|range| ReservedRange {
                start: Some(range.from),
                // Half-open in a message, closed in an enum: so descriptors are.
                end: Some(range.to + 1),
            })
            .collect(),
        reserved_name: message.reserved_names.clone(),
        ..DescriptorProto::default()
    }
}

pub(super) fn lower_enum(declared: &Enum) -> EnumDescriptorProto {
    let deprecated = declared.deprecated.as_ref().map(|_| true);
    let allow_alias = declared.allow_alias.then_some(true);
    EnumDescriptorProto {
        name: Some(declared.name.simple().to_owned()),
        value: declared.values.iter().map(lower_value).collect(),
        options: (deprecated.is_some() || allow_alias.is_some()).then(|| EnumOptions {
            deprecated,
            allow_alias,
            ..EnumOptions::default()
        }),
        reserved_range: declared
            .reserved_numbers
            .iter()
            .map(|range| EnumReservedRange {
                start: Some(range.from),
                end: Some(range.to),
            })
            .collect(),
        reserved_name: declared.reserved_names.clone(),
    }
}

fn lower_value(value: &EnumValue) -> EnumValueDescriptorProto {
    EnumValueDescriptorProto {
        name: Some(value.descriptor_name.clone()),
        number: Some(value.number),
        options: value.deprecated.as_ref().map(|_| EnumValueOptions {
            deprecated: Some(true),
            ..EnumValueOptions::default()
        }),
    }
}

fn lower_field(field: &Field) -> FieldDescriptorProto {
    let (label, (r#type, type_name)) = match &field.shape {
        FieldShape::Singular(one) | FieldShape::Optional(one) => (Label::Optional, lower_type(one)),
        FieldShape::List(one) => (Label::Repeated, lower_type(one)),
        FieldShape::Map(..) => (Label::Repeated, (Type::Message, None)),
    };
    FieldDescriptorProto {
        name: Some(field.name.clone()),
        number: Some(field.number),
        label: Some(label.into()),
        r#type: Some(r#type.into()),
        type_name,
        oneof_index: field.oneof.map(index),
        json_name: Some(
            field
                .json_name
                .clone()
                .unwrap_or_else(|| json_name(&field.name)),
        ),
        options: field.deprecated.as_ref().map(|_| FieldOptions {
            deprecated: Some(true),
            ..FieldOptions::default()
        }),
        ..FieldDescriptorProto::default()
    }
}

fn lower_type(one: &FieldType) -> (Type, Option<String>) {
    match one {
        FieldType::Scalar(scalar) => (lower_scalar(*scalar), None),
        FieldType::Enum(name) => (Type::Enum, Some(format!(".{name}"))),
        FieldType::Message(name) => (Type::Message, Some(format!(".{name}"))),
    }
}

pub(super) fn lower_scalar(scalar: Scalar) -> Type {
    match scalar {
        Scalar::Bool => Type::Bool,
        Scalar::Int32 => Type::Int32,
        Scalar::Int64 => Type::Int64,
        Scalar::Uint32 => Type::Uint32,
        Scalar::Uint64 => Type::Uint64,
        Scalar::Sint32 => Type::Sint32,
        Scalar::Sint64 => Type::Sint64,
        Scalar::Fixed32 => Type::Fixed32,
        Scalar::Fixed64 => Type::Fixed64,
        Scalar::Sfixed32 => Type::Sfixed32,
        Scalar::Sfixed64 => Type::Sfixed64,
        Scalar::Float => Type::Float,
        Scalar::Double => Type::Double,
        Scalar::String => Type::String,
        Scalar::Bytes => Type::Bytes,
    }
}

/// The nested message that a map is on the wire.
pub(super) fn map_entry(field: &str, key: Scalar, value: &FieldType) -> DescriptorProto {
    let part =
        |name: &str, number, (r#type, type_name): (Type, Option<String>)| FieldDescriptorProto {
            name: Some(name.to_owned()),
            number: Some(number),
            label: Some(Label::Optional.into()),
            r#type: Some(r#type.into()),
            type_name,
            json_name: Some(name.to_owned()),
            ..FieldDescriptorProto::default()
        };
    DescriptorProto {
        name: Some(entry_name(field)),
        field: vec![
            part("key", 1, (lower_scalar(key), None)),
            part("value", 2, lower_type(value)),
        ],
        options: Some(MessageOptions {
            map_entry: Some(true),
            ..MessageOptions::default()
        }),
        ..DescriptorProto::default()
    }
}

/// `labels` → `LabelsEntry`, as `protoc` names it.
fn entry_name(field: &str) -> String {
    let mut name = camel(field, true);
    name.push_str("Entry");
    name
}

/// `legacy_id` → `legacyId`: the name in JSON of a field that says none, as `protoc` has it.
pub fn json_name(field: &str) -> String {
    camel(field, false)
}

/// Drops underscores and raises the letter behind each; protobuf's rule, which is no case conversion.
fn camel(name: &str, mut raise: bool) -> String {
    let mut out = String::with_capacity(name.len());
    for letter in name.chars() {
        if letter == '_' {
            raise = true;
        } else if raise {
            out.push(letter.to_ascii_uppercase());
            raise = false;
        } else {
            out.push(letter);
        }
    }
    out
}

/// The oneof that makes a field optional: `_note`, with as many `X` before it as it takes to be alone.
fn synthetic_name(taken: &mut HashSet<String>, field: &str) -> String {
    let mut name = if field.starts_with('_') {
        field.to_owned()
    } else {
        format!("_{field}")
    };
    while !taken.insert(name.clone()) {
        name.insert(0, 'X');
    }
    name
}

fn oneof(name: &str) -> OneofDescriptorProto {
    OneofDescriptorProto {
        name: Some(name.to_owned()),
        ..OneofDescriptorProto::default()
    }
}

fn index(position: usize) -> i32 {
    i32::try_from(position).expect("a source file holds fewer than 2^31 declarations")
}
