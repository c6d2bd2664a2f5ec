//! Double entry: transfers between accounts of the ledger, append-only.

use super::{AccountId, Money, Timestamp, TransferId};
use serde::{Deserialize, Serialize};

/// An account of the ledger. A balance is credits less debits; the sum over all accounts is zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerAccount {
    pub id: AccountId,
    pub kind: LedgerKind,
    /// Contract number, operator code or kind of revenue.
    pub name: String,
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TransferKind {
    Payment,
    /// A charge by hand.
    Charge,
    Opening,
    Fee,
    Correction,
}

impl TransferKind {
    pub fn as_str(self) -> &'static str {
        match self {
            TransferKind::Payment => "payment",
            TransferKind::Charge => "charge",
            TransferKind::Opening => "opening",
            TransferKind::Fee => "fee",
            TransferKind::Correction => "correction",
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
    /// Balance of the contract's side right after it.
    pub balance_after: Money,
}
