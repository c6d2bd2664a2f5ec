//! What is changed about subscribers, sessions and NASes without money.

use super::fees;
use super::ledger::Books;
use super::payment::check_text;
use super::reservations;
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
    // Somebody who was blocked at 00:00 still was, whatever the reason is now.
    let since = subscriber.block.as_ref().map_or(now, |block| block.since);
    let block = Block { reason: reason.to_owned(), since, by: actor.0.clone() };
    Ok(changed(Subscriber { block: Some(block), ..Subscriber::clone(subscriber) }))
}

/// A day that was not charged because it began blocked is charged now.
pub(super) fn unblock(state: &State, id: SubscriberId, now: Timestamp) -> Result<Decision, Refusal> {
    let subscriber = subscriber(state, id)?;
    if subscriber.block.is_none() {
        return Ok(Decision::unchanged(Outcome::Done { changed: false }));
    }
    let mut books = Books::new(state);
    books.put_subscriber(Subscriber { block: None, ..Subscriber::clone(subscriber) });
    fees::begin_today(&mut books, id, false, now);
    Ok(Decision { outcome: Outcome::Done { changed: true }, changes: books.changes })
}

/// Ends a session; nothing changes when it is over or unknown already.
pub(super) fn close_session(state: &State, key: &SessionKey, at: Timestamp, cause: u32) -> Decision {
    let open = state.sessions.find(key).filter(|session| session.is_open());
    match open {
        None => Decision::unchanged(Outcome::Done { changed: false }),
        Some(session) => {
            let session = Session { stopped: Some(at), terminate_cause: cause, ..session.clone() };
            let void = reservations::void_of_session(state, &session);
            let changes = [Change::Session(session)].into_iter().chain(void).collect();
            Decision { outcome: Outcome::Done { changed: true }, changes }
        }
    }
}

pub(super) fn nas_signs_requests(state: &State, id: NasId) -> Result<Decision, Refusal> {
    let nas =
        state.nases.get(&id).ok_or_else(|| Refusal::new("nas-not-found", format!("there is no NAS {id}")))?;
    if nas.sends_message_authenticator {
        return Ok(Decision::unchanged(Outcome::Done { changed: false }));
    }
    let nas = Nas { sends_message_authenticator: true, ..Nas::clone(nas) };
    Ok(Decision { outcome: Outcome::Done { changed: true }, changes: vec![Change::Nas(nas)] })
}

fn subscriber(state: &State, id: SubscriberId) -> Result<&Arc<Subscriber>, Refusal> {
    state
        .subscribers
        .get(&id)
        .ok_or_else(|| Refusal::new("subscriber-not-found", format!("there is no subscriber {id}")))
}

fn changed(subscriber: Subscriber) -> Decision {
    Decision {
        outcome: Outcome::Done { changed: true },
        changes: vec![Change::Subscriber(Box::new(subscriber))],
    }
}
