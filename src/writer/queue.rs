//! The writer's bounded queues, and the handle that puts commands into them.

use super::committer::Report;
use crate::engine::{FeesStatus, Request};
use crate::model::*;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};

/// Commands of people and payments waiting at most; the next one is told to come again.
pub(super) const URGENT_MAX: usize = 20_000;
/// Spool batches waiting at most.
const BACKGROUND_MAX: usize = 4;
/// Commands committed together at most.
pub(super) const BATCH_MAX: usize = 1_000;
/// Commands taken at once, and committed together as long as the store is quick: while it writes so many, the next ones
/// are decided, and the ones before are published and answered.
pub(super) const TAKEN_MAX: usize = 500;

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
    pub key: Option<RequestKey>,
    pub reply: oneshot::Sender<Answer>,
}

impl Job {
    pub fn request(&self) -> Request<'_> {
        Request { command: &self.command, actor: &self.actor, key: self.key.as_ref() }
    }
}

#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    /// Wakes the writer's thread: something is waiting for it.
    filled: Condvar,
    /// Woken when a spool batch has been taken.
    drained: Condvar,
    /// The clock is driven: this is a server, and not a command that has opened the store.
    keeps_time: AtomicBool,
    fees: Mutex<FeesStatus>,
    /// Counts batches that had events for others.
    events: watch::Sender<u64>,
}

#[derive(Default)]
struct Waiting {
    urgent: VecDeque<Job>,
    background: VecDeque<Job>,
    /// What became of the batch that the committer's thread has been given.
    report: Option<Report>,
    committer_ended: bool,
    stopping: bool,
    /// What the writer's thread sleeps for besides a report; None: it is awake or will be. Waking it for commands that it
    /// cannot take yet would cost more than deciding them.
    awaited: Option<Room>,
}

/// What the batch that is being decided still takes.
#[derive(Clone, Copy)]
pub(super) struct Room {
    pub commands: usize,
    pub spool_batch: bool,
}

/// Runs while the store has a batch. Of the machine's monotonic time, as all waiting here is.
pub(super) struct Stopwatch(Instant);

impl Stopwatch {
    pub fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// What the writer's thread wakes for.
pub(super) enum Event {
    Jobs(Vec<Job>),
    Committed(Report),
    /// The time is over.
    Quiet,
    /// Stopped, and everything is carried out that was queued; or the committer's thread is gone.
    End,
}

impl Queue {
    /// Waits for what is next. `committing`: a batch is with the committer's thread, and its report will come.
    pub fn next(&self, wait: Duration, room: Room, committing: bool) -> Event {
        let until = Instant::now() + wait;
        let mut waiting = self.waiting.lock();
        loop {
            if let Some(report) = waiting.report.take() {
                return Event::Committed(report);
            }
            let spool_batches = waiting.background.len();
            let jobs = waiting.take(room);
            if waiting.background.len() < spool_batches {
                self.drained.notify_one();
            }
            if !jobs.is_empty() {
                return Event::Jobs(jobs);
            }
            let idle = !committing && waiting.is_empty();
            if (waiting.stopping && idle) || (waiting.committer_ended && committing) {
                return Event::End;
            }
            waiting.awaited = Some(room);
            let over = self.filled.wait_until(&mut waiting, until).timed_out();
            waiting.awaited = None;
            if over {
                return Event::Quiet;
            }
        }
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.lock().is_empty()
    }

    /// Puts jobs that were taken back to the front, in their order.
    pub fn put_back(&self, jobs: Vec<Job>) {
        let mut waiting = self.waiting.lock();
        for job in jobs.into_iter().rev() {
            match job.command {
                Command::Replay { .. } => waiting.background.push_front(job),
                _ => waiting.urgent.push_front(job),
            }
        }
    }

    /// Tells the writer's thread what became of the batch it has given away.
    pub fn report(&self, report: Report) {
        self.waiting.lock().report = Some(report);
        self.filled.notify_one();
    }

