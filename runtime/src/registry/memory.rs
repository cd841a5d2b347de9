//! `memory:`: a registry inside the process, for tests and for servers and clients that share one.
//!
//! Changes are seen at once. It cannot fail, and it forgets an instance whose runtime is gone.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::instance::{Instance, Tombstone};
use super::lease::{Lease, Registrar, Terms};
use super::snapshot::Listing;
use super::watch::{Feeds, Watch};
use super::{BoxFuture, Error, Registry};
use crate::random;

/// How long a tombstone is shown: longer than any client needs to see it, short enough to be forgotten.
const TOMBSTONE: Duration = Duration::from_secs(60);

/// Nothing runs out here; the period only bounds how late the loop would put right what cannot go wrong.
const PERIOD: Duration = Duration::from_secs(30);

/// A registry inside the process. Clones are the same registry.
#[derive(Clone, Debug)]
pub struct Memory(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    address: String,
    /// By service, then by id.
    services: Mutex<BTreeMap<String, BTreeMap<String, Slot>>>,
    feeds: Feeds,
}

#[derive(Debug)]
enum Slot {
    Listed(Arc<Instance>),
    Left(Tombstone, Instant),
}

/// What `memory:name` has been asked for so far in this process.
static NAMED: LazyLock<Mutex<HashMap<String, Memory>>> = LazyLock::new(Mutex::default);

impl Memory {
    /// A registry of its own, that nobody finds by name.
    pub fn new() -> Self {
        Self::with_address("memory:")
    }

    /// The registry with this name in this process; `""` names one, too. It lasts as long as the process.
    pub fn named(name: &str) -> Self {
        let mut named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
        named
            .entry(name.into())
            .or_insert_with(|| Self::with_address(&format!("memory:{name}")))
            .clone()
    }

    fn with_address(address: &str) -> Self {
        Self(Arc::new(Shared {
            address: address.into(),
            services: Mutex::default(),
            feeds: Feeds::default(),
        }))
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, BTreeMap<String, Slot>>> {
        self.services.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the slots of some services and tells their watchers, in the order of the changes.
    fn change<'a>(
        &self,
        records: impl Iterator<Item = &'a Instance>,
        mut change: impl FnMut(&mut BTreeMap<String, Slot>, &Instance),
    ) {
        let mut services = self.lock();
        for record in records {
            let slots = services.entry(record.service.clone()).or_default();
            change(slots, record);
            let now = Instant::now();
            slots.retain(
                |_, slot| !matches!(slot, Slot::Left(_, since) if now - *since > TOMBSTONE),
            );
            self.tell(&record.service, slots);
        }
        services.retain(|_, slots| !slots.is_empty());
    }

    fn tell(&self, service: &str, slots: &BTreeMap<String, Slot>) {
        let Some(feed) = self.feeds.of(service) else {
            return;
        };
        let mut listing = Listing::default();
        for slot in slots.values() {
            match slot {
                Slot::Listed(instance) => listing.instances.push(Arc::clone(instance)),
                Slot::Left(tombstone, _) => listing.left.push(tombstone.clone()),
            }
        }
        feed.publish(listing);
    }
}

impl Registry for Memory {
    fn address(&self) -> &str {
        &self.0.address
    }

    fn register(&self, records: Vec<Instance>) -> Result<Lease, Error> {
        let registrar = Listed {
            shared: Arc::clone(&self.0),
            records: Vec::new(),
        };
        let terms = Terms {
            period: PERIOD,
            seed: random::seed(),
        };
        Lease::keep(&self.0.address, registrar, records, terms)
    }

    fn watch(&self, service: &str) -> Watch {
        let services = self.0.lock();
        self.0.feeds.watched();
        let watch = self.0.feeds.watch(service);
        self.0
            .tell(service, services.get(service).unwrap_or(&BTreeMap::new()));
        watch
    }

    fn services(&self) -> BoxFuture<'_, Result<Vec<String>, Error>> {
        let has_instances = |slots: &BTreeMap<String, Slot>| {
            slots.values().any(|slot| matches!(slot, Slot::Listed(_)))
        };
        let names = self
            .0
            .lock()
            .iter()
            .filter(|(_, slots)| has_instances(slots))
            .map(|(service, _)| service.clone())
            .collect();
        Box::pin(async move { Ok(names) })
    }
}

/// The records of one lease. Dropped with its runtime, it takes them off the list without a tombstone, as a crash
/// would.
struct Listed {
    shared: Arc<Shared>,
    records: Vec<Instance>,
}

impl Registrar for Listed {
    async fn publish(&mut self, records: &[Instance]) -> Result<(), Error> {
        self.shared.change(records.iter(), |slots, record| {
            slots.insert(record.id.clone(), Slot::Listed(Arc::new(record.clone())));
        });
        for record in records {
            self.records
                .retain(|own| own.id != record.id || own.service != record.service);
        }
        self.records.extend_from_slice(records);
        Ok(())
    }

    async fn renew(&mut self, _: &[Instance]) -> Result<(), Error> {
        Ok(())
    }

    async fn withdraw(&mut self, records: &[Instance]) -> Result<(), Error> {
        let now = Instant::now();
        self.shared.change(records.iter(), |slots, record| {
            let left = Tombstone::new(&record.id, &record.service, super::unix_ms());
            slots.insert(record.id.clone(), Slot::Left(left, now));
        });
        self.records.retain(|own| {
            !records
                .iter()
                .any(|gone| gone.id == own.id && gone.service == own.service)
        });
        Ok(())
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.shared.change(self.records.iter(), |slots, record| {
            slots.remove(&record.id);
        });
    }
}
