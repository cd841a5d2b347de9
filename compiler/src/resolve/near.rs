//! The nearest known name to a misspelt one.

use std::cell::Cell;

use crate::diagnostic::near;

/// Finds near names, within a budget: a file with a hundred thousand misspelt names is not worth a day of comparing.
#[derive(Debug)]
pub struct Near {
    budget: Cell<usize>,
}

impl Default for Near {
    fn default() -> Self {
        Self {
            // Cells of comparison tables; about a tenth of a second, and thousands of ordinary look-ups.
            budget: Cell::new(20_000_000),
        }
    }
}

impl Near {
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
            let left = self.budget.get().checked_sub(cost);
            self.budget.set(left.unwrap_or_default());
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
        let near = Near {
            budget: Cell::new(40),
        };
        assert_eq!(near.find("Oder", ["Order"]), Some("Order"));
        assert_eq!(near.find("Oder", ["Order"]), None);
    }
}
