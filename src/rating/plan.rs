//! Destinations and tariff plans: what a budget is filled with and measured against.

use super::number::{Amount, Decimal, Quantity, serialize_money};
use super::record::{List, record};
use crate::model::Money;
use serde::Serialize;

/// Minute buckets of one budget or plan.
pub const BUCKETS_MAX: usize = 256;
/// Volume discounts of one plan.
pub const THRESHOLDS_MAX: usize = 256;
/// Prefixes of one destination.
pub const DESTINATION_PREFIXES_MAX: usize = 1_000_000;

/// Prefixes under one name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Destination {
    pub id: String,
    pub prefixes: Vec<String>,
}

record! { Destination {
    id: "Id" as String,
    prefixes: "Prefixes" as List<String, DESTINATION_PREFIXES_MAX>,
} }

/// Seconds towards one destination.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MinuteBucket {
    pub seconds: Quantity,
    /// The greatest is used first; then the longest matching prefix, then the lower price, then the one listed first.
    pub priority: i64,
    /// For a second.
    pub price: Decimal,
    pub destination_id: String,
}

record! { MinuteBucket {
    seconds: "Seconds" as Quantity,
    priority: "Priority" as i64,
    price: "Price" as Decimal,
    destination_id: "DestinationId" as String,
} }

/// What a budget gets at each reset, and by what its calls are discounted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TariffPlan {
    pub id: String,
    pub sms_credit: Quantity,
    pub traffic: Quantity,
    /// Received seconds that earn the bonus; zero: no bonus. Read from `ReceivedCallsSecondsLimit` too.
    pub received_call_seconds_limit: Quantity,
    /// The spelling is the dialect's; read from `ReceivedCallBonus` too.
    #[serde(rename = "RecivedCallBonus")]
    pub received_call_bonus: Option<ReceivedCallBonus>,
    pub minute_buckets: Vec<MinuteBucket>,
    pub volume_discount_thresholds: Vec<VolumeDiscount>,
}

record! { TariffPlan {
    id: "Id" as String,
    sms_credit: "SmsCredit" as Quantity,
    traffic: "Traffic" as Quantity,
    received_call_seconds_limit: "ReceivedCallSecondsLimit" | "ReceivedCallsSecondsLimit" as Quantity,
    received_call_bonus: "RecivedCallBonus" | "ReceivedCallBonus" as ReceivedCallBonus,
    minute_buckets: "MinuteBuckets" as List<MinuteBucket, BUCKETS_MAX>,
    volume_discount_thresholds: "VolumeDiscountThresholds" as List<VolumeDiscount, THRESHOLDS_MAX>,
} }

impl TariffPlan {
    /// Percent off, for a budget that has called this long: the discount of the greatest volume reached.
    pub fn volume_discount(&self, seconds: Quantity) -> Decimal {
        let reached = self.volume_discount_thresholds.iter().filter(|threshold| threshold.volume <= seconds);
        reached.max_by_key(|threshold| threshold.volume).map_or(Decimal::ZERO, |threshold| threshold.discount)
    }
}

/// What enough received calls earn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ReceivedCallBonus {
    #[serde(serialize_with = "serialize_money")]
    pub credit: Money,
    pub sms_credit: Quantity,
    pub traffic: Quantity,
    /// Its seconds are added to the budget's buckets of the same destination.
    pub minute_bucket: Option<MinuteBucket>,
}

record! { ReceivedCallBonus {
    credit: "Credit" as Amount,
    sms_credit: "SmsCredit" as Quantity,
    traffic: "Traffic" as Quantity,
    minute_bucket: "MinuteBucket" as MinuteBucket,
} }

/// From `volume` accumulated seconds on, `discount` percent off rated time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct VolumeDiscount {
    pub volume: Quantity,
    pub discount: Decimal,
}

record! { VolumeDiscount {
    volume: "Volume" as Quantity,
    discount: "Discount" as Decimal,
} }
