//! An auditor who sees every transfer as it is written, and adds up by itself.

use super::events::Events;
use super::town::{
    HOUR_PRICE, HOURLY, PLANS, TRAFFIC, TRAFFIC_INCLUDED, TRAFFIC_PRICE, Town, is_quiet, plan_of,
};
use crate::engine::{State, available};
use crate::model::*;
use rustc_hash::{FxHashMap, FxHasher};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::hash::{Hash, Hasher};

#[derive(Default)]
pub struct Audit {
    sums: FxHashMap<AccountId, i128>,
    /// Of each ledger account: its kind, asset and name, whatever its id.
    names: FxHashMap<AccountId, u64>,
    fees: FxHashMap<SubscriberId, i64>,
    usage: FxHashMap<SubscriberId, i64>,
    /// Who had a fee due in this month that was not covered.
    short: HashSet<SubscriberId>,
    transfers: u64,
    /// Of the contents of all transfers, in any order.
    digest: u64,
    by_kind: BTreeMap<&'static str, (u64, i128)>,
    months_of_a_whole_fee: u32,
}

/// What must be the same for the same year, whatever happened to the server.
#[derive(Debug, PartialEq)]
pub struct Totals {
    transfers: u64,
    digest: u64,
    by_kind: BTreeMap<&'static str, (u64, i128)>,
    /// By kind and name of the ledger account.
    balances: BTreeMap<String, Money>,
    /// How each login stands, and what it owes.
    standings: BTreeMap<String, String>,
    refusals: BTreeMap<String, u32>,
    months_of_a_whole_fee: u32,
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<String> = self.by_kind.iter().map(|(kind, (n, _))| format!("{n} {kind}")).collect();
        let refusals: u32 = self.refusals.values().sum();
        write!(
            f,
            "{} transfers ({}), {} months of a whole fee, {refusals} refusals",
            self.transfers,
            kinds.join(", "),
            self.months_of_a_whole_fee
        )
    }
}

impl Audit {
    pub fn transfers(&self) -> u64 {
        self.transfers
    }

    /// Looks at a decision before the state takes it in.
    pub fn note(&mut self, state: &State, changes: &[Change], now: Timestamp) {
        let mut decision = Decision::of(state);
        for change in changes {
            match change {
                Change::LedgerAccount(account) => {
                    let mut name = FxHasher::default();
                    (account.kind, account.asset, &account.name).hash(&mut name);
                    self.names.insert(account.id, name.finish());
                }
                Change::AccountState(kept) => {
                    let most = decision.promised(kept.account).max(kept.promised());
                    decision.promised.insert(kept.account, most);
                }
                Change::Account(account) => {
                    decision.accounts.insert(account.id, account.clone());
                }
                Change::Subscriber(subscriber) => {
                    decision.plans.insert(subscriber.id, subscriber.plan);
                }
                Change::FeeState(fee) if fee.due.is_positive() => {
                    self.short.insert(fee.subscriber);
                }
                Change::Transfer(transfer) => {
                    self.add(transfer);
                    match transfer.kind {
                        TransferKind::Fee | TransferKind::Service => {
                            self.note_fee(&decision, transfer, now);
                        }
                        TransferKind::Usage => self.note_usage(transfer),
                        _ => {}
                    }
                }
                _ => {}
            }
        }
    }

    fn add(&mut self, transfer: &Transfer) {
        assert!(transfer.amount.is_positive(), "{transfer:?}");
        let amount = i128::from(transfer.amount.micros());
        *self.sums.entry(transfer.debit).or_default() -= amount;
        *self.sums.entry(transfer.credit).or_default() += amount;
        self.transfers += 1;
        let (count, sum) = self.by_kind.entry(transfer.kind.as_str()).or_default();
        (*count, *sum) = (*count + 1, *sum + amount);
        let mut content = FxHasher::default();
        (self.names[&transfer.debit], self.names[&transfer.credit], amount).hash(&mut content);
        // A reversal names the number of its original, which is another one where payments came in another order.
        if transfer.kind != TransferKind::Reversal {
            (&transfer.reference, &transfer.text).hash(&mut content);
        }
        (transfer.kind, &transfer.by).hash(&mut content);
        (transfer.time.micros(), transfer.day).hash(&mut content);
        self.digest = self.digest.wrapping_add(content.finish());
    }

    /// A fee on a plan with hold is covered; and it counts for its subscriber's month.
    fn note_fee(&mut self, decision: &Decision<'_>, transfer: &Transfer, now: Timestamp) {
        let Some(id) = owner(&transfer.reference, "fee") else { return };
        let given_back = transfer.debit.0 < 0;
        if transfer.kind == TransferKind::Fee {
            let sign = if given_back { -1 } else { 1 };
            *self.fees.entry(id).or_default() += sign * transfer.amount.micros();
        }
        if !given_back && decision.is_on_hold(id) {
            let account = decision.account(transfer.debit);
            let promised = decision.promised(transfer.debit);
            let left = available(account, transfer.balance_after, now).saturating_add(promised);
            assert!(!left.is_negative(), "on hold, and below zero by a fee: {transfer:?}");
        }
    }

