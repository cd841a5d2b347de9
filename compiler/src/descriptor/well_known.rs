//! Protobuf's own files, which every tool knows: built here, so that no `protoc` and no `.proto` file is needed.

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, EnumValueDescriptorProto, FieldDescriptorProto,
    FileDescriptorProto, OneofDescriptorProto,
};

use super::message::{json_name, map_entry};
use crate::model::{FieldType, FullName, Scalar};

/// The names of these files.
pub(super) const FILES: [&str; 10] = [
    "google/protobuf/any.proto",
    "google/protobuf/api.proto",
    "google/protobuf/duration.proto",
    "google/protobuf/empty.proto",
    "google/protobuf/field_mask.proto",
    "google/protobuf/source_context.proto",
    "google/protobuf/struct.proto",
    "google/protobuf/timestamp.proto",
    "google/protobuf/type.proto",
    "google/protobuf/wrappers.proto",
];

/// The descriptor of `google/protobuf/….proto`, if it is one of those that need no import.
pub(super) fn file(name: &str) -> Option<FileDescriptorProto> {
    let (dependencies, messages, enums) = match name {
        "google/protobuf/any.proto" => (vec![], any(), vec![]),
        "google/protobuf/api.proto" => (vec!["source_context", "type"], api(), vec![]),
        "google/protobuf/duration.proto" => (vec![], vec![seconds_and_nanos("Duration")], vec![]),
        "google/protobuf/empty.proto" => (vec![], vec![message("Empty", vec![])], vec![]),
        "google/protobuf/field_mask.proto" => (vec![], field_mask(), vec![]),
        "google/protobuf/source_context.proto" => (vec![], source_context(), vec![]),
        "google/protobuf/struct.proto" => (
            vec![],
            structs(),
            vec![numbered("NullValue", &["NULL_VALUE"])],
        ),
        "google/protobuf/timestamp.proto" => (vec![], vec![seconds_and_nanos("Timestamp")], vec![]),
        "google/protobuf/type.proto" => (vec!["any", "source_context"], types(), vec![syntax()]),
        "google/protobuf/wrappers.proto" => (vec![], wrappers(), vec![]),
        _ => return None,
    };
    Some(FileDescriptorProto {
        name: Some(name.to_owned()),
        package: Some("google.protobuf".to_owned()),
        dependency: dependencies
            .into_iter()
            .map(|stem| format!("google/protobuf/{stem}.proto"))
            .collect(),
        message_type: messages,
        enum_type: enums,
        syntax: Some("proto3".to_owned()),
        ..FileDescriptorProto::default()
    })
}

fn any() -> Vec<DescriptorProto> {
    vec![message(
        "Any",
        vec![
            one(1, "type_url", Type::String),
            one(2, "value", Type::Bytes),
        ],
    )]
}

fn seconds_and_nanos(name: &str) -> DescriptorProto {
    message(
        name,
        vec![one(1, "seconds", Type::Int64), one(2, "nanos", Type::Int32)],
    )
}

fn field_mask() -> Vec<DescriptorProto> {
    vec![message(
        "FieldMask",
        vec![many(one(1, "paths", Type::String))],
    )]
}

fn source_context() -> Vec<DescriptorProto> {
    vec![message(
        "SourceContext",
        vec![one(1, "file_name", Type::String)],
    )]
}

