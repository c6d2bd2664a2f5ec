//! What the state keeps of what was written before: payments, transfers that are to be reversed, answers to requests
//! with a key. The rest is in the store, which is asked before a batch is decided.

use super::Request;
use crate::model::*;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Payments kept in memory from batch to batch, so that a repeat needs no question to the store.
pub(super) const RECENT_PAYMENTS_MAX: usize = 100_000;
/// Transfers that were asked for because they were to be reversed.
const RECENT_TRANSFERS_MAX: usize = 10_000;
/// Answers to requests with a key.
const RECENT_ANSWERS_MAX: usize = 10_000;
/// Of each kind at least so many of the newest are kept.
pub const RECALLED_MIN: usize = RECENT_TRANSFERS_MAX;

/// What the store has to be asked for before commands are decided.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    pub payments: Vec<PaymentKey>,
    pub transfers: Vec<TransferId>,
    /// Keys as they are stored: see [`RememberedAnswer`].
    pub answers: Vec<String>,
}

impl Wanted {
    pub fn is_empty(&self) -> bool {
        self.payments.is_empty() && self.transfers.is_empty() && self.answers.is_empty()
    }
}

/// What the store had of it.
#[derive(Debug, Default)]
pub struct Recalled {
    pub payments: Vec<Payment>,
    pub transfers: Vec<PostedTransfer>,
    pub answers: Vec<RememberedAnswer>,
}

#[derive(Default)]
pub(super) struct Recall {
    payments: Recent<PaymentKey, Payment>,
    transfers: Recent<TransferId, PostedTransfer>,
    answers: Recent<String, RememberedAnswer>,
}

impl Recall {
    /// What of these requests is not in memory. The oldest is forgotten here and nowhere else, so that what is known now
    /// is still known when the requests are decided.
    pub fn wanted<'a>(&mut self, requests: impl Iterator<Item = Request<'a>>) -> Wanted {
        self.payments.forget_beyond(RECENT_PAYMENTS_MAX);
        self.transfers.forget_beyond(RECENT_TRANSFERS_MAX);
        self.answers.forget_beyond(RECENT_ANSWERS_MAX);
        let mut wanted = Wanted::default();
        for request in requests {
            match request.command {
                Command::Pay(pay) if !self.payments.knows(&pay.key) => wanted.payments.push(pay.key.clone()),
                Command::Correction(CorrectionCommand::Reverse { transfer, .. })
                    if !self.transfers.knows(transfer) =>
                {
                    wanted.transfers.push(*transfer);
                }
                _ => {}
            }
            wanted.answers.extend(request.stored_key().filter(|key| !self.answers.knows(key)));
        }
        wanted
    }

    /// Takes in what the store had. What is known already stays: it may be newer than what is committed.
    pub fn remember(&mut self, recalled: Recalled) {
        for payment in recalled.payments {
            self.payments.add(payment.key.clone(), payment);
        }
        for posted in recalled.transfers {
            if let Some(payment) = &posted.payment {
                self.payments.add(payment.key.clone(), payment.clone());
            }
            self.transfers.add(posted.transfer.id, posted);
        }
        for answer in recalled.answers {
            self.answers.add(answer.key.clone(), answer);
        }
    }

    /// Takes in a change of these; anything else is not for this table.
    pub fn absorb(&mut self, change: &Change) {
        match change {
            Change::Payment(payment) => self.payments.put(payment.key.clone(), payment.clone()),
            Change::PaymentReversed(key) => {
                if let Some(payment) = self.payments.known.get_mut(key) {
                    payment.reversed = true;
                }
            }
            Change::Transfer(transfer) => {
                let original = transfer.reverses.and_then(|id| self.transfers.known.get_mut(&id));
                if let Some(original) = original {
                    original.reversed_by = Some(transfer.id);
                }
            }
            Change::Answer(answer) => self.answers.put(answer.key.clone(), answer.clone()),
            Change::ForgetAnswers(before) => self.answers.retain(|answer| answer.at >= *before),
            _ => {}
        }
    }

    pub fn payment(&self, key: &PaymentKey) -> Option<&Payment> {
        self.payments.known.get(key).map(Box::as_ref)
    }

    pub fn transfer(&self, id: TransferId) -> Option<&PostedTransfer> {
        self.transfers.known.get(&id).map(Box::as_ref)
    }

    pub fn answer(&self, key: &str) -> Option<&RememberedAnswer> {
        self.answers.known.get(key).map(Box::as_ref)
    }
}

/// The newest entries of a table that is in the store.
struct Recent<K, V> {
    /// Boxed, because the table moves its entries each time it grows.
    known: HashMap<K, Box<V>>,
    /// Oldest first.
    order: VecDeque<K>,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Recent<K, V> {
        Recent { known: HashMap::new(), order: VecDeque::new() }
    }
}

impl<K: Hash + Eq + Clone, V> Recent<K, V> {
    fn knows(&self, key: &K) -> bool {
        self.known.contains_key(key)
    }

    fn put(&mut self, key: K, value: V) {
        if self.known.insert(key.clone(), Box::new(value)).is_none() {
            self.order.push_back(key);
        }
    }

    /// Nothing changes for a key that is known.
    fn add(&mut self, key: K, value: V) {
        if !self.knows(&key) {
            self.put(key, value);
        }
    }

    fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        let known = &mut self.known;
        known.retain(|_, value| keep(value));
        self.order.retain(|key| known.contains_key(key));
    }

    fn forget_beyond(&mut self, most: usize) {
        while self.order.len() > most {
            let Some(oldest) = self.order.pop_front() else { break };
            self.known.remove(&oldest);
        }
    }
}
