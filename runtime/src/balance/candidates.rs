//! The instances that may take a call, prepared once per change so that a pick is cheap.

use std::sync::Arc;

use super::load::Load;
use super::{PickContext, affinity};
use crate::random::{Random, mix, scale};

/// Draws from the table before all candidates are looked at: with half of the weight unusable, 1 pick in 16 scans.
const DRAWS: usize = 4;

/// An instance that may take a call.
#[derive(Clone, Debug)]
pub struct Candidate {
    key: u64,
    seat: u64,
    weight: u32,
    load: Arc<Load>,
}

impl Candidate {
    /// The instance with this id. Clones of one `load` may stand in several lists of candidates.
    pub fn new(id: &str, weight: u32, load: Arc<Load>) -> Self {
        Self::known(Self::key_of(id), weight, load)
    }

    /// The same where what stands for its id is known.
    pub(crate) fn known(key: u64, weight: u32, load: Arc<Load>) -> Self {
        Self {
            key,
            seat: key,
            weight,
            load,
        }
    }

    /// The same in this seat, [`Candidate::key_of`] of what outlives its id: consistent hashing ties calls to seats.
    #[must_use]
    pub fn seated(mut self, seat: u64) -> Self {
        self.seat = seat;
        self
    }

    /// What stands for an id in [`PickContext::tried`]: the same in every process and release.
    pub fn key_of(id: &str) -> u64 {
        affinity::of_bytes(id.as_bytes())
    }

    /// What stands for its id.
    pub fn key(&self) -> u64 {
        self.key
    }

    /// What consistent hashing ties calls to; its [key](Self::key) unless it was [seated](Self::seated).
    pub fn seat(&self) -> u64 {
        self.seat
    }

    /// Its share beside the others' weights.
    pub fn weight(&self) -> u32 {
        self.weight
    }

    /// What is under way there.
    pub fn load(&self) -> &Arc<Load> {
        &self.load
    }
}

/// The instances that may take a call. Made when the instances change, shared by all calls until then.
#[derive(Clone, Debug, Default)]
pub struct Candidates {
    list: Vec<Candidate>,
    /// By candidate: above the threshold a draw goes to the other (Vose's alias method: a draw by weight in constant
    /// time). None where all weights are equal.
    columns: Vec<Column>,
    heaviest: u32,
    total: u64,
}

#[derive(Clone, Copy, Debug)]
struct Column {
    threshold: u64,
    other: usize,
}

impl Candidates {
    /// Prepares a list. Where all weights are 0, all are taken for equal; beside others, one of weight 0 is never usable. A client
    /// prepares those by themselves, for calls that nobody else can take.
    pub fn new(mut list: Vec<Candidate>) -> Self {
        if list.iter().all(|candidate| candidate.weight == 0) {
            for candidate in &mut list {
                candidate.weight = 1;
            }
        }
        let weights = || list.iter().map(|candidate| candidate.weight);
        let heaviest = weights().max().unwrap_or(0);
        let total = weights().map(u64::from).sum();
        let columns = if weights().all(|weight| weight == heaviest) {
            Vec::new()
        } else {
            columns(&list)
        };
        Self {
            list,
            columns,
            heaviest,
            total,
        }
    }

    /// The largest weight; not 0 where there is a candidate.
    pub(super) fn heaviest(&self) -> u32 {
        self.heaviest
    }

    /// All weights together.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Whether all weights are equal.
    pub(super) fn is_even(&self) -> bool {
        self.columns.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The candidate at an index that a balancer gave.
    pub fn get(&self, index: usize) -> Option<&Candidate> {
        self.list.get(index)
    }

    /// All of them, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Candidate> {
        self.list.iter()
    }

    /// Whether the candidate at `index` may take this call: its standing is good enough, it was not tried before, and its
    /// weight is not 0. An instance that does worse than the others, or is back from an ejection, refuses a part of the
    /// calls, always the same within one pick.
    pub fn is_usable(&self, index: usize, context: &PickContext<'_>) -> bool {
        self.list
            .get(index)
            .is_some_and(|candidate| candidate.weight > 0 && is_open(candidate, context))
    }

    /// A usable candidate drawn by weight, other than `except`.
    pub(super) fn draw(
        &self,
        random: &Random,
        context: &PickContext<'_>,
        except: Option<usize>,
    ) -> Option<usize> {
        let fits = |index: usize| Some(index) != except && self.is_usable(index, context);
        for _ in 0..DRAWS.min(self.list.len() * 2) {
            let index = self.draw_any(random);
            if fits(index) {
                return Some(index);
            }
        }
        // One pass that keeps each usable candidate with the chance of its share so far.
        let mut total = 0_u64;
        let mut drawn = None;
        for index in (0..self.list.len()).filter(|&index| fits(index)) {
            let weight = u64::from(self.list[index].weight);
            total += weight;
            if ((u128::from(random.bits()) * u128::from(total)) >> 64) < u128::from(weight) {
                drawn = Some(index);
            }
        }
        drawn
    }

