//! Rows of the data files for `headgate load` (contract, "Data files"): the same keys in TOML and CSV.
//!
//! A key that is absent keeps what the loaded object has, or the default when the object is new.

use super::{AccessMethod, AccountKind, Charge, Money, OnShortage, Period, Price, SecretText, Vendor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One file: rows by kind, in the order in which they are applied.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DataFile {
    #[serde(default)]
    pub group: Vec<GroupRow>,
    #[serde(default)]
    pub plan: Vec<PlanRow>,
    #[serde(default)]
    pub service: Vec<ServiceRow>,
    #[serde(default)]
    pub package: Vec<PackageRow>,
    #[serde(default)]
    pub pool: Vec<PoolRow>,
    #[serde(default)]
    pub nas: Vec<NasRow>,
    #[serde(default)]
    pub account: Vec<AccountRow>,
    #[serde(default)]
    pub subscriber: Vec<SubscriberRow>,
}

#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct GroupRow {
    pub id: Option<i64>,
    pub name: String,
    pub parent: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PlanRow {
    pub id: Option<i64>,
    pub name: String,
    pub fee: Option<Price>,
    pub period: Option<Period>,
    pub charge: Option<Charge>,
    pub on_shortage: Option<OnShortage>,
    pub rate_in: Option<i32>,
    pub ceil_in: Option<i32>,
    pub burst_in: Option<i32>,
    pub cburst_in: Option<i32>,
    pub rate_out: Option<i32>,
    pub ceil_out: Option<i32>,
    pub burst_out: Option<i32>,
    pub cburst_out: Option<i32>,
    pub mikrotik_burst_rate_in: Option<i32>,
    pub mikrotik_burst_threshold_in: Option<i32>,
    pub mikrotik_burst_rate_out: Option<i32>,
    pub mikrotik_burst_threshold_out: Option<i32>,
    pub mikrotik_burst_time: Option<i32>,
    pub traffic_price_in: Option<Price>,
    pub traffic_included_in: Option<u64>,
    pub traffic_price_out: Option<Price>,
    pub traffic_included_out: Option<u64>,
    pub session_price: Option<Price>,
    /// Other speeds by the clock, all of them; not in CSV.
    pub timed: Option<Vec<TimedRow>>,
    /// 0: no quota.
    pub quota_mib: Option<u64>,
    pub quota_rate_in: Option<i32>,
    pub quota_ceil_in: Option<i32>,
    pub quota_burst_in: Option<i32>,
    pub quota_cburst_in: Option<i32>,
    pub quota_rate_out: Option<i32>,
    pub quota_ceil_out: Option<i32>,
    pub quota_burst_out: Option<i32>,
    pub quota_cburst_out: Option<i32>,
}

/// A speed at certain times, whole.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TimedRow {
    /// As [`super::TimeTable`] is written.
    pub when: String,
    pub rate_in: Option<i32>,
    pub ceil_in: Option<i32>,
    pub burst_in: Option<i32>,
    pub cburst_in: Option<i32>,
    pub rate_out: Option<i32>,
    pub ceil_out: Option<i32>,
    pub burst_out: Option<i32>,
    pub cburst_out: Option<i32>,
}

#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ServiceRow {
    pub name: String,
    pub fee: Option<Price>,
    pub period: Option<Period>,
    pub charge: Option<Charge>,
}

#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PackageRow {
    pub name: String,
    pub price: Option<Money>,
    pub minutes: Option<u32>,
    pub sms: Option<u32>,
    pub mib: Option<u32>,
    pub days: Option<u32>,
    pub destination: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PoolRow {
    pub id: Option<i64>,
    pub name: String,
    pub prefixes: Option<Vec<String>>,
}

#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NasRow {
    pub id: Option<i64>,
    pub name: String,
    pub address: Option<String>,
    pub secret: Option<SecretText>,
    pub vendor: Option<Vendor>,
    pub coa_port: Option<u16>,
    pub pool: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AccountRow {
    pub id: Option<i64>,
    pub contract: String,
    pub name: Option<String>,
    pub kind: Option<AccountKind>,
    pub group: Option<String>,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub address: Option<String>,
    pub tax_id: Option<String>,
    pub balance: Option<Money>,
    pub credit_limit: Option<Money>,
    pub credit_until: Option<String>,
    pub code1c: Option<String>,
    pub voip_subjects: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SubscriberRow {
    pub id: Option<i64>,
    pub login: String,
    pub password: Option<SecretText>,
    pub nt_hash: Option<SecretText>,
    pub crypt: Option<SecretText>,
    pub contract: Option<String>,
    pub name: Option<String>,
    pub group: Option<String>,
    pub plan: Option<String>,
    pub nas: Option<String>,
    pub access: Option<AccessMethod>,
    pub ip: Option<String>,
    pub pool: Option<String>,
    pub ipv6_prefix: Option<String>,
    pub mac: Option<String>,
    pub circuit_id: Option<String>,
    pub snat_ip: Option<String>,
    pub routes: Option<String>,
    pub sessions_max: Option<u32>,
    pub balance: Option<Money>,
    pub credit_limit: Option<Money>,
    pub credit_until: Option<String>,
    pub blocked: Option<bool>,
    pub valid_from: Option<String>,
    pub valid_until: Option<String>,
    /// Names of all recurring services that it has.
    pub services: Option<Vec<String>>,
    /// Percent, at most two digits after the point.
    pub discount: Option<String>,
    pub discount_until: Option<String>,
    pub code1c: Option<String>,
}
