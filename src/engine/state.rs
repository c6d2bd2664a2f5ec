//! Everything the ledger decides upon, and the one way it changes.

use super::billing::Billing;
use super::calls::Calls;
use super::fees;
use super::outbox::Outbox;
use super::recall::{Recall, Recalled, Wanted};
use super::requests::Request;
use super::reservations::{self, Prepaid};
use super::rules::Settings;
use super::session::SessionTable;
use super::speed;
use super::staff::{StaffBook, StaffSessions};
use super::standing::{self, Shortage};
use super::terms::Promises;
use crate::model::*;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// The state of one ledger. Its rich values are shared with the directory's readers.
pub struct State {
    pub(super) settings: Settings,
    pub(super) groups: HashMap<GroupId, Group>,
    pub(super) plans: FxHashMap<PlanId, Arc<Plan>>,
    pub(super) pools: HashMap<PoolId, Arc<Pool>>,
    pub(super) nases: FxHashMap<NasId, Arc<Nas>>,
    pub(super) accounts: FxHashMap<AccountId, Arc<Account>>,
    pub(super) subscribers: FxHashMap<SubscriberId, Arc<Subscriber>>,
    /// Every subscriber in order of id, for runs that go over all of them in steps.
    subscriber_order: BTreeSet<SubscriberId>,
    subscribers_of: FxHashMap<AccountId, Vec<SubscriberId>>,
    pub(super) contracts: HashMap<String, AccountId>,
    pub(super) logins: HashMap<String, SubscriberId>,
    pub(super) ledger: FxHashMap<AccountId, (LedgerAccount, Money)>,
    /// Ledger accounts that are no contract's, by name.
    own_accounts: FxHashMap<(LedgerKind, Asset), HashMap<String, AccountId>>,
    own_account_lowest: i64,
    pub(super) billing: Billing,
    pub(super) calls: Calls,
    pub(super) outbox: Outbox,
    pub(super) sessions: SessionTable,
    pub(super) staff: Arc<StaffBook>,
    pub(super) staff_sessions: StaffSessions,
    grants: HashMap<(PoolId, std::net::IpAddr), PoolGrant>,
    edge_positions: HashMap<String, SpoolPosition>,
    last_transfer: i64,
    recall: Recall,
    /// When old answers to requests were last forgotten.
    answers_forgotten: Timestamp,
    /// Moments at which somebody's standing changes by itself.
    deadlines: BTreeSet<(Timestamp, SubscriberId)>,
    /// When a plan's speeds next change by the clock.
    switches: BTreeSet<(Timestamp, PlanId)>,
}

/// Who and what a batch changed, for the directory.
#[derive(Debug, Default)]
pub struct Touched {
    pub subscribers: FxHashSet<SubscriberId>,
    pub accounts: FxHashSet<AccountId>,
    /// NASes, pools or groups changed.
    pub network: bool,
    /// Whose call budgets changed.
    pub subjects: HashSet<String>,
    pub tariffs: bool,
    /// Operators, roles or keys.
    pub staff: bool,
    /// Whose SIDs were opened or ended.
    pub staff_sessions: HashSet<SecretHash>,
    /// References of pending transfers that the ledger has now, open or not.
    pub pending: HashSet<String>,
}

/// What a reader may know of a subscriber. Built after each change, then shared.
#[derive(Clone, Debug, PartialEq)]
pub struct SubscriberView {
    pub subscriber: Arc<Subscriber>,
    pub account: Arc<Account>,
    pub plan: Option<Arc<Plan>>,
    pub nas: Option<Arc<Nas>>,
    pub balance: Money,
    /// `avail` of the rules.
    pub available: Money,
    /// `p`: the sum of the open promise.
    pub promised: Money,
    /// None: the account never had one.
    pub promises: Option<Box<Promises>>,
    /// The fee of today that is not covered; zero when none is due.
    pub due: Money,
    /// When a shortage that is there will take effect; None without one, and once it has.
    pub cut_at: Option<Timestamp>,
    /// What has to be paid to be in good standing: the fee that is due and what is below zero.
    pub to_pay: Money,
    pub standing: Standing,
    /// What usage may cost; None: the plan has no usage prices, or everybody is let through.
    pub prepaid: Option<Prepaid>,
    /// The plan's speed that holds now: its own, one by the clock, or the one after its quota.
    pub shape: Shape,
    pub mikrotik_burst: MikrotikBurst,
}

