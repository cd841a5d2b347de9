//! A stream of messages as bytes, and those who look at it as it passes.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_core::Stream;

use crate::link::{BodyReceiver, Part};
use crate::metadata::Metadata;
use crate::status::Status;

/// Messages of a stream as they travel, one after the other, until a good end or the status that ended the call.
///
/// It is a [`Stream`], and made of any with [`Messages::new`].
pub struct Messages(Inner);

enum Inner {
    /// As they come from the connection: nothing is copied.
    Wire(Box<BodyReceiver>),
    /// As somebody makes them. Never locked: a mutex makes the whole fit to be borrowed by several threads.
    Made(Mutex<Box<dyn Source>>),
}

/// Messages of any making, and what follows them.
pub(crate) trait Source: Send {
    /// The next message, the status that ended the call, or `None` behind a good end.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Status>>>;

    /// What was sent behind the last message; there once the stream has ended well.
    fn trailers(&mut self) -> Metadata {
        Metadata::new()
    }
}

impl Messages {
    /// The messages of any stream. Its first error is the last item.
    pub fn new(messages: impl Stream<Item = Result<Bytes, Status>> + Send + 'static) -> Self {
        let mut messages = Box::pin(messages);
        Self::from_fn(move |cx| messages.as_mut().poll_next(cx))
    }

    /// The messages that `next` gives when it is polled. It is not polled behind its end or its first error.
    pub fn from_fn(
        next: impl FnMut(&mut Context<'_>) -> Poll<Option<Result<Bytes, Status>>> + Send + 'static,
    ) -> Self {
        Self::made(Polled(Some(next)))
    }

    pub(crate) fn made(source: impl Source + 'static) -> Self {
        Self(Inner::Made(Mutex::new(Box::new(source))))
    }

    pub(crate) fn wire(receiver: Box<BodyReceiver>) -> Self {
        Self(Inner::Wire(receiver))
    }

    /// The next message, the status that ended the call, or `None` behind a good end.
    pub async fn next(&mut self) -> Option<Result<Bytes, Status>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// The same, each message as `change` gives it on. Its first error ends the stream, and the call.
    #[must_use]
    pub fn map(self, change: impl FnMut(Bytes) -> Result<Bytes, Status> + Send + 'static) -> Self {
        Self::made(Mapped {
            messages: self,
            change,
            failed: false,
        })
    }

    /// The same; `told` is told once how it ended: with what was sent behind the last message, or with the status.
    /// A stream that is dropped before its end is `cancelled`.
    #[must_use]
    pub fn on_end(self, told: impl FnOnce(Result<&Metadata, &Status>) + Send + 'static) -> Self {
        Self::made(Watched {
            messages: self,
            told: Some(Box::new(told)),
        })
    }

    /// What `read` makes of the next message, the status that ended the call, or `None` behind a good end.
    pub(crate) fn poll_read<T>(
        &mut self,
        cx: &mut Context<'_>,
        read: impl FnOnce(Part<'_>) -> T,
    ) -> Poll<Option<Result<T, Status>>> {
        match &mut self.0 {
            Inner::Wire(receiver) => receiver.poll_read(cx, read),
            Inner::Made(source) => {
                let source = source.get_mut().unwrap_or_else(PoisonError::into_inner);
                let message = ready!(source.poll_next(cx));
                Poll::Ready(message.map(|message| {
                    let mut body = message?;
                    let length = body.len();
                    Ok(read(Buf::take(&mut body, length)))
                }))
            }
        }
    }

    pub(crate) fn poll_message(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Status>>> {
        self.poll_read(cx, |mut part| part.copy_to_bytes(part.remaining()))
    }

    /// What was sent behind the last message; there once the stream has ended well.
    pub(crate) fn trailers(&mut self) -> Metadata {
        match &mut self.0 {
            Inner::Wire(receiver) => receiver.trailers().cloned().unwrap_or_default(),
            Inner::Made(source) => {
                let source = source.get_mut().unwrap_or_else(PoisonError::into_inner);
                source.trailers()
            }
        }
    }
}

impl Stream for Messages {
    type Item = Result<Bytes, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_message(cx)
    }
}

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages").finish_non_exhaustive()
    }
}

/// What somebody makes, until its first error.
struct Polled<F>(Option<F>);

impl<F> Source for Polled<F>
where
    F: FnMut(&mut Context<'_>) -> Poll<Option<Result<Bytes, Status>>> + Send,
{
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Status>>> {
        let Some(next) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let message = ready!(next(cx));
        if !matches!(message, Some(Ok(_))) {
            self.0 = None;
        }
        Poll::Ready(message)
    }
}

struct Mapped<F> {
    messages: Messages,
    change: F,
    failed: bool,
}

impl<F: FnMut(Bytes) -> Result<Bytes, Status> + Send> Source for Mapped<F> {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Status>>> {
        if self.failed {
            return Poll::Ready(None);
        }
        let message = ready!(self.messages.poll_message(cx));
        let changed = message.map(|message| message.and_then(&mut self.change));
        self.failed = matches!(changed, Some(Err(_)));
        Poll::Ready(changed)
    }

    fn trailers(&mut self) -> Metadata {
        self.messages.trailers()
    }
}

/// Who is told how a stream ended.
type Told = Box<dyn FnOnce(Result<&Metadata, &Status>) + Send>;

struct Watched {
    messages: Messages,
    told: Option<Told>,
}

impl Watched {
    fn tell(&mut self, end: Result<&Metadata, &Status>) {
        if let Some(told) = self.told.take() {
            told(end);
        }
    }
}

impl Source for Watched {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Status>>> {
        let message = ready!(self.messages.poll_message(cx));
        match &message {
            Some(Ok(_)) => {}
            Some(Err(status)) => self.tell(Err(status)),
            None => {
                let trailers = self.messages.trailers();
                self.tell(Ok(&trailers));
            }
        }
        Poll::Ready(message)
    }

    fn trailers(&mut self) -> Metadata {
        self.messages.trailers()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.told.is_some() {
            let status = Status::cancelled("nobody takes the rest of the messages");
            self.tell(Err(&status));
        }
    }
}
