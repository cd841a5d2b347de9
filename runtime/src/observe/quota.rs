//! How many lines a log gets in a second. Pure: the moment is an argument.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The span in which lines are counted.
const SPAN: Duration = Duration::from_secs(1);

/// So many lines in a second.
#[derive(Debug)]
pub(super) struct Quota {
    limit: u32,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    began: Option<Instant>,
    written: u32,
    left_out: u64,
}

/// What is to become of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// It is written; so many before it were not.
    Written { left_out: u64 },
    /// It is not.
    LeftOut,
}

impl Quota {
    pub(super) fn new(limit: u32) -> Self {
        Self {
            limit,
            state: Mutex::default(),
        }
    }

    /// A line is to be written at `now`.
    pub(super) fn take(&self, now: Instant) -> Line {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let began = *state.began.get_or_insert(now);
        let mut left_out = 0;
        if now.saturating_duration_since(began) >= SPAN {
            left_out = state.left_out;
            *state = State {
                began: Some(now),
                ..State::default()
            };
        }
        if state.written < self.limit {
            state.written += 1;
            Line::Written { left_out }
        } else {
            state.left_out += 1 + left_out;
            Line::LeftOut
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_left_out_is_told_by_the_next_line() {
        let quota = Quota::new(2);
        let now = Instant::now();
        assert_eq!(quota.take(now), Line::Written { left_out: 0 });
        assert_eq!(quota.take(now), Line::Written { left_out: 0 });
        for _ in 0..5 {
            assert_eq!(quota.take(now), Line::LeftOut);
        }
        assert_eq!(quota.take(now + SPAN), Line::Written { left_out: 5 });
        assert_eq!(quota.take(now + SPAN), Line::Written { left_out: 0 });
    }
}
