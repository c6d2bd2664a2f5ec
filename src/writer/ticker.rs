//! Drives the ledger's clock: what has come due is put into the queue like any command, one bounded step at a time, so
//! that payments go in between.

use super::queue::{Answer, Queue, WriterHandle};
use crate::engine::State;
use crate::model::*;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

/// Pause after a step that could not be carried out.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Ticker {
    queue: Arc<Queue>,
    handle: WriterHandle,
    /// The step that is on its way.
    answer: Option<oneshot::Receiver<Answer>>,
    not_before: Instant,
}

impl Ticker {
    pub fn new(queue: Arc<Queue>) -> Ticker {
        let handle = WriterHandle::new(Arc::clone(&queue));
        Ticker { queue, handle, answer: None, not_before: Instant::now() }
    }

    /// Queues the next step if its moment has come; gives how long there is nothing to do here.
    pub fn drive(&mut self, state: &State, clock: &dyn Clock) -> Duration {
        let now = clock.now();
        if !self.queue.keeps_time() {
            return Duration::MAX;
        }
        match self.answer.as_mut().map(oneshot::Receiver::try_recv) {
            // Its commit wakes the writer.
            Some(Err(TryRecvError::Empty)) => return Duration::MAX,
            Some(Ok(Ok(_))) | None => {}
            Some(Ok(Err(_)) | Err(TryRecvError::Closed)) => self.not_before = Instant::now() + PAUSE,
        }
        self.answer = None;
        self.queue.show_fees(state.fees_status(now));
        let pause = self.not_before.saturating_duration_since(Instant::now());
        if !pause.is_zero() {
            return pause;
        }
        let wait = state.next_clock(|| clock.is_synchronised(), now).since(now);
        if wait.is_zero() {
            let synchronised = clock.is_synchronised();
            match self.handle.submit(Command::Clock { synchronised }, Actor::system()) {
                Ok(answer) => self.answer = Some(answer),
                Err(_) => self.not_before = Instant::now() + PAUSE,
            }
        }
        wait
    }
}