    fn note_usage(&mut self, transfer: &Transfer) {
        // Units of a package are used under another reference.
        let Some(id) = owner(&transfer.reference, "usage") else { return };
        *self.usage.entry(id).or_default() += transfer.amount.micros();
    }

    /// The end of a month.
    pub fn close(&mut self, state: &State, town: &Town, events: &Events, month: Month) {
        let mut assets = BTreeMap::<Asset, i128>::new();
        for (id, (account, balance)) in &state.ledger {
            let balance = i128::from(balance.micros());
            *assets.entry(account.asset).or_default() += balance;
            assert_eq!(balance, self.sums.get(id).copied().unwrap_or(0), "{month}: {account:?}");
        }
        assert!(assets.values().all(|sum| *sum == 0), "{month}: {assets:?}");
        for number in (0..town.subscribers).filter(|number| is_quiet(*number)) {
            let id = state.logins[&Town::login(number)];
            let paid = self.fees.get(&id).copied().unwrap_or(0);
            let whole = whole_fee(state, id, month);
            if self.short.contains(&id) {
                assert!(paid <= whole, "{month}: {paid} of {whole} from {number}, who was short");
            } else {
                assert_eq!(paid, whole, "{month}: of {number}, who was never short");
                self.months_of_a_whole_fee += 1;
            }
            let used = self.usage.get(&id).copied().unwrap_or(0);
            assert_eq!(used, price_of(plan_of(number), events.usage(number)), "{month}: usage of {number}");
        }
        self.fees.clear();
        self.usage.clear();
        self.short.clear();
    }

    pub fn totals(
        &self,
        state: &State,
        town: &Town,
        refusals: &BTreeMap<String, u32>,
        now: Timestamp,
    ) -> Totals {
        let balances = state.ledger.values().map(|(account, balance)| {
            (format!("{:?} {:?} {}", account.kind, account.asset, account.name), *balance)
        });
        let standings = (0..town.subscribers).map(|number| {
            let login = Town::login(number);
            let view = state.view(state.logins[&login], now).unwrap();
            (login, format!("{:?} {:?} {:?}", view.standing, view.due, view.subscriber.terms))
        });
        Totals {
            transfers: self.transfers,
            digest: self.digest,
            by_kind: self.by_kind.clone(),
            balances: balances.collect(),
            standings: standings.collect(),
            refusals: refusals.clone(),
            months_of_a_whole_fee: self.months_of_a_whole_fee,
        }
    }
}

/// What a decision has changed before a transfer of it.
struct Decision<'a> {
    state: &'a State,
    promised: HashMap<AccountId, Money>,
    accounts: HashMap<AccountId, Account>,
    plans: HashMap<SubscriberId, Option<PlanId>>,
}

impl Decision<'_> {
    fn of(state: &State) -> Decision<'_> {
        Decision { state, promised: HashMap::new(), accounts: HashMap::new(), plans: HashMap::new() }
    }

    fn account(&self, id: AccountId) -> &Account {
        self.accounts.get(&id).unwrap_or_else(|| &self.state.accounts[&id])
    }

    fn promised(&self, account: AccountId) -> Money {
        self.promised.get(&account).copied().unwrap_or_else(|| self.state.billing.promised(account))
    }

    fn is_on_hold(&self, id: SubscriberId) -> bool {
        let plan = self.plans.get(&id).copied().unwrap_or_else(|| self.state.subscribers[&id].plan);
        plan.is_some_and(|plan| self.state.plans[&plan].on_shortage == OnShortage::Hold)
    }
}

/// Whose posting it is: `KIND:SUBSCRIBER:...`.
fn owner(reference: &str, kind: &str) -> Option<SubscriberId> {
    let mut words = reference.split(':');
    (words.next() == Some(kind)).then(|| words.next()?.parse().ok().map(SubscriberId)).flatten()
}

/// What so many octets and seconds of a month cost, half to even; millionths.
fn price_of(plan: &str, (octets, seconds): (u64, u64)) -> i64 {
    let kopecks = |price: Money, amount: u64, unit: i128| {
        let (exact, whole) = (i128::from(price.micros()) * i128::from(amount), 10_000 * unit);
        let (down, rest) = (exact / whole, exact % whole);
        let up = rest * 2 > whole || rest * 2 == whole && down % 2 == 1;
        i64::try_from((down + i128::from(up)) * 10_000).unwrap()
    };
    match plan {
        TRAFFIC => kopecks(TRAFFIC_PRICE, octets.saturating_sub(TRAFFIC_INCLUDED), 1 << 20),
        HOURLY => kopecks(HOUR_PRICE, seconds, 3_600),
        _ => 0,
    }
}

/// What a month costs on a subscriber's plan, by the table of plans; millionths.
fn whole_fee(state: &State, id: SubscriberId, month: Month) -> i64 {
    let plan = state.subscribers[&id].plan.map(|plan| state.plans[&plan].name.clone()).unwrap();
    let (_, fee, period, ..) = PLANS.iter().find(|(name, ..)| *name == plan).unwrap();
    let fee: Money = fee.parse().unwrap();
    match *period {
        "month" => fee.micros(),
        "day" => fee.micros() * i64::from(month.days()),
        _ => 0,
    }
}
