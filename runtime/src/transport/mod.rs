//! Transports: addresses to byte streams. TCP, Unix sockets, names within the process, and what a third party adds by
//! [`Transport`].
//!
//! Knows nothing of frames. TCP is always without Nagle's delay: what is worth batching is batched above.

mod address;
mod foreign;
mod memory;
#[cfg(unix)]
mod unix;

use std::fmt;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

pub use address::{Address, ParseAddressError};
pub(crate) use foreign::Transports;
pub use foreign::{Accept, BoxIo, Io, Transport};

/// Connections that the kernel holds until they are accepted: a restart brings all clients at once. Linux takes no more
/// than `net.core.somaxconn` says, which is 4096 too since 5.4; tokio would ask for 1024 and the standard library for 128.
const BACKLOG: u32 = 4096;

/// A byte stream to a peer.
#[derive(Debug)]
pub(crate) enum Stream {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over a Unix socket.
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
    /// Within the process.
    Memory(DuplexStream),
    /// Of a transport that is not built in.
    Foreign(Foreign),
}

/// A stream of somebody else's making.
pub(crate) struct Foreign(BoxIo);

impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a stream of a foreign transport")
    }
}

impl Stream {
    fn foreign(stream: BoxIo) -> Self {
        Self::Foreign(Foreign(stream))
    }
}

/// Takes in connections to one address.
#[derive(Debug)]
pub(crate) struct Listener {
    address: Address,
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(unix::UnixFile),
    Memory(memory::MemoryListener),
    Foreign(ForeignListener),
}

struct ForeignListener {
    scheme: String,
    accept: Box<dyn Accept>,
}

impl fmt::Debug for ForeignListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a listener of {}", self.scheme)
    }
}

/// A stream to the server at `address`, by a transport that is built in; no time limit of its own.
pub(crate) async fn connect(address: &Address) -> io::Result<Stream> {
    match address {
        Address::Tcp(authority) => {
            let stream = TcpStream::connect(authority.as_str()).await?;
            stream.set_nodelay(true)?;
            Ok(Stream::Tcp(stream))
        }
        #[cfg(unix)]
        Address::Unix(path) => tokio::net::UnixStream::connect(path)
            .await
            .map(Stream::Unix),
        #[cfg(not(unix))]
        Address::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
        Address::Memory(name) => memory::connect(name).map(Stream::Memory),
        Address::Other { .. } => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// Whether an error says that the process or the system has no file descriptor left.
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    // EMFILE and ENFILE have these numbers on every Unix; the standard library has no kind for them.
    cfg!(unix) && matches!(error.raw_os_error(), Some(24 | 23))
}

impl Listener {
    /// Listens on `address`.
    pub(crate) async fn bind(address: &Address) -> io::Result<Self> {
        let (address, inner) = match address {
            Address::Tcp(authority) => {
                let listener = bind_tcp(authority).await?;
                let bound = Address::Tcp(listener.local_addr()?.to_string());
                (bound, Inner::Tcp(listener))
            }
            #[cfg(unix)]
            Address::Unix(path) => {
                let file = unix::UnixFile::bind(path).await?;
                (address.clone(), Inner::Unix(file))
            }
            #[cfg(not(unix))]
            Address::Unix(_) => return Err(io::ErrorKind::Unsupported.into()),
            Address::Memory(name) => {
                let listener = memory::MemoryListener::bind(name)?;
                (address.clone(), Inner::Memory(listener))
            }
            Address::Other { .. } => return Err(io::ErrorKind::Unsupported.into()),
        };
        Ok(Self { address, inner })
    }

    fn foreign(scheme: &str, accept: Box<dyn Accept>) -> Self {
        let scheme = scheme.to_owned();
        Self {
            address: Address::Other {
                scheme: scheme.clone(),
                place: accept.place().into(),
            },
            inner: Inner::Foreign(ForeignListener { scheme, accept }),
        }
    }

    /// What was bound: the port is the real one.
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// The next connection, and who is at its other end.
    pub(crate) async fn accept(&mut self) -> io::Result<(Stream, Address)> {
        match &mut self.inner {
            Inner::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // It fails for a peer that is gone already, and then reading says so.
                let _ = stream.set_nodelay(true);
                Ok((Stream::Tcp(stream), Address::Tcp(peer.to_string())))
            }
            #[cfg(unix)]
            Inner::Unix(file) => {
                let stream = file.accept().await?;
                Ok((Stream::Unix(stream), self.address.clone()))
            }
            Inner::Memory(listener) => {
                let stream = listener.accept().await?;
                Ok((Stream::Memory(stream), self.address.clone()))
            }
            Inner::Foreign(listener) => {
                let (stream, place) = listener.accept.accept().await?;
                let scheme = listener.scheme.clone();
                Ok((Stream::foreign(stream), Address::Other { scheme, place }))
            }
        }
    }
}

