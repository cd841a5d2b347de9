//! Pauses between tries: they double up to a cap, and jitter keeps a crowd from coming back at once.
//!
//! Says how long to wait; waits for nothing.

use std::time::Duration;

use crate::random::Random;

/// The pauses of one thing that is tried until it works.
#[derive(Debug)]
pub(crate) struct Backoff {
    base: Duration,
    cap: Duration,
    failures: u32,
    random: Random,
}

impl Backoff {
    /// Pauses from `base` to `cap`, jittered as `seed` decides.
    pub(crate) fn new(base: Duration, cap: Duration, seed: u64) -> Self {
        Self {
            base,
            cap,
            failures: 0,
            random: Random::new(seed),
        }
    }

    /// The pause after one more failure: between half and all of `base * 2^failures`, at most `cap`.
    pub(crate) fn pause(&mut self) -> Duration {
        let whole = self
            .base
            .saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX))
            .min(self.cap);
        self.failures = self.failures.saturating_add(1);
        whole.mul_f64(0.5 + self.random.unit() / 2.0)
    }

    /// It worked: the next pause is short again.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_the_cap_and_start_again_after_a_success() {
        let base = Duration::from_millis(100);
        let mut backoff = Backoff::new(base, Duration::from_secs(2), 3);
        for whole in [100, 200, 400, 800, 1_600, 2_000, 2_000] {
            let pause = backoff.pause();
            let whole = Duration::from_millis(whole);
            assert!(
                whole / 2 <= pause && pause <= whole,
                "{pause:?} of {whole:?}"
            );
        }
        for _ in 0..100 {
            assert!(backoff.pause() <= Duration::from_secs(2));
        }
        backoff.reset();
        assert!(backoff.pause() <= base);
    }
}
