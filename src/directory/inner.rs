//! The directory's tables and how a subscriber is refreshed in them.

use super::addresses::Addresses;
use super::changes::Changes;
use super::entry::{Entry, Visible, VisibleNas};
use super::nases::Nases;
use crate::engine::{SessionTable, SubscriberView};
use crate::model::*;
use ipnet::IpNet;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::sync::Arc;

/// Groups below each other that are looked through.
const GROUPS_DEEP_MAX: usize = 64;

/// What one look at the directory sees. Consistent: one revision.
#[derive(Default)]
pub struct Inner {
    pub(super) slots: FxHashMap<SubscriberId, Slot>,
    /// The operator's own logins: who asks for one cannot fill the table, so its hash need not be keyed.
    pub(super) logins: FxHashMap<Box<str>, Arc<Entry>>,
    pub(super) accounts: FxHashMap<AccountId, AccountSlot>,
    pub(super) contracts: HashMap<Box<str>, AccountId>,
    pub(super) macs: HashMap<Mac, SmallVec<[SubscriberId; 1]>>,
    /// By circuit id (option 82), of those that have one.
    pub(super) circuits: HashMap<Box<str>, SmallVec<[SubscriberId; 1]>>,
    pub(super) groups: HashMap<GroupId, Group>,
    pub(super) addresses: Addresses,
    pub(super) nases: Nases,
    pub(super) sessions: SessionTable,
    pub(super) changes: Changes,
}

pub(super) struct Slot {
    pub entry: Arc<Entry>,
    pub visible: Arc<Visible>,
    addresses: SmallVec<[(IpNet, bool); 1]>,
}

pub(super) struct AccountSlot {
    pub account: Arc<Account>,
    pub balance: Money,
    pub subscribers: SmallVec<[SubscriberId; 1]>,
}

impl Inner {
    /// The subscriber of this login; the hot path's one look-up.
    pub fn login(&self, login: &str) -> Option<&Arc<Entry>> {
        self.logins.get(login)
    }

    pub fn subscriber(&self, id: SubscriberId) -> Option<&Arc<Entry>> {
        self.slots.get(&id).map(|slot| &slot.entry)
    }

    pub fn visible(&self, id: SubscriberId) -> Option<&Arc<Visible>> {
        self.slots.get(&id).map(|slot| &slot.visible)
    }

    /// An account with its balance and its subscribers.
    pub fn account(&self, id: AccountId) -> Option<(&Arc<Account>, Money, &[SubscriberId])> {
        self.accounts.get(&id).map(|slot| (&slot.account, slot.balance, slot.subscribers.as_slice()))
    }

    /// Every contract with its balance, in no order.
    pub fn accounts(&self) -> impl Iterator<Item = (&Arc<Account>, Money)> {
        self.accounts.values().map(|slot| (&slot.account, slot.balance))
    }

    /// Whether a group is this one or stands below it.
    pub fn is_within(&self, group: Option<GroupId>, above: GroupId) -> bool {
        // Groups that point at each other end the walk too.
        let parents = std::iter::successors(group, |id| self.groups.get(id)?.parent);
        parents.take(GROUPS_DEEP_MAX).any(|id| id == above)
    }

    pub fn nases(&self) -> impl Iterator<Item = &Arc<super::NasEntry>> {
        self.nases.iter()
    }

    pub fn nas(&self, id: NasId) -> Option<&Arc<super::NasEntry>> {
        self.nases.iter().find(|entry| entry.nas.id == id)
    }

    pub fn nas_of(&self, source: std::net::IpAddr) -> Option<&Arc<super::NasEntry>> {
        self.nases.find(source)
    }

    /// The NAS of a session; of one that a sighting opened, the one that its enforcer stands for.
    pub fn nas_of_session(&self, session: &Session) -> Option<&Arc<super::NasEntry>> {
        match session.key.origin() {
            SessionOrigin::Nas => self.nas(session.key.nas),
            SessionOrigin::Sighting | SessionOrigin::Kernel => self.nas_of(session.nas_address),
        }
    }

