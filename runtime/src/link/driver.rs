//! The one task that owns a connection: it moves bytes between transport and machine, and events between machine and
//! role. No lock is held, because nobody else has any of it.
//!
//! ```text
//!          ┌──────────────── nothing to do: wait for commands, bytes, room to write, the timer ◄──┐
//!          ▼                                                                                      │
//!   take commands, read once, let the machine see the time ──► events to the role                 │
//!          │                                                                                      │
//!          │ others are at work whose frames could share the write: yield once, take again        │
//!          ▼                                                                                      │
//!   write what there is, all frames in one go ────────────────────────────────────────────────────┘
//! ```

use std::future::poll_fn;
use std::io::IoSlice;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::yield_now;
use tokio::time::Sleep;

use super::command::Command;
use crate::conn::{CloseReason, Connection, Event, Outbox};
use crate::transport::Stream;

/// Read at once at first: a hundred small calls.
const SMALLEST_READ: usize = 8 * 1024;

/// Read at once when reads keep filling the buffer: more does not make the system call cheaper per byte.
const LARGEST_READ: usize = 64 * 1024;

/// Bytes read and written before other tasks get their turn, however much there is to do here.
const TURN: usize = 512 * 1024;

/// Commands taken at once.
const COMMANDS: usize = 256;

/// Slices of one vectored write; beyond this the kernel's own work dominates.
const SLICES: usize = 64;

/// Bytes that wait for the transport before the machine is asked for no more, so that one flush stays in the cache.
const FLUSH: usize = 256 * 1024;

/// Time for the last frames to leave when a connection ends, and for the peer to take them.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Bytes of a peer that has been told of the end, read and dropped so that what it is told arrives.
const LAST_READ: usize = 1024 * 1024;

/// What differs between the side that calls and the side that answers.
pub(super) trait Role: Send {
    /// Does what somebody with an end of a call wants.
    fn command(&mut self, connection: &mut Connection, command: Command, now: Instant);

    /// Reacts to what happened on the connection.
    fn event(&mut self, connection: &mut Connection, event: Event, now: Instant);

    /// When [`Role::timeout`] wants to be called, beside the machine's own time.
    fn next_timeout(&self) -> Option<Instant>;

    /// Does what is due.
    fn timeout(&mut self, connection: &mut Connection, now: Instant);

    /// Whether others are at work whose frames could share the next write.
    fn expects_more(&self) -> bool;

    /// The connection is over; `late` are the commands that it did not come to.
    fn closed(&mut self, reason: &CloseReason, late: Vec<Command>);
}

/// What a connection has done with its transport.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Reads that gave bytes.
    pub(crate) reads: AtomicU64,
    /// Writes that took bytes.
    pub(crate) writes: AtomicU64,
}

/// Owns a connection until its end.
pub(super) struct Driver<R> {
    connection: Connection,
    role: R,
    transport: Transport,
    commands: mpsc::UnboundedReceiver<Command>,
    batch: Vec<Command>,
    /// Every other end of `commands` is gone.
    orphaned: bool,
    timer: Timer,
    /// Bytes moved since other tasks had their turn.
    spent: usize,
}