    /// No report will come any more.
    pub fn committer_ended(&self) {
        self.waiting.lock().committer_ended = true;
        self.filled.notify_one();
    }

    pub fn take_report(&self) -> Option<Report> {
        self.waiting.lock().report.take()
    }

    pub fn keeps_time(&self) -> bool {
        self.keeps_time.load(Ordering::Relaxed)
    }

    pub fn show_fees(&self, status: FeesStatus) {
        *self.fees.lock() = status;
    }

    /// Events for others are committed.
    pub fn events_written(&self) {
        self.events.send_modify(|batches| *batches = batches.wrapping_add(1));
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

impl Waiting {
    /// Whether what has just been queued is to wake the writer's thread.
    fn is_awaited(&mut self, as_room: impl Fn(&Room) -> bool) -> bool {
        self.awaited.take_if(|room| as_room(room)).is_some()
    }

    fn is_empty(&self) -> bool {
        self.urgent.is_empty() && self.background.is_empty()
    }

    fn take(&mut self, room: Room) -> Vec<Job> {
        // Spool batches wait while a full batch of people and payments does; else one rides along, so that payments
        // never wait for more than that.
        let spool_batch = room.spool_batch && self.urgent.len() < BATCH_MAX;
        let count = self.urgent.len().min(room.commands).min(TAKEN_MAX);
        let mut jobs = Vec::with_capacity(count + 1);
        jobs.extend(self.urgent.drain(..count));
        if spool_batch {
            jobs.extend(self.background.pop_front());
        }
        jobs
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
        self.submit_keyed(command, actor, None)
    }

    /// The same for a request that can be repeated under its key: an earlier answer comes as [`Outcome::Repeat`].
    pub fn submit_keyed(
        &self,
        command: Command,
        actor: Actor,
        key: Option<RequestKey>,
    ) -> Result<oneshot::Receiver<Answer>, Rejected> {
        let (reply, answer) = oneshot::channel();
        let mut waiting = self.queue.waiting.lock();
        if waiting.stopping {
            return Err(Rejected::Later("the server is stopping".into()));
        }
        if waiting.urgent.len() >= URGENT_MAX {
            return Err(Rejected::Later(format!("{URGENT_MAX} commands are waiting")));
        }
        waiting.urgent.push_back(Job { command, actor, key, reply });
        let wake = waiting.is_awaited(|room| room.commands > 0);
        drop(waiting);
        if wake {
            self.queue.filled.notify_one();
        }
        Ok(answer)
    }

    /// Carries out a command and waits for its answer.
    pub async fn call(&self, command: Command, actor: Actor) -> Answer {
        self.submit(command, actor)?.await.unwrap_or(Err(Rejected::Unknown))
    }

    /// The same for a request that may have a key; true when this is the answer to an earlier request with it.
    pub async fn call_keyed(
        &self,
        command: Command,
        actor: Actor,
        key: Option<RequestKey>,
    ) -> Result<(Outcome, bool), Rejected> {
        let answer = self.submit_keyed(command, actor, key)?.await.unwrap_or(Err(Rejected::Unknown))?;
        Ok(answer.split_repeat())
    }

    /// [`WriterHandle::call`] from a thread that may block.
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
        waiting.background.push_back(Job { command, actor: Actor::system(), key: None, reply });
        let wake = waiting.is_awaited(|room| room.spool_batch);
        drop(waiting);
        if wake {
            self.queue.filled.notify_one();
        }
        answer.blocking_recv().unwrap_or(Err(Rejected::Unknown))
    }

    /// From now on the writer does what the clock brings: fees, ends of promises. At first what came due while it was
    /// not at work.
    pub fn keep_time(&self) {
        self.queue.keeps_time.store(true, Ordering::Relaxed);
    }

    /// Changes whenever events for others were committed.
    pub fn events(&self) -> watch::Receiver<u64> {
        self.queue.events.subscribe()
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
