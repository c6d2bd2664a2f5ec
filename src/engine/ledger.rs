//! Postings: how a decision writes transfers.

use super::State;
use super::drafts::Drafts;
use crate::model::*;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::HashMap;

/// Collects the changes of one decision, with the balances as they will be after it.
pub(super) struct Books<'a> {
    state: &'a State,
    pub changes: Vec<Change>,
    next_transfer: i64,
    next_own_account: i64,
    /// Balances that differ from the state's. Tables, because a load posts for every contract of an operator.
    balances: FxHashMap<AccountId, Money>,
    opened_own: HashMap<(LedgerKind, Asset, String), AccountId>,
    opened_contracts: FxHashSet<AccountId>,
    pub(super) drafts: Drafts,
}

/// What a transfer says besides its two sides.
pub(super) struct Entry<'a> {
    pub kind: TransferKind,
    pub reference: &'a str,
    pub text: &'a str,
    pub by: &'a str,
    pub time: Timestamp,
    /// The day it is for, where that is not the day of `time`.
    pub day: Option<Day>,
}

impl<'a> Books<'a> {
    pub fn new(state: &'a State) -> Books<'a> {
        Books {
            state,
            changes: Vec::new(),
            next_transfer: state.last_transfer() + 1,
            next_own_account: state.own_account_lowest().min(0) - 1,
            balances: FxHashMap::default(),
            opened_own: HashMap::new(),
            opened_contracts: FxHashSet::default(),
            drafts: Drafts::default(),
        }
    }

    /// The state that the decision is made upon.
    pub fn state(&self) -> &'a State {
        self.state
    }

    /// Balance of an account after the postings so far.
    pub fn balance(&self, id: AccountId) -> Money {
        self.balances.get(&id).copied().unwrap_or_else(|| self.state.balance(id))
    }

    /// Our own account of this kind and name, opened when it is the first time.
    pub fn own_account(&mut self, kind: LedgerKind, name: &str) -> AccountId {
        self.own_account_of(kind, Asset::Money, name)
    }

    /// The same for an account that counts something else than money.
    pub fn own_account_of(&mut self, kind: LedgerKind, asset: Asset, name: &str) -> AccountId {
        if let Some(id) = self.state.own_account(kind, asset, name) {
            return id;
        }
        let key = (kind, asset, name.to_owned());
        if let Some(id) = self.opened_own.get(&key) {
            return *id;
        }
        let id = AccountId(self.next_own_account);
        self.next_own_account -= 1;
        self.opened_own.insert(key, id);
        self.changes.push(Change::LedgerAccount(LedgerAccount { id, kind, asset, name: name.to_owned() }));
        id
    }

    /// The ledger account of a contract, opened when it is the first time.
    pub fn contract_account(&mut self, account: &Account) -> AccountId {
        if !self.state.ledger.contains_key(&account.id) && self.opened_contracts.insert(account.id) {
            let entry = LedgerAccount {
                id: account.id,
                kind: LedgerKind::Contract,
                asset: Asset::Money,
                name: account.contract.clone(),
            };
            self.changes.push(Change::LedgerAccount(entry));
        }
        account.id
    }

    /// Posts `amount` (more than zero) from `debit` to `credit`; `contract` is the side whose balance is shown.
    /// Refused when a balance would leave the range of the ledger.
    pub fn transfer(
        &mut self,
        debit: AccountId,
        credit: AccountId,
        contract: AccountId,
        amount: Money,
        entry: Entry<'_>,
    ) -> Result<Transfer, Refusal> {
        let out_of_range = || Refusal::new("out-of-range", "the balance would leave the range of the ledger");
        let debited = self.balance(debit).checked_sub(amount).ok_or_else(out_of_range)?;
        let credited = self.balance(credit).checked_add(amount).ok_or_else(out_of_range)?;
        self.balances.insert(debit, debited);
        self.balances.insert(credit, credited);
        let transfer = Transfer {
            id: TransferId(self.next_transfer),
            debit,
            credit,
            amount,
            kind: entry.kind,
            reference: entry.reference.to_owned(),
            text: entry.text.to_owned(),
            time: entry.time,
            by: entry.by.to_owned(),
            balance_after: self.balance(contract),
            day: entry.day,
            reverses: None,
        };
        self.next_transfer += 1;
        self.changes.push(Change::Transfer(transfer.clone()));
        Ok(transfer)
    }
}
