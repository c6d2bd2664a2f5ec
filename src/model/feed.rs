//! The feed: what followers (enforcers, edges) are told of each address, keyed by address.

use super::{AccessMethod, Shape, SubscriberId, Verdict};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

/// One answer of `GET /feed?since=EPOCH.N&wait=S&nas=IP`.
///
/// With `full`, `entries` is everything and whatever else the follower holds is gone. Otherwise `entries` holds the
/// addresses that changed since the cursor and `gone` those that are no longer anybody's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FeedPage {
    /// `EPOCH.N`, opaque; to be sent back as `since`.
    pub cursor: String,
    pub full: bool,
    pub entries: Vec<FeedEntry>,
    pub gone: Vec<IpNet>,
    /// Who may reach which port of the server; sent with every page.
    pub ports: Vec<PortGuard>,
}

/// What to do with one address (a host as /32 or /128) or delegated prefix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedEntry {
    pub address: IpNet,
    /// Let through only when logged in; an address in good standing without a session is not in the feed.
    pub verdict: Verdict,
    pub subscriber: SubscriberId,
    pub login: String,
    pub shape: Shape,
    /// The kernel's octets of `ipoe` and `static` subscribers are reported; those of `radius` come from the NAS.
    #[serde(default)]
    pub access: AccessMethod,
    /// What its IPv4 source address becomes towards the internet; None: whatever the machine does by itself.
    #[serde(default)]
    pub snat: Option<Ipv4Addr>,
}

/// A listening port of the server and the sources that may use it. Everybody else is dropped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PortGuard {
    pub protocol: PortProtocol,
    pub port: u16,
    pub sources: Vec<IpNet>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PortProtocol {
    Tcp,
    Udp,
}
