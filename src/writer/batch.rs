//! One batch: decide, commit, publish, reply; and what is done when the store does not say yes.

use super::Writer;
use super::queue::{Job, Rejected, reject_all};
use crate::engine::Touched;
use crate::model::*;
use crate::storage::{Batch, StoreError};
use std::time::Duration;

/// Pause before the same batch is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(if cfg!(test) { 2 } else { 200 });
/// Pause between attempts to load anew.
const RELOAD_PAUSE: Duration = Duration::from_millis(if cfg!(test) { 10 } else { 1_000 });
/// While the disk is full or the store silent, callers are told "later" after this many tries, and the batch is
/// taken up again from the loaded state.
pub(super) const RETRIES_MAX: u32 = 25;

impl Writer {
    /// Decides and commits jobs together. On trouble with one of them the batch is halved until it stands alone.
    pub(super) fn process(&mut self, jobs: Vec<Job>) {
        if self.state_is_lost {
            return reject_all(jobs, &Rejected::Later("the server is stopping".into()));
        }
        if let Err(error) = self.fetch_payment_keys(&jobs) {
            tracing::error!(%error, "the store cannot be asked for payment keys");
            return reject_all(jobs, &Rejected::Later(error.to_string()));
        }
        let now = self.clock.now();
        let mut changes = Vec::new();
        let mut touched = Touched::default();
        let mut answers = Vec::with_capacity(jobs.len());
        for job in &jobs {
            let decided = self.state.decide(&job.command, &job.actor, now);
            answers.push(decided.map(|decision| {
                for change in &decision.changes {
                    #[cfg(debug_assertions)]
                    if self.mutant.forgets(change) {
                        continue;
                    }
                    self.state.absorb(change, now, &mut touched);
                }
                changes.extend(decision.changes);
                decision.outcome
            }));
        }
        #[cfg(debug_assertions)]
        let (jobs, answers) = self.mutant.answer_early(jobs, answers);
        match self.commit(&changes) {
            Ok(()) => {
                self.directory.publish(&self.state, &touched, now);
                for (job, answer) in jobs.into_iter().zip(answers) {
                    // A caller that went away does not need its answer.
                    let _ = job.reply.send(answer.map_err(Rejected::Refused));
                }
            }
            Err(error) => self.recover(jobs, error),
        }
    }

    /// Makes sure that every payment key of the batch that exists is in memory.
    fn fetch_payment_keys(&mut self, jobs: &[Job]) -> Result<(), StoreError> {
        let keys = self.state.keys_to_fetch(jobs.iter().map(|job| &job.command));
        #[cfg(debug_assertions)]
        if self.mutant.asks_nobody() {
            return Ok(());
        }
        if keys.is_empty() {
            return Ok(());
        }
        for payment in self.store.payments_by_key(&keys)?.into_values() {
            self.state.remember_payment(payment);
        }
        Ok(())
    }

    /// Commits changes under the next batch number. An unknown outcome is resolved by sending the same batch again.
    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let sequence = self.lease.batch_sequence + 1;
        let batch = Batch { epoch: self.lease.epoch, sequence, changes };
        let mut tries = 0;
        loop {
            match self.store.commit(&batch) {
                Ok(()) => {
                    self.lease.batch_sequence = sequence;
                    return Ok(());
                }
                Err(error @ (StoreError::Full(_) | StoreError::Unknown(_))) if tries < RETRIES_MAX => {
                    if tries == 0 {
                        tracing::error!(%error, "a batch is held and tried again");
                    }
                    tries += 1;
                    std::thread::sleep(RETRY_PAUSE);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The state holds what the store may not: load anew, then do what can be done.
    fn recover(&mut self, jobs: Vec<Job>, error: StoreError) {
        tracing::error!(%error, commands = jobs.len(), "a batch was not committed; loading anew");
        let sequence = self.lease.batch_sequence + 1;
        if let Err(cause) = self.reload() {
            // Nobody waits for a store that may stay away: only whether it was done may have to stay open.
            reject_all(jobs, &unfinished(error, false));
            return self.reload_until_stopped(cause);
        }
        match error {
            StoreError::Poisoned(_) if jobs.len() > 1 => {
                let mut first = jobs;
                let second = first.split_off(first.len() / 2);
                self.process(first);
                self.process(second);
            }
            // Our lease is the newest now, so a batch that is not there will not come any more.
            error => reject_all(jobs, &unfinished(error, self.lease.batch_sequence < sequence)),
        }
    }

    /// Tries until the state is that of the store again; until then everybody is told to come later.
    fn reload_until_stopped(&mut self, mut error: StoreError) {
        loop {
            tracing::error!(%error, "cannot load from the store");
            if self.queue.is_stopping() {
                self.state_is_lost = true;
                return;
            }
            self.queue.reject_waiting(&error.to_string());
            std::thread::sleep(RELOAD_PAUSE);
            match self.reload() {
                Ok(()) => return,
                Err(again) => error = again,
            }
        }
    }
}

/// What a caller is told whose command was not committed, or perhaps was.
fn unfinished(error: StoreError, surely_not_done: bool) -> Rejected {
    match error {
        StoreError::Unknown(_) | StoreError::Unusable(_) if !surely_not_done => Rejected::Unknown,
        error => Rejected::Later(error.to_string()),
    }
}
