//! Reservations of sessions on plans with usage prices (rules.md, Usage).
//!
//! A login is granted one in memory; here it becomes a pending transfer. The first record of the session takes it up,
//! each later one that brought something renews it, and the Stop or its expiry ends it. What was used is charged by
//! [`super::usage`]; a pending transfer only keeps others from spending the same money.

use super::ledger::Books;
use super::speed::MIB;
use super::usage::{self, Charged};
use super::{State, day_of, packages};
use crate::model::*;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::time::Duration;

const SECONDS_OF_HOUR: u64 = 3_600;
/// A reservation is what this much time costs, and this much traffic.
const RESERVED_SECONDS: u64 = 15 * 60;
const RESERVED_OCTETS: u64 = 64 * MIB;
const NANOS_OF_MICRO: i128 = 1_000;
/// Reservations that end by themselves in one command.
const EXPIRED_MAX: usize = 1_000;
/// A session that began this long before a login is another's.
const START_SLACK: Duration = Duration::from_secs(60);

/// A direction of traffic, seen from the subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    In,
    Out,
    Both,
}

/// What a subscriber on a plan with usage prices may spend, and what is free before that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prepaid {
    /// `b - pending + c + p`.
    pub reservable: Money,
    /// Of what is pending, what this subscriber's own sessions hold.
    pub held: Money,
    pub prices: UsagePrices,
    /// Octets that cost nothing: what is left of those included in the month and of packages.
    pub free_in: u64,
    pub free_out: u64,
    /// The currency's minor unit: less than that buys nothing.
    pub minor_unit: Money,
}

impl Prepaid {
    /// Whatever is used next costs money, and there is none: what its own sessions hold is theirs to use.
    pub fn is_spent(&self) -> bool {
        self.costs_at_once() && self.reservable.saturating_add(self.held) < self.minor_unit
    }

    /// Whether there is a price with nothing free before it.
    pub fn costs_at_once(&self) -> bool {
        let prices = &self.prices;
        prices.session_hour != Price::ZERO
            || (prices.traffic_in != Price::ZERO && self.free_in == 0)
            || (prices.traffic_out != Price::ZERO && self.free_out == 0)
    }

    /// How much one session holds at most: zero while all that it could use is free.
    pub fn reservation(&self) -> Money {
        let time = self.cost(self.prices.session_hour, RESERVED_SECONDS, SECONDS_OF_HOUR);
        let traffic = |price, free| self.cost(price, RESERVED_OCTETS.saturating_sub(free), MIB);
        let inwards = traffic(self.prices.traffic_in, self.free_in);
        let outwards = traffic(self.prices.traffic_out, self.free_out);
        time.saturating_add(inwards.max(outwards))
    }

    /// `price * amount / unit`, up to the next minor unit.
    fn cost(&self, price: Price, amount: u64, unit: u64) -> Money {
        let minor = i128::from(self.minor_unit.micros().max(1));
        let (price, amount) = (i128::from(price.nanos()), i128::from(amount));
        let Some(nanos) = price.checked_mul(amount) else { return Money::MAX };
        let divisor = i128::from(unit) * NANOS_OF_MICRO * minor;
        let minors = nanos.div_euclid(divisor) + i128::from(nanos.rem_euclid(divisor) > 0);
        let micros = minors.checked_mul(minor).and_then(|micros| i64::try_from(micros).ok());
        micros.map_or(Money::MAX, Money::from_micros)
    }

    /// Seconds online that so much money buys; None: time costs nothing.
    pub fn seconds(&self, money: Money) -> Option<u64> {
        bought(money, self.prices.session_hour, SECONDS_OF_HOUR)
    }

    /// Octets that so much money buys beyond the free ones, and which are counted; None: traffic costs nothing. With a
    /// price both ways it is what is bought at the least if all of it goes one way.
    pub fn octets(&self, money: Money) -> Option<(Direction, u64)> {
        let of = |price, free: u64| bought(money, price, MIB).map(|octets| octets.saturating_add(free));
        let inwards = of(self.prices.traffic_in, self.free_in);
        let outwards = of(self.prices.traffic_out, self.free_out);
        match (inwards, outwards) {
            (Some(inwards), Some(outwards)) => Some((Direction::Both, inwards.min(outwards))),
            (Some(inwards), None) => Some((Direction::In, inwards)),
            (None, Some(outwards)) => Some((Direction::Out, outwards)),
            (None, None) => None,
        }
    }
}

/// Whole units of use that money buys at a price for `unit` of them; None: it costs nothing.
fn bought(money: Money, price: Price, unit: u64) -> Option<u64> {
    if price.nanos() <= 0 {
        return None;
    }
    let nanos = i128::from(money.micros().max(0)) * NANOS_OF_MICRO;
    let units = nanos.checked_mul(i128::from(unit)).map(|n| n.div_euclid(i128::from(price.nanos())));
    Some(units.and_then(|units| u64::try_from(units).ok()).unwrap_or(u64::MAX))
}

