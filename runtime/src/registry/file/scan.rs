//! The view of one service's directory, as a reader builds it look by look.
//!
//! Time is handed in as what has passed between two looks. What a reader did not watch does not count: a reader that
//! was suspended for an hour gives every instance its three beats before it gives one up.
//!
//! ```text
//! (new file) ──▶ Listed ──silent 3 beats──▶ Silent ──10 min──▶ (file removed)
//!                  │  ▲───────beat─────────────┘
//!                  └──tombstone──▶ Left ──60 s──▶ (file removed)
//! ```
//! A file that is deleted or spoilt, and no tombstone in its place, is silence and nothing more.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::super::Error;
use super::super::entry::{Entry, Override, Tombstone};
use super::super::instance::{Instance, MAX_INSTANCES, check_id};
use super::super::snapshot::{Listing, Skipped};
use super::BEAT;
use super::store::{ENTRY, Found, Stamp, Store, UNFINISHED};

/// How long an instance may be silent: three beats, so that one late beat on a busy machine is no loss.
const SILENCE: Duration = BEAT.saturating_mul(3);

/// How long a tombstone is shown: longer than any client needs to see it.
const TOMBSTONE: Duration = Duration::from_secs(60);

/// How long the file of a silent instance, or one that was never finished, is left for people to look at.
const REMAINS: Duration = Duration::from_secs(600);

/// How often all files are looked at when the directory has not changed: often enough to count beats by.
const FULL: Duration = Duration::from_millis(500);

/// The most entries that are remembered: the instances, and as many that left.
const MAX_ENTRIES: usize = 2 * MAX_INSTANCES;

/// The most files that are remembered: names and stamps of some 200 bytes each, so that a hundred thousand files that are no
/// entries hide nobody's.
const MAX_FILES: usize = 20 * MAX_INSTANCES;

/// A reader's memory of one directory.
#[derive(Debug)]
pub(super) struct Scan {
    store: Store,
    directory: PathBuf,
    files: BTreeMap<String, File>,
    /// How many of them are believed.
    entries: usize,
    /// Files beyond the limit, and names that cannot be an instance's.
    skipped: Skipped,
    stamp: Option<Stamp>,
    /// The directory changed at the last look: within one tick of the file system's clock it may have changed again.
    unsettled: bool,
    /// What has passed since the last full look.
    waited: Duration,
    /// The most that one look may count as silence.
    longest_step: Duration,
}

/// What is remembered of one file.
#[derive(Debug)]
struct File {
    stamp: Option<Stamp>,
    /// How long its stamp has stood still, or it was missing or spoilt.
    silent: Duration,
    state: State,
    /// Why its newest content is not believed.
    bad: Option<String>,
    seen: bool,
}

#[derive(Debug)]
enum State {
    /// Nothing believable so far.
    Unknown,
    Listed(Arc<Instance>),
    Left(Tombstone),
    /// What operators say lasts as long as its file.
    Override(Override),
}

impl Scan {
    /// A reader that has seen nothing, of a service whose name is a valid one. One look counts as at most
    /// `longest_step` of silence.
    pub(super) fn new(store: Store, directory: PathBuf, longest_step: Duration) -> Self {
        Self {
            store,
            directory,
            files: BTreeMap::new(),
            entries: 0,
            skipped: Skipped::default(),
            stamp: None,
            unsettled: true,
            waited: Duration::ZERO,
            longest_step,
        }
    }

    /// Looks again after `elapsed`; `None` if nothing new can be said. Blocks.
    ///
    /// # Errors
    /// The directory of the registry cannot be read: nothing is known of anybody, so nobody grows more silent.
    pub(super) fn look(&mut self, elapsed: Duration) -> Result<Option<Listing>, Error> {
        self.waited += elapsed;
        let stamp = Stamp::of(&self.directory);
        let changed = stamp != self.stamp;
        if !changed && !self.unsettled && self.waited < FULL {
            return Ok(None);
        }
        let names = self.names()?;
        self.stamp = stamp;
        self.unsettled = changed;
        let elapsed = std::mem::take(&mut self.waited).min(self.longest_step);
        self.entries = 0;
        for file in self.files.values_mut() {
            file.seen = false;
            file.silent += elapsed;
            self.entries += usize::from(!matches!(file.state, State::Unknown));
        }
        self.skipped = Skipped::default();
        // A name that cannot be read while the directory changes is a file that is missing.
        for name in names.into_iter().flatten().flatten() {
            self.visit(&name.file_name());
        }
        self.sweep();
        Ok(Some(self.listing()))
    }

