//! The one writer of a ledger: queue -> batch -> decide -> commit -> publish -> reply.
//!
//! The writer's thread owns the engine's state. It drains what is queued (no added delay), decides each command in order,
//! has all changes committed in one transaction, publishes them in the directory, and only then answers. Payments and
//! people go ahead of accounting. Protocols and rules live elsewhere.
//!
//! Two batches are on their way at most. While the committer's thread writes batch N, the writer's thread decides batch
//! N+1 on top of it; so the state may be ahead of the store, and these rules hold:
//!
//! - N+1 is given to the store only after N was committed: the order of batches is the order of their commits.
//! - Readers and callers learn of a batch after its own commit and not before. What readers will see is taken from the
//!   state when the batch is closed ([`Staged`](crate::directory::Staged)), before the next one changes it.
//! - A repeat or a refusal that rests on N, even with nothing to write, is in N+1 and is told after N.
//! - If N is not committed, what was decided on top of it was told to nobody: it goes back to the front of the queue, the
//!   state is loaded anew, and N is dealt with first.

mod batch;
mod committer;
#[cfg(debug_assertions)]
mod mutants;
mod queue;
mod recovery;
mod ticker;

pub use queue::{Answer, Rejected, WriterHandle};

use crate::directory::Directory;
use crate::engine::{Settings, State};
use crate::model::*;
use crate::storage::{Lease, Lookup, Store, StoreError};
use batch::{Decided, InWork};
use committer::Committer;
use queue::{Event, Queue, reject_all};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use ticker::Ticker;

/// How long the writer sleeps when nothing is queued. It sleeps by a timer and decides by the clock: when somebody sets
/// the clock forward, moments that have come are noticed after this.
const IDLE_MAX: Duration = Duration::from_secs(1);

const ENDED: &str = "the ledger's writer has ended";

/// A writer that has started.
pub struct Started {
    pub handle: WriterHandle,
    pub thread: std::thread::JoinHandle<()>,
    /// How far each edge's spool has been taken in.
    pub edge_positions: HashMap<String, SpoolPosition>,
}

/// Everything the writer's thread owns.
pub struct Writer {
    /// None while the committer's thread has it.
    store: Option<Box<dyn Store>>,
    /// Asked while the store is away.
    lookup: Box<dyn Lookup>,
    state: State,
    lease: Lease,
    settings: Settings,
    directory: Arc<Directory>,
    clock: Arc<dyn Clock>,
    queue: Arc<Queue>,
    ticker: Ticker,
    holder: String,
    /// The batch that the committer's thread has.
    in_work: Option<InWork>,
    /// The batch that takes in commands. Empty, unless another is in work.
    open: Decided,
    committer: Committer,
    /// The server is stopping and the state holds what the store may not: nothing is decided upon it any more.
    state_is_lost: bool,
    #[cfg(debug_assertions)]
    mutant: mutants::Mutant,
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
        let no_thread = |e| StoreError::Unusable(format!("cannot start the writer's threads: {e}"));
        let ticker = Ticker::new(Arc::clone(&queue));
        let mut open = Decided::default();
        if state.tells_standings() {
            open.add_due(state.subscriber_ids());
        }
        let writer = Writer {
            lookup: store.lookup()?,
            store: Some(store),
            state,
            lease,
            settings,
            directory,
            clock,
            committer: Committer::start(Arc::clone(&queue)).map_err(no_thread)?,
            queue,
            ticker,
            holder,
            in_work: None,
            open,
            state_is_lost: false,
            #[cfg(debug_assertions)]
            mutant: mutants::Mutant::of_this_process(),
        };
        let thread = std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || writer.run())
            .map_err(no_thread)?;
        Ok(Started { handle, thread, edge_positions })
    }

    fn run(mut self) {
        loop {
            let room = self.open.room(self.in_work.as_ref());
            let wait = self.wait().min(self.ticker.drive(&self.state, self.clock.as_ref()));
            match self.queue.next(wait, room, self.in_work.is_some()) {
                Event::Jobs(jobs) => {
                    self.take_due();
                    let mut open = std::mem::take(&mut self.open);
                    self.decide(jobs, &mut open);
                    self.open = open;
                }
                Event::Committed(report) => self.committed(report),
                Event::Quiet => self.take_due(),
                Event::End => return,
            }
            self.close_batch();
        }
    }

    /// How long to sleep when nothing comes.
    fn wait(&self) -> Duration {
        let now = self.clock.now();
        let deadline = self.state.next_deadline().map(|at| at.since(now));
        let room = self.in_work.as_ref().and_then(InWork::slow_in);
        [deadline, room].into_iter().flatten().fold(IDLE_MAX, Duration::min)
    }

    /// Lets those be published whose standing has changed by itself: a credit's term, a validity.
    fn take_due(&mut self) {
        if !self.state_is_lost {
            let due = self.state.take_due(self.clock.now());
            self.open.add_due(due);
        }
    }
}

/// However the thread ends, nobody is left waiting.
impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.stop();
        self.queue.reject_waiting(ENDED);
        // Never given to the store. Of a batch in work nothing is known; its callers see that when it is dropped.
        reject_all(std::mem::take(&mut self.open).into_jobs(), &Rejected::Later(ENDED.into()));
        // The store is closed here, not when the last handle to the queue is dropped.
        self.committer.end();
        drop(self.queue.take_report());
    }
}

#[cfg(test)]
mod tests;
