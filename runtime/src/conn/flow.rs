//! Bounds kept by counting: windows in bytes, and allowances in events.

use std::time::{Duration, Instant};

/// What a peer may send before it has to wait.
#[derive(Debug)]
pub(super) struct Window {
    size: usize,
    /// What the peer may still send.
    open: usize,
    /// What is consumed and not yet given back.
    owed: usize,
    /// More than half of it was in use at once since it was widened last.
    scarce: bool,
}

impl Window {
    pub(super) fn new(size: usize) -> Self {
        Self {
            size,
            open: size,
            owed: 0,
            scarce: false,
        }
    }

    /// Takes what has arrived.
    ///
    /// # Errors
    /// How much was sent beyond the window.
    pub(super) fn take(&mut self, cost: usize) -> Result<(), usize> {
        if cost > self.open {
            return Err(cost - self.open);
        }
        self.open -= cost;
        self.scarce |= self.open < self.size / 2;
        Ok(())
    }

    /// Gives back what is consumed. From a quarter of the window on it is worth a CREDIT of the returned size: small
    /// enough that a sender which lacks a whole fragment always gets it.
    pub(super) fn give_back(&mut self, cost: usize) -> Option<u64> {
        self.owed += cost;
        debug_assert!(
            self.open + self.owed <= self.size,
            "more given back than taken"
        );
        if self.owed < (self.size / 4).min(256 << 10) {
            return None;
        }
        let growth = std::mem::take(&mut self.owed);
        self.open += growth;
        Some(growth as u64)
    }

    /// Doubles it up to `most`, if it has been scarce; the peer hears of it with what is given back next.
    pub(super) fn widen(&mut self, most: usize) {
        if self.scarce && self.size < most {
            let growth = self.size.min(most - self.size);
            self.size += growth;
            self.owed += growth;
            self.scarce = false;
        }
    }

    /// What the peer may still send.
    pub(super) fn open(&self) -> usize {
        self.open
    }

    /// What it is when nothing is in use.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// What has arrived and is not consumed.
    pub(super) fn held(&self) -> usize {
        self.size - self.open - self.owed
    }
}

/// How often something may happen: so many times at once, and so many more each second.
#[derive(Debug)]
pub(super) struct Allowance {
    left: u32,
    most: u32,
    per_second: u32,
    since: Instant,
}

impl Allowance {
    pub(super) fn new(most: u32, per_second: u32, now: Instant) -> Self {
        Self {
            left: most,
            most,
            per_second,
            since: now,
        }
    }

    /// Whether it may happen now.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        if self.left == self.most {
            self.since = now;
        } else if self.per_second > 0 {
            let pause = Duration::from_secs(1) / self.per_second;
            let passed = now.saturating_duration_since(self.since);
            let earned = passed.as_nanos() / pause.as_nanos();
            if earned > 0 {
                self.since = now;
                self.grow(u32::try_from(earned).unwrap_or(u32::MAX));
            }
        }
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    /// Adds some that were earned.
    pub(super) fn grow(&mut self, by: u32) {
        self.left = self.left.saturating_add(by).min(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_given_back_in_quarters_and_never_exceeded() {
        let mut window = Window::new(100);
        assert_eq!(window.take(60), Ok(()));
        assert_eq!(window.take(50), Err(10));
        assert_eq!((window.open(), window.held()), (40, 60));
        assert_eq!(window.give_back(24), None);
        assert_eq!((window.open(), window.held()), (40, 36));
        assert_eq!(window.give_back(1), Some(25));
        assert_eq!((window.open(), window.held()), (65, 35));
    }

    #[test]
    fn an_allowance_refills_with_time_up_to_its_most() {
        let start = super::super::tests::origin();
        let mut allowance = Allowance::new(3, 10, start);
        assert_eq!((0..5).filter(|_| allowance.take(start)).count(), 3);
        assert!(!allowance.take(start + Duration::from_millis(99)));
        assert!(allowance.take(start + Duration::from_millis(100)));
        assert!(!allowance.take(start + Duration::from_millis(100)));
        let later = start + Duration::from_secs(3600);
        assert_eq!((0..9).filter(|_| allowance.take(later)).count(), 3);
        allowance.grow(2);
        assert_eq!((0..9).filter(|_| allowance.take(later)).count(), 2);
    }
}
