//! What a reader knows of one service: built from lists, kept by notices, checked by polls.
//!
//! Pure: what was read and when is handed in, and it says what to read next.
//!
//! ```text
//!            gap, other epoch, lost notice
//!     ┌────────────────────────────────────────┐
//!     ▼                                        │
//!    All ──listed, read──▶ Current ──notice──▶ Entries ──read──▶ Current
//!                             │  ▲
//!          other number listed▼  │listed
//!                            Names
//! ```
//! Nothing is believed gone for a gap alone. Behind one (a lost connection, a server that lost its data) whoever is missing
//! stays for a grace, in which its owner lists it again; only a tombstone ends it earlier.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::super::entry::{Entry, Override, Tombstone};
use super::super::instance::Instance;
use super::super::snapshot::Listing;

/// How long an instance that is missing after a gap is kept: longer than its owner pauses between tries, and takes for one.
pub(super) const GRACE: Duration = Duration::from_secs(4);

/// Which change of a topic was the last: `epoch-count`, counted from 1 under each epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version {
    epoch: String,
    count: u64,
}

impl Version {
    /// `None` of what is no version, such as nothing.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (epoch, count) = text.split_once('-')?;
        Some(Self {
            epoch: epoch.into(),
            count: count.parse().ok()?,
        })
    }

    fn is_next_of(&self, other: &Self) -> bool {
        self.epoch == other.epoch && self.count == other.count.wrapping_add(1)
    }
}

/// What a poll says of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Polled {
    pub(super) version: Option<Version>,
    /// How many are on the index and among the marks; -1 where there is something else.
    pub(super) listed: [i64; 2],
}

/// One list of a service, as far as it is believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) believed: Vec<String>,
    /// How many are listed, those that are passed over among them.
    pub(super) listed: i64,
    pub(super) skipped: usize,
}

/// What a key held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    Bytes(Vec<u8>),
    /// It was not read: why.
    Unread(String),
}

/// What a reader has to read next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Want {
    Nothing,
    /// These entries.
    Entries(Vec<String>),
    /// The lists; and all that they name, or what of it is not known.
    Lists {
        all: bool,
    },
}

/// What is believed of one entry.
#[derive(Clone, Debug)]
enum Fact {
    Listed(Arc<Instance>),
    Left(Tombstone),
    Override(Override),
}

#[derive(Clone, Debug, Default)]
struct Held {
    fact: Option<Fact>,
    /// Why its newest content is not believed.
    bad: Option<String>,
    /// Of which list it is.
    mark: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Need {
    All,
    Names,
    Entries(BTreeSet<String>),
}

/// What a reader knows of one service.
#[derive(Debug)]
pub(super) struct Book {
    service: String,
    need: Need,
    seen: Option<Version>,
    held: BTreeMap<String, Held>,
    /// How many more were on each list than are held of it.
    more: [i64; 2],
    skipped: usize,
    /// There was a gap that no list has closed yet.
    gap: bool,
    /// Whoever is missing until then is kept.
    grace: Option<Instant>,
    missing: BTreeMap<String, Arc<Instance>>,
}

impl Book {
    /// Nothing is known yet.
    pub(super) fn new(service: &str) -> Self {
        Self {
            service: service.into(),
            need: Need::All,
            seen: None,
            held: BTreeMap::new(),
            more: [0; 2],
            skipped: 0,
            gap: false,
            grace: None,
            missing: BTreeMap::new(),
        }
    }

    /// The server was out of sight, or has lost its data.
    pub(super) fn gap(&mut self) {
        self.gap = true;
        self.need = Need::All;
    }

    /// All is to be read again, though nothing is known to be wrong.
    pub(super) fn doubt(&mut self) {
        self.need = Need::All;
    }

    /// A notice: the entry with this key has changed, which made this version.
    pub(super) fn heard(&mut self, version: &Version, key: &str) {
        let Need::Entries(keys) = &mut self.need else {
            // The lists are read anyway, after it.
            return;
        };
        let next = match &self.seen {
            Some(seen) => version.is_next_of(seen),
            None => version.count == 1,
        };
        if next {
            keys.insert(key.to_owned());
            self.seen = Some(version.clone());
            return;
        }
        match &self.seen {
            Some(seen) if seen.epoch != version.epoch => self.gap(),
            Some(seen) if seen.count >= version.count => {}
            _ => self.need = Need::All,
        }
    }

    /// What a poll says, after all notices before it.
    pub(super) fn polled(&mut self, polled: &Polled) {
        // Whoever has something to read does that first.
        if self.want() != Want::Nothing {
            return;
        }
        let epoch = |version: &Option<Version>| version.as_ref().map(|known| known.epoch.clone());
        if self.seen.is_some() && epoch(&polled.version) != epoch(&self.seen) {
            self.gap();
        } else if polled.version != self.seen {
            self.need = Need::All;
        } else if polled.listed != self.expected() {
            self.need = Need::Names;
        }
    }

