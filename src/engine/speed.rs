//! Which of a plan's speeds holds: its own, one by the clock, or the one after its quota.
//!
//! The quota goes before the clock: it is for the rest of the month.

use super::State;
use super::calendar::{day_of, midnight, moment_of_day};
use crate::model::*;
use jiff::tz::TimeZone;

pub(super) const MIB: u64 = 1 << 20;
/// Days in which every time table has begun and ended at least once.
const DAYS_AHEAD: i32 = 8;

/// A speed, with MikroTik's burst where it is the plan's own: a burst would let a slower speed be passed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Speed {
    pub shape: Shape,
    pub mikrotik_burst: MikrotikBurst,
}

/// The speed of a subscriber with this plan at `now`.
pub(super) fn speed(state: &State, subscriber: SubscriberId, plan: &Plan, now: Timestamp) -> Speed {
    let zone = &state.settings.time_zone;
    let own = Speed { shape: plan.shape, mikrotik_burst: plan.mikrotik_burst };
    let other = |shape| Speed { shape, mikrotik_burst: MikrotikBurst::default() };
    if let Some(quota) = plan.quota
        && used_octets(state, subscriber, day_of(now, zone).month()) >= quota.mib.saturating_mul(MIB)
    {
        return other(quota.shape);
    }
    let timed = plan.timed.iter().find(|timed| holds(timed.when, now, zone));
    timed.map_or(own, |timed| other(timed.shape))
}

/// Octets of a month, both directions together.
fn used_octets(state: &State, subscriber: SubscriberId, month: Month) -> u64 {
    let used = |service| {
        let meter = state.billing.meters.get(&MeterKey { subscriber, service, month });
        meter.map_or(0, |meter| meter.used)
    };
    used(MeteredService::TrafficIn).saturating_add(used(MeteredService::TrafficOut))
}

/// When speeds of the plan next change by the clock; None: never.
pub(super) fn next_switch(plan: &Plan, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let today = day_of(now, zone);
    let tables = plan.timed.iter().flat_map(|timed| {
        (-1..=DAYS_AHEAD)
            .filter_map(move |days| span(timed.when, today.plus(days), zone))
            .flat_map(|(from, to)| [from, to])
    });
    // What the plan includes is there again, or the quota.
    let of_month = plan.quota.is_some() || plan.usage.included_in > 0 || plan.usage.included_out > 0;
    let month = of_month.then(|| midnight(today.month().next().first_day(), zone));
    tables.chain(month).filter(|at| *at > now).min()
}

fn holds(table: TimeTable, now: Timestamp, zone: &TimeZone) -> bool {
    let today = day_of(now, zone);
    [today.plus(-1), today]
        .into_iter()
        .filter_map(|day| span(table, day, zone))
        .any(|(from, to)| (from..to).contains(&now))
}

/// The part of the table that begins on this day, by the clock on the wall.
fn span(table: TimeTable, day: Day, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
    let weekday = usize::try_from(day.weekday()).ok()?;
    if !table.days.get(weekday).copied().unwrap_or(false) {
        return None;
    }
    let last = if table.to > table.from { day } else { day.next() };
    // With both ends equal the whole day: from its midnight to the next.
    let from = if table.from == table.to { 0 } else { table.from };
    let to = if table.from == table.to { 0 } else { table.to };
    Some((moment_of_day(day, from, zone), moment_of_day(last, to, zone)))
}

#[cfg(test)]
mod tests;
