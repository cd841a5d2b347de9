//! Declarations from protobuf descriptors: those of Protobuf's own files, and of a descriptor set.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    FileDescriptorSet,
};

use super::{Frozen, Lock};
use crate::descriptor;
use crate::model::{
    Docs, Enum, EnumValue, Field, FieldShape, FieldType, FullName, Group, Groups, Message, Oneof,
    Release, ReservedNumbers, Scalar, Service,
};
use crate::source::Span;

static WELL_KNOWN: LazyLock<Declarations> =
    LazyLock::new(|| Declarations::of(&descriptor::well_known_files()));

/// A message of Protobuf's own.
pub(super) fn well_known_message(name: &FullName) -> Option<&'static Message> {
    WELL_KNOWN.messages.get(name)
}

/// An enum of Protobuf's own.
pub(super) fn well_known_enum(name: &FullName) -> Option<&'static Enum> {
    WELL_KNOWN.enums.get(name)
}

/// The messages and enums of a binary `FileDescriptorSet`, as the text of a lock: see [`of_descriptors`].
///
/// # Errors
/// Why the bytes are no descriptor set.
pub fn of_descriptor_set(bytes: &[u8]) -> Result<String, prost::DecodeError> {
    FileDescriptorSet::decode(bytes).map(|set| of_descriptors(&set.file))
}

/// The messages and enums of a descriptor set, as the text of a lock that holds one release: so they have lines to show.
/// Its service is a stand-in without methods: descriptors know neither releases nor groups.
pub fn of_descriptors(files: &[FileDescriptorProto]) -> String {
    let declarations = Declarations::of(files);
    let release = Release { major: 0, minor: 0 };
    let lock = Lock {
        releases: vec![Frozen {
            release,
            service: Service {
                name: FullName("descriptors".into()),
                docs: Docs::default(),
                deprecated: None,
                releases: vec![release],
                groups: Groups {
                    named: vec![Group {
                        name: "default".to_owned(),
                    }],
                    open: false,
                },
                methods: Vec::new(),
                span: Span::NOWHERE,
            },
            messages: declarations.messages.into_values().collect(),
            errors: Vec::new(),
            enums: declarations.enums.into_values().collect(),
        }],
    };
    lock.text()
}

/// Messages and enums by name, nested ones beside those that they are nested in.
#[derive(Default)]
struct Declarations {
    messages: BTreeMap<FullName, Message>,
    enums: BTreeMap<FullName, Enum>,
}

impl Declarations {
    fn of(files: &[FileDescriptorProto]) -> Self {
        let mut all = Self::default();
        for file in files {
            let presence = file.syntax() != "proto3";
            for message in &file.message_type {
                all.message(file.package(), message, presence);
            }
            for declared in &file.enum_type {
                all.enumeration(file.package(), declared);
            }
        }
        all
    }

    /// `presence`: whether fields without a label of their own tell absence from zero, as those of proto2 do.
    fn message(&mut self, scope: &str, proto: &DescriptorProto, presence: bool) {
        let name = join(scope, proto.name());
        for nested in &proto.nested_type {
            if !nested
                .options
                .as_ref()
                .is_some_and(prost_types::MessageOptions::map_entry)
            {
                self.message(&name, nested, presence);
            }
        }
        for declared in &proto.enum_type {
            self.enumeration(&name, declared);
        }
        // A synthetic oneof, which makes a field optional, has that field alone and stands behind the declared ones.
        let synthetic = |place: usize| {
            proto.field.iter().any(|field| {
                field.proto3_optional() && usize::try_from(field.oneof_index()) == Ok(place)
            })
        };
        let oneofs: Vec<&str> = proto
            .oneof_decl
            .iter()
            .enumerate()
            .filter(|(place, _)| !synthetic(*place))
            .map(|(_, oneof)| oneof.name())
            .collect();
        let message = Message {
            name: FullName(name.as_str().into()),
            docs: Docs::default(),
            deprecated: None,
            fields: proto
                .field
                .iter()
                .map(|field| lift(proto, field, oneofs.len(), presence))
                .collect(),
            oneofs: oneofs.into_iter().map(oneof).collect(),
            messages: Vec::new(),
            enums: Vec::new(),
            reserved_numbers: proto
                .reserved_range
                .iter()
                .map(|range| ReservedNumbers {
                    from: range.start(),
                    to: range.end().saturating_sub(1),
                })
                .collect(),
            reserved_names: proto.reserved_name.clone(),
            span: Span::NOWHERE,
        };
        self.messages.insert(message.name.clone(), message);
    }

