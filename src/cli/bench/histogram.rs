//! Latencies in buckets a sixteenth of an octave wide.

/// Sixteen exact buckets, then sixteen for each of the 60 octaves that are left of 64 bits.
const BUCKETS: usize = 16 + 60 * 16;

/// Counts of microseconds; a quantile is the lower edge of its bucket, at most 6 % below the true value.
#[derive(Clone)]
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { buckets: vec![0; BUCKETS], count: 0, max: 0 }
    }
}

impl Histogram {
    pub fn add(&mut self, micros: u64) {
        if let Some(bucket) = self.buckets.get_mut(bucket_of(micros)) {
            *bucket += 1;
        }
        self.count += 1;
        self.max = self.max.max(micros);
    }

    pub fn merge(&mut self, other: &Histogram) {
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
        self.count += other.count;
        self.max = self.max.max(other.max);
    }

    pub fn max(&self) -> u64 {
        self.max
    }

    /// The value that `per_mille` of 1000 do not exceed; 0 where nothing was counted.
    pub fn quantile(&self, per_mille: u64) -> u64 {
        let wanted = self.count.saturating_mul(per_mille).div_ceil(1000).max(1);
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return lower_edge(index);
            }
        }
        self.max
    }
}

fn bucket_of(micros: u64) -> usize {
    let octave = u64::from(micros.checked_ilog2().unwrap_or(0));
    let bucket = if octave < 4 { micros } else { (octave - 3) * 16 + ((micros >> (octave - 4)) & 15) };
    usize::try_from(bucket).unwrap_or(BUCKETS - 1).min(BUCKETS - 1)
}

fn lower_edge(bucket: usize) -> u64 {
    let bucket = u64::try_from(bucket).unwrap_or(0);
    if bucket < 16 { bucket } else { (16 + (bucket & 15)) << (bucket / 16 - 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_falls_into_the_bucket_whose_edge_is_at_most_a_sixteenth_below_it() {
        for value in (0..5000).chain([65_535, 65_536, 1 << 40, u64::MAX]) {
            let edge = lower_edge(bucket_of(value));
            assert!(edge <= value, "{value}: {edge}");
            assert!(value - edge <= edge / 16, "{value}: {edge}");
        }
    }

    #[test]
    fn quantiles_of_a_thousand_different_values_are_where_they_should_be() {
        let mut histogram = Histogram::default();
        (1..=1000).for_each(|value| histogram.add(value));
        assert!((480..=500).contains(&histogram.quantile(500)));
        assert!((960..=990).contains(&histogram.quantile(990)));
        assert_eq!(histogram.max(), 1000);
        assert_eq!(Histogram::default().quantile(500), 0);
    }
}
