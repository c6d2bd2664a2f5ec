//! Usage of a subscriber in a month, and what was charged for it (rules.md, Usage).

use super::{Money, Month, Price, SubscriberId};
use serde::{Deserialize, Serialize};

/// Cumulative, so that repeats and late records cannot charge twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meter {
    pub key: MeterKey,
    /// Octets or seconds.
    pub used: u64,
    /// Of these, used at other prices than the ones below: they are done with.
    pub before: u64,
    /// Of those used since, covered by packages.
    pub covered: u64,
    /// For those used since.
    pub charged: Money,
    /// What they are charged at: per MiB, or per hour.
    pub price: Price,
    /// MiB included before the price; 0 for time.
    pub included: u64,
}

impl Meter {
    pub fn new(key: MeterKey) -> Meter {
        Meter { key, used: 0, before: 0, covered: 0, charged: Money::ZERO, price: Price::ZERO, included: 0 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MeterKey {
    pub subscriber: SubscriberId,
    pub service: MeteredService,
    pub month: Month,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MeteredService {
    /// Octets towards the subscriber.
    TrafficIn,
    /// Octets from the subscriber.
    TrafficOut,
    /// Seconds online.
    Online,
}
