//! The one writer of a ledger: queue -> batch -> decide -> commit -> publish -> reply.
//!
//! One thread owns the engine's state and the store. It drains what is queued (no added delay), decides each command in
//! order, commits all changes in one transaction, publishes them in the directory, and only then answers. Payments and
//! people go ahead of accounting. Protocols and rules live elsewhere.

mod batch;
mod queue;
mod ticker;

pub use queue::{Answer, Rejected, WriterHandle};

use crate::directory::Directory;
use crate::engine::{Settings, State, Touched};
use crate::model::*;
use crate::storage::{Lease, Store, StoreError};
use queue::Queue;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use ticker::Ticker;

/// How long the writer sleeps when nothing is queued. It sleeps by a timer and decides by the clock: when somebody sets
/// the clock forward, moments that have come are noticed after this.
const IDLE_MAX: Duration = Duration::from_secs(1);

/// A writer that has started.
pub struct Started {
    pub handle: WriterHandle,
    pub thread: std::thread::JoinHandle<()>,
    /// How far each edge's spool has been taken in.
    pub edge_positions: HashMap<String, SpoolPosition>,
}

/// Everything the writer's thread owns.
pub struct Writer {
    store: Box<dyn Store>,
    state: State,
    lease: Lease,
    settings: Settings,
    directory: Arc<Directory>,
    clock: Arc<dyn Clock>,
    queue: Arc<Queue>,
    ticker: Ticker,
    holder: String,
    /// The server is stopping and the state holds what the store may not: nothing is decided upon it any more.
    state_is_lost: bool,
}

impl Writer {
    /// Takes the lease, loads the state, publishes it, and starts the thread. Fails only before that.
    pub fn start(
        mut store: Box<dyn Store>,
        settings: Settings,
        directory: Arc<Directory>,
        clock: Arc<dyn Clock>,
        holder: String,
    ) -> Result<Started, StoreError> {
        let lease = store.acquire_lease(&holder)?;
        let now = clock.now();
        let snapshot = store.load()?;
        let edge_positions = snapshot.edge_positions.clone();
        let state = State::new(snapshot, settings.clone(), now);
        directory.publish_all(&state, now);
        let queue = Arc::new(Queue::default());
        let handle = WriterHandle::new(Arc::clone(&queue));
        let ticker = Ticker::new(Arc::clone(&queue));
        let writer = Writer {
            store,
            state,
            lease,
            settings,
            directory,
            clock,
            queue,
            ticker,
            holder,
            state_is_lost: false,
        };
        let thread = std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || writer.run())
            .map_err(|e| StoreError::Unusable(format!("cannot start the writer's thread: {e}")))?;
        Ok(Started { handle, thread, edge_positions })
    }

    fn run(mut self) {
        loop {
            let now = self.clock.now();
            let wait = self.state.next_deadline().map_or(IDLE_MAX, |at| at.since(now)).min(IDLE_MAX);
            let wait = wait.min(self.ticker.drive(&self.state, self.clock.as_ref()));
            let Some(jobs) = self.queue.take(wait) else { return };
            self.publish_due();
            if !jobs.is_empty() {
                self.process(jobs);
            }
        }
    }

    /// Publishes those whose standing has changed by itself: a credit's term, a validity.
    fn publish_due(&mut self) {
        if self.state_is_lost {
            return;
        }
        let now = self.clock.now();
        let due = self.state.take_due(now);
        if !due.is_empty() {
            let touched = Touched { subscribers: due, ..Touched::default() };
            self.directory.publish(&self.state, &touched, now);
        }
    }

    /// Drops the state and starts from the store again.
    fn reload(&mut self) -> Result<(), StoreError> {
        self.lease = self.store.acquire_lease(&self.holder)?;
        let now = self.clock.now();
        self.state = State::new(self.store.load()?, self.settings.clone(), now);
        self.directory.publish_all(&self.state, now);
        Ok(())
    }
}

/// However the thread ends, nobody is left waiting.
impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.stop();
        self.queue.reject_waiting("the ledger's writer has ended");
    }
}

#[cfg(test)]
mod tests;
