//! The thread that commits a batch while the next one is decided.
//!
//! The store is given to it together with a batch and comes back with the report, so that it has one owner at any
//! moment: while it is here, the writer's thread cannot load, lease or commit.

use super::queue::Queue;
use crate::model::Change;
use crate::storage::{Batch, Store, StoreError};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Pause before the same batch is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(if cfg!(test) { 2 } else { 200 });
/// While the disk is full or the store silent, callers are told "later" after this many tries, and the batch is
/// taken up again from the loaded state.
pub(super) const RETRIES_MAX: u32 = 25;

/// The changes of one batch, and its number.
pub(super) struct Work {
    pub epoch: u64,
    pub sequence: u64,
    pub changes: Vec<Change>,
}

/// What became of a batch.
pub(super) struct Report {
    pub store: Box<dyn Store>,
    pub result: Result<(), StoreError>,
}

pub(super) struct Committer {
    /// None when it is to end.
    work: Option<SyncSender<(Box<dyn Store>, Work)>>,
    thread: Option<JoinHandle<()>>,
}

impl Committer {
    pub fn start(queue: Arc<Queue>) -> io::Result<Committer> {
        let (work, given) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("committer".into())
            .spawn(move || run(&given, &Ending(queue)))?;
        Ok(Committer { work: Some(work), thread: Some(thread) })
    }

    /// Begins to commit; the report goes to the queue. When the thread is gone, the store goes with it, and [`Ending`]
    /// has told the queue.
    pub fn begin(&self, store: Box<dyn Store>, work: Work) {
        if let Some(sender) = &self.work {
            let _ = sender.send((store, work));
        }
    }

    /// Waits until the thread has ended. What it has in work is still committed.
    pub fn end(&mut self) {
        self.work = None;
        if let Some(thread) = self.thread.take() {
            // That it panicked is told by the queue.
            let _ = thread.join();
        }
    }
}

/// However the thread ends, the writer's thread does not wait for a report.
struct Ending(Arc<Queue>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.committer_ended();
    }
}

fn run(given: &Receiver<(Box<dyn Store>, Work)>, ending: &Ending) {
    while let Ok((mut store, work)) = given.recv() {
        let result = commit(store.as_mut(), &work);
        ending.0.report(Report { store, result });
    }
}

/// Commits a batch. An unknown outcome is resolved by sending the same batch again.
pub(super) fn commit(store: &mut dyn Store, work: &Work) -> Result<(), StoreError> {
    let batch = Batch { epoch: work.epoch, sequence: work.sequence, changes: &work.changes };
    let mut tries = 0;
    loop {
        match store.commit(&batch) {
            Err(error @ (StoreError::Full(_) | StoreError::Unknown(_))) if tries < RETRIES_MAX => {
                if tries == 0 {
                    tracing::error!(%error, "a batch is held and tried again");
                }
                tries += 1;
                std::thread::sleep(RETRY_PAUSE);
            }
            result => return result,
        }
    }
}
