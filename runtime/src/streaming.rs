//! A stream of messages: what methods with `stream` take and return, on both sides.

use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use futures_core::Stream;
use tokio::sync::mpsc;

use crate::error::Error;
use crate::status::Status;

/// Messages, one after the other, until the end or the first error. It is the last item: behind it comes `None`.
///
/// A stream that a peer sends ends with `None` only if the peer said so: a lost connection is an error.
pub struct Streaming<T, E = Infallible> {
    inner: Option<Messages<T, E>>,
}

type Messages<T, E> = Pin<Box<dyn Stream<Item = Result<T, Error<E>>> + Send>>;

impl<T, E> Streaming<T, E> {
    /// The messages of any stream.
    pub fn new(stream: impl Stream<Item = Result<T, Error<E>>> + Send + 'static) -> Self {
        Self {
            inner: Some(Box::pin(stream)),
        }
    }

    /// Messages that are sent from elsewhere, at most `capacity` of them waiting. Dropping the sender is the end.
    ///
    /// # Panics
    /// If `capacity` is zero.
    pub fn channel(capacity: usize) -> (StreamSender<T, E>, Self)
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let (sender, receiver) = mpsc::channel(capacity);
        (StreamSender { sender }, Self::new(Received { receiver }))
    }

    /// The next message, the error that ends the stream, or `None` behind the end.
    pub async fn next(&mut self) -> Option<Result<T, Error<E>>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// All messages.
    ///
    /// # Errors
    /// The error that ended the stream; the messages before it are lost.
    pub async fn collect(mut self) -> Result<Vec<T>, Error<E>> {
        let mut all = Vec::new();
        while let Some(item) = self.next().await {
            all.push(item?);
        }
        Ok(all)
    }
}

impl<T, E> Streaming<T, E> {
    /// The same for a thread that waits for each message. Not for threads that drive asynchronous tasks: those would
    /// stand still meanwhile.
    pub fn blocking(self) -> BlockingStreaming<T, E> {
        BlockingStreaming { stream: self }
    }
}

/// An iterator over the messages of a [`Streaming`], each waited for.
#[derive(Debug)]
pub struct BlockingStreaming<T, E = Infallible> {
    stream: Streaming<T, E>,
}

impl<T, E> Iterator for BlockingStreaming<T, E> {
    type Item = Result<T, Error<E>>;

    fn next(&mut self) -> Option<Self::Item> {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut cx = Context::from_waker(&waker);
        loop {
            match Pin::new(&mut self.stream).poll_next(&mut cx) {
                Poll::Ready(item) => return item,
                Poll::Pending => thread::park(),
            }
        }
    }
}

/// Wakes a thread that waits for a message.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl<T, E> Stream for Streaming<T, E> {
    type Item = Result<T, Error<E>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(inner) = &mut self.inner else {
            return Poll::Ready(None);
        };
        let item = std::task::ready!(inner.as_mut().poll_next(cx));
        if !matches!(item, Some(Ok(_))) {
            self.inner = None;
        }
        Poll::Ready(item)
    }
}

impl<T, E, I> From<I> for Streaming<T, E>
where
    E: 'static,
    I: IntoIterator<Item = T>,
    I::IntoIter: Send + 'static,
{
    fn from(messages: I) -> Self {
        Self::new(Listed {
            messages: messages.into_iter(),
            error: PhantomData,
        })
    }
}

impl<T, E> fmt::Debug for Streaming<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streaming")
            .field("ended", &self.inner.is_none())
            .finish()
    }
}

/// The sending end of [`Streaming::channel`].
pub struct StreamSender<T, E = Infallible> {
    sender: mpsc::Sender<Result<T, Error<E>>>,
}

impl<T, E> StreamSender<T, E> {
    /// Sends a message as soon as there is room.
    ///
    /// # Errors
    /// `cancelled` when the receiver has gone.
    pub async fn send(&self, message: T) -> Result<(), Status> {
        self.sender
            .send(Ok(message))
            .await
            .map_err(|_| Status::cancelled("the receiver of the stream has gone"))
    }

    /// Ends the stream with an error as soon as there is room.
    pub async fn fail(self, error: impl Into<Error<E>>) {
        // A receiver that has gone has nobody to tell.
        let _ = self.sender.send(Err(error.into())).await;
    }

    /// Ends when the receiver has gone.
    pub async fn closed(&self) {
        self.sender.closed().await;
    }
}

impl<T, E> Clone for StreamSender<T, E> {
    fn clone(&self) -> Self {
        Self {
            sender: self.sender.clone(),
        }
    }
}

impl<T, E> fmt::Debug for StreamSender<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamSender").finish_non_exhaustive()
    }
}

struct Received<T, E> {
    receiver: mpsc::Receiver<Result<T, Error<E>>>,
}

impl<T, E> Stream for Received<T, E> {
    type Item = Result<T, Error<E>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.receiver.poll_recv(cx)
    }
}

/// An iterator as a stream that never fails.
struct Listed<I, E> {
    messages: I,
    error: PhantomData<fn() -> E>,
}

// Nothing in it is ever pinned.
impl<I, E> Unpin for Listed<I, E> {}

impl<I: Iterator, E> Stream for Listed<I, E> {
    type Item = Result<I::Item, Error<E>>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.messages.next().map(Ok))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Code;

    #[tokio::test]
    async fn an_error_is_the_last_item() {
        let (sender, mut stream) = Streaming::<u8>::channel(4);
        sender.send(1).await.unwrap();
        let other = sender.clone();
        sender.fail(Status::aborted("enough")).await;
        other.send(2).await.unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap(), 1);
        assert_eq!(
            stream.next().await.unwrap().unwrap_err().code(),
            Code::Aborted
        );
        assert!(stream.next().await.is_none());
        assert!(stream.next().await.is_none());
        other.closed().await;
    }

    #[tokio::test]
    async fn collect_gives_all_messages() {
        let stream = Streaming::<u8>::from([1, 2, 3]);
        assert_eq!(stream.collect().await.unwrap(), [1, 2, 3]);
    }
}
