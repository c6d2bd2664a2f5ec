//! The outbox: carries events that the ledger has written down to webhooks and commands, each at least once.
//!
//! What happened was written with what caused it (`engine/outbox`), so a kill loses nothing: whatever is pending in the
//! store is delivered. What becomes of an attempt goes to the ledger as a command and is written like everything else.
//! Each target has a lane of its own with its own threads, so a dead one holds up no other. Not here: what an event says.

mod lane;
mod program;
mod retry;
mod webhook;

use crate::config::{NotifyTarget, NotifyWay};
use crate::engine::ITEMS_OF_A_COMMAND_MAX;
use crate::model::*;
use crate::operations::Operations;
use lane::Lane;
use program::Program;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use webhook::Webhook;

/// How often old items are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(3_600);
/// Between two steps of a sweep, so that payments go in between.
const SWEEP_PAUSE: Duration = Duration::from_millis(20);
/// Steps of one sweep at most.
const SWEEP_STEPS_MAX: usize = 10_000;
/// What was delivered is kept for so long, and what was not delivered by then has failed.
const KEPT: Duration = Duration::from_secs(7 * 86_400);
/// Dead letters.
const FAILED_KEPT: Duration = Duration::from_secs(90 * 86_400);
/// Deliveries under way are waited for so long when the server stops; they are made again after the next start.
const STOP_WAIT: Duration = Duration::from_secs(2);

/// What an attempt came to.
#[derive(Debug, PartialEq, Eq)]
enum Attempt {
    Done,
    /// The receiver wants no more of anything (HTTP 410).
    Gone,
    /// Not this time.
    Again {
        why: String,
        /// Nobody was there to judge this item: the next one will fare no better.
        trouble: bool,
        /// The receiver said when to come again.
        after: Option<Duration>,
    },
    /// Never.
    Refused(String),
    /// Not made, because the target is in trouble.
    NotMade,
}

/// How a target is reached. Called from several threads at a time.
trait Way: Send + Sync {
    /// Blocks until it is delivered or not; bounded by the target's time limit.
    fn deliver(&self, parcel: &Parcel<'_>) -> Attempt;
}

/// What is delivered.
struct Parcel<'a> {
    id: &'a str,
    now: Timestamp,
    body: &'a str,
}

/// Delivers to all targets until `stop` is true. Side effects: starts threads, as many for each target as it takes at a
/// time and one more.
pub async fn run(targets: Vec<NotifyTarget>, operations: Arc<Operations>, mut stop: watch::Receiver<bool>) {
    let mut lanes = Vec::new();
    for target in &targets {
        let way: Arc<dyn Way> = match &target.way {
            NotifyWay::Webhook { url, secrets, ca } => {
                Arc::new(Webhook::new(url, secrets, ca.as_deref(), target.timeout))
            }
            NotifyWay::Command(words) => Arc::new(Program::new(words, target.timeout)),
        };
        match Lane::start(&target.name, target.at_once, way, Arc::clone(&operations)) {
            Ok(lane) => lanes.push(lane),
            Err(error) => tracing::error!(%error, target = target.name, "events are not delivered"),
        }
    }
    let mut events = operations.writer.events();
    let mut sweeps = tokio::time::interval(SWEEP_EVERY);
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            changed = events.changed() => match changed {
                Ok(()) => lanes.iter().for_each(lane::Running::look),
                Err(_) => break,
            },
            _ = sweeps.tick() => {
                let operations = Arc::clone(&operations);
                // It ends by itself when the writer does.
                drop(tokio::task::spawn_blocking(move || sweep(&operations)));
            }
        }
    }
    let ended = tokio::task::spawn_blocking(move || {
        lanes.iter().for_each(lane::Running::halt);
        lanes.into_iter().for_each(lane::Running::join);
    });
    if ended.await.is_err() {
        tracing::error!("a lane of the outbox ended badly");
    }
}

/// Takes old items out of the store.
fn sweep(operations: &Operations) {
    for _ in 0..SWEEP_STEPS_MAX {
        let now = operations.clock.now();
        let (before, failed_before) = (now.saturating_sub(KEPT), now.saturating_sub(FAILED_KEPT));
        let old = match operations.reader.outbox_old(before, failed_before, ITEMS_OF_A_COMMAND_MAX) {
            Ok(old) if old.is_empty() => return,
            Ok(old) => old,
            Err(error) => return tracing::warn!(%error, "old events are not taken out of the outbox"),
        };
        let (pending, over): (Vec<_>, Vec<_>) =
            old.into_iter().partition(|(_, state)| *state == DeliveryState::Pending);
        let failed = pending.into_iter().map(|(key, _)| Delivery {
            key,
            state: DeliveryState::Failed,
            attempts: 0,
            at: now,
            error: "was not delivered in time".to_owned(),
        });
        let commands = [
            OutboxCommand::Delivered(failed.collect()),
            OutboxCommand::Forget(over.into_iter().map(|(key, _)| key).collect()),
        ];
        for command in commands {
            if operations.writer.call_blocking(Command::Outbox(command), Actor::system()).is_err() {
                return;
            }
        }
        std::thread::sleep(SWEEP_PAUSE);
    }
}
