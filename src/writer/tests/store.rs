//! A store in memory that keeps what was committed and fails when it is told to.

use crate::engine::testing::stored;
use crate::model::*;
use crate::storage::{Batch, Lease, Lookup, Store, StoreError};
use parking_lot::{Condvar, Mutex};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// How the next attempt to commit goes.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Not confirmed, and not done.
    Unknown,
    /// Done, and not confirmed.
    DoneAndUnknown,
    Full,
    Panic,
}

#[derive(Default)]
pub struct Shared {
    inner: Mutex<Inner>,
    gate_moved: Condvar,
}

#[derive(Default)]
struct Inner {
    changes: Vec<Change>,
    payments: HashMap<PaymentKey, Payment>,
    epoch: u64,
    sequence: u64,
    script: VecDeque<Step>,
    /// Every attempt to commit: epoch, sequence, changes.
    attempts: Vec<(u64, u64, usize)>,
    /// A batch with a payment of this id breaks a rule of the store.
    poison: Option<String>,
    /// The store cannot be reached for loading or leasing.
    away: bool,
    gate_closed: bool,
    at_gate: bool,
    /// Commits that the closed gate lets through.
    passes: usize,
    slow: Duration,
}

impl Shared {
    pub fn script(&self, steps: impl IntoIterator<Item = Step>) {
        self.inner.lock().script.extend(steps);
    }

    pub fn clear_script(&self) {
        self.inner.lock().script.clear();
    }

    pub fn poison(&self, id: &str) {
        self.inner.lock().poison = Some(id.into());
    }

    pub fn set_away(&self, away: bool) {
        self.inner.lock().away = away;
    }

    pub fn set_slow(&self, slow: Duration) {
        self.inner.lock().slow = slow;
    }

    /// The next commit stands still until the gate opens.
    pub fn close_gate(&self) {
        self.inner.lock().gate_closed = true;
    }

    pub fn open_gate(&self) {
        self.inner.lock().gate_closed = false;
        self.gate_moved.notify_all();
    }

    /// Lets the one that stands there through; the next one stands still again.
    pub fn pass_gate(&self) {
        let mut inner = self.inner.lock();
        inner.passes += 1;
        inner.at_gate = false;
        self.gate_moved.notify_all();
    }

    pub fn is_at_gate(&self) -> bool {
        self.inner.lock().at_gate
    }

    /// Attempts to commit since the start: epoch, sequence, changes.
    pub fn attempts(&self) -> Vec<(u64, u64, usize)> {
        self.inner.lock().attempts.clone()
    }

    pub fn payments(&self) -> Vec<Payment> {
        let mut payments: Vec<Payment> = self.inner.lock().payments.values().cloned().collect();
        payments.sort_by_key(|payment| payment.transfer);
        payments
    }

    /// Another writer takes the lease and commits these changes.
    pub fn other_writer(&self, changes: Vec<Change>) {
        let mut inner = self.inner.lock();
        inner.epoch += 1;
        inner.sequence += 1;
        inner.write(&changes);
    }

    pub fn changes(&self) -> Vec<Change> {
        self.inner.lock().changes.clone()
    }

    pub fn snapshot(&self) -> Snapshot {
        stored(&self.inner.lock().changes)
    }
}

impl Inner {
    fn write(&mut self, changes: &[Change]) {
        for change in changes {
            if let Change::Payment(payment) = change {
                self.payments.insert(payment.key.clone(), payment.clone());
            }
        }
        self.changes.extend_from_slice(changes);
    }

    fn check(&self, batch: &Batch<'_>) -> Result<(), StoreError> {
        for change in batch.changes {
            if let Change::Payment(payment) = change {
                let poisoned = self.poison.as_ref() == Some(&payment.key.id);
                if poisoned || self.payments.contains_key(&payment.key) {
                    return Err(StoreError::Poisoned(payment.key.id.clone()));
                }
            }
        }
        Ok(())
    }
}

pub struct MemoryStore(pub Arc<Shared>);

