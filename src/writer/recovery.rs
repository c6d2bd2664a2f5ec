//! What is done when the store does not say yes.

use super::Writer;
use super::queue::{Job, Rejected, reject_all};
use crate::engine::State;
use crate::storage::StoreError;
use std::time::Duration;

/// Pause between attempts to load anew.
const RELOAD_PAUSE: Duration = Duration::from_millis(if cfg!(test) { 10 } else { 1_000 });

impl Writer {
    /// The state holds what the store may not: load anew, then do what can be done. A batch with one bad command is
    /// halved until that stands alone.
    pub(super) fn recover(&mut self, jobs: Vec<Job>, sequence: u64, error: StoreError) {
        tracing::error!(%error, commands = jobs.len(), "a batch was not committed; loading anew");
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

    /// Drops the state and starts from the store again.
    fn reload(&mut self) -> Result<(), StoreError> {
        let Some(store) = &mut self.store else {
            return Err(StoreError::Unusable("the store is with the committer".into()));
        };
        self.lease = store.acquire_lease(&self.holder)?;
        let snapshot = store.load()?;
        let now = self.clock.now();
        self.state = State::new(snapshot, self.settings.clone(), now);
        self.directory.publish_all(&self.state, now);
        if self.state.tells_standings() {
            // Whose standing changed meanwhile is not known any more.
            self.open.add_due(self.state.subscriber_ids());
        }
        Ok(())
    }
}

/// What a caller is told whose command was not committed, or perhaps was.
fn unfinished(error: StoreError, surely_not_done: bool) -> Rejected {
    match error {
        StoreError::Unknown(_) | StoreError::Unusable(_) if !surely_not_done => Rejected::Unknown,
        error => Rejected::Later(error.to_string()),
    }
}
