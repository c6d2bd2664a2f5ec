//! User budgets of the call rating, as far as they are no balances: those are accounts of the ledger.

use super::AccountId;
use serde::{Deserialize, Serialize};

/// What is known of a subject of the call rating beside its balances.
///
/// Its money, messages, octets and the seconds of each bucket are ledger accounts; where a contract names the subject
/// (`voip-subjects`), its money is that contract's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    pub subject: String,
    pub tariff_plan: String,
    /// Day of the month on which the plan's values are given anew; 0: never.
    pub reset_day: i32,
    /// Millionths of a second.
    pub volume_discount_seconds: i64,
    pub received_call_seconds: i64,
    /// In the currency, like all money; None: the money of the contract that names the subject.
    pub money: Option<AccountId>,
    pub sms: AccountId,
    /// Octets.
    pub traffic: AccountId,
    pub buckets: Vec<BudgetBucket>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetBucket {
    /// Seconds left are this account's balance.
    pub seconds: AccountId,
    pub destination: String,
    pub priority: i64,
    /// Billionths of the dialect's unit for a second.
    pub price: i64,
}

/// A rating document as it was loaded: destinations, activation periods, tariff plans.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RatingDocument {
    /// `activation-periods`, `destinations`, `tariff-plans`.
    pub name: String,
    /// A JSON array, in the form of the dialect's file.
    pub body: String,
}
