//! What a store keeps of the changes it was given, in as little room as a new start of the engine needs: a year has
//! millions of them.

use crate::engine::testing::stored;
use crate::engine::{Recalled, Wanted};
use crate::model::*;
use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// A session that ended is given to a start for so long: a late record finds it.
const CLOSED_KEPT: Duration = Duration::from_secs(2 * 86_400);

#[derive(Default)]
pub struct Kept {
    /// The newest value of each row.
    rows: FxHashMap<Row, Change>,
    /// Sums of all transfers from one account to another, as one transfer.
    flows: FxHashMap<(AccountId, AccountId), Transfer>,
    last: Option<TransferId>,
    payments: HashMap<PaymentKey, Payment>,
    /// Transfers of payments: they may be reversed.
    reversible: HashMap<TransferId, (Transfer, PaymentKey)>,
    /// Keys of sessions in the order in which they ended.
    closed: VecDeque<(Timestamp, SessionKey)>,
    reversed_by: HashMap<TransferId, TransferId>,
    answers: HashMap<String, RememberedAnswer>,
    others: Vec<Change>,
}

#[derive(PartialEq, Eq, Hash)]
enum Row {
    LedgerAccount(AccountId),
    Plan(PlanId),
    Account(AccountId),
    Subscriber(SubscriberId),
    FeeState(SubscriberId),
    AccountState(AccountId),
    Meter(MeterKey),
    Service(String),
    Package(String),
    Holding(HoldingKey),
    Session(SessionKey),
    EdgePosition,
    Books,
}

impl Kept {
    pub fn write(&mut self, change: Change) {
        let row = match &change {
            Change::LedgerAccount(account) => Row::LedgerAccount(account.id),
            Change::Plan(plan) => Row::Plan(plan.id),
            Change::Account(account) => Row::Account(account.id),
            Change::Subscriber(subscriber) => Row::Subscriber(subscriber.id),
            Change::FeeState(fee) => Row::FeeState(fee.subscriber),
            Change::AccountState(state) => Row::AccountState(state.account),
            Change::Meter(meter) => Row::Meter(meter.key),
            Change::Service(service) => Row::Service(service.name.clone()),
            Change::Package(package) => Row::Package(package.name.clone()),
            Change::Holding(holding) => Row::Holding(holding.key()),
            Change::Session(session) => Row::Session(session.key.clone()),
            Change::EdgePosition { .. } => Row::EdgePosition,
            Change::Books(_) => Row::Books,
            Change::Transfer(transfer) => return self.post(transfer),
            Change::Payment(payment) => {
                let before = self.payments.insert(payment.key.clone(), payment.clone());
                return assert_eq!(before, None, "the key of a payment is unique");
            }
            Change::PaymentReversed(key) => {
                return self.payments.get_mut(key).expect("what is reversed was paid").reversed = true;
            }
            Change::Answer(answer) => {
                let before = self.answers.insert(answer.key.clone(), answer.clone());
                return assert_eq!(before, None, "the key of an answer is unique");
            }
            Change::ForgetAnswers(before) => return self.answers.retain(|_, answer| answer.at >= *before),
            Change::Audit(_) | Change::AddressAssigned(_) | Change::AddressWithdrawn { .. } => return,
            _ => return self.others.push(change),
        };
        if let Change::Session(session) = &change
            && let Some(stopped) = session.stopped
        {
            self.closed.push_back((stopped, session.key.clone()));
            let oldest = self.closed.front().filter(|(at, _)| stopped.since(*at) > CLOSED_KEPT);
            if oldest.is_some()
                && let Some((_, key)) = self.closed.pop_front()
            {
                self.rows.remove(&Row::Session(key));
            }
        }
        self.rows.insert(row, change);
    }

    fn post(&mut self, transfer: &Transfer) {
        assert_eq!(transfer.id.0, self.last.map_or(0, |last| last.0) + 1, "ids have no gap");
        self.last = Some(transfer.id);
        if transfer.kind == TransferKind::Payment {
            let key = PaymentKey { operator: transfer.by.clone(), id: transfer.reference.clone() };
            self.reversible.insert(transfer.id, (transfer.clone(), key));
        }
        if let Some(original) = transfer.reverses {
            assert_eq!(self.reversed_by.insert(original, transfer.id), None, "reversed twice");
        }
        match self.flows.entry((transfer.debit, transfer.credit)) {
            Entry::Vacant(place) => {
                place.insert(transfer.clone());
            }
            Entry::Occupied(mut place) => {
                let sum = place.get_mut();
                sum.amount = sum.amount.checked_add(transfer.amount).unwrap();
                sum.id = transfer.id;
            }
        }
    }

    /// What a store answers.
    pub fn recalled(&self, wanted: &Wanted) -> Recalled {
        let posted = |id: &TransferId| {
            let (transfer, key) = self.reversible.get(id)?.clone();
            let reversed_by = self.reversed_by.get(id).copied();
            Some(PostedTransfer { transfer, reversed_by, payment: self.payments.get(&key).cloned() })
        };
        Recalled {
            payments: wanted.payments.iter().filter_map(|key| self.payments.get(key)).cloned().collect(),
            transfers: wanted.transfers.iter().filter_map(posted).collect(),
            answers: wanted.answers.iter().filter_map(|key| self.answers.get(key)).cloned().collect(),
        }
    }

    pub fn payment(&self, key: &PaymentKey) -> Option<&Payment> {
        self.payments.get(key)
    }

    /// What the engine starts from after a crash.
    pub fn snapshot(&self) -> Snapshot {
        let rows = self.rows.values().cloned();
        let flows = self.flows.values().cloned().map(Change::Transfer);
        let changes: Vec<Change> = rows.chain(self.others.iter().cloned()).chain(flows).collect();
        stored(&changes)
    }
}
