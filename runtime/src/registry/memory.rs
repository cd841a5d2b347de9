//! `memory:`: a registry inside the process, for tests and for servers and clients that share one.
//!
//! Changes are seen at once. It cannot fail, and it forgets an instance whose runtime is gone.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::document::{
    Document, DocumentFeeds, DocumentWatch, Documents, Expected, Revision, check_document, conflict,
};
use super::entry::{Entry, Override, Tombstone};
use super::instance::Instance;
use super::lease::{Lease, Registrar, Terms};
use super::snapshot::Listing;
use super::watch::{Feeds, Watch};
use super::{BoxFuture, Error, ErrorKind, Registry};
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
    services: Mutex<BTreeMap<String, Slots>>,
    feeds: Feeds,
    documents: Mutex<BTreeMap<String, Document>>,
    /// Counts the texts that documents have had.
    texts: AtomicU64,
    document_feeds: DocumentFeeds,
}

#[derive(Debug)]
enum Slot {
    Listed(Arc<Instance>),
    Left(Tombstone, Instant),
}

/// The entries of one service, by id.
#[derive(Debug, Default)]
struct Slots {
    entries: BTreeMap<String, Slot>,
    overrides: BTreeMap<String, Override>,
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
        lock(&NAMED)
            .entry(name.into())
            .or_insert_with(|| Self::with_address(&format!("memory:{name}")))
            .clone()
    }

    /// Forgets every instance without a word of its leave, as a registry does that restarts without its data: for tests of
    /// what follows. Leases list theirs again when they next ask whether they are listed.
    pub fn wipe(&self) {
        let mut services = self.0.lock();
        for (service, slots) in std::mem::take(&mut *services) {
            drop(slots);
            self.0.tell(&service, &Slots::default());
        }
    }

    fn with_address(address: &str) -> Self {
        Self(Arc::new(Shared {
            address: address.into(),
            services: Mutex::default(),
            feeds: Feeds::default(),
            documents: Mutex::default(),
            texts: AtomicU64::new(0),
            document_feeds: DocumentFeeds::default(),
        }))
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Slots>> {
        lock(&self.services)
    }

    /// Changes the slots of some services and tells their watchers, in the order of the changes.
    fn change<'a>(
        &self,
        records: impl Iterator<Item = &'a Instance>,
        mut change: impl FnMut(&mut Slots, &Instance),
    ) {
        let mut services = self.lock();
        let mut changed = BTreeSet::new();
        for record in records {
            if changed.insert(&*record.service) {
                services.entry(record.service.clone()).or_default();
            }
            if let Some(slots) = services.get_mut(&record.service) {
                change(slots, record);
            }
        }
        let now = Instant::now();
        let is_old = |slot: &Slot| matches!(slot, Slot::Left(_, since) if now - *since > TOMBSTONE);
        for service in changed {
            if let Some(slots) = services.get_mut(service) {
                slots.entries.retain(|_, slot| !is_old(slot));
                self.tell(service, slots);
            }
        }
        services.retain(|_, slots| !slots.entries.is_empty());
    }

    fn tell(&self, service: &str, slots: &Slots) {
        let Some(feed) = self.feeds.of(service) else {
            return;
        };
        let mut listing = Listing::default();
        for slot in slots.entries.values() {
            match slot {
                Slot::Listed(instance) => listing.instances.push(Arc::clone(instance)),
                Slot::Left(tombstone, _) => listing.left.push(tombstone.clone()),
            }
        }
        listing.overrides = slots.overrides.values().cloned().collect();
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
            .tell(service, services.get(service).unwrap_or(&Slots::default()));
        watch
    }

    fn services(&self) -> BoxFuture<'_, Result<Vec<String>, Error>> {
        let has_instances = |slots: &Slots| {
            let mut entries = slots.entries.values();
            entries.any(|slot| matches!(slot, Slot::Listed(_)))
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

    fn steer(&self, order: Override) -> BoxFuture<'_, Result<(), Error>> {
        let checked = Entry::Override(order.clone()).to_json();
        let result = checked
            .map(drop)
            .map_err(|error| Error::new(ErrorKind::Record, &self.0.address, error.to_string()));
        if result.is_ok() {
            let instance = Instance::new(&order.id, &order.service);
            self.0.change(std::iter::once(&instance), |slots, _| {
                if order.is_empty() {
                    slots.overrides.remove(&order.id);
                } else {
                    slots.overrides.insert(order.id.clone(), order.clone());
                }
                let entries = &slots.entries;
                slots.overrides.retain(|id, _| entries.contains_key(id));
            });
        }
        Box::pin(async { result })
    }

    fn documents(&self) -> Option<&dyn Documents> {
        Some(self)
    }
}

