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
    /// Kept where given; absent: the next free one.
    pub id: Option<i64>,
    /// Its name, which names it.
    pub name: String,
    /// Name of the group above; empty: none.
    pub parent: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PlanRow {
    /// Kept where given; absent: the next free one.
    pub id: Option<i64>,
    /// Its name, which names it.
    pub name: String,
    /// Per period, decimal text; with all its digits.
    pub fee: Option<Price>,
    /// What the fee is for.
    pub period: Option<Period>,
    /// Charged day by day, or for the period at once.
    pub charge: Option<Charge>,
    /// Without money for the fee: charge nothing (`hold`) or into debt while the balance is above zero (`debt`).
    pub on_shortage: Option<OnShortage>,
    /// Guaranteed, towards the subscriber, kbit/s.
    pub rate_in: Option<i32>,
    /// Maximum, towards the subscriber, kbit/s; absent: the rate.
    pub ceil_in: Option<i32>,
    /// Kilobytes; absent: what 10 ms at the maximum need, at least 16.
    pub burst_in: Option<i32>,
    /// Kilobytes; absent: what 10 ms at the maximum need, at least 16.
    pub cburst_in: Option<i32>,
    /// Guaranteed, from the subscriber, kbit/s.
    pub rate_out: Option<i32>,
    /// Maximum, from the subscriber, kbit/s; absent: the rate.
    pub ceil_out: Option<i32>,
    /// Kilobytes; absent: what 10 ms at the maximum need, at least 16.
    pub burst_out: Option<i32>,
    /// Kilobytes; absent: what 10 ms at the maximum need, at least 16.
    pub cburst_out: Option<i32>,
    /// MikroTik burst rate towards the subscriber, kbit/s; 0: none.
    pub mikrotik_burst_rate_in: Option<i32>,
    /// MikroTik burst threshold towards the subscriber, kbit/s.
    pub mikrotik_burst_threshold_in: Option<i32>,
    /// MikroTik burst rate from the subscriber, kbit/s; 0: none.
    pub mikrotik_burst_rate_out: Option<i32>,
    /// MikroTik burst threshold from the subscriber, kbit/s.
    pub mikrotik_burst_threshold_out: Option<i32>,
    /// MikroTik burst time, seconds.
    pub mikrotik_burst_time: Option<i32>,
    /// Per MiB towards the subscriber beyond what is included, decimal text.
    pub traffic_price_in: Option<Price>,
    /// MiB towards the subscriber included in a period.
    pub traffic_included_in: Option<u64>,
    /// Per MiB from the subscriber beyond what is included, decimal text.
    pub traffic_price_out: Option<Price>,
    /// MiB from the subscriber included in a period.
    pub traffic_included_out: Option<u64>,
    /// Per hour online, decimal text.
    pub session_price: Option<Price>,
    /// Other speeds by the clock, all of them; not in CSV.
    pub timed: Option<Vec<TimedRow>>,
    /// MiB of a month after which the quota's speed holds; 0: no quota.
    pub quota_mib: Option<u64>,
    /// After the quota: guaranteed, towards the subscriber, kbit/s.
    pub quota_rate_in: Option<i32>,
    /// After the quota: maximum, towards the subscriber, kbit/s.
    pub quota_ceil_in: Option<i32>,
    /// After the quota: kilobytes.
    pub quota_burst_in: Option<i32>,
    /// After the quota: kilobytes.
    pub quota_cburst_in: Option<i32>,
    /// After the quota: guaranteed, from the subscriber, kbit/s.
    pub quota_rate_out: Option<i32>,
    /// After the quota: maximum, from the subscriber, kbit/s.
    pub quota_ceil_out: Option<i32>,
    /// After the quota: kilobytes.
    pub quota_burst_out: Option<i32>,
    /// After the quota: kilobytes.
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
    /// Kept where given; absent: the next free one.
    pub id: Option<i64>,
    /// Its name, which names it.
    pub name: String,
    /// Where its packets come from: an address or a prefix.
    pub address: Option<String>,
    /// RADIUS shared secret.
    pub secret: Option<SecretText>,
    /// Whose attributes it understands.
    pub vendor: Option<Vendor>,
    /// UDP port for CoA and Disconnect; absent: 3799.
    pub coa_port: Option<u16>,
    /// Name of the pool of those without an address; empty: none.
    pub pool: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AccountRow {
    /// Kept where given; absent: the next free one.
    pub id: Option<i64>,
    /// Contract number, which names it.
    pub contract: String,
    /// Of the person or company.
    pub name: Option<String>,
    /// Person or company.
    pub kind: Option<AccountKind>,
    /// Name of its group; empty: none.
    pub group: Option<String>,
    /// For notices.
    pub phone: Option<String>,
    /// For notices.
    pub email: Option<String>,
    /// Postal address.
    pub address: Option<String>,
    /// Taxpayer number.
    pub tax_id: Option<String>,
    /// Opening balance of a new contract, decimal text.
    pub balance: Option<Money>,
    /// Decimal text, 0 or more.
    pub credit_limit: Option<Money>,
    /// A day (to 00:00 of it) or a moment; empty: no end.
    pub credit_until: Option<String>,
    /// Its code in 1C.
    pub code1c: Option<String>,
    /// Subjects of the call rating that it pays for, separated by spaces.
    pub voip_subjects: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SubscriberRow {
    /// Kept where given; absent: the next free one.
    pub id: Option<i64>,
    /// RADIUS login, which names it; without white space.
    pub login: String,
    /// Clear text of at most 128 octets.
    pub password: Option<SecretText>,
    /// MD4 of the UTF-16LE password, 32 hexadecimal digits.
    pub nt_hash: Option<SecretText>,
    /// A crypt(3) hash.
    pub crypt: Option<SecretText>,
    /// Contract number; made where there is none. Absent: the login.
    pub contract: Option<String>,
    /// Written to the contract too when this row makes it.
    pub name: Option<String>,
    /// Name of its group; empty: none.
    pub group: Option<String>,
    /// Name of its plan; empty: none.
    pub plan: Option<String>,
    /// Name of the access server it is configured on; empty: none.
    pub nas: Option<String>,
    /// How it comes to be logged in.
    pub access: Option<AccessMethod>,
    /// Its addresses, v4 and v6, separated by spaces; empty: none.
    pub ip: Option<String>,
    /// Name of the pool of its address; empty: none.
    pub pool: Option<String>,
    /// Delegated prefix; empty: none.
    pub ipv6_prefix: Option<String>,
    /// Of its equipment; empty: none.
    pub mac: Option<String>,
    /// Of its port (DHCP option 82).
    pub circuit_id: Option<String>,
    /// Its own source NAT address; empty: none.
    pub snat_ip: Option<String>,
    /// Networks behind it, separated by spaces.
    pub routes: Option<String>,
    /// Sessions at once; 0: any number.
    pub sessions_max: Option<u32>,
    /// Opening balance of a new contract, decimal text.
    pub balance: Option<Money>,
    /// Of a new contract: decimal text, 0 or more.
    pub credit_limit: Option<Money>,
    /// Of a new contract: a day (to 00:00 of it) or a moment.
    pub credit_until: Option<String>,
    /// By the administrator.
    pub blocked: Option<bool>,
    /// A day or a moment; empty: always was.
    pub valid_from: Option<String>,
    /// A day (to 00:00 of it) or a moment; empty: no end.
    pub valid_until: Option<String>,
    /// Names of all recurring services that it has.
    pub services: Option<Vec<String>>,
    /// Percent, at most two digits after the point.
    pub discount: Option<String>,
    /// Last day of the discount; empty: no end.
    pub discount_until: Option<String>,
    /// Its code in 1C.
    pub code1c: Option<String>,
}
