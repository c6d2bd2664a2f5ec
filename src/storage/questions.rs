//! What readers ask a store for, and what it answers with.

use crate::model::*;
use ipnet::IpNet;

/// Which payments are asked for. Newest first: by time, and by operation within one moment.
#[derive(Clone, Debug, Default)]
pub struct PaymentFilter {
    /// Taken at this time or later.
    pub since: Option<Timestamp>,
    /// Taken before this time.
    pub until: Option<Timestamp>,
    pub account: Option<AccountId>,
    pub operator: Option<String>,
    pub sum_from: Option<Money>,
    /// Up to and including this sum.
    pub sum_to: Option<Money>,
    pub reversed: Option<bool>,
    /// Only what comes after this payment in the order of the answer: its time and its operation.
    pub after: Option<(Timestamp, TransferId)>,
    /// Payments given at most; back ends have a bound of their own above it.
    pub limit: usize,
}

/// Days as the ledger's zone has them: by number and by moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub first: Day,
    /// Not before `first`.
    pub last: Day,
    /// Where `first` begins.
    pub from: Timestamp,
    /// Where the day after `last` begins.
    pub to: Timestamp,
}

/// Postings of a contract in a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountPostings {
    /// The sum of all postings before the period.
    pub opening: Money,
    /// In order of id.
    pub postings: Vec<Transfer>,
    /// There are more than were asked for.
    pub more: bool,
}

/// What happened on one day, or on several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// In order of operator.
    pub operators: Vec<OperatorTotals>,
    /// In order of kind.
    pub revenue: Vec<RevenueTotals>,
}

/// Payments of one operator by the moment they were taken, reversals by the moment they were made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorTotals {
    pub operator: String,
    pub payments: i64,
    pub sum: Money,
    pub reversed: i64,
    pub reversed_sum: Money,
}

/// Revenue of one kind by the day it is for; what was given back is subtracted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevenueTotals {
    pub kind: String,
    pub postings: i64,
    pub sum: Money,
}

/// A session that had an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressSession {
    /// What the session had of it: the address itself, or a prefix that it lies in.
    pub prefix: IpNet,
    /// From its beginning, or from the last news without this address.
    pub since: Timestamp,
    /// When it was seen with another instead; None: it had it to its end.
    pub until: Option<Timestamp>,
    pub session: Session,
}

/// An item of the outbox with its fate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxRow {
    pub key: OutboxKey,
    /// Word of the [`EventKind`]; of one that this program knows no more, too.
    pub kind: String,
    pub account: Option<AccountId>,
    /// When it happened.
    pub at: Timestamp,
    /// Since when it is tried: when it happened, or was put back.
    pub since: Timestamp,
    pub state: DeliveryState,
    pub attempts: u32,
    /// When it is tried next, while it is pending; else when that was over.
    pub next_at: Timestamp,
    pub error: String,
    /// JSON, as it is sent.
    pub body: String,
}

/// Which items of the outbox are asked for.
#[derive(Clone, Debug, Default)]
pub struct OutboxFilter {
    pub state: Option<DeliveryState>,
    pub target: Option<String>,
    pub event: Option<i64>,
    /// Only earlier events than this one.
    pub before: Option<i64>,
    pub limit: usize,
}

/// How much a target has waiting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboxCount {
    pub target: String,
    pub pending: u64,
    pub failed: u64,
    /// Since when the oldest pending one is tried.
    pub oldest: Option<Timestamp>,
    pub disabled: Option<DisabledTarget>,
}
