//! Batches on their way: decided, given to the store, published and answered.

use super::Writer;
use super::committer::{Report, Work, commit};
use super::queue::{BATCH_MAX, Job, Rejected, Room, Stopwatch, TAKEN_MAX, reject_all};
use crate::directory::Staged;
use crate::engine::{RECALLED_MIN, Recalled, Touched};
use crate::model::*;
use crate::storage::{Lookup, StoreError};
use std::time::Duration;

/// A batch of so few commands is committed by the deciding thread itself: with nobody else waiting, there is nothing to
/// decide meanwhile, and waking another thread would only cost time.
const COMMITTED_HERE_MAX: usize = 4;

/// About what [`TAKEN_MAX`] payments cost. A store that takes longer waits for its disk: then the next batch grows, so
/// that each flush carries more.
const SLOW: Duration = Duration::from_millis(4);

/// Commands that were decided, in order, and what is to be written for them. Absorbed by the state, known to nobody.
#[derive(Default)]
pub(super) struct Decided {
    jobs: Vec<Job>,
    answers: Vec<Result<Outcome, Refusal>>,
    changes: Vec<Change>,
    touched: Touched,
    spool_batch: bool,
    /// There are events for others among the changes.
    events: bool,
}

/// What is not committed yet is never forgotten: the state keeps the newest of each kind, many more than two batches.
const _: () = assert!(RECALLED_MIN >= 10 * BATCH_MAX);

impl Decided {
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.touched.subscribers.is_empty()
    }

    /// What it takes beside a batch that the store has, if there is one.
    pub fn room(&self, in_work: Option<&InWork>) -> Room {
        let most = if in_work.is_some_and(InWork::is_slow) { BATCH_MAX } else { TAKEN_MAX };
        Room { commands: most.saturating_sub(self.jobs.len()), spool_batch: !self.spool_batch }
    }

    /// Standings that have changed by themselves are published with the batch, because the state is ahead of the store.
    pub fn add_due(&mut self, subscribers: impl IntoIterator<Item = SubscriberId>) {
        self.touched.subscribers.extend(subscribers);
    }

    pub fn into_jobs(self) -> Vec<Job> {
        self.jobs
    }
}

/// A batch that the store has, with what is told when it is committed.
pub(super) struct InWork {
    sequence: u64,
    since: Stopwatch,
    told: Told,
}

impl InWork {
    fn is_slow(&self) -> bool {
        self.since.elapsed() >= SLOW
    }

    /// How long until the next batch may grow larger.
    pub fn slow_in(&self) -> Option<Duration> {
        SLOW.checked_sub(self.since.elapsed()).filter(|left| !left.is_zero())
    }
}

/// What readers and callers learn of a batch after its commit. Readers see what was so right after this batch, not what
/// later batches have made of it in the state.
struct Told {
    staged: Staged,
    jobs: Vec<Job>,
    answers: Vec<Result<Outcome, Refusal>>,
    events: bool,
}

/// Whether there is something to deliver that was not before.
fn wakes_couriers(change: &Change) -> bool {
    matches!(
        change,
        Change::Event(_) | Change::Outbox(OutboxChange::Replayed { .. } | OutboxChange::Enabled(_))
    )
}

impl Writer {
    /// Decides jobs on top of everything decided before.
    pub(super) fn decide(&mut self, jobs: Vec<Job>, into: &mut Decided) {
        if self.state_is_lost {
            return reject_all(jobs, &Rejected::Later("the server is stopping".into()));
        }
        if let Err(error) = self.fetch(&jobs) {
            tracing::error!(%error, "the store cannot be asked for what commands need");
            return reject_all(jobs, &Rejected::Later(error.to_string()));
        }
        let now = self.clock.now();
        for job in jobs {
            let decided = self.state.decide_request(&job.request(), now);
            into.answers.push(decided.map(|decision| {
                for change in &decision.changes {
                    #[cfg(debug_assertions)]
                    if self.mutant.forgets(change) {
                        continue;
                    }
                    self.state.absorb(change, now, &mut into.touched);
                    into.events |= wakes_couriers(change);
                }
                into.changes.extend(decision.changes);
                decision.outcome
            }));
            into.spool_batch |= matches!(job.command, Command::Replay { .. });
            into.jobs.push(job);
        }
    }

