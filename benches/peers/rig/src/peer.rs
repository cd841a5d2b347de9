//! What the rig asks of a system.

use std::error::Error;
use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;
use tokio::net::TcpListener;

/// A result whose error may be anything: it is printed, never matched.
pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The reason why a system has no figure for a case: its API has no such thing.
#[derive(Debug)]
pub struct Unsupported(pub &'static str);

impl fmt::Display for Unsupported {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "not offered: {}", self.0)
    }
}

impl Error for Unsupported {}

/// A system: how its server starts, and how its clients connect.
pub trait Peer: 'static {
    /// Whether its futures stay on one thread: it then runs in a `LocalSet` of a current-thread runtime, the others on
    /// a multi-thread runtime with one worker.
    const LOCAL: bool = false;

    /// What makes calls.
    type Client: Client;

    /// Starts a server on a free port of 127.0.0.1 and returns its address; the server runs on in tasks of its own.
    fn serve() -> impl Future<Output = Result<SocketAddr>>;

    /// Connects by so many TCP connections, as the system's user would get them.
    ///
    /// Caller `i` uses client `i % clients.len()`: a system that spreads calls over connections by itself returns one.
    /// Each connection has `TCP_NODELAY` where the system lets its user set it. A call of this function shares no
    /// connection with another.
    fn connect(
        address: SocketAddr,
        connections: usize,
    ) -> impl Future<Output = Result<Vec<Self::Client>>>;
}

/// One client of a system, cheap to clone.
///
/// Where a system's futures are not `Send` ([`Peer::LOCAL`]), wrap them and the client in `send_wrapper::SendWrapper`.
pub trait Client: Clone + Send + Sync + 'static {
    /// The payload of a reply, in the type that the system's user gets.
    type Reply: AsRef<[u8]> + Send + 'static;

    /// A unary call whose handler answers at once with the request's payload.
    fn echo(&self, payload: Bytes) -> impl Future<Output = Result<Self::Reply>> + Send;

    /// As [`echo`](Self::echo), from a handler that waits once: it awaits `tokio::task::yield_now()`.
    fn echo_pending(&self, _payload: Bytes) -> impl Future<Output = Result<Self::Reply>> + Send {
        async { Err(Unsupported("no such method").into()) }
    }

    /// A unary call with an empty request and a reply of so many bytes, which the server holds ready.
    fn fetch(&self, _size: usize) -> impl Future<Output = Result<Self::Reply>> + Send {
        async { Err(Unsupported("no such method").into()) }
    }

    /// A unary call whose handler runs [`compute`](crate::compute) before it replies.
    fn compute(&self, _micros: u64) -> impl Future<Output = Result<()>> + Send {
        async { Err(Unsupported("no such method").into()) }
    }

    /// Asks for a stream of so many messages of [`STREAM_MESSAGE`](crate::STREAM_MESSAGE) bytes, reads it to its end,
    /// and returns how many of that size came.
    fn server_stream(&self, _messages: u64) -> impl Future<Output = Result<u64>> + Send {
        async { Err(Unsupported("no streams").into()) }
    }

    /// Sends a stream of so many messages; returns the server's reply, which is how many it received.
    fn client_stream(&self, _messages: u64) -> impl Future<Output = Result<u64>> + Send {
        async { Err(Unsupported("no streams").into()) }
    }

    /// Sends a stream of so many messages, and at the same time reads the server's stream of the same messages; returns
    /// how many came back. Neither side waits for a message's echo before it sends the next.
    fn bidi_stream(&self, _messages: u64) -> impl Future<Output = Result<u64>> + Send {
        async { Err(Unsupported("no streams").into()) }
    }
}

/// A listener on a free port of 127.0.0.1, for systems that take one.
pub async fn listen() -> Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}
