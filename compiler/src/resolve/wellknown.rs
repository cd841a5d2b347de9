//! Protobuf's well-known types: known to every file without an import.

use crate::model::Scalar;

/// One well-known message or enum.
#[derive(Clone, Copy, Debug)]
pub struct WellKnown {
    /// Its full name.
    pub name: &'static str,
    /// The import path of the `.proto` file that declares it.
    pub proto: &'static str,
    /// Its fields; `None` for an enum.
    pub fields: Option<&'static [(&'static str, WellKnownField)]>,
}

/// What a field of a well-known message holds, as far as a path through it must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WellKnownField {
    /// One scalar.
    Scalar(Scalar),
    /// One enum.
    Enum,
    /// One message, by full name.
    Message(&'static str),
    /// A list or map.
    Many,
}

use WellKnownField::{Enum, Many, Message, Scalar as One};

/// The well-known type of this full name.
pub fn well_known(name: &str) -> Option<&'static WellKnown> {
    ALL.iter().find(|known| known.name == name)
}

/// The word that names a well-known type in `.rpc` files, with its full name.
pub(crate) const WORDS: [(&str, &str); 6] = [
    ("timestamp", "google.protobuf.Timestamp"),
    ("duration", "google.protobuf.Duration"),
    ("empty", "google.protobuf.Empty"),
    ("any", "google.protobuf.Any"),
    ("struct", "google.protobuf.Struct"),
    ("value", "google.protobuf.Value"),
];

const fn message(
    name: &'static str,
    proto: &'static str,
    fields: &'static [(&'static str, WellKnownField)],
) -> WellKnown {
    WellKnown {
        name,
        proto,
        fields: Some(fields),
    }
}

const fn plain_enum(name: &'static str, proto: &'static str) -> WellKnown {
    WellKnown {
        name,
        proto,
        fields: None,
    }
}

const ANY: &str = "google/protobuf/any.proto";
const API: &str = "google/protobuf/api.proto";
const DURATION: &str = "google/protobuf/duration.proto";
const EMPTY: &str = "google/protobuf/empty.proto";
const FIELD_MASK: &str = "google/protobuf/field_mask.proto";
const SOURCE_CONTEXT: &str = "google/protobuf/source_context.proto";
const STRUCT: &str = "google/protobuf/struct.proto";
const TIMESTAMP: &str = "google/protobuf/timestamp.proto";
const TYPE: &str = "google/protobuf/type.proto";
const WRAPPERS: &str = "google/protobuf/wrappers.proto";

const CONTEXT: (&str, WellKnownField) =
    ("source_context", Message("google.protobuf.SourceContext"));

