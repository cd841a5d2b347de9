//! Servers that a test writes byte by byte.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Buf as _, BytesMut};
use callsheet::conn::{Config, Connection, Outbox};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

/// A server whose every connection is handled by the test.
pub(crate) struct Raw {
    pub(crate) address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Raw {
    pub(crate) async fn start<F>(handle: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        Self {
            address: listener.local_addr().unwrap(),
            accepted: Arc::clone(&accepted),
            accepting: tokio::spawn(async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    accepted.fetch_add(1, Ordering::Relaxed);
                    tokio::spawn(handle(stream));
                }
            }),
        }
    }

    /// Connections that it has had.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    /// The list of it alone.
    pub(crate) fn registry(&self) -> String {
        format!("static:tcp://{}", self.address)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Answers the client's preface; what this gives speaks the protocol from there on.
pub(crate) async fn greet(stream: &mut TcpStream) -> Connection {
    let now = Instant::now().into_std();
    let mut machine = Connection::server(Config::default(), now);
    let mut preface = BytesMut::zeroed(16);
    stream.read_exact(&mut preface).await.unwrap();
    machine.receive(&mut preface, now);
    say(&mut machine, stream).await;
    machine
}

/// Writes what the machine has to say.
pub(crate) async fn say(machine: &mut Connection, stream: &mut TcpStream) {
    let mut out = Outbox::new();
    machine.transmit(&mut out, usize::MAX);
    let bytes = out.copy_to_bytes(out.remaining());
    // Who has gone hears nothing.
    let _ = stream.write_all(&bytes).await;
}

/// The next frame whole, and the number of its call.
pub(crate) async fn frame(stream: &mut TcpStream) -> std::io::Result<(BytesMut, u32)> {
    let length = stream.read_u32().await?;
    let mut rest = vec![0; length as usize];
    stream.read_exact(&mut rest).await?;
    let number = u32::from_be_bytes(rest[2..6].try_into().unwrap());
    let mut frame = BytesMut::from(&length.to_be_bytes()[..]);
    frame.extend_from_slice(&rest);
    Ok((frame, number))
}
