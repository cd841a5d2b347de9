//! Discovery: where servers list what they offer and clients watch it.
//!
//! This file is the interface that back ends implement; each back end is a module of its own that names only this
//! interface. `docs/discovery.md` describes the records, the guarantees and how to write a back end.

mod connect;
#[cfg(feature = "dns")]
mod dns;
mod document;
mod entry;
mod error;
#[cfg(feature = "etcd")]
mod etcd;
mod file;
mod fixed;
mod instance;
mod joined;
mod lease;
mod locator;
mod memory;
mod poller;
#[cfg(feature = "redis")]
mod redis;
mod saved;
mod snapshot;
#[cfg(any(feature = "etcd", feature = "redis", feature = "zookeeper"))]
mod tls;
mod watch;
#[cfg(feature = "zookeeper")]
mod zookeeper;

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

pub use connect::connect;
#[cfg(feature = "dns")]
pub use dns::Dns;
pub use document::{
    Document, DocumentFeed, DocumentFeeds, DocumentView, DocumentWatch, Documents, Expected,
    MAX_DOCUMENT_BYTES, Revision, check_document, check_document_name, conflict,
};
pub use entry::{Entry, Override, Tombstone, override_key};
pub use error::{Error, ErrorKind};
#[cfg(feature = "etcd")]
pub use etcd::Etcd;
pub use file::File;
pub use fixed::Fixed;
pub use instance::{
    DEFAULT_GROUP, DEFAULT_WEIGHT, Instance, InvalidRecord, MAX_INSTANCES, MAX_RECORD_BYTES,
    MAX_WEIGHT,
};
pub use joined::all;
pub use lease::{AUDIT, Lease, LeaseState, Registrar, Terms};
pub use locator::{DEFAULT_NAMESPACE, Endpoint, Locator};
pub use memory::Memory;
#[cfg(feature = "redis")]
pub use redis::Redis;
pub(crate) use saved::{SavedView, SavedViews};
pub use snapshot::{Changes, Freshness, Listing, Skipped, Snapshot};
pub use watch::{Feed, Feeds, Publisher, Publishers, Subscription, View, Watch};
#[cfg(feature = "zookeeper")]
pub use zookeeper::ZooKeeper;

/// A future that a trait object gives.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A registry: lists instances, and shows who is listed.
///
/// An implementation reports failures through the lease and the watch it gave, and keeps trying; it never makes a
/// caller wait for the registry.
pub trait Registry: Send + Sync + 'static {
    /// Its address as in [`connect`], without secrets: names it in errors.
    fn address(&self) -> &str;

    /// Lists `records` until the lease ends.
    ///
    /// # Errors
    /// A record that breaks a limit, or a registry that takes none. That the registry does not answer is no error
    /// here: the lease says so and goes on trying.
    fn register(&self, records: Vec<Instance>) -> Result<Lease, Error>;

    /// A live view of the instances of `service`.
    fn watch(&self, service: &str) -> Watch;

    /// The services that have instances now, by name: for errors and tools.
    fn services(&self) -> BoxFuture<'_, Result<Vec<String>, Error>>;

    /// Puts an operator's override beside the record of its instance, in the place of the one that was there; an
    /// [empty](Override::is_empty) one takes that away. Every watcher obeys. Overrides of instances that are there no
    /// more are cleared away on the way.
    ///
    /// # Errors
    /// [`ErrorKind::Record`] for an override that breaks a limit, [`ErrorKind::Unsupported`] of a registry that takes
    /// none, or why it could not be written.
    fn steer(&self, order: Override) -> BoxFuture<'_, Result<(), Error>> {
        let error = Error::new(
            ErrorKind::Unsupported,
            self.address(),
            format!(
                "it takes no overrides: change `{}` at its server",
                order.id.escape_default()
            ),
        );
        Box::pin(async { Err(error) })
    }

    /// The configuration documents that it keeps; `None` of a registry that keeps none.
    fn documents(&self) -> Option<&dyn Documents> {
        None
    }
}

/// A registry of any kind. Cheap to clone.
#[derive(Clone)]
pub struct Handle(Arc<dyn Registry>);

impl Handle {
    /// A handle of this registry, ours or a third party's.
    pub fn new(registry: impl Registry) -> Self {
        Self(Arc::new(registry))
    }
}

impl Deref for Handle {
    type Target = dyn Registry;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handle").field(&self.address()).finish()
    }
}

/// Whether this is the full name of a service, as identifiers make one.
pub(crate) fn is_service(name: &str) -> bool {
    instance::check_service(name).is_ok()
}

/// The time of day, for people who read a record; nothing is ever decided by it.
#[expect(
    clippy::disallowed_methods,
    reason = "it is shown, and no test or decision depends on it"
)]
pub(crate) fn unix_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
}
