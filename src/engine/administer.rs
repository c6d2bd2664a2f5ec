//! Block and unblock by an administrator.

use super::payment::check_text;
use super::{Decision, State};
use crate::model::*;
use std::sync::Arc;

pub(super) fn block(
    state: &State,
    id: SubscriberId,
    reason: &str,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    check_text(reason)?;
    let subscriber = subscriber(state, id)?;
    if subscriber.block.as_ref().is_some_and(|block| block.reason == reason) {
        return Ok(Decision::unchanged(Outcome::Done { changed: false }));
    }
    let block = Block { reason: reason.to_owned(), since: now, by: actor.0.clone() };
    Ok(changed(Subscriber { block: Some(block), ..Subscriber::clone(subscriber) }))
}

pub(super) fn unblock(state: &State, id: SubscriberId) -> Result<Decision, Refusal> {
    let subscriber = subscriber(state, id)?;
    if subscriber.block.is_none() {
        return Ok(Decision::unchanged(Outcome::Done { changed: false }));
    }
    Ok(changed(Subscriber { block: None, ..Subscriber::clone(subscriber) }))
}

fn subscriber(state: &State, id: SubscriberId) -> Result<&Arc<Subscriber>, Refusal> {
    state
        .subscribers
        .get(&id)
        .ok_or_else(|| Refusal::new("subscriber-not-found", format!("there is no subscriber {id}")))
}

fn changed(subscriber: Subscriber) -> Decision {
    Decision { outcome: Outcome::Done { changed: true }, changes: vec![Change::Subscriber(subscriber)] }
}
