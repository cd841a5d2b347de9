//! Why a server that closes the connection behind the TLS handshake does not want us.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::fault::Fault;

/// What it is if the server does not trust us. In TLS 1.3 it says so behind the handshake, to h2, which keeps of an error
/// of the socket no more than its text.
pub(super) fn refusal(authority: &str, what: &str) -> Option<Fault> {
    let (_, alert) = what.split_once("received fatal alert: ")?;
    Some(Fault::Distrusted(format!(
        "{authority} refuses us ({alert}): it may want a certificate of ours, `cert` and `key`"
    )))
}

/// A stream that says, where it cannot be written, what the peer has said before it closed: why it refuses us.
#[derive(Debug)]
pub(super) struct LastWords<S> {
    stream: S,
    /// Why it cannot be written any more, until the last words are heard.
    failure: Option<io::Error>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> LastWords<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            failure: None,
        }
    }

    fn write<T>(
        &mut self,
        context: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if self.failure.is_none() {
            match write(Pin::new(&mut self.stream), context) {
                Poll::Ready(Err(error)) => self.failure = Some(error),
                written => return written,
            }
        }
        let mut space = [0; 256];
        let mut buffer = ReadBuf::new(&mut space);
        // The end of the connection is on its way, so that this is never waited for in vain.
        match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
            Poll::Ready(Err(words)) => Poll::Ready(Err(words)),
            Poll::Ready(Ok(())) => Poll::Ready(Err(self
                .failure
                .take()
                .unwrap_or_else(|| io::ErrorKind::BrokenPipe.into()))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for LastWords<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for LastWords<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write(context, |stream, context| stream.poll_write(context, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write(context, S::poll_flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
