//! The tables of one method that were prepared under one state of the documents: one for calls that say nothing of where they
//! go, and one per choice of groups and decision of the rules.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwapOption, Guard};

use crate::balance::Balancer;
use crate::governance::Decision;
use crate::random::Random;
use crate::route::GroupChoice;

use super::table::Table;

/// How many choices are remembered: more than contracts name groups and documents have rules. Whoever makes up names gets no
/// further.
const CHOICES: usize = 256;

/// What a table is for: the groups that a call names itself, and what rules decide of it.
pub(super) type Key = (Option<GroupChoice>, Decision);

/// Who may answer, as of the last snapshots that were looked at.
pub(super) struct Tables {
    /// For calls that name no group, where rules decide the same of all of them.
    plain: ArcSwapOption<Table>,
    others: Mutex<HashMap<Key, Arc<Table>>>,
    /// What tables choose by that have nobody before them: it knows whose turn it is.
    balancer: Option<Arc<dyn Balancer>>,
    /// Draws the shares of rules.
    random: Random,
}

impl Tables {
    /// None yet; they go on with this balancer. `seed` decides the shares of rules.
    pub(super) fn new(balancer: Option<Arc<dyn Balancer>>, seed: u64) -> Self {
        Self {
            plain: ArcSwapOption::empty(),
            others: Mutex::default(),
            balancer,
            random: Random::new(seed),
        }
    }

    /// The table of nearly every call, if there is one.
    pub(super) fn plain(&self) -> Guard<Option<Arc<Table>>> {
        self.plain.load()
    }

    /// The table for this; `None` is the plain one.
    pub(super) fn kept(&self, key: Option<&Key>) -> Option<Arc<Table>> {
        match key {
            None => self.plain.load_full(),
            Some(key) => self.lock().get(key).map(Arc::clone),
        }
    }

    /// Remembers the table for this; `None` is the plain one.
    pub(super) fn keep(&self, key: Option<Key>, table: &Arc<Table>) {
        let table = Arc::clone(table);
        let Some(key) = key else {
            self.plain.store(Some(table));
            return;
        };
        let mut others = self.lock();
        if others.len() >= CHOICES {
            others.clear();
        }
        others.insert(key, table);
    }

    /// What the plain table chooses by, or would.
    pub(super) fn balancer(&self) -> Option<Arc<dyn Balancer>> {
        let plain = self.plain.load();
        let plain = plain.as_ref().map(|table| Arc::clone(table.balancer()));
        plain.or_else(|| self.balancer.clone())
    }

    /// A number of [0, 1).
    pub(super) fn chance(&self) -> f64 {
        self.random.unit()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Arc<Table>>> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tables").finish_non_exhaustive()
    }
}
