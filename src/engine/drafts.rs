//! Rows as a decision leaves them before they are absorbed, so that its later steps see its earlier ones.

use super::ledger::Books;
use super::standing;
use crate::model::*;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// What a decision has changed so far, beside balances.
#[derive(Default)]
pub(super) struct Drafts {
    subscribers: FxHashMap<SubscriberId, Arc<Subscriber>>,
    accounts: FxHashMap<AccountId, Arc<Account>>,
    fees: FxHashMap<SubscriberId, FeeState>,
    account_states: FxHashMap<AccountId, AccountState>,
}

impl Books<'_> {
    pub fn subscriber(&self, id: SubscriberId) -> Option<Arc<Subscriber>> {
        self.drafts.subscribers.get(&id).or_else(|| self.state().subscribers.get(&id)).cloned()
    }

    pub fn put_subscriber(&mut self, subscriber: Subscriber) {
        self.changes.push(Change::Subscriber(Box::new(subscriber.clone())));
        self.drafts.subscribers.insert(subscriber.id, Arc::new(subscriber));
    }

    pub fn account(&self, id: AccountId) -> Option<Arc<Account>> {
        self.drafts.accounts.get(&id).or_else(|| self.state().accounts.get(&id)).cloned()
    }

    pub fn put_account(&mut self, account: Account) {
        self.changes.push(Change::Account(account.clone()));
        self.drafts.accounts.insert(account.id, Arc::new(account));
    }

    /// None: the fee rules have not seen this subscriber yet.
    pub fn fee_state(&self, id: SubscriberId) -> Option<FeeState> {
        self.drafts.fees.get(&id).or_else(|| self.state().billing.fees.get(&id)).cloned()
    }

    /// Writes it where it differs.
    pub fn put_fee_state(&mut self, fee: FeeState) {
        if self.fee_state(fee.subscriber).as_ref() != Some(&fee) {
            self.changes.push(Change::FeeState(fee.clone()));
            self.drafts.fees.insert(fee.subscriber, fee);
        }
    }

    pub fn account_state(&self, id: AccountId) -> AccountState {
        let kept = self.drafts.account_states.get(&id).or_else(|| self.state().billing.accounts.get(&id));
        kept.cloned().unwrap_or_else(|| AccountState::new(id))
    }

    /// Writes it where it differs.
    pub fn put_account_state(&mut self, account: AccountState) {
        if self.account_state(account.account) != account {
            self.changes.push(Change::AccountState(account.clone()));
            self.drafts.account_states.insert(account.account, account);
        }
    }

    /// `b + c`: what there is without a promise.
    pub fn own_money(&self, account: &Account, at: Timestamp) -> Money {
        standing::available(account, self.balance(account.id), at)
    }

    /// `avail` after the postings so far.
    pub fn available(&self, account: &Account, at: Timestamp) -> Money {
        self.own_money(account, at).saturating_add(self.account_state(account.id).promised())
    }
}
