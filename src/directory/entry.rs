//! What is published of one subscriber.

use crate::engine::SubscriberView;
use crate::model::*;
use crate::radius::auth::NtKeys;
use ipnet::IpNet;
use parking_lot::Mutex;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, OnceLock};

/// A subscriber as authorization and the help desk see it. Replaced whole when the ledger changes it.
#[derive(Debug)]
pub struct Entry {
    pub view: SubscriberView,
    /// What MS-CHAP needs of the password, made at the first such login and kept while the password is the same.
    pub nt_keys: Arc<OnceLock<NtKeys>>,
    /// What happened last; outlives this entry.
    pub recent: Arc<Mutex<Recent>>,
}

impl Entry {
    /// The entry that follows `old` (or is the first) for this view.
    pub(super) fn new(view: SubscriberView, old: Option<&Entry>) -> Entry {
        let same_password = old.filter(|old| old.view.subscriber.password == view.subscriber.password);
        Entry {
            nt_keys: same_password.map(|old| Arc::clone(&old.nt_keys)).unwrap_or_default(),
            recent: old.map(|old| Arc::clone(&old.recent)).unwrap_or_default(),
            view,
        }
    }

    pub fn id(&self) -> SubscriberId {
        self.view.subscriber.id
    }
}

/// The last things that happened to a subscriber at its NAS; evidence for `why`.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    pub login: Option<LoginAttempt>,
    /// What the NAS was told with the last Access-Accept.
    pub accepted_as: Option<Applied>,
    /// The last CoA or Disconnect and how it ended.
    pub notice: Option<NasNotice>,
}

/// One Access-Request and its answer, or one sighting and what came of it.
#[derive(Clone, Debug)]
pub struct LoginAttempt {
    pub at: Timestamp,
    pub nas: NasId,
    pub nas_address: IpAddr,
    pub method: &'static str,
    /// The enforcer that saw it; None: a NAS asked.
    pub enforcer: Option<Box<str>>,
    pub result: LoginResult,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginResult {
    Accepted {
        captive: bool,
        address: Option<Ipv4Addr>,
    },
    /// Stable token and sentence.
    Rejected {
        token: &'static str,
        text: String,
    },
}

/// What a NAS holds for a session: let through at a speed, or captive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    pub verdict: Verdict,
    pub shape: Shape,
}

/// A CoA-Request or Disconnect-Request that was sent.
#[derive(Clone, Debug)]
pub struct NasNotice {
    pub at: Timestamp,
    /// `CoA` or `Disconnect`.
    pub kind: &'static str,
    pub nas_address: IpAddr,
    /// `sent`, `ACK`, `NAK (503 Session-Context-Not-Found)`, `no answer after 5 tries`.
    pub result: String,
}

/// What others can see of a subscriber: in lists, kernel and feed. Two equal values mean that nothing changed for them.
#[derive(Clone, Debug, PartialEq)]
pub struct Visible {
    pub subscriber: SubscriberId,
    pub login: String,
    pub access: AccessMethod,
    pub snat: Option<Ipv4Addr>,
    pub mac: Option<Mac>,
    pub logged: bool,
    pub negbal: bool,
    pub blocked: bool,
    pub verdict: Verdict,
    pub shape: Shape,
    pub mikrotik_burst: MikrotikBurst,
    /// The NAS of the live session, else the configured one; None: listed under every NAS.
    pub nas: Option<VisibleNas>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VisibleNas {
    pub id: NasId,
    pub address: IpNet,
    pub vendor: Vendor,
    /// Where the live session's packets come from.
    pub live: Option<IpAddr>,
}

impl Visible {
    /// Whether a poll or a follower that asks for the NAS at `address` is told of this subscriber.
    pub fn is_on(&self, address: Option<IpAddr>) -> bool {
        let (Some(address), Some(nas)) = (address, &self.nas) else { return true };
        match nas.live {
            Some(live) if live == address => true,
            // A prefix is many boxes: then only the one that has the session.
            Some(_) if nas.address.prefix_len() < nas.address.max_prefix_len() => false,
            _ => nas.address.contains(&address),
        }
    }

    /// What the kernel does with the addresses; None: nothing is known against or for them (not logged in).
    pub fn gate(&self) -> Option<Verdict> {
        (self.logged || self.verdict != Verdict::LetThrough).then_some(self.verdict)
    }
}
