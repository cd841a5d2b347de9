//! What a reader knows of the nodes of one service, as it learns of them; says which are to be read.
//!
//! ```text
//! (name, event) ──▶ unread ──data──▶ Listed | Left | Override | Bad
//!                     ▲  └──none there──▶ (forgotten)
//!                     └──event, newer status──── any
//! ```
//! Time is handed in. Knows no connection.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::super::instance::{Instance, MAX_INSTANCES, MAX_RECORD_BYTES, shown};
use super::super::{Entry, Listing, Override, Tombstone};
use super::layout::id_of;
use super::proto::Stat;

/// How long a tombstone stays: longer than any client needs to see it. Less or more, so that of all who see it one is first
/// and spares the others the work.
const TOMBSTONE: Duration = Duration::from_secs(60);

/// How many nodes are kept in mind that are no instances: what left, overrides.
const MAX_OTHERS: usize = 2 * MAX_INSTANCES;

/// A reader's memory of one service.
#[derive(Debug)]
pub(super) struct Catalog {
    service: String,
    nodes: BTreeMap<String, Node>,
    unread: BTreeSet<String>,
    listed: usize,
    others: usize,
    /// The last name whose status was asked for.
    cursor: String,
}

#[derive(Debug)]
struct Node {
    /// The change that wrote what was read; 0 where nothing was.
    written: i64,
    version: i32,
    what: What,
}

#[derive(Debug)]
enum What {
    Listed(Arc<Instance>),
    /// To be swept from then on.
    Left(Tombstone, Instant),
    Override(Override),
    Bad(String),
    /// It was not read, for there is no room for it.
    Beyond,
}

/// Why a node could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It has more bytes than these.
    TooLong(usize),
    /// We may not.
    Denied,
}

impl Catalog {
    /// Nothing is known of `service`.
    pub(super) fn new(service: &str) -> Self {
        Self {
            service: service.into(),
            nodes: BTreeMap::new(),
            unread: BTreeSet::new(),
            listed: 0,
            others: 0,
            cursor: String::new(),
        }
    }

    /// These nodes are there, and no others.
    pub(super) fn named(&mut self, names: Vec<String>) {
        let names: BTreeSet<String> = names.into_iter().collect();
        let gone: Vec<_> = self
            .nodes
            .keys()
            .filter(|name| !names.contains(*name))
            .cloned()
            .collect();
        for name in gone {
            self.forget(&name);
        }
        let room = self.has_room();
        for name in names {
            match self.nodes.get(&name).map(|node| &node.what) {
                None => self.touched(&name),
                Some(What::Beyond) if room => self.touched(&name),
                Some(_) => {}
            }
        }
    }

    /// Something happened to the node with this name.
    pub(super) fn touched(&mut self, name: &str) {
        self.unread.insert(name.into());
    }

    /// Up to `count` names of nodes to be read now. For those that have no place here nobody needs to ask.
    pub(super) fn unread_names(&mut self, count: usize) -> Vec<String> {
        let mut names = Vec::new();
        while names.len() < count
            && let Some(name) = self.unread.pop_first()
        {
            let known = self
                .nodes
                .get(&name)
                .is_some_and(|node| !matches!(node.what, What::Beyond));
            if known || self.has_room() {
                names.push(name);
            } else {
                self.keep(name, Stat::default(), What::Beyond);
            }
        }
        names
    }

    /// This is what was found where one was to be read.
    pub(super) fn read(
        &mut self,
        name: &str,
        found: Result<Option<(Vec<u8>, Stat)>, Unreadable>,
        now: Instant,
        chance: f64,
    ) {
        let (json, status) = match found {
            Ok(Some(found)) => found,
            Ok(None) => return self.forget(name),
            Err(why) => return self.keep(name.into(), Stat::default(), What::Bad(why.text())),
        };
        let what = if id_of(name).is_none() {
            What::Bad("no instance is named like that".into())
        } else {
            match Entry::read(&self.service, name, &json) {
                Ok(Entry::Listed(instance)) => What::Listed(self.known(name, instance)),
                Ok(Entry::Left(tombstone)) => {
                    What::Left(tombstone, now + TOMBSTONE.mul_f64(1.0 + chance))
                }
                Ok(Entry::Override(order)) => What::Override(order),
                Err(error) => What::Bad(error.to_string()),
            }
        };
        self.keep(name.into(), status, what);
    }