impl State {
    pub fn new(snapshot: Snapshot, settings: Settings, now: Timestamp) -> State {
        let mut state = State {
            settings,
            groups: HashMap::new(),
            plans: FxHashMap::default(),
            pools: HashMap::new(),
            nases: FxHashMap::default(),
            accounts: FxHashMap::with_capacity_and_hasher(snapshot.accounts.len(), Default::default()),
            subscribers: FxHashMap::with_capacity_and_hasher(snapshot.subscribers.len(), Default::default()),
            subscriber_order: BTreeSet::new(),
            subscribers_of: FxHashMap::with_capacity_and_hasher(snapshot.accounts.len(), Default::default()),
            contracts: HashMap::with_capacity(snapshot.accounts.len()),
            logins: HashMap::with_capacity(snapshot.subscribers.len()),
            ledger: FxHashMap::with_capacity_and_hasher(snapshot.ledger.len(), Default::default()),
            own_accounts: FxHashMap::default(),
            own_account_lowest: 0,
            billing: Billing::default(),
            calls: Calls::default(),
            outbox: Outbox::new(snapshot.last_event, snapshot.disabled_targets, snapshot.told),
            sessions: SessionTable::default(),
            staff: Arc::default(),
            staff_sessions: StaffSessions::default(),
            grants: HashMap::new(),
            edge_positions: snapshot.edge_positions,
            last_transfer: snapshot.last_transfer,
            recall: Recall::default(),
            answers_forgotten: Timestamp::from_micros(i64::MIN),
            deadlines: BTreeSet::new(),
            switches: BTreeSet::new(),
        };
        let mut touched = Touched::default();
        let changes = (snapshot.groups.into_iter().map(Change::Group))
            .chain(snapshot.plans.into_iter().map(Change::Plan))
            .chain(snapshot.pools.into_iter().map(Change::Pool))
            .chain(snapshot.nases.into_iter().map(Change::Nas))
            .chain(snapshot.accounts.into_iter().map(Change::Account))
            .chain(
                snapshot.subscribers.into_iter().map(|subscriber| Change::Subscriber(Box::new(subscriber))),
            )
            .chain(snapshot.sessions.into_iter().map(Change::Session))
            .chain(snapshot.grants.into_iter().map(Change::PoolGrant))
            .chain(snapshot.services.into_iter().map(Change::Service))
            .chain(snapshot.packages.into_iter().map(Change::Package))
            .chain(snapshot.holdings.into_iter().map(Change::Holding))
            .chain(snapshot.fee_states.into_iter().map(Change::FeeState))
            .chain(snapshot.account_states.into_iter().map(Change::AccountState))
            .chain(snapshot.meters.into_iter().map(Change::Meter))
            .chain(snapshot.pending.into_iter().map(Change::Pending))
            .chain(snapshot.budgets.into_iter().map(Change::Budget))
            .chain(snapshot.rating_documents.into_iter().map(Change::RatingDocument))
            .chain(snapshot.roles.into_iter().map(Change::Role))
            .chain(snapshot.staff.into_iter().map(|staff| Change::Staff(Box::new(staff))))
            .chain(snapshot.api_keys.into_iter().map(Change::ApiKey))
            .chain(snapshot.staff_sessions.into_iter().map(Change::StaffSession))
            .chain([Change::Books(snapshot.books)]);
        for change in changes {
            state.absorb(&change, now, &mut touched);
        }
        for (account, balance) in snapshot.ledger {
            let id = account.id;
            state.absorb(&Change::LedgerAccount(account), now, &mut touched);
            if let Some((_, held)) = state.ledger.get_mut(&id) {
                *held = balance;
            }
        }
        // Before the first command notes it, nobody is seen cut by an hour that the server slept through.
        if let Some(books) = fees::outage_noticed(&state.billing.books, &state.settings, now) {
            state.absorb(&Change::Books(books), now, &mut touched);
        }
        state
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes the state by what was decided. The only way in.
    pub fn absorb(&mut self, change: &Change, now: Timestamp, touched: &mut Touched) {
        match change {
            Change::Group(group) => {
                self.groups.insert(group.id, group.clone());
                touched.network = true;
            }
            Change::Plan(plan) => {
                self.absorb_plan(plan, now);
                let users = self.subscribers.values().filter(|s| s.plan == Some(plan.id));
                touched.subscribers.extend(users.map(|s| s.id));
            }
            Change::Pool(pool) => {
                self.pools.insert(pool.id, Arc::new(pool.clone()));
                touched.network = true;
            }
            Change::Nas(nas) => {
                self.nases.insert(nas.id, Arc::new(nas.clone()));
                let users = self.subscribers.values().filter(|s| s.nas == Some(nas.id));
                touched.subscribers.extend(users.map(|s| s.id));
                touched.network = true;
            }
            Change::Account(account) => self.absorb_account(account, now, touched),
            Change::Subscriber(subscriber) => self.absorb_subscriber(subscriber, now, touched),
            Change::LedgerAccount(account) => {
                if account.kind != LedgerKind::Contract {
                    let named = self.own_accounts.entry((account.kind, account.asset)).or_default();
                    named.insert(account.name.clone(), account.id);
                    self.own_account_lowest = self.own_account_lowest.min(account.id.0);
                }
                let balance = self.balance(account.id);
                self.ledger.insert(account.id, (account.clone(), balance));
            }
            Change::Transfer(transfer) => {
                self.absorb_transfer(transfer, touched);
                self.recall.absorb(change);
            }
            Change::Payment(_) | Change::PaymentReversed(_) | Change::Answer(_) => self.recall.absorb(change),
            Change::ForgetAnswers(_) => {
                self.answers_forgotten = now;
                self.recall.absorb(change);
            }
            Change::Session(session) => self.sessions.put(session.clone()),
            Change::PoolGrant(grant) => {
                self.grants.insert((grant.pool, grant.address), grant.clone());
            }
            Change::EdgePosition { edge, position } => {
                self.edge_positions.insert(edge.clone(), *position);
            }
            Change::Role(_) | Change::Staff(_) | Change::ApiKey(_) | Change::ApiKeyRevoked(_) => {
                Arc::make_mut(&mut self.staff).absorb(change);
                touched.staff = true;
            }
            Change::StaffSession(session) => {
                self.staff_sessions.open(session);
                touched.staff_sessions.insert(session.hash);
            }
            Change::StaffSessionEnded(hash) => {
                self.staff_sessions.end(hash);
                touched.staff_sessions.insert(*hash);
            }
            Change::Event(_) | Change::Outbox(_) => self.outbox.absorb(change),
            // Kept by the store alone.
            Change::Act(_)
            | Change::Audit(_)
            | Change::Order(_)
            | Change::SyncMark(_)
            | Change::AddressAssigned(_)
            | Change::AddressWithdrawn { .. } => {}
            Change::Service(_) | Change::Package(_) => self.billing.absorb(change),
            Change::Holding(holding) => {
                touched.subscribers.insert(holding.subscriber);
                self.billing.absorb(change);
            }
            Change::Books(books) => {
                self.touch_by_books(books, now, touched);
                self.billing.absorb(change);
            }
            Change::Pending(pending) => {
                touched.pending.insert(pending.reference.clone());
                self.touch_account(pending.debit, touched);
                self.billing.absorb(change);
            }
            Change::Budget(budget) => {
                touched.subjects.insert(budget.subject.clone());
                self.calls.absorb_budget(budget);
                self.billing.absorb(change);
            }
            Change::RatingDocument(_) => {
                touched.tariffs = true;
                self.calls.documents_changed();
                self.billing.absorb(change);
            }
            Change::FeeState(state) => {
                touched.subscribers.insert(state.subscriber);
                self.billing.absorb(change);
                self.watch_cut(state.due_cut_at, now, [state.subscriber]);
            }
            Change::Meter(meter) => {
                touched.subscribers.insert(meter.key.subscriber);
                self.billing.absorb(change);
            }
            Change::AccountState(state) => {
                self.touch_account(state.account, touched);
                self.billing.absorb(change);
                self.watch_cut(state.negative_cut_at, now, self.subscribers_in_order(state.account));
            }
        }
    }

    fn absorb_plan(&mut self, plan: &Plan, now: Timestamp) {
        self.plans.insert(plan.id, Arc::new(plan.clone()));
        self.switches.retain(|(_, other)| *other != plan.id);
        let next = speed::next_switch(plan, now, &self.settings.time_zone);
        self.switches.extend(next.map(|at| (at, plan.id)));
    }

    /// Panic changes everybody's standing, an outage's grace that of those who are short.
    fn touch_by_books(&mut self, books: &BooksState, now: Timestamp, touched: &mut Touched) {
        let old = &self.billing.books;
        let panic_changed = old.panic_since.is_some() != books.panic_since.is_some();
        let grace_changed = (old.outage_until, old.outage_from) != (books.outage_until, books.outage_from);
        if panic_changed {
            touched.subscribers.extend(self.subscriber_order.iter().copied());
        }
        if let Some(until) = books.outage_until.filter(|until| grace_changed && *until > now) {
            let fees =
                self.billing.fees.values().filter(|fee| fee.due_cut_at.is_some()).map(|fee| fee.subscriber);
            let accounts = self.billing.accounts.values().filter(|state| state.negative_cut_at.is_some());
            let of_accounts = accounts.flat_map(|state| self.subscribers_in_order(state.account));
            let short: Vec<SubscriberId> = fees.chain(of_accounts).collect();
            touched.subscribers.extend(short.iter().copied());
            self.deadlines.extend(short.into_iter().map(|id| (until, id)));
        }
    }

    /// Readers are to know when a shortage takes effect.
    fn watch_cut(
        &mut self,
        at: Option<Timestamp>,
        now: Timestamp,
        ids: impl IntoIterator<Item = SubscriberId>,
    ) {
        let at = at.map(|at| fees::shifted(&self.billing.books, at)).filter(|at| *at > now);
        if let Some(at) = at {
            self.deadlines.extend(ids.into_iter().map(|id| (at, id)));
        }
    }

    /// Logins of an account in order of id.
    pub(super) fn subscribers_in_order(&self, id: AccountId) -> Vec<SubscriberId> {
        let mut found = self.subscribers_of.get(&id).cloned().unwrap_or_default();
        found.sort_unstable();
        found
    }

    /// Subscribers in order of id, from the one after `after`.
    pub(super) fn subscribers_after(
        &self,
        after: Option<SubscriberId>,
    ) -> impl Iterator<Item = SubscriberId> + '_ {
        let from = after.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        self.subscriber_order.range((from, std::ops::Bound::Unbounded)).copied()
    }

