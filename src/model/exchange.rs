//! What cash desks and accounting programs keep here beside money: announced payments, and what they have taken over.

use super::{AccountId, Money, PaymentKey, Timestamp};
use serde::{Deserialize, Serialize};

/// A payment that was announced and may come. It moves no money; the payment with the same key settles it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentOrder {
    pub key: PaymentKey,
    /// Numbered from 1.
    pub number: i64,
    pub account: AccountId,
    pub contract: String,
    pub sum: Money,
    pub made: Timestamp,
}

/// What an accounting program knows under a code of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SyncKind {
    /// A contract, by its id.
    Account,
    /// A payment, by the number of its transfer.
    Payment,
    /// An act of a closed month, by its number.
    Act,
}

/// How far an accounting program has taken something over (the flags `sync1c` and `code1c` of the Carbon dialect).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncMark {
    pub kind: SyncKind,
    pub id: i64,
    /// Its code there; empty: none was told.
    pub code1c: String,
    /// It has been taken over as it is.
    pub synced: bool,
}

/// A request of a cash desk or an accounting program that moves no money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExchangeCommand {
    /// Announce a payment. An empty `id` becomes the order's number.
    Order { key: PaymentKey, account: AccountId, sum: Money },
    /// Set both flags. That a payment or act exists is the caller's to know.
    Sync(SyncMark),
}
