//! Sessions: how accounting records become sessions. Duplicates, disorder, lost Starts, counter wraps and resets
//! and NAS reboots all end in the same table (facts on RADIUS, 3.3). Used by the ledger and by live presence alike.

use crate::model::*;
use rustc_hash::FxHashMap;
use smallvec::{SmallVec, smallvec};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Closed sessions kept, so that a late record finds its session and does not open a second one.
const CLOSED_MAX: usize = 50_000;
/// Acct-Terminate-Cause of sessions that Accounting-On or -Off ended (RFC 2866 5.10: NAS Reboot).
const CAUSE_NAS_REBOOT: u32 = 11;
/// Of sessions that were ended for silence (RFC 2866 5.10: Lost Service).
pub const CAUSE_LOST_SERVICE: u32 = 3;
const WRAP_32_BIT: u64 = 1 << 32;

/// What a record did to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEffect {
    Opened,
    /// Counters or times moved on; nothing that others see of the session.
    Updated,
    /// The address or another visible property changed.
    Altered,
    Closed,
    Reopened,
    /// A duplicate or an older record: nothing new.
    Ignored,
}

impl SessionEffect {
    /// The effect is seen by lists, kernel and NAS.
    pub fn is_visible(self) -> bool {
        !matches!(self, SessionEffect::Updated | SessionEffect::Ignored)
    }
}

/// All open sessions, and the lately closed ones.
#[derive(Debug)]
pub struct SessionTable {
    sessions: HashMap<SessionKey, Session>,
    open_of: FxHashMap<SubscriberId, SmallVec<[SessionKey; 1]>>,
    open_on: FxHashMap<NasId, HashSet<SessionKey>>,
    /// Open counter sessions, which are no presence and stand in none of the others.
    counters_of: FxHashMap<SubscriberId, SmallVec<[SessionKey; 2]>>,
    open_count: usize,
    /// Closed sessions by the order in which they closed.
    closed: BTreeMap<u64, SessionKey>,
    closed_as: HashMap<SessionKey, u64>,
    closed_next: u64,
    closed_max: usize,
}

/// Under what a session stands in the indexes.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place {
    open: bool,
    counter: bool,
    subscriber: Option<SubscriberId>,
}

impl Place {
    fn of(session: &Session) -> Place {
        Place { open: session.is_open(), counter: is_counter(session), subscriber: session.subscriber }
    }
}

fn is_counter(session: &Session) -> bool {
    session.key.origin() == SessionOrigin::Kernel
}

impl Default for SessionTable {
    fn default() -> SessionTable {
        SessionTable {
            sessions: HashMap::new(),
            open_of: FxHashMap::default(),
            open_on: FxHashMap::default(),
            counters_of: FxHashMap::default(),
            open_count: 0,
            closed: BTreeMap::new(),
            closed_as: HashMap::new(),
            closed_next: 0,
            closed_max: CLOSED_MAX,
        }
    }
}

impl SessionTable {
    /// A table for one batch, which forgets nothing; as large as what is put into it.
    pub(super) fn of_batch() -> SessionTable {
        SessionTable { closed_max: usize::MAX, ..SessionTable::default() }
    }

    /// Merges one record. Gives each session it touched with the effect; On and Off touch many. All of them can be
    /// found until the next record is merged.
    pub fn merge(&mut self, record: &AccountingRecord) -> SmallVec<[(SessionKey, SessionEffect); 1]> {
        self.forget_oldest();
        match record.kind {
            AccountingKind::On | AccountingKind::Off => self.close_all(record),
            _ => {
                let key = SessionKey {
                    nas: record.nas,
                    acct_session_id: record.acct_session_id.clone(),
                    login: record.login.clone(),
                };
                let before = self.counted(&key);
                let effect = self.merge_one(&key, record);
                let shown = before.and_then(|before| self.show(&key, before, record));
                let mut touched = smallvec![(key, effect)];
                touched.extend(shown.map(|key| (key, SessionEffect::Updated)));
                touched
            }
        }
    }

    /// What a counter session has counted so far; None where another kind of session is meant.
    fn counted(&self, key: &SessionKey) -> Option<Usage> {
        let counted = || self.sessions.get(key).map(|session| session.usage).unwrap_or_default();
        (key.origin() == SessionOrigin::Kernel).then(counted)
    }

