//! What an enforcer tells its server: octets of its kernel, who was seen, who fell silent.

use super::{Mac, SubscriberId};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// The body of `POST /report`, JSON. Every list may be absent. All of it may be sent again: counters are absolute, a
/// subscriber that is logged in is not logged in twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Names the run of the kernel that the counters belong to: another after each boot, another in each network
    /// namespace. Printable ASCII.
    pub boot: String,
    /// Key `nas` of the enforcer; absent: it is not told whose subscribers it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nas: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counted: Vec<Counted>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sightings: Vec<Sighting>,
    /// Hosts that answer no probe and prefixes of which nothing comes; of a subscriber all that are silent now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub silent: Vec<IpNet>,
}

impl Report {
    pub fn is_empty(&self) -> bool {
        self.counted.is_empty() && self.sightings.is_empty() && self.silent.is_empty()
    }
}

/// The octets of one element of the kernel since it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counted {
    pub subscriber: SubscriberId,
    /// A host as /32 or /128, or a prefix.
    pub address: IpNet,
    /// Another for each element that was made of this address in this boot; a newer one is a higher one.
    pub generation: u64,
    /// Towards the subscriber, IP packets without Ethernet framing.
    pub down_octets: u64,
    /// From the subscriber.
    pub up_octets: u64,
    /// The element is no more; these are its last values.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
    /// Seconds since it was read, as Acct-Delay-Time says it (RFC 2866 section 5.2).
    #[serde(default)]
    pub age_seconds: u32,
}

/// A source on the subscribers' side that the feed does not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sighting {
    pub address: IpAddr,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<Mac>,
    /// Option 82 or a port, where it is known; else empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub circuit_id: String,
    #[serde(default)]
    pub age_seconds: u32,
}

/// The answer: what became of a report that is on disk now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportAnswer {
    /// Counters taken.
    pub counted: usize,
    /// Counters that are nobody's, or of somebody whose octets a NAS counts; not to be sent again.
    pub ignored: usize,
    /// Subscribers logged in, or given a further address.
    pub logged_in: usize,
    /// Sightings that are nobody's.
    pub strangers: usize,
    /// Sessions ended for silence.
    pub ended: usize,
}
