//! Usage of a subscriber in a month, and what was charged for it (rules.md, Usage).

use super::{Money, Month, SubscriberId};
use serde::{Deserialize, Serialize};

/// Cumulative, so that repeats and late records cannot charge twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meter {
    pub key: MeterKey,
    /// Octets or seconds.
    pub used: u64,
    /// Of these, covered by packages.
    pub covered: u64,
    pub charged: Money,
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