    /// A candidate drawn by weight. The list must not be empty.
    fn draw_any(&self, random: &Random) -> usize {
        let bits = random.bits();
        let index = scale(bits, self.list.len());
        let Some(column) = self.columns.get(index) else {
            return index;
        };
        if mix(bits) <= column.threshold {
            index
        } else {
            column.other
        }
    }
}

impl<'a> IntoIterator for &'a Candidates {
    type Item = &'a Candidate;
    type IntoIter = std::slice::Iter<'a, Candidate>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<Candidate> for Candidates {
    fn from_iter<I: IntoIterator<Item = Candidate>>(list: I) -> Self {
        Self::new(list.into_iter().collect())
    }
}

fn is_open(candidate: &Candidate, context: &PickContext<'_>) -> bool {
    // What a call is drawn by stays the same for all looks of a pick; calls with a hash lose and find their instance together.
    let draw = || {
        let call = context
            .hash
            .unwrap_or_else(|| mix(u64::from(context.now.subsec_nanos()) ^ context.now.as_secs()));
        mix(call ^ candidate.key)
    };
    candidate.load.admits(context, draw) && !context.tried.contains(&candidate.key)
}

/// Vose's tables in whole numbers: each column is `total` wide, each candidate fills `weight * n`.
fn columns(list: &[Candidate]) -> Vec<Column> {
    let n = list.len() as u128;
    let total: u128 = list.iter().map(|one| u128::from(one.weight)).sum();
    let mut fill: Vec<u128> = list.iter().map(|one| u128::from(one.weight) * n).collect();
    let mut columns: Vec<Column> = (0..list.len())
        .map(|index| Column {
            threshold: u64::MAX,
            other: index,
        })
        .collect();
    let (mut short, mut long): (Vec<_>, Vec<_>) =
        (0..list.len()).partition(|&index| fill[index] < total);
    while let (Some(low), Some(&high)) = (short.pop(), long.last()) {
        columns[low] = Column {
            threshold: threshold(fill[low], total),
            other: high,
        };
        fill[high] -= total - fill[low];
        if fill[high] < total {
            long.pop();
            short.push(high);
        }
    }
    columns
}

/// `part / total` of the numbers a draw can be.
fn threshold(part: u128, total: u128) -> u64 {
    // Weights are at most 2^28 and instances at most 2^14, so the shift by 64 fits.
    u64::try_from((part << 64) / total.max(1)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn candidates(weights: &[u32]) -> Candidates {
        let one =
            |(index, &weight)| Candidate::new(&format!("i{index}"), weight, Arc::new(Load::new()));
        weights.iter().enumerate().map(one).collect()
    }

    fn shares(candidates: &Candidates, context: &PickContext<'_>) -> Vec<u32> {
        let random = Random::new(11);
        let mut shares = vec![0; candidates.len()];
        for _ in 0..100_000 {
            shares[candidates.draw(&random, context, None).unwrap()] += 1;
        }
        shares
    }

    #[track_caller]
    fn check(shares: &[u32], expect: &[f64]) {
        for (&share, &expect) in shares.iter().zip(expect) {
            let difference = (f64::from(share) / 100_000.0 - expect).abs();
            assert!(difference < 0.005, "{shares:?}, expected {expect}");
        }
    }

    #[test]
    fn draws_follow_the_weights() {
        let context = PickContext::at(Duration::ZERO);
        check(&shares(&candidates(&[100]), &context), &[1.0]);
        check(&shares(&candidates(&[1, 1, 1]), &context), &[1.0 / 3.0; 3]);
        check(
            &shares(&candidates(&[100, 50, 0, 850]), &context),
            &[0.1, 0.05, 0.0, 0.85],
        );
        check(&shares(&candidates(&[0, 0]), &context), &[0.5, 0.5]);
        check(&shares(&candidates(&[1, 999_999]), &context), &[0.0, 1.0]);
    }

    #[test]
    fn draws_follow_the_weights_of_those_that_are_left() {
        let candidates = candidates(&[10, 20, 30, 940]);
        candidates.get(3).unwrap().load().set_available(false);
        let tried = [Candidate::key_of("i0")];
        let context = PickContext::at(Duration::ZERO).after(&tried);
        check(&shares(&candidates, &context), &[0.0, 0.4, 0.6, 0.0]);
    }

    #[test]
    fn nobody_is_drawn_where_nobody_is_left() {
        let random = Random::new(1);
        let context = PickContext::at(Duration::ZERO);
        assert_eq!(candidates(&[]).draw(&random, &context, None), None);
        assert_eq!(candidates(&[5]).draw(&random, &context, Some(0)), None);
    }
}
