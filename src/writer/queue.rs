//! The writer's bounded queues, and the handle that puts commands into them.

use crate::engine::FeesStatus;
use crate::model::*;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Commands of people and payments waiting at most; the next one is told to come again.
pub(super) const URGENT_MAX: usize = 20_000;
/// Spool batches waiting at most.
const BACKGROUND_MAX: usize = 4;
/// Commands decided and committed together at most.
const BATCH_MAX: usize = 1_000;

/// The answer to a command.
pub type Answer = Result<Outcome, Rejected>;

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// The rules say no. Final.
    Refused(Refusal),
    /// The queue is full or the store does not answer: nothing was done, come again.
    Later(String),
    /// The store or the server ended before it could say: whether it was done is not known. Ask again with the same key.
    Unknown,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rejected::Refused(refusal) => refusal.fmt(f),
            Rejected::Later(text) => write!(f, "try again later: {text}"),
            Rejected::Unknown => {
                f.write_str("it is not known whether this was done; look, or ask again with the same key")
            }
        }
    }
}

pub(super) struct Job {
    pub command: Command,
    pub actor: Actor,
    pub reply: oneshot::Sender<Answer>,
}

#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    filled: Condvar,
    /// Woken when a spool batch has been taken.
    drained: Condvar,
    /// The clock is driven: this is a server, and not a command that has opened the store.
    keeps_time: AtomicBool,
    fees: Mutex<FeesStatus>,
}

#[derive(Default)]
struct Waiting {
    urgent: VecDeque<Job>,
    background: VecDeque<Job>,
    stopping: bool,
}

impl Queue {
    /// Waits for commands and takes a batch; empty when the time is over, None when stopped and drained.
    pub fn take(&self, wait: Duration) -> Option<Vec<Job>> {
        let until = Instant::now() + wait;
        let mut waiting = self.waiting.lock();
        while waiting.urgent.is_empty() && waiting.background.is_empty() {
            if waiting.stopping {
                return None;
            }
            if self.filled.wait_until(&mut waiting, until).timed_out() {
                return Some(Vec::new());
            }
        }
        let count = waiting.urgent.len().min(BATCH_MAX);
        let mut jobs: Vec<Job> = waiting.urgent.drain(..count).collect();
        // One spool batch at most rides along, so that payments never wait for more than that.
        if jobs.len() < BATCH_MAX
            && let Some(job) = waiting.background.pop_front()
        {
            jobs.push(job);
            self.drained.notify_one();
        }
        Some(jobs)
    }

    pub fn keeps_time(&self) -> bool {
        self.keeps_time.load(Ordering::Relaxed)
    }

    pub fn show_fees(&self, status: FeesStatus) {
        *self.fees.lock() = status;
    }

    pub fn is_stopping(&self) -> bool {
        self.waiting.lock().stopping
    }

    /// Nothing more is taken in; what waits is still carried out.
    pub fn stop(&self) {
        self.waiting.lock().stopping = true;
        self.filled.notify_all();
        self.drained.notify_all();
    }

    /// Tells everybody who waits to come again later; nothing of theirs was begun.
    pub fn reject_waiting(&self, reason: &str) {
        let mut waiting = self.waiting.lock();
        let jobs: Vec<Job> = std::mem::take(&mut waiting.urgent).into_iter().collect();
        let spool_batches = std::mem::take(&mut waiting.background);
        drop(waiting);
        self.drained.notify_all();
        reject_all(jobs.into_iter().chain(spool_batches), &Rejected::Later(reason.to_owned()));
    }
}

pub(super) fn reject_all(jobs: impl IntoIterator<Item = Job>, answer: &Rejected) {
    for job in jobs {
        // A caller that went away does not need its answer.
        let _ = job.reply.send(Err(answer.clone()));
    }
}

/// Puts commands to the writer. Cheap to clone.
#[derive(Clone)]
pub struct WriterHandle {
    queue: Arc<Queue>,
}

impl WriterHandle {
    pub(super) fn new(queue: Arc<Queue>) -> WriterHandle {
        WriterHandle { queue }
    }

    /// Queues a command of a person or a payment. The receiver gets the answer after the commit.
    pub fn submit(&self, command: Command, actor: Actor) -> Result<oneshot::Receiver<Answer>, Rejected> {
        let (reply, answer) = oneshot::channel();
        let mut waiting = self.queue.waiting.lock();
        if waiting.stopping {
            return Err(Rejected::Later("the server is stopping".into()));
        }
        if waiting.urgent.len() >= URGENT_MAX {
            return Err(Rejected::Later(format!("{URGENT_MAX} commands are waiting")));
        }
        waiting.urgent.push_back(Job { command, actor, reply });
        drop(waiting);
        self.queue.filled.notify_one();
        Ok(answer)
    }

    /// Carries out a command and waits for its answer.
    pub async fn call(&self, command: Command, actor: Actor) -> Answer {
        self.submit(command, actor)?.await.unwrap_or(Err(Rejected::Unknown))
    }

    /// The same from a thread that may block.
    pub fn call_blocking(&self, command: Command, actor: Actor) -> Answer {
        self.submit(command, actor)?.blocking_recv().unwrap_or(Err(Rejected::Unknown))
    }

    /// Carries a spool's entries to the ledger; waits while too many are queued already.
    pub fn replay_blocking(&self, command: Command) -> Answer {
        let (reply, answer) = oneshot::channel();
        let mut waiting = self.queue.waiting.lock();
        while waiting.background.len() >= BACKGROUND_MAX && !waiting.stopping {
            self.queue.drained.wait(&mut waiting);
        }
        if waiting.stopping {
            return Err(Rejected::Later("the server is stopping".into()));
        }
        waiting.background.push_back(Job { command, actor: Actor::system(), reply });
        drop(waiting);
        self.queue.filled.notify_one();
        answer.blocking_recv().unwrap_or(Err(Rejected::Unknown))
    }

    /// From now on the writer does what the clock brings: fees, ends of promises. At first what came due while it was
    /// not at work.
    pub fn keep_time(&self) {
        self.queue.keeps_time.store(true, Ordering::Relaxed);
    }

    /// Where the fees stand.
    pub fn fees_status(&self) -> FeesStatus {
        *self.queue.fees.lock()
    }

    /// Lets the writer finish what is queued and end.
    pub fn stop(&self) {
        self.queue.stop();
    }

    /// Commands waiting: of people and payments, of spools.
    pub fn depth(&self) -> (usize, usize) {
        let waiting = self.queue.waiting.lock();
        (waiting.urgent.len(), waiting.background.len())
    }
}
