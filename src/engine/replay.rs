//! Entries of a spool become sessions and grants of the ledger, each exactly once.

use super::ledger::Books;
use super::reservations::Desk;
use super::session::SessionTable;
use super::usage::{Counters, Growth};
use super::{Decision, SessionEffect, State};
use crate::model::*;
use std::collections::HashMap;

/// Takes in a spool's entries. Those at or before the stored position of their epoch were taken in before.
pub(super) fn replay(
    state: &State,
    edge: &str,
    entries: &[(SpoolPosition, SpoolEntry)],
    now: Timestamp,
) -> Decision {
    let mut position = state.edge_position(edge);
    let mut skipped = 0;
    let mut scratch =
        Scratch { base: &state.sessions, overlay: SessionTable::of_batch(), changed: HashMap::new() };
    let mut growth = Growth::default();
    let mut books = Books::new(state);
    let mut granted = Vec::new();
    for (at, entry) in entries {
        let seen = position.is_some_and(|p| p.epoch == at.epoch && at.sequence <= p.sequence);
        if seen {
            skipped += 1;
            continue;
        }
        position = Some(*at);
        match entry {
            SpoolEntry::Accounting(record) => {
                let counts = is_charged(state, record);
                if let Some((before, after)) = scratch.merge(record).filter(|_| counts) {
                    growth.note(state, before, after, record.event_time, now);
                }
            }
            SpoolEntry::Grant(grant) => books.changes.push(Change::PoolGrant(grant.clone())),
            SpoolEntry::Reservation(reservation) => granted.push(reservation.clone()),
        }
    }
    let applied = entries.len() - skipped;
    let sessions: Vec<Session> = scratch.into_sessions().collect();
    books.changes.extend(sessions.iter().cloned().map(Change::Session));
    let charged = growth.charge(&mut books, now);
    let holding: Vec<Session> = sessions.into_iter().filter(|session| may_hold(state, session)).collect();
    Desk::new(state, charged, now).settle(&mut books, &granted, &holding);
    let mut changes = books.changes;
    if applied > 0 {
        changes.extend(position.map(|position| Change::EdgePosition { edge: edge.to_owned(), position }));
    }
    Decision { outcome: Outcome::Replayed { applied, skipped }, changes }
}

/// RADIUS and kernel never both charge: what a NAS says counts for subscribers with access `radius`, what a kernel says
/// for the others. Counters of a kernel are believed whatever the access is now: they were kept while it was another.
fn is_charged(state: &State, record: &AccountingRecord) -> bool {
    match origin_of(record) {
        SessionOrigin::Nas => record.subscriber.is_none_or(|id| access(state, id) == AccessMethod::Radius),
        SessionOrigin::Sighting | SessionOrigin::Kernel => true,
    }
}

/// One reservation a session: an `ipoe` subscriber's is held by the session, a `static` one's by its counters.
fn may_hold(state: &State, session: &Session) -> bool {
    let access = session.subscriber.map(|id| access(state, id)).unwrap_or_default();
    let holds = match session.key.origin() {
        SessionOrigin::Nas => access == AccessMethod::Radius,
        SessionOrigin::Sighting => true,
        SessionOrigin::Kernel => access == AccessMethod::Static,
    };
    // What is over holds nothing, whoever spoke of it.
    holds || !session.is_open()
}

fn access(state: &State, id: SubscriberId) -> AccessMethod {
    state.subscribers.get(&id).map(|subscriber| subscriber.access).unwrap_or_default()
}

fn origin_of(record: &AccountingRecord) -> SessionOrigin {
    key_of(record).origin()
}

fn key_of(record: &AccountingRecord) -> SessionKey {
    SessionKey {
        nas: record.nas,
        acct_session_id: record.acct_session_id.clone(),
        login: record.login.clone(),
    }
}

/// The sessions a batch touches, merged apart from the state so that deciding changes nothing.
struct Scratch<'a> {
    base: &'a SessionTable,
    overlay: SessionTable,
    /// Order of first touch, so that what is written is the same for the same input.
    changed: HashMap<SessionKey, usize>,
}

impl Scratch<'_> {
    /// What it did to the counters of its session: as they were, where there was one, and as they are.
    fn merge(&mut self, record: &AccountingRecord) -> Option<(Option<Counters>, Counters)> {
        let key = self.bring_sessions(record);
        let before = key.as_ref().and_then(|key| self.overlay.find(key)).map(Counters::of);
        let mut counted = false;
        for (key, effect) in self.overlay.merge(record) {
            if effect != SessionEffect::Ignored {
                counted = true;
                let order = self.changed.len();
                self.changed.entry(key).or_insert(order);
            }
        }
        let after = key.filter(|_| counted).and_then(|key| self.overlay.find(&key).map(Counters::of))?;
        Some((before, after))
    }

    /// Brings the sessions that a record is about; gives its key where it is about one.
    fn bring_sessions(&mut self, record: &AccountingRecord) -> Option<SessionKey> {
        match record.kind {
            AccountingKind::On | AccountingKind::Off => {
                self.bring(self.base.open().filter(|s| s.key.nas == record.nas).cloned().collect());
                None
            }
            _ => {
                let key = key_of(record);
                self.bring(self.base.find(&key).cloned().into_iter().collect());
                if key.origin() == SessionOrigin::Kernel
                    && let Some(subscriber) = record.subscriber
                {
                    self.bring(self.base.open_of(subscriber).cloned().collect());
                }
                Some(key)
            }
        }
    }

    /// Copies sessions of the state that the overlay does not have yet.
    fn bring(&mut self, sessions: Vec<Session>) {
        for session in sessions {
            if self.overlay.find(&session.key).is_none() {
                self.overlay.put(session);
            }
        }
    }

    fn into_sessions(self) -> impl Iterator<Item = Session> {
        let mut keys: Vec<_> = self.changed.into_iter().collect();
        keys.sort_by_key(|(_, order)| *order);
        let overlay = self.overlay;
        keys.into_iter().filter_map(move |(key, _)| overlay.find(&key).cloned())
    }
}
