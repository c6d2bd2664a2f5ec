//! Contracts and groups.

use super::{AccountId, GroupId, Money, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A contract: whose money it is. The balance is not here but in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub id: AccountId,
    /// Contract number, unique, also not equal to another contract's login.
    pub contract: String,
    pub name: String,
    pub kind: AccountKind,
    pub group: Option<GroupId>,
    pub phone: String,
    pub email: String,
    pub address: String,
    pub tax_id: String,
    pub code1c: String,
    /// Subjects of the call rating whose money is this account's.
    pub voip_subjects: Vec<String>,
    /// `c` of the rules, until `credit_until`.
    pub credit_limit: Money,
    pub credit_until: Option<Timestamp>,
    pub closed: bool,
}

impl Account {
    /// `c`: the credit limit while its term lasts.
    pub fn credit_at(&self, now: Timestamp) -> Money {
        match self.credit_until {
            Some(until) if now >= until => Money::ZERO,
            _ => self.credit_limit,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountKind {
    #[default]
    Person,
    Company,
}

/// A node of the tree that accounts and subscribers hang in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    pub id: GroupId,
    pub name: String,
    pub parent: Option<GroupId>,
}
