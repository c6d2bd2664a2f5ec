//! Who has which address by agreement, and since when.

use super::{SubscriberId, Timestamp};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// How an address or prefix is a subscriber's without any session that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AssignmentKind {
    /// An address of its own.
    Configured,
    /// A prefix delegated to it.
    DelegatedPrefix,
    /// A network behind it.
    Routed,
    /// The address that the world sees it under; others may have the same.
    SourceNat,
}

/// An address or prefix that a subscriber had for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// An address is a prefix of full length.
    pub prefix: IpNet,
    pub kind: AssignmentKind,
    pub subscriber: SubscriberId,
    pub login: String,
    pub since: Timestamp,
    /// The first moment at which it had it no longer; None: it still has it.
    pub until: Option<Timestamp>,
}
