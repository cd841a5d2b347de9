//! The nearest known name to a misspelt one.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use crate::diagnostic::near;

/// Finds near names, within a budget: a file with a hundred thousand misspelt names is not worth a day of comparing.
#[derive(Debug)]
pub struct Near {
    budget: AtomicUsize,
    /// Whether a candidate was passed over for want of it.
    lacked: AtomicBool,
}

impl Clone for Near {
    fn clone(&self) -> Self {
        Self {
            budget: AtomicUsize::new(self.left()),
            lacked: AtomicBool::new(self.lacked.load(Relaxed)),
        }
    }
}

impl Default for Near {
    fn default() -> Self {
        // Cells of comparison tables; about a tenth of a second, and thousands of ordinary look-ups.
        Self::with(20_000_000)
    }
}

impl Near {
    fn with(budget: usize) -> Self {
        Self {
            budget: AtomicUsize::new(budget),
            lacked: AtomicBool::new(false),
        }
    }

    fn left(&self) -> usize {
        self.budget.load(Relaxed)
    }

    /// One that finds nothing.
    pub(crate) fn nothing() -> Self {
        Self::with(0)
    }

    /// One of `count` equal parts of what is left. The whole is as before.
    pub(crate) fn share(&self, count: usize) -> Self {
        Self::with(self.left() / count.max(1))
    }

    /// Whether every candidate could be looked at.
    pub(crate) fn sufficed(&self) -> bool {
        !self.lacked.load(Relaxed)
    }

    /// Whether nothing more can be looked at.
    pub(crate) fn is_spent(&self) -> bool {
        self.left() == 0
    }

    /// Takes off what came to be spent of a share.
    pub(crate) fn spend(&self, share: &Self, left: &Self) {
        let spent = share.left().saturating_sub(left.left());
        self.budget
            .store(self.left().saturating_sub(spent), Relaxed);
    }

    /// The candidate nearest to `name`, if one is near enough to be what was meant, or else one that it cuts short.
    pub fn find<'c>(
        &self,
        name: &str,
        candidates: impl IntoIterator<Item = &'c str>,
    ) -> Option<&'c str> {
        let mut cut_short = None;
        let affordable = candidates.into_iter().filter(|candidate| {
            if name.len() > 2 && candidate.len() > name.len() && candidate.starts_with(name) {
                cut_short.get_or_insert(*candidate);
            }
            let cost = candidate.len() * name.len() + 1;
            let left = self.left().checked_sub(cost);
            self.budget.store(left.unwrap_or_default(), Relaxed);
            self.lacked.fetch_or(left.is_none(), Relaxed);
            left.is_some()
        });
        let nearest = near(name, affordable).into_iter().next();
        nearest.or(cut_short)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_cut_short_is_found() {
        let near = Near::default();
        assert_eq!(near.find("fork", ["failover", "forking"]), Some("forking"));
    }

    #[test]
    fn the_nearest_wins_and_far_names_are_not_offered() {
        let near = Near::default();
        assert_eq!(
            near.find("Oder", ["Border", "Order", "Item"]),
            Some("Order")
        );
        assert_eq!(near.find("Order", ["Invoice", "Item"]), None);
    }

    #[test]
    fn suggestions_end_with_the_budget() {
        let near = Near::with(40);
        assert_eq!(near.find("Oder", ["Order"]), Some("Order"));
        assert!(near.sufficed());
        assert_eq!(near.find("Oder", ["Order"]), None);
        assert!(!near.sufficed());
    }
}