    fn touch_account(&self, id: AccountId, touched: &mut Touched) {
        touched.accounts.insert(id);
        if let Some(subscribers) = self.subscribers_of.get(&id) {
            touched.subscribers.extend(subscribers.iter().copied());
        }
        self.touch_subjects(id, touched);
    }

    /// Those whose call budget a ledger account belongs to.
    fn touch_subjects(&self, id: AccountId, touched: &mut Touched) {
        if id.0 < 0 {
            touched.subjects.extend(self.calls.owner(id).map(|subject| subject.to_string()));
        } else if let Some(account) = self.accounts.get(&id) {
            touched.subjects.extend(account.voip_subjects.iter().cloned());
        }
    }

    fn absorb_account(&mut self, account: &Account, now: Timestamp, touched: &mut Touched) {
        let old = self.accounts.get(&account.id).map(Arc::as_ref);
        if let Some(old) = old {
            self.contracts.remove(&old.contract);
        }
        self.calls.absorb_account(old, account);
        let subjects = old.into_iter().chain([account]).flat_map(|account| &account.voip_subjects);
        touched.subjects.extend(subjects.cloned());
        self.contracts.insert(account.contract.clone(), account.id);
        self.accounts.insert(account.id, Arc::new(account.clone()));
        touched.accounts.insert(account.id);
        let subscribers = self.subscribers_of.entry(account.id).or_default();
        touched.subscribers.extend(subscribers.iter().copied());
        if let Some(until) = account.credit_until.filter(|until| *until > now) {
            self.deadlines.extend(subscribers.iter().map(|id| (until, *id)));
        }
    }

