//! The byte stream of a connection with its buffers, and its one timer.
//!
//! Every await on a socket is here. Knows nothing of frames.

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::Sleep;

use super::spare;
use crate::conn::Outbox;
use crate::transport::Stream;

/// Read at once at first: a hundred small calls.
const SMALLEST_READ: usize = 8 * 1024;

/// Read at once when reads keep filling the buffer: four calls of 64 KiB, whose replies then share a write as well.
const LARGEST_READ: usize = 256 * 1024;

/// Room behind a large frame, for the small ones that follow it.
const BEHIND: usize = 4 * 1024;

/// As much room as this is used up, rather than given up for a larger buffer.
const LEAST_READ: usize = 16 * 1024;

/// Slices of one vectored write; beyond this the kernel's own work dominates.
const SLICES: usize = 64;

/// Bytes of a peer that has been told of the end, read and dropped so that what it is told arrives.
const LAST_READ: usize = 1024 * 1024;

/// Counts what connections do with their transports.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    reads: AtomicU64,
    writes: AtomicU64,
}

/// What connections have done with their transports: on sockets each is a system call, the dearest part of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// Reads that gave bytes.
    pub reads: u64,
    /// Writes that took bytes.
    pub writes: u64,
}

impl Counters {
    pub(crate) fn traffic(&self) -> Traffic {
        Traffic {
            reads: self.reads.load(Ordering::Relaxed),
            writes: self.writes.load(Ordering::Relaxed),
        }
    }
}

/// The byte stream, and the bytes on their way in and out.
pub(super) struct Transport {
    stream: Stream,
    pub(super) inbox: BytesMut,
    /// What the inbox had room for when it was new.
    memory: usize,
    next_read: usize,
    pub(super) outbox: Outbox,
    counters: Arc<Counters>,
    /// The last write found no room.
    full: bool,
    /// There was none, and then some.
    relieved: bool,
}

impl Transport {
    pub(super) fn new(stream: Stream, counters: Arc<Counters>) -> Self {
        Self {
            stream,
            inbox: BytesMut::new(),
            memory: 0,
            next_read: SMALLEST_READ,
            outbox: Outbox::new(),
            counters,
            full: false,
            relieved: false,
        }
    }

    pub(super) fn has_output(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// Reads once into the inbox, where a frame lacks so many bytes to be whole.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        missing: usize,
    ) -> Poll<io::Result<usize>> {
        self.make_room(missing);
        let room = self.inbox.capacity() - self.inbox.len();
        let count = std::task::ready!(pin!(self.stream.read_buf(&mut self.inbox)).poll(cx))?;
        self.counters.reads.fetch_add(1, Ordering::Relaxed);
        self.next_read = if count == room {
            (self.next_read * 2).min(LARGEST_READ)
        } else if count < self.next_read / 4 {
            (self.next_read / 2).max(SMALLEST_READ)
        } else {
            self.next_read
        };
        Poll::Ready(Ok(count))
    }

    /// Sees that there is room for the rest of a frame, so that it is never moved again, and that a read is worth its system
    /// call.
    fn make_room(&mut self, missing: usize) {
        let spare = self.inbox.capacity() - self.inbox.len();
        if spare >= missing.max(self.next_read.min(LEAST_READ) / 2) {
            return;
        }
        let room = self.next_read.max(missing + BEHIND);
        if !self.inbox.try_reclaim(room) {
            let mut inbox = spare::take(self.inbox.len() + room);
            inbox.extend_from_slice(&self.inbox);
            let memory = std::mem::replace(&mut self.memory, inbox.capacity());
            spare::keep(std::mem::replace(&mut self.inbox, inbox), memory);
        }
    }

    /// Gives the memory of an idle connection back.
    pub(super) fn release(&mut self) {
        if self.inbox.is_empty() {
            let memory = std::mem::take(&mut self.memory);
            spare::keep(std::mem::take(&mut self.inbox), memory);
        }
        if self.outbox.is_empty() {
            self.outbox = Outbox::new();
        }
    }

    /// Whether it was full and has taken bytes again since this was last asked.
    pub(super) fn was_relieved(&mut self) -> bool {
        std::mem::take(&mut self.relieved)
    }

