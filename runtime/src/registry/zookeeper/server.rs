//! The servers of an ensemble: which to try next, how to reach it, who we are to it.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::super::tls::Tls;
use super::super::{Endpoint, Error, Locator};
use super::proto;
use crate::random::{Random, scale};

/// What bytes go through.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection, encrypted or not.
pub(super) type Stream = Box<dyn Duplex>;

/// The servers of an address, in an order of our own, so that clients spread over them.
pub(super) struct Servers {
    address: String,
    endpoints: Vec<Endpoint>,
    next: AtomicUsize,
    tls: Option<Tls>,
    /// User and password.
    proof: Option<(String, String)>,
}

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Servers").field(&self.address).finish()
    }
}

impl Servers {
    /// Those of `locator`, shuffled as `seed` decides.
    ///
    /// # Errors
    /// TLS that cannot be spoken as the address says.
    pub(super) fn of(locator: &Locator, seed: u64) -> Result<Self, Error> {
        let mut endpoints = locator.endpoints().to_vec();
        let random = Random::new(seed);
        for last in (1..endpoints.len()).rev() {
            endpoints.swap(last, scale(random.bits(), last + 1));
        }
        let proof = locator.user().map(|user| {
            (
                user.to_owned(),
                locator.password().unwrap_or_default().to_owned(),
            )
        });
        Ok(Self {
            address: locator.to_string(),
            endpoints,
            next: AtomicUsize::new(0),
            tls: Tls::of(locator, &[])?,
            proof,
        })
    }

    /// The address without secrets.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// How many there are; one at least.
    pub(super) fn len(&self) -> usize {
        self.endpoints.len()
    }

    /// The one to try now; each call goes on by one.
    pub(super) fn next(&self) -> &Endpoint {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        &self.endpoints[turn % self.endpoints.len()]
    }

    /// The request that proves who we are, if we are anybody.
    pub(super) fn proof(&self) -> Option<BytesMut> {
        let (user, password) = self.proof.as_ref()?;
        Some(proto::proof(user, password))
    }

    /// Connects to that server.
    pub(super) async fn connect(&self, server: &Endpoint) -> Result<Stream, String> {
        let tcp = TcpStream::connect((server.host.as_str(), server.port))
            .await
            .map_err(|error| error.to_string())?;
        // Requests are small, and somebody waits for each.
        tcp.set_nodelay(true).map_err(|error| error.to_string())?;
        match &self.tls {
            Some(tls) => Ok(Box::new(tls.connect(server, tcp).await?)),
            None => Ok(Box::new(tcp)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_server_has_its_turn_and_the_order_differs_from_client_to_client() {
        let locator = Locator::parse("zookeeper://u:hunter2@a,b,c", 2181, &[]).unwrap();
        let order = |seed| {
            let servers = Servers::of(&locator, seed).unwrap();
            assert!(!format!("{servers:?}").contains("hunter2"));
            let turns: Vec<_> = (0..6).map(|_| servers.next().host.clone()).collect();
            assert_eq!(turns[..3], turns[3..]);
            turns[..3].concat()
        };
        let orders: std::collections::BTreeSet<_> = (0..100).map(order).collect();
        assert_eq!(orders.len(), 6);
    }
}
