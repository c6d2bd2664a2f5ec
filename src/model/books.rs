//! What the ledger remembers of itself: the fee run, the months closed, outages, panic.

use super::{AccountId, ClosedMonth, Day, Money, Month, SubscriberId, Timestamp, TransferId};
use serde::{Deserialize, Serialize};

/// One value for the whole ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BooksState {
    /// The last day whose fee run is complete; None before the first.
    pub fees_through: Option<Day>,
    /// How far the run of the day after it has come.
    pub fees_after: Option<SubscriberId>,
    /// The last day whose notices before cuts were decided, and how far the day after it has come.
    pub notices_through: Option<Day>,
    pub notices_after: Option<SubscriberId>,
    /// An operator let fees be made up to this day, over a longer gap than is made up by itself.
    pub catch_up_through: Option<Day>,
    /// The ledger is known to have been at work then.
    pub alive: Timestamp,
    /// No new shortage takes effect before this moment, so that payments queued at the operators arrive first.
    pub outage_until: Option<Timestamp>,
    /// When that outage began: what had taken effect by then stays so.
    pub outage_from: Timestamp,
    /// A fee run is held since then, because the machine's clock does not say that it is right.
    pub unsynchronised_since: Option<Timestamp>,
    /// Everybody is let through since this moment.
    pub panic_since: Option<Timestamp>,
    /// Nothing is dated into this month or an earlier one.
    pub closed_through: Option<Month>,
    /// Every month that was closed, in order.
    pub closings: Vec<ClosedMonth>,
    pub last_act: i64,
    pub last_pending: i64,
    /// Number of the payment that was announced last.
    pub last_order: i64,
    /// Balances are no longer put right by files (`--set-balances`).
    pub live: bool,
}

/// One account's act of a closed month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// Numbered from 1 without gaps.
    pub number: i64,
    pub month: Month,
    pub account: AccountId,
    pub lines: Vec<ActLine>,
    /// Sum of the lines, VAT included.
    pub sum: Money,
    pub vat: Money,
    pub made: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActLine {
    /// Kind of revenue.
    pub name: String,
    pub sum: Money,
}

/// Money set aside for a purpose: a transfer that is not posted yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Numbered apart from transfers.
    pub id: i64,
    pub debit: AccountId,
    pub credit: AccountId,
    pub amount: Money,
    /// What it is for; of a session's reservation see [`super::Reservation`]. It changes when a session takes it up.
    pub reference: String,
    pub text: String,
    pub opened: Timestamp,
    pub expires: Timestamp,
    pub by: String,
    pub state: PendingState,
}

/// A pending transfer is resolved at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PendingState {
    Open,
    /// What was used is charged by this transfer; what is left of the amount is free again.
    Posted(TransferId),
    Voided,
    Expired,
}

/// Something an operator did that money and sessions do not show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    pub time: Timestamp,
    pub by: String,
    /// Stable word: `panic-open`, `plan-change`, ...
    pub action: String,
    /// Whom it is about: a login, a contract; empty: everybody.
    pub subject: String,
    pub text: String,
}
