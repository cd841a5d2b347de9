//! Canonical protobuf JSON, by way of the schema.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};

use super::{Codec, CodecError, Shape};
use crate::rope::Rope;

/// Canonical protobuf JSON: field names in camel case, 64-bit integers as strings, bytes in base64, well-known types in
/// their own forms. Unknown fields are an error on the way in, as the specification asks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl Codec for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn encode(&self, shape: Shape, protobuf: Rope) -> Result<Rope, CodecError> {
        let message = DynamicMessage::decode(descriptor(shape)?, protobuf.into_bytes())
            .map_err(|error| CodecError::new(format!("not a {}: {error}", shape.message)))?;
        serde_json::to_vec(&message)
            .map(Rope::from)
            .map_err(|error| CodecError::new(format!("{} has no JSON: {error}", shape.message)))
    }

    fn decode(&self, shape: Shape, body: Bytes) -> Result<Bytes, CodecError> {
        let wrong = |error: serde_json::Error| {
            let reason = without_value(error.to_string());
            CodecError::new(format!("not the JSON of a {}: {reason}", shape.message))
        };
        // serde_json refuses what is nested deeper than 128 levels, so a hostile body cannot exhaust the stack.
        let mut json = serde_json::Deserializer::from_slice(&body);
        let message = DynamicMessage::deserialize(descriptor(shape)?, &mut json).map_err(wrong)?;
        json.end().map_err(wrong)?;
        Ok(message.encode_to_vec().into())
    }
}

/// What serde says of a value of the wrong type or form, without the value: it may be one that the contract redacts.
fn without_value(error: String) -> String {
    for what in ["invalid type", "invalid value", "invalid length"] {
        let behind = error.strip_prefix(what).filter(|it| it.starts_with(':'));
        if let Some((_, expected)) = behind.and_then(|it| it.rsplit_once(", expected ")) {
            return format!("{what}, expected {expected}");
        }
    }
    error
}

/// The descriptor of a message. A pool is made once per schema and kept: schemas are `static`, so there are few.
fn descriptor(shape: Shape) -> Result<MessageDescriptor, CodecError> {
    static POOLS: OnceLock<Mutex<HashMap<usize, DescriptorPool>>> = OnceLock::new();
    let mut pools = POOLS
        .get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let key = std::ptr::from_ref(shape.schema).addr();
    let pool = match pools.entry(key) {
        Entry::Occupied(pool) => pool.into_mut(),
        Entry::Vacant(place) => place.insert(
            DescriptorPool::decode(shape.schema.encode().as_slice())
                .map_err(|error| CodecError::new(format!("the schema is broken: {error}")))?,
        ),
    };
    pool.get_message_by_name(shape.message)
        .ok_or_else(|| CodecError::new(format!("the schema has no message {}", shape.message)))
}

#[cfg(test)]
mod tests {
    use prost_types::field_descriptor_proto::{Label, Type};
    use prost_types::{
        DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet,
    };

    use super::*;
    use crate::schema::Schema;

    /// `message test.Node { id: uint64 = 1; next: Node? = 2; }`
    fn shape() -> Shape {
        static SCHEMA: OnceLock<Schema> = OnceLock::new();
        let field = |name: &str, number, ty: Type, type_name: Option<&str>| FieldDescriptorProto {
            name: Some(name.into()),
            number: Some(number),
            label: Some(Label::Optional.into()),
            r#type: Some(ty.into()),
            type_name: type_name.map(Into::into),
            ..FieldDescriptorProto::default()
        };
        let set = FileDescriptorSet {
            file: vec![FileDescriptorProto {
                name: Some("test.proto".into()),
                package: Some("test".into()),
                syntax: Some("proto3".into()),
                message_type: vec![DescriptorProto {
                    name: Some("Node".into()),
                    field: vec![
                        field("order_id", 1, Type::Uint64, None),
                        field("next", 2, Type::Message, Some(".test.Node")),
                    ],
                    ..DescriptorProto::default()
                }],
                ..FileDescriptorProto::default()
            }],
        };
        Shape {
            schema: SCHEMA.get_or_init(|| Schema::new(Vec::leak(set.encode_to_vec()), &[])),
            message: "test.Node",
        }
    }

    #[test]
    fn json_round_trips_through_protobuf() {
        let text = r#"{"orderId":"18446744073709551615","next":{"orderId":"1"}}"#;
        let protobuf = Json.decode(shape(), text.into()).unwrap();
        let json = Json.encode(shape(), protobuf.into()).unwrap();
        assert_eq!(json.into_bytes(), text);
    }

    #[test]
    fn a_value_of_the_wrong_type_is_not_quoted() {
        let text = r#"{"next":"sesame, expected or not"}"#;
        let error = Json.decode(shape(), text.into()).unwrap_err().to_string();
        assert!(error.contains("invalid type, expected"), "{error}");
        assert!(!error.contains("sesame"), "{error}");
    }

    #[test]
    fn what_is_not_its_json_is_refused_with_the_name_of_the_message() {
        let deep = format!("{}{}", r#"{"next":"#.repeat(10_000), "}".repeat(10_000));
        for text in [
            "",
            "[]",
            r#"{"orderId":-1}"#,
            r#"{"colour":1}"#,
            "{} {}",
            &deep,
        ] {
            let error = Json.decode(shape(), text.to_owned().into()).unwrap_err();
            assert!(error.to_string().contains("test.Node"), "{error}");
        }
    }
}
