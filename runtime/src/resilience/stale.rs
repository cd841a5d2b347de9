//! The last good answers to requests, within bounds: what was asked for longest ago goes first.

use std::hash::Hash;
use std::time::Duration;

use bytes::Bytes;
use lru::LruCache;

/// What an answer costs beside its bytes and those of its request: two entries of tables and their pointers.
const ENTRY: u64 = 256;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) entries: usize,
    pub(crate) bytes: u64,
}

/// The last good answer to each request that `K` stands for.
pub(crate) struct LastAnswers<K: Hash + Eq> {
    answers: LruCache<K, Answer>,
    /// What all of them cost.
    bytes: u64,
}

struct Answer {
    body: Bytes,
    /// Since any fixed moment.
    at: Duration,
    cost: u64,
}

impl<K: Hash + Eq> Default for LastAnswers<K> {
    fn default() -> Self {
        Self {
            answers: LruCache::unbounded(),
            bytes: 0,
        }
    }
}

impl<K: Hash + Eq> LastAnswers<K> {
    /// Keeps the answer that came at `now` in the place of the one before. `weight` is how many bytes the key holds. An
    /// answer that is larger than all that may be kept is not.
    pub(crate) fn keep(
        &mut self,
        key: K,
        weight: usize,
        body: &[u8],
        now: Duration,
        bounds: Bounds,
    ) {
        let cost = ENTRY + weight as u64 + body.len() as u64;
        if cost > bounds.bytes || bounds.entries == 0 {
            if let Some(before) = self.answers.pop(&key) {
                self.bytes -= before.cost;
            }
            return;
        }
        let answer = Answer {
            // A body is a part of what a connection read at once, and would keep all of it.
            body: Bytes::copy_from_slice(body),
            at: now,
            cost,
        };
        self.bytes += cost;
        if let Some(before) = self.answers.put(key, answer) {
            self.bytes -= before.cost;
        }
        while self.bytes > bounds.bytes || self.answers.len() > bounds.entries {
            let Some((_, oldest)) = self.answers.pop_lru() else {
                break;
            };
            self.bytes -= oldest.cost;
        }
    }

    /// The last answer, if it came within `age` before `now`.
    pub(crate) fn recall(&mut self, key: &K, now: Duration, age: Duration) -> Option<Bytes> {
        let answer = self.answers.get(key)?;
        if now.saturating_sub(answer.at) <= age {
            return Some(answer.body.clone());
        }
        let old = self.answers.pop(key)?;
        self.bytes -= old.cost;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(100);
    const AGE: Duration = Duration::from_secs(5);
    const WIDE: Bounds = Bounds {
        entries: 10,
        bytes: 1_000_000,
    };

    #[test]
    fn an_answer_is_given_until_it_is_too_old() {
        let mut last = LastAnswers::default();
        last.keep("a", 1, b"one", NOW, WIDE);
        assert_eq!(last.recall(&"a", NOW + AGE, AGE).unwrap(), "one");
        let late = NOW + AGE + Duration::from_nanos(1);
        assert_eq!(last.recall(&"a", late, AGE), None);
        assert_eq!(last.bytes, 0);
        assert_eq!(last.recall(&"b", NOW, AGE), None);
    }

    #[test]
    fn the_newest_answer_counts_and_its_age() {
        let mut last = LastAnswers::default();
        last.keep("a", 1, b"one", NOW, WIDE);
        last.keep("a", 1, b"two", NOW + AGE, WIDE);
        assert_eq!(last.recall(&"a", NOW + AGE * 2, AGE).unwrap(), "two");
        assert_eq!(last.bytes, ENTRY + 4);
    }

    #[test]
    fn what_was_asked_for_longest_ago_makes_room() {
        let mut last = LastAnswers::default();
        let two = Bounds { entries: 2, ..WIDE };
        last.keep("a", 1, b"a", NOW, two);
        last.keep("b", 1, b"b", NOW, two);
        assert!(last.recall(&"a", NOW, AGE).is_some());
        last.keep("c", 1, b"c", NOW, two);
        assert!(last.recall(&"a", NOW, AGE).is_some());
        assert_eq!(last.recall(&"b", NOW, AGE), None);
    }

    #[test]
    fn bytes_have_a_bound_whatever_the_size_of_answers() {
        let mut last = LastAnswers::default();
        let bounds = Bounds {
            entries: 1_000,
            bytes: 3_000,
        };
        for key in 0..1_000 {
            last.keep(key, 8, &vec![0; key % 2_500], NOW, bounds);
            let cost: u64 = last.answers.iter().map(|(_, answer)| answer.cost).sum();
            assert_eq!(last.bytes, cost);
            assert!(cost <= 3_000);
        }
        assert!(last.recall(&999, NOW, AGE).is_some());
        last.keep(999, 8, &[0; 3_000], NOW, bounds);
        assert_eq!(last.recall(&999, NOW, AGE), None, "a newer one came");
    }
}