    /// The instance that is known by this name, if it says the same: watchers compare by identity first.
    fn known(&self, name: &str, instance: Instance) -> Arc<Instance> {
        match self.nodes.get(name).map(|node| &node.what) {
            Some(What::Listed(known)) if **known == instance => Arc::clone(known),
            _ => Arc::new(instance),
        }
    }

    /// Up to `count` names whose status should be compared with what is known, each in its turn.
    pub(super) fn next_compared(&mut self, count: usize) -> Vec<String> {
        let after = self
            .nodes
            .range(self.cursor.clone()..)
            .skip_while(|(name, _)| **name == self.cursor);
        let before = self.nodes.range(..=self.cursor.clone());
        let names: Vec<_> = after
            .chain(before)
            .filter(|(_, node)| !matches!(node.what, What::Beyond))
            .take(count)
            .map(|(name, _)| name.clone())
            .collect();
        if let Some(last) = names.last() {
            self.cursor.clone_from(last);
        }
        names
    }

    /// This is the status of a node whose status was to be compared.
    pub(super) fn compared(&mut self, name: &str, status: Option<Stat>) {
        let Some(status) = status else {
            return self.touched(name);
        };
        let length = usize::try_from(status.length).unwrap_or_default();
        if length > MAX_RECORD_BYTES {
            let why = Unreadable::TooLong(length).text();
            self.keep(name.into(), status, What::Bad(why));
        } else if self
            .nodes
            .get(name)
            .is_none_or(|node| node.written != status.written)
        {
            self.touched(name);
        }
    }

    /// The tombstones that have stood long enough, each with the version that was read.
    pub(super) fn outdated(&self, now: Instant) -> Vec<(String, i32)> {
        let swept = |node: &Node| matches!(node.what, What::Left(_, until) if until <= now);
        self.nodes
            .iter()
            .filter(|(_, node)| swept(node))
            .map(|(name, node)| (name.clone(), node.version))
            .collect()
    }

    /// All that is known.
    pub(super) fn listing(&self) -> Listing {
        let mut listing = Listing::default();
        for (name, node) in &self.nodes {
            match &node.what {
                What::Listed(instance) => listing.instances.push(Arc::clone(instance)),
                What::Left(tombstone, _) => listing.left.push(tombstone.clone()),
                What::Override(order) => listing.overrides.push(order.clone()),
                What::Bad(why) => listing.skipped.add(|| format!("{}: {why}", shown(name))),
                What::Beyond => listing.skipped.add(|| {
                    format!(
                        "{}: there are more than {MAX_INSTANCES} instances",
                        shown(name)
                    )
                }),
            }
        }
        listing
    }

    fn has_room(&self) -> bool {
        self.listed < MAX_INSTANCES && self.others < MAX_OTHERS
    }

    fn keep(&mut self, name: String, status: Stat, what: What) {
        self.forget(&name);
        match what {
            What::Listed(_) => self.listed += 1,
            What::Left(..) | What::Override(_) => self.others += 1,
            What::Bad(_) | What::Beyond => {}
        }
        let node = Node {
            written: status.written,
            version: status.version,
            what,
        };
        self.nodes.insert(name, node);
    }

    fn forget(&mut self, name: &str) {
        match self.nodes.remove(name).map(|node| node.what) {
            Some(What::Listed(_)) => self.listed -= 1,
            Some(What::Left(..) | What::Override(_)) => self.others -= 1,
            Some(What::Bad(_) | What::Beyond) | None => {}
        }
    }
}