impl<R: Role> Driver<R> {
    pub(super) fn new(
        connection: Connection,
        role: R,
        stream: Stream,
        commands: mpsc::UnboundedReceiver<Command>,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            connection,
            role,
            transport: Transport {
                stream,
                inbox: BytesMut::new(),
                next_read: SMALLEST_READ,
                outbox: Outbox::new(),
                counters,
            },
            commands,
            batch: Vec::new(),
            orphaned: false,
            timer: Timer::default(),
            spent: 0,
        }
    }

    /// Runs to the end of the connection, and gives the role back.
    pub(super) async fn run(mut self) -> R {
        let reason = loop {
            // What the machine has to say before anything happens: the client's preface.
            if let Some(reason) = self.flush().await {
                break reason;
            }
            poll_fn(|cx| self.poll_turn(cx)).await;
            if let Some(reason) = self.dispatch() {
                break reason;
            }
            if self.role.expects_more() || self.spent > TURN {
                self.spent = 0;
                yield_now().await;
                poll_fn(|cx| {
                    let _ = self.poll_turn(cx);
                    Poll::Ready(())
                })
                .await;
                if let Some(reason) = self.dispatch() {
                    break reason;
                }
            }
        };
        let late = self.last_commands();
        self.role.closed(&reason, late);
        self.last_words(&reason).await;
        self.role
    }

    /// Takes whatever is there to be taken; ready if there was anything.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = now();
        let mut moved = self.poll_commands(cx, now);
        if self.transport.has_output() {
            moved |= match self.transport.poll_write(cx) {
                Poll::Ready(Ok(count)) => {
                    self.spent += count;
                    true
                }
                Poll::Ready(Err(error)) => {
                    self.connection.lost(error.to_string());
                    true
                }
                Poll::Pending => false,
            };
        }
        moved |= match self.transport.poll_read(cx) {
            Poll::Ready(Ok(0)) => {
                self.connection.lost("the peer hung up");
                true
            }
            Poll::Ready(Ok(count)) => {
                self.spent += count;
                self.connection.receive(&mut self.transport.inbox, now);
                true
            }
            Poll::Ready(Err(error)) => {
                self.connection.lost(error.to_string());
                true
            }
            Poll::Pending => {
                if self.connection.active() == 0 {
                    self.transport.release();
                }
                false
            }
        };
        let due = [self.connection.next_timeout(), self.role.next_timeout()];
        if self
            .timer
            .poll_elapsed(cx, due.into_iter().flatten().min(), now)
            .is_ready()
        {
            self.connection.handle_timeout(now);
            self.role.timeout(&mut self.connection, now);
            moved = true;
        }
        if moved {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    fn poll_commands(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        if self.orphaned {
            return false;
        }
        match self.commands.poll_recv_many(cx, &mut self.batch, COMMANDS) {
            // Nobody is left who could call. What was sent and needs no answer may still finish.
            Poll::Ready(0) => {
                self.orphaned = true;
                self.connection
                    .go_away("nobody uses the connection any more");
                true
            }
            Poll::Ready(_) => {
                for command in self.batch.drain(..) {
                    self.role.command(&mut self.connection, command, now);
                }
                true
            }
            Poll::Pending => false,
        }
    }

    /// Tells the role what happened; the reason if it was the end.
    fn dispatch(&mut self) -> Option<CloseReason> {
        let now = now();
        while let Some(event) = self.connection.next_event() {
            if let Event::Closed(reason) = event {
                return Some(reason);
            }
            self.role.event(&mut self.connection, event, now);
        }
        None
    }

    /// Writes until there is nothing left or no room; the reason if the connection ended over it.
    async fn flush(&mut self) -> Option<CloseReason> {
        loop {
            if self.transport.outbox.len() < FLUSH {
                self.connection.transmit(&mut self.transport.outbox, FLUSH);
            }
            // Room in the queues may have come of it, and further messages for them.
            if let Some(reason) = self.dispatch() {
                return Some(reason);
            }
            if !self.transport.has_output() || self.spent > TURN {
                return None;
            }
            let written = poll_fn(|cx| {
                Poll::Ready(match self.transport.poll_write(cx) {
                    Poll::Ready(written) => Some(written),
                    Poll::Pending => None,
                })
            });
            match written.await {
                Some(Ok(count)) => self.spent += count,
                Some(Err(error)) => self.connection.lost(error.to_string()),
                None => return None,
            }
        }
    }

    fn last_commands(&mut self) -> Vec<Command> {
        self.commands.close();
        let mut late = std::mem::take(&mut self.batch);
        while let Ok(command) = self.commands.try_recv() {
            late.push(command);
        }
        late
    }

    /// Sends what the machine still has to say, and sees that it arrives.
    async fn last_words(&mut self, reason: &CloseReason) {
        if matches!(reason, CloseReason::Lost(_)) {
            return;
        }
        self.connection
            .transmit(&mut self.transport.outbox, usize::MAX);
        let patience = match reason {
            // Whoever ends a connection at once does not wait for its peer.
            CloseReason::Local(_) => Duration::ZERO,
            _ => LAST_WORDS,
        };
        // What a peer makes of it can no longer matter.
        let _ = tokio::time::timeout(patience, self.transport.finish()).await;
    }
}

/// The byte stream, and the bytes on their way in and out.
struct Transport {
    stream: Stream,
    inbox: BytesMut,
    next_read: usize,
    outbox: Outbox,
    counters: Arc<Counters>,
}

impl Transport {
    fn has_output(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// Reads once into the inbox.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<usize>> {
        // Half of it is worth a system call; growing costs a copy of what lies there.
        if self.inbox.capacity() - self.inbox.len() < self.next_read / 2 {
            self.inbox.reserve(self.next_read);
        }
        let room = self.inbox.capacity() - self.inbox.len();
        let count = std::task::ready!(pin!(self.stream.read_buf(&mut self.inbox)).poll(cx))?;
        self.counters.reads.fetch_add(1, Ordering::Relaxed);
        self.next_read = if count == room {
            (self.next_read * 2).min(LARGEST_READ)
        } else {
            self.next_read
        };
        Poll::Ready(Ok(count))
    }

    /// Gives the memory of an idle connection back.
    fn release(&mut self) {
        if self.inbox.is_empty() {
            self.inbox = BytesMut::new();
            self.next_read = SMALLEST_READ;
        }
        if self.outbox.is_empty() {
            self.outbox = Outbox::new();
        }
    }

    /// Writes once from the outbox, as many frames as one call takes.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<usize>> {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let filled = self.outbox.chunks_vectored(&mut slices);
        let stream = Pin::new(&mut self.stream);
        let count = std::task::ready!(match &slices[..filled] {
            [one] => stream.poll_write(cx, one),
            many => stream.poll_write_vectored(cx, many),
        })?;
        if count == 0 {
            return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into()));
        }
        self.counters.writes.fetch_add(1, Ordering::Relaxed);
        self.outbox.advance(count);
        Poll::Ready(Ok(count))
    }

    /// Writes everything, says that it was all, and takes what the peer still sends: hanging up on unread bytes would
    /// make the system throw away what was written.
    async fn finish(&mut self) -> std::io::Result<()> {
        while self.has_output() {
            poll_fn(|cx| self.poll_write(cx)).await?;
        }
        self.stream.shutdown().await?;
        let mut dropped = 0;
        while dropped < LAST_READ {
            self.inbox.clear();
            match poll_fn(|cx| self.poll_read(cx)).await? {
                0 => break,
                count => dropped += count,
            }
        }
        Ok(())
    }
}

/// One timer per connection, moved only when something is due earlier.
#[derive(Default)]
struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    armed: Option<Instant>,
}

impl Timer {
    /// Ready once `due` is past.
    fn poll_elapsed(
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
            if due <= self::now() {
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

/// The time, as the runtime sees it: a test may stop it.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
