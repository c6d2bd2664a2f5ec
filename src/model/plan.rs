//! Tariff plans.

use super::{PlanId, Price, Shape};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub id: PlanId,
    pub name: String,
    pub fee: Price,
    pub period: Period,
    pub charge: Charge,
    pub on_shortage: OnShortage,
    pub shape: Shape,
    pub mikrotik_burst: MikrotikBurst,
    pub usage: UsagePrices,
    /// Other speeds by the clock; the first that holds.
    pub timed: Vec<TimedShape>,
    pub quota: Option<Quota>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Period {
    #[default]
    Month,
    Day,
    None,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Charge {
    #[default]
    Daily,
    Period,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnShortage {
    #[default]
    Hold,
    Debt,
}

/// A speed at certain times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimedShape {
    pub when: TimeTable,
    pub shape: Shape,
}

/// Days of the week and a part of the day, in the server's time zone. With `from` past `to` it runs over midnight and
/// belongs to the day it begins on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeTable {
    /// Monday to Sunday.
    pub days: [bool; 7],
    /// Minutes from midnight.
    pub from: u16,
    /// Minutes from midnight, not included; equal to `from`: the whole day.
    pub to: u16,
}

/// A speed for the rest of the month once so much has been used, both directions together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    pub mib: u64,
    pub shape: Shape,
}

/// MikroTik's burst (Mikrotik-Rate-Limit): rates and thresholds in kbit/s, time in seconds. All 0: no burst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MikrotikBurst {
    pub rate_in: i32,
    pub threshold_in: i32,
    pub rate_out: i32,
    pub threshold_out: i32,
    pub time: i32,
}

/// Prices beyond the fee.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsagePrices {
    /// Per MiB towards the subscriber beyond what is included.
    pub traffic_in: Price,
    /// MiB included in a period.
    pub included_in: u64,
    pub traffic_out: Price,
    pub included_out: u64,
    /// Per hour online.
    pub session_hour: Price,
}
