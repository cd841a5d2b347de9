//! What came back, made into messages; and the messages of a streaming request on their way out.

use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use prost::Message;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::codec::{self, Codec, Shape};
use crate::error::{Error, TypedError};
use crate::link::{BodyReceiver, BodySender};
use crate::metadata::Metadata;
use crate::status::{Phase, Status};
use crate::streaming::Streaming;

/// A good answer: one message, or a stream of them.
pub(crate) struct Received {
    pub(super) form: Form,
    pub(super) content: Content,
    pub(super) trailers: Metadata,
    /// Sends the rest of the requests as long as replies are wanted.
    pub(super) pump: Option<Pump>,
}

/// How messages of one kind are written.
#[derive(Clone, Copy)]
pub(crate) struct Form {
    pub(crate) codec: &'static dyn Codec,
    pub(crate) shape: Shape,
}

impl Form {
    fn read<M: Message + Default>(self, body: Bytes) -> Result<M, Status> {
        codec::decode(self.codec, self.shape, body).map_err(|error| {
            Status::internal(format!("the reply cannot be read: {error}")).in_phase(Phase::Local)
        })
    }
}

pub(super) enum Content {
    Reply(Option<Bytes>),
    Stream(Box<BodyReceiver>),
}

impl Received {
    pub(super) fn take_trailers(&mut self) -> Metadata {
        std::mem::take(&mut self.trailers)
    }

    /// The one reply.
    pub(crate) fn message<M: Message + Default>(self) -> Result<M, Status> {
        match self.content {
            Content::Reply(Some(body)) => self.form.read(body),
            Content::Reply(None) => Err(Status::internal(
                "the server ended the call without its reply",
            )),
            Content::Stream(_) => Err(Status::internal("a stream came where one reply was due")),
        }
    }

    /// The end of a call that has no reply.
    pub(crate) fn nothing(self) -> Result<(), Status> {
        match self.content {
            Content::Reply(_) => Ok(()),
            Content::Stream(_) => Err(Status::internal("a stream came where no reply was due")),
        }
    }

    /// The stream of replies.
    pub(crate) fn stream<M, E>(self) -> Result<Streaming<M, E>, Status>
    where
        M: Message + Default + 'static,
        E: TypedError,
    {
        match self.content {
            Content::Stream(receiver) => Ok(Streaming::new(Replies {
                form: self.form,
                receiver,
                pump: self.pump,
                message: PhantomData,
            })),
            Content::Reply(_) => Err(Status::internal("one reply came where a stream was due")),
        }
    }
}

/// Replies as messages.
struct Replies<M, E> {
    form: Form,
    receiver: Box<BodyReceiver>,
    pump: Option<Pump>,
    message: PhantomData<fn() -> (M, E)>,
}

impl<M: Message + Default, E: TypedError> Stream for Replies<M, E> {
    type Item = Result<M, Error<E>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(pump) = &mut self.pump
            && let Poll::Ready(status) = pump.poll_failed(cx)
        {
            self.pump = None;
            return Poll::Ready(Some(Err(status.into())));
        }
        let item = std::task::ready!(self.receiver.poll_next(cx));
        Poll::Ready(item.map(|item| {
            item.and_then(|body| self.form.read(body))
                .map_err(Error::received)
        }))
    }
}

/// The messages of a streaming request, encoded one by one as the peer takes them.
pub(crate) struct Requests(Pin<Box<dyn Stream<Item = Result<Bytes, Status>> + Send>>);

impl Requests {
    pub(crate) fn new<M: Message + 'static>(form: Form, messages: Streaming<M>) -> Self {
        Self(Box::pin(Encoded { form, messages }))
    }

    /// Sends them into a call until they end or the call does.
    pub(super) fn pump(mut self, mut sender: BodySender, runtime: &Handle) -> Pump {
        let task = runtime.spawn(async move {
            while let Some(item) = poll_fn(|cx| self.0.as_mut().poll_next(cx)).await {
                // A stream that fails must not look as if it had ended: the sender is dropped, which cancels the call.
                if sender.send(item?).await.is_err() {
                    // The call has ended; how, its other end says.
                    return Ok(());
                }
            }
            sender.finish();
            Ok(())
        });
        Pump { task, done: false }
    }
}

struct Encoded<M> {
    form: Form,
    messages: Streaming<M>,
}

impl<M: Message> Stream for Encoded<M> {
    type Item = Result<Bytes, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = std::task::ready!(Pin::new(&mut self.messages).poll_next(cx));
        Poll::Ready(item.map(|item| {
            let message = item.map_err(Error::into_status)?;
            codec::encode(self.form.codec, self.form.shape, &message)
                .map_err(|error| Status::internal(error.to_string()))
        }))
    }
}

/// The task that sends requests; dropping it stops them.
pub(super) struct Pump {
    task: JoinHandle<Result<(), Status>>,
    done: bool,
}

impl Pump {
    /// Ready when the stream of requests has failed, with the reason; never when it has ended well.
    pub(super) fn poll_failed(&mut self, cx: &mut Context<'_>) -> Poll<Status> {
        if self.done {
            return Poll::Pending;
        }
        let outcome = std::task::ready!(Pin::new(&mut self.task).poll(cx));
        self.done = true;
        match outcome {
            Ok(Err(status)) => Poll::Ready(status),
            Ok(Ok(())) | Err(_) => Poll::Pending,
        }
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.task.abort();
    }
}
