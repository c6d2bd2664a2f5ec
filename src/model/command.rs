//! What the ledger can be asked to do.

use super::{
    AccountId, DataFile, Money, NasId, PaymentKey, SessionKey, SpoolEntry, SpoolPosition, SubscriberId,
    Timestamp,
};
use serde::{Deserialize, Serialize};

/// Who asks, for the audit and the postings: `cli:root`, `osmp`, `system`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Actor(pub String);

impl Actor {
    pub fn system() -> Actor {
        Actor("system".to_owned())
    }
}

/// A request to the one writer. All but a charge may be repeated without a second effect.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Take a payment (rules.md, Payments).
    Pay(PaymentRequest),
    /// Take money for something that was said by hand.
    Charge {
        account: AccountId,
        sum: Money,
        text: String,
    },
    Block {
        subscriber: SubscriberId,
        reason: String,
    },
    Unblock {
        subscriber: SubscriberId,
    },
    /// Load a data file, all or nothing.
    Load {
        file: Box<DataFile>,
        options: LoadOptions,
    },
    /// Entries of an edge's spool, in order; those at or before the stored position are skipped.
    Replay {
        edge: String,
        entries: Vec<(SpoolPosition, SpoolEntry)>,
    },
    /// End a session that no record ended: its NAS does not know it any more.
    CloseSession {
        session: SessionKey,
        at: Timestamp,
        terminate_cause: u32,
    },
    /// This NAS has sent a valid Message-Authenticator for the first time.
    NasSignsRequests(NasId),
    /// A moment that was waited for has come (a credit's term, a validity).
    Tick,
}

/// A payment as an operator announces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentRequest {
    pub key: PaymentKey,
    /// Contract number, login or address, as the operator sent it.
    pub who: String,
    /// Whom the directory found under `who`; None when nobody.
    pub account: Option<AccountId>,
    pub sum: Money,
    /// The operator's own date, as sent; empty when none was.
    pub operator_date: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadOptions {
    /// Say what would change and change nothing.
    pub dry_run: bool,
    /// Post the difference to each balance given, for accounts that exist.
    pub set_balances: bool,
}
