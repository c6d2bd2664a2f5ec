//! What a store holds of the changes it was given, as far as a start of the engine asks for it.

use crate::model::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

/// What a store holds after these changes: what the engine is started from again.
pub(crate) fn stored(changes: &[Change]) -> Snapshot {
    let mut stored = Stored::default();
    changes.iter().for_each(|change| stored.write(change));
    stored.snapshot()
}

/// The newest value of each row under its key, and balances; kept up to date with each change, so that a start costs
/// what is there now and not what has ever been written.
#[derive(Default)]
pub(crate) struct Stored {
    groups: BTreeMap<GroupId, Group>,
    plans: BTreeMap<PlanId, Plan>,
    pools: BTreeMap<PoolId, Pool>,
    nases: BTreeMap<NasId, Nas>,
    accounts: BTreeMap<AccountId, Account>,
    subscribers: BTreeMap<SubscriberId, Subscriber>,
    ledger: BTreeMap<AccountId, (LedgerAccount, Money)>,
    sessions: BTreeMap<SessionKey, Session>,
    /// Those that ended, in the order in which they did.
    closed: BTreeSet<(Timestamp, SessionKey)>,
    grants: BTreeMap<(PoolId, IpAddr), PoolGrant>,
    edge_positions: HashMap<String, SpoolPosition>,
    services: BTreeMap<String, Service>,
    packages: BTreeMap<String, Package>,
    holdings: BTreeMap<HoldingKey, PackageHolding>,
    fee_states: BTreeMap<SubscriberId, FeeState>,
    account_states: BTreeMap<AccountId, AccountState>,
    meters: BTreeMap<MeterKey, Meter>,
    pending: BTreeMap<i64, Pending>,
    budgets: BTreeMap<String, Budget>,
    rating_documents: BTreeMap<String, RatingDocument>,
    books: BooksState,
    roles: BTreeMap<RoleId, Role>,
    staff: BTreeMap<StaffId, Staff>,
    api_keys: BTreeMap<ApiKeyId, ApiKey>,
    staff_sessions: BTreeMap<SecretHash, StaffSession>,
    last_transfer: i64,
    last_event: i64,
    disabled_targets: BTreeMap<String, DisabledTarget>,
    told: BTreeMap<SubscriberId, Told>,
}

impl Stored {
    pub fn write(&mut self, change: &Change) {
        match change {
            Change::Group(new) => put(&mut self.groups, new.id, new),
            Change::Plan(new) => put(&mut self.plans, new.id, new),
            Change::Pool(new) => put(&mut self.pools, new.id, new),
            Change::Nas(new) => put(&mut self.nases, new.id, new),
            Change::Account(new) => put(&mut self.accounts, new.id, new),
            Change::Subscriber(new) => put(&mut self.subscribers, new.id, new),
            Change::LedgerAccount(new) => {
                self.ledger.entry(new.id).or_insert_with(|| (new.clone(), Money::ZERO));
            }
            Change::Transfer(new) => self.post(new),
            Change::Session(new) => self.put_session(new),
            Change::PoolGrant(new) => put(&mut self.grants, (new.pool, new.address), new),
            Change::Service(new) => put(&mut self.services, new.name.clone(), new),
            Change::Package(new) => put(&mut self.packages, new.name.clone(), new),
            Change::Holding(new) if new.ended => drop(self.holdings.remove(&new.key())),
            Change::Holding(new) => put(&mut self.holdings, new.key(), new),
            Change::FeeState(new) => put(&mut self.fee_states, new.subscriber, new),
            Change::AccountState(new) => put(&mut self.account_states, new.account, new),
            Change::Meter(new) => put(&mut self.meters, new.key, new),
            Change::Pending(new) if new.state != PendingState::Open => drop(self.pending.remove(&new.id)),
            Change::Pending(new) => put(&mut self.pending, new.id, new),
            Change::Budget(new) => put(&mut self.budgets, new.subject.clone(), new),
            Change::RatingDocument(new) => put(&mut self.rating_documents, new.name.clone(), new),
            Change::Books(new) => self.books.clone_from(new),
            Change::EdgePosition { edge, position } => {
                self.edge_positions.insert(edge.clone(), *position);
            }
            Change::Role(new) => put(&mut self.roles, new.id, new),
            Change::Staff(new) => put(&mut self.staff, new.id, new),
            Change::ApiKey(new) => put(&mut self.api_keys, new.id, new),
            Change::ApiKeyRevoked(id) => drop(self.api_keys.remove(id)),
            Change::StaffSession(new) => put(&mut self.staff_sessions, new.hash, new),
            Change::StaffSessionEnded(hash) => drop(self.staff_sessions.remove(hash)),
            Change::Event(new) => self.last_event = self.last_event.max(new.event),
            Change::Outbox(OutboxChange::Disabled(new)) => {
                put(&mut self.disabled_targets, new.name.clone(), new);
            }
            Change::Outbox(OutboxChange::Enabled(name)) => drop(self.disabled_targets.remove(name)),
            Change::Outbox(OutboxChange::Told(new)) => put(&mut self.told, new.subscriber, new),
            // A start does not ask for these.
            Change::Payment(_)
            | Change::PaymentReversed(_)
            | Change::Act(_)
            | Change::Answer(_)
            | Change::ForgetAnswers(_)
            | Change::Audit(_)
            | Change::Order(_)
            | Change::SyncMark(_)
            | Change::Outbox(_)
            | Change::AddressAssigned(_)
            | Change::AddressWithdrawn { .. } => {}
        }
    }