    /// How many should be on the lists, by what is known.
    fn expected(&self) -> [i64; 2] {
        let mut counts = self.more;
        for held in self.held.values() {
            counts[usize::from(held.mark)] += 1;
        }
        counts
    }

    /// What to read next.
    pub(super) fn want(&self) -> Want {
        match &self.need {
            Need::All => Want::Lists { all: true },
            Need::Names => Want::Lists { all: false },
            Need::Entries(keys) if keys.is_empty() => Want::Nothing,
            Need::Entries(keys) => Want::Entries(keys.iter().cloned().collect()),
        }
    }

    /// The lists, as they were at this version. Gives the keys that are to be read: all, or those that are not known.
    pub(super) fn listed(
        &mut self,
        version: Option<Version>,
        lists: [Names; 2],
        all: bool,
        now: Instant,
    ) -> Vec<String> {
        if std::mem::take(&mut self.gap) {
            self.grace = Some(now + GRACE);
        }
        self.seen = version;
        self.need = Need::Entries(BTreeSet::new());
        let counts = [lists[0].listed, lists[1].listed];
        self.skipped = lists.iter().map(|list| list.skipped).sum();
        let mut before = std::mem::take(&mut self.held);
        let mut unread = Vec::new();
        for (list, mark) in lists.into_iter().zip([false, true]) {
            for name in list.believed {
                let known = before.remove(&name).filter(|held| held.mark == mark);
                if all || known.is_none() {
                    unread.push(name.clone());
                }
                let held = known.unwrap_or_default();
                self.held.insert(name, Held { mark, ..held });
            }
        }
        self.more = [0; 2];
        let held = self.expected();
        self.more = [counts[0] - held[0], counts[1] - held[1]];
        if self.grace.is_some_and(|until| now < until) {
            for (id, held) in before {
                if let Some(Fact::Listed(instance)) = held.fact {
                    self.missing.insert(id, instance);
                }
            }
        }
        unread
    }

    /// What the entry with this key holds.
    pub(super) fn read(&mut self, key: &str, found: Found) {
        if let Need::Entries(keys) = &mut self.need {
            keys.remove(key);
        }
        let entry = match found {
            Found::Bytes(json) => {
                Entry::read(&self.service, key, &json).map_err(|error| error.to_string())
            }
            Found::Unread(reason) => Err(reason),
            Found::Nothing => {
                // An override was taken away. Of an instance this says nothing: the lists will.
                if key.ends_with('~') {
                    self.held.remove(key);
                }
                return;
            }
        };
        let held = self.held.entry(key.to_owned()).or_default();
        match entry {
            Ok(entry) => {
                held.bad = None;
                held.mark = !matches!(entry, Entry::Listed(_));
                let fact = match entry {
                    Entry::Listed(instance) => Fact::Listed(Arc::new(instance)),
                    Entry::Left(tombstone) => Fact::Left(tombstone),
                    Entry::Override(order) => Fact::Override(order),
                };
                if !matches!(fact, Fact::Override(_)) {
                    self.missing.remove(key);
                }
                held.fact = Some(fact);
            }
            // What was believed of it is kept while it is listed: its owner puts it right.
            Err(reason) => held.bad = Some(reason),
        }
    }

    /// Whether the grace of those who are missing has just ended.
    pub(super) fn graced(&mut self, now: Instant) -> bool {
        if self.grace.is_none_or(|until| now < until) {
            return false;
        }
        self.grace = None;
        !std::mem::take(&mut self.missing).is_empty()
    }

    /// What it all says.
    pub(super) fn listing(&self) -> Listing {
        let mut listing = Listing::default();
        for (key, held) in &self.held {
            match &held.fact {
                Some(Fact::Listed(instance)) => listing.instances.push(Arc::clone(instance)),
                Some(Fact::Left(tombstone)) => listing.left.push(tombstone.clone()),
                Some(Fact::Override(order)) => listing.overrides.push(order.clone()),
                None => {}
            }
            if let Some(reason) = &held.bad {
                listing
                    .skipped
                    .add(|| format!("{}: {reason}", key.escape_debug()));
            }
        }
        listing.instances.extend(self.missing.values().cloned());
        if self.skipped > 0 {
            listing
                .skipped
                .add(|| "names on the lists that cannot be ours, or are too many".into());
            listing.skipped.count += self.skipped - 1;
        }
        listing
    }
}

#[cfg(test)]
mod tests;