/// What the ledger says of a subscriber; None: its plan has no usage prices.
pub(super) fn prepaid(state: &State, id: SubscriberId, now: Timestamp) -> Option<Prepaid> {
    let account = state.subscribers.get(&id)?.account;
    let reservable = state.reservable(account, now);
    let own = Reservation::prefix_of(id);
    let own = state.billing.pending_with(&own).filter(|pending| pending.debit == account);
    let held = own.fold(Money::ZERO, |sum, pending| sum.saturating_add(pending.amount));
    prices_left(state, id, &FxHashMap::default(), now).map(|prices| Prepaid { reservable, held, ..prices })
}

/// The same without money, with the meters that a decision has moved.
fn prices_left(
    state: &State,
    id: SubscriberId,
    moved: &FxHashMap<MeterKey, Meter>,
    now: Timestamp,
) -> Option<Prepaid> {
    let plan = usage::plan_of(state, id).filter(|plan| usage::has_price(&plan.usage))?;
    let month = day_of(now, &state.settings.time_zone).month();
    let packages = packages::octets_left(state, id, now);
    let free = |service| {
        let key = MeterKey { subscriber: id, service, month };
        let meter = moved.get(&key).or_else(|| state.billing.meters.get(&key));
        usage::included_left(meter, service, plan).saturating_add(packages)
    };
    Some(Prepaid {
        reservable: Money::ZERO,
        held: Money::ZERO,
        prices: plan.usage,
        free_in: free(MeteredService::TrafficIn),
        free_out: free(MeteredService::TrafficOut),
        minor_unit: Money::minor_unit(state.settings.currency_digits),
    })
}

/// Reservations of one decision.
pub(super) struct Desk<'a> {
    state: &'a State,
    charged: Charged,
    last_id: i64,
    /// Those that differ from the state's, by reference; None: not open any more.
    drafts: BTreeMap<String, Option<Pending>>,
    /// What is held of accounts, where that differs from the state's.
    held: FxHashMap<AccountId, Money>,
    now: Timestamp,
}

