//! When a shortage shuts the gate: the hours of cuts, and the grace after an outage.

use super::super::calendar::{day_of, moment_of_day};
use super::super::{Settings, State};
use crate::model::*;
use std::time::Duration;

/// Away for longer than this, payments may be queued at the operators.
const OUTAGE: Duration = Duration::from_secs(3_600);
const DAYS_OF_WEEK: i32 = 7;

/// The first hour of cuts at or after `from`.
pub fn next_cut(settings: &Settings, from: Timestamp) -> Timestamp {
    let (rules, zone) = (&settings.billing, &settings.time_zone);
    let today = day_of(from, zone);
    // From the day before, because around a change of clocks a day's hour may lie past its end.
    let days = (-1..=DAYS_OF_WEEK).map(|n| today.plus(n)).filter(|day| is_cut_day(rules, *day));
    days.map(|day| moment_of_day(day, rules.cut_at, zone)).find(|at| *at >= from).unwrap_or(from)
}

fn is_cut_day(rules: &BillingRules, day: Day) -> bool {
    usize::try_from(day.weekday()).is_ok_and(|weekday| rules.cut_days.get(weekday) == Some(&true))
}

/// When a shortage takes effect that the fee of the day beginning at `at` causes.
pub(super) fn of_fee(state: &State, at: Timestamp, now: Timestamp) -> Timestamp {
    let regular = next_cut(&state.settings, at);
    if regular > now {
        return regular;
    }
    // The fee is made up, and its hour has passed.
    let grace = state.billing.books.outage_until.filter(|until| *until > now);
    grace.unwrap_or_else(|| next_cut(&state.settings, now))
}

/// When something takes effect that was set to `at`: no new shortage does while an outage's grace lasts.
pub fn shifted(books: &BooksState, at: Timestamp) -> Timestamp {
    match books.outage_until {
        Some(until) if at > books.outage_from && at < until => until,
        _ => at,
    }
}

/// What an outage that ends `now` sets; None when there was none.
pub fn outage_noticed(books: &BooksState, settings: &Settings, now: Timestamp) -> Option<BooksState> {
    let never_alive = books.alive == Timestamp::default();
    if never_alive || now.since(books.alive) <= OUTAGE {
        return None;
    }
    // What the grace before had put off has not taken effect yet.
    let before = books.outage_until.filter(|until| *until > books.alive).map(|_| books.outage_from);
    let until = now.saturating_add(settings.billing.outage_grace);
    Some(BooksState {
        outage_until: Some(until),
        outage_from: before.unwrap_or(books.alive),
        ..books.clone()
    })
}
