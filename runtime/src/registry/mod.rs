//! Discovery: where servers list what they offer and clients watch it.
//!
//! This file is the interface that back ends implement; each back end is a module of its own that names only this
//! interface. `docs/discovery.md` describes the records, the guarantees and how to write a back end.

mod connect;
mod error;
mod file;
mod fixed;
mod instance;
mod lease;
mod memory;
mod snapshot;
mod watch;

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

pub use connect::connect;
pub use error::{Error, ErrorKind};
pub use file::File;
pub use fixed::Fixed;
pub use instance::{
    DEFAULT_GROUP, DEFAULT_WEIGHT, Entry, Instance, InvalidRecord, MAX_INSTANCES, MAX_RECORD_BYTES,
    MAX_WEIGHT, Tombstone,
};
pub use lease::{Lease, LeaseState, Registrar, Terms};
pub use memory::Memory;
pub use snapshot::{Changes, Freshness, Listing, Skipped, Snapshot};
pub use watch::{Feed, Feeds, Watch};

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
