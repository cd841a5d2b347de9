//! What a registry says of one service at one time, as a plain value.

mod believed;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::entry::{Entry, Override, Tombstone};
use super::error::Error;
use super::instance::{Instance, MAX_INSTANCES, MAX_REASON, shown};
use super::watch::View;
use crate::printable::printable;

/// How far a snapshot may be trusted.
///
/// ```text
/// Pending ──answer──▶ Current ◀──answer── Stale
///    │ └────failure──────┴────failure────────▲
///    └───saved─▶ Stored ──answer──▶ Current
/// ```
#[derive(Clone, Debug)]
pub enum Freshness {
    /// The registry has not answered yet.
    Pending,
    /// The registry answers, and this is what it says.
    Current,
    /// The registry does not answer; this is what it said last (nothing, if it never answered).
    Stale(Error),
    /// The registry has not answered since this process began; this is what an earlier one saved, and why there is no
    /// answer, where that is known. Only clients with `ClientBuilder::snapshots` have such views.
    Stored(Option<Error>),
}

/// Entries that were not believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skipped {
    /// How many.
    pub count: usize,
    /// Which, and why, of one of them.
    pub example: Option<String>,
}

impl Skipped {
    /// One more, for this reason; the first reason is kept, safe to print and not too long.
    pub fn add(&mut self, reason: impl FnOnce() -> String) {
        self.count += 1;
        if self.example.is_none() {
            self.example = Some(printable(&reason(), MAX_REASON).into());
        }
    }
}

/// What a registry says of one service. Immutable; cheap to clone.
#[derive(Clone, Debug)]
pub struct Snapshot {
    service: Arc<str>,
    revision: u64,
    instances: Arc<[Arc<Instance>]>,
    /// Those of them that the registry does not list.
    unlisted: Arc<[Arc<Instance>]>,
    left: Arc<[Tombstone]>,
    drained: Arc<[Arc<Instance>]>,
    overrides: Arc<[Override]>,
    skipped: Skipped,
    freshness: Freshness,
    confirmed: Instant,
}

impl View for Snapshot {
    type News = Listing;

    fn pending(service: &str) -> Self {
        Self {
            service: service.into(),
            revision: 0,
            instances: Arc::new([]),
            unlisted: Arc::new([]),
            left: Arc::new([]),
            drained: Arc::new([]),
            overrides: Arc::new([]),
            skipped: Skipped::default(),
            freshness: Freshness::Pending,
            confirmed: Instant::now(),
        }
    }

    /// Of two instances with one id the one that started later counts. What is beyond [`MAX_INSTANCES`] is skipped,
    /// newcomers first, and of these the last: a flood of entries drives nobody out.
    fn next(&self, listing: Listing) -> Self {
        let Listing {
            mut instances,
            mut left,
            overrides,
            mut skipped,
        } = listing;
        instances.sort_by(|a, b| {
            a.id.cmp(&b.id)
                .then(b.started_unix_ms.cmp(&a.started_unix_ms))
        });
        instances.dedup_by(|later, kept| {
            let twice = later.id == kept.id;
            if twice {
                skipped.add(|| format!("{}: listed twice", kept.id));
            }
            twice
        });
        let many = instances.len().saturating_sub(MAX_INSTANCES);
        if many > 0 {
            let known = instances.iter().filter(|one| self.has(&one.id)).count();
            let mut room = MAX_INSTANCES.saturating_sub(known);
            instances.retain(|one| {
                let stays = room > 0 || self.has(&one.id);
                if !self.has(&one.id) {
                    room = room.saturating_sub(1);
                }
                stays
            });
            instances.truncate(MAX_INSTANCES);
            (0..many).for_each(|_| skipped.add(|| format!("more than {MAX_INSTANCES} instances")));
        }
        if left.len() > MAX_INSTANCES {
            let many = left.len() - MAX_INSTANCES;
            left.truncate(MAX_INSTANCES);
            (0..many).for_each(|_| skipped.add(|| format!("more than {MAX_INSTANCES} tombstones")));
        }
        left.retain(|tombstone| {
            instances
                .binary_search_by(|instance| instance.id.cmp(&tombstone.id))
                .is_err()
        });
        left.sort_by(|a, b| a.id.cmp(&b.id));
        left.dedup_by(|a, b| a.id == b.id);
        let (overrides, drained) = obey(overrides, &mut instances);
        self.lend(&mut instances);
        let mut next = Self {
            service: Arc::clone(&self.service),
            revision: self.revision + 1,
            instances: instances.into(),
            unlisted: Arc::new([]),
            left: left.into(),
            drained: drained.into(),
            overrides: overrides.into(),
            skipped,
            freshness: Freshness::Current,
            confirmed: Instant::now(),
        };
        if next.says_the_same_as(self) {
            next.revision = self.revision;
            next.instances = Arc::clone(&self.instances);
            next.left = Arc::clone(&self.left);
            next.drained = Arc::clone(&self.drained);
            next.overrides = Arc::clone(&self.overrides);
        }
        next
    }