impl Unreadable {
    fn text(self) -> String {
        match self {
            Self::TooLong(length) => format!("{length} bytes: the limit is {MAX_RECORD_BYTES}"),
            Self::Denied => "we may not read it".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: &str = "shop.Orders";

    fn status(written: i64) -> Stat {
        Stat {
            written,
            ..Stat::default()
        }
    }

    fn record(id: &str) -> Vec<u8> {
        let mut instance = Instance::new(id, SERVICE);
        instance.addresses = vec!["tcp://h:1".into()];
        Entry::Listed(instance).to_json().unwrap()
    }

    fn put(catalog: &mut Catalog, name: &str, json: &[u8], now: Instant) {
        catalog.read(name, Ok(Some((json.to_vec(), status(1)))), now, 0.0);
    }

    fn ids(catalog: &Catalog) -> Vec<String> {
        let listing = catalog.listing();
        listing.instances.iter().map(|one| one.id.clone()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_is_new_or_was_touched_is_read() {
        let mut catalog = Catalog::new(SERVICE);
        let now = Instant::now();
        catalog.named(vec!["a".into(), "b".into()]);
        assert_eq!(catalog.unread_names(10), ["a", "b"]);
        put(&mut catalog, "a", &record("a"), now);
        put(&mut catalog, "b", &record("b"), now);
        catalog.named(vec!["b".into(), "c".into()]);
        assert_eq!(catalog.unread_names(10), ["c"]);
        catalog.read("c", Ok(None), now, 0.0);
        catalog.touched("b");
        catalog.touched("b");
        assert_eq!(catalog.unread_names(10), ["b"]);
        assert_eq!(ids(&catalog), ["b"]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_believed_is_counted_and_the_others_work() {
        let mut catalog = Catalog::new(SERVICE);
        let now = Instant::now();
        put(&mut catalog, "good", &record("good"), now);
        put(&mut catalog, "other", &record("good"), now);
        put(&mut catalog, "utf8", b"\xff\xfe", now);
        put(&mut catalog, "a\u{1}b", &record("x"), now);
        catalog.read("long", Err(Unreadable::TooLong(10_000_000)), now, 0.0);
        catalog.read("secret", Err(Unreadable::Denied), now, 0.0);
        let listing = catalog.listing();
        assert_eq!(ids(&catalog), ["good"]);
        assert_eq!(listing.skipped.count, 5);
        insta::assert_snapshot!(listing.skipped.example.unwrap(), @r"a\u{1}b: no instance is named like that");
        put(&mut catalog, "other", &record("other"), now);
        assert_eq!(catalog.listing().skipped.count, 4);
    }

    #[tokio::test(start_paused = true)]
    async fn nodes_beyond_the_limit_are_not_read_until_there_is_room() {
        let mut catalog = Catalog::new(SERVICE);
        let now = Instant::now();
        let names = |count: usize| {
            (0..count)
                .map(|one| format!("i{one:05}"))
                .collect::<Vec<_>>()
        };
        catalog.named(names(MAX_INSTANCES + 50));
        let mut reads = 0;
        loop {
            let batch = catalog.unread_names(64);
            if batch.is_empty() {
                break;
            }
            reads += batch.len();
            for name in batch {
                put(&mut catalog, &name, &record(&name), now);
            }
        }
        assert!(
            (MAX_INSTANCES..MAX_INSTANCES + 64).contains(&reads),
            "{reads}"
        );
        assert_eq!(catalog.listing().skipped.count + reads, MAX_INSTANCES + 50);
        let mut rest = names(MAX_INSTANCES + 50);
        rest.drain(..100);
        catalog.named(rest);
        assert!(!catalog.unread_names(100).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn every_node_is_compared_in_its_turn_and_read_only_if_it_was_written() {
        let mut catalog = Catalog::new(SERVICE);
        let now = Instant::now();
        for name in ["a", "b", "c"] {
            put(&mut catalog, name, &record(name), now);
        }
        assert_eq!(catalog.next_compared(2), ["a", "b"]);
        assert_eq!(catalog.next_compared(2), ["c", "a"]);
        assert_eq!(catalog.next_compared(9), ["b", "c", "a"]);
        catalog.compared("a", Some(status(1)));
        catalog.compared("b", Some(status(2)));
        catalog.compared("c", None);
        assert_eq!(catalog.unread_names(9), ["b", "c"]);
        let long = Stat {
            length: 1 << 20,
            ..status(3)
        };
        catalog.compared("a", Some(long));
        assert!(catalog.unread_names(9).is_empty());
        assert_eq!(catalog.listing().skipped.count, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn tombstones_are_swept_a_minute_after_they_were_first_seen() {
        let mut catalog = Catalog::new(SERVICE);
        let now = Instant::now();
        let left = Entry::Left(Tombstone::new("a", SERVICE, 0))
            .to_json()
            .unwrap();
        put(&mut catalog, "a", &left, now);
        assert_eq!(catalog.listing().left.len(), 1);
        assert!(catalog.outdated(now + TOMBSTONE / 2).is_empty());
        assert_eq!(catalog.outdated(now + TOMBSTONE), [("a".to_owned(), 0)]);
    }
}