impl<'a> Desk<'a> {
    /// After the usage of the decision is charged.
    pub fn new(state: &'a State, charged: Charged, now: Timestamp) -> Desk<'a> {
        let last_id = state.billing.books.last_pending;
        Desk { state, charged, last_id, drafts: BTreeMap::new(), held: FxHashMap::default(), now }
    }

    /// Takes in what logins were granted and what became of sessions, each in order.
    pub fn settle(mut self, books: &mut Books<'_>, granted: &[Reservation], sessions: &[Session]) {
        for reservation in granted {
            self.take_in(books, reservation);
        }
        for session in sessions {
            self.follow(books, session);
        }
        if self.last_id != self.state.billing.books.last_pending {
            let next = BooksState { last_pending: self.last_id, ..self.state.billing.books.clone() };
            books.changes.push(Change::Books(next));
        }
    }

    /// A grant of before, posted as far as there is money.
    fn take_in(&mut self, books: &mut Books<'_>, granted: &Reservation) {
        if let Some(mac) = granted.mac {
            // The device asks again, so the session of its last login never came.
            let prefix = Reservation::prefix_of_device(granted.subscriber, granted.nas, mac);
            for old in self.with_prefix(&prefix) {
                self.resolve(books, old, PendingState::Voided);
            }
        }
        let reference = granted.reference();
        if self.find(&reference).is_some() {
            return;
        }
        let Some(account) = books.account(granted.account) else { return };
        let left = self.reservable(books, &account);
        let state = match left.is_positive() {
            _ if granted.expires <= self.now => PendingState::Expired,
            true => PendingState::Open,
            false => PendingState::Voided,
        };
        let amount = if left.is_positive() { granted.amount.min(left) } else { granted.amount };
        let mut pending = self.draft(books, &account, reference, amount);
        (pending.opened, pending.expires, pending.state) = (granted.at, granted.expires, state);
        self.put(books, None, pending);
    }

    /// What a session holds, after a record that brought something.
    fn follow(&mut self, books: &mut Books<'_>, session: &Session) {
        let Some(subscriber) = session.subscriber else { return };
        let account = books.subscriber(subscriber).and_then(|found| books.account(found.account));
        let Some(account) = account else { return };
        let id = &session.key.acct_session_id;
        let reference = Reservation::reference_of_session(subscriber, session.key.nas, id);
        let old = self.find(&reference).or_else(|| self.of_login(subscriber, session));
        let size = if session.is_open() {
            let prices = prices_left(self.state, subscriber, &self.charged.meters, self.now);
            prices.map_or(Money::ZERO, |prices| prices.reservation())
        } else {
            Money::ZERO
        };
        let own = old.as_ref().filter(|old| old.debit == account.id).map_or(Money::ZERO, |old| old.amount);
        let amount = size.min(self.reservable(books, &account).saturating_add(own));
        let posted = if old.is_some() { self.charged.transfers.remove(&subscriber) } else { None };
        let expires = self.now.saturating_add(self.state.settings.reservation_term);
        match (old, amount.is_positive()) {
            // Nothing was charged: the same one goes on.
            (Some(old), true) if posted.is_none() && old.debit == account.id => {
                let renewed = Pending { reference, amount, expires, ..old.clone() };
                if renewed != old {
                    self.put(books, Some(old), renewed);
                }
            }
            (old, wanted) => {
                if let Some(old) = old {
                    self.resolve(books, old, posted.map_or(PendingState::Voided, PendingState::Posted));
                }
                if wanted {
                    let mut pending = self.draft(books, &account, reference, amount);
                    pending.expires = expires;
                    self.put(books, None, pending);
                }
            }
        }
    }

    /// The oldest grant of a login that may have led to this session.
    fn of_login(&self, subscriber: SubscriberId, session: &Session) -> Option<Pending> {
        let latest = session.started.saturating_add(START_SLACK);
        let prefix = Reservation::prefix_of_logins(subscriber, session.key.nas);
        let of_device =
            session.mac.map(|mac| Reservation::prefix_of_device(subscriber, session.key.nas, mac));
        let mut grants = self.with_prefix(&prefix);
        grants.retain(|pending| pending.opened <= latest);
        let others = |pending: &Pending| {
            !of_device.as_ref().is_some_and(|prefix| pending.reference.starts_with(prefix.as_str()))
        };
        grants.into_iter().min_by_key(|pending| (others(pending), pending.opened, pending.id))
    }

    fn reservable(&self, books: &Books<'_>, account: &Account) -> Money {
        books.available(account, self.now).saturating_sub(self.held(account.id))
    }

    fn held(&self, account: AccountId) -> Money {
        self.held.get(&account).copied().unwrap_or_else(|| self.state.billing.held(account))
    }

    fn find(&self, reference: &str) -> Option<Pending> {
        if let Some(draft) = self.drafts.get(reference) {
            return draft.clone();
        }
        let id = self.state.billing.pending_by_reference.get(reference)?;
        self.state.billing.pending.get(id).cloned()
    }

    fn with_prefix(&self, prefix: &str) -> Vec<Pending> {
        let kept = self.state.billing.pending_with(prefix);
        let kept = kept.filter(|pending| !self.drafts.contains_key(&pending.reference)).cloned();
        let drafts = self.drafts.range(prefix.to_owned()..).take_while(|(r, _)| r.starts_with(prefix));
        kept.chain(drafts.filter_map(|(_, draft)| draft.clone())).collect()
    }

    /// A new one, open, which nobody knows yet.
    fn draft(
        &mut self,
        books: &mut Books<'_>,
        account: &Account,
        reference: String,
        amount: Money,
    ) -> Pending {
        self.last_id += 1;
        Pending {
            id: self.last_id,
            debit: books.contract_account(account),
            credit: books.own_account(LedgerKind::Revenue, usage::REVENUE),
            amount,
            reference,
            text: String::new(),
            opened: self.now,
            expires: self.now,
            by: "system".to_owned(),
            state: PendingState::Open,
        }
    }

    fn resolve(&mut self, books: &mut Books<'_>, old: Pending, state: PendingState) {
        self.put(books, Some(old.clone()), Pending { state, ..old });
    }

    fn put(&mut self, books: &mut Books<'_>, old: Option<Pending>, new: Pending) {
        if let Some(old) = old {
            let held = self.held(old.debit).saturating_sub(old.amount);
            self.held.insert(old.debit, held);
            self.drafts.insert(old.reference, None);
        }
        let open = new.state == PendingState::Open;
        if open {
            let held = self.held(new.debit).saturating_add(new.amount);
            self.held.insert(new.debit, held);
        }
        self.drafts.insert(new.reference.clone(), open.then(|| new.clone()));
        books.changes.push(Change::Pending(new));
    }
}

/// Ends what a session holds that no record ended.
pub(super) fn void_of_session(state: &State, session: &Session) -> Option<Change> {
    let id = &session.key.acct_session_id;
    let reference = Reservation::reference_of_session(session.subscriber?, session.key.nas, id);
    let pending = state.billing.pending_by_reference.get(&reference);
    let pending = pending.and_then(|id| state.billing.pending.get(id))?;
    Some(Change::Pending(Pending { state: PendingState::Voided, ..pending.clone() }))
}

/// Ends those whose time is over.
pub(super) fn expire(books: &mut Books<'_>, now: Timestamp) {
    let state = books.state();
    let over = state.billing.pending_ends.iter().take_while(|(at, _)| *at <= now).take(EXPIRED_MAX);
    for pending in over.filter_map(|(_, id)| state.billing.pending.get(id)) {
        let expired = Pending { state: PendingState::Expired, ..pending.clone() };
        books.changes.push(Change::Pending(expired));
    }
}

impl State {
    /// When the next reservation ends by itself.
    pub(super) fn next_pending_end(&self) -> Option<Timestamp> {
        self.billing.pending_ends.first().map(|(at, _)| *at)
    }

    /// What an open pending transfer holds; None: there is none of this reference.
    pub fn pending_amount(&self, reference: &str) -> Option<Money> {
        let id = self.billing.pending_by_reference.get(reference)?;
        self.billing.pending.get(id).map(|pending| pending.amount)
    }

    /// References of all open pending transfers.
    pub fn open_pending(&self) -> impl Iterator<Item = &str> {
        self.billing.pending_by_reference.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests;
