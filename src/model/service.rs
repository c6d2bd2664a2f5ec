//! What is sold beside plans: services and packages.

use super::{AccountId, Charge, Money, Period, Price, SubscriberId, Timestamp};
use serde::{Deserialize, Serialize};

/// Something sold once or by the period beside the plan (a public address, TV, a call-out).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Unique; what the subscriber sees.
    pub name: String,
    pub fee: Price,
    /// [`Period::None`]: charged once, when it is added.
    pub period: Period,
    pub charge: Charge,
}

/// Minutes, messages and traffic sold at once, with an end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Unique; what the subscriber sees.
    pub name: String,
    pub price: Money,
    pub minutes: u32,
    pub sms: u32,
    pub mib: u32,
    /// Days that it lasts, the day of the purchase included; 0: for ever.
    pub days: u32,
    /// Destination that the minutes are for; empty: any.
    pub destination: String,
}

/// A package that was bought: whose it is and which accounts of the ledger count its units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageHolding {
    pub account: AccountId,
    /// Name of the [`Package`].
    pub package: String,
    /// From 1 for each package of an account; a number is given again when its holding has ended.
    pub number: u32,
    /// Who bought it. Its traffic is this subscriber's, its minutes and messages the account's.
    pub subscriber: SubscriberId,
    pub bought: Timestamp,
    /// From then on its units are gone; None: never.
    pub expires: Option<Timestamp>,
    /// What its minutes are for; empty: any destination.
    pub destination: String,
    /// Accounts of [`super::LedgerKind::Package`]; None: the package has none of the kind.
    pub seconds: Option<AccountId>,
    pub sms: Option<AccountId>,
    pub octets: Option<AccountId>,
    /// It has expired, and what was left has gone back.
    pub ended: bool,
}

/// What makes a holding one.
pub type HoldingKey = (AccountId, String, u32);

impl PackageHolding {
    pub fn key(&self) -> HoldingKey {
        (self.account, self.package.clone(), self.number)
    }

    /// The accounts of its units.
    pub fn units(&self) -> impl Iterator<Item = (super::Asset, AccountId)> {
        use super::Asset;
        let all = [(Asset::Seconds, self.seconds), (Asset::Sms, self.sms), (Asset::Octets, self.octets)];
        all.into_iter().filter_map(|(asset, account)| Some((asset, account?)))
    }

    pub fn is_usable_at(&self, now: Timestamp) -> bool {
        !self.ended && self.expires.is_none_or(|expires| now < expires)
    }
}