impl MemoryStore {
    fn reached(&self) -> Result<parking_lot::MutexGuard<'_, Inner>, StoreError> {
        let inner = self.0.inner.lock();
        if inner.away { Err(StoreError::Unknown("the store is away".into())) } else { Ok(inner) }
    }
}

impl Store for MemoryStore {
    fn acquire_lease(&mut self, _holder: &str) -> Result<Lease, StoreError> {
        let mut inner = self.reached()?;
        inner.epoch += 1;
        Ok(Lease { epoch: inner.epoch, batch_sequence: inner.sequence })
    }

    fn load(&mut self) -> Result<Snapshot, StoreError> {
        Ok(stored(&self.reached()?.changes))
    }

    fn lookup(&self) -> Result<Box<dyn Lookup>, StoreError> {
        Ok(Box::new(MemoryStore(Arc::clone(&self.0))))
    }

    fn commit(&mut self, batch: &Batch<'_>) -> Result<(), StoreError> {
        let mut inner = self.0.inner.lock();
        inner.attempts.push((batch.epoch, batch.sequence, batch.changes.len()));
        inner.at_gate = inner.gate_closed;
        while inner.gate_closed && inner.passes == 0 {
            self.0.gate_moved.wait(&mut inner);
        }
        inner.passes = inner.passes.saturating_sub(1);
        inner.at_gate = false;
        if !inner.slow.is_zero() {
            let slow = inner.slow;
            drop(inner);
            std::thread::sleep(slow);
            inner = self.0.inner.lock();
        }
        let step = inner.script.pop_front();
        match step {
            Some(Step::Unknown) => return Err(StoreError::Unknown("cut off".into())),
            Some(Step::Full) => return Err(StoreError::Full("no space".into())),
            Some(Step::Panic) => panic!("a fault of the store"),
            Some(Step::DoneAndUnknown) | None => {}
        }
        if batch.epoch != inner.epoch {
            return Err(StoreError::LeaseLost { held_epoch: inner.epoch });
        }
        if batch.sequence == inner.sequence {
            return Ok(());
        }
        assert_eq!(batch.sequence, inner.sequence + 1, "a batch out of turn");
        inner.check(batch)?;
        inner.sequence = batch.sequence;
        inner.write(batch.changes);
        match step {
            Some(Step::DoneAndUnknown) => Err(StoreError::Unknown("cut off after the commit".into())),
            _ => Ok(()),
        }
    }
}

impl Lookup for MemoryStore {
    fn payments_by_key(&mut self, keys: &[PaymentKey]) -> Result<HashMap<PaymentKey, Payment>, StoreError> {
        let inner = self.reached()?;
        Ok(keys
            .iter()
            .filter_map(|key| inner.payments.get_key_value(key))
            .map(|(k, p)| (k.clone(), p.clone()))
            .collect())
    }

    fn transfers_by_id(&mut self, ids: &[TransferId]) -> Result<Vec<PostedTransfer>, StoreError> {
        let inner = self.reached()?;
        let transfers = || inner.changes.iter().filter_map(as_transfer);
        let posted = |id: &TransferId| {
            let transfer = transfers().find(|transfer| transfer.id == *id)?.clone();
            let reversed_by = transfers().find(|t| t.reverses == Some(*id)).map(|t| t.id);
            let payment = inner.payments.values().find(|payment| payment.transfer == *id).cloned();
            Some(PostedTransfer { transfer, reversed_by, payment })
        };
        Ok(ids.iter().filter_map(posted).collect())
    }

    fn answers_by_key(&mut self, keys: &[String]) -> Result<Vec<RememberedAnswer>, StoreError> {
        let inner = self.reached()?;
        let answers = inner.changes.iter().filter_map(|change| match change {
            Change::Answer(answer) if keys.contains(&answer.key) => Some(answer.clone()),
            _ => None,
        });
        Ok(answers.collect())
    }
}

fn as_transfer(change: &Change) -> Option<&Transfer> {
    match change {
        Change::Transfer(transfer) => Some(transfer),
        _ => None,
    }
}