async fn bind_tcp(authority: &str) -> io::Result<TcpListener> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host name has no address");
    for address in tokio::net::lookup_host(authority).await? {
        match listen(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A restart must not wait for the old connections' last state to time out.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            #[cfg(unix)]
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Memory(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Foreign(Foreign(stream)) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            #[cfg(unix)]
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Memory(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Foreign(Foreign(stream)) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            #[cfg(unix)]
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Memory(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Foreign(Foreign(stream)) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Foreign(Foreign(stream)) => stream.is_write_vectored(),
            _ => true,
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            #[cfg(unix)]
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
            Self::Memory(stream) => Pin::new(stream).poll_flush(cx),
            Self::Foreign(Foreign(stream)) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            #[cfg(unix)]
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Memory(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Foreign(Foreign(stream)) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn echo_once(bind: &str) -> Address {
        let mut listener = Listener::bind(&bind.parse().unwrap()).await.unwrap();
        let address = listener.address().clone();
        let (client, accepted) = tokio::join!(connect(&address), listener.accept());
        let (mut client, mut server) = (client.unwrap(), accepted.unwrap().0);
        client.write_all(b"ping").await.unwrap();
        let mut bytes = [0; 4];
        server.read_exact(&mut bytes).await.unwrap();
        server.write_all(&bytes).await.unwrap();
        client.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"ping");
        if let (Stream::Tcp(client), Stream::Tcp(server)) = (&client, &server) {
            assert!(client.nodelay().unwrap() && server.nodelay().unwrap());
        }
        address
    }

    #[tokio::test]
    async fn every_transport_carries_bytes_both_ways() {
        assert_ne!(
            echo_once("127.0.0.1:0").await,
            "127.0.0.1:0".parse().unwrap()
        );
        echo_once("memory:transport-echo").await;
        let folder = std::env::temp_dir().join(format!("callsheet-echo-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("echo.sock");
        echo_once(&format!("unix:{}", file.display())).await;
        assert!(!file.exists(), "the socket file goes with its listener");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn a_name_in_use_is_refused_and_free_again_after_its_listener() {
        let address: Address = "memory:transport-name".parse().unwrap();
        let listener = Listener::bind(&address).await.unwrap();
        let error = Listener::bind(&address).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        drop(listener);
        let refused = connect(&address).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        Listener::bind(&address).await.unwrap();
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_socket_file_is_replaced_only_when_nobody_listens() {
        let folder = std::env::temp_dir().join(format!("callsheet-stale-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("a.sock");
        let address = Address::Unix(file.clone());

        // A killed process leaves its file: the standard library's listener does not remove it.
        drop(std::os::unix::net::UnixListener::bind(&file).unwrap());
        assert!(file.exists());
        let listener = Listener::bind(&address).await.unwrap();

        let error = Listener::bind(&address).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(
            connect(&address).await.is_ok(),
            "the first listener still has it"
        );
        drop(listener);

        std::fs::write(&file, "precious").unwrap();
        assert!(Listener::bind(&address).await.is_err());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
