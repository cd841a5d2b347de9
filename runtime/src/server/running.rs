//! A server at work, and its orderly end.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::connections::Connections;
use super::notice::{Listener, Notice};
use crate::link::Traffic;
use crate::registry::Lease;
use crate::transport::Address;

/// What a registry gets to take a server off its list. One that is down must not hold up a shutdown for longer.
const DEREGISTER: Duration = Duration::from_secs(2);

/// What connections get to end when they are told to end at once. They wait for nobody; only user code that blocks a
/// task could hold them up.
const CLOSE: Duration = Duration::from_secs(1);

/// A server at work. Dropped without [`Running::shutdown`], it ends at once with everything that it is doing.
#[derive(Debug)]
#[must_use = "a server that is dropped ends"]
pub struct Running {
    pub(super) addresses: Vec<Address>,
    pub(super) accepting: Vec<JoinHandle<()>>,
    pub(super) connections: Arc<Connections>,
    pub(super) leases: Vec<Lease>,
    pub(super) drain_limit: Duration,
    pub(super) propagation: Duration,
    pub(super) listener: Listener,
}

impl Running {
    /// Where it listens, with real ports, in the order in which they were given.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Connections that are open.
    pub fn connections(&self) -> usize {
        self.connections.count()
    }

    /// What its connections have done with their transports so far.
    pub fn traffic(&self) -> Traffic {
        self.connections.traffic()
    }

    /// Ends the server: tells the registries and lets that spread, takes no new calls, waits for those in flight up to
    /// the drain limit, and cancels the rest.
    pub async fn shutdown(mut self) -> Report {
        let start = Instant::now();
        let connections = self.connections.count();
        self.deregister().await;
        self.stop_accepting().await;
        self.connections.drain();
        if timeout(self.drain_limit, self.connections.ended())
            .await
            .is_err()
        {
            self.connections.close();
            if timeout(CLOSE, self.connections.ended()).await.is_err() {
                self.connections.abort();
            }
        }
        let tally = self.connections.tally();
        Report {
            drained: tally.drained,
            cancelled: tally.cancelled,
            refused: tally.refused,
            connections,
            duration: start.elapsed(),
        }
    }

    async fn deregister(&mut self) {
        if self.leases.is_empty() {
            return;
        }
        let leases: Vec<_> = self
            .leases
            .drain(..)
            .map(|lease| tokio::spawn(timeout(DEREGISTER, lease.deregister())))
            .collect();
        for lease in leases {
            // An answer that does not come is like one that says no: the entry runs out by itself.
            if let Ok(Ok(Err(error))) = lease.await {
                self.listener.tell(|| Notice::NotDelisted { error });
            }
        }
        tokio::time::sleep(self.propagation).await;
    }

    /// Gives the addresses back.
    async fn stop_accepting(&mut self) {
        for accepting in self.accepting.drain(..) {
            accepting.abort();
            // It ends with the abort; its listener has gone then.
            let _ = accepting.await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for accepting in &self.accepting {
            accepting.abort();
        }
        self.connections.close();
    }
}

/// What a shutdown has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Calls in flight at the start of the drain that ended by themselves.
    pub drained: usize,
    /// Calls that were cut off at the drain limit.
    pub cancelled: usize,
    /// Calls that came too late and were turned away; their clients know that they may send them elsewhere.
    pub refused: u64,
    /// Connections that were open at the start of the shutdown. Clients that hear of it from a registry leave by themselves.
    pub connections: usize,
    /// How long it took in all.
    pub duration: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        write!(
            f,
            "shut down in {:.1?}: {} call{} drained, {} cancelled, {} refused, {} connection{} closed",
            self.duration,
            self.drained,
            plural(self.drained),
            self.cancelled,
            self.refused,
            self.connections,
            plural(self.connections)
        )
    }
}