    /// Writes once from the outbox, as many frames as one call takes.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let filled = self.outbox.chunks_vectored(&mut slices);
        let stream = Pin::new(&mut self.stream);
        let written = match &slices[..filled] {
            [one] => stream.poll_write(cx, one),
            many => stream.poll_write_vectored(cx, many),
        };
        self.relieved |= self.full && written.is_ready();
        self.full = written.is_pending();
        let count = std::task::ready!(written)?;
        if count == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.counters.writes.fetch_add(1, Ordering::Relaxed);
        self.outbox.advance(count);
        Poll::Ready(Ok(count))
    }

    /// Writes everything, says that it was all, and takes what the peer still sends: hanging up on unread bytes would
    /// make the system throw away what was written.
    pub(super) async fn finish(&mut self) -> io::Result<()> {
        while self.has_output() {
            poll_fn(|cx| self.poll_write(cx)).await?;
        }
        self.stream.shutdown().await?;
        let mut dropped = 0;
        while dropped < LAST_READ {
            self.inbox.clear();
            match poll_fn(|cx| self.poll_read(cx, 0)).await? {
                0 => break,
                count => dropped += count,
            }
        }
        Ok(())
    }
}

/// One timer per connection, moved only when something is due earlier.
#[derive(Default)]
pub(super) struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    armed: Option<Instant>,
}

impl Timer {
    /// Ready once `due` is past.
    pub(super) fn poll_elapsed(
        &mut self,
        cx: &mut Context<'_>,
        due: Option<Instant>,
        now: Instant,
    ) -> Poll<()> {
        let Some(due) = due else {
            return Poll::Pending;
        };
        if due <= now {
            return Poll::Ready(());
        }
        if self.armed.is_none_or(|armed| due < armed) {
            self.arm(due);
        }
        let Some(sleep) = &mut self.sleep else {
            return Poll::Pending;
        };
        // A timer that was armed for something that has been settled since rings for nothing, and is set anew.
        while sleep.as_mut().poll(cx).is_ready() {
            if due <= super::driver::now() {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(due.into());
            self.armed = Some(due);
        }
        Poll::Pending
    }

    fn arm(&mut self, due: Instant) {
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().reset(due.into()),
            None => self.sleep = Some(Box::pin(tokio::time::sleep_until(due.into()))),
        }
        self.armed = Some(due);
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::DuplexStream;

    use super::*;

    fn transport() -> (Transport, DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let counters = Arc::new(Counters::default());
        (Transport::new(Stream::Memory(ours), counters), theirs)
    }

    #[tokio::test]
    async fn the_rest_of_a_large_frame_is_read_into_room_of_its_size() {
        let (mut transport, mut peer) = transport();
        peer.write_all(&[1; 1000]).await.unwrap();
        poll_fn(|cx| transport.poll_read(cx, 0)).await.unwrap();
        let mut missing = 100_000;
        peer.write_all(&vec![2; 40_000]).await.unwrap();
        missing -= poll_fn(|cx| transport.poll_read(cx, missing))
            .await
            .unwrap();
        let place = transport.inbox.as_ptr();
        assert!(transport.inbox.capacity() <= 1000 + 100_000 + 2 * BEHIND);
        peer.write_all(&vec![3; missing]).await.unwrap();
        while missing > 0 {
            missing -= poll_fn(|cx| transport.poll_read(cx, missing))
                .await
                .unwrap();
        }
        assert_eq!(transport.inbox.len(), 101_000);
        assert_eq!(transport.inbox.as_ptr(), place, "moved");
    }

    #[tokio::test]
    async fn reads_grow_while_there_is_much_and_buffers_are_given_back() {
        let (mut transport, mut peer) = transport();
        for _ in 0..4 {
            peer.write_all(&vec![1; 1 << 20]).await.unwrap();
            let mut left = 1 << 20;
            while left > 0 {
                left -= poll_fn(|cx| transport.poll_read(cx, 0)).await.unwrap();
                drop(transport.inbox.split().freeze());
            }
        }
        let reads = transport.counters.traffic().reads;
        assert!(reads < 40, "{reads} reads of 4 MiB");
        assert!(transport.inbox.capacity() <= 2 * LARGEST_READ);
        transport.release();
        assert_eq!(transport.inbox.capacity(), 0);
        // The next buffer is no larger than what still comes.
        for _ in 0..8 {
            peer.write_all(b"a few bytes").await.unwrap();
            poll_fn(|cx| transport.poll_read(cx, 0)).await.unwrap();
            drop(transport.inbox.split().freeze());
            transport.release();
        }
        peer.write_all(b"a few bytes").await.unwrap();
        poll_fn(|cx| transport.poll_read(cx, 0)).await.unwrap();
        assert!(transport.inbox.capacity() <= SMALLEST_READ);
    }
}
