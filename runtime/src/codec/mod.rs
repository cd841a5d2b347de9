//! From messages to bytes and back: protobuf, and what is made of it.
//!
//! Every message is a protobuf message, so a codec is a map between its protobuf encoding and the body that travels. It
//! sees the schema, never a Rust type: a codec compiled today serves messages generated tomorrow.

#[cfg(feature = "json")]
mod json;

use std::fmt;

use bytes::buf::Take;
use bytes::{Buf, Bytes};
use prost::Message;

use crate::rope::Rope;
use crate::schema::Schema;
#[cfg(feature = "json")]
pub use json::Json;

/// What a body holds: the message by name, and the schema that has it.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The descriptors of the message and of all that it refers to.
    pub schema: &'static Schema,
    /// Full name of the message: `shop.orders.Order`.
    pub message: &'static str,
}

/// A way to write messages as bytes, negotiated by name.
///
/// By default the methods change nothing: that is [`Protobuf`].
pub trait Codec: Send + Sync + 'static {
    /// What peers call it: `protobuf`, `json`.
    fn name(&self) -> &'static str;

    /// The body of a message that is given protobuf-encoded.
    ///
    /// # Errors
    /// Why the message has no such body.
    fn encode(&self, shape: Shape, protobuf: Rope) -> Result<Rope, CodecError> {
        let _ = shape;
        Ok(protobuf)
    }

    /// The message of a body, protobuf-encoded. At most as deep as protobuf allows: 100 levels.
    ///
    /// # Errors
    /// Why the body is no such message.
    fn decode(&self, shape: Shape, body: Bytes) -> Result<Bytes, CodecError> {
        let _ = shape;
        Ok(body)
    }
}

impl fmt::Debug for dyn Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a codec could not do its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodecError(String);

impl CodecError {
    /// An error that says `reason`.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CodecError {}

/// Protobuf's binary encoding: the default, and what every peer speaks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Protobuf;

impl Codec for Protobuf {
    fn name(&self) -> &'static str {
        "protobuf"
    }
}

/// The codecs that are compiled in.
pub const BUILT_IN: &[&dyn Codec] = &[
    &Protobuf,
    #[cfg(feature = "json")]
    &Json,
];

/// Whether a body is the protobuf encoding itself, so that messages can be written and read in place.
pub(crate) fn is_plain(codec: &dyn Codec) -> bool {
    codec.name() == Protobuf.name()
}

/// The body of `message`.
pub(crate) fn encode<M: Message>(
    codec: &dyn Codec,
    shape: Shape,
    message: &M,
) -> Result<Rope, CodecError> {
    codec.encode(shape, Rope::encode(message))
}

/// The message of the body that `part` holds.
pub(crate) fn decode_part<M: Message + Default>(
    codec: &dyn Codec,
    shape: Shape,
    mut part: Take<&mut Bytes>,
) -> Result<M, CodecError> {
    if is_plain(codec) {
        M::decode(part).map_err(|error| no_message(shape, &error))
    } else {
        let body = part.copy_to_bytes(part.remaining());
        decode(codec, shape, body)
    }
}

/// The message of `body`.
pub(crate) fn decode<M: Message + Default>(
    codec: &dyn Codec,
    shape: Shape,
    body: Bytes,
) -> Result<M, CodecError> {
    let protobuf = codec.decode(shape, body)?;
    M::decode(protobuf).map_err(|error| no_message(shape, &error))
}

fn no_message(shape: Shape, error: &prost::DecodeError) -> CodecError {
    CodecError::new(format!("not a {}: {error}", shape.message))
}