    /// Adds what a counter session grew by to the session that a sighting opened for its address, so that this shows
    /// its octets. It is shown only: what is charged is the counter session's.
    fn show(&mut self, key: &SessionKey, before: Usage, record: &AccountingRecord) -> Option<SessionKey> {
        let counter = self.sessions.get(key)?;
        let now = counter.usage;
        let download = now.download_octets.saturating_sub(before.download_octets);
        let upload = now.upload_octets.saturating_sub(before.upload_octets);
        if download == 0 && upload == 0 {
            return None;
        }
        let shown = self.login_of(counter)?.key.clone();
        let session = self.sessions.get_mut(&shown)?;
        session.usage.download_octets = session.usage.download_octets.saturating_add(download);
        session.usage.upload_octets = session.usage.upload_octets.saturating_add(upload);
        session.updated = session.updated.max(record.event_time);
        Some(shown)
    }

    /// The open session of a sighting that a counter session's octets belong to: that of its address, else the first.
    fn login_of(&self, counter: &Session) -> Option<&Session> {
        let open = self.open_of(counter.subscriber?);
        let sighted = open.filter(|session| session.key.origin() == SessionOrigin::Sighting);
        sighted.min_by_key(|session| (!shares_address(session, counter), session.started, &session.key))
    }

    fn merge_one(&mut self, key: &SessionKey, record: &AccountingRecord) -> SessionEffect {
        let Some(session) = self.sessions.get_mut(key) else {
            let session = open(key.clone(), record);
            let effect = if session.is_open() { SessionEffect::Opened } else { SessionEffect::Closed };
            self.put(session);
            return effect;
        };
        let before = Place::of(session);
        let effect = merge_into(session, record);
        let after = Place::of(session);
        self.reindex(key, Some(before), after);
        effect
    }

    /// Accounting-On and -Off end every session that this NAS address had before.
    fn close_all(&mut self, record: &AccountingRecord) -> SmallVec<[(SessionKey, SessionEffect); 1]> {
        let mut keys: Vec<SessionKey> =
            self.open_on.get(&record.nas).into_iter().flatten().cloned().collect();
        // In the same order for the same sessions: what is decided for the first may concern the next.
        keys.sort_unstable();
        let mut touched = SmallVec::new();
        for key in keys {
            let earlier = self.sessions.get(&key).is_some_and(|session| {
                session.nas_address == record.nas_address && session.started <= record.event_time
            });
            if earlier && self.end(&key, record.event_time, CAUSE_NAS_REBOOT) {
                touched.push((key, SessionEffect::Closed));
            }
        }
        touched
    }

    /// Ends a session by decision of an operator or a check, without a record.
    pub fn close(&mut self, key: &SessionKey, at: Timestamp, cause: u32) -> bool {
        self.forget_oldest();
        self.end(key, at, cause)
    }

    fn end(&mut self, key: &SessionKey, at: Timestamp, cause: u32) -> bool {
        let Some(session) = self.sessions.get_mut(key).filter(|session| session.is_open()) else {
            return false;
        };
        let before = Place::of(session);
        session.stopped = Some(at);
        session.terminate_cause = cause;
        let after = Place::of(session);
        self.reindex(key, Some(before), after);
        true
    }

    /// Inserts or replaces a session as it is.
    pub fn put(&mut self, session: Session) {
        self.forget_oldest();
        let before = self.sessions.get(&session.key).map(Place::of);
        self.reindex(&session.key, before, Place::of(&session));
        self.sessions.insert(session.key.clone(), session);
    }

