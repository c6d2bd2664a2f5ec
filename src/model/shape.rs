//! Speed: rate, ceil, burst and cburst in both directions, as HTB and the collector lists know them.

use serde::{Deserialize, Serialize};

/// One direction. Speeds are kbit/s, bursts kilobytes (1024 octets, `tc`'s `k`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Bandwidth {
    /// Guaranteed speed, kbit/s. 0 or -1 with the same ceil in both directions: not shaped.
    pub rate: i32,
    /// Maximum speed, kbit/s.
    pub ceil: i32,
    /// Bucket at `rate`, kilobytes.
    pub burst: i32,
    /// Bucket at `ceil`, kilobytes.
    pub cburst: i32,
}

impl Bandwidth {
    /// What 10 ms at `ceil` needs, in kilobytes, at least 16.
    pub fn burst_default(ceil: i32) -> i32 {
        let octets_in_10_ms = i64::from(ceil.max(0)) * 1000 / 8 / 100;
        i32::try_from(octets_in_10_ms.div_euclid(1024) + i64::from(octets_in_10_ms % 1024 > 0))
            .unwrap_or(i32::MAX)
            .max(16)
    }

    fn unlimited(self) -> bool {
        self.rate <= 0 && self.ceil <= 0
    }
}

/// Both directions, seen from the subscriber.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape {
    /// Towards the subscriber (download; `in` in lists and files).
    pub download: Bandwidth,
    /// From the subscriber (upload; `out` in lists and files).
    pub upload: Bandwidth,
}

impl Shape {
    /// `-1` or `0` in rate and ceil of both directions means no shaping (facts/system-api.md 3).
    pub fn is_unlimited(self) -> bool {
        self.download.unlimited() && self.upload.unlimited()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_holds_ten_milliseconds_and_at_least_sixteen_kilobytes() {
        assert_eq!(Bandwidth::burst_default(1_000), 16);
        assert_eq!(Bandwidth::burst_default(20_000), 25);
        assert_eq!(Bandwidth::burst_default(1_000_000), 1221);
        assert_eq!(Bandwidth::burst_default(-1), 16);
    }
}
