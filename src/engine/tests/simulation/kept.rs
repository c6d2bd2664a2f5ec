//! What a store keeps of the changes it was given, in as little room as a new start of the engine needs: a year has
//! millions of them.

use crate::engine::testing::Stored;
use crate::engine::{Recalled, Wanted};
use crate::model::*;
use std::collections::HashMap;
use std::time::Duration;

/// A session that ended is given to a start for so long: a late record finds it.
const CLOSED_KEPT: Duration = Duration::from_secs(2 * 86_400);

#[derive(Default)]
pub struct Kept {
    /// What a start is given.
    rows: Stored,
    last: Option<TransferId>,
    payments: HashMap<PaymentKey, Payment>,
    /// Transfers of payments: they may be reversed.
    reversible: HashMap<TransferId, (Transfer, PaymentKey)>,
    reversed_by: HashMap<TransferId, TransferId>,
    answers: HashMap<String, RememberedAnswer>,
}

impl Kept {
    pub fn write(&mut self, change: &Change) {
        match change {
            Change::Transfer(transfer) => self.post(transfer),
            Change::Payment(payment) => {
                let before = self.payments.insert(payment.key.clone(), payment.clone());
                assert_eq!(before, None, "the key of a payment is unique");
            }
            Change::PaymentReversed(key) => {
                self.payments.get_mut(key).expect("what is reversed was paid").reversed = true;
            }
            Change::Answer(answer) => {
                let before = self.answers.insert(answer.key.clone(), answer.clone());
                assert_eq!(before, None, "the key of an answer is unique");
            }
            Change::ForgetAnswers(before) => self.answers.retain(|_, answer| answer.at >= *before),
            Change::Session(Session { stopped: Some(stopped), .. }) => {
                self.rows.forget_sessions(stopped.saturating_sub(CLOSED_KEPT));
            }
            _ => {}
        }
        self.rows.write(change);
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
        self.rows.snapshot()
    }
}