    fn absorb_subscriber(&mut self, subscriber: &Subscriber, now: Timestamp, touched: &mut Touched) {
        let id = subscriber.id;
        if let Some(old) = self.subscribers.get(&id) {
            self.logins.remove(&old.login);
            if old.account != subscriber.account
                && let Some(others) = self.subscribers_of.get_mut(&old.account)
            {
                others.retain(|other| *other != id);
            }
        }
        self.logins.insert(subscriber.login.clone(), id);
        let mates = self.subscribers_of.entry(subscriber.account).or_default();
        if !mates.contains(&id) {
            mates.push(id);
        }
        let credit_until = self.accounts.get(&subscriber.account).and_then(|a| a.credit_until);
        let day_begins = |day| super::midnight(day, &self.settings.time_zone);
        let pause = subscriber.terms.pause;
        let pause_begins = pause.map(|pause| day_begins(pause.from));
        let pause_ends = pause.map(|pause| day_begins(pause.to.next()));
        let moments = [subscriber.valid_from, subscriber.valid_until, credit_until, pause_begins, pause_ends];
        self.deadlines.extend(moments.into_iter().flatten().filter(|at| *at > now).map(|at| (at, id)));
        self.subscriber_order.insert(id);
        self.subscribers.insert(id, Arc::new(subscriber.clone()));
        touched.subscribers.insert(id);
    }