    /// Makes sure that what the jobs need of what was written before is in memory: payments by their keys, transfers that
    /// are to be reversed, answers to requests with a key.
    fn fetch(&mut self, jobs: &[Job]) -> Result<(), StoreError> {
        let wanted = self.state.wanted(jobs.iter().map(Job::request));
        #[cfg(debug_assertions)]
        if self.mutant.asks_nobody() {
            return Ok(());
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let asked: &mut dyn Lookup = match &mut self.store {
            Some(store) => store.as_mut(),
            None => self.lookup.as_mut(),
        };
        let mut recalled = Recalled::default();
        if !wanted.payments.is_empty() {
            recalled.payments.extend(asked.payments_by_key(&wanted.payments)?.into_values());
        }
        if !wanted.transfers.is_empty() {
            recalled.transfers = asked.transfers_by_id(&wanted.transfers)?;
        }
        if !wanted.answers.is_empty() {
            recalled.answers = asked.answers_by_key(&wanted.answers)?;
        }
        self.state.remember(recalled);
        Ok(())
    }

    /// Gives the open batch to the store if the store is here.
    pub(super) fn close_batch(&mut self) {
        if self.open.is_empty() || self.store.is_none() {
            return;
        }
        self.tell_standings();
        if self.open.changes.is_empty() {
            // Everything it rests on is committed.
            let open = std::mem::take(&mut self.open);
            let (told, _) = self.stage(open);
            return self.tell(told);
        }
        let open = std::mem::take(&mut self.open);
        if open.jobs.len() <= COMMITTED_HERE_MAX && self.queue.is_empty() {
            self.commit_here(open);
        } else {
            self.begin_commit(open);
        }
    }

    /// Decides and commits jobs in this thread; used where nothing else can go on meanwhile.
    pub(super) fn process(&mut self, jobs: Vec<Job>) {
        let mut open = std::mem::take(&mut self.open);
        self.decide(jobs, &mut open);
        self.open = open;
        self.tell_standings();
        let decided = std::mem::take(&mut self.open);
        self.commit_here(decided);
    }

    fn commit_here(&mut self, decided: Decided) {
        let (told, changes) = self.stage(decided);
        let Some(store) = &mut self.store else {
            return reject_all(told.jobs, &Rejected::Unknown);
        };
        if changes.is_empty() {
            return self.tell(told);
        }
        let sequence = self.lease.batch_sequence + 1;
        match commit(store.as_mut(), &Work { epoch: self.lease.epoch, sequence, changes }) {
            Ok(()) => {
                self.lease.batch_sequence = sequence;
                self.tell(told);
            }
            Err(error) => self.recover(told.jobs, sequence, error),
        }
    }

    fn begin_commit(&mut self, decided: Decided) {
        let (told, changes) = self.stage(decided);
        let sequence = self.lease.batch_sequence + 1;
        // Without the store there is nothing to begin, and without its thread no report will come: both end the writer.
        if let Some(store) = self.store.take() {
            self.committer.begin(store, Work { epoch: self.lease.epoch, sequence, changes });
        }
        self.in_work = Some(InWork { sequence, since: Stopwatch::start(), told });
    }

    /// The store is back. It gets the next batch first, so that it works while this one is published and answered.
    pub(super) fn committed(&mut self, report: Report) {
        self.store = Some(report.store);
        let Some(work) = self.in_work.take() else { return };
        match report.result {
            Ok(()) => {
                self.lease.batch_sequence = work.sequence;
                if !self.open.changes.is_empty() {
                    self.tell_standings();
                    let open = std::mem::take(&mut self.open);
                    self.begin_commit(open);
                }
                self.tell(work.told);
            }
            Err(error) => {
                // What was decided on top of it is decided again, after it.
                self.queue.put_back(std::mem::take(&mut self.open).into_jobs());
                self.recover(work.told.jobs, work.sequence, error);
            }
        }
    }

    /// Adds to the open batch the events of how those stand whom it touched, as others have not been told yet.
    fn tell_standings(&mut self) {
        let events = self.state.standing_events(&self.open.touched.subscribers, self.clock.now());
        for change in &events {
            self.state.absorb(change, self.clock.now(), &mut self.open.touched);
        }
        self.open.events |= !events.is_empty();
        self.open.changes.extend(events);
    }

    fn stage(&self, decided: Decided) -> (Told, Vec<Change>) {
        let staged = Staged::of(&self.state, &decided.touched, self.clock.now());
        let (jobs, answers) = (decided.jobs, decided.answers);
        #[cfg(debug_assertions)]
        let (jobs, answers) = self.mutant.answer_early(jobs, answers);
        (Told { staged, jobs, answers, events: decided.events }, decided.changes)
    }

    fn tell(&self, told: Told) {
        self.directory.publish_staged(told.staged);
        if told.events {
            self.queue.events_written();
        }
        for (job, answer) in told.jobs.into_iter().zip(told.answers) {
            // A caller that went away does not need its answer.
            let _ = job.reply.send(answer.map_err(Rejected::Refused));
        }
    }
}
