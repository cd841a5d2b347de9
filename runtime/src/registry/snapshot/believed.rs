//! What a client makes of snapshots: one beside another, with instances that it keeps against the registry, or saved by an
//! earlier process.

use std::cmp::Ordering;
use std::sync::Arc;

use super::{Freshness, Instance, Listing, Snapshot};
use crate::registry::Error;
use crate::registry::watch::View as _;

impl Snapshot {
    /// The instances that the registry does not list, and that the client believes in because they answer; by id. They
    /// are among [`Snapshot::instances`]. A registry's own snapshots have none.
    pub fn unlisted(&self) -> &[Arc<Instance>] {
        &self.unlisted
    }

    /// Nothing is known of `service` yet.
    pub(crate) fn unknown(service: &str) -> Self {
        Self::pending(service)
    }

    /// What an earlier process saved of `service`.
    pub(crate) fn saved(service: &str, instances: Vec<Arc<Instance>>) -> Self {
        let listing = Listing {
            instances,
            ..Listing::default()
        };
        Self {
            freshness: Freshness::Stored(None),
            ..Self::pending(service).next(listing)
        }
    }

    /// The same where the registry does not answer for this reason.
    pub(crate) fn stored(&self, reason: Option<Error>) -> Self {
        Self {
            freshness: Freshness::Stored(reason),
            ..self.clone()
        }
    }

    /// The same with instances that the registry does not list, by id.
    pub(crate) fn keeping(&self, unlisted: Vec<Arc<Instance>>) -> Self {
        let mut instances = Vec::with_capacity(self.instances.len() + unlisted.len());
        let mut kept = unlisted.iter().peekable();
        for listed in self.instances() {
            while let Some(before) = kept.next_if(|kept| kept.id < listed.id) {
                instances.push(Arc::clone(before));
            }
            instances.push(Arc::clone(listed));
        }
        instances.extend(kept.map(Arc::clone));
        Self {
            instances: instances.into(),
            unlisted: unlisted.into(),
            ..self.clone()
        }
    }

    /// The instances that an older snapshot has and this one has not; by id.
    pub(crate) fn gone_since(&self, older: &Self) -> Vec<Arc<Instance>> {
        let gone = |(before, now): (Option<&Arc<Instance>>, Option<_>)| {
            before.filter(|_| now.is_none()).map(Arc::clone)
        };
        self.beside(older).filter_map(gone).collect()
    }

    /// Whether both have the same instances, to the last word.
    pub(crate) fn lists_the_same_as(&self, other: &Self) -> bool {
        self.instances == other.instances
    }

    /// Whether an instance of an older snapshot is gone, or listens elsewhere now.
    pub(crate) fn has_moved_since(&self, older: &Self) -> bool {
        self.beside(older).any(|pair| match pair {
            (Some(before), Some(now)) => {
                !Arc::ptr_eq(before, now) && before.addresses != now.addresses
            }
            (Some(_), None) => true,
            (None, _) => false,
        })
    }

    /// The instances of an older snapshot and of this one, in pairs where they have one id.
    pub(super) fn beside<'a>(
        &'a self,
        older: &'a Self,
    ) -> impl Iterator<Item = (Option<&'a Arc<Instance>>, Option<&'a Arc<Instance>>)> {
        let mut before = older.instances().iter().peekable();
        let mut now = self.instances().iter().peekable();
        std::iter::from_fn(move || {
            let order = match (before.peek(), now.peek()) {
                (None, None) => return None,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                // Most are the same record, which spares reading it.
                (Some(before), Some(now)) if Arc::ptr_eq(before, now) => Ordering::Equal,
                (Some(before), Some(now)) => before.id.cmp(&now.id),
            };
            Some(match order {
                Ordering::Less => (before.next(), None),
                Ordering::Greater => (None, now.next()),
                Ordering::Equal => (before.next(), now.next()),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(ids: &[&str]) -> Snapshot {
        Snapshot::saved("S", instances(ids))
    }

    fn instances(ids: &[&str]) -> Vec<Arc<Instance>> {
        ids.iter()
            .map(|id| Arc::new(Instance::new(*id, "S")))
            .collect()
    }

    fn ids(instances: &[Arc<Instance>]) -> Vec<&str> {
        instances.iter().map(|one| one.id.as_str()).collect()
    }

    #[test]
    fn kept_instances_stand_among_the_listed_ones_by_id() {
        let kept = snapshot(&["b", "d"]).keeping(instances(&["a", "c", "e", "f"]));
        assert_eq!(ids(kept.instances()), ["a", "b", "c", "d", "e", "f"]);
        assert_eq!(ids(kept.unlisted()), ["a", "c", "e", "f"]);
        assert!(kept.instance("c").is_some());
    }

    #[test]
    fn what_is_gone_is_found_wherever_it_stood() {
        let older = snapshot(&["a", "b", "d", "e"]);
        assert_eq!(
            ids(&snapshot(&["b", "c", "d"]).gone_since(&older)),
            ["a", "e"]
        );
        assert_eq!(ids(&snapshot(&[]).gone_since(&older)), ["a", "b", "d", "e"]);
        assert_eq!(ids(&older.gone_since(&snapshot(&[]))), [""; 0]);
    }
}
