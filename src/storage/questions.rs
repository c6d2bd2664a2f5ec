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