    fn enumeration(&mut self, scope: &str, proto: &EnumDescriptorProto) {
        let declared = Enum {
            name: FullName(join(scope, proto.name()).into()),
            docs: Docs::default(),
            deprecated: None,
            values: proto
                .value
                .iter()
                .map(|value| EnumValue {
                    name: value.name().to_owned(),
                    descriptor_name: value.name().to_owned(),
                    docs: Docs::default(),
                    deprecated: None,
                    number: value.number(),
                    span: Span::NOWHERE,
                })
                .collect(),
            allow_alias: false,
            reserved_numbers: proto
                .reserved_range
                .iter()
                .map(|range| ReservedNumbers {
                    from: range.start(),
                    to: range.end(),
                })
                .collect(),
            reserved_names: proto.reserved_name.clone(),
            span: Span::NOWHERE,
        };
        self.enums.insert(declared.name.clone(), declared);
    }
}

fn oneof(name: &str) -> Oneof {
    Oneof {
        name: name.to_owned(),
        docs: Docs::default(),
        required: false,
        span: Span::NOWHERE,
    }
}

fn join(scope: &str, name: &str) -> String {
    if scope.is_empty() {
        name.to_owned()
    } else {
        format!("{scope}.{name}")
    }
}

fn lift(
    message: &DescriptorProto,
    field: &FieldDescriptorProto,
    oneofs: usize,
    presence: bool,
) -> Field {
    let oneof = field
        .oneof_index
        .filter(|_| !field.proto3_optional())
        .and_then(|place| usize::try_from(place).ok())
        .filter(|place| *place < oneofs);
    let ty = field_type(field);
    let explicit = field.proto3_optional() || (presence && oneof.is_none());
    let shape = match field.label() {
        Label::Repeated => entry(message, field).unwrap_or(FieldShape::List(ty)),
        Label::Optional | Label::Required if explicit => FieldShape::Optional(ty),
        Label::Optional | Label::Required => FieldShape::Singular(ty),
    };
    let default = descriptor::json_name(field.name());
    Field {
        name: field.name().to_owned(),
        docs: Docs::default(),
        deprecated: None,
        number: field.number(),
        shape,
        oneof,
        json_name: field.json_name.clone().filter(|name| *name != default),
        redact: false,
        rules: Vec::new(),
        span: Span::NOWHERE,
    }
}

/// The map that a repeated field is, if its type is the entry of one.
fn entry(message: &DescriptorProto, field: &FieldDescriptorProto) -> Option<FieldShape> {
    let simple = field.type_name().rsplit('.').next()?;
    let entry = message.nested_type.iter().find(|nested| {
        nested.name() == simple
            && nested
                .options
                .as_ref()
                .is_some_and(prost_types::MessageOptions::map_entry)
    })?;
    let part = |number| entry.field.iter().find(|part| part.number() == number);
    let FieldType::Scalar(key) = field_type(part(1)?) else {
        return None;
    };
    Some(FieldShape::Map(key, field_type(part(2)?)))
}

fn field_type(field: &FieldDescriptorProto) -> FieldType {
    let name = || FullName(field.type_name().trim_start_matches('.').into());
    FieldType::Scalar(match field.r#type() {
        Type::Message | Type::Group => return FieldType::Message(name()),
        Type::Enum => return FieldType::Enum(name()),
        Type::Bool => Scalar::Bool,
        Type::Int32 => Scalar::Int32,
        Type::Int64 => Scalar::Int64,
        Type::Uint32 => Scalar::Uint32,
        Type::Uint64 => Scalar::Uint64,
        Type::Sint32 => Scalar::Sint32,
        Type::Sint64 => Scalar::Sint64,
        Type::Fixed32 => Scalar::Fixed32,
        Type::Fixed64 => Scalar::Fixed64,
        Type::Sfixed32 => Scalar::Sfixed32,
        Type::Sfixed64 => Scalar::Sfixed64,
        Type::Float => Scalar::Float,
        Type::Double => Scalar::Double,
        Type::String => Scalar::String,
        Type::Bytes => Scalar::Bytes,
    })
}