    fn absorb_transfer(&mut self, transfer: &Transfer, touched: &mut Touched) {
        self.last_transfer = self.last_transfer.max(transfer.id.0);
        for (id, amount) in [
            (transfer.debit, Money::from_micros(-transfer.amount.micros())),
            (transfer.credit, transfer.amount),
        ] {
            if let Some((_, balance)) = self.ledger.get_mut(&id) {
                *balance = balance.saturating_add(amount);
            }
            self.touch_account(id, touched);
        }
    }

    /// Balance of a ledger account; zero for one that has had no posting.
    pub fn balance(&self, id: AccountId) -> Money {
        self.ledger.get(&id).map_or(Money::ZERO, |(_, balance)| *balance)
    }

    /// What a reservation may take: the balance with credit and promise, less what open pending transfers hold.
    pub fn reservable(&self, id: AccountId, now: Timestamp) -> Money {
        let credit = self.accounts.get(&id).map_or(Money::ZERO, |account| account.credit_at(now));
        let billing = &self.billing;
        let free = self.balance(id).saturating_sub(billing.held(id));
        free.saturating_add(credit).saturating_add(billing.promised(id))
    }

    pub(super) fn own_account(&self, kind: LedgerKind, asset: Asset, name: &str) -> Option<AccountId> {
        self.own_accounts.get(&(kind, asset))?.get(name).copied()
    }

    /// Zero, or the lowest id of an account of our own.
    pub(super) fn own_account_lowest(&self) -> i64 {
        self.own_account_lowest
    }

    pub(super) fn last_transfer(&self) -> i64 {
        self.last_transfer
    }

    pub(super) fn edge_position(&self, edge: &str) -> Option<SpoolPosition> {
        self.edge_positions.get(edge).copied()
    }

    /// The payment a key names, if it is in memory; see [`State::wanted`].
    pub(super) fn payment(&self, key: &PaymentKey) -> Option<&Payment> {
        self.recall.payment(key)
    }

    /// The same for a transfer that is to be reversed.
    pub(super) fn posted_transfer(&self, id: TransferId) -> Option<&PostedTransfer> {
        self.recall.transfer(id)
    }

    /// The same for the answer to an earlier request with this stored key.
    pub(super) fn answer(&self, stored_key: &str) -> Option<&RememberedAnswer> {
        self.recall.answer(stored_key)
    }

    pub(super) fn answers_forgotten(&self) -> Timestamp {
        self.answers_forgotten
    }

