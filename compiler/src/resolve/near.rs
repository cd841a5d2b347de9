//! The nearest known name to a misspelt one.

use std::cell::Cell;

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
    /// The candidate nearest to `name`, if one is near enough to be what was meant; the first of several as near.
    pub fn find<'c>(
        &self,
        name: &str,
        candidates: impl IntoIterator<Item = &'c str>,
    ) -> Option<&'c str> {
        // A third of the letters may be wrong: the rule of rustc and clang.
        let allowed = (name.len() / 3).max(1);
        let mut best: Option<(usize, &str)> = None;
        for candidate in candidates {
            if candidate == name {
                continue;
            }
            // A word cut short is no slip, and means the same.
            if name.len() > 2 && best.is_none() && candidate.starts_with(name) {
                best = Some((allowed, candidate));
                continue;
            }
            let limit = best.map_or(allowed, |(distance, _)| distance.saturating_sub(1));
            if candidate.len().abs_diff(name.len()) > limit && !candidate.eq_ignore_ascii_case(name)
            {
                continue;
            }
            let cost = candidate.len() * name.len() + 1;
            let left = self.budget.get();
            if left < cost {
                break;
            }
            self.budget.set(left - cost);
            let distance = distance(name, candidate);
            if distance <= allowed && best.is_none_or(|(least, _)| distance < least) {
                best = Some((distance, candidate));
            }
        }
        best.map(|(_, candidate)| candidate)
    }
}

/// Insertions, deletions, substitutions and swaps of neighbours between two words. Letter case, and `-` for `_`, cost
/// nothing.
fn distance(a: &str, b: &str) -> usize {
    let fold = |byte: u8| {
        if byte == b'-' {
            b'_'
        } else {
            byte.to_ascii_lowercase()
        }
    };
    let (a, b): (Vec<u8>, Vec<u8>) = (a.bytes().map(fold).collect(), b.bytes().map(fold).collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        for (j, &y) in b.iter().enumerate() {
            let mut cost = (last[j] + usize::from(x != y))
                .min(last[j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && x == b[j - 1] && a[i - 1] == y {
                cost = cost.min(before[j - 1] + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_counts_once_and_case_is_free() {
        assert_eq!(distance("Oredr", "Order"), 1);
        assert_eq!(distance("invoice", "Invoice"), 0);
        assert_eq!(distance("", "abc"), 3);
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
