//! Accounting: into the spool, flushed in groups, then presence, then the answer; and on to the ledger.

use crate::directory::Directory;
use crate::model::*;
use crate::storage::spool::{Spool, SpoolReader};
use crate::writer::{Rejected, WriterHandle};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;

/// Entries waiting for the disk at most. Beyond it nothing is taken and so nothing answered: the NAS asks again.
const WAITING_MAX: usize = 50_000;
/// Entries written and flushed together at most; a group must fit into a segment of the spool.
const GROUP_MAX: usize = 4_000;
/// Entries carried to the ledger in one command.
const REPLAY_MAX: usize = 1_000;
/// How often the replayer looks when nobody woke it.
const REPLAY_IDLE: Duration = Duration::from_millis(200);
const REPLAY_RETRY: Duration = Duration::from_millis(500);

/// The queue in front of the disk is full.
#[derive(Debug)]
pub struct RecorderFull;

/// Where entries are recorded, for those who wait until they are on disk.
pub trait Record: Send + Sync {
    /// Queues entries, all or none. The receiver hears once all of them are on disk and merged into presence; it fails
    /// when one of them could not be written.
    fn record(&self, entries: Vec<SpoolEntry>) -> Result<oneshot::Receiver<()>, RecorderFull>;
}

/// Takes spool entries from doors. `T` is what the door needs to answer once an entry is on disk.
pub struct Recorder<T> {
    waiting: Mutex<Waiting<T>>,
    filled: Condvar,
    /// Wakes the replayer after a flush.
    flushed: Arc<(Mutex<bool>, Condvar)>,
}

struct Waiting<T> {
    entries: Vec<(SpoolEntry, Option<T>)>,
    /// Entries ever queued.
    queued: u64,
    /// In the order of their entries.
    waiters: VecDeque<Waiter>,
    stopping: bool,
}

/// Somebody waits for the entries after `from`, up to and with `to`, counted since the start.
struct Waiter {
    from: u64,
    to: u64,
    done: oneshot::Sender<()>,
}

impl<T: Send + 'static> Recorder<T> {
    pub fn new() -> Arc<Recorder<T>> {
        Arc::new(Recorder {
            waiting: Mutex::new(Waiting {
                entries: Vec::new(),
                queued: 0,
                waiters: VecDeque::new(),
                stopping: false,
            }),
            filled: Condvar::new(),
            flushed: Arc::new((Mutex::new(false), Condvar::new())),
        })
    }

    /// Queues entries, emptying the vector; all or none.
    pub fn submit(&self, entries: &mut Vec<(SpoolEntry, Option<T>)>) -> Result<(), RecorderFull> {
        self.queue(entries, None)
    }

    fn queue(
        &self,
        entries: &mut Vec<(SpoolEntry, Option<T>)>,
        done: Option<oneshot::Sender<()>>,
    ) -> Result<(), RecorderFull> {
        let mut waiting = self.waiting.lock();
        if waiting.stopping || waiting.entries.len() + entries.len() > WAITING_MAX {
            return Err(RecorderFull);
        }
        let from = waiting.queued;
        waiting.queued += count(entries.len());
        let to = waiting.queued;
        waiting.waiters.extend(done.map(|done| Waiter { from, to, done }));
        waiting.entries.append(entries);
        drop(waiting);
        self.filled.notify_one();
        Ok(())
    }

    /// The flusher's loop: everything queued is written and flushed together, then merged into presence, then handed
    /// to `deliver`. Returns when stopped and drained.
    pub fn run(&self, mut spool: Spool, directory: &Directory, deliver: impl Fn(Vec<T>)) {
        let mut written = 0;
        while let Some(batch) = self.take() {
            written += count(batch.len());
            let (entries, tokens): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
            if let Err(error) = spool.append(&entries) {
                // Not recorded, so not answered (RFC 2866 2): the NAS sends it again.
                tracing::error!(%error, entries = entries.len(), "accounting cannot be recorded");
                self.forget_waiters(written);
                continue;
            }
            directory.merge_presence(entries.iter().filter_map(|entry| match entry {
                SpoolEntry::Accounting(record) => Some(record),
                SpoolEntry::Grant(_) | SpoolEntry::Reservation(_) => None,
            }));
            deliver(tokens.into_iter().flatten().collect());
            self.wake_waiters(written);
            let (woken, wake) = &*self.flushed;
            *woken.lock() = true;
            wake.notify_one();
        }
    }

    /// Tells those whose entries are all among the first `written` ever queued.
    fn wake_waiters(&self, written: u64) {
        let mut waiting = self.waiting.lock();
        while waiting.waiters.front().is_some_and(|waiter| waiter.to <= written) {
            let Some(waiter) = waiting.waiters.pop_front() else { return };
            // Who no longer waits need not be told.
            let _ = waiter.done.send(());
        }
    }

    /// Those who had an entry among the ones that failed are not told: their receivers fail.
    fn forget_waiters(&self, written: u64) {
        self.waiting.lock().waiters.retain(|waiter| waiter.from >= written);
    }

    fn take(&self) -> Option<Vec<(SpoolEntry, Option<T>)>> {
        let mut waiting = self.waiting.lock();
        while waiting.entries.is_empty() {
            if waiting.stopping {
                return None;
            }
            self.filled.wait(&mut waiting);
        }
        if waiting.entries.len() <= GROUP_MAX {
            return Some(std::mem::take(&mut waiting.entries));
        }
        let later = waiting.entries.split_off(GROUP_MAX);
        Some(std::mem::replace(&mut waiting.entries, later))
    }

    pub fn stop(&self) {
        self.waiting.lock().stopping = true;
        self.filled.notify_all();
    }

    /// What the replayer waits on.
    pub fn flushes(&self) -> Arc<(Mutex<bool>, Condvar)> {
        Arc::clone(&self.flushed)
    }
}

