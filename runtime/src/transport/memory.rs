//! Listeners within this process, by name: the same byte streams as sockets, without a kernel.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, PoisonError};

use tokio::io::DuplexStream;
use tokio::sync::mpsc;

/// What may lie in one direction before the writer waits: as much as a socket's usual send and receive buffers together.
const CAPACITY: usize = 256 * 1024;

/// Connections that wait to be accepted, as for the sockets.
const BACKLOG: usize = super::BACKLOG as usize;

static LISTENERS: Mutex<BTreeMap<String, mpsc::Sender<DuplexStream>>> = Mutex::new(BTreeMap::new());

fn listeners() -> std::sync::MutexGuard<'static, BTreeMap<String, mpsc::Sender<DuplexStream>>> {
    // The map is whole between any two statements that hold the lock.
    LISTENERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes in the connections to a name until it is dropped.
#[derive(Debug)]
pub(super) struct MemoryListener {
    name: String,
    incoming: mpsc::Receiver<DuplexStream>,
}

impl MemoryListener {
    pub(super) fn bind(name: &str) -> io::Result<Self> {
        let (sender, incoming) = mpsc::channel(BACKLOG);
        let mut listeners = listeners();
        if listeners.contains_key(name) {
            return Err(io::Error::new(
                io::ErrorKind::AddrInUse,
                "a listener of this process has the name",
            ));
        }
        listeners.insert(name.into(), sender);
        Ok(Self {
            name: name.into(),
            incoming,
        })
    }

    pub(super) async fn accept(&mut self) -> io::Result<DuplexStream> {
        self.incoming
            .recv()
            .await
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Drop for MemoryListener {
    fn drop(&mut self) {
        listeners().remove(&self.name);
    }
}

pub(super) fn connect(name: &str) -> io::Result<DuplexStream> {
    let sender = listeners().get(name).cloned().ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::ConnectionRefused,
            "nobody in this process listens under the name",
        )
    })?;
    let (ours, theirs) = tokio::io::duplex(CAPACITY);
    sender.try_send(theirs).map_err(|_| {
        io::Error::new(
            io::ErrorKind::ConnectionRefused,
            "the listener accepts too slowly or is gone",
        )
    })?;
    Ok(ours)
}
