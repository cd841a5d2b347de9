//! Calls that wait to be repeated, one at a time.
//!
//! ```text
//!            offer              take, when due              settle
//!   caller ────────▶ waiting ──────────────────▶ under way ────────▶ done, refused
//!                       ▲                            │
//!                       └────────────────────────────┤ failed, behind the others
//!                                                    ▼
//!                                                 given up: too old
//! ```
//!
//! A success lets the next one go at once; a failure holds up all of them, longer each time: what is down is asked by one
//! call now and then, and what is back gets its calls one behind the other.

use std::collections::VecDeque;
use std::time::Duration;

use crate::backoff::Backoff;
use crate::governance::FailbackPolicy;

/// Calls of one method, `T` each. Times count from any fixed moment.
#[derive(Debug)]
pub(crate) struct Repetitions<T> {
    waiting: VecDeque<Waiting<T>>,
    seed: u64,
    /// What is waiting or under way.
    calls: usize,
    bytes: u64,
    pauses: Backoff,
    /// When the next one may go.
    due: Duration,
    /// Whether somebody was told that no more fit, since the last time that one did.
    told: bool,
}

/// A call that waits.
#[derive(Debug)]
pub(crate) struct Waiting<T> {
    pub(crate) call: T,
    cost: u64,
    /// When it is given up.
    until: Duration,
}

/// Why a call cannot wait.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full {
    /// The setting that says so.
    pub(crate) setting: &'static str,
    /// Whether it is the first that is told so.
    pub(crate) news: bool,
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Due<T> {
    /// Repeat this one, and say how it went.
    Now(Waiting<T>),
    /// Nothing before then.
    At(Duration),
    /// Nothing at all.
    Never,
}

