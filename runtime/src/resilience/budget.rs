//! What further tries may cost: a share of the calls that there are.
//!
//! Pure: the number of calls and the time are handed in, and nothing is kept per call.

use std::time::Duration;

use crate::governance::Share;

/// How long what was earned may be spent. 5 s: the failures of a restart find retries, those of an outage soon do not.
const MEMORY: Duration = Duration::from_secs(5);

/// What a retry costs, less what sums of fractions lose.
const ONE: f64 = 1.0 - 1e-9;

/// The most second calls that may be saved up: a burst of slow answers is hedged, a slow minute is not.
const SAVED: f64 = 10.0;

/// The retries of one client and service: a share of its calls and a floor per second, forgotten with time.
///
/// What was earned fades with the time constant [`MEMORY`], so that the bucket needs no size: it holds what the last seconds
/// have earned, and a client that is idle holds its floor of as many seconds.
#[derive(Debug)]
pub(crate) struct Budget {
    /// None before the first look: as much as one that was idle for long has.
    tokens: Option<f64>,
    /// When it was looked at last, and how many calls there had been.
    seen: (Duration, u64),
}

/// What is earned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Earnings {
    /// Retries per call.
    pub(crate) share: Share,
    /// Retries per second besides.
    pub(crate) floor: u32,
}

impl Budget {
    /// For calls from `now` on.
    pub(crate) fn new(now: Duration) -> Self {
        Self {
            tokens: None,
            seen: (now, 0),
        }
    }

    /// Takes one retry, if there is one: `calls` is how many calls there have ever been.
    pub(crate) fn take(&mut self, earnings: Earnings, calls: u64, now: Duration) -> bool {
        let tokens = self.earn(earnings, calls, now);
        let enough = *tokens >= ONE;
        if enough {
            *tokens -= 1.0;
        }
        enough
    }

    /// How many retries are left, as of the last look.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "never below 0; what is beyond u32 is cut to it"
    )]
    pub(crate) fn left(&self) -> u32 {
        (self.tokens.unwrap_or_default() + (1.0 - ONE)) as u32
    }

    fn earn(&mut self, earnings: Earnings, calls: u64, now: Duration) -> &mut f64 {
        let memory = MEMORY.as_secs_f64();
        let floor = f64::from(earnings.floor);
        let tokens = self.tokens.get_or_insert(floor * memory);
        let (at, before) = std::mem::replace(&mut self.seen, (now, calls));
        let earned = earnings.share.part() * count(calls.saturating_sub(before));
        let time = now.saturating_sub(at).as_secs_f64();
        if time > 0.0 {
            // What comes in evenly over `time`, and fades meanwhile.
            let faded = (-time / memory).exp();
            *tokens = *tokens * faded + (earned / time + floor) * memory * (1.0 - faded);
        } else {
            *tokens += earned;
        }
        tokens
    }
}

/// The second calls of one client and service: never more than a share of its calls.
#[derive(Debug, Default)]
pub(crate) struct Allowance {
    tokens: f64,
    seen: u64,
}

impl Allowance {
    /// Takes one, if there is one: `calls` is how many calls there have ever been.
    pub(crate) fn take(&mut self, share: Share, calls: u64) -> bool {
        let new = calls.saturating_sub(std::mem::replace(&mut self.seen, calls));
        self.tokens = (self.tokens + share.part() * count(new)).min(SAVED);
        let enough = self.tokens >= ONE;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }
}

/// A number of calls; what is beyond u32 makes no difference.
fn count(calls: u64) -> f64 {
    f64::from(u32::try_from(calls).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EARNINGS: Earnings = Earnings {
        share: Share::percent(10),
        floor: 3,
    };

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// How many retries there are for a call every `gap` ms during `seconds`, all of which want one.
    fn granted(gap: u64, seconds: u64) -> u64 {
        let mut budget = Budget::new(Duration::ZERO);
        let calls = seconds * 1000 / gap;
        let want = |call| budget.take(EARNINGS, call + 1, millis(call * gap));
        (0..calls).map(want).filter(|granted| *granted).count() as u64
    }

    #[test]
    fn an_idle_client_may_retry_its_first_calls() {
        let mut budget = Budget::new(Duration::ZERO);
        let granted = (1..=100).filter(|calls| budget.take(EARNINGS, *calls, millis(0)));
        // 3 per second for 5 s, and a tenth of the calls.
        assert_eq!(granted.count(), 15 + 10);
    }

    #[test]
    fn retries_are_a_share_of_the_calls_and_a_floor_in_the_long_run() {
        // A minute of 1000 calls per second: 10 % and 3 per second, and what 5 s of idling had left.
        let granted_busy = granted(1, 60);
        assert!((6_100..=6_220).contains(&granted_busy), "{granted_busy}");
        // A call per second: all of them.
        assert_eq!(granted(1_000, 60), 60);
    }

    #[test]
    fn what_was_earned_fades() {
        let mut budget = Budget::new(Duration::ZERO);
        budget.earn(EARNINGS, 0, millis(0));
        budget.earn(EARNINGS, 100_000, millis(1_000));
        assert!(budget.left() > 5_000);
        // A quarter of an hour later only the floor is left, however much there was.
        budget.earn(EARNINGS, 100_000, millis(900_000));
        assert!((14..=15).contains(&budget.left()), "{}", budget.left());
    }

    #[test]
    fn how_often_it_is_looked_at_makes_no_difference() {
        let look = |gap: u64| {
            let mut budget = Budget::new(Duration::ZERO);
            for at in (0..=10_000).step_by(usize::try_from(gap).unwrap()) {
                budget.earn(EARNINGS, at, millis(at));
            }
            budget.tokens.unwrap()
        };
        assert!((look(1) - look(1_000)).abs() < 0.1 * look(1));
    }

    #[test]
    fn second_calls_are_never_more_than_their_share() {
        let mut allowance = Allowance::default();
        let share = Share::percent(5);
        let mut taken = 0;
        for calls in 1..=10_000 {
            taken += u64::from(allowance.take(share, calls));
            assert!(taken * 20 <= calls, "{taken} of {calls}");
        }
        assert!((499..=500).contains(&taken), "{taken}");
    }

    #[test]
    fn second_calls_are_not_saved_up_for_ever() {
        let mut allowance = Allowance::default();
        let share = Share::percent(5);
        let granted = (0..100).filter(|_| allowance.take(share, 1_000_000));
        assert_eq!(granted.count(), 10);
    }
}
