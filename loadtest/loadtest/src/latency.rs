//! Owns latencies: histograms with three digits, over a whole run and for each of its seconds.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Longest latency that is told apart, in microseconds: an hour.
const MICROS_MAX: u64 = 3_600_000_000;
/// Digits that are kept.
const DIGITS: u8 = 3;

/// What is said of many latencies, in milliseconds.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Percentiles {
    /// How many there were.
    pub count: u64,
    /// Half were shorter.
    pub p50: f64,
    /// 9 of 10 were shorter.
    pub p90: f64,
    /// 95 of 100.
    pub p95: f64,
    /// 99 of 100.
    pub p99: f64,
    /// 999 of 1,000.
    pub p999: f64,
    /// The longest.
    pub max: f64,
}

/// Latencies.
#[derive(Clone, Debug)]
pub struct Latencies {
    all: Histogram<u64>,
    by_second: BTreeMap<u64, Histogram<u64>>,
}

impl Latencies {
    /// None yet.
    ///
    /// # Errors
    /// Never with these borders.
    pub fn new() -> Result<Self> {
        Ok(Self {
            all: histogram()?,
            by_second: BTreeMap::new(),
        })
    }

    /// Notes one; `at` is when it began, counted from the begin of the run.
    ///
    /// # Errors
    /// Never with these borders.
    pub fn note(&mut self, at: Duration, latency: Duration) -> Result<()> {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(MICROS_MAX);
        let micros = micros.min(MICROS_MAX);
        self.all.record(micros).context("note a latency")?;
        let second = match self.by_second.entry(at.as_secs()) {
            std::collections::btree_map::Entry::Occupied(there) => there.into_mut(),
            std::collections::btree_map::Entry::Vacant(empty) => empty.insert(histogram()?),
        };
        second.record(micros).context("note a latency")
    }

    /// What is said of all.
    pub fn all(&self) -> Percentiles {
        percentiles(&self.all)
    }

    /// What is said of those that began within these seconds.
    ///
    /// # Errors
    /// Never with these borders.
    pub fn within(&self, seconds: std::ops::Range<u64>) -> Result<Percentiles> {
        let mut sum = histogram()?;
        for histogram in self
            .by_second
            .range(seconds)
            .map(|(_, histogram)| histogram)
        {
            sum.add(histogram).context("add up histograms")?;
        }
        Ok(percentiles(&sum))
    }

    /// The same for each second that has any.
    pub fn by_second(&self) -> Vec<(u64, Percentiles)> {
        let seconds = self.by_second.iter();
        seconds
            .map(|(second, histogram)| (*second, percentiles(histogram)))
            .collect()
    }
}

fn histogram() -> Result<Histogram<u64>> {
    let mut histogram = Histogram::new(DIGITS).context("make a histogram")?;
    histogram.auto(true);
    Ok(histogram)
}

fn percentiles(histogram: &Histogram<u64>) -> Percentiles {
    let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1_000.0;
    Percentiles {
        count: histogram.len(),
        p50: at(0.5),
        p90: at(0.9),
        p95: at(0.95),
        p99: at(0.99),
        p999: at(0.999),
        max: histogram.max() as f64 / 1_000.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_what_was_noted() {
        let mut latencies = Latencies::new().unwrap();
        for number in 1..=1_000_u64 {
            let at = Duration::from_millis(number * 2);
            latencies.note(at, Duration::from_millis(number)).unwrap();
        }
        let all = latencies.all();
        assert_eq!(all.count, 1_000);
        for (value, wanted) in [
            (all.p50, 500.0),
            (all.p95, 950.0),
            (all.p99, 990.0),
            (all.max, 1000.0),
        ] {
            assert!(
                (value - wanted).abs() <= wanted / 500.0,
                "{value} is not {wanted}"
            );
        }
        let seconds = latencies.by_second();
        assert_eq!(
            seconds
                .iter()
                .map(|(second, _)| *second)
                .collect::<Vec<_>>(),
            [0, 1, 2]
        );
        assert_eq!(latencies.within(0..1).unwrap().count, 499);
        assert_eq!(latencies.within(0..9).unwrap().count, 1_000);
    }
}
