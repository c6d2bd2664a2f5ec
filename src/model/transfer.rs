//! Double entry: transfers between accounts of the ledger, append-only.

use super::{AccountId, Day, Money, Payment, Timestamp, TransferId};
use serde::{Deserialize, Serialize};

/// An account of the ledger. A balance is credits less debits; the sum over all accounts of an asset is zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerAccount {
    pub id: AccountId,
    pub kind: LedgerKind,
    pub asset: Asset,
    /// Contract number, operator code, kind of revenue or subject.
    pub name: String,
}

/// What an account counts, in millionths. A transfer is between accounts of the same asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asset {
    /// The currency's unit.
    #[default]
    Money,
    Seconds,
    Sms,
    Octets,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LedgerKind {
    /// A contract; what we owe the subscriber.
    Contract,
    /// A payment operator; what it owes us is its negative balance.
    Operator,
    Revenue,
    Bonus,
    /// The other side of opening balances.
    Opening,
    /// Money given back to subscribers, and corrections.
    Adjustment,
    /// A balance of a user budget of the call rating.
    Budget,
    /// Units of packages that a contract or login holds.
    Package,
    /// Where granted units come from and used ones go to.
    Stock,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TransferKind {
    Payment,
    /// A charge by hand.
    Charge,
    Opening,
    Fee,
    /// An extra service.
    Service,
    Package,
    /// A day of a pause.
    Pause,
    /// The price of a promised payment.
    Promise,
    /// Traffic and time beyond what the plan includes.
    Usage,
    Call,
    Bonus,
    Correction,
    /// Money given back to the subscriber.
    Refund,
    /// Between two contracts.
    Move,
    /// Of an earlier transfer, with the sides changed.
    Reversal,
    /// Units given with a package or budget, and their end.
    Grant,
}

impl TransferKind {
    pub fn as_str(self) -> &'static str {
        match self {
            TransferKind::Payment => "payment",
            TransferKind::Charge => "charge",
            TransferKind::Opening => "opening",
            TransferKind::Fee => "fee",
            TransferKind::Service => "service",
            TransferKind::Package => "package",
            TransferKind::Pause => "pause",
            TransferKind::Promise => "promise",
            TransferKind::Usage => "usage",
            TransferKind::Call => "call",
            TransferKind::Bonus => "bonus",
            TransferKind::Correction => "correction",
            TransferKind::Refund => "refund",
            TransferKind::Move => "move",
            TransferKind::Reversal => "reversal",
            TransferKind::Grant => "grant",
        }
    }
}

/// Money that went from `debit` to `credit`. Never edited; a correction is another transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    pub id: TransferId,
    pub debit: AccountId,
    pub credit: AccountId,
    /// More than zero.
    pub amount: Money,
    pub kind: TransferKind,
    /// What it belongs to: a payment's id at the operator, a charge's reference.
    pub reference: String,
    /// For people: what this was.
    pub text: String,
    pub time: Timestamp,
    /// Who asked for it: a person, an operator's code, or `system`.
    pub by: String,
    /// Balance of the contract's side right after it; between two contracts, of the debit's.
    pub balance_after: Money,
    /// The day it is for, where that is not the day of `time`: fees that are made up, late usage.
    pub day: Option<Day>,
    /// The transfer that this one takes back; each is taken back at most once.
    pub reverses: Option<TransferId>,
}

/// A transfer that was made before, with what is known of its fate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostedTransfer {
    pub transfer: Transfer,
    pub reversed_by: Option<TransferId>,
    /// The payment that it booked.
    pub payment: Option<Payment>,
}
