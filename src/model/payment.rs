//! Payments and their keys.

use super::{AccountId, Money, Timestamp, TransferId};
use serde::{Deserialize, Serialize};

/// A payment is named by its operator and the operator's id for it, for ever.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PaymentKey {
    pub operator: String,
    pub id: String,
}

/// A payment that was taken. What a repeat is answered with stands here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    pub key: PaymentKey,
    /// The transfer that booked it: `op_id`.
    pub transfer: TransferId,
    pub account: AccountId,
    pub contract: String,
    /// Whom the operator named: with sum and date what a repeat is compared with.
    pub who: String,
    pub sum: Money,
    /// The operator's own date of the payment, as sent; empty when none was.
    pub operator_date: String,
    pub time: Timestamp,
    /// Balance of the account right after it.
    pub balance_after: Money,
    pub reversed: bool,
}
