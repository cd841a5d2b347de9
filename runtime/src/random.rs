//! Randomness that a seed decides: choices of balancers, jitter of pauses, names of instances.
//!
//! Not for secrets. Knows no clock.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// Steps of the counter: 2^64 divided by the golden ratio, so that any run of steps is spread evenly.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// A generator that threads may share: a counter and the finalizer of `SplitMix64` (Steele, Lea, Flood 2014), chosen
/// because one atomic addition is its whole state.
#[derive(Debug)]
pub(crate) struct Random(AtomicU64);

impl Random {
    /// The sequence that `seed` decides.
    pub(crate) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// Begins the sequence that `seed` decides.
    #[cfg(feature = "tracing")]
    pub(crate) fn reseed(&self, seed: u64) {
        self.0.store(seed, Ordering::Relaxed);
    }

    /// The next 64 bits.
    pub(crate) fn bits(&self) -> u64 {
        mix(self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP))
    }

    /// A number of [0, 1).
    pub(crate) fn unit(&self) -> f64 {
        unit(self.bits())
    }
}

/// The finalizer: every bit of the input moves half of the output's.
pub(crate) fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// `bits` scaled to a number below `bound` (0 when that is 0), by multiplication; the bias is below 2^-32 for any bound we meet.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the product shifted by 64 is below `bound`"
)]
pub(crate) fn scale(bits: u64, bound: usize) -> usize {
    ((u128::from(bits) * bound as u128) >> 64) as usize
}

/// `bits` scaled to [0, 1).
#[expect(
    clippy::cast_precision_loss,
    reason = "53 bits are what an f64 holds exactly"
)]
pub(crate) fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// A seed that differs from process to process and from call to call.
///
/// The standard library's hasher keys come from the operating system; that spares a dependency.
pub(crate) fn seed() -> u64 {
    #[cfg(feature = "testing")]
    if let Some(seed) = decided() {
        return seed;
    }
    RandomState::new().build_hasher().finish()
}

#[cfg(feature = "testing")]
thread_local! {
    /// What decides the seeds of this thread, where a test does.
    static DECIDED: std::cell::RefCell<Option<Random>> = const { std::cell::RefCell::new(None) };
}

#[cfg(feature = "testing")]
fn decided() -> Option<u64> {
    let decided = DECIDED.try_with(|random| random.borrow().as_ref().map(Random::bits));
    decided.ok().flatten()
}

/// Has `seed` decide all that is left to chance by whatever is made on this thread, until the guard is dropped: choices of
/// balancers, jitter of pauses, names of instances. With a runtime of one thread and paused time a test then goes the same way
/// each time.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let _seeded = callsheet::testing::seeded(7);
/// // Clients and servers that are made from here on.
/// # }
/// ```
#[cfg(feature = "testing")]
#[must_use = "chance is decided until the guard is dropped"]
pub fn seeded(seed: u64) -> Seeded {
    let before = DECIDED.with(|random| random.replace(Some(Random::new(seed))));
    Seeded {
        before,
        thread: std::marker::PhantomData,
    }
}

/// Gives chance back when it is dropped: see [`seeded`].
#[cfg(feature = "testing")]
#[derive(Debug)]
pub struct Seeded {
    before: Option<Random>,
    /// It belongs to its thread.
    thread: std::marker::PhantomData<*const ()>,
}

#[cfg(feature = "testing")]
impl Drop for Seeded {
    fn drop(&mut self) {
        let before = self.before.take();
        // A thread that ends makes nothing any more.
        let _ = DECIDED.try_with(|random| random.replace(before));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_the_sequence() {
        let take = |seed| {
            let random = Random::new(seed);
            [(); 4].map(|()| random.bits())
        };
        assert_eq!(take(7), take(7));
        assert_ne!(take(7), take(8));
    }

    #[test]
    fn numbers_stay_below_their_bound_and_reach_all_of_it() {
        let random = Random::new(1);
        let mut seen = [0_u32; 7];
        for _ in 0..7_000 {
            seen[scale(random.bits(), 7)] += 1;
        }
        assert!(
            seen.iter().all(|&count| (850..1_150).contains(&count)),
            "{seen:?}"
        );
        assert_eq!(scale(random.bits(), 0), 0);
        assert!((0..1_000).all(|_| (0.0..1.0).contains(&random.unit())));
    }

    #[cfg(feature = "testing")]
    #[test]
    fn a_test_decides_the_seeds_of_its_thread_for_as_long_as_it_likes() {
        let take = |number| {
            let _seeded = seeded(number);
            [seed(), seed()]
        };
        let first = take(7);
        assert_ne!(first[0], first[1]);
        assert_eq!(first, take(7));
        assert_ne!(first, take(8));
        let _outer = seeded(7);
        take(9);
        assert_eq!(first, [seed(), seed()], "the outer one goes on");
    }

    #[test]
    fn seeds_differ() {
        assert_ne!(seed(), seed());
    }
}
