//! A call as filters see it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use prost::Message;
use tokio::time::Instant;

use super::body::{Body, Content, Form};
use super::messages::Messages;
use super::reply::Reply;
use crate::codec::{Codec, Shape};
use crate::contract::{MethodDescriptor, MethodKind, ServiceDescriptor};
use crate::metadata::Metadata;
use crate::rope::Rope;
use crate::status::Status;
use crate::streaming::Streaming;

/// Where a filter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// With those who call.
    Client,
    /// With those who answer.
    Server,
}

/// A call on its way: what is asked, and all that is known of it.
#[derive(Debug)]
pub struct Call {
    facts: Facts,
    metadata: Metadata,
    deadline: Option<Instant>,
    request: Body,
    /// Where it goes on behind a tower of layers, which hands on nothing but the call.
    #[cfg(feature = "tower")]
    pub(super) next: Option<super::Next>,
}

/// What is known of a call, and stays as it is.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) side: Side,
    pub(crate) service: &'static ServiceDescriptor,
    pub(crate) method: &'static MethodDescriptor,
    pub(crate) codec: &'static dyn Codec,
    /// The one group that is asked or answers.
    pub(crate) group: Option<Arc<str>>,
    /// The address of the caller, on a server.
    pub(crate) peer: Option<Arc<str>>,
    /// How many attempts came before, on a server.
    pub(crate) attempt: u32,
}

impl Facts {
    fn form(&self, message: &'static str) -> Form {
        Form {
            codec: self.codec,
            shape: Shape {
                schema: self.service.schema,
                message,
            },
        }
    }

    pub(crate) fn request_form(&self) -> Form {
        self.form(self.method.request)
    }

    pub(crate) fn reply_form(&self) -> Form {
        self.form(self.method.reply)
    }
}

impl Call {
    pub(crate) fn new(
        facts: Facts,
        metadata: Metadata,
        deadline: Option<Instant>,
        request: Content,
    ) -> Self {
        Self {
            request: Body::new(facts.request_form(), request),
            facts,
            metadata,
            deadline,
            #[cfg(feature = "tower")]
            next: None,
        }
    }

    /// Metadata, deadline and request.
    pub(crate) fn into_parts(self) -> (Metadata, Option<Instant>, Content) {
        (self.metadata, self.deadline, self.request.into_content())
    }

    /// Whether this is the side that calls or the one that answers.
    pub fn side(&self) -> Side {
        self.facts.side
    }

    /// What the contract says of the service.
    pub fn service(&self) -> &'static ServiceDescriptor {
        self.facts.service
    }

    /// What is called.
    pub fn method(&self) -> &'static MethodDescriptor {
        self.facts.method
    }

    /// The group that is asked, or that answers; `None` on a client where any of several may be asked.
    pub fn group(&self) -> Option<&str> {
        self.facts.group.as_deref()
    }

    /// The address of the caller; `None` on the client.
    pub fn peer(&self) -> Option<&str> {
        self.facts.peer.as_deref()
    }

    /// How many attempts of the call came before, as the caller says; 0 on the client, whose retries are further in.
    pub fn attempt(&self) -> u32 {
        self.facts.attempt
    }

    /// When the caller stops waiting.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Lets the rest of the call end by `deadline`, if that is sooner: later than its caller waits no call can end.
    pub fn end_by(&mut self, deadline: Instant) {
        self.deadline = Some(self.deadline.map_or(deadline, |own| own.min(deadline)));
    }

    /// What travels beside the request.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The same, to be changed. On a server the handler sees the change in its [`Context`](crate::Context).
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }

    /// The request.
    pub fn request(&self) -> &Body {
        &self.request
    }

    /// The request, to be changed or watched.
    pub fn request_mut(&mut self) -> &mut Body {
        &mut self.request
    }

    /// The same call, to be run again; `None` where requests are a stream.
    pub fn try_clone(&self) -> Option<Self> {
        Some(Self {
            facts: self.facts.clone(),
            metadata: self.metadata.clone(),
            deadline: self.deadline,
            request: self.request.try_clone()?,
            #[cfg(feature = "tower")]
            next: self.next.clone(),
        })
    }

    /// How replies are written, for a [`Reply`] of a filter's own that is made when the call has gone on.
    pub fn reply_form(&self) -> Form {
        self.facts.reply_form()
    }

    /// Answers with this reply, instead of whoever stands behind the filter.
    ///
    /// # Errors
    /// `internal` where replies are a stream, or the codec of the call cannot write it.
    pub fn reply<M: Message>(&self, message: &M) -> Result<Reply, Status> {
        let mut reply = self.one_reply()?;
        reply.body_mut().set_message(message)?;
        Ok(reply)
    }

    /// The same with a reply in canonical protobuf JSON.
    ///
    /// # Errors
    /// The same, and of what is no such reply.
    #[cfg(feature = "json")]
    pub fn reply_json(&self, json: impl Into<String>) -> Result<Reply, Status> {
        let mut reply = self.one_reply()?;
        reply.body_mut().set_json(json)?;
        Ok(reply)
    }

    /// The same with a reply as it is to travel, in the codec of the call.
    ///
    /// # Errors
    /// `internal` where replies are a stream.
    pub fn reply_bytes(&self, bytes: impl Into<Bytes>) -> Result<Reply, Status> {
        let mut reply = self.one_reply()?;
        reply.body_mut().set_bytes(bytes);
        Ok(reply)
    }

    /// The same with a stream of replies as they are to travel.
    ///
    /// # Errors
    /// `internal` where there is one reply, or none.
    pub fn reply_stream(&self, messages: Messages) -> Result<Reply, Status> {
        if !self.streams_replies() {
            return Err(self.unfit("a stream of replies"));
        }
        let body = Body::new(self.reply_form(), Content::Stream(messages));
        Ok(Reply::new(body, Metadata::new()))
    }

    /// The same with messages that are still to be written.
    ///
    /// # Errors
    /// The same.
    pub fn reply_messages<M: Message + 'static>(
        &self,
        mut replies: Streaming<M>,
    ) -> Result<Reply, Status> {
        let form = self.reply_form();
        self.reply_stream(Messages::from_fn(move |cx| {
            let reply = ready!(Pin::new(&mut replies).poll_next(cx));
            Poll::Ready(reply.map(|reply| {
                let written = form.written(Rope::encode(&reply?))?;
                Ok(written.into_bytes())
            }))
        }))
    }

    fn streams_replies(&self) -> bool {
        matches!(
            self.method().kind,
            MethodKind::ServerStream | MethodKind::BidiStream
        )
    }

    fn one_reply(&self) -> Result<Reply, Status> {
        if self.streams_replies() {
            return Err(self.unfit("one reply"));
        }
        let body = Body::new(self.reply_form(), Content::Whole(Rope::new()));
        Ok(Reply::new(body, Metadata::new()))
    }

    fn unfit(&self, what: &str) -> Status {
        let (path, kind) = (self.method().path, self.method().kind);
        Status::internal(format!(
            "a filter answers {path} with {what}, and its kind is {kind:?}"
        ))
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Server => "server",
        })
    }
}
