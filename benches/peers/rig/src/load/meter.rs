//! What callers leave behind while they call, and what is read of it from outside.
//!
//! All of it is paid on the core that the system's client needs too, so it is as little as can be: a call adds one to a count,
//! and few calls read the clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::{Window, cpu_seconds, real};
use crate::Result;
use crate::histogram::{Count, Histogram};
use crate::process::Process;
use crate::random::Random;

/// Calls of a window whose latency is taken, unless there are fewer: 25 of them are slower than the 99.9th percentile.
const SAMPLED: u64 = 25_000;

/// What all callers of a window share.
pub(super) struct Meter {
    calls: Count,
    /// Of 2^64 calls so many have their latency taken.
    share: AtomicU64,
    over: AtomicBool,
    pub(super) latencies: Histogram,
}

/// What a window came to.
pub(super) struct Measured {
    pub(super) per_second: f64,
    pub(super) calls: f64,
    /// CPU seconds of the server and of this process.
    pub(super) cpu: [Option<f64>; 2],
}

/// What was seen of a meter at a moment.
struct Sight {
    at: Instant,
    calls: u64,
    cpu: [Option<f64>; 2],
}

impl Meter {
    /// A meter, and the thread that opens and closes its window.
    pub(super) fn start(
        window: Window,
        server: Option<Process>,
    ) -> (Arc<Self>, JoinHandle<Result<Measured>>) {
        let meter = Arc::new(Self {
            calls: Count::default(),
            share: AtomicU64::new(0),
            over: AtomicBool::new(false),
            latencies: Histogram::new(),
        });
        let watched = Arc::clone(&meter);
        (meter, thread::spawn(move || watched.watch(window, server)))
    }

    fn watch(&self, window: Window, server: Option<Process>) -> Result<Measured> {
        let measured = self.watch_window(window, server);
        // Callers end whatever became of it.
        self.over.store(true, Ordering::Relaxed);
        measured
    }

    fn watch_window(&self, window: Window, server: Option<Process>) -> Result<Measured> {
        let see = |at: Instant| -> Result<Sight> {
            thread::sleep(at.saturating_duration_since(Instant::now()));
            Ok(Sight {
                at: Instant::now(),
                calls: self.calls.read(),
                cpu: cpu_seconds(server)?,
            })
        };
        // The second half of the time before the window tells how many calls the window will have.
        let begun = Instant::now();
        let half = see(begun + window.begins.saturating_duration_since(begun) / 2)?;
        let first = see(window.begins)?;
        let rate = real(first.calls - half.calls) / (first.at - half.at).as_secs_f64();
        let expected = rate * (window.ends - window.begins).as_secs_f64();
        self.share.store(share(expected), Ordering::Relaxed);
        let last = see(window.ends)?;
        let calls = real(last.calls - first.calls);
        let used = |at: usize| Some(last.cpu[at]? - first.cpu[at]?);
        Ok(Measured {
            per_second: calls / (last.at - first.at).as_secs_f64(),
            calls,
            cpu: [used(0), used(1)],
        })
    }

    /// When a call begins, if its latency is to be taken: chance alone says so, and says it before the call.
    #[inline]
    pub(super) fn begin(&self, random: &mut Random) -> Option<Instant> {
        let sampled = random.next() < self.share.load(Ordering::Relaxed);
        sampled.then(Instant::now)
    }

    /// A call that so [began](Self::begin) has ended; `false` if it was the caller's last. A call within the window is taken
    /// however long it lasted.
    #[inline]
    pub(super) fn end(&self, began: Option<Instant>) -> bool {
        self.calls.add();
        if let Some(began) = began {
            self.latencies.record(began.elapsed());
        }
        !self.over.load(Ordering::Relaxed)
    }
}

/// The share of so many calls that [`SAMPLED`] is, of 2^64.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "between none and all; a float that is too large becomes the largest integer"
)]
fn share(calls: f64) -> u64 {
    (real(SAMPLED) / calls.max(1.0) * u64::MAX as f64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_gives_each_window_as_many_latencies_and_few_calls_all_of_theirs() {
        assert_eq!(share(0.0), u64::MAX);
        assert_eq!(share(real(SAMPLED)), u64::MAX);
        let share = share(real(SAMPLED) * 10.0);
        let mut random = Random::new(3);
        let sampled = (0..100_000).filter(|_| random.next() < share).count();
        assert!((9_500..10_500).contains(&sampled), "{sampled} of 100000");
    }
}
