//! Who waits for a place, and who of them gets it.
//!
//! A line that was empty a moment ago is a burst: first come, first served. One that has not been empty for long is overload:
//! whoever waited longest has the least time left, and so the last to come is served first, and nobody waits for longer than
//! a quarter of the time. That is controlled delay with an adaptive LIFO (Nichols and Jacobson's `CoDel`, in the form that
//! Facebook gave it for servers: "Fail at Scale", ACM Queue 2015).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A line that was never empty for this long is no burst. 100 ms, `CoDel`'s interval: a round trip around the world.
const BURST: Duration = Duration::from_millis(100);

/// The part of the time that is waited then.
const SHORTER: u32 = 4;

/// Waiting ones, in the order in which they came.
#[derive(Debug)]
pub(crate) struct Line<T> {
    waiting: VecDeque<Waiting<T>>,
    /// Since when it was never empty.
    since: Option<Instant>,
    next: u64,
}

#[derive(Debug)]
struct Waiting<T> {
    number: u64,
    since: Instant,
    /// When there is no use in it any more.
    until: Option<Instant>,
    who: T,
}

impl<T> Line<T> {
    pub(crate) fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            since: None,
            next: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Queues up; there is no use in waiting after `until`. Gives the number to [leave](Self::leave) by.
    pub(crate) fn join(&mut self, who: T, until: Option<Instant>, now: Instant) -> u64 {
        self.since.get_or_insert(now);
        let number = self.next;
        self.next += 1;
        self.waiting.push_back(Waiting {
            number,
            since: now,
            until,
            who,
        });
        number
    }

    /// Whoever has this number gives up.
    pub(crate) fn leave(&mut self, number: u64) -> Option<T> {
        let at = self.waiting.binary_search_by_key(&number, |one| one.number);
        let left = self.waiting.remove(at.ok()?);
        self.settle();
        left.map(|one| one.who)
    }

    /// Who is next, where nobody waits for longer than `patience`; `late` is told who has.
    pub(crate) fn next(
        &mut self,
        patience: Duration,
        now: Instant,
        mut late: impl FnMut(T),
    ) -> Option<T> {
        let overloaded = self.is_overloaded(now);
        let patience = if overloaded {
            patience / SHORTER
        } else {
            patience
        };
        let next = loop {
            let next = if overloaded {
                self.waiting.pop_back()
            } else {
                self.waiting.pop_front()
            };
            match next {
                Some(one) if one.is_late(patience, now) => late(one.who),
                next => break next,
            }
        };
        // Those in front came first: behind one that is not late nobody is.
        while let Some(first) = self.waiting.front()
            && first.is_late(patience, now)
        {
            if let Some(first) = self.waiting.pop_front() {
                late(first.who);
            }
        }
        self.settle();
        next.map(|one| one.who)
    }

    fn is_overloaded(&self, now: Instant) -> bool {
        self.since
            .is_some_and(|since| now.saturating_duration_since(since) > BURST)
    }

    fn settle(&mut self) {
        if self.waiting.is_empty() {
            self.since = None;
        }
    }
}

impl<T> Waiting<T> {
    fn is_late(&self, patience: Duration, now: Instant) -> bool {
        now.saturating_duration_since(self.since) > patience
            || self.until.is_some_and(|until| until <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(20);

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_burst_is_served_in_the_order_in_which_it_came() {
        let start = crate::resilience::origin();
        let mut line = Line::new();
        for who in 0..3 {
            line.join(who, None, start + ms(who));
        }
        let next = |line: &mut Line<_>| line.next(PATIENCE, start + ms(5), |_| panic!("late"));
        assert_eq!([next(&mut line), next(&mut line)], [Some(0), Some(1)]);
        assert_eq!([next(&mut line), next(&mut line)], [Some(2), None]);
    }

    #[test]
    fn a_line_that_is_never_empty_serves_the_last_and_lets_nobody_wait_long() {
        let start = crate::resilience::origin();
        let mut line = Line::new();
        for at in 0..110 {
            line.join(at, None, start + ms(at));
            if at >= 10 {
                let _ = line.next(ms(1_000), start + ms(at), |_| {});
            }
        }
        let now = start + ms(110);
        line.join(110, None, now);
        let mut late = Vec::new();
        let next = line.next(PATIENCE, now, |who| late.push(who));
        assert_eq!(next, Some(110));
        assert!(late.iter().all(|at| *at < 105), "{late:?}");
        assert!(line.len() <= 5);
    }

    #[test]
    fn those_without_use_are_told_and_do_not_get_the_place() {
        let start = crate::resilience::origin();
        let mut line = Line::new();
        line.join("late", Some(start + ms(3)), start);
        line.join("left", None, start);
        let number = line.join("left too", None, start);
        line.join("served", None, start + ms(1));
        assert_eq!(line.leave(1), Some("left"));
        assert_eq!(line.leave(number), Some("left too"));
        assert_eq!(line.leave(number), None);
        let mut late = Vec::new();
        let next = line.next(PATIENCE, start + ms(4), |who| late.push(who));
        assert_eq!((next, late), (Some("served"), vec!["late"]));
        assert!(line.is_empty());
    }
}
