//! Latencies, counted in buckets of at most 1.6 % of their value.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Buckets that each doubling of the value has, as a power of two.
const FINENESS: u32 = 6;
const PER_OCTAVE: u64 = 1 << FINENESS;
/// Up to 2^42 ns, more than an hour.
const OCTAVES: u64 = 42 - FINENESS as u64 + 1;

/// A count that one thread adds to, and others read.
///
/// Adding is no atomic operation: the caller's runtime has one worker, so nobody contends.
#[derive(Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    #[inline]
    pub(crate) fn add(&self) {
        self.0.store(self.read() + 1, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How often each latency occurred.
pub(crate) struct Histogram {
    buckets: Vec<Count>,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        let buckets = (0..OCTAVES * PER_OCTAVE).map(|_| Count::default());
        Self {
            buckets: buckets.collect(),
        }
    }

    pub(crate) fn record(&self, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.buckets[bucket(nanos).min(self.buckets.len() - 1)].add();
    }

    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().map(Count::read).sum()
    }

    /// The latency that so much of all (0.0 to 1.0) does not exceed, in microseconds; 0 when there is none.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "counts are far below 2^52"
        )]
        let rank = ((self.count() as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (at, count) in self.buckets.iter().enumerate() {
            seen += count.read();
            if seen >= rank {
                return micros(highest(at as u64));
            }
        }
        0.0
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1000.0
}

/// The bucket of a value: the octave of its highest bit, then the bits below that one.
fn bucket(nanos: u64) -> usize {
    let index = match nanos.checked_ilog2() {
        Some(bits) if bits >= FINENESS => {
            let octave = u64::from(bits - FINENESS);
            PER_OCTAVE * octave + (nanos >> octave)
        }
        _ => nanos,
    };
    usize::try_from(index).unwrap_or(usize::MAX)
}

/// The highest value of a bucket.
fn highest(bucket: u64) -> u64 {
    let octave = (bucket / PER_OCTAVE).saturating_sub(1);
    ((bucket - PER_OCTAVE * octave + 1) << octave) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_ends_within_a_sixtieth_of_each_of_its_values() {
        let buckets = Histogram::new().buckets.len();
        let mut before = 0;
        for nanos in (0..100_000).chain((17..41).map(|bits| (1 << bits) + 12_345)) {
            let at = bucket(nanos);
            assert!(at >= before && at < buckets, "{nanos}");
            before = at;
            let highest = highest(at as u64);
            assert!(
                highest >= nanos && (highest - nanos) * 60 <= nanos,
                "{nanos}: {highest}"
            );
        }
    }

    #[test]
    fn quantile_is_the_latency_that_so_many_calls_kept() {
        let histogram = Histogram::new();
        for micros in 1..=1000 {
            histogram.record(Duration::from_micros(micros));
        }
        assert_eq!(histogram.count(), 1000);
        for (share, micros) in [(0.5, 500.0), (0.99, 990.0), (0.999, 999.0)] {
            let measured = histogram.quantile(share);
            assert!(
                (measured / micros - 1.0).abs() < 0.02,
                "{share}: {measured}"
            );
        }
    }

    #[test]
    fn latency_beyond_the_last_bucket_is_counted_in_it() {
        let histogram = Histogram::new();
        histogram.record(Duration::from_secs(100_000));
        assert_eq!(histogram.count(), 1);
    }
}