impl<T> Repetitions<T> {
    /// Nothing yet; jittered as `seed` decides.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            waiting: VecDeque::new(),
            seed,
            calls: 0,
            bytes: 0,
            pauses: Backoff::new(Duration::ZERO, Duration::ZERO, seed),
            due: Duration::ZERO,
            told: false,
        }
    }

    /// Takes a call of `cost` bytes that failed at `now`. `true` where it is the only one: somebody has to
    /// [take](Self::take) it.
    ///
    /// # Errors
    /// Where as many calls or bytes are waiting as `policy` lets.
    pub(crate) fn offer(
        &mut self,
        call: T,
        cost: u64,
        now: Duration,
        policy: &FailbackPolicy,
    ) -> Result<bool, Full> {
        let setting = if self.calls >= policy.queue_calls as usize {
            Some("failback.queue_calls")
        } else if self.bytes.saturating_add(cost) > policy.queue_bytes {
            Some("failback.queue_bytes")
        } else {
            None
        };
        if let Some(setting) = setting {
            let news = !std::mem::replace(&mut self.told, true);
            return Err(Full { setting, news });
        }
        self.told = false;
        let first = self.calls == 0;
        if first {
            let (first_pause, longest) = (policy.first_pause.0, policy.longest_pause.0);
            self.pauses = Backoff::new(first_pause, longest, self.seed);
            self.due = now + self.pauses.pause();
        }
        let until = now.saturating_add(policy.keep.0);
        self.calls += 1;
        self.bytes += cost;
        self.waiting.push_back(Waiting { call, cost, until });
        Ok(first)
    }

    /// What is to be done at `now`.
    pub(crate) fn take(&mut self, now: Duration) -> Due<T> {
        if self.waiting.is_empty() {
            return Due::Never;
        }
        if now < self.due {
            return Due::At(self.due);
        }
        self.waiting.pop_front().map_or(Due::Never, Due::Now)
    }

    /// The call that was taken needs no repetition any more: it was answered.
    pub(crate) fn settle(&mut self, done: &Waiting<T>, now: Duration) {
        self.calls -= 1;
        self.bytes -= done.cost;
        self.pauses.reset();
        self.due = now;
    }

    /// The call that was taken failed again at `now`, and may be repeated. Given back where it is too old for that.
    pub(crate) fn failed(&mut self, again: Waiting<T>, now: Duration) -> Option<T> {
        self.due = now + self.pauses.pause();
        if self.due <= again.until {
            self.waiting.push_back(again);
            return None;
        }
        self.calls -= 1;
        self.bytes -= again.cost;
        Some(again.call)
    }

    /// How many are waiting or under way.
    pub(crate) fn len(&self) -> usize {
        self.calls
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::governance::Span;

    const SECOND: Duration = Duration::from_secs(1);
    fn queue() -> Repetitions<u32> {
        Repetitions::new(7)
    }

    fn policy() -> FailbackPolicy {
        FailbackPolicy {
            queue_calls: 10,
            queue_bytes: 1_000,
            ..FailbackPolicy::default()
        }
    }

    #[track_caller]
    fn taken(queue: &mut Repetitions<u32>, now: Duration) -> Waiting<u32> {
        match queue.take(now) {
            Due::Now(waiting) => waiting,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_success_lets_the_next_go_at_once_and_a_failure_makes_all_wait() {
        let mut queue = queue();
        for call in 1..=3 {
            let first = queue.offer(call, 10, Duration::ZERO, &policy()).unwrap();
            assert_eq!(first, call == 1);
        }
        let Due::At(due) = queue.take(Duration::ZERO) else {
            panic!("nothing is repeated at once");
        };
        assert!(due >= SECOND / 2 && due <= SECOND, "{due:?}");
        let one = taken(&mut queue, due);
        assert!(queue.failed(one, due).is_none());
        let Due::At(later) = queue.take(due) else {
            panic!("a failure is followed by a pause");
        };
        assert!(later >= due + SECOND && later <= due + SECOND * 2);
        for expect in [2, 3, 1] {
            let next = taken(&mut queue, later);
            assert_eq!(next.call, expect);
            queue.settle(&next, later);
        }
        assert!(matches!(queue.take(later), Due::Never));
        assert_eq!((queue.len(), queue.bytes), (0, 0));
    }

    #[test]
    fn a_call_is_given_up_when_its_next_turn_would_come_too_late() {
        let mut queue = queue();
        let policy = FailbackPolicy {
            keep: Span(SECOND * 9),
            ..policy()
        };
        queue.offer(1, 10, Duration::ZERO, &policy).unwrap();
        let mut now = Duration::ZERO;
        let given_up = loop {
            match queue.take(now) {
                Due::At(due) => now = due,
                Due::Now(waiting) => {
                    if let Some(call) = queue.failed(waiting, now) {
                        break call;
                    }
                }
                Due::Never => panic!("it was lost"),
            }
        };
        assert_eq!(given_up, 1);
        assert!(now <= SECOND * 9, "{now:?}");
        assert_eq!((queue.len(), queue.bytes), (0, 0));
    }

    #[test]
    fn a_queue_says_which_bound_it_has_met_and_once_that_it_is_news() {
        let mut queue = queue();
        let offer = |queue: &mut Repetitions<u32>, cost, policy: FailbackPolicy| {
            queue.offer(0, cost, Duration::ZERO, &policy)
        };
        offer(&mut queue, 400, policy()).unwrap();
        offer(&mut queue, 400, policy()).unwrap();
        let full = offer(&mut queue, 400, policy()).unwrap_err();
        assert_eq!((full.setting, full.news), ("failback.queue_bytes", true));
        assert!(!offer(&mut queue, 400, policy()).unwrap_err().news);
        let two = FailbackPolicy {
            queue_calls: 2,
            ..policy()
        };
        let full = offer(&mut queue, 1, two).unwrap_err();
        assert_eq!((full.setting, full.news), ("failback.queue_calls", false));
        offer(&mut queue, 1, policy()).unwrap();
        assert!(offer(&mut queue, 400, policy()).unwrap_err().news);
    }

    #[test]
    fn what_is_under_way_counts() {
        let mut queue = queue();
        let one = FailbackPolicy {
            queue_calls: 1,
            ..policy()
        };
        queue.offer(1, 10, Duration::ZERO, &one).unwrap();
        let taken = taken(&mut queue, SECOND);
        assert!(queue.offer(2, 10, SECOND, &one).is_err());
        queue.settle(&taken, SECOND);
        assert!(queue.offer(2, 10, SECOND, &one).unwrap());
    }
}
