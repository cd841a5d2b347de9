//! The network of a cluster within the process: connections that a test can break, freeze and refuse.

use std::collections::HashMap;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::mpsc;

use crate::registry::BoxFuture;
use crate::transport::{Accept, BoxIo, Transport};

/// What names these connections in addresses.
pub(super) const SCHEME: &str = "cluster";

/// What may lie in one direction before the writer waits: as much as in a socket.
const CAPACITY: usize = 256 * 1024;

/// Connections that wait to be accepted.
const BACKLOG: usize = 1024;

/// All places of one cluster.
#[derive(Clone, Debug, Default)]
pub(super) struct Wires(Arc<Mutex<HashMap<String, Gate>>>);

/// The way to one place.
///
/// ```text
///   closed ──listen──▶ open ◀──resume── frozen: the server neither reads nor writes
///     ▲                 │ └────pause──────▲│
///     └──────kill───────┴──────────────────┘ every connection breaks
/// ```
#[derive(Clone, Debug, Default)]
pub(super) struct Gate(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    listener: Option<mpsc::Sender<(DuplexStream, Arc<Line>)>>,
    frozen: bool,
    next: u64,
    lines: HashMap<u64, Weak<Line>>,
}

/// One connection, as both ends of it share it.
#[derive(Debug, Default)]
struct Line(Mutex<Condition>);

#[derive(Debug, Default)]
struct Condition {
    number: u64,
    cut: bool,
    frozen: bool,
    sleepers: Vec<Waker>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No statement that holds a lock leaves it half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Wires {
    /// The way to `place`.
    pub(super) fn gate(&self, place: &str) -> Gate {
        lock(&self.0).entry(place.into()).or_default().clone()
    }
}

impl Gate {
    /// The server neither reads nor writes any more, as a process that was stopped; or goes on.
    pub(super) fn freeze(&self, frozen: bool) {
        let mut state = lock(&self.0);
        state.frozen = frozen;
        for line in state.lines.values().filter_map(Weak::upgrade) {
            line.change(|condition| condition.frozen = frozen);
        }
    }

    /// Nobody listens any more, and every connection breaks.
    pub(super) fn kill(&self) {
        let mut state = lock(&self.0);
        state.listener = None;
        state.frozen = false;
        for (_, line) in state.lines.drain() {
            if let Some(line) = line.upgrade() {
                line.change(|condition| condition.cut = true);
            }
        }
    }

    /// The connection from this peer breaks.
    pub(super) fn cut_line(&self, peer: Option<&str>) {
        let number = peer.and_then(|peer| peer.rsplit_once('-')?.1.parse().ok());
        let line = number.and_then(|number: u64| lock(&self.0).lines.remove(&number));
        if let Some(line) = line.and_then(|line| line.upgrade()) {
            line.change(|condition| condition.cut = true);
        }
    }

    fn listen(&self, place: &str) -> io::Result<Listener> {
        let mut state = lock(&self.0);
        if state.listener.as_ref().is_some_and(|it| !it.is_closed()) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let (sender, incoming) = mpsc::channel(BACKLOG);
        state.listener = Some(sender);
        Ok(Listener {
            place: place.into(),
            incoming,
        })
    }

    fn connect(&self) -> io::Result<End> {
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let mut state = lock(&self.0);
        let listener = state.listener.clone().ok_or_else(refused)?;
        let number = state.next;
        state.next += 1;
        let line = Arc::new(Line(Mutex::new(Condition {
            number,
            frozen: state.frozen,
            ..Condition::default()
        })));
        let (ours, theirs) = tokio::io::duplex(CAPACITY);
        listener
            .try_send((theirs, Arc::clone(&line)))
            .map_err(|_| refused())?;
        state.lines.retain(|_, line| line.strong_count() > 0);
        state.lines.insert(number, Arc::downgrade(&line));
        Ok(End {
            stream: ours,
            line,
            freezes: false,
        })
    }
}

impl Line {
    fn change(&self, change: impl FnOnce(&mut Condition)) {
        let mut condition = lock(&self.0);
        change(&mut condition);
        let sleepers = std::mem::take(&mut condition.sleepers);
        drop(condition);
        for sleeper in sleepers {
            sleeper.wake();
        }
    }
}

impl Transport for Wires {
    fn scheme(&self) -> &'static str {
        SCHEME
    }

    fn connect<'a>(&'a self, place: &'a str) -> BoxFuture<'a, io::Result<BoxIo>> {
        let end = self.gate(place).connect();
        Box::pin(async { Ok(Box::new(end?) as BoxIo) })
    }

    fn listen<'a>(&'a self, place: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Accept>>> {
        let listener = self.gate(place).listen(place);
        Box::pin(async { Ok(Box::new(listener?) as Box<dyn Accept>) })
    }
}

struct Listener {
    place: String,
    incoming: mpsc::Receiver<(DuplexStream, Arc<Line>)>,
}

impl Accept for Listener {
    fn place(&self) -> &str {
        &self.place
    }

    fn accept(&mut self) -> BoxFuture<'_, io::Result<(BoxIo, String)>> {
        Box::pin(async {
            let Some((stream, line)) = self.incoming.recv().await else {
                // The gate was closed; the server goes as well.
                return std::future::pending().await;
            };
            let peer = format!("client-{}", lock(&line.0).number);
            let end = End {
                stream,
                line,
                freezes: true,
            };
            Ok((Box::new(end) as BoxIo, peer))
        })
    }
}

/// One end of a connection.
#[derive(Debug)]
struct End {
    stream: DuplexStream,
    line: Arc<Line>,
    /// Whether it is that of the server.
    freezes: bool,
}

impl End {
    /// Waits while it is frozen.
    ///
    /// # Errors
    /// It is broken.
    fn poll_usable(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        let mut condition = lock(&self.line.0);
        if condition.cut {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        // Whoever waits for bytes or room hears of a cut at once.
        condition
            .sleepers
            .retain(|known| !known.will_wake(cx.waker()));
        condition.sleepers.push(cx.waker().clone());
        if condition.frozen && self.freezes {
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for End {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        std::task::ready!(self.poll_usable(cx))?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for End {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        std::task::ready!(self.poll_usable(cx))?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        std::task::ready!(self.poll_usable(cx))?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.poll_usable(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.poll_usable(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
