//! What the feed says of one address, and what the sets have to hold for it.

use super::sets::{Data, Kind};
use crate::enforcement::lanes::{Lane, Lanes};
use crate::model::{AccessMethod, FeedEntry, Shape, SubscriberId, Verdict};
use ipnet::IpNet;
use std::net::Ipv4Addr;

/// What is done with a subscriber's packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mark {
    Allow,
    Captive,
    Blocked,
}

impl Mark {
    pub const ALL: [Mark; 3] = [Mark::Allow, Mark::Captive, Mark::Blocked];

    pub fn of(verdict: Verdict) -> Mark {
        match verdict {
            Verdict::LetThrough => Mark::Allow,
            Verdict::Negbal | Verdict::Paused => Mark::Captive,
            Verdict::Blocked => Mark::Blocked,
        }
    }

    /// Beginning of the saved lines.
    pub fn as_str(self) -> &'static str {
        match self {
            Mark::Allow => "allow",
            Mark::Captive => "captive",
            Mark::Blocked => "blocked",
        }
    }
}

/// What is kept of a feed's entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub mark: Mark,
    pub subscriber: SubscriberId,
    pub shape: Shape,
    pub access: AccessMethod,
    pub snat: Option<Ipv4Addr>,
}

impl From<&FeedEntry> for Entry {
    fn from(entry: &FeedEntry) -> Entry {
        Entry {
            mark: Mark::of(entry.verdict),
            subscriber: entry.subscriber,
            shape: entry.shape,
            access: entry.access,
            snat: entry.snat,
        }
    }
}

/// What each kind of set has to hold for one address, in the order of [`Kind::ALL`].
pub(super) type Places = [Option<Data>; Kind::ALL.len()];

pub(super) const NOWHERE: Places = [None; Kind::ALL.len()];

/// `net`: what the entry is of.
pub(super) fn places(entry: &Entry, net: &IpNet, lanes: Lanes) -> Places {
    let length = net.prefix_len();
    let subscriber = entry.subscriber;
    let class = |lane| {
        let class = match lane {
            Lane::Class(class) => class,
            Lane::Unshaped | Lane::Policed { .. } => 0,
        };
        match entry.access {
            // Their NAS counts.
            AccessMethod::Radius => Data::Class(class),
            AccessMethod::Ipoe | AccessMethod::Static => Data::Metered { class, subscriber, length },
        }
    };
    let limit = |lane| match lane {
        Lane::Policed { octets_per_second, burst_octets } => {
            Some(Data::Limit { octets_per_second, burst_octets })
        }
        Lane::Unshaped | Lane::Class(_) => None,
    };
    Kind::ALL.map(|kind| match (kind, entry.mark) {
        (Kind::Down, Mark::Allow) => Some(class(lanes.down)),
        (Kind::Up, Mark::Allow) => Some(class(lanes.up)),
        (Kind::PoliceDown, Mark::Allow) => limit(lanes.down),
        (Kind::PoliceUp, Mark::Allow) => limit(lanes.up),
        (Kind::Snat, Mark::Allow) => entry.snat.filter(|_| net.addr().is_ipv4()).map(Data::Address),
        (Kind::Captive, Mark::Captive) | (Kind::Blocked, Mark::Blocked) => Some(Data::None),
        _ => None,
    })
}
