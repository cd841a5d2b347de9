//! Who waits for a place, and who of them gets it.
//!
//! A line that was empty a moment ago is a burst: first come, first served. One that has hardly been empty for long is overload:
//! whoever waited longest has the least time left, and so the last to come is served first, nobody waits for longer than
//! a quarter of the time, and where the line is full the first to come makes way. That is controlled delay with an adaptive LIFO (Nichols and Jacobson's `CoDel`, in the form that
//! Facebook gave it for servers: "Fail at Scale", ACM Queue 2015).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A line that was there for this long is no burst. 100 ms, `CoDel`'s interval: a round trip around the world.
const BURST: Duration = Duration::from_millis(100);

/// What counts of the time for which it was there, at most: the end of an overload is seen after a fiftieth of a second.
const LONGEST: Duration = Duration::from_millis(200);

/// How much of that an empty line takes back, for each moment that it is empty. Places that come free at the same time empty a
/// line for an instant, however many come behind.
const FORGETS: u32 = 10;

/// The part of the time that is waited then.
const SHORTER: u32 = 4;

/// Waiting ones, in the order in which they came.
#[derive(Debug)]
pub(crate) struct Line<T> {
    waiting: VecDeque<Waiting<T>>,
    /// For how long it was there, when it last was empty or ceased to be.
    stood: Duration,
    /// When that was.
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
            stood: Duration::ZERO,
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
        if self.waiting.is_empty() {
            let empty = self.since.map(|since| now.saturating_duration_since(since));
            let forgotten = empty.unwrap_or(LONGEST).min(LONGEST) * FORGETS;
            self.stood = self.stood.saturating_sub(forgotten);
            self.since = Some(now);
        }
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
    pub(crate) fn leave(&mut self, number: u64, now: Instant) -> Option<T> {
        let at = self.waiting.binary_search_by_key(&number, |one| one.number);
        let stood = self.stood(now);
        let left = self.waiting.remove(at.ok()?);
        self.settle(stood, now);
        left.map(|one| one.who)
    }

    /// Who makes way for one more, if anybody has to.
    pub(crate) fn make_way(&mut self, now: Instant) -> Option<T> {
        let stood = self.stood(now);
        if stood <= BURST {
            return None;
        }
        let first = self.waiting.pop_front();
        self.settle(stood, now);
        first.map(|one| one.who)
    }

    /// Who is next, where nobody waits for longer than `patience`; `late` is told who has.
    pub(crate) fn next(
        &mut self,
        patience: Duration,
        now: Instant,
        mut late: impl FnMut(T),
    ) -> Option<T> {
        if self.waiting.is_empty() {
            return None;
        }
        let stood = self.stood(now);
        let overloaded = stood > BURST;
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
        self.settle(stood, now);
        next.map(|one| one.who)
    }

    /// For how long it has been there, as far as that counts.
    fn stood(&self, now: Instant) -> Duration {
        let since = self.since.filter(|_| !self.waiting.is_empty());
        let more = since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        (self.stood + more).min(LONGEST)
    }

    fn settle(&mut self, stood: Duration, now: Instant) {
        if self.waiting.is_empty() {
            (self.stood, self.since) = (stood, Some(now));
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
        assert_eq!(line.leave(1, start), Some("left"));
        assert_eq!(line.leave(number, start), Some("left too"));
        assert_eq!(line.leave(number, start), None);
        let mut late = Vec::new();
        let next = line.next(PATIENCE, start + ms(4), |who| late.push(who));
        assert_eq!((next, late), (Some("served"), vec!["late"]));
        assert!(line.is_empty());
    }

    #[test]
    fn a_line_that_is_empty_for_an_instant_is_still_there() {
        let start = crate::resilience::origin();
        let mut line = Line::new();
        let mut serve = |from: u64, gap: u64| {
            // Two come, both are served 9 ms later, and the next come after the gap.
            for round in 0..20 {
                let now = start + ms(from + round * (9 + gap));
                line.join("first", None, now);
                line.join("second", None, now);
                let mut next = || line.next(PATIENCE * 10, now + ms(9), |_| {});
                let served = (next(), next());
                if round == 19 {
                    return (served, line.make_way(now + ms(9)));
                }
            }
            unreachable!()
        };
        assert_eq!(serve(0, 0), ((Some("second"), Some("first")), None));
        // A tenth of the time without anybody makes bursts of it.
        assert_eq!(serve(1_000, 1), ((Some("first"), Some("second")), None));
    }

    #[test]
    fn in_a_full_line_the_first_makes_way_unless_it_is_a_burst() {
        let start = crate::resilience::origin();
        let mut line = Line::new();
        line.join("first", None, start);
        line.join("second", None, start + ms(50));
        assert_eq!(line.make_way(start + BURST), None);
        assert_eq!(line.make_way(start + BURST + ms(1)), Some("first"));
        assert_eq!(line.len(), 1);
    }
}