impl<T: Send + 'static> Record for Recorder<T> {
    fn record(&self, entries: Vec<SpoolEntry>) -> Result<oneshot::Receiver<()>, RecorderFull> {
        let (done, wait) = oneshot::channel();
        let mut entries = entries.into_iter().map(|entry| (entry, None)).collect();
        self.queue(&mut entries, Some(done))?;
        Ok(wait)
    }
}

fn count(entries: usize) -> u64 {
    u64::try_from(entries).unwrap_or(u64::MAX)
}

/// The replayer's loop: carries the spool to the ledger in order, each entry exactly once by its position, and frees
/// what has arrived. A slow or absent store only makes it wait.
pub fn replay_until_stopped(
    mut reader: SpoolReader,
    from: SpoolPosition,
    edge: &str,
    writer: &WriterHandle,
    flushes: &(Mutex<bool>, Condvar),
    stop: &AtomicBool,
) {
    let mut position = from;
    loop {
        let entries = match reader.read(position, REPLAY_MAX) {
            Ok(entries) => entries,
            Err(error) => {
                tracing::error!(%error, "the spool cannot be read");
                Vec::new()
            }
        };
        let Some((last, _)) = entries.last() else {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let (woken, wake) = flushes;
            let mut woken = woken.lock();
            if !*woken {
                wake.wait_for(&mut woken, REPLAY_IDLE);
            }
            *woken = false;
            continue;
        };
        let last = *last;
        let command = Command::Replay { edge: edge.to_owned(), entries };
        match writer.replay_blocking(command) {
            Ok(_) => {
                position = last;
                if let Err(error) = reader.acknowledge(position) {
                    tracing::warn!(%error, "spool segments cannot be freed");
                }
            }
            Err(Rejected::Refused(refusal)) => {
                // The engine refuses no replay; should it, the entries stay where they are.
                tracing::error!(%refusal, "the ledger refuses the spool");
                std::thread::sleep(REPLAY_RETRY);
            }
            Err(Rejected::Later(_) | Rejected::Unknown) => {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                std::thread::sleep(REPLAY_RETRY);
            }
        }
    }
}
