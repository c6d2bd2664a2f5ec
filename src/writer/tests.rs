//! The batch loop against a store that fails on order: what callers are told, and what is in the books afterwards.

mod queue;
mod store;
mod ticker;
mod trouble;

use super::{Answer, Rejected, Started, Writer, WriterHandle};
use crate::directory::{Directory, DirectorySettings};
use crate::engine::Settings;
use crate::engine::testing::{NOW, SAMPLE, actor, load, payment};
use crate::model::*;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{MemoryStore, Shared};
use tokio::sync::oneshot;

/// Longest that a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// A writer over a store in memory with the sample loaded.
struct Running {
    writer: WriterHandle,
    store: Arc<Shared>,
    directory: Arc<Directory>,
    clock: Arc<ManualClock>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Running {
    fn sample() -> Running {
        let store = Arc::new(Shared::default());
        let running = Running::over(&store);
        running.call(load(SAMPLE, LoadOptions::default())).unwrap();
        running
    }

    fn over(store: &Arc<Shared>) -> Running {
        let directory = Arc::new(Directory::new(&DirectorySettings {
            grant_hold: Duration::from_secs(60),
            pool_quarantine: Duration::from_secs(600),
        }));
        let clock = Arc::new(ManualClock::at(NOW));
        let Started { handle, thread, .. } = Writer::start(
            Box::new(MemoryStore(Arc::clone(store))),
            Settings::default(),
            Arc::clone(&directory),
            Arc::clone(&clock) as Arc<dyn Clock>,
            "test".into(),
        )
        .unwrap();
        Running { writer: handle, store: Arc::clone(store), directory, clock, thread: Some(thread) }
    }

    fn call(&self, command: Command) -> Answer {
        self.writer.call_blocking(command, actor())
    }

    fn submit(&self, command: Command) -> oneshot::Receiver<Answer> {
        self.writer.submit(command, actor()).unwrap()
    }

    /// A payment for 1001, the account with the id 2 of the sample.
    fn pay(&self, id: &str, sum: &str) -> Command {
        let account = self.directory.read().find_who("1001").unwrap().account.id;
        Command::Pay(payment(id, Some(account), sum))
    }

    fn balance(&self) -> String {
        self.directory.read().find_who("1001").unwrap().balance.to_string()
    }

    fn finish(mut self) {
        self.writer.stop();
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.store.open_gate();
        self.writer.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Waits until something is so.
fn until(what: &str, so: impl Fn() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn answer(receiver: oneshot::Receiver<Answer>) -> Answer {
    receiver.blocking_recv().unwrap_or(Err(Rejected::Unknown))
}

/// The payment and whether it was a repeat.
fn paid(answer: Answer) -> (Payment, bool) {
    match answer {
        Ok(Outcome::Paid { payment, repeat }) => (payment, repeat),
        other => panic!("{other:?}"),
    }
}
