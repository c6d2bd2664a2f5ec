//! What the billing rules remember, as part of the state: one table for each kind of [`Change`].

use crate::model::*;
use rustc_hash::FxHashMap;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Tables of the billing rules. Read by every rule, changed by [`Billing::absorb`] alone.
#[derive(Default)]
pub(super) struct Billing {
    pub services: HashMap<String, Arc<Service>>,
    pub packages: HashMap<String, Arc<Package>>,
    pub fees: FxHashMap<SubscriberId, FeeState>,
    pub accounts: FxHashMap<AccountId, AccountState>,
    pub meters: FxHashMap<MeterKey, Meter>,
    /// Open ones.
    pub pending: FxHashMap<i64, Pending>,
    pub budgets: HashMap<String, Arc<Budget>>,
    pub rating: HashMap<String, Arc<RatingDocument>>,
    pub books: BooksState,
    /// What open pending transfers hold of an account.
    held: FxHashMap<AccountId, Money>,
    /// When open promises lapse.
    promises: BTreeSet<(Timestamp, AccountId)>,
}

impl Billing {
    /// Takes in a change of these tables; anything else is not for them.
    pub fn absorb(&mut self, change: &Change) {
        match change {
            Change::Service(service) => {
                self.services.insert(service.name.clone(), Arc::new(service.clone()));
            }
            Change::Package(package) => {
                self.packages.insert(package.name.clone(), Arc::new(package.clone()));
            }
            Change::FeeState(state) => {
                self.fees.insert(state.subscriber, state.clone());
            }
            Change::AccountState(state) => {
                let old = self.accounts.get(&state.account).and_then(|old| old.promise.as_ref());
                if let Some(old) = old {
                    self.promises.remove(&(old.until, state.account));
                }
                if let Some(new) = &state.promise {
                    self.promises.insert((new.until, state.account));
                }
                self.accounts.insert(state.account, state.clone());
            }
            Change::Meter(meter) => {
                self.meters.insert(meter.key, meter.clone());
            }
            Change::Pending(pending) => self.absorb_pending(pending),
            Change::Budget(budget) => {
                self.budgets.insert(budget.subject.clone(), Arc::new(budget.clone()));
            }
            Change::RatingDocument(document) => {
                self.rating.insert(document.name.clone(), Arc::new(document.clone()));
            }
            Change::Books(books) => self.books = books.clone(),
            _ => {}
        }
    }

    fn absorb_pending(&mut self, pending: &Pending) {
        if let Some(old) = self.pending.remove(&pending.id) {
            let held = self.held.entry(old.debit).or_default();
            *held = held.saturating_sub(old.amount);
        }
        if pending.state == PendingState::Open {
            let held = self.held.entry(pending.debit).or_default();
            *held = held.saturating_add(pending.amount);
            self.pending.insert(pending.id, pending.clone());
        }
    }

    /// What open pending transfers hold of an account.
    pub fn held(&self, account: AccountId) -> Money {
        self.held.get(&account).copied().unwrap_or_default()
    }

    /// Open promises in the order in which they lapse.
    pub fn promises(&self) -> impl Iterator<Item = (Timestamp, AccountId)> + '_ {
        self.promises.iter().copied()
    }

    /// `p`: the sum of the account's open promise.
    pub fn promised(&self, account: AccountId) -> Money {
        self.accounts.get(&account).map_or(Money::ZERO, AccountState::promised)
    }
}
