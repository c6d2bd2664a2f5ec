//! Access-Rejects held back for a while (draft-ietf-radext-deprecating-radius, "Delaying Access-Rejects"): guessing
//! passwords becomes slow. One bounded queue for all workers; every reject waits equally long, so it stays in order.

use super::Listener;
use super::duplicates::{Duplicates, Ticket};
use super::udp::{BATCH, Origin, send_all};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Rejects waiting at most; beyond it requests that would be rejected get no answer.
const WAITING_MAX: usize = 65_536;
/// How often a thread without work looks whether it is to end.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A signed Access-Reject and when and where it goes.
pub struct Held {
    pub due: Instant,
    pub listener: Arc<Listener>,
    pub origin: Origin,
    pub ticket: Ticket,
    pub octets: Box<[u8]>,
}

/// The queue is full.
pub struct RejectsFull;

#[derive(Default)]
pub struct Rejects {
    waiting: Mutex<VecDeque<Held>>,
    filled: Condvar,
}

impl Rejects {
    pub fn hold(&self, held: Held) -> Result<(), RejectsFull> {
        let mut waiting = self.waiting.lock();
        if waiting.len() >= WAITING_MAX {
            return Err(RejectsFull);
        }
        let was_empty = waiting.is_empty();
        waiting.push_back(held);
        drop(waiting);
        if was_empty {
            self.filled.notify_one();
        }
        Ok(())
    }

    /// Drops what waits.
    pub fn clear(&self) {
        self.waiting.lock().clear();
    }

    /// Sends what is due, until `is_stopping`.
    pub fn run(&self, duplicates: &Duplicates, is_stopping: impl Fn() -> bool) {
        let mut due = Vec::with_capacity(BATCH);
        while !is_stopping() {
            self.take_due(&mut due);
            send_held(&due, duplicates);
            due.clear();
        }
    }

    /// Waits, but not long, and takes a batch of what is due.
    fn take_due(&self, due: &mut Vec<Held>) {
        let mut waiting = self.waiting.lock();
        let now = Instant::now();
        let wait = waiting.front().map_or(LOOK_EVERY, |held| held.due.saturating_duration_since(now));
        if !wait.is_zero() {
            self.filled.wait_for(&mut waiting, wait.min(LOOK_EVERY));
        }
        let now = Instant::now();
        while due.len() < BATCH && waiting.front().is_some_and(|held| held.due <= now) {
            due.extend(waiting.pop_front());
        }
    }
}

fn send_held(due: &[Held], duplicates: &Duplicates) {
    for group in due.chunk_by(|a, b| Arc::ptr_eq(&a.listener, &b.listener)) {
        let Some(first) = group.first() else { continue };
        // First into the table: a repeat that comes now is answered and not silent.
        group.iter().for_each(|held| duplicates.answered(held.ticket, &held.octets));
        send_all(&first.listener.socket, group.iter().map(|held| (&*held.octets, held.origin)));
    }
}
