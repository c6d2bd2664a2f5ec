//! A subscriber: one login of a contract.

use super::{
    AccountId, GroupId, Mac, NasId, Password, PlanId, PoolId, SubscriberId, SubscriberTerms, Timestamp,
};
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscriber {
    pub id: SubscriberId,
    /// Unique; without white space, because it stands in the collector's lists.
    pub login: String,
    pub password: Password,
    pub account: AccountId,
    pub name: String,
    pub group: Option<GroupId>,
    pub plan: Option<PlanId>,
    /// The NAS it is configured on; a live session's NAS goes before it.
    pub nas: Option<NasId>,
    pub access: AccessMethod,
    /// Configured addresses, v4 and v6, in the order given.
    pub addresses: Vec<IpAddr>,
    pub pool: Option<PoolId>,
    /// Delegated prefix.
    pub ipv6_prefix: Option<IpNet>,
    pub mac: Option<Mac>,
    pub circuit_id: String,
    /// Personal source NAT address.
    pub snat: Option<Ipv4Addr>,
    /// Networks behind the subscriber (Framed-Route).
    pub routes: Vec<IpNet>,
    /// Sessions at once; 0: any number.
    pub sessions_max: u32,
    pub block: Option<Block>,
    pub valid_from: Option<Timestamp>,
    pub valid_until: Option<Timestamp>,
    pub code1c: String,
    pub terms: SubscriberTerms,
}

/// How a subscriber comes to be logged in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccessMethod {
    /// An accounting session.
    #[default]
    Radius,
    /// A session made by a sighting of its address, MAC or circuit, or by login.
    Ipoe,
    /// Always on.
    Static,
}

/// A block by the administrator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    pub reason: String,
    pub since: Timestamp,
    pub by: String,
}