    /// The same, its id only.
    pub fn nas_id_of_session(&self, session: &Session) -> Option<NasId> {
        match session.key.origin() {
            SessionOrigin::Nas => Some(session.key.nas),
            SessionOrigin::Sighting | SessionOrigin::Kernel => {
                self.nas_of(session.nas_address).map(|entry| entry.nas.id)
            }
        }
    }

    pub fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.slots.values().map(|slot| &slot.entry)
    }

    pub fn open_sessions(&self) -> impl Iterator<Item = &Session> {
        self.sessions.open()
    }

    pub fn open_session_count(&self) -> usize {
        self.sessions.open_count()
    }

    pub fn sessions_of(&self, subscriber: SubscriberId) -> impl Iterator<Item = &Session> {
        self.sessions.open_of(subscriber)
    }

    /// Open counter sessions of everybody.
    pub fn counters(&self) -> impl Iterator<Item = &Session> {
        self.sessions.counters()
    }

    /// Open counter sessions of a subscriber.
    pub fn counters_of(&self, subscriber: SubscriberId) -> impl Iterator<Item = &Session> {
        self.sessions.counters_of(subscriber)
    }

    pub fn session(&self, key: &SessionKey) -> Option<&Session> {
        self.sessions.find(key)
    }

    pub fn group(&self, id: GroupId) -> Option<&Group> {
        self.groups.get(&id)
    }

    pub fn subscriber_count(&self) -> usize {
        self.slots.len()
    }

    pub fn address_count(&self) -> usize {
        self.addresses.len()
    }

    /// The addresses of a subscriber and the networks routed to it; true marks those of a live session.
    pub fn addresses_of(&self, id: SubscriberId) -> &[(IpNet, bool)] {
        self.slots.get(&id).map(|slot| slot.addresses.as_slice()).unwrap_or_default()
    }

    pub(super) fn rows(&self) -> Vec<(IpNet, Arc<Visible>)> {
        self.addresses
            .iter()
            .filter_map(|(net, id)| Some((net, Arc::clone(&self.slots.get(&id)?.visible))))
            .collect()
    }

    pub(super) fn owner_of(&self, net: &IpNet) -> Option<Arc<Visible>> {
        let id = self.addresses.owner(net)?;
        self.slots.get(&id).map(|slot| Arc::clone(&slot.visible))
    }

    /// Whether a group is this one or lies below it.
    pub fn group_within(&self, group: GroupId, above: GroupId) -> bool {
        let parent = |id: &GroupId| self.groups.get(id).and_then(|group| group.parent);
        // Files make no circles; the bound holds whatever a store holds.
        std::iter::successors(Some(group), parent).take(self.groups.len() + 1).any(|id| id == above)
    }

    /// By its name, or by its id as text.
    pub fn group_named(&self, name: &str) -> Option<&Group> {
        let named = self.groups.values().find(|group| group.name == name);
        named.or_else(|| self.groups.get(&GroupId(name.parse().ok()?)))
    }

    pub(super) fn define_groups<'a>(&mut self, groups: impl Iterator<Item = &'a Group>) {
        self.groups = groups.map(|group| (group.id, group.clone())).collect();
    }

    pub(super) fn put_account(&mut self, account: Arc<Account>, balance: Money) {
        let id = account.id;
        if let Some(slot) = self.accounts.get_mut(&id) {
            if slot.account.contract != account.contract {
                self.contracts.remove(slot.account.contract.as_str());
                self.contracts.insert(account.contract.as_str().into(), id);
            }
            slot.account = account;
            slot.balance = balance;
        } else {
            self.contracts.insert(account.contract.as_str().into(), id);
            self.accounts.insert(id, AccountSlot { account, balance, subscribers: SmallVec::new() });
        }
    }

    /// Takes in a subscriber as the ledger has it now.
    pub(super) fn put_subscriber(&mut self, view: SubscriberView) {
        let id = view.subscriber.id;
        let old = self.slots.get(&id).map(|slot| Arc::clone(&slot.entry));
        if let Some(old) = &old {
            self.unindex(old, &view);
        }
        let entry = Arc::new(Entry::new(view, old.as_deref()));
        self.index(&entry);
        match self.slots.get_mut(&id) {
            Some(slot) => slot.entry = entry,
            None => {
                let visible = Arc::new(self.visible_of(&entry));
                self.slots.insert(id, Slot { entry, visible, addresses: SmallVec::new() });
                self.refresh_new(id);
                return;
            }
        }
        self.refresh(id);
    }

    fn unindex(&mut self, old: &Entry, new: &SubscriberView) {
        let subscriber = &old.view.subscriber;
        if subscriber.login != new.subscriber.login {
            self.logins.remove(subscriber.login.as_str());
        }
        if subscriber.account != new.subscriber.account
            && let Some(slot) = self.accounts.get_mut(&subscriber.account)
        {
            slot.subscribers.retain(|id| *id != subscriber.id);
        }
        if subscriber.mac != new.subscriber.mac
            && let Some(owners) = subscriber.mac.and_then(|mac| self.macs.get_mut(&mac))
        {
            owners.retain(|id| *id != subscriber.id);
        }
        if subscriber.circuit_id != new.subscriber.circuit_id
            && let Some(owners) = self.circuits.get_mut(subscriber.circuit_id.as_str())
        {
            owners.retain(|id| *id != subscriber.id);
        }
    }

    fn index(&mut self, entry: &Arc<Entry>) {
        let subscriber = &entry.view.subscriber;
        match self.logins.get_mut(subscriber.login.as_str()) {
            Some(known) => *known = Arc::clone(entry),
            None => {
                self.logins.insert(subscriber.login.as_str().into(), Arc::clone(entry));
            }
        }
        if let Some(slot) = self.accounts.get_mut(&subscriber.account) {
            insert_in_order(&mut slot.subscribers, subscriber.id);
        }
        if let Some(mac) = subscriber.mac {
            insert_in_order(self.macs.entry(mac).or_default(), subscriber.id);
        }
        if !subscriber.circuit_id.is_empty() {
            let owners = self.circuits.entry(subscriber.circuit_id.as_str().into()).or_default();
            insert_in_order(owners, subscriber.id);
        }
    }

    /// Brings what others see of a subscriber up to date, and logs it when that changed.
    pub(super) fn refresh(&mut self, id: SubscriberId) {
        let Some(slot) = self.slots.get(&id) else { return };
        let visible = self.visible_of(&slot.entry);
        let addresses = self.addresses_wanted(&slot.entry);
        let same_visible = *slot.visible == visible;
        if same_visible && slot.addresses == addresses {
            return;
        }
        self.replace(id, visible, addresses, same_visible);
    }

    /// The same for a subscriber that was not there before: it always counts as changed.
    fn refresh_new(&mut self, id: SubscriberId) {
        let Some(slot) = self.slots.get(&id) else { return };
        let visible = Visible::clone(&slot.visible);
        let addresses = self.addresses_wanted(&slot.entry);
        self.replace(id, visible, addresses, false);
    }

    /// Brings everybody up to date who has a session: a NAS has changed.
    pub(super) fn refresh_online(&mut self) {
        let online: Vec<SubscriberId> =
            self.sessions.open().filter_map(|session| session.subscriber).collect();
        for id in online {
            self.refresh(id);
        }
    }

    fn replace(
        &mut self,
        id: SubscriberId,
        visible: Visible,
        addresses: SmallVec<[(IpNet, bool); 1]>,
        same_visible: bool,
    ) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        let old = std::mem::replace(&mut slot.addresses, addresses.clone());
        slot.visible = Arc::new(visible);
        let mut touched: SmallVec<[IpNet; 2]> = SmallVec::new();
        for (net, _) in old.iter().filter(|(net, _)| !addresses.iter().any(|(new, _)| new == net)) {
            self.addresses.remove(*net, id);
            touched.push(*net);
        }
        for (net, live) in &addresses {
            if !old.contains(&(*net, *live)) {
                self.addresses.add(*net, id, *live);
                touched.push(*net);
            } else if !same_visible {
                touched.push(*net);
            }
        }
        self.changes.push(id, touched);
    }

    /// The subscriber's own addresses and the networks behind it, which are live as long as it is logged in.
    fn addresses_wanted(&self, entry: &Entry) -> SmallVec<[(IpNet, bool); 1]> {
        let subscriber = &entry.view.subscriber;
        let mut wanted = self.own_addresses(entry);
        if subscriber.routes.is_empty() {
            return wanted;
        }
        let logged = subscriber.access == AccessMethod::Static
            || self.sessions.open_of(subscriber.id).next().is_some();
        for net in &subscriber.routes {
            want(&mut wanted, *net, logged);
        }
        wanted
    }

    /// Configured addresses and those of live sessions, without routed networks; true marks a live one.
    pub fn own_addresses(&self, entry: &Entry) -> SmallVec<[(IpNet, bool); 1]> {
        let subscriber = &entry.view.subscriber;
        let always_on = subscriber.access == AccessMethod::Static;
        let configured = subscriber.addresses.iter().map(|a| IpNet::from(*a)).chain(subscriber.ipv6_prefix);
        let mut wanted: SmallVec<[(IpNet, bool); 1]> = configured.map(|net| (net, always_on)).collect();
        for session in self.sessions.open_of(subscriber.id) {
            let framed = session.framed_ip.map(|ip| IpNet::from(std::net::IpAddr::V4(ip)));
            let live = framed.into_iter().chain(session.ipv6_prefixes.iter().map(|net| IpNet::V6(*net)));
            for net in live {
                want(&mut wanted, net, true);
            }
        }
        wanted
    }

    fn visible_of(&self, entry: &Entry) -> Visible {
        let view = &entry.view;
        let subscriber = &view.subscriber;
        let session = self.sessions.open_of(subscriber.id).last();
        let configured = || subscriber.nas.and_then(|id| self.nas(id)).map(|nas| (nas, None));
        let nas = match session {
            // An enforcer that says whose subscribers it has stands for that NAS.
            Some(session) if session.key.origin() == SessionOrigin::Sighting => {
                let seen_at = self.nas_of_session(session);
                seen_at.map(|nas| (nas, Some(session.nas_address))).or_else(configured)
            }
            Some(session) => self.nas(session.key.nas).map(|nas| (nas, Some(session.nas_address))),
            None => configured(),
        };
        Visible {
            subscriber: subscriber.id,
            login: subscriber.login.clone(),
            access: subscriber.access,
            snat: subscriber.snat,
            mac: session.and_then(|session| session.mac).or(subscriber.mac),
            logged: session.is_some() || subscriber.access == AccessMethod::Static,
            negbal: view.standing.negbal,
            blocked: view.standing.blocked,
            verdict: view.standing.verdict,
            shape: view.shape,
            mikrotik_burst: view.mikrotik_burst,
            nas: nas.map(|(entry, live)| VisibleNas {
                id: entry.nas.id,
                address: entry.nas.address,
                vendor: entry.nas.vendor,
                live,
            }),
        }
    }
}

/// Once, and in the order in which subscribers are always named.
fn insert_in_order(ids: &mut SmallVec<[SubscriberId; 1]>, id: SubscriberId) {
    if let Err(at) = ids.binary_search(&id) {
        ids.insert(at, id);
    }
}

/// Adds an address that may be there already; live once is live.
fn want(wanted: &mut SmallVec<[(IpNet, bool); 1]>, net: IpNet, live: bool) {
    match wanted.iter_mut().find(|(known, _)| *known == net) {
        Some((_, is_live)) => *is_live |= live,
        None => wanted.push((net, live)),
    }
}
