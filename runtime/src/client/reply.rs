//! What came back, made into messages; and the messages of a streaming request on their way out.

use std::collections::VecDeque;
use std::convert::identity;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_core::Stream;
use prost::Message;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::codec::{self, Codec, Shape};
use crate::error::{Error, TypedError};
use crate::filter::{self, Messages};
use crate::link::{ALONE, BodySender, Part, Stop};
use crate::metadata::Metadata;
use crate::rope::Rope;
use crate::status::{Phase, Status};
use crate::streaming::Streaming;

use super::origin::Origin;

/// A good answer: one message, or a stream of them.
pub(crate) struct Received {
    pub(super) form: Form,
    pub(super) content: Content,
    pub(super) trailers: Metadata,
    /// Sends the rest of the requests as long as replies are wanted.
    pub(super) pump: Option<Pump>,
    pub(super) origin: Origin,
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
    Stream(Messages),
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
            Content::Stream(messages) => Ok(Streaming::new(Replies {
                form: self.form,
                messages,
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
    messages: Messages,
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
        let item = ready!(self.messages.poll_read(cx, |part| form.read(part)));
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
        Self::of(Typed { form, messages })
    }

    /// Those that filters have passed.
    pub(super) fn of_messages(messages: Messages) -> Self {
        Self::of(messages)
    }

    fn of(items: impl Items + 'static) -> Self {
        Self(Box::new(Mutex::new(Rewindable {
            items,
            again: VecDeque::new(),
            kept: Some(Vec::new()),
            cost: 0,
        })))
    }

    fn source(&mut self) -> &mut dyn Source {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// As filters see them; before any was sent.
    pub(super) fn into_messages(self) -> Messages {
        Messages::made(self)
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

impl filter::Source for Requests {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Status>>> {
        self.source().poll_body(cx)
    }
}

/// Messages that send themselves, whatever their type.
trait Source: Send {
    /// The next one as it is to travel, for whoever sends it in their place.
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Status>>>;

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

/// Where messages come from, and how they are sent.
trait Items: Send {
    type Item: Send;

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Self::Item, Status>>>;

    fn send(&self, sender: &mut BodySender, item: &Self::Item) -> Result<(), Stop>;

    fn length(item: &Self::Item) -> usize;

    fn body(&self, item: &Self::Item) -> Result<Bytes, Status>;
}

/// Messages of the caller's.
struct Typed<M> {
    form: Form,
    messages: Streaming<M>,
}

impl<M: Message> Items for Typed<M> {
    type Item = M;

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<M, Status>>> {
        let message = ready!(Pin::new(&mut self.messages).poll_next(cx));
        Poll::Ready(message.map(|message| message.map_err(Error::into_status)))
    }

    fn send(&self, sender: &mut BodySender, item: &M) -> Result<(), Stop> {
        self.form.put(sender, item)
    }

    fn length(item: &M) -> usize {
        item.encoded_len()
    }

    fn body(&self, item: &M) -> Result<Bytes, Status> {
        codec::encode(self.form.codec, self.form.shape, item)
            .map(Rope::into_bytes)
            .map_err(|error| Status::internal(error.to_string()))
    }
}

impl Items for Messages {
    type Item = Bytes;

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Status>>> {
        self.poll_message(cx)
    }

    fn send(&self, sender: &mut BodySender, item: &Bytes) -> Result<(), Stop> {
        sender.put_encoded(item.clone().into())
    }

    fn length(item: &Bytes) -> usize {
        item.len()
    }

    fn body(&self, item: &Bytes) -> Result<Bytes, Status> {
        Ok(item.clone())
    }
}

/// Messages of which what was sent is kept while it is little.
struct Rewindable<S: Items> {
    items: S,
    /// What was sent into a call that was refused.
    again: VecDeque<S::Item>,
    /// What was sent, while it is little.
    kept: Option<Vec<S::Item>>,
    /// What it costs to keep it.
    cost: usize,
}

impl<S: Items> Rewindable<S> {
    fn keep(&mut self, item: S::Item) {
        if let Some(kept) = &mut self.kept {
            self.cost += S::length(&item) + KEEPING;
            if self.cost > KEPT {
                self.kept = None;
            } else {
                kept.push(item);
            }
        }
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<S::Item, Status>>> {
        match self.again.pop_front() {
            Some(item) => Poll::Ready(Some(Ok(item))),
            None => self.items.poll_item(cx),
        }
    }
}

impl<S: Items> Source for Rewindable<S> {
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Status>>> {
        let item = ready!(self.poll_item(cx));
        Poll::Ready(item.map(|item| self.items.body(&item?)))
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        sender: &mut BodySender,
    ) -> Poll<Result<(), Stop>> {
        sender.poll_all(cx, |sender, cx| {
            let item = ready!(self.poll_item(cx));
            Poll::Ready(item.map(|item| {
                let item = item.map_err(Stop::Failed)?;
                let sent = self.items.send(sender, &item);
                self.keep(item);
                sent
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

    /// The replies of its call, sending for as long as they are wanted.
    pub(super) fn beside(self, messages: Messages) -> impl filter::Source {
        Beside {
            pump: Some(self),
            messages,
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

/// Replies, and the requests that go on meanwhile.
struct Beside {
    pump: Option<Pump>,
    messages: Messages,
}

impl filter::Source for Beside {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Status>>> {
        if let Some(pump) = &mut self.pump
            && let Poll::Ready(status) = pump.poll_failed(cx)
        {
            self.pump = None;
            return Poll::Ready(Some(Err(status)));
        }
        self.messages.poll_message(cx)
    }

    fn trailers(&mut self) -> Metadata {
        self.messages.trailers()
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.task.abort();
    }
}