    fn post(&mut self, transfer: &Transfer) {
        self.last_transfer = self.last_transfer.max(transfer.id.0);
        let (_, debited) = self.ledger.get_mut(&transfer.debit).unwrap();
        *debited = debited.checked_sub(transfer.amount).unwrap();
        let (_, credited) = self.ledger.get_mut(&transfer.credit).unwrap();
        *credited = credited.checked_add(transfer.amount).unwrap();
    }

    fn put_session(&mut self, session: &Session) {
        let stopped = self.sessions.get(&session.key).and_then(|old| old.stopped);
        if stopped != session.stopped {
            self.closed.extend(session.stopped.map(|at| (at, session.key.clone())));
            stopped.map(|at| self.closed.remove(&(at, session.key.clone())));
        }
        put(&mut self.sessions, session.key.clone(), session);
    }

    /// Sessions that ended before `before` are not given to a start any more.
    pub fn forget_sessions(&mut self, before: Timestamp) {
        while let Some((_, key)) = self.closed.first().filter(|(at, _)| *at < before) {
            self.sessions.remove(key);
            self.closed.pop_first();
        }
    }

    pub fn snapshot(&self) -> Snapshot {
        let closed = self.closed.iter().map(|(_, key)| &self.sessions[key]);
        let open = self.sessions.values().filter(|session| session.is_open());
        let month = self.meters.keys().map(|key| key.month.number()).max().unwrap_or_default();
        let meters = self.meters.values().filter(|meter| meter.key.month.number() >= month - 1);
        Snapshot {
            groups: all(&self.groups),
            plans: all(&self.plans),
            pools: all(&self.pools),
            nases: all(&self.nases),
            accounts: all(&self.accounts),
            subscribers: all(&self.subscribers),
            ledger: all(&self.ledger),
            sessions: closed.chain(open).cloned().collect(),
            grants: all(&self.grants),
            edge_positions: self.edge_positions.clone(),
            services: all(&self.services),
            packages: all(&self.packages),
            holdings: all(&self.holdings),
            fee_states: all(&self.fee_states),
            account_states: all(&self.account_states),
            meters: meters.cloned().collect(),
            pending: all(&self.pending),
            budgets: all(&self.budgets),
            rating_documents: all(&self.rating_documents),
            books: self.books.clone(),
            roles: all(&self.roles),
            staff: all(&self.staff),
            api_keys: all(&self.api_keys),
            staff_sessions: all(&self.staff_sessions),
            last_transfer: self.last_transfer,
            last_event: self.last_event,
            disabled_targets: all(&self.disabled_targets),
            told: all(&self.told),
        }
    }
}

fn put<K: Ord, V: Clone>(rows: &mut BTreeMap<K, V>, key: K, new: &V) {
    rows.insert(key, new.clone());
}

fn all<K, V: Clone>(rows: &BTreeMap<K, V>) -> Vec<V> {
    rows.values().cloned().collect()
}
