//! An Accounting-Request as a value, and what the spool carries to the ledger.

use super::{Mac, NasId, PoolGrant, Reservation, SubscriberId, Timestamp, Usage};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountingKind {
    Start,
    Interim,
    Stop,
    /// Accounting-On: the NAS has started; its sessions are over.
    On,
    /// Accounting-Off: the NAS is going down; its sessions are over.
    Off,
}

/// One Accounting-Request after decoding. Counters are absolute, so merging one twice changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountingRecord {
    pub kind: AccountingKind,
    pub nas: NasId,
    pub nas_address: IpAddr,
    /// Empty for On and Off.
    pub login: String,
    /// Empty for On and Off.
    pub acct_session_id: String,
    /// From the Class we gave, else by login; None when neither is known.
    pub subscriber: Option<SubscriberId>,
    /// Arrival less Acct-Delay-Time.
    pub event_time: Timestamp,
    pub session_seconds: u32,
    pub terminate_cause: u32,
    pub framed_ip: Option<Ipv4Addr>,
    pub ipv6_prefixes: Vec<ipnet::Ipv6Net>,
    pub mac: Option<Mac>,
    pub calling_station_id: String,
    pub nas_port_id: String,
    pub usage: Usage,
    /// The record carried octet counters at all (a Start has none).
    pub has_usage: bool,
}

/// One entry of the spool: what was decided in memory and is carried to the ledger later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SpoolEntry {
    Accounting(AccountingRecord),
    Grant(PoolGrant),
    Reservation(Reservation),
}

/// Where an entry stands in an edge's stream. `epoch` is random, made with the spool, so that a spool restored
/// from an old image is a new stream; `sequence` counts from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SpoolPosition {
    pub epoch: u64,
    pub sequence: u64,
}
