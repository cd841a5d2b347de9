//! What a watcher holds: the entries of one service, or one document; read with suspicion, bounded in number.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::super::instance::shown;
use super::super::{
    Document, DocumentView, Entry, Instance, Listing, MAX_DOCUMENT_BYTES, MAX_INSTANCES, Override,
    Revision, Snapshot, Tombstone,
};
use super::api::KeyValue;
use super::follow::Table;
use super::keys::Keys;
use super::list::Visit;

/// How many entries are held that are believed: as many instances as a view shows, and as much again for tombstones and
/// overrides.
const MAX_BELIEVED: usize = 2 * MAX_INSTANCES;

/// How many are held that are not believed, with the reason: enough to see one of them mended. The others are counted.
const MAX_DOUBTED: usize = 1_000;

/// The entries of a service.
pub(super) struct ServiceTable {
    service: String,
    /// Length of what stands before the last part of a key.
    prefix: usize,
    slots: BTreeMap<Bytes, Slot>,
    doubted: usize,
    /// Those that were not read or are not held.
    beyond: usize,
}

enum Slot {
    Listed(Arc<Instance>),
    Left(Tombstone),
    Override(Override),
    Doubted(String),
}

impl ServiceTable {
    /// An empty table of a service whose keys begin with so many bytes.
    pub(super) fn new(service: &str, prefix: usize) -> Self {
        Self {
            service: service.to_owned(),
            prefix,
            slots: BTreeMap::new(),
            doubted: 0,
            beyond: 0,
        }
    }

    fn name(&self, key: &[u8]) -> String {
        String::from_utf8_lossy(key.get(self.prefix..).unwrap_or_default()).into_owned()
    }

    fn hold(&mut self, key: Bytes, slot: Slot) {
        self.delete(&key);
        let doubted = matches!(slot, Slot::Doubted(_));
        let full = if doubted {
            self.doubted >= MAX_DOUBTED
        } else {
            self.slots.len() - self.doubted >= MAX_BELIEVED
        };
        if full {
            self.beyond += 1;
            return;
        }
        self.doubted += usize::from(doubted);
        self.slots.insert(key, slot);
    }
}

impl Visit for ServiceTable {
    fn clear(&mut self) {
        self.slots.clear();
        self.doubted = 0;
        self.beyond = 0;
    }

    fn put(&mut self, entry: KeyValue) {
        let name = self.name(&entry.key);
        let slot = match Entry::read(&self.service, &name, &entry.value) {
            Ok(Entry::Listed(instance)) => Slot::Listed(Arc::new(instance)),
            Ok(Entry::Left(tombstone)) => Slot::Left(tombstone),
            Ok(Entry::Override(order)) => Slot::Override(order),
            Err(error) => Slot::Doubted(format!("{}: {error}", shown(&name))),
        };
        // The key shares its memory with the whole message.
        self.hold(Bytes::copy_from_slice(&entry.key), slot);
    }

    fn too_large(&mut self, key: Bytes, bytes: usize) {
        let reason = format!("{}: {bytes} bytes", shown(&self.name(&key)));
        self.hold(key, Slot::Doubted(reason));
    }

    fn unread(&mut self, count: usize) {
        self.beyond += count;
    }
}

impl Table for ServiceTable {
    type View = Snapshot;

    fn delete(&mut self, key: &[u8]) {
        if let Some(Slot::Doubted(_)) = self.slots.remove(key) {
            self.doubted -= 1;
        }
    }

    fn news(&self) -> Result<Listing, String> {
        let mut listing = Listing::default();
        for slot in self.slots.values() {
            match slot {
                Slot::Listed(instance) => listing.instances.push(Arc::clone(instance)),
                Slot::Left(tombstone) => listing.left.push(tombstone.clone()),
                Slot::Override(order) => listing.overrides.push(order.clone()),
                Slot::Doubted(reason) => listing.skipped.add(|| reason.clone()),
            }
        }
        if self.beyond > 0 {
            let most = MAX_BELIEVED;
            listing.skipped.add(|| {
                format!("more than {most} entries, or {MAX_DOUBTED} that are not believed")
            });
            listing.skipped.count += self.beyond - 1;
        }
        Ok(listing)
    }
}

/// The names of the services that have an instance.
pub(super) struct ServiceNames {
    keys: Keys,
    names: BTreeSet<String>,
}

impl ServiceNames {
    pub(super) fn new(keys: Keys) -> Self {
        Self {
            keys,
            names: BTreeSet::new(),
        }
    }

    pub(super) fn into_names(self) -> Vec<String> {
        self.names.into_iter().collect()
    }
}

impl Visit for ServiceNames {
    fn clear(&mut self) {
        self.names.clear();
    }

    fn put(&mut self, entry: KeyValue) {
        if let Some((service, name)) = self.keys.parts(&entry.key)
            && !self.names.contains(service)
            && matches!(
                Entry::read(service, name, &entry.value),
                Ok(Entry::Listed(_))
            )
        {
            self.names.insert(service.to_owned());
        }
    }

    fn too_large(&mut self, _: Bytes, _: usize) {}