    fn stale(&self, error: Error) -> Self {
        Self {
            freshness: Freshness::Stale(error),
            ..self.clone()
        }
    }

    fn freshness(&self) -> &Freshness {
        &self.freshness
    }

    fn revision(&self) -> u64 {
        self.revision
    }
}

impl Snapshot {
    /// Whether it has an instance with this id, drained or not.
    fn has(&self, id: &str) -> bool {
        let drained = self.drained.binary_search_by(|one| (*one.id).cmp(id));
        self.instance(id).is_some() || drained.is_ok()
    }

    /// Lets records that have not changed be the very same, which spares memory, and reading them again.
    fn lend(&self, instances: &mut [Arc<Instance>]) {
        let mut known = self.instances.iter().peekable();
        for one in instances {
            while known.next_if(|known| known.id < one.id).is_some() {}
            if let Some(known) = known.next_if(|known| known.id == one.id)
                && known == one
            {
                *one = Arc::clone(known);
            }
        }
    }

    fn says_the_same_as(&self, other: &Self) -> bool {
        other.revision > 0
            && self.instances == other.instances
            && self.left == other.left
            && self.drained == other.drained
            && self.overrides == other.overrides
            && self.skipped.count == other.skipped.count
    }

    /// Full name of the service.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Counts the changes that this view has seen; 0 before the first answer.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The instances that take calls, by id, with the weights that count.
    pub fn instances(&self) -> &[Arc<Instance>] {
        &self.instances
    }

    /// The instance with this id.
    pub fn instance(&self, id: &str) -> Option<&Arc<Instance>> {
        self.instances
            .binary_search_by(|instance| instance.id.as_str().cmp(id))
            .ok()
            .map(|index| &self.instances[index])
    }

    /// The instances that left by their own wish a short while ago, by id.
    pub fn left(&self) -> &[Tombstone] {
        &self.left
    }

    /// The instances that are there and take no calls, by an operator's wish; by id.
    pub fn drained(&self) -> &[Arc<Instance>] {
        &self.drained
    }

    /// What operators say of the instances that are there, by id. It is obeyed already in [`Snapshot::instances`].
    pub fn overrides(&self) -> &[Override] {
        &self.overrides
    }

    /// Whether the instance with this id takes no more calls as planned: it left by its own wish, or it is drained.
    pub fn has_left(&self, id: &str) -> bool {
        self.left
            .binary_search_by(|tombstone| tombstone.id.as_str().cmp(id))
            .is_ok()
            || self
                .drained
                .binary_search_by(|instance| instance.id.as_str().cmp(id))
                .is_ok()
    }

    /// The entries that were not believed.
    pub fn skipped(&self) -> &Skipped {
        &self.skipped
    }

    /// How far this may be trusted.
    pub fn freshness(&self) -> &Freshness {
        &self.freshness
    }

    /// Whether the registry has answered, if only with a failure.
    pub fn is_answered(&self) -> bool {
        !matches!(self.freshness, Freshness::Pending)
    }

    /// How long ago the registry confirmed it, by the monotonic clock.
    pub fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.confirmed)
    }

    /// What happened between an older snapshot and this one.
    pub fn changes_since(&self, older: &Self) -> Changes {
        let mut changes = Changes::default();
        for (before, now) in self.beside(older) {
            match (before, now) {
                (None, Some(now)) => changes.joined.push(Arc::clone(now)),
                (Some(before), Some(now)) if before != now => {
                    changes.changed.push(Arc::clone(now));
                }
                (Some(gone), None) if self.has_left(&gone.id) => {
                    changes.left.push(Arc::clone(gone));
                }
                (Some(gone), None) => changes.lost.push(Arc::clone(gone)),
                _ => {}
            }
        }
        changes
    }
}

