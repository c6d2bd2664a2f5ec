//! What survives a restart: the store behind [`Store`] and [`Reader`], and the spool on the local disk.
//!
//! The trait is at the level of what the product does (commit a batch, load everything, look payments up by key),
//! not of rows, so that each back end can use its best statements. No rule of money or access stands here.

mod questions;
pub mod spool;
pub mod sqlite;
mod vault;
mod words;

#[cfg(test)]
mod conformance;

pub use questions::{
    AccountPostings, AddressSession, OperatorTotals, OutboxCount, OutboxFilter, OutboxRow, PaymentFilter,
    RevenueTotals, Span, Totals,
};
pub use spool::{Spool, SpoolError, SpoolOptions, SpoolReader};
pub use sqlite::{SqliteReader, SqliteStore};
pub use vault::Vault;

use crate::model::*;
use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;

/// The writer's side of a store. One value, which the writer's threads hand to each other.
pub trait Store: Lookup + Send {
    /// Takes the lease: raises its epoch by one, so that any earlier writer's batches are refused.
    fn acquire_lease(&mut self, holder: &str) -> Result<Lease, StoreError>;

    /// Everything the engine and the directory start from.
    fn load(&mut self) -> Result<Snapshot, StoreError>;

    /// A second way to look things up, to be used while a batch is being committed by another thread. It sees what has
    /// been committed when it is asked.
    fn lookup(&self) -> Result<Box<dyn Lookup>, StoreError>;

    /// Writes one batch in one durable transaction. A batch whose number the lease row already holds was
    /// committed before; it is answered `Ok` and not written again. Any other number than that and the next one is
    /// [`StoreError::Poisoned`], as is a change that breaks a constraint; nothing of the batch is written then.
    fn commit(&mut self, batch: &Batch<'_>) -> Result<(), StoreError>;
}

/// What a decision needs to know of what was written before.
pub trait Lookup: Send {
    /// The payments that these keys already name.
    fn payments_by_key(&mut self, keys: &[PaymentKey]) -> Result<HashMap<PaymentKey, Payment>, StoreError>;

    /// The transfers with these ids, as far as they exist.
    fn transfers_by_id(&mut self, ids: &[TransferId]) -> Result<Vec<PostedTransfer>, StoreError>;

    /// The answers that these keys of requests already have.
    fn answers_by_key(&mut self, keys: &[String]) -> Result<Vec<RememberedAnswer>, StoreError>;
}

/// Questions that are answered from the store and not from memory. Shared between doors; never blocks the writer.
pub trait Reader: Send + Sync {
    /// Postings of one account, newest (highest id) first, at most `limit`.
    fn transfers(&self, account: AccountId, limit: usize) -> Result<Vec<Transfer>, StoreError>;

    /// The same for a part of the time.
    fn transfers_between(&self, filter: &TransferFilter) -> Result<Vec<Transfer>, StoreError>;

    /// Balance of an account from its postings with lower ids than this.
    fn balance_before(&self, account: AccountId, transfer: TransferId) -> Result<Money, StoreError>;

    fn pools(&self) -> Result<Vec<Pool>, StoreError>;

    /// All plans.
    fn plans(&self) -> Result<Vec<Plan>, StoreError>;

    /// Payments, newest first, at most `filter.limit`.
    fn payments(&self, filter: &PaymentFilter) -> Result<Vec<Payment>, StoreError>;

    /// The payment that this transfer booked.
    fn payment(&self, transfer: TransferId) -> Result<Option<Payment>, StoreError>;

    /// The payments of an operator that these ids name, in any order.
    fn payments_of(&self, operator: &str, ids: &[String]) -> Result<Vec<Payment>, StoreError>;