/// Every one of them.
pub(crate) const ALL: &[WellKnown] = &[
    message(
        "google.protobuf.Any",
        ANY,
        &[
            ("type_url", One(Scalar::String)),
            ("value", One(Scalar::Bytes)),
        ],
    ),
    message(
        "google.protobuf.Duration",
        DURATION,
        &[
            ("seconds", One(Scalar::Int64)),
            ("nanos", One(Scalar::Int32)),
        ],
    ),
    message("google.protobuf.Empty", EMPTY, &[]),
    message("google.protobuf.FieldMask", FIELD_MASK, &[("paths", Many)]),
    message(
        "google.protobuf.SourceContext",
        SOURCE_CONTEXT,
        &[("file_name", One(Scalar::String))],
    ),
    message("google.protobuf.Struct", STRUCT, &[("fields", Many)]),
    message(
        "google.protobuf.Value",
        STRUCT,
        &[
            ("null_value", Enum),
            ("number_value", One(Scalar::Double)),
            ("string_value", One(Scalar::String)),
            ("bool_value", One(Scalar::Bool)),
            ("struct_value", Message("google.protobuf.Struct")),
            ("list_value", Message("google.protobuf.ListValue")),
        ],
    ),
    message("google.protobuf.ListValue", STRUCT, &[("values", Many)]),
    plain_enum("google.protobuf.NullValue", STRUCT),
    message(
        "google.protobuf.Timestamp",
        TIMESTAMP,
        &[
            ("seconds", One(Scalar::Int64)),
            ("nanos", One(Scalar::Int32)),
        ],
    ),
    message(
        "google.protobuf.DoubleValue",
        WRAPPERS,
        &[("value", One(Scalar::Double))],
    ),
    message(
        "google.protobuf.FloatValue",
        WRAPPERS,
        &[("value", One(Scalar::Float))],
    ),
    message(
        "google.protobuf.Int64Value",
        WRAPPERS,
        &[("value", One(Scalar::Int64))],
    ),
    message(
        "google.protobuf.UInt64Value",
        WRAPPERS,
        &[("value", One(Scalar::Uint64))],
    ),
    message(
        "google.protobuf.Int32Value",
        WRAPPERS,
        &[("value", One(Scalar::Int32))],
    ),
    message(
        "google.protobuf.UInt32Value",
        WRAPPERS,
        &[("value", One(Scalar::Uint32))],
    ),
    message(
        "google.protobuf.BoolValue",
        WRAPPERS,
        &[("value", One(Scalar::Bool))],
    ),
    message(
        "google.protobuf.StringValue",
        WRAPPERS,
        &[("value", One(Scalar::String))],
    ),
    message(
        "google.protobuf.BytesValue",
        WRAPPERS,
        &[("value", One(Scalar::Bytes))],
    ),
    message(
        "google.protobuf.Type",
        TYPE,
        &[
            ("name", One(Scalar::String)),
            ("fields", Many),
            ("oneofs", Many),
            ("options", Many),
            CONTEXT,
            ("syntax", Enum),
            ("edition", One(Scalar::String)),
        ],
    ),
    message(
        "google.protobuf.Field",
        TYPE,
        &[
            ("kind", Enum),
            ("cardinality", Enum),
            ("number", One(Scalar::Int32)),
            ("name", One(Scalar::String)),
            ("type_url", One(Scalar::String)),
            ("oneof_index", One(Scalar::Int32)),
            ("packed", One(Scalar::Bool)),
            ("options", Many),
            ("json_name", One(Scalar::String)),
            ("default_value", One(Scalar::String)),
        ],
    ),
    plain_enum("google.protobuf.Field.Kind", TYPE),
    plain_enum("google.protobuf.Field.Cardinality", TYPE),
    message(
        "google.protobuf.Enum",
        TYPE,
        &[
            ("name", One(Scalar::String)),
            ("enumvalue", Many),
            ("options", Many),
            CONTEXT,
            ("syntax", Enum),
            ("edition", One(Scalar::String)),
        ],
    ),
    message(
        "google.protobuf.EnumValue",
        TYPE,
        &[
            ("name", One(Scalar::String)),
            ("number", One(Scalar::Int32)),
            ("options", Many),
        ],
    ),
    message(
        "google.protobuf.Option",
        TYPE,
        &[
            ("name", One(Scalar::String)),
            ("value", Message("google.protobuf.Any")),
        ],
    ),
    plain_enum("google.protobuf.Syntax", TYPE),
    message(
        "google.protobuf.Api",
        API,
        &[
            ("name", One(Scalar::String)),
            ("methods", Many),
            ("options", Many),
            ("version", One(Scalar::String)),
            CONTEXT,
            ("mixins", Many),
            ("syntax", Enum),
            ("edition", One(Scalar::String)),
        ],
    ),
    message(
        "google.protobuf.Method",
        API,
        &[
            ("name", One(Scalar::String)),
            ("request_type_url", One(Scalar::String)),
            ("request_streaming", One(Scalar::Bool)),
            ("response_type_url", One(Scalar::String)),
            ("response_streaming", One(Scalar::Bool)),
            ("options", Many),
            ("syntax", Enum),
            ("edition", One(Scalar::String)),
        ],
    ),
    message(
        "google.protobuf.Mixin",
        API,
        &[("name", One(Scalar::String)), ("root", One(Scalar::String))],
    ),
];
