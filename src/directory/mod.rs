//! The published state: what readers (authorization, lists, pages, followers) see, in memory, with a revision.
//!
//! The writer publishes what a committed batch changed; the spool publishes presence after its flush. A change that
//! others can see moves the revision by one and stands in the log that followers read. Nothing here decides a rule of
//! money, speaks a protocol or touches the store.

mod addresses;
mod calls;
mod changes;
mod entry;
mod inner;
mod lookup;
mod nases;
mod pools;
mod reservations;
mod staff;
mod staged;
mod strangers;

pub use calls::CallBook;
pub use changes::{Cursor, Delta};
pub use entry::{Applied, Entry, LoginAttempt, LoginResult, NasNotice, Recent, Visible, VisibleNas};
pub use inner::Inner;
pub use lookup::{Found, LookupError};
pub use nases::NasEntry;
pub use reservations::{Asking, Grant, SessionLimits};
pub use staged::Staged;
pub use strangers::Stranger;

use crate::engine::{SessionEffect, State, Touched};
use crate::model::*;
use ipnet::IpNet;
use parking_lot::{Mutex, RwLock, RwLockReadGuard};
use smallvec::SmallVec;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// What the configuration says that readers depend on.
#[derive(Clone, Debug)]
pub struct DirectorySettings {
    /// How long an address given at login waits for its session before another may have it.
    pub grant_hold: Duration,
    /// After an unclean start a free address goes only to its last owner for this long.
    pub pool_quarantine: Duration,
}

/// The one value that all readers share.
pub struct Directory {
    inner: RwLock<Inner>,
    pools: Mutex<pools::Pools>,
    reservations: Mutex<reservations::Reservations>,
    strangers: Mutex<strangers::Strangers>,
    /// Sources that nobody has, apart from logins: a flood of forged ones pushes no login out.
    sighted: Mutex<strangers::Strangers>,
    calls: RwLock<CallBook>,
    staff: RwLock<staff::StaffShelf>,
    revision: watch::Sender<u64>,
    epoch: u64,
}

impl Directory {
    /// An empty directory with a random epoch.
    pub fn new(settings: &DirectorySettings) -> Directory {
        let mut epoch = [0u8; 8];
        // Without entropy the epoch is 0: followers then still see a full page, because their N is too new or equal
        // only when they followed another start that had none either.
        let _ = getrandom::fill(&mut epoch);
        Directory {
            inner: RwLock::new(Inner::default()),
            pools: Mutex::new(pools::Pools::new(settings)),
            reservations: Mutex::default(),
            strangers: Mutex::default(),
            sighted: Mutex::default(),
            calls: RwLock::default(),
            staff: RwLock::default(),
            revision: watch::Sender::new(0),
            epoch: u64::from_le_bytes(epoch) >> 16,
        }
    }

    /// Publishes a whole state: at start, and when the writer had to load anew.
    pub fn publish_all(&self, state: &State, now: Timestamp) {
        let everybody = Touched {
            subscribers: state.subscriber_ids().collect(),
            accounts: state.account_ids().collect(),
            network: true,
            subjects: state.call_subjects().map(str::to_owned).collect(),
            tariffs: true,
            staff: true,
            staff_sessions: state.staff_session_hashes().collect(),
            pending: state.open_pending().map(str::to_owned).collect(),
        };
        {
            let mut inner = self.inner.write();
            for session in state.open_sessions().chain(state.open_counters()) {
                if inner.sessions.find(&session.key).is_none() {
                    inner.sessions.put(session.clone());
                }
            }
            let mut pools = self.pools.lock();
            pools.define(state.pools());
            // Oldest first: what has been free the longest goes on first.
            let mut grants: Vec<&PoolGrant> = state.grants().collect();
            grants.sort_by_key(|grant| (grant.at, grant.address));
            for grant in grants {
                pools.restore(grant, now);
            }
            for session in inner.sessions.open() {
                pools.session_opened(session);
            }
        }
        self.publish(state, &everybody, now);
    }

    /// Publishes what has been touched, as it is now. Everything in the state has to be committed.
    pub fn publish(&self, state: &State, touched: &Touched, now: Timestamp) {
        self.publish_staged(Staged::of(state, touched, now));
    }

    /// Publishes what a committed batch touched, as it was right after that batch.
    pub fn publish_staged(&self, staged: Staged) {
        self.publish_calls(staged.calls);
        self.publish_staff(staged.staff);
        let mut inner = self.inner.write();
        let mut nases_changed = false;
        if let Some(network) = &staged.network {
            nases_changed = inner.nases.define(network.nases.iter());
            inner.define_groups(network.groups.iter());
            self.pools.lock().define(network.pools.iter());
        }
        for (account, balance) in staged.accounts {
            inner.put_account(account, balance);
        }
        self.reservations.lock().posted(&staged.pending);
        for view in staged.views {
            inner.put_subscriber(view);
        }
        if nases_changed {
            inner.refresh_online();
            // Followers that guard ports wait for this too.
            self.revision.send_modify(|_| {});
        }
        self.announce(&inner);
    }

