//! What a load prints: a line per case, `CASE<tab>name=value<tab>…`, or `CASE<tab>failed=why`.

use std::fmt;

use crate::histogram::Histogram;

/// The figures of one case.
#[derive(Default)]
pub(crate) struct Row {
    figures: Vec<(&'static str, f64)>,
}

impl Row {
    pub(crate) fn with(mut self, name: &'static str, value: f64) -> Self {
        self.figures.push((name, value));
        self
    }

    pub(crate) fn with_latencies(self, latencies: &Histogram) -> Self {
        self.with("p50_us", latencies.quantile(0.5))
            .with("p99_us", latencies.quantile(0.99))
            .with("p999_us", latencies.quantile(0.999))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.figures {
            write!(formatter, "\t{name}={value:.3}")?;
        }
        Ok(())
    }
}
