//! Transports that are not built in: the interface that a third party implements, and the list of those that a client or
//! a server was given.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use super::{Address, Listener, ParseAddressError, Stream};
use crate::registry::BoxFuture;

/// Bytes both ways, in order and without loss: what a connection is made of.
///
/// Whatever reads and writes is one. What it buffers must leave by `poll_flush`, and its end must show as a read of nothing
/// or an error.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

/// A byte stream of any kind.
pub type BoxIo = Box<dyn Io>;

/// Ways to servers under a scheme of their own: `vsock://3:7000`.
///
/// A client is given it by [`ClientBuilder::transport`](crate::ClientBuilder::transport) and a server by
/// [`Server::transport`](crate::Server::transport). Addresses are written `scheme://place`; what a place is, the transport
/// says.
pub trait Transport: Send + Sync + 'static {
    /// The scheme of its addresses: lower-case letters, digits, `+`, `-` and `.`.
    fn scheme(&self) -> &str;

    /// A stream to the server at `place`. Needs no time limit of its own.
    ///
    /// # Errors
    /// Why there is none; calls are told, and go elsewhere.
    fn connect<'a>(&'a self, place: &'a str) -> BoxFuture<'a, io::Result<BoxIo>>;

    /// Takes in connections to `place`.
    ///
    /// # Errors
    /// Why it cannot: the server does not start.
    fn listen<'a>(&'a self, place: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Accept>>>;
}

/// Takes in connections to one place of a [`Transport`], until it is dropped.
pub trait Accept: Send {
    /// What was bound, as clients reach it: where a port was left open, the real one.
    fn place(&self) -> &str;

    /// The next connection, and what is known of the place at its other end. Dropping the future must lose none.
    ///
    /// # Errors
    /// Why there is none now. It is called again after a pause.
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(BoxIo, String)>>;
}

/// The transports beside those that are built in.
#[derive(Clone, Default)]
pub(crate) struct Transports(Arc<BTreeMap<String, Arc<dyn Transport>>>);

impl Transports {
    /// The same with one more; the last of a scheme counts.
    pub(crate) fn with(&self, transport: impl Transport) -> Self {
        let mut all = BTreeMap::clone(&self.0);
        all.insert(transport.scheme().into(), Arc::new(transport));
        Self(Arc::new(all))
    }

    /// Whether there is a way to `address`.
    pub(crate) fn reach(&self, address: &Address) -> bool {
        match address {
            Address::Other { scheme, .. } => self.0.contains_key(scheme),
            Address::Tcp(_) | Address::Unix(_) | Address::Memory(_) => true,
        }
    }

    /// An address that there is a way to.
    pub(crate) fn parse(&self, text: &str) -> Result<Address, ParseAddressError> {
        let address: Address = text.parse()?;
        if self.reach(&address) {
            Ok(address)
        } else {
            Err(ParseAddressError::unknown_scheme(text))
        }
    }

    /// A stream to the server at `address`; no time limit of its own.
    pub(crate) async fn connect(&self, address: &Address) -> io::Result<Stream> {
        match self.foreign(address) {
            Some((transport, place)) => transport.connect(place).await.map(Stream::foreign),
            None => super::connect(address).await,
        }
    }

    /// Listens on `address`.
    pub(crate) async fn bind(&self, address: &Address) -> io::Result<Listener> {
        match self.foreign(address) {
            Some((transport, place)) => {
                let accept = transport.listen(place).await?;
                Ok(Listener::foreign(transport.scheme(), accept))
            }
            None => Listener::bind(address).await,
        }
    }

    fn foreign<'a>(&'a self, address: &'a Address) -> Option<(&'a dyn Transport, &'a str)> {
        let Address::Other { scheme, place } = address else {
            return None;
        };
        let transport = self.0.get(scheme)?;
        Some((&**transport, place))
    }
}

impl fmt::Debug for Transports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
