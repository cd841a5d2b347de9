//! Keeps calls from servers that turn them away for load (Google SRE, chapter 21, "client-side throttling").
//!
//! ```text
//!                 calls - ratio * taken
//!   max( 0 ,     ───────────────────────  )      is the chance that a call is refused here
//!                        calls + 1
//! ```
//!
//! Pure: the number of calls and the time are handed in, and nothing is kept per call that goes well.

use std::time::Duration;

/// Slots of the window.
const SLOTS: usize = 8;

/// The length of a slot. The window, 2 s, is short enough that all calls go through 5 s after an overload, and long enough
/// to see a share.
const SLOT: Duration = Duration::from_millis(250);

/// The largest chance: a tenth of the calls always asks, so that the end of an overload is noticed.
const MOST: f64 = 0.9;

/// Below this many refusals in the window nothing is kept back: so few calls do not overload anybody.
const LEAST: u64 = 10;

/// The calls of one client and service that were tried lately, and how many were turned away for load.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    slots: [Slot; SLOTS],
    /// How many calls there had been at the last look.
    seen: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// Counted from the beginning of time.
    number: u64,
    calls: u64,
    refused: u64,
}

impl Throttle {
    /// A call was turned away for load, here or by its server: `calls` is how many there have ever been.
    pub(crate) fn refused(&mut self, calls: u64, now: Duration) {
        self.slot(calls, now).refused += 1;
    }

    /// The chance that the next call is refused here.
    pub(crate) fn chance(&mut self, ratio: u32, calls: u64, now: Duration) -> f64 {
        let current = self.slot(calls, now).number;
        let (mut calls, mut refused) = (0, 0);
        for slot in self.window(current) {
            calls += slot.calls;
            refused += slot.refused;
        }
        if refused < LEAST {
            return 0.0;
        }
        let taken = calls.saturating_sub(refused);
        let surplus = calls.saturating_sub(taken.saturating_mul(ratio.into()));
        (small(surplus) / (small(calls) + 1.0)).min(MOST)
    }

    /// Whether so many calls of the window were turned away that some may be refused here.
    pub(crate) fn is_wary(&self, now: Duration) -> bool {
        let slots = self.window(number(now));
        slots.map(|slot| slot.refused).sum::<u64>() >= LEAST
    }

    fn window(&self, current: u64) -> impl Iterator<Item = &Slot> {
        let in_window = move |slot: &&Slot| current.saturating_sub(slot.number) < SLOTS as u64;
        self.slots.iter().filter(in_window)
    }

    /// The slot of this moment, the calls since the last look in it.
    fn slot(&mut self, calls: u64, now: Duration) -> &mut Slot {
        let number = number(now);
        let before = self.seen.replace(calls);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the remainder is below SLOTS"
        )]
        let slot = &mut self.slots[(number % SLOTS as u64) as usize];
        if slot.number < number {
            *slot = Slot {
                number,
                ..Slot::default()
            };
        }
        // Before the first refusal nobody looked: of what came then, this one call counts.
        slot.calls += before.map_or(1, |before| calls.saturating_sub(before));
        slot
    }
}

/// The number of the slot of a moment.
fn number(now: Duration) -> u64 {
    u64::try_from(now.as_millis() / SLOT.as_millis()).unwrap_or(u64::MAX)
}

fn small(calls: u64) -> f64 {
    f64::from(u32::try_from(calls).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// Offers a call every millisecond from `from` to `to` ms to a server that takes `capacity` in 10 ms. Gives how many
    /// were sent.
    fn offer(throttle: &mut Throttle, random: &Random, from: u64, to: u64, capacity: u64) -> u64 {
        let (mut sent, mut taken) = (0, 0);
        for at in from..to {
            let now = Duration::from_millis(at);
            let calls = at + 1;
            if at % 10 == 0 {
                taken = 0;
            }
            if random.unit() < throttle.chance(2, calls, now) {
                throttle.refused(calls, now);
                continue;
            }
            sent += 1;
            taken += 1;
            if taken > capacity {
                throttle.refused(calls, now);
            }
        }
        sent
    }

    #[test]
    fn an_overloaded_server_gets_about_twice_what_it_takes() {
        let (mut throttle, random) = (Throttle::default(), Random::new(1));
        offer(&mut throttle, &random, 0, 10_000, 2);
        let sent = offer(&mut throttle, &random, 10_000, 20_000, 2);
        assert!((2_500..=4_500).contains(&sent), "{sent}");
    }

    #[test]
    fn all_calls_go_through_again_five_seconds_after_an_outage() {
        let (mut throttle, random) = (Throttle::default(), Random::new(2));
        offer(&mut throttle, &random, 0, 10_000, 0);
        let sent = offer(&mut throttle, &random, 10_000, 20_000, 0);
        assert!((900..=1_100).contains(&sent), "{sent}");
        offer(&mut throttle, &random, 20_000, 25_000, 10);
        assert_eq!(offer(&mut throttle, &random, 25_000, 26_000, 10), 1_000);
    }

    #[test]
    fn a_server_that_takes_more_than_half_of_the_calls_is_left_alone() {
        let (mut throttle, random) = (Throttle::default(), Random::new(3));
        let sent = offer(&mut throttle, &random, 0, 10_000, 6);
        assert!(sent > 9_950, "{sent}");
    }

    #[test]
    fn a_few_refusals_keep_nothing_back() {
        let mut throttle = Throttle::default();
        for calls in 1..LEAST {
            throttle.refused(calls, Duration::ZERO);
            assert!(throttle.chance(2, calls, Duration::ZERO) <= 0.0);
        }
        throttle.refused(LEAST, Duration::ZERO);
        assert!(throttle.chance(2, LEAST, Duration::ZERO) > 0.5);
    }
}