/// What happened between two snapshots; each list by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changes {
    /// New instances.
    pub joined: Vec<Arc<Instance>>,
    /// Instances with another weight, tag or the like, as they are now.
    pub changed: Vec<Arc<Instance>>,
    /// Instances that left by their own wish, or are drained.
    pub left: Vec<Arc<Instance>>,
    /// Instances that are listed no more and left no tombstone: dead, or hidden by a fault of the registry.
    pub lost: Vec<Arc<Instance>>,
}

/// Does what operators say: gives the overrides of instances that are there, and the instances that are drained.
fn obey(
    mut overrides: Vec<Override>,
    instances: &mut Vec<Arc<Instance>>,
) -> (Vec<Override>, Vec<Arc<Instance>>) {
    overrides.sort_by(|a, b| a.id.cmp(&b.id));
    overrides.dedup_by(|a, b| a.id == b.id);
    let mut drained = Vec::new();
    overrides.retain(|order| {
        let Ok(index) = instances.binary_search_by(|one| one.id.cmp(&order.id)) else {
            return false;
        };
        if let Some(weight) = order.weight {
            Arc::make_mut(&mut instances[index]).weight = weight;
        }
        if order.drain {
            drained.push(Arc::clone(&instances[index]));
        }
        true
    });
    let mut gone = drained.iter().peekable();
    instances.retain(|one| gone.next_if(|gone| gone.id == one.id).is_none());
    (overrides, drained)
}

/// What a back end found of one service; order and repetition do not matter.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Listing {
    /// The instances that are there.
    pub instances: Vec<Arc<Instance>>,
    /// The tombstones that are still fresh.
    pub left: Vec<Tombstone>,
    /// What operators say of the instances.
    pub overrides: Vec<Override>,
    /// What was not believed.
    pub skipped: Skipped,
}

impl Listing {
    /// Adds an entry, whatever it is.
    pub fn add(&mut self, entry: Entry) {
        match entry {
            Entry::Listed(instance) => self.instances.push(Arc::new(instance)),
            Entry::Left(tombstone) => self.left.push(tombstone),
            Entry::Override(order) => self.overrides.push(order),
        }
    }