fn wrappers() -> Vec<DescriptorProto> {
    [
        ("DoubleValue", Type::Double),
        ("FloatValue", Type::Float),
        ("Int64Value", Type::Int64),
        ("UInt64Value", Type::Uint64),
        ("Int32Value", Type::Int32),
        ("UInt32Value", Type::Uint32),
        ("BoolValue", Type::Bool),
        ("StringValue", Type::String),
        ("BytesValue", Type::Bytes),
    ]
    .map(|(name, r#type)| message(name, vec![one(1, "value", r#type)]))
    .into()
}

fn structs() -> Vec<DescriptorProto> {
    let value_type = FieldType::Message(FullName("google.protobuf.Value".into()));
    let fields = many(of(1, "fields", Type::Message, "Struct.FieldsEntry"));
    let mut a_struct = message("Struct", vec![fields]);
    a_struct.nested_type = vec![map_entry("fields", Scalar::String, &value_type)];

    let mut value = message(
        "Value",
        vec![
            of(1, "null_value", Type::Enum, "NullValue"),
            one(2, "number_value", Type::Double),
            one(3, "string_value", Type::String),
            one(4, "bool_value", Type::Bool),
            of(5, "struct_value", Type::Message, "Struct"),
            of(6, "list_value", Type::Message, "ListValue"),
        ],
    );
    for field in &mut value.field {
        field.oneof_index = Some(0);
    }
    value.oneof_decl = vec![OneofDescriptorProto {
        name: Some("kind".to_owned()),
        ..OneofDescriptorProto::default()
    }];

    let list = message(
        "ListValue",
        vec![many(of(1, "values", Type::Message, "Value"))],
    );
    vec![a_struct, value, list]
}

fn types() -> Vec<DescriptorProto> {
    let options = |number| many(of(number, "options", Type::Message, "Option"));
    let context = |number| of(number, "source_context", Type::Message, "SourceContext");
    let syntax = |number| of(number, "syntax", Type::Enum, "Syntax");
    let mut field = message(
        "Field",
        vec![
            of(1, "kind", Type::Enum, "Field.Kind"),
            of(2, "cardinality", Type::Enum, "Field.Cardinality"),
            one(3, "number", Type::Int32),
            one(4, "name", Type::String),
            one(6, "type_url", Type::String),
            one(7, "oneof_index", Type::Int32),
            one(8, "packed", Type::Bool),
            options(9),
            one(10, "json_name", Type::String),
            one(11, "default_value", Type::String),
        ],
    );
    field.enum_type = vec![
        numbered(
            "Kind",
            &[
                "TYPE_UNKNOWN",
                "TYPE_DOUBLE",
                "TYPE_FLOAT",
                "TYPE_INT64",
                "TYPE_UINT64",
                "TYPE_INT32",
                "TYPE_FIXED64",
                "TYPE_FIXED32",
                "TYPE_BOOL",
                "TYPE_STRING",
                "TYPE_GROUP",
                "TYPE_MESSAGE",
                "TYPE_BYTES",
                "TYPE_UINT32",
                "TYPE_ENUM",
                "TYPE_SFIXED32",
                "TYPE_SFIXED64",
                "TYPE_SINT32",
                "TYPE_SINT64",
            ],
        ),
        numbered(
            "Cardinality",
            &[
                "CARDINALITY_UNKNOWN",
                "CARDINALITY_OPTIONAL",
                "CARDINALITY_REQUIRED",
                "CARDINALITY_REPEATED",
            ],
        ),
    ];
    vec![
        message(
            "Type",
            vec![
                one(1, "name", Type::String),
                many(of(2, "fields", Type::Message, "Field")),
                many(one(3, "oneofs", Type::String)),
                options(4),
                context(5),
                syntax(6),
                one(7, "edition", Type::String),
            ],
        ),
        field,
        message(
            "Enum",
            vec![
                one(1, "name", Type::String),
                many(of(2, "enumvalue", Type::Message, "EnumValue")),
                options(3),
                context(4),
                syntax(5),
                one(6, "edition", Type::String),
            ],
        ),
        message(
            "EnumValue",
            vec![
                one(1, "name", Type::String),
                one(2, "number", Type::Int32),
                options(3),
            ],
        ),
        message(
            "Option",
            vec![
                one(1, "name", Type::String),
                of(2, "value", Type::Message, "Any"),
            ],
        ),
    ]
}

fn api() -> Vec<DescriptorProto> {
    let options = |number| many(of(number, "options", Type::Message, "Option"));
    let syntax = |number| of(number, "syntax", Type::Enum, "Syntax");
    vec![
        message(
            "Api",
            vec![
                one(1, "name", Type::String),
                many(of(2, "methods", Type::Message, "Method")),
                options(3),
                one(4, "version", Type::String),
                of(5, "source_context", Type::Message, "SourceContext"),
                many(of(6, "mixins", Type::Message, "Mixin")),
                syntax(7),
                one(8, "edition", Type::String),
            ],
        ),
        message(
            "Method",
            vec![
                one(1, "name", Type::String),
                one(2, "request_type_url", Type::String),
                one(3, "request_streaming", Type::Bool),
                one(4, "response_type_url", Type::String),
                one(5, "response_streaming", Type::Bool),
                options(6),
                syntax(7),
                one(8, "edition", Type::String),
            ],
        ),
        message(
            "Mixin",
            vec![one(1, "name", Type::String), one(2, "root", Type::String)],
        ),
    ]
}

fn syntax() -> EnumDescriptorProto {
    numbered(
        "Syntax",
        &["SYNTAX_PROTO2", "SYNTAX_PROTO3", "SYNTAX_EDITIONS"],
    )
}

fn message(name: &str, field: Vec<FieldDescriptorProto>) -> DescriptorProto {
    DescriptorProto {
        name: Some(name.to_owned()),
        field,
        ..DescriptorProto::default()
    }
}

fn one(number: i32, name: &str, r#type: Type) -> FieldDescriptorProto {
    FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        label: Some(Label::Optional.into()),
        r#type: Some(r#type.into()),
        json_name: Some(json_name(name)),
        ..FieldDescriptorProto::default()
    }
}

fn of(number: i32, name: &str, r#type: Type, type_name: &str) -> FieldDescriptorProto {
    FieldDescriptorProto {
        type_name: Some(format!(".google.protobuf.{type_name}")),
        ..one(number, name, r#type)
    }
}

fn many(field: FieldDescriptorProto) -> FieldDescriptorProto {
    FieldDescriptorProto {
        label: Some(Label::Repeated.into()),
        ..field
    }
}

/// An enum whose values count from zero.
fn numbered(name: &str, values: &[&str]) -> EnumDescriptorProto {
    EnumDescriptorProto {
        name: Some(name.to_owned()),
        value: (0..)
            .zip(values)
            .map(|(number, value)| EnumValueDescriptorProto {
                name: Some((*value).to_owned()),
                number: Some(number),
                options: None,
            })
            .collect(),
        ..EnumDescriptorProto::default()
    }
}
