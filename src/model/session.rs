//! Sessions as the accounting records tell them.

use super::{Mac, NasId, SubscriberId, Timestamp};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr};

/// What makes a session one. Acct-Session-Id alone is not unique over NAS reboots and NASes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionKey {
    pub nas: NasId,
    /// Acct-Session-Id as sent (hexadecimal where it is not printable).
    pub acct_session_id: String,
    pub login: String,
}

/// Who speaks of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionOrigin {
    /// A NAS, by RADIUS accounting.
    Nas,
    /// An enforcer that saw the subscriber: presence, without octets of its own (it shows those of its counters).
    Sighting,
    /// An enforcer's kernel: the octets of one element, and no presence. Its counters only grow.
    Kernel,
}

impl SessionKey {
    pub fn origin(&self) -> SessionOrigin {
        match self.nas {
            NasId::SIGHTING => SessionOrigin::Sighting,
            NasId::KERNEL => SessionOrigin::Kernel,
            _ => SessionOrigin::Nas,
        }
    }
}

/// Octets of a session or a period, cumulative, seen from the subscriber.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Towards the subscriber: Acct-Output-Octets with Gigawords.
    pub download_octets: u64,
    /// From the subscriber: Acct-Input-Octets with Gigawords.
    pub upload_octets: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub key: SessionKey,
    /// None: the login was unknown when it was reported.
    pub subscriber: Option<SubscriberId>,
    /// Where its packets come from and CoA goes to.
    pub nas_address: IpAddr,
    pub started: Timestamp,
    /// Event time of the newest record merged.
    pub updated: Timestamp,
    /// None while open.
    pub stopped: Option<Timestamp>,
    /// Acct-Terminate-Cause, or 0; 11 (NAS Reboot) for sessions closed by Accounting-On or -Off.
    pub terminate_cause: u32,
    /// Acct-Session-Time, seconds.
    pub session_seconds: u32,
    pub framed_ip: Option<Ipv4Addr>,
    /// Framed-IPv6-Prefix and Delegated-IPv6-Prefix.
    pub ipv6_prefixes: Vec<ipnet::Ipv6Net>,
    pub mac: Option<Mac>,
    pub calling_station_id: String,
    pub nas_port_id: String,
    pub usage: Usage,
    /// Octets counted before the NAS's counters last fell back to a smaller value.
    pub usage_before_reset: Usage,
}

impl Session {
    pub fn is_open(&self) -> bool {
        self.stopped.is_none()
    }

    /// The addresses that the session holds.
    pub fn nets(&self) -> impl Iterator<Item = IpNet> {
        let v4 = self.framed_ip.map(|address| IpNet::from(IpAddr::V4(address)));
        v4.into_iter().chain(self.ipv6_prefixes.iter().copied().map(IpNet::V6))
    }

    /// Whether the session holds this address: as a host, or within one of its prefixes.
    pub fn holds(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.framed_ip == Some(address),
            IpAddr::V6(address) => self.ipv6_prefixes.iter().any(|net| net.contains(&address)),
        }
    }

    /// All octets of the session, over resets of the NAS's counters.
    pub fn usage_total(&self) -> Usage {
        Usage {
            download_octets: self
                .usage
                .download_octets
                .saturating_add(self.usage_before_reset.download_octets),
            upload_octets: self.usage.upload_octets.saturating_add(self.usage_before_reset.upload_octets),
        }
    }
}
