//! What a filter sees of a request or a reply: bytes, and whatever can be made of them without their type.

use std::fmt;

use bytes::Bytes;
use prost::Message;

use super::messages::Messages;
use crate::codec::{self, Codec, CodecError, Shape};
use crate::metadata::Metadata;
use crate::rope::Rope;
use crate::status::Status;

/// How the messages of a request or reply are written.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    pub(crate) codec: &'static dyn Codec,
    pub(crate) shape: Shape,
}

impl Form {
    /// The codec that this call travels in.
    pub fn codec(self) -> &'static dyn Codec {
        self.codec
    }

    /// Which message it is.
    pub fn shape(self) -> Shape {
        self.shape
    }

    pub(super) fn written(self, protobuf: Rope) -> Result<Rope, Status> {
        let written = self.codec.encode(self.shape, protobuf);
        written.map_err(|error| failed("cannot be written", self, &error))
    }
}

fn failed(what: &str, form: Form, error: &CodecError) -> Status {
    let (message, codec) = (form.shape.message, form.codec.name());
    Status::internal(format!("a {message} {what} as {codec}: {error}"))
}

/// The messages of one side of a call.
#[derive(Debug)]
pub struct Body {
    form: Form,
    content: Content,
}

pub(crate) enum Content {
    /// One message, whole.
    Whole(Rope),
    /// Many, as they come.
    Stream(Messages),
    /// None.
    Nothing,
}

impl Body {
    pub(crate) fn new(form: Form, content: Content) -> Self {
        Self { form, content }
    }

    pub(crate) fn into_content(self) -> Content {
        self.content
    }

    /// How its messages are written.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Whether there may be several messages, which come one by one.
    pub fn is_stream(&self) -> bool {
        matches!(self.content, Content::Stream(_))
    }

    /// How many bytes the one message has as it travels; `None` of a stream.
    pub fn size(&self) -> Option<usize> {
        match &self.content {
            Content::Whole(body) => Some(body.len()),
            Content::Nothing => Some(0),
            Content::Stream(_) => None,
        }
    }

    /// The one message as it travels, in the codec of the call; `None` of a stream, and where there is no message. Copied only
    /// where it is large and in several pieces.
    pub fn bytes(&self) -> Option<Bytes> {
        match &self.content {
            Content::Whole(body) => Some(body.clone().into_bytes()),
            Content::Nothing | Content::Stream(_) => None,
        }
    }

    /// The one message in protobuf, whatever the codec of the call.
    ///
    /// # Errors
    /// `internal` of a stream, and of what is no such message.
    pub fn protobuf(&self) -> Result<Bytes, Status> {
        let body = self.bytes().ok_or_else(|| self.not_whole())?;
        let protobuf = self.form.codec.decode(self.form.shape, body);
        protobuf.map_err(|error| failed("cannot be read", self.form, &error))
    }

    /// The one message by its type.
    ///
    /// # Errors
    /// As [`Body::protobuf`].
    pub fn message<M: Message + Default>(&self) -> Result<M, Status> {
        let body = self.bytes().ok_or_else(|| self.not_whole())?;
        let message = codec::decode(self.form.codec, self.form.shape, body);
        message.map_err(|error| failed("cannot be read", self.form, &error))
    }

    /// The one message as canonical protobuf JSON, whatever the codec of the call.
    ///
    /// # Errors
    /// As [`Body::protobuf`].
    #[cfg(feature = "json")]
    pub fn json(&self) -> Result<String, Status> {
        let json = codec::Json.encode(self.form.shape, self.protobuf()?.into());
        json.and_then(|json| {
            String::from_utf8(json.into_bytes().into())
                .map_err(|error| CodecError::new(error.to_string()))
        })
        .map_err(|error| failed("has no JSON", self.form, &error))
    }

    /// Puts these bytes in the place of what there is, as they are to travel: in the codec of the call.
    pub fn set_bytes(&mut self, bytes: impl Into<Bytes>) {
        self.content = Content::Whole(Rope::from(bytes.into()));
    }

    /// Puts this message in the place of what there is.
    ///
    /// # Errors
    /// `internal` where the codec of the call cannot write it.
    pub fn set_message<M: Message>(&mut self, message: &M) -> Result<(), Status> {
        self.content = Content::Whole(self.form.written(Rope::encode(message))?);
        Ok(())
    }

    /// Puts the message that is written here in the place of what there is: canonical protobuf JSON.
    ///
    /// # Errors
    /// `internal` of what is no such message.
    #[cfg(feature = "json")]
    pub fn set_json(&mut self, json: impl Into<String>) -> Result<(), Status> {
        let protobuf = codec::Json.decode(self.form.shape, json.into().into());
        let protobuf =
            protobuf.map_err(|error| failed("is not what this is", self.form, &error))?;
        self.content = Content::Whole(self.form.written(protobuf.into())?);
        Ok(())
    }

    /// Puts a stream in the place of what there is, or around it: what `change` makes of the messages. A body that is no
    /// stream stays as it is.
    pub fn map_stream(&mut self, change: impl FnOnce(Messages) -> Messages) {
        self.content = match std::mem::replace(&mut self.content, Content::Nothing) {
            Content::Stream(messages) => Content::Stream(change(messages)),
            other => other,
        };
    }

    /// Shows `look` every message, to be seen or changed: the one now, those of a stream as they pass. Its error ends the
    /// call.
    ///
    /// # Errors
    /// What `look` has against the one message.
    pub fn each(
        &mut self,
        mut look: impl FnMut(&mut Body) -> Result<(), Status> + Send + 'static,
    ) -> Result<(), Status> {
        if let Content::Whole(_) = &self.content {
            return look(self);
        }
        let form = self.form;
        self.map_stream(|messages| {
            messages.map(move |bytes| {
                let mut one = Self::new(form, Content::Whole(bytes.into()));
                look(&mut one)?;
                Ok(one.bytes().unwrap_or_default())
            })
        });
        Ok(())
    }

    /// Tells `told` once when the last message has passed: how a stream ended, or now where there is none.
    pub fn on_end(&mut self, told: impl FnOnce(Result<&Metadata, &Status>) + Send + 'static) {
        match &self.content {
            Content::Stream(_) => self.map_stream(|messages| messages.on_end(told)),
            Content::Whole(_) | Content::Nothing => told(Ok(&Metadata::new())),
        }
    }

    /// The same messages, unless they are a stream.
    pub(crate) fn try_clone(&self) -> Option<Self> {
        let content = match &self.content {
            Content::Whole(body) => Content::Whole(body.clone()),
            Content::Nothing => Content::Nothing,
            Content::Stream(_) => return None,
        };
        Some(Self::new(self.form, content))
    }

    fn not_whole(&self) -> Status {
        Status::internal(format!(
            "a filter asked for the one {}, and there is {}",
            self.form.shape.message,
            if self.is_stream() {
                "a stream of them"
            } else {
                "none"
            }
        ))
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(body) => write!(f, "{} bytes", body.len()),
            Self::Stream(_) => f.write_str("a stream"),
            Self::Nothing => f.write_str("nothing"),
        }
    }
}