    /// Keeps the indexes in step with a session that stood at `before` (None: it is new) and stands at `after`.
    fn reindex(&mut self, key: &SessionKey, before: Option<Place>, after: Place) {
        if before == Some(after) {
            return;
        }
        match before {
            Some(before) if before.open && before.counter => {
                before.subscriber.into_iter().for_each(|owner| unlist(&mut self.counters_of, owner, key));
            }
            Some(before) if before.open => self.unlist_open(key, before.subscriber),
            Some(_) if after.open => {
                let number = self.closed_as.remove(key);
                number.and_then(|number| self.closed.remove(&number));
            }
            _ => {}
        }
        if after.open && after.counter {
            if let Some(subscriber) = after.subscriber {
                self.counters_of.entry(subscriber).or_default().push(key.clone());
            }
        } else if after.open {
            self.open_count += 1;
            self.open_on.entry(key.nas).or_default().insert(key.clone());
            if let Some(subscriber) = after.subscriber {
                self.open_of.entry(subscriber).or_default().push(key.clone());
            }
        } else if before.is_none_or(|before| before.open) {
            self.closed.insert(self.closed_next, key.clone());
            self.closed_as.insert(key.clone(), self.closed_next);
            self.closed_next += 1;
        }
    }

    fn unlist_open(&mut self, key: &SessionKey, subscriber: Option<SubscriberId>) {
        self.open_count -= 1;
        if let Some(keys) = self.open_on.get_mut(&key.nas) {
            keys.remove(key);
        }
        subscriber.into_iter().for_each(|owner| unlist(&mut self.open_of, owner, key));
    }

    /// Runs before something is merged and not after, so that a caller finds every session that a record ended.
    fn forget_oldest(&mut self) {
        while self.closed.len() > self.closed_max {
            let Some((_, key)) = self.closed.pop_first() else { break };
            self.closed_as.remove(&key);
            self.sessions.remove(&key);
        }
    }

    pub fn find(&self, key: &SessionKey) -> Option<&Session> {
        self.sessions.get(key)
    }

    /// Open sessions of a subscriber, oldest first.
    pub fn open_of(&self, subscriber: SubscriberId) -> impl Iterator<Item = &Session> {
        self.open_of.get(&subscriber).into_iter().flatten().filter_map(|key| self.sessions.get(key))
    }

    /// Open sessions of everybody, without counter sessions.
    pub fn open(&self) -> impl Iterator<Item = &Session> {
        self.sessions.values().filter(|session| session.is_open() && !is_counter(session))
    }

    /// Open counter sessions of everybody.
    pub fn counters(&self) -> impl Iterator<Item = &Session> {
        self.counters_of.values().flatten().filter_map(|key| self.sessions.get(key))
    }

    /// Open counter sessions of a subscriber, oldest first.
    pub fn counters_of(&self, subscriber: SubscriberId) -> impl Iterator<Item = &Session> {
        self.counters_of.get(&subscriber).into_iter().flatten().filter_map(|key| self.sessions.get(key))
    }

    pub fn open_count(&self) -> usize {
        self.open_count
    }
}

fn unlist<const N: usize>(
    lists: &mut FxHashMap<SubscriberId, SmallVec<[SessionKey; N]>>,
    owner: SubscriberId,
    key: &SessionKey,
) where
    [SessionKey; N]: smallvec::Array<Item = SessionKey>,
{
    if let Some(keys) = lists.get_mut(&owner) {
        keys.retain(|other| other != key);
        if keys.is_empty() {
            lists.remove(&owner);
        }
    }
}

fn shares_address(session: &Session, counter: &Session) -> bool {
    let same_v4 = counter.framed_ip.is_some() && counter.framed_ip == session.framed_ip;
    same_v4 || counter.ipv6_prefixes.iter().any(|net| session.holds(net.addr().into()))
}

/// A session from the first record that names it. A lost Start is made up for: it began Acct-Session-Time ago.
fn open(key: SessionKey, record: &AccountingRecord) -> Session {
    let age = std::time::Duration::from_secs(record.session_seconds.into());
    let stopped = (record.kind == AccountingKind::Stop).then_some(record.event_time);
    Session {
        key,
        subscriber: record.subscriber,
        nas_address: record.nas_address,
        started: record.event_time.saturating_sub(age),
        updated: record.event_time,
        stopped,
        terminate_cause: record.terminate_cause,
        session_seconds: record.session_seconds,
        framed_ip: record.framed_ip,
        ipv6_prefixes: record.ipv6_prefixes.clone(),
        mac: record.mac,
        calling_station_id: record.calling_station_id.clone(),
        nas_port_id: record.nas_port_id.clone(),
        usage: record.usage,
        usage_before_reset: Usage::default(),
    }
}