    /// Merges accounting records into live presence, in order. Called after the spool's flush.
    pub fn merge_presence<'a>(&self, records: impl Iterator<Item = &'a AccountingRecord>) {
        let mut inner = self.inner.write();
        for record in records {
            let touched = inner.sessions.merge(record);
            for (key, effect) in touched.iter().filter(|(_, effect)| effect.is_visible()) {
                self.presence_changed(&mut inner, key, *effect);
            }
        }
        self.announce(&inner);
    }

    /// Ends sessions that no record ended (a NAS said that it does not know them).
    pub fn close_session(&self, key: &SessionKey, at: Timestamp, cause: u32) {
        let mut inner = self.inner.write();
        if inner.sessions.close(key, at, cause) {
            self.presence_changed(&mut inner, key, SessionEffect::Closed);
            self.announce(&inner);
        }
    }

    fn presence_changed(&self, inner: &mut Inner, key: &SessionKey, effect: SessionEffect) {
        let Some(session) = inner.sessions.find(key) else { return };
        let Some(subscriber) = session.subscriber else { return };
        if session.key.origin() == SessionOrigin::Kernel {
            return;
        }
        let in_use: SmallVec<[Ipv4Addr; 2]> =
            inner.sessions.open_of(subscriber).filter_map(|session| session.framed_ip).collect();
        let mut pools = self.pools.lock();
        if effect != SessionEffect::Closed {
            pools.session_opened(session);
        }
        pools.settle(subscriber, &in_use);
        drop(pools);
        inner.refresh(subscriber);
    }

    fn announce(&self, inner: &Inner) {
        self.revision.send_if_modified(|revision| {
            let moved = *revision != inner.changes.last();
            *revision = inner.changes.last();
            moved
        });
    }

    /// A consistent look at everything; hold it for one batch of packets at most.
    pub fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read()
    }

    /// Wakes whenever the revision has moved.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// The cursor of now.
    pub fn cursor(&self) -> Cursor {
        Cursor { epoch: self.epoch, n: self.inner.read().changes.last() }
    }

    /// Every address with its owner, in order, and the cursor they belong to.
    pub fn rows(&self) -> (Cursor, Vec<(IpNet, Arc<Visible>)>) {
        let inner = self.inner.read();
        (Cursor { epoch: self.epoch, n: inner.changes.last() }, inner.rows())
    }

    /// What changed since a cursor; None when it is of another start or too old, and everything is needed.
    pub fn since(&self, cursor: Cursor) -> Option<Delta> {
        if cursor.epoch != self.epoch {
            return None;
        }
        let inner = self.inner.read();
        let touched = inner.changes.since(cursor.n)?;
        Some(Delta {
            cursor: Cursor { epoch: self.epoch, n: inner.changes.last() },
            rows: touched.addresses.into_iter().map(|net| (net, inner.owner_of(&net))).collect(),
            subscribers: touched.subscribers,
        })
    }

    /// Gives a subscriber an address of a pool: the one it had, or a free one, never one that `inner` shows as
    /// another's, live or configured. None when the pool is exhausted. The grant is to be written to the spool by the
    /// caller.
    pub fn grant_address(
        &self,
        inner: &Inner,
        pool: PoolId,
        subscriber: SubscriberId,
        now: Timestamp,
    ) -> Option<Ipv4Addr> {
        let taken = |address: Ipv4Addr| {
            let owner = inner.addresses.owner(&IpNet::from(IpAddr::V4(address)));
            owner.is_some_and(|owner| owner != subscriber)
        };
        self.pools.lock().grant(pool, subscriber, now, taken)
    }

    /// Takes in grants that the spool holds and the ledger does not know yet.
    pub fn restore_grants<'a>(&self, grants: impl Iterator<Item = &'a PoolGrant>, now: Timestamp) {
        let mut pools = self.pools.lock();
        for grant in grants {
            pools.restore(grant, now);
        }
    }

    /// Notes a login that nobody has.
    pub fn note_stranger(&self, login: &str, attempt: LoginAttempt) {
        self.strangers.lock().note(login, attempt);
    }

    /// The last attempt of a login that nobody has.
    pub fn stranger(&self, login: &str) -> Option<Stranger> {
        self.strangers.lock().find(login)
    }

    /// Notes a source that is nobody's, under its address or MAC as text.
    pub fn note_sighted(&self, source: &str, sighting: LoginAttempt) {
        self.sighted.lock().note(source, sighting);
    }

    /// The last sighting of an address or MAC that is nobody's.
    pub fn sighted(&self, source: &str) -> Option<Stranger> {
        self.sighted.lock().find(source)
    }

    /// Whether an address lies in a pool.
    pub fn pool_holds(&self, pool: PoolId, address: Ipv4Addr) -> bool {
        self.pools.lock().holds(pool, address)
    }

    /// The NAS a packet comes from.
    pub fn nas_of(&self, source: IpAddr) -> Option<Arc<NasEntry>> {
        self.inner.read().nases.find(source).cloned()
    }
}

#[cfg(test)]
mod tests;
