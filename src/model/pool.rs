//! Address pools.

use super::{PoolId, SubscriberId, Timestamp};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    pub id: PoolId,
    pub name: String,
    pub prefixes: Vec<IpNet>,
}

/// An address given to a subscriber at login. Kept so that the address is the same next time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolGrant {
    pub pool: PoolId,
    pub subscriber: SubscriberId,
    pub address: IpAddr,
    pub at: Timestamp,
}
