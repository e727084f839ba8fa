//! How often something took how long.

/// Counts of what was observed, by upper bounds that never change.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    bounds: &'static [f64],
    /// As many as bounds, each for what is above the bound before; the last one is for what is above all.
    counts: Vec<u64>,
    sum: f64,
}

impl Histogram {
    /// From 5 ms to 10 s: what a check takes, up to the longest timeout that makes sense.
    pub const LATENCY: &'static [f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
    /// From 50 ms, the death of a process that was watched, to a minute.
    pub const FAILOVER: &'static [f64] = &[0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 60.0];

    /// `bounds` grow.
    pub fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, counts: vec![0; bounds.len() + 1], sum: 0.0 }
    }

    /// What is not a number, or below zero, is nothing that can take time.
    pub fn observe(&mut self, value: f64) {
        if !value.is_finite() || value < 0.0 {
            return;
        }
        let at = self.bounds.partition_point(|bound| *bound < value);
        self.counts[at] += 1;
        self.sum += value;
    }

    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// Each bound with how many are not above it; without the last bucket, which is `count`.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let mut below = 0;
        self.bounds.iter().zip(&self.counts).map(move |(bound, count)| {
            below += count;
            (*bound, below)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_has_what_is_not_above_its_bound() {
        let mut histogram = Histogram::new(&[0.1, 1.0, 5.0]);
        for value in [0.0, 0.1, 0.11, 1.0, 5.0, 5.1, 1000.0, -1.0, f64::NAN, f64::INFINITY] {
            histogram.observe(value);
        }
        assert_eq!(histogram.buckets().collect::<Vec<_>>(), [(0.1, 2), (1.0, 4), (5.0, 5)]);
        assert_eq!((histogram.count(), histogram.sum()), (7, 1011.31));
    }

    #[test]
    fn bounds_grow() {
        for bounds in [Histogram::LATENCY, Histogram::FAILOVER] {
            assert!(bounds.windows(2).all(|pair| pair[0] < pair[1]) && bounds[0] > 0.0);
        }
    }
}
