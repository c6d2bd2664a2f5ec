//! What the state remembers for calls beside the tables of [`super::super::billing`]: tariffs made ready, and who pays
//! for whom.

use super::super::State;
use super::units::to_units;
use super::wallet::user_budget;
use crate::engine::CallRules;
use crate::model::*;
use crate::rating::{DocumentKind, Documents, Tariffs, UserBudget};
use rustc_hash::FxHashMap;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// Names of the stored documents.
pub(super) const DOCUMENTS: [(DocumentKind, &str); 3] = [
    (DocumentKind::Rates, "activation-periods"),
    (DocumentKind::Destinations, "destinations"),
    (DocumentKind::Plans, "tariff-plans"),
];

#[derive(Default)]
pub(in crate::engine) struct Calls {
    /// Made of the stored documents when they are first asked for: a load brings three of them.
    tariffs: OnceLock<Result<Arc<Tariffs>, Refusal>>,
    /// Contracts by the subjects that they name.
    payers: HashMap<String, AccountId>,
    /// Subjects by the ledger accounts of their budgets.
    owners: FxHashMap<AccountId, Arc<str>>,
}

impl Calls {
    pub fn payer(&self, subject: &str) -> Option<AccountId> {
        self.payers.get(subject).copied()
    }

    /// The subject whose budget has this ledger account.
    pub fn owner(&self, account: AccountId) -> Option<&Arc<str>> {
        self.owners.get(&account)
    }

    pub fn documents_changed(&mut self) {
        self.tariffs = OnceLock::new();
    }

    pub fn absorb_budget(&mut self, budget: &Budget) {
        let subject: Arc<str> = budget.subject.as_str().into();
        let units = [budget.sms, budget.traffic].into_iter();
        let buckets = budget.buckets.iter().map(|bucket| bucket.seconds);
        for id in units.chain(budget.money).chain(buckets) {
            self.owners.insert(id, Arc::clone(&subject));
        }
    }

    /// A contract names other subjects than before.
    pub fn absorb_account(&mut self, old: Option<&Account>, new: &Account) {
        for subject in old.into_iter().flat_map(|old| &old.voip_subjects) {
            if self.payers.get(subject) == Some(&new.id) {
                self.payers.remove(subject);
            }
        }
        self.payers.extend(new.voip_subjects.iter().map(|subject| (subject.clone(), new.id)));
    }
}

/// A subject's budget as readers see it.
#[derive(Clone, Debug)]
pub struct CallBudget {
    /// Its credit is the balance, in millionths of the dialect's unit.
    pub budget: UserBudget,
    /// The contract that pays, with what it has promised less what is reserved.
    contract: Option<(Arc<Account>, Money)>,
    rules: CallRules,
}

impl CallBudget {
    /// The budget with what can be spent as its credit: a contract's credit limit and promise count.
    pub fn spendable(&self, now: Timestamp) -> Cow<'_, UserBudget> {
        let Some((account, set_aside)) = &self.contract else { return Cow::Borrowed(&self.budget) };
        let more = set_aside.saturating_add(account.credit_at(now));
        let more = to_units(more, &self.rules).unwrap_or_default();
        let credit = self.budget.credit.saturating_add(more);
        Cow::Owned(UserBudget { credit, ..self.budget.clone() })
    }
}

impl State {
    /// The tariffs that are loaded.
    ///
    /// # Errors
    /// The stored documents do not fit each other: another version wrote them, or somebody edited them.
    pub fn tariffs(&self) -> Result<Arc<Tariffs>, Refusal> {
        self.calls.tariffs.get_or_init(|| self.read_tariffs()).clone()
    }

    fn read_tariffs(&self) -> Result<Arc<Tariffs>, Refusal> {
        let refused = |error| Refusal::new("bad-tariffs", format!("stored tariffs: {error}"));
        let documents = self.rating_documents().map_err(refused)?;
        Tariffs::new(&documents).map(Arc::new).map_err(refused)
    }

    /// The rows of the stored documents.
    pub(super) fn rating_documents(&self) -> Result<Documents, crate::rating::LoadError> {
        let mut documents = Documents::default();
        for (kind, name) in DOCUMENTS {
            if let Some(stored) = self.billing.rating.get(name) {
                documents.read(kind, &stored.body)?;
            }
        }
        Ok(documents)
    }

    /// A subject's budget; None when it has neither one nor a contract that names it.
    pub fn call_budget(&self, subject: &str) -> Option<CallBudget> {
        let record = self.billing.budgets.get(subject);
        let contract = self.calls.payer(subject).and_then(|id| self.accounts.get(&id));
        if record.is_none() && contract.is_none() {
            return None;
        }
        let balance = match contract {
            Some(account) => self.balance(account.id),
            None => record.and_then(|record| record.money).map_or(Money::ZERO, |id| self.balance(id)),
        };
        let rules = &self.settings.calls;
        let credit = to_units(balance, rules).unwrap_or_default();
        let contract = contract.map(|account| {
            let set_aside = self.billing.promised(account.id).saturating_sub(self.billing.held(account.id));
            (Arc::clone(account), set_aside)
        });
        let budget = user_budget(self, subject, record.map(Arc::as_ref), credit);
        Some(CallBudget { budget, contract, rules: rules.clone() })
    }

    /// Everybody who has a budget or whom a contract names.
    pub fn call_subjects(&self) -> impl Iterator<Item = &str> {
        let named = self.calls.payers.keys().filter(|subject| !self.billing.budgets.contains_key(*subject));
        self.billing.budgets.keys().chain(named).map(String::as_str)
    }
}