    /// What the store has to be asked for before these requests are decided. Old entries are forgotten here and nowhere
    /// else, so that what is known now is still known when the requests are decided.
    pub fn wanted<'a>(&mut self, requests: impl Iterator<Item = Request<'a>>) -> Wanted {
        self.recall.wanted(requests)
    }

    /// Takes in what the store had of [`State::wanted`].
    pub fn remember(&mut self, recalled: Recalled) {
        self.recall.remember(recalled);
    }

    /// What readers may know of a subscriber at `now`.
    pub fn view(&self, id: SubscriberId, now: Timestamp) -> Option<SubscriberView> {
        let subscriber = self.subscribers.get(&id)?;
        let account = self.accounts.get(&subscriber.account)?;
        let balance = self.balance(account.id);
        let plan = subscriber.plan.and_then(|id| self.plans.get(&id));
        let speed = plan.map(|plan| speed::speed(self, id, plan, now)).unwrap_or_default();
        let promised = self.billing.promised(account.id);
        let available = standing::available(account, balance, now).saturating_add(promised);
        let shortage = Shortage::of(&self.billing, id, account.id, available);
        let panic = self.billing.books.panic_since.is_some();
        let prepaid = if panic { None } else { reservations::prepaid(self, id, now) };
        let mut to_pay = standing::missing(available, shortage.due, self.settings.currency_digits);
        let mut standing = match panic {
            true => Standing::let_through(),
            false => standing::standing(subscriber, account, available, &shortage, now, &self.settings),
        };
        if let Some(spent) = prepaid.filter(Prepaid::is_spent) {
            let left = spent.reservable.saturating_add(spent.held);
            to_pay = to_pay.max(spent.minor_unit.saturating_sub(left));
            standing = standing::spent(standing, to_pay);
        }
        Some(SubscriberView {
            standing,
            available,
            plan: plan.cloned(),
            shape: speed.shape,
            mikrotik_burst: speed.mikrotik_burst,
            promised,
            promises: self.billing.accounts.get(&account.id).and_then(Promises::of),
            due: shortage.due,
            to_pay,
            prepaid,
            cut_at: shortage.cut_at.filter(|at| *at > now),
            nas: subscriber.nas.and_then(|id| self.nases.get(&id)).cloned(),
            subscriber: Arc::clone(subscriber),
            account: Arc::clone(account),
            balance,
        })
    }

    /// An account with its balance; None for ledger accounts that are no contract.
    pub fn account_view(&self, id: AccountId) -> Option<(Arc<Account>, Money)> {
        self.accounts.get(&id).map(|account| (Arc::clone(account), self.balance(id)))
    }

    pub fn account_ids(&self) -> impl Iterator<Item = AccountId> + '_ {
        self.accounts.keys().copied()
    }

    pub fn subscriber_ids(&self) -> impl Iterator<Item = SubscriberId> + '_ {
        self.subscribers.keys().copied()
    }

    pub fn nases(&self) -> impl Iterator<Item = &Arc<Nas>> {
        self.nases.values()
    }

    pub fn pools(&self) -> impl Iterator<Item = &Arc<Pool>> {
        self.pools.values()
    }

    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }

    pub fn grants(&self) -> impl Iterator<Item = &PoolGrant> {
        self.grants.values()
    }

    pub fn open_sessions(&self) -> impl Iterator<Item = &Session> {
        self.sessions.open()
    }

    /// Open counter sessions: octets that an enforcer's kernel counts.
    pub fn open_counters(&self) -> impl Iterator<Item = &Session> {
        self.sessions.counters()
    }

    /// When somebody's standing or speed next changes by itself.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let standing = self.deadlines.first().map(|(at, _)| *at);
        let speeds = self.switches.first().map(|(at, _)| *at);
        standing.into_iter().chain(speeds).min()
    }

    /// Adds those whose plan's speeds have changed by the clock.
    fn take_switched(&mut self, now: Timestamp, due: &mut FxHashSet<SubscriberId>) {
        let mut switched = HashSet::new();
        while let Some((at, id)) = self.switches.first().copied().filter(|(at, _)| *at <= now) {
            self.switches.remove(&(at, id));
            let plan = self.plans.get(&id);
            let next = plan.and_then(|plan| speed::next_switch(plan, now, &self.settings.time_zone));
            self.switches.extend(next.map(|at| (at, id)));
            switched.insert(id);
        }
        if !switched.is_empty() {
            let users = self.subscribers.values().filter(|s| s.plan.is_some_and(|id| switched.contains(&id)));
            due.extend(users.map(|s| s.id));
        }
    }

    /// Takes out the subscribers whose moment has come.
    pub fn take_due(&mut self, now: Timestamp) -> FxHashSet<SubscriberId> {
        let mut due = FxHashSet::default();
        while let Some((at, id)) = self.deadlines.first().copied() {
            if at > now {
                break;
            }
            self.deadlines.pop_first();
            due.insert(id);
        }
        self.take_switched(now, &mut due);
        due
    }
}
