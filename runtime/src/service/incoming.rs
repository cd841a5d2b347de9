//! One request on its way to user code, and the adapters that decode it, run the handler and encode what comes of it.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{self, Poll};

use bytes::Bytes;
use futures_core::Stream;
use prost::Message;

use super::Answer;
use crate::codec::{self, Codec, CodecError, Shape};
use crate::contract::{MethodDescriptor, ServiceDescriptor};
use crate::error::{Error, TypedError};
use crate::link::{BodyReceiver, BodySender};
use crate::status::Status;
use crate::streaming::Streaming;

/// A call that waits to be answered: made into an [`Answer`] by the adapter for its kind.
///
/// The handler's future runs with the call's [`Context`](crate::Context) as the current one.
#[derive(Debug)]
pub struct Incoming {
    pub(crate) service: &'static ServiceDescriptor,
    pub(crate) method: &'static MethodDescriptor,
    pub(crate) codec: &'static dyn Codec,
    /// The one request; empty where requests are a stream.
    pub(crate) body: Bytes,
    pub(crate) requests: Option<Box<BodyReceiver>>,
    pub(crate) replies: Option<BodySender>,
}

/// How the messages of one method become bytes and back.
#[derive(Clone, Copy)]
struct Messages {
    method: &'static MethodDescriptor,
    schema: &'static [u8],
    codec: &'static dyn Codec,
}

impl Messages {
    fn shape(&self, message: &'static str) -> Shape {
        Shape {
            schema: self.schema,
            message,
        }
    }

    fn request<M: Message + Default>(&self, body: Bytes) -> Result<M, Status> {
        if let Some(limit) = self.method.max_size.filter(|limit| body.len() > *limit) {
            return Err(Status::resource_exhausted(format!(
                "a request of {} bytes is over the limit of {limit} that {} has (@max_size)",
                body.len(),
                self.method.path
            )));
        }
        codec::decode(self.codec, self.shape(self.method.request), body).map_err(
            |error: CodecError| {
                Status::invalid_argument(format!(
                    "the request of {} does not decode as {}: {error}",
                    self.method.path,
                    self.codec.name()
                ))
            },
        )
    }

    fn reply<M: Message>(&self, message: &M) -> Result<Bytes, Status> {
        let body = codec::encode(self.codec, self.shape(self.method.reply), message).map_err(
            |error: CodecError| {
                Status::internal(format!(
                    "the reply of {} does not encode as {}: {error}",
                    self.method.path,
                    self.codec.name()
                ))
            },
        )?;
        match self.method.max_size.filter(|limit| body.len() > *limit) {
            Some(limit) => Err(Status::resource_exhausted(format!(
                "a reply of {} bytes is over the limit of {limit} that {} has (@max_size)",
                body.len(),
                self.method.path
            ))),
            None => Ok(body),
        }
    }
}

impl Incoming {
    /// One request, one reply.
    pub fn unary<M, R, E, F, A>(self, handler: F) -> Answer
    where
        M: Message + Default + 'static,
        R: Message + 'static,
        E: TypedError,
        F: FnOnce(M) -> A + Send + 'static,
        A: Future<Output = Result<R, Error<E>>> + Send,
    {
        let messages = self.messages();
        let body = self.body;
        Answer::new(async move {
            let reply = handler(messages.request(body)?).await?;
            Ok(Some(messages.reply(&reply)?))
        })
    }

    /// One request, a stream of replies.
    pub fn server_stream<M, R, E, F, A>(self, handler: F) -> Answer
    where
        M: Message + Default + 'static,
        R: Message + 'static,
        E: TypedError,
        F: FnOnce(M) -> A + Send + 'static,
        A: Future<Output = Result<Streaming<R, E>, Error<E>>> + Send,
    {
        let messages = self.messages();
        let (body, replies) = (self.body, self.replies);
        Answer::new(async move {
            let stream = handler(messages.request(body)?).await?;
            send_all(messages, stream, replies).await
        })
    }

    /// A stream of requests, one reply.
    pub fn client_stream<M, R, E, F, A>(self, handler: F) -> Answer
    where
        M: Message + Default + 'static,
        R: Message + 'static,
        E: TypedError,
        F: FnOnce(Streaming<M>) -> A + Send + 'static,
        A: Future<Output = Result<R, Error<E>>> + Send,
    {
        let messages = self.messages();
        let requests = requests(messages, self.requests);
        Answer::new(async move {
            let reply = handler(requests).await?;
            Ok(Some(messages.reply(&reply)?))
        })
    }

    /// A stream each way.
    pub fn bidi_stream<M, R, E, F, A>(self, handler: F) -> Answer
    where
        M: Message + Default + 'static,
        R: Message + 'static,
        E: TypedError,
        F: FnOnce(Streaming<M>) -> A + Send + 'static,
        A: Future<Output = Result<Streaming<R, E>, Error<E>>> + Send,
    {
        let messages = self.messages();
        let requests = requests(messages, self.requests);
        let replies = self.replies;
        Answer::new(async move {
            let stream = handler(requests).await?;
            send_all(messages, stream, replies).await
        })
    }

    /// One request that is not answered. What the handler returns goes nowhere.
    pub fn one_way<M, E, F, A>(self, handler: F) -> Answer
    where
        M: Message + Default + 'static,
        E: TypedError,
        F: FnOnce(M) -> A + Send + 'static,
        A: Future<Output = Result<(), Error<E>>> + Send,
    {
        let messages = self.messages();
        let body = self.body;
        Answer::new(async move {
            handler(messages.request(body)?).await?;
            Ok(None)
        })
    }

    /// For an index that the service does not have: generated code and descriptor do not belong together.
    pub fn unknown_method(self) -> Answer {
        let status = Status::unimplemented(format!(
            "{} is in the descriptor of {}, and its handler does not know it",
            self.method.path, self.service.name
        ));
        Answer::new(std::future::ready(Err(status.not_started())))
    }

    fn messages(&self) -> Messages {
        Messages {
            method: self.method,
            schema: self.service.schema,
            codec: self.codec,
        }
    }
}

async fn send_all<R: Message, E: TypedError>(
    messages: Messages,
    mut stream: Streaming<R, E>,
    replies: Option<BodySender>,
) -> Result<Option<Bytes>, Status> {
    let mut replies = replies.ok_or_else(|| mismatch(messages.method))?;
    // The first reply may be long in coming, and the caller waits to hear that the handler took the call.
    replies.begin();
    while let Some(reply) = stream.next().await {
        replies.send(messages.reply(&reply?)?).await?;
    }
    replies.finish();
    Ok(None)
}

/// The requests of a call as a stream of messages.
struct Requests<M> {
    messages: Messages,
    receiver: Option<Box<BodyReceiver>>,
    message: PhantomData<fn() -> M>,
}

fn requests<M: Message + Default + 'static>(
    messages: Messages,
    receiver: Option<Box<BodyReceiver>>,
) -> Streaming<M> {
    Streaming::new(Requests {
        messages,
        receiver,
        message: PhantomData,
    })
}

impl<M: Message + Default> Stream for Requests<M> {
    type Item = Result<M, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(receiver) = &mut self.receiver else {
            return Poll::Ready(Some(Err(mismatch(self.messages.method).into())));
        };
        let body = std::task::ready!(receiver.poll_next(cx));
        let messages = self.messages;
        Poll::Ready(body.map(|body| Ok(messages.request(body?)?)))
    }
}

fn mismatch(method: &MethodDescriptor) -> Status {
    Status::internal(format!(
        "the handler of {} takes it for another kind of method than its descriptor says",
        method.path
    ))
}
