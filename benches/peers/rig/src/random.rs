//! Numbers drawn from a seed, so that each run has the same arrivals.

/// `SplitMix64` (Steele, Lea, Flood 2014).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// That of a caller by its number: no two have the same.
    pub(crate) fn of(seed: u64, caller: usize) -> Self {
        let mut first = Self(seed ^ ((caller as u64 + 1) << 32));
        Self(first.next())
    }

    #[inline]
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// Between 0 (excluded) and 1.
    #[expect(clippy::cast_precision_loss, reason = "only 53 bits are left")]
    fn share(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// How many events of a Poisson process happen where `mean` are expected: counts exponential waits.
    pub(crate) fn poisson(&mut self, mean: f64) -> usize {
        let (mut events, mut waited) = (0, -self.share().ln());
        while waited < mean {
            events += 1;
            waited -= self.share().ln();
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_have_the_mean_and_the_variance_of_a_poisson_process() {
        let mut random = Random::new(7);
        let drawn: Vec<f64> = (0..20_000)
            .map(|_| f64::from(u32::try_from(random.poisson(20.0)).unwrap()))
            .collect();
        let mean = drawn.iter().sum::<f64>() / 20_000.0;
        let variance = drawn.iter().map(|n| (n - mean).powi(2)).sum::<f64>() / 20_000.0;
        assert!((mean - 20.0).abs() < 0.2, "{mean}");
        assert!((variance - 20.0).abs() < 1.0, "{variance}");
    }
}
