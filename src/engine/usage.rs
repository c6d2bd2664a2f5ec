//! What is charged for traffic and time online (rules.md, Usage).
//!
//! Sessions tell cumulative counters; what they grow by goes to the month's meter of the subscriber, and a meter is
//! charged `round(price * cumulative) - already charged`. So repeats, late and unordered records charge nothing twice,
//! and many short sessions are not free.

use super::closing::posting_day;
use super::ledger::{Books, Entry};
use super::speed::MIB;
use super::{State, day_of, fees, packages};
use crate::model::*;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};

const SECONDS_OF_HOUR: u64 = 3_600;
const NANO_DIGITS: usize = 9;
const MICRO_DIGITS: usize = 6;
pub(super) const REVENUE: &str = "usage";

/// The counters of a session at one moment.
#[derive(Clone, Copy, Default)]
pub(super) struct Counters {
    pub subscriber: Option<SubscriberId>,
    started: Timestamp,
    octets: Usage,
    seconds: u64,
}

impl Counters {
    pub fn of(session: &Session) -> Counters {
        // The octets that a sighted session shows are those of its counter sessions, and charged with them.
        let own = session.key.origin() != SessionOrigin::Sighting;
        Counters {
            subscriber: session.subscriber,
            started: session.started,
            octets: if own { session.usage_total() } else { Usage::default() },
            seconds: session.session_seconds.into(),
        }
    }

    /// What came since `before`. Everything, when that was another session or nobody's.
    fn since(self, before: Option<Counters>) -> [(MeteredService, u64); 3] {
        let same = |before: &Counters| before.started == self.started && before.subscriber == self.subscriber;
        let before = before.filter(same).unwrap_or_default();
        let (octets, old) = (self.octets, before.octets);
        [
            (MeteredService::TrafficIn, octets.download_octets.saturating_sub(old.download_octets)),
            (MeteredService::TrafficOut, octets.upload_octets.saturating_sub(old.upload_octets)),
            (MeteredService::Online, self.seconds.saturating_sub(before.seconds)),
        ]
    }
}

/// What a decision charged.
#[derive(Default)]
pub(super) struct Charged {
    /// The last transfer of each that was charged.
    pub transfers: BTreeMap<SubscriberId, TransferId>,
    /// The meters that moved, as they are now.
    pub meters: FxHashMap<MeterKey, Meter>,
}

/// Growth of meters, collected over a batch so that each is charged once.
#[derive(Default)]
pub(super) struct Growth {
    /// With the last day on which it came.
    meters: BTreeMap<MeterKey, (u64, Day)>,
}

impl Growth {
    /// Notes what a record brought to a session.
    pub fn note(
        &mut self,
        state: &State,
        before: Option<Counters>,
        after: Counters,
        event: Timestamp,
        now: Timestamp,
    ) {
        let Some(subscriber) = after.subscriber else { return };
        let Some(plan) = plan_of(state, subscriber) else { return };
        if plan.quota.is_none() && plan.usage == UsagePrices::default() {
            return;
        }
        let day = day_of(event, &state.settings.time_zone);
        let month = month_kept(state, day.month(), now);
        for (service, growth) in after.since(before) {
            let (price, _) = price_of(plan, service);
            let counts = price != Price::ZERO || plan.quota.is_some() && service != MeteredService::Online;
            if growth > 0 && counts {
                let key = MeterKey { subscriber, service, month };
                let (sum, last) = self.meters.entry(key).or_insert((0, day));
                *sum = sum.saturating_add(growth);
                *last = day.max(*last);
            }
        }
    }

    /// Moves the meters on and charges them.
    pub fn charge(self, books: &mut Books<'_>, now: Timestamp) -> Charged {
        let mut done = Charged::default();
        let mut charged = BTreeSet::new();
        let mut covers = packages::Covers::default();
        for (key, (growth, day)) in self.meters {
            let state = books.state();
            let subscriber = books.subscriber(key.subscriber);
            let account = subscriber.and_then(|subscriber| books.account(subscriber.account));
            let (Some(plan), Some(account)) = (plan_of(state, key.subscriber), account) else { continue };
            let old = state.billing.meters.get(&key).cloned();
            let mut meter =
                moved(old, key, plan, growth, |octets| covers.take(books, key.subscriber, octets, now));
            let owed = owed(&meter, state.settings.currency_digits);
            let amount = owed.saturating_sub(meter.charged);
            if amount.is_positive()
                && let Some(transfer) = post(books, &account, plan, key, amount, day, now)
            {
                meter.charged = owed;
                charged.insert(account.id);
                done.transfers.insert(key.subscriber, transfer);
            }
            done.meters.insert(key, meter.clone());
            books.changes.push(Change::Meter(meter));
        }
        for account in charged {
            fees::takes_effect(books, account, now);
        }
        done
    }
}

pub(super) fn plan_of(state: &State, subscriber: SubscriberId) -> Option<&Plan> {
    let plan = state.subscribers.get(&subscriber)?.plan?;
    state.plans.get(&plan).map(|plan| &**plan)
}

