//! What came back, made into messages; and the messages of a streaming request on their way out.

use std::collections::VecDeque;
use std::convert::identity;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Buf;
use futures_core::Stream;
use prost::Message;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::codec::{self, Codec, Shape};
use crate::error::{Error, TypedError};
use crate::link::{ALONE, BodyReceiver, BodySender, Part, Stop};
use crate::metadata::Metadata;
use crate::rope::Rope;
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
    fn read<M: Message + Default>(self, part: Part<'_>) -> Result<M, Status> {
        codec::decode_part(self.codec, self.shape, part).map_err(|error| {
            Status::internal(format!("the reply cannot be read: {error}")).in_phase(Phase::Local)
        })
    }

    /// Sends a request that is not the only one.
    fn put<M: Message>(self, sender: &mut BodySender, message: &M) -> Result<(), Stop> {
        let length = message.encoded_len();
        if codec::is_plain(self.codec) && length < ALONE {
            return sender.put(length, |out| message.encode_raw(out));
        }
        let body = codec::encode(self.codec, self.shape, message)
            .map_err(|error| Stop::Failed(Status::internal(error.to_string())))?;
        sender.put_encoded(body)
    }
}

pub(super) enum Content {
    Reply(Option<Rope>),
    Stream(Box<BodyReceiver>),
}

impl Received {
    pub(super) fn take_trailers(&mut self) -> Metadata {
        std::mem::take(&mut self.trailers)
    }

    /// The one reply.
    pub(crate) fn message<M: Message + Default>(self) -> Result<M, Status> {
        match self.content {
            Content::Reply(Some(body)) => {
                let mut body = body.into_bytes();
                let length = body.len();
                self.form.read((&mut body).take(length))
            }
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
        let form = self.form;
        let item = ready!(self.receiver.poll_read(cx, |part| form.read(part)));
        Poll::Ready(item.map(|item| item.and_then(identity).map_err(Error::received)))
    }
}

/// What is kept of a stream of requests, to be sent again where a server refuses the call that it belongs to: GOAWAY is there
/// within a round trip.
const KEPT: usize = 32 * 1024;

/// What each message that is kept costs beside its bytes.
const KEEPING: usize = 64;

/// The messages of a streaming request, encoded as the peer takes them. The lock is never taken: it lets a plan be shared
/// among attempts, of which none gets at the messages of another.
pub(crate) struct Requests(Box<Mutex<dyn Source>>);

impl Requests {
    pub(crate) fn new<M: Message + 'static>(form: Form, messages: Streaming<M>) -> Self {
        Self(Box::new(Mutex::new(Encoded {
            form,
            messages,
            again: VecDeque::new(),
            kept: Some(Vec::new()),
            cost: 0,
        })))
    }

    fn source(&mut self) -> &mut dyn Source {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends them into a call until they end or the call does.
    pub(super) fn pump(self, mut sender: BodySender, runtime: &Handle) -> Pump {
        let requests = Arc::new(Mutex::new(Some(self)));
        let shared = Arc::clone(&requests);
        let task = runtime.spawn(async move {
            let sent = poll_fn(|cx| match &mut *lock(&shared) {
                Some(requests) => requests.source().poll_send(cx, &mut sender),
                None => Poll::Ready(Err(Stop::Ended)),
            });
            match sent.await {
                Ok(()) => sender.finish(),
                // A stream that fails must not look as if it had ended: the sender is dropped, which cancels the call.
                Err(Stop::Failed(status)) => return Err(status),
                // How, its other end says.
                Err(Stop::Ended) => {}
            }
            Ok(())
        });
        Pump {
            task,
            requests,
            done: false,
        }
    }
}

fn lock(requests: &Mutex<Option<Requests>>) -> MutexGuard<'_, Option<Requests>> {
    requests.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Messages that send themselves, whatever their type.
trait Source: Send {
    /// Sends all of them.
    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        sender: &mut BodySender,
    ) -> Poll<Result<(), Stop>>;

    /// Begins anew, if everything that was sent is still there.
    fn rewind(&mut self) -> bool;

    /// They will not be sent again.
    fn settle(&mut self);
}

struct Encoded<M> {
    form: Form,
    messages: Streaming<M>,
    /// What was sent into a call that was refused.
    again: VecDeque<M>,
    /// What was sent, while it is little.
    kept: Option<Vec<M>>,
    /// What it costs to keep it.
    cost: usize,
}

impl<M> Encoded<M> {
    fn keep(&mut self, message: M, length: usize) {
        if let Some(kept) = &mut self.kept {
            self.cost += length + KEEPING;
            if self.cost > KEPT {
                self.kept = None;
            } else {
                kept.push(message);
            }
        }
    }
}

impl<M: Message> Source for Encoded<M> {
    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        sender: &mut BodySender,
    ) -> Poll<Result<(), Stop>> {
        sender.poll_all(cx, |sender, cx| {
            let message = match self.again.pop_front() {
                Some(message) => Some(Ok(message)),
                None => ready!(Pin::new(&mut self.messages).poll_next(cx)),
            };
            Poll::Ready(message.map(|message| match message {
                Ok(message) => {
                    let sent = self.form.put(sender, &message);
                    if self.kept.is_some() {
                        let length = message.encoded_len();
                        self.keep(message, length);
                    }
                    sent
                }
                Err(error) => Err(Stop::Failed(error.into_status())),
            }))
        })
    }

    fn rewind(&mut self) -> bool {
        let Some(kept) = self.kept.replace(Vec::new()) else {
            return false;
        };
        self.cost = 0;
        let rest = std::mem::take(&mut self.again);
        self.again = kept.into_iter().chain(rest).collect();
        true
    }

    fn settle(&mut self) {
        self.kept = None;
    }
}

/// The task that sends requests; dropping it stops them.
pub(super) struct Pump {
    task: JoinHandle<Result<(), Status>>,
    requests: Arc<Mutex<Option<Requests>>>,
    done: bool,
}

impl Pump {
    /// Ready when the stream of requests has failed, with the reason; never when it has ended well.
    pub(super) fn poll_failed(&mut self, cx: &mut Context<'_>) -> Poll<Status> {
        if self.done {
            return Poll::Pending;
        }
        let outcome = ready!(Pin::new(&mut self.task).poll(cx));
        self.done = true;
        match outcome {
            Ok(Err(status)) => Poll::Ready(status),
            Ok(Ok(())) | Err(_) => Poll::Pending,
        }
    }

    /// The server has taken the call: what was sent need not be kept.
    pub(super) fn settle(&self) {
        if let Some(requests) = &mut *lock(&self.requests) {
            requests.source().settle();
        }
    }

    /// The stream of requests from its beginning, where the call was refused; none if more was sent than is kept.
    pub(super) fn reclaim(self) -> Option<Requests> {
        let mut requests = lock(&self.requests).take()?;
        requests.source().rewind().then_some(requests)
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.task.abort();
    }
}