    fn unread(&mut self, _: usize) {}
}

/// The keys of a span.
#[derive(Default)]
pub(super) struct KeySet(pub(super) BTreeSet<Bytes>);

impl Visit for KeySet {
    fn clear(&mut self) {
        self.0.clear();
    }

    fn put(&mut self, entry: KeyValue) {
        self.0.insert(Bytes::copy_from_slice(&entry.key));
    }

    fn too_large(&mut self, _: Bytes, _: usize) {}

    fn unread(&mut self, _: usize) {}
}

/// One document.
pub(super) struct DocumentTable {
    name: String,
    document: Result<Option<Document>, String>,
}

impl DocumentTable {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            document: Ok(None),
        }
    }

    fn bad(&self, reason: impl fmt::Display) -> String {
        format!("document `{}`: {reason}", self.name)
    }
}

impl Visit for DocumentTable {
    fn clear(&mut self) {
        self.document = Ok(None);
    }

    fn put(&mut self, entry: KeyValue) {
        if entry.value.len() > MAX_DOCUMENT_BYTES {
            self.too_large(entry.key, entry.value.len());
            return;
        }
        self.document = match String::from_utf8(entry.value.to_vec()) {
            Ok(text) => Ok(Some(Document {
                text,
                revision: Revision::new(entry.mod_revision.to_string()),
            })),
            Err(error) => Err(self.bad(error)),
        };
    }

    fn too_large(&mut self, _: Bytes, bytes: usize) {
        self.document = Err(self.bad(format!("{bytes} bytes: the limit is {MAX_DOCUMENT_BYTES}")));
    }

    fn unread(&mut self, _: usize) {}
}

impl Table for DocumentTable {
    type View = DocumentView;

    fn delete(&mut self, _: &[u8]) {
        self.document = Ok(None);
    }

    fn news(&self) -> Result<Option<Document>, String> {
        self.document.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFIX: usize = "shop/services/S/".len();

    fn entry(name: &str, value: impl Into<Bytes>) -> KeyValue {
        KeyValue {
            key: format!("shop/services/S/{name}").into(),
            value: value.into(),
            mod_revision: 7,
            lease: 0,
        }
    }

    fn record(id: &str) -> Vec<u8> {
        let mut instance = Instance::new(id, "S");
        instance.addresses = vec!["tcp://h:1".into()];
        Entry::Listed(instance).to_json().unwrap()
    }

    fn seen(table: &ServiceTable) -> (usize, usize) {
        let listing = table.news().unwrap();
        (listing.instances.len(), listing.skipped.count)
    }

    #[test]
    fn rubbish_is_counted_and_forgotten_when_it_is_gone_or_mended() {
        let mut table = ServiceTable::new("S", PREFIX);
        table.put(entry("a", record("a")));
        table.put(entry("b", &b"\xff\x00"[..]));
        table.put(entry("c", record("a")));
        table.put(entry("d/e", record("d")));
        table.too_large(entry("f", "").key, 10_000_000);
        assert_eq!(seen(&table), (1, 4));
        table.put(entry("b", record("b")));
        table.delete(b"shop/services/S/c");
        assert_eq!(seen(&table), (2, 2));
        table.put(entry("a", "spoilt"));
        assert_eq!(seen(&table), (1, 3));
        table.clear();
        assert_eq!(seen(&table), (0, 0));
    }

    #[test]
    fn what_is_held_of_a_flood_is_bounded_and_all_of_it_counted() {
        let mut table = ServiceTable::new("S", PREFIX);
        for number in 0..MAX_DOUBTED + 50 {
            table.put(entry(&format!("x{number}"), "rubbish"));
        }
        table.put(entry("a", record("a")));
        table.unread(900_000);
        assert_eq!(seen(&table), (1, MAX_DOUBTED + 50 + 900_000));
        assert_eq!(table.slots.len(), MAX_DOUBTED + 1);
        for number in 0..MAX_BELIEVED + 50 {
            let id = format!("i{number}");
            table.put(entry(&id, record(&id)));
        }
        assert_eq!(table.slots.len(), MAX_DOUBTED + MAX_BELIEVED);
    }

    #[test]
    fn a_document_that_is_none_is_told_and_a_good_one_has_the_revision_of_its_change() {
        let mut table = DocumentTable::new("limits");
        assert_eq!(table.news(), Ok(None));
        table.put(entry("limits", "x = 1"));
        let document = table.news().unwrap().unwrap();
        assert_eq!(
            (document.text.as_str(), document.revision.token()),
            ("x = 1", "7")
        );
        table.put(entry("limits", &b"\xff"[..]));
        insta::assert_snapshot!(table.news().unwrap_err(), @"document `limits`: invalid utf-8 sequence of 1 bytes from index 0");
        table.put(entry("limits", vec![b'x'; MAX_DOCUMENT_BYTES + 1]));
        insta::assert_snapshot!(table.news().unwrap_err(), @"document `limits`: 262145 bytes: the limit is 262144");
        table.delete(b"shop/config/limits");
        assert_eq!(table.news(), Ok(None));
    }
}
