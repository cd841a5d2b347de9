//! Slow start: the share of an instance that is new to a client grows from little to all of it.

use std::time::Duration;

/// How long an instance warms up unless told otherwise: long enough to open connections, fill caches and compile what is
/// compiled lazily, short enough that a rolling restart of a fleet is not held up. (Envoy has no default, its users
/// mostly set 30 s to 60 s; Dubbo's 10 min, made for virtual machines that compile while they run, make every scale-out late.)
pub(crate) const WARM_UP: Duration = Duration::from_secs(10);

/// The parts that a weight has while somebody warms up, so that a tenth of 1 is not 0.
const GRAIN: u32 = 256;

/// What a new instance starts with: a tenth, as Envoy's. It is used at once, and little enough depends on it.
const FIRST: u32 = GRAIN / 10;

/// In how many steps a weight grows: one more or less is a twentieth of the share of one instance.
const STEPS: u32 = 20;

/// How weights grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ramp {
    over: Duration,
}

impl Ramp {
    /// Grows over this long; not at all if it is zero.
    pub(crate) const fn new(over: Duration) -> Self {
        Self { over }
    }

    /// Whether an instance that joined so long ago still warms up.
    pub(crate) fn is_on(self, age: Duration) -> bool {
        age < self.over
    }

    /// The weight of an instance that joined so long ago, in [`GRAIN`]s: for lists in which somebody warms up.
    pub(crate) fn weight(self, weight: u32, age: Option<Duration>) -> u32 {
        let part = match age {
            Some(age) if self.is_on(age) => {
                let part = age.as_nanos() * u128::from(GRAIN) / self.over.as_nanos();
                u32::try_from(part).unwrap_or(GRAIN).max(FIRST)
            }
            _ => GRAIN,
        };
        weight.saturating_mul(part)
    }

    /// The weight in [`GRAIN`]s that it will have.
    pub(crate) fn full_weight(weight: u32) -> u32 {
        weight.saturating_mul(GRAIN)
    }

    /// When weights are to be looked at again if somebody warms up at `now`. All instances step together, so that lists
    /// are made anew at most [`STEPS`] times per warm-up however many instances join.
    pub(crate) fn next_step(self, now: Duration) -> Duration {
        // Not so often that making lists is all that is done.
        let step = (self.over / STEPS).max(Duration::from_millis(1)).as_nanos();
        let next = (now.as_nanos() / step + 1) * step;
        Duration::from_nanos(u64::try_from(next).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const RAMP: Ramp = Ramp::new(WARM_UP);

    fn share(weight: u32, age: Duration) -> f64 {
        f64::from(RAMP.weight(weight, Some(age))) / f64::from(RAMP.weight(weight, None))
    }

    #[test]
    fn a_new_instance_grows_from_a_tenth_of_its_weight_to_all_of_it() {
        for weight in [1, 100, 1_000_000] {
            assert!((share(weight, Duration::ZERO) - 0.1).abs() < 0.003);
            assert!((share(weight, SECOND) - 0.1).abs() < 0.003);
            assert!((share(weight, 5 * SECOND) - 0.5).abs() < 0.005);
            assert!((share(weight, 10 * SECOND) - 1.0).abs() < f64::EPSILON);
            let grown = (0..=10).map(|second| RAMP.weight(weight, Some(second * SECOND)));
            assert!(grown.is_sorted());
        }
        assert_eq!(RAMP.weight(0, Some(SECOND)), 0, "weight 0 stays 0");
    }

    #[test]
    fn without_a_warm_up_weights_are_whole_at_once() {
        let off = Ramp::new(Duration::ZERO);
        assert!(!off.is_on(Duration::ZERO));
        assert_eq!(off.weight(7, Some(Duration::ZERO)), Ramp::full_weight(7));
    }

    #[test]
    fn instances_that_join_at_different_times_step_together() {
        let step = RAMP.next_step(Duration::from_millis(10_200));
        assert_eq!(step, Duration::from_millis(10_500));
        assert_eq!(RAMP.next_step(Duration::from_millis(10_499)), step);
        assert_eq!(RAMP.next_step(step), step + SECOND / 2);
    }
}
