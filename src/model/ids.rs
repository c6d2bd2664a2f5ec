//! Identifiers. All are positive 64-bit integers that this system or the operator's old system chose;
//! ledger accounts that belong to no contract have negative ids (see [`super::LedgerKind`]).

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

identifiers! {
    /// An account of the ledger: a contract when positive, one of our own (operator, revenue, ...) when negative.
    AccountId,
    /// A login: one service of a contract.
    SubscriberId,
    /// A tariff plan.
    PlanId,
    /// A group of accounts and subscribers ("parent" in 1C's exchange).
    GroupId,
    /// An access server.
    NasId,
    /// An address pool.
    PoolId,
    /// A transfer of the ledger; for a payment this is its `op_id`.
    TransferId,
}

impl NasId {
    /// Stands for the NAS in the keys of sessions that an enforcer's sighting opened.
    pub const SIGHTING: NasId = NasId(-1);
    /// Stands for the NAS in the keys of counter sessions: the octets of one element of an enforcer's kernel.
    pub const KERNEL: NasId = NasId(-2);
}