fn merge_into(session: &mut Session, record: &AccountingRecord) -> SessionEffect {
    if record.kind == AccountingKind::Start {
        return merge_start(session, record);
    }
    let newer = record.session_seconds >= session.session_seconds;
    // An element's counters never fall: a smaller value is an older one, whatever order it came in.
    let may_reset = newer && !is_counter(session);
    let before = (session.session_seconds, session.updated);
    let mut moved = merge_usage(session, record, may_reset);
    if newer {
        session.session_seconds = record.session_seconds;
        session.updated = session.updated.max(record.event_time);
        moved |= before != (session.session_seconds, session.updated);
    }
    // Whatever moved is told, also of a closed session: what is ignored is not written.
    let rest = if moved { SessionEffect::Updated } else { SessionEffect::Ignored };
    let stopped = session.stopped;
    match stopped {
        None if record.kind == AccountingKind::Stop => {
            session.stopped = Some(record.event_time);
            session.terminate_cause = record.terminate_cause;
            SessionEffect::Closed
        }
        None if newer && alter(session, record) => SessionEffect::Altered,
        _ if record.kind == AccountingKind::Stop => rest,
        None => rest,
        // We closed it (NAS reboot, stale), yet the NAS reports it alive, later: it lives.
        Some(stopped) if ended_by_us(session.terminate_cause) && record.event_time > stopped => {
            session.stopped = None;
            session.terminate_cause = 0;
            SessionEffect::Reopened
        }
        Some(_) => rest,
    }
}

/// Causes with which we end sessions ourselves, on evidence that may prove wrong.
fn ended_by_us(cause: u32) -> bool {
    matches!(cause, CAUSE_NAS_REBOOT | CAUSE_LOST_SERVICE)
}

/// A Start for a known session: a repeat, or the NAS uses the name again after a Stop.
fn merge_start(session: &mut Session, record: &AccountingRecord) -> SessionEffect {
    let stopped = session.stopped;
    match stopped {
        None if alter(session, record) => SessionEffect::Altered,
        None => SessionEffect::Ignored,
        Some(stopped) if record.event_time > stopped => {
            *session = open(session.key.clone(), record);
            SessionEffect::Opened
        }
        Some(_) => SessionEffect::Ignored,
    }
}

/// Takes over an address that came or changed. True when something visible did.
fn alter(session: &mut Session, record: &AccountingRecord) -> bool {
    let mut altered = false;
    if record.framed_ip.is_some() && record.framed_ip != session.framed_ip {
        session.framed_ip = record.framed_ip;
        altered = true;
    }
    if !record.ipv6_prefixes.is_empty() && record.ipv6_prefixes != session.ipv6_prefixes {
        session.ipv6_prefixes.clone_from(&record.ipv6_prefixes);
        altered = true;
    }
    if session.subscriber.is_none() && record.subscriber.is_some() {
        session.subscriber = record.subscriber;
        altered = true;
    }
    altered
}

/// Moves the counters on; never down. True when something was counted.
fn merge_usage(session: &mut Session, record: &AccountingRecord, may_reset: bool) -> bool {
    // A Stop that comes with zeros after good interims (some NASes) says nothing.
    if !record.has_usage || record.usage == Usage::default() {
        return false;
    }
    let before = (session.usage, session.usage_before_reset);
    merge_counter(
        &mut session.usage.download_octets,
        &mut session.usage_before_reset.download_octets,
        record.usage.download_octets,
        may_reset,
    );
    merge_counter(
        &mut session.usage.upload_octets,
        &mut session.usage_before_reset.upload_octets,
        record.usage.upload_octets,
        may_reset,
    );
    before != (session.usage, session.usage_before_reset)
}

fn merge_counter(current: &mut u64, before_reset: &mut u64, reported: u64, may_reset: bool) {
    if reported >= *current {
        *current = reported;
    } else if may_reset {
        // The counter fell back. From the upper half of 32 bits it wrapped (a NAS without Gigawords);
        // from anywhere else it was reset, and what it had counted stays counted.
        let wrapped = *current < WRAP_32_BIT && *current >= WRAP_32_BIT / 2;
        *before_reset = before_reset.saturating_add(if wrapped { WRAP_32_BIT } else { *current });
        *current = reported;
    }
}

#[cfg(test)]
mod tests;
