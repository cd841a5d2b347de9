//! The same instance for all calls, as long as it is up.

use super::candidates::Candidates;
use super::{Balancer, PickContext};
use crate::random::mix;

/// One that is up, without regard to weight and load: the same as long as it is up. Seeds spread clients among them.
#[derive(Debug)]
pub(crate) struct Steady(u64);

impl Steady {
    /// The order of preference that `seed` decides.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }
}

impl Balancer for Steady {
    fn pick(&self, candidates: &Candidates, context: &PickContext<'_>) -> Option<usize> {
        candidates
            .iter()
            .enumerate()
            .filter(|&(index, _)| candidates.is_usable(index, context))
            .min_by_key(|(_, candidate)| mix(candidate.key() ^ self.0))
            .map(|(index, _)| index)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::super::{Candidate, Load};
    use super::*;

    #[test]
    fn one_instance_has_all_calls_until_it_is_down() {
        let one = |index| Candidate::new(&format!("i{index}"), 100, Arc::new(Load::new()));
        let candidates: Candidates = (0..10).map(one).collect();
        let context = PickContext::at(Duration::ZERO);
        let picks: Vec<_> = (0..50)
            .map(|seed| Steady::new(seed).pick(&candidates, &context).unwrap())
            .collect();
        let again = Steady::new(7);
        for _ in 0..3 {
            assert_eq!(again.pick(&candidates, &context), Some(picks[7]));
        }
        candidates
            .get(picks[7])
            .unwrap()
            .load()
            .set_available(false);
        assert_ne!(again.pick(&candidates, &context).unwrap(), picks[7]);
        let used: std::collections::HashSet<_> = picks.into_iter().collect();
        assert!(used.len() > 5, "clients prefer different ones: {used:?}");
    }
}