    /// Adds what stands under `key` of `service`; what is not believed is skipped and counted.
    pub fn read(&mut self, service: &str, key: &str, json: &[u8]) {
        match Entry::read(service, key, json) {
            Ok(entry) => self.add(entry),
            Err(error) => self.skipped.add(|| format!("{}: {error}", shown(key))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(id: &str, weight: u32) -> Arc<Instance> {
        let mut instance = Instance::new(id, "S");
        instance.weight = weight;
        Arc::new(instance)
    }

    fn listing<const N: usize>(instances: [Arc<Instance>; N]) -> Listing {
        Listing {
            instances: instances.into(),
            ..Listing::default()
        }
    }

    #[test]
    fn a_listing_in_any_order_gives_a_sorted_snapshot_without_repetition() {
        let mut later = Instance::new("a", "S");
        later.started_unix_ms = 9;
        let snapshot = Snapshot::pending("S").next(listing([
            instance("b", 1),
            instance("a", 1),
            Arc::new(later),
        ]));
        let ids: Vec<_> = snapshot.instances().iter().map(|i| &*i.id).collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(snapshot.instances()[0].started_unix_ms, 9);
        assert_eq!(snapshot.skipped().count, 1);
        assert!(snapshot.instance("b").is_some() && snapshot.instance("c").is_none());
    }

    #[test]
    fn the_revision_counts_changes_only() {
        let first = Snapshot::pending("S").next(listing([instance("a", 1)]));
        assert_eq!(first.revision(), 1);
        let same = first.next(listing([instance("a", 1)]));
        assert_eq!(same.revision(), 1);
        let heavier = same.next(listing([instance("a", 2)]));
        assert_eq!(heavier.revision(), 2);
        let empty = Snapshot::pending("S").next(Listing::default());
        assert_eq!(empty.revision(), 1, "an empty answer is an answer");
    }

    #[test]
    fn a_failure_keeps_what_was_known() {
        let known = Snapshot::pending("S").next(listing([instance("a", 1)]));
        let error = Error::new(super::super::ErrorKind::Unavailable, "x:", "gone");
        let stale = known.stale(error);
        assert_eq!(stale.instances().len(), 1);
        assert!(matches!(stale.freshness(), Freshness::Stale(_)));
        assert_eq!(stale.revision(), 1);
    }

    #[test]
    fn overrides_are_obeyed_while_their_instances_are_there() {
        let mut orders = ["a", "b", "gone"].map(|id| Override::new(id, "S"));
        orders[0].weight = Some(7);
        orders[1].drain = true;
        orders[2].weight = Some(1);
        let before = Snapshot::pending("S").next(listing([instance("a", 1), instance("b", 1)]));
        let mut now = listing([instance("a", 1), instance("b", 1)]);
        now.overrides = orders.into();
        let after = before.next(now);
        assert_eq!(after.revision(), 2);
        assert_eq!(after.instances(), [instance("a", 7)]);
        assert_eq!(after.drained(), [instance("b", 1)]);
        assert_eq!(after.overrides().len(), 2);
        let changes = after.changes_since(&before);
        assert_eq!((changes.changed.len(), changes.left.len()), (1, 1));
        let again = after.next(listing([instance("a", 1), instance("b", 1)]));
        assert_eq!(again.instances(), before.instances());
    }

    #[test]
    fn changes_tell_a_planned_leave_from_a_loss() {
        let before = Snapshot::pending("S").next(listing([
            instance("a", 1),
            instance("b", 1),
            instance("c", 1),
        ]));
        let mut now = listing([instance("c", 2), instance("d", 1)]);
        now.left.push(Tombstone::new("a", "S", 0));
        let after = before.next(now);
        let changes = after.changes_since(&before);
        let ids = |list: &[Arc<Instance>]| list.iter().map(|i| i.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&changes.joined), ["d"]);
        assert_eq!(ids(&changes.changed), ["c"]);
        assert_eq!(ids(&changes.left), ["a"]);
        assert_eq!(ids(&changes.lost), ["b"]);
    }

    #[test]
    fn a_flood_of_entries_drives_nobody_out() {
        let known = Snapshot::pending("S").next(listing([instance("x", 1), instance("z", 1)]));
        let mut flood = listing([instance("x", 1), instance("z", 1)]);
        let entry = |number| instance(&format!("a{number:06}"), 1);
        flood.instances.extend((0..100_000).map(entry));
        let tombstone = |number| Tombstone::new(format!("b{number:06}"), "S", 0);
        flood.left.extend((0..100_000).map(tombstone));
        let flooded = known.next(flood);
        assert_eq!(flooded.instances().len(), MAX_INSTANCES);
        assert!(flooded.instance("x").is_some() && flooded.instance("z").is_some());
        assert_eq!(flooded.left().len(), MAX_INSTANCES);
        assert_eq!(flooded.skipped().count, 2 * 90_000 + 2);
    }

    #[test]
    fn records_that_have_not_changed_are_the_very_same() {
        let before = Snapshot::pending("S").next(listing([instance("a", 1), instance("c", 1)]));
        let now = [instance("a", 1), instance("b", 1), instance("c", 2)];
        let after = before.next(listing(now));
        assert!(Arc::ptr_eq(&before.instances()[0], &after.instances()[0]));
        assert_eq!(after.instance("c").unwrap().weight, 2);
    }

    #[test]
    fn reasons_are_safe_to_print_and_not_too_long() {
        let mut skipped = Skipped::default();
        skipped.add(|| format!("\u{1b}[2J{}", "x".repeat(10_000_000)));
        let example = skipped.example.unwrap();
        assert!(example.starts_with(r"\u{1b}[2Jxx"), "{example}");
        assert!(example.len() < 400);
    }

    #[test]
    fn more_instances_than_the_limit_are_skipped_and_counted() {
        let many = (0..MAX_INSTANCES + 5).map(|n| instance(&format!("{n:06}"), 1));
        let snapshot = Snapshot::pending("S").next(Listing {
            instances: many.collect(),
            ..Listing::default()
        });
        assert_eq!(snapshot.instances().len(), MAX_INSTANCES);
        assert_eq!(snapshot.skipped().count, 5);
        assert_eq!(snapshot.instances()[0].id, "000000", "the first are kept");
    }
}