    /// The names in the directory; `None` if it is not there, but that of the registry is.
    fn names(&self) -> Result<Option<fs::ReadDir>, Error> {
        match fs::read_dir(&self.directory) {
            Ok(names) => Ok(Some(names)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.store.check().map(|()| None)
            }
            Err(error) => Err(self.store.unreadable(error)),
        }
    }

    fn visit(&mut self, name: &std::ffi::OsStr) {
        let unfinished = name.as_encoded_bytes().ends_with(UNFINISHED.as_bytes());
        if !unfinished && !name.as_encoded_bytes().ends_with(ENTRY.as_bytes()) {
            return;
        }
        let shown = || name.to_string_lossy().escape_debug().to_string();
        let Some(name) = name.to_str().filter(|name| {
            unfinished
                || name
                    .strip_suffix(ENTRY)
                    .map(|key| key.strip_suffix('~').unwrap_or(key))
                    .is_some_and(|id| check_id(id).is_ok())
        }) else {
            self.skipped
                .add(|| format!("{}: no id of an instance", shown()));
            return;
        };
        let known = self.files.contains_key(name);
        if !known && self.files.len() >= MAX_FILES {
            self.skipped.add(|| format!("more than {MAX_FILES} files"));
            return;
        }
        let file = self.files.entry(name.to_owned()).or_insert(File {
            stamp: None,
            silent: Duration::ZERO,
            state: State::Unknown,
            bad: None,
            seen: true,
        });
        file.seen = true;
        let place = self.directory.join(name);
        let stamp = Stamp::of(&place);
        if known && stamp == file.stamp {
            return;
        }
        file.stamp = stamp;
        if unfinished {
            file.silent = Duration::ZERO;
            return;
        }
        match self.store.read(&place) {
            Found::Entry(entry) => {
                if matches!(file.state, State::Unknown) {
                    if self.entries >= MAX_ENTRIES {
                        file.bad = Some(format!("more than {MAX_ENTRIES} entries"));
                        return;
                    }
                    self.entries += 1;
                }
                file.believe(entry);
            }
            Found::Bad(reason) => file.bad = Some(reason),
            Found::Gone => file.seen = false,
        }
    }

    /// Forgets files that are gone, and removes those that have served their time.
    fn sweep(&mut self) {
        let directory = &self.directory;
        self.files.retain(|name, file| {
            let (shown, kept) = match &file.state {
                State::Listed(_) => (SILENCE, REMAINS),
                State::Left(_) => (TOMBSTONE, TOMBSTONE),
                State::Unknown if name.ends_with(UNFINISHED) => (Duration::ZERO, REMAINS),
                // Whatever it is, we have not put it there.
                State::Unknown | State::Override(_) => (Duration::ZERO, Duration::MAX),
            };
            if file.seen && file.bad.is_none() && file.silent > kept {
                // A reader may lack the right to; a file that stays is tried again at the next look.
                return fs::remove_file(directory.join(name)).is_err();
            }
            file.seen || file.silent < shown
        });
    }

    fn listing(&self) -> Listing {
        let mut listing = Listing {
            skipped: self.skipped.clone(),
            ..Listing::default()
        };
        for file in self.files.values() {
            if let Some(reason) = &file.bad {
                listing.skipped.add(|| reason.clone());
            }
            match &file.state {
                State::Listed(instance) if file.silent < SILENCE => {
                    listing.instances.push(Arc::clone(instance));
                }
                State::Left(tombstone) if file.silent < TOMBSTONE => {
                    listing.left.push(tombstone.clone());
                }
                State::Override(order) if file.bad.is_none() => {
                    listing.overrides.push(order.clone());
                }
                _ => {}
            }
        }
        listing
    }
}

impl File {
    fn believe(&mut self, entry: Entry) {
        self.bad = None;
        match entry {
            Entry::Listed(instance) => {
                self.silent = Duration::ZERO;
                let same = matches!(&self.state, State::Listed(known) if **known == instance);
                if !same {
                    self.state = State::Listed(Arc::new(instance));
                }
            }
            Entry::Left(tombstone) => {
                // Touching a tombstone does not prolong it.
                if !matches!(self.state, State::Left(_)) {
                    self.silent = Duration::ZERO;
                }
                self.state = State::Left(tombstone);
            }
            Entry::Override(order) => self.state = State::Override(order),
        }
    }
}

#[cfg(test)]
mod tests;