impl Memory {
    /// Changes a document if what stands there is as expected, and tells its watchers.
    fn change_document(
        &self,
        name: &str,
        text: Option<&str>,
        expected: &Expected,
    ) -> Result<Revision, Error> {
        let shared = &self.0;
        check_document(&shared.address, name, text.unwrap_or_default())?;
        let mut documents = lock(&shared.documents);
        let found = documents.get(name).map(|document| &document.revision);
        if !expected.admits(found) {
            return Err(conflict(&shared.address, name));
        }
        let count = shared.texts.fetch_add(1, Ordering::Relaxed) + 1;
        let revision = Revision::new(count.to_string());
        let document = text.map(|text| Document {
            text: text.into(),
            revision: revision.clone(),
        });
        match &document {
            Some(document) => drop(documents.insert(name.into(), document.clone())),
            None => drop(documents.remove(name)),
        }
        if let Some(feed) = shared.document_feeds.of(name) {
            feed.publish(document);
        }
        Ok(revision)
    }
}

impl Documents for Memory {
    fn get(&self, name: &str) -> BoxFuture<'_, Result<Option<Document>, Error>> {
        let document = lock(&self.0.documents).get(name).cloned();
        Box::pin(async { Ok(document) })
    }

    fn put(
        &self,
        name: &str,
        text: &str,
        expected: Expected,
    ) -> BoxFuture<'_, Result<Revision, Error>> {
        let result = self.change_document(name, Some(text), &expected);
        Box::pin(async { result })
    }

    fn remove(&self, name: &str, expected: Expected) -> BoxFuture<'_, Result<(), Error>> {
        let result = self.change_document(name, None, &expected).map(drop);
        Box::pin(async { result })
    }

    fn names(&self) -> BoxFuture<'_, Result<Vec<String>, Error>> {
        let names = lock(&self.0.documents).keys().cloned().collect();
        Box::pin(async { Ok(names) })
    }

    fn watch(&self, name: &str) -> DocumentWatch {
        let documents = lock(&self.0.documents);
        self.0.document_feeds.watched();
        let watch = self.0.document_feeds.watch(name);
        if let Some(feed) = self.0.document_feeds.of(name) {
            feed.publish(documents.get(name).cloned());
        }
        watch
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No statement that holds a lock leaves it half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
            let slot = Slot::Listed(Arc::new(record.clone()));
            slots.entries.insert(record.id.clone(), slot);
        });
        self.forget(records);
        self.records.extend_from_slice(records);
        Ok(())
    }

    async fn renew(&mut self, _: &[Instance]) -> Result<(), Error> {
        Ok(())
    }

    async fn audit(&mut self, records: &[Instance]) -> Result<(), Error> {
        let is_listed = |services: &BTreeMap<String, Slots>, record: &Instance| {
            let slots = services.get(&record.service);
            let slot = slots.and_then(|slots| slots.entries.get(&record.id));
            matches!(slot, Some(Slot::Listed(_)))
        };
        let missing: Vec<_> = {
            let services = self.shared.lock();
            let missing = records.iter().filter(|one| !is_listed(&services, one));
            missing.cloned().collect()
        };
        self.publish(&missing).await
    }

    async fn withdraw(&mut self, records: &[Instance]) -> Result<(), Error> {
        let now = Instant::now();
        self.shared.change(records.iter(), |slots, record| {
            let left = Tombstone::new(&record.id, &record.service, super::unix_ms());
            slots
                .entries
                .insert(record.id.clone(), Slot::Left(left, now));
            slots.overrides.remove(&record.id);
        });
        self.forget(records);
        Ok(())
    }
}

impl Listed {
    /// Holds these records no more.
    fn forget(&mut self, records: &[Instance]) {
        let gone: HashSet<_> = records.iter().map(|one| (&one.service, &one.id)).collect();
        self.records
            .retain(|own| !gone.contains(&(&own.service, &own.id)));
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.shared.change(self.records.iter(), |slots, record| {
            slots.entries.remove(&record.id);
            slots.overrides.remove(&record.id);
        });
    }
}