/// Whether anything used costs money once what is included is used up.
pub(super) fn has_price(usage: &UsagePrices) -> bool {
    [usage.traffic_in, usage.traffic_out, usage.session_hour].iter().any(|price| *price != Price::ZERO)
}

/// Octets of the month that the plan still includes, by the meter as it is.
pub(super) fn included_left(meter: Option<&Meter>, service: MeteredService, plan: &Plan) -> u64 {
    let (price, included) = price_of(plan, service);
    // Another price or another included traffic is for what is used from now on.
    let used = meter.filter(|meter| (meter.price, meter.included) == (price, included));
    let used = used.map_or(0, |meter| meter.used.saturating_sub(meter.before));
    included.saturating_mul(MIB).saturating_sub(used)
}

/// The month whose meter a record of `month` moves: that month, as long as its meters are kept. What comes later
/// still counts for the oldest one kept.
fn month_kept(state: &State, month: Month, now: Timestamp) -> Month {
    let newest = day_of(now, &state.settings.time_zone).month().max(state.billing.meters_month);
    month.clamp(Month::from_number(newest.number().saturating_sub(1)), newest)
}

/// Price of a MiB or an hour, and the MiB included.
fn price_of(plan: &Plan, service: MeteredService) -> (Price, u64) {
    match service {
        MeteredService::TrafficIn => (plan.usage.traffic_in, plan.usage.included_in),
        MeteredService::TrafficOut => (plan.usage.traffic_out, plan.usage.included_out),
        MeteredService::Online => (plan.usage.session_hour, 0),
    }
}

/// The meter after `growth`. Another price or another included traffic is for what is used from now on. `cover` takes
/// octets from packages and says how many it took.
fn moved(
    old: Option<Meter>,
    key: MeterKey,
    plan: &Plan,
    growth: u64,
    cover: impl FnOnce(u64) -> u64,
) -> Meter {
    let mut meter = old.unwrap_or_else(|| Meter::new(key));
    let (price, included) = price_of(plan, key.service);
    if (meter.price, meter.included) != (price, included) {
        let used = meter.used;
        meter = Meter { used, before: used, price, included, ..Meter::new(key) };
    }
    let already = beyond_included(&meter);
    meter.used = meter.used.saturating_add(growth);
    if price != Price::ZERO && key.service != MeteredService::Online {
        let new = beyond_included(&meter).saturating_sub(already);
        meter.covered = meter.covered.saturating_add(if new > 0 { cover(new) } else { 0 });
    }
    meter
}

/// Octets or seconds beyond what the plan includes, covered by packages or not.
fn beyond_included(meter: &Meter) -> u64 {
    let included = match meter.key.service {
        MeteredService::Online => 0,
        _ => meter.included.saturating_mul(MIB),
    };
    meter.used.saturating_sub(meter.before).saturating_sub(included)
}

/// `round(price * billable)`, half to even to the currency's minor unit.
fn owed(meter: &Meter, digits: usize) -> Money {
    let unit = match meter.key.service {
        MeteredService::Online => SECONDS_OF_HOUR,
        _ => MIB,
    };
    let billable = beyond_included(meter).saturating_sub(meter.covered);
    let power = |n: usize| 10i128.pow(u32::try_from(n).unwrap_or(0));
    let digits = digits.min(MICRO_DIGITS);
    let nanos = i128::from(meter.price.nanos()).checked_mul(i128::from(billable));
    let Some(nanos) = nanos else { return Money::MAX };
    let minor = fees::prorate::half_to_even(nanos, i128::from(unit) * power(NANO_DIGITS - digits));
    let micros = minor.checked_mul(power(MICRO_DIGITS - digits)).and_then(|m| i64::try_from(m).ok());
    micros.map_or(Money::MAX, Money::from_micros)
}

/// None: it would leave the range of the ledger, and is tried again with the next record.
fn post(
    books: &mut Books<'_>,
    account: &Account,
    plan: &Plan,
    key: MeterKey,
    amount: Money,
    day: Day,
    now: Timestamp,
) -> Option<TransferId> {
    let day = posting_day(books.state(), day, now);
    let contract = books.contract_account(account);
    let revenue = books.own_account(LedgerKind::Revenue, REVENUE);
    let (word, text) = match key.service {
        MeteredService::TrafficIn => ("traffic-in", "traffic in"),
        MeteredService::TrafficOut => ("traffic-out", "traffic out"),
        MeteredService::Online => ("online", "time online"),
    };
    let entry = Entry {
        kind: TransferKind::Usage,
        reference: &format!("usage:{}:{}:{word}", key.subscriber, key.month),
        text: &format!("{}, {text}, {}", plan.name, key.month),
        by: "system",
        time: now,
        day,
    };
    books.transfer(contract, revenue, contract, amount, entry).ok().map(|posted| posted.id)
}

#[cfg(test)]
mod tests;