    /// Postings of a contract from `from` until before `to`, the first `limit` of them.
    fn postings(
        &self,
        account: AccountId,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<AccountPostings, StoreError>;

    /// Totals of each of these spans, all as of one moment.
    fn totals(&self, spans: &[Span]) -> Result<Vec<Totals>, StoreError>;

    /// The state of the books as it was last written.
    fn books(&self) -> Result<BooksState, StoreError>;

    /// The earliest moment and the earliest day that postings of this span have; a posting has the one, the other, or
    /// both.
    fn first_postings(&self, span: &Span) -> Result<(Option<Timestamp>, Option<Day>), StoreError>;

    /// What the acts of a closed month are made of, in order of account; None while it is not closed. Sums of zero are
    /// in it.
    fn act_drafts(&self, month: Month) -> Result<Option<Vec<ActDraft>>, StoreError>;

    /// Acts of a month with numbers above `after`, in order of number, at most `limit`.
    fn acts(&self, month: Month, after: i64, limit: usize) -> Result<Vec<Act>, StoreError>;

    /// The act of this number.
    fn act(&self, number: i64) -> Result<Option<Act>, StoreError>;

    /// Acts of one account from the month `from` to the month `to`, both in it, in order of month.
    fn acts_of(&self, account: AccountId, from: Month, to: Month) -> Result<Vec<Act>, StoreError>;

    /// The announced payment of this key.
    fn order(&self, key: &PaymentKey) -> Result<Option<PaymentOrder>, StoreError>;

    /// Those marks of a kind that these ids have, in order of id.
    fn sync_marks(&self, kind: SyncKind, ids: &[i64]) -> Result<Vec<SyncMark>, StoreError>;

    /// The mark of a kind with the lowest id that has this code.
    fn sync_mark_of_code(&self, kind: SyncKind, code1c: &str) -> Result<Option<SyncMark>, StoreError>;

    /// All recurring services that are sold, in order of name.
    fn services(&self) -> Result<Vec<Service>, StoreError>;

    /// Sessions of a subscriber, newest first, at most `limit`.
    fn sessions(&self, subscriber: SubscriberId, limit: usize) -> Result<Vec<Session>, StoreError>;

    /// Sessions that were open at this moment and had the address, or a prefix that it lies in; those with the longest
    /// prefix first, then the newest. A session that stopped at this very moment had it still.
    fn sessions_with(&self, address: IpAddr, at: Timestamp) -> Result<Vec<AddressSession>, StoreError>;

    /// Sessions of a subscriber that were open at this moment, newest first.
    fn sessions_at(&self, subscriber: SubscriberId, at: Timestamp) -> Result<Vec<Session>, StoreError>;

    /// Who had the address at this moment by agreement, or a prefix that it lies in; the longest prefix first, then in
    /// order of id, of each prefix at most `limit`.
    fn assignments_with(
        &self,
        address: IpAddr,
        at: Timestamp,
        limit: usize,
    ) -> Result<Vec<Assignment>, StoreError>;

    /// What a subscriber had by agreement at this moment.
    fn assignments_at(&self, subscriber: SubscriberId, at: Timestamp) -> Result<Vec<Assignment>, StoreError>;

    /// Since when assignments are kept; None: since the first subscriber.
    fn assignments_since(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Items of a target that are to be delivered, the one that is to be tried first before the others, at most `limit`;
    /// none while the target is disabled.
    fn outbox_pending(&self, target: &str, limit: usize) -> Result<Vec<OutboxRow>, StoreError>;

    /// Items of the outbox, newest first, at most `filter.limit`.
    fn outbox_items(&self, filter: &OutboxFilter) -> Result<Vec<OutboxRow>, StoreError>;

    /// Of each target that has any: items pending and failed, and whether it is disabled; in order of name.
    fn outbox_counts(&self) -> Result<Vec<OutboxCount>, StoreError>;

    /// Items that happened before `before`, in order of event, at most `limit`; failed ones only if they happened before
    /// `failed_before`.
    fn outbox_old(
        &self,
        before: Timestamp,
        failed_before: Timestamp,
        limit: usize,
    ) -> Result<Vec<(OutboxKey, DeliveryState)>, StoreError>;

    /// The invariants of the ledger; empty when they hold, else one sentence for each that does not.
    fn check_books(&self) -> Result<Vec<String>, StoreError>;
}

/// The right to write, until somebody takes a higher epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    pub epoch: u64,
    /// Number of the last batch committed under any epoch.
    pub batch_sequence: u64,
}

/// Changes to be written together.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    pub epoch: u64,
    /// One more than the last committed batch's.
    pub sequence: u64,
    pub changes: &'a [Change],
}

/// Postings of one account.
#[derive(Clone, Copy, Debug)]
pub struct TransferFilter {
    pub account: AccountId,
    /// Posted at this time or later.
    pub since: Option<Timestamp>,
    /// Posted earlier than this.
    pub until: Option<Timestamp>,
    /// Only those before this one in the order of operations.
    pub before: Option<TransferId>,
    /// The newest so many.
    pub limit: usize,
}

/// Kinds of trouble by what the writer does about them.
#[derive(Debug)]
pub enum StoreError {
    /// Another writer holds the lease: drop the state, load anew.
    LeaseLost { held_epoch: u64 },
    /// The disk is full: hold the batch and try again; doors answer "later".
    Full(String),
    /// A change of the batch breaks a constraint: load anew, commit in halves.
    Poisoned(String),
    /// Whether it was committed is not known: the same batch again.
    Unknown(String),
    /// The store cannot be used at all (not a database, newer schema, wrong key).
    Unusable(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::LeaseLost { held_epoch } => {
                write!(f, "another writer took the lease (epoch {held_epoch})")
            }
            StoreError::Full(text) => write!(f, "no space left for the store: {text}"),
            StoreError::Poisoned(text) => write!(f, "a change breaks the store's rules: {text}"),
            StoreError::Unknown(text) => write!(f, "the store did not confirm: {text}"),
            StoreError::Unusable(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for StoreError {}
