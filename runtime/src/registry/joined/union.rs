//! What several registries say of one service, as one snapshot. Pure: snapshots in, a snapshot out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::entry::{Override, Tombstone};
use super::super::snapshot::{Freshness, Listing, Snapshot};
use super::super::watch::View as _;

/// What the registries say, and what they have said that still counts.
#[derive(Debug)]
pub(super) struct Union {
    /// Best first.
    parts: Vec<Part>,
    shown: Arc<Snapshot>,
}

#[derive(Debug)]
struct Part {
    said: Arc<Snapshot>,
    /// What became of instances that it listed and that another still lists, by id.
    gone: BTreeMap<String, Gone>,
}

/// How an instance went.
#[derive(Debug)]
enum Gone {
    /// By its own wish, which goes for every registry.
    Left(Tombstone),
    /// Without a word: it may be the registry's own fault.
    Lost,
}

impl Union {
    pub(super) fn new(service: &str, parts: usize) -> Self {
        let pending = Arc::new(Snapshot::pending(service));
        let part = || Part {
            said: Arc::clone(&pending),
            gone: BTreeMap::new(),
        };
        Self {
            parts: (0..parts).map(|_| part()).collect(),
            shown: pending,
        }
    }

    /// The registry with this index says so; gives what all say, if that is news.
    pub(super) fn hear(&mut self, index: usize, said: Arc<Snapshot>) -> Option<Arc<Snapshot>> {
        self.parts[index].hear(said);
        for index in 0..self.parts.len() {
            let mut gone = std::mem::take(&mut self.parts[index].gone);
            gone.retain(|id, _| self.parts.iter().any(|part| part.lists(id)));
            self.parts[index].gone = gone;
        }
        let now = Arc::new(self.merged());
        let before = std::mem::replace(&mut self.shown, now);
        let news = before.revision() != self.shown.revision()
            || std::mem::discriminant(before.freshness())
                != std::mem::discriminant(self.shown.freshness());
        news.then(|| Arc::clone(&self.shown))
    }

    fn merged(&self) -> Snapshot {
        let listing = self.listing();
        let empty = listing.instances.is_empty();
        let is = |wanted: fn(&Freshness) -> bool| {
            let mut parts = self.parts.iter();
            parts.any(|part| wanted(part.said.freshness()))
        };
        let current = is(|freshness| matches!(freshness, Freshness::Current));
        let waits = is(|freshness| matches!(freshness, Freshness::Pending));
        if empty && waits && self.shown.revision() == 0 {
            return (*self.shown).clone();
        }
        let answered = self.parts.iter().any(|part| part.said.revision() > 0);
        let next = if answered {
            self.shown.next(listing)
        } else {
            (*self.shown).clone()
        };
        // An instance is an instance, whoever is silent; that there is none only all together can say.
        let error = self
            .parts
            .iter()
            .find_map(|part| match part.said.freshness() {
                Freshness::Stale(error) | Freshness::Stored(Some(error)) => Some(error.clone()),
                _ => None,
            });
        match error {
            Some(error) if empty || !current => next.stale(error),
            _ => next,
        }
    }

    /// What each registry adds, those that answer first.
    fn listing(&self) -> Listing {
        let mut listing = Listing::default();
        let (current, silent): (Vec<&Part>, Vec<&Part>) =
            self.parts.iter().partition(|part| part.is_current());
        let mut seen = BTreeSet::new();
        for part in current.into_iter().chain(silent) {
            for instance in part.instances() {
                if !self.is_gone(&instance.id, part) && seen.insert(&*instance.id) {
                    listing.instances.push(Arc::clone(instance));
                }
            }
        }
        let mut orders: BTreeMap<&str, Override> = BTreeMap::new();
        for part in &self.parts {
            for gone in part.gone.values() {
                if let Gone::Left(tombstone) = gone {
                    listing.left.push(tombstone.clone());
                }
            }
            listing.left.extend_from_slice(part.said.left());
            for order in part.said.overrides() {
                let merged = orders.entry(&order.id).or_insert_with(|| order.clone());
                // An operator may have reached only one of them.
                merged.drain |= order.drain;
                merged.weight = merged.weight.or(order.weight);
            }
            let skipped = part.said.skipped();
            listing.skipped.count += skipped.count;
            if listing.skipped.example.is_none() {
                listing.skipped.example.clone_from(&skipped.example);
            }
        }
        listing.overrides = orders.into_values().collect();
        listing
    }

    /// Whether an instance that `part` lists has gone by the word of another.
    fn is_gone(&self, id: &str, part: &Part) -> bool {
        self.parts.iter().any(|other| match other.gone.get(id) {
            Some(Gone::Left(_)) => true,
            Some(Gone::Lost) => !part.is_current(),
            None => other
                .said
                .left()
                .binary_search_by(|one| (*one.id).cmp(id))
                .is_ok(),
        })
    }
}

impl Part {
    fn is_current(&self) -> bool {
        matches!(self.said.freshness(), Freshness::Current)
    }

    /// Those that take calls, and those that an operator has drained.
    fn instances(&self) -> impl Iterator<Item = &Arc<super::Instance>> {
        self.said.instances().iter().chain(self.said.drained())
    }

    fn lists(&self, id: &str) -> bool {
        lists(&self.said, id)
    }

    fn hear(&mut self, said: Arc<Snapshot>) {
        let before = std::mem::replace(&mut self.said, said);
        if !self.is_current() {
            return;
        }
        for one in before.instances().iter().chain(before.drained()) {
            if !self.lists(&one.id) {
                self.gone.insert(one.id.clone(), Gone::Lost);
            }
        }
        for tombstone in self.said.left() {
            let left = Gone::Left(tombstone.clone());
            self.gone.insert(tombstone.id.clone(), left);
        }
        self.gone.retain(|id, _| !lists(&self.said, id));
    }
}

/// Whether an instance is there, drained or not.
fn lists(said: &Snapshot, id: &str) -> bool {
    let drained = said.drained();
    said.instance(id).is_some() || drained.binary_search_by(|one| (*one.id).cmp(id)).is_ok()
}
