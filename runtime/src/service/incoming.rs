//! One request on its way to user code, and the adapters that decode it, run the handler and encode what comes of it.

use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, ready};

use bytes::{Buf, Bytes};
use futures_core::Stream;
use prost::Message;

use super::Answer;
use super::filtered::{self, Detour};
use crate::codec::{self, Codec, CodecError, Shape};
use crate::contract::{MethodDescriptor, ServiceDescriptor};
use crate::error::{Error, TypedError};
use crate::filter::Messages as Bodies;
use crate::link::{ALONE, BodyReceiver, BodySender, Part, Stop};
use crate::rope::Rope;
use crate::schema::Schema;
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
    pub(crate) replies: Option<Box<BodySender>>,
    /// Where streams go by way of filters: then the two above are empty.
    pub(crate) detour: Option<Box<Detour>>,
}

/// How the messages of one method become bytes and back.
#[derive(Clone, Copy)]
struct Messages {
    method: &'static MethodDescriptor,
    schema: &'static Schema,
    codec: &'static dyn Codec,
}

impl Messages {
    fn shape(&self, message: &'static str) -> Shape {
        Shape {
            schema: self.schema,
            message,
        }
    }

    fn request<M: Message + Default>(&self, mut body: Bytes) -> Result<M, Status> {
        let length = body.len();
        self.request_part((&mut body).take(length))
    }

    fn request_part<M: Message + Default>(&self, part: Part<'_>) -> Result<M, Status> {
        let length = part.remaining();
        if let Some(limit) = self.method.policy.max_size.filter(|limit| length > *limit) {
            return Err(Status::resource_exhausted(format!(
                "a request of {length} bytes is over the limit of {limit} that {} has (@max_size)",
                self.method.path
            )));
        }
        codec::decode_part(self.codec, self.shape(self.method.request), part).map_err(
            |error: CodecError| {
                Status::invalid_argument(format!(
                    "the request of {} does not decode as {}: {error}",
                    self.method.path,
                    self.codec.name()
                ))
            },
        )
    }

    fn reply<M: Message>(&self, message: &M) -> Result<Rope, Status> {
        let body = codec::encode(self.codec, self.shape(self.method.reply), message).map_err(
            |error: CodecError| {
                Status::internal(format!(
                    "the reply of {} does not encode as {}: {error}",
                    self.method.path,
                    self.codec.name()
                ))
            },
        )?;
        self.check_reply(body.len())?;
        Ok(body)
    }

    fn check_reply(&self, length: usize) -> Result<(), Status> {
        match self.method.policy.max_size.filter(|limit| length > *limit) {
            Some(limit) => Err(Status::resource_exhausted(format!(
                "a reply of {length} bytes is over the limit of {limit} that {} has (@max_size)",
                self.method.path
            ))),
            None => Ok(()),
        }
    }

    /// Sends a reply that is not the only one.
    fn put_reply<M: Message>(&self, sender: &mut BodySender, message: &M) -> Result<(), Stop> {
        let length = message.encoded_len();
        if codec::is_plain(self.codec) && length < ALONE {
            self.check_reply(length).map_err(Stop::Failed)?;
            sender.put(length, |out| message.encode_raw(out))
        } else {
            sender.put_encoded(self.reply(message).map_err(Stop::Failed)?)
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
        let replies = Replies::of(self.replies, self.detour.as_deref());
        let body = self.body;
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
        let requests = requests(messages, self.requests, self.detour);
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
        let replies = Replies::of(self.replies, self.detour.as_deref());
        let requests = requests(messages, self.requests, self.detour);
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

/// Where a stream of replies goes.
enum Replies {
    /// To the connection.
    Link(Box<BodySender>),
    /// To the filters.
    Filters(Arc<filtered::Replies>),
}

impl Replies {
    fn of(link: Option<Box<BodySender>>, detour: Option<&Detour>) -> Option<Self> {
        match (link, detour) {
            (Some(sender), _) => Some(Self::Link(sender)),
            (None, Some(detour)) => Some(Self::Filters(Arc::clone(&detour.replies))),
            (None, None) => None,
        }
    }
}

async fn send_all<R, E>(
    messages: Messages,
    mut stream: Streaming<R, E>,
    replies: Option<Replies>,
) -> Result<Option<Rope>, Status>
where
    R: Message + 'static,
    E: TypedError,
{
    let mut replies = match replies.ok_or_else(|| mismatch(messages.method))? {
        Replies::Link(sender) => sender,
        Replies::Filters(filters) => {
            filters.put(Bodies::from_fn(move |cx| {
                let reply = ready!(Pin::new(&mut stream).poll_next(cx));
                Poll::Ready(reply.map(|reply| Ok(messages.reply(&reply?)?.into_bytes())))
            }));
            return Ok(None);
        }
    };
    // The first reply may be long in coming, and the caller waits to hear that the handler took the call.
    replies.begin();
    let sent = poll_fn(|cx| {
        replies.poll_all(cx, |sender, cx| {
            let reply = ready!(Pin::new(&mut stream).poll_next(cx));
            Poll::Ready(reply.map(|reply| match reply {
                Ok(reply) => messages.put_reply(sender, &reply),
                Err(error) => Err(Stop::Failed(error.into())),
            }))
        })
    });
    match sent.await {
        Ok(()) => {
            replies.finish();
            Ok(None)
        }
        Err(Stop::Failed(status)) => Err(status),
        Err(Stop::Ended) => Err(Status::cancelled("the call has ended")),
    }
}

/// The requests of a call as a stream of messages.
struct Requests<M> {
    messages: Messages,
    bodies: Option<Bodies>,
    message: PhantomData<fn() -> M>,
}

fn requests<M: Message + Default + 'static>(
    messages: Messages,
    receiver: Option<Box<BodyReceiver>>,
    detour: Option<Box<Detour>>,
) -> Streaming<M> {
    let bodies = receiver.map(Bodies::wire);
    Streaming::new(Requests {
        messages,
        bodies: bodies.or_else(|| detour?.requests),
        message: PhantomData,
    })
}

impl<M: Message + Default> Stream for Requests<M> {
    type Item = Result<M, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(bodies) = &mut this.bodies else {
            return Poll::Ready(Some(Err(mismatch(this.messages.method).into())));
        };
        let messages = &this.messages;
        let request = ready!(bodies.poll_read(cx, |part| messages.request_part(part)));
        Poll::Ready(request.map(|request| Ok(request??)))
    }
}

fn mismatch(method: &MethodDescriptor) -> Status {
    Status::internal(format!(
        "the handler of {} takes it for another kind of method than its descriptor says",
        method.path
    ))
}
