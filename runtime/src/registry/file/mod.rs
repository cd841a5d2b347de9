//! `file:`: a directory that the processes of one machine share.
//!
//! One file per instance, replaced as a whole; its time of change is the heartbeat. Readers poll: a look at a time of
//! change every 75 ms costs next to nothing, works on every file system, and spares a dependency per operating system.
//! File calls block, so they run on tokio's blocking threads: those end with the runtime, and paused time in tests
//! stands still while they work, which a thread of our own would not give.

mod documents;
mod keep;
mod poll;
mod scan;
mod store;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::lease::{Lease, Terms};
use super::poller::Poller;
use super::watch::{Feed, Watch};
use super::{BoxFuture, Documents, Error, ErrorKind, Instance, Override, Registry};
use crate::random;
use keep::Files;
use store::Store;

/// How often an instance beats. A reader gives it up when three beats are missing.
const BEAT: Duration = Duration::from_secs(1);

/// A registry in a directory. Clones share one poller.
#[derive(Clone, Debug)]
pub struct File(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    store: Store,
    poller: Poller,
    seed: u64,
}

impl File {
    /// The registry in `directory`.
    ///
    /// # Errors
    /// The directory is not there or cannot be read, or there is no tokio runtime.
    pub async fn open(directory: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open_seeded(directory, random::seed()).await
    }

    /// The same with jitter that `seed` decides.
    pub async fn open_seeded(directory: impl AsRef<Path>, seed: u64) -> Result<Self, Error> {
        let store = Store::new(directory.as_ref())?;
        let poller = Poller::new(store.address())?;
        blocking(&store, Store::check).await?;
        Ok(Self(Arc::new(Shared {
            store,
            poller,
            seed,
        })))
    }
}

/// Runs file calls where they may block.
async fn blocking<T: Send + 'static>(
    store: &Store,
    work: impl FnOnce(&Store) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let owned = store.clone();
    match tokio::task::spawn_blocking(move || work(&owned)).await {
        Ok(result) => result,
        Err(error) => Err(store.error(
            ErrorKind::Unavailable,
            "the tokio runtime is shutting down",
            error,
        )),
    }
}

impl Registry for File {
    fn address(&self) -> &str {
        self.0.store.address()
    }

    fn register(&self, records: Vec<Instance>) -> Result<Lease, Error> {
        let files = Files::new(self.0.store.clone());
        let terms = Terms {
            period: BEAT,
            seed: self.0.seed,
        };
        Lease::keep(self.address(), files, records, terms)
    }

    fn watch(&self, service: &str) -> Watch {
        if self.0.store.service(service).is_none() {
            // Nothing can be listed under such a name.
            let feed = Feed::new(service);
            let watch = feed.watch();
            feed.publish(super::Listing::default());
            return watch;
        }
        let poll = || poll::poll(Arc::clone(&self.0));
        self.0.poller.watch(service, poll)
    }

    fn services(&self) -> BoxFuture<'_, Result<Vec<String>, Error>> {
        Box::pin(blocking(&self.0.store, Store::listed_services))
    }

    fn steer(&self, order: Override) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(blocking(&self.0.store, move |store| store.steer(&order)))
    }

    fn documents(&self) -> Option<&dyn Documents> {
        Some(self)
    }
}
