//! Events for others (docs/notifications.md): written down in the same batch as what caused them, delivered later by
//! `followers/outbox`.
//!
//! Like the history of addresses, events follow from what a decision writes, whichever command decided it, so no command
//! can forget one ([`follow`]). How somebody stands changes by the clock too, so that is compared with what was told
//! last when a batch is closed ([`State::standing_events`]). Where nobody is told of a kind, nothing of it is computed.

mod follow;
mod notices;
mod pen;
mod standings;

pub(super) use follow::follow;
pub(super) use notices::{next_notices, notices};

use super::{Decision, State};
use crate::model::*;
use pen::Pen;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// Items that one command may name.
pub const ITEMS_OF_A_COMMAND_MAX: usize = 1_000;

/// What the state remembers of the outbox. Items themselves are in the store alone.
#[derive(Default)]
pub(super) struct Outbox {
    pub last_event: i64,
    disabled: BTreeMap<String, DisabledTarget>,
    told: FxHashMap<SubscriberId, Verdict>,
}

impl Outbox {
    pub fn new(last_event: i64, disabled: Vec<DisabledTarget>, told: Vec<Told>) -> Outbox {
        Outbox {
            last_event,
            disabled: disabled.into_iter().map(|target| (target.name.clone(), target)).collect(),
            told: told.into_iter().map(|told| (told.subscriber, told.verdict)).collect(),
        }
    }

    pub fn absorb(&mut self, change: &Change) {
        match change {
            Change::Event(item) => self.last_event = self.last_event.max(item.event),
            Change::Outbox(OutboxChange::Disabled(target)) => {
                self.disabled.insert(target.name.clone(), target.clone());
            }
            Change::Outbox(OutboxChange::Enabled(name)) => {
                self.disabled.remove(name);
            }
            Change::Outbox(OutboxChange::Told(told)) => {
                self.told.insert(told.subscriber, told.verdict);
            }
            _ => {}
        }
    }
}

/// Carries out what becomes of items. That they exist is the store's business: what is not there stays away.
pub(super) fn decide(state: &State, command: &OutboxCommand, now: Timestamp) -> Result<Decision, Refusal> {
    let each = |keys: &[OutboxKey], change: &dyn Fn(OutboxKey) -> OutboxChange| {
        let changes = keys.iter().cloned().map(change).map(Change::Outbox).collect::<Vec<_>>();
        Decision { outcome: Outcome::Touched { items: changes.len() }, changes }
    };
    match command {
        OutboxCommand::Delivered(results) => {
            bounded(results.len())?;
            let changes = results.iter().cloned().map(OutboxChange::Delivered).map(Change::Outbox);
            Ok(Decision { outcome: Outcome::Done { changed: true }, changes: changes.collect() })
        }
        OutboxCommand::Replay(keys) => {
            named(keys)?;
            Ok(each(keys, &|key| OutboxChange::Replayed { key, at: now }))
        }
        OutboxCommand::Drop(keys) => {
            named(keys)?;
            Ok(each(keys, &|key| OutboxChange::Dropped { key, at: now }))
        }
        OutboxCommand::Forget(keys) => {
            bounded(keys.len())?;
            Ok(each(keys, &OutboxChange::Forgotten))
        }
        OutboxCommand::Test { target } => test(state, target, now),
        OutboxCommand::Disable(target) => {
            configured(state, &target.name)?;
            let changed = !state.outbox.disabled.contains_key(&target.name);
            let change = changed.then(|| Change::Outbox(OutboxChange::Disabled(target.clone())));
            Ok(Decision { outcome: Outcome::Done { changed }, changes: change.into_iter().collect() })
        }
        OutboxCommand::Enable { target } => {
            let changed = state.outbox.disabled.contains_key(target);
            if !changed {
                configured(state, target)?;
            }
            let change = changed.then(|| Change::Outbox(OutboxChange::Enabled(target.clone())));
            Ok(Decision { outcome: Outcome::Done { changed }, changes: change.into_iter().collect() })
        }
    }
}

/// There is something to do. Said here, so that a request that is repeated under its key has its first answer.
fn named(keys: &[OutboxKey]) -> Result<(), Refusal> {
    if keys.is_empty() {
        return Err(Refusal::new("not-found", "there is no event in the outbox to which this could be done"));
    }
    bounded(keys.len())
}

fn bounded(items: usize) -> Result<(), Refusal> {
    if items > ITEMS_OF_A_COMMAND_MAX {
        let text = format!("one command is about at most {ITEMS_OF_A_COMMAND_MAX} items of the outbox");
        return Err(Refusal::new("too-many-items", text));
    }
    Ok(())
}

fn configured<'a>(state: &'a State, name: &str) -> Result<&'a EventTarget, Refusal> {
    let found = state.settings.events.targets.iter().find(|target| &*target.name == name);
    found.ok_or_else(|| {
        Refusal::new("no-such-target", format!("[notify] has no webhook or command named {name:?}"))
    })
}

/// Goes the way of every other event.
fn test(state: &State, name: &str, now: Timestamp) -> Result<Decision, Refusal> {
    let target = configured(state, name)?;
    if state.outbox.disabled.contains_key(name) {
        let text = format!("{name} is disabled; `headgate outbox enable {name}` comes first");
        return Err(Refusal::new("target-disabled", text));
    }
    let mut pen = Pen::new(state, now);
    pen.write_to(std::slice::from_ref(target), EventKind::Test, None, serde_json::json!({ "target": name }));
    let event = pen.last();
    Ok(Decision { outcome: Outcome::Sent { event }, changes: pen.into_changes() })
}

#[cfg(test)]
mod tests;
