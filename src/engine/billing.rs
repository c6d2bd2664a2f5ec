//! What the billing rules remember, as part of the state: one table for each kind of [`Change`].

use crate::model::*;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Tables of the billing rules. Read by every rule, changed by [`Billing::absorb`] alone.
#[derive(Default)]
pub(super) struct Billing {
    pub services: HashMap<String, Arc<Service>>,
    pub packages: HashMap<String, Arc<Package>>,
    /// Those that have not ended.
    pub holdings: BTreeMap<HoldingKey, PackageHolding>,
    /// Holdings with units of traffic, by who bought them.
    pub traffic_of: FxHashMap<SubscriberId, Vec<HoldingKey>>,
    /// When holdings end.
    pub expiries: BTreeSet<(Timestamp, HoldingKey)>,
    pub fees: FxHashMap<SubscriberId, FeeState>,
    pub accounts: FxHashMap<AccountId, AccountState>,
    pub meters: FxHashMap<MeterKey, Meter>,
    /// The newest month of the meters.
    pub meters_month: Month,
    /// Open ones.
    pub pending: FxHashMap<i64, Pending>,
    pub budgets: HashMap<String, Arc<Budget>>,
    pub rating: HashMap<String, Arc<RatingDocument>>,
    pub books: BooksState,
    /// Open pending transfers by what they are for.
    pub pending_by_reference: BTreeMap<String, i64>,
    /// When they end by themselves.
    pub pending_ends: BTreeSet<(Timestamp, i64)>,
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
            Change::Holding(holding) => self.absorb_holding(holding),
            Change::Meter(meter) => self.absorb_meter(meter),
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

    /// Keeps the meters of the newest month and the one before, as a store loads them.
    fn absorb_meter(&mut self, meter: &Meter) {
        self.meters.insert(meter.key, meter.clone());
        let month = meter.key.month;
        if month > self.meters_month {
            self.meters_month = month;
            self.meters.retain(|key, _| key.month.next() >= month);
        }
    }

    fn absorb_holding(&mut self, holding: &PackageHolding) {
        let key = holding.key();
        if let Some(old) = self.holdings.remove(&key) {
            if let Some(expires) = old.expires {
                self.expiries.remove(&(expires, key.clone()));
            }
            if let Some(keys) = self.traffic_of.get_mut(&old.subscriber) {
                keys.retain(|other| *other != key);
                if keys.is_empty() {
                    self.traffic_of.remove(&old.subscriber);
                }
            }
        }
        if holding.ended {
            return;
        }
        if let Some(expires) = holding.expires {
            self.expiries.insert((expires, key.clone()));
        }
        if holding.octets.is_some() {
            self.traffic_of.entry(holding.subscriber).or_default().push(key.clone());
        }
        self.holdings.insert(key, holding.clone());
    }

    fn absorb_pending(&mut self, pending: &Pending) {
        if let Some(old) = self.pending.remove(&pending.id) {
            let held = self.held.entry(old.debit).or_default();
            *held = held.saturating_sub(old.amount);
            self.pending_by_reference.remove(&old.reference);
            self.pending_ends.remove(&(old.expires, old.id));
        }
        if pending.state == PendingState::Open {
            let held = self.held.entry(pending.debit).or_default();
            *held = held.saturating_add(pending.amount);
            self.pending_by_reference.insert(pending.reference.clone(), pending.id);
            self.pending_ends.insert((pending.expires, pending.id));
            self.pending.insert(pending.id, pending.clone());
        }
    }

    /// What open pending transfers hold of an account.
    pub fn held(&self, account: AccountId) -> Money {
        self.held.get(&account).copied().unwrap_or_default()
    }

    /// Open pending transfers whose reference begins so, in order of reference.
    pub fn pending_with<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a Pending> {
        let found = self.pending_by_reference.range(prefix.to_owned()..);
        let found = found.take_while(move |(reference, _)| reference.starts_with(prefix));
        found.filter_map(|(_, id)| self.pending.get(id))
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
