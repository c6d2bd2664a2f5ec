//! How long an account's money lasts, as things are: for notices before a cut.

use super::super::State;
use super::super::calendar::midnight;
use super::cuts::next_cut;
use super::day::holds_back;
use super::lines::{cover, covered, items, sum, uncovered};
use crate::model::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A cut that will come unless somebody pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlook {
    pub at: Timestamp,
    /// The least that has to be paid to pass that moment.
    pub missing: Money,
    /// What a month of everything costs that is charged, or `missing` where that is more.
    pub sum: Money,
}

/// The next cut of an account, of those whose cause is a fee of today or the next `days`; None: none, or it is cut already.
pub fn outlook(state: &State, account: &Account, today: Day, days: i32, now: Timestamp) -> Option<Outlook> {
    let views = state.subscribers_in_order(account.id).into_iter().filter_map(|id| state.view(id, now));
    let open: Vec<_> = views.filter(|view| !view.standing.blocked).collect();
    if open.iter().any(|view| view.standing.negbal) {
        return None;
    }
    let month = |missing: Money| {
        let of = |subscriber: &Arc<Subscriber>| month_of(state, subscriber, today);
        open.iter().fold(Money::ZERO, |sum, view| sum.saturating_add(of(&view.subscriber))).max(missing)
    };
    let known = open.iter().filter_map(|view| view.cut_at.map(|at| (at, view.to_pay))).min();
    if let Some((at, missing)) = known {
        return Some(Outlook { at, missing, sum: month(missing) });
    }
    let (day, missing) = shortage(state, account, today, days)?;
    let at = next_cut(&state.settings, midnight(day, &state.settings.time_zone));
    Some(Outlook { at, missing, sum: month(missing) })
}

/// The first of the next `days` whose fee the money does not cover, and by how much.
fn shortage(state: &State, account: &Account, today: Day, days: i32) -> Option<(Day, Money)> {
    let promise = state.billing.accounts.get(&account.id).and_then(|kept| kept.promise.as_ref());
    let mut spent = Money::ZERO;
    let mut fees = BTreeMap::<SubscriberId, FeeState>::new();
    for day in (1..=days).map(|n| today.plus(n)) {
        let at = midnight(day, &state.settings.time_zone);
        let promised =
            promise.filter(|promise| promise.until > at).map_or(Money::ZERO, |promise| promise.sum);
        let money = state.balance(account.id).saturating_add(account.credit_at(at)).saturating_add(promised);
        for id in state.subscribers_in_order(account.id) {
            let Some(subscriber) = state.subscribers.get(&id) else { continue };
            if holds_back(subscriber, account, at, day).is_some() {
                continue;
            }
            let known = || state.billing.fees.get(&id).cloned();
            let fee = fees
                .entry(id)
                .or_insert_with(|| known().unwrap_or_else(|| covered(state, subscriber, today)));
            let lines = uncovered(state, subscriber, fee, day);
            let left = money.saturating_sub(spent).saturating_sub(sum(&lines));
            // Without a fee, nothing new is short.
            if left.is_negative() && sum(&lines).is_positive() {
                return left.checked_neg().map(|missing| (day, missing));
            }
            spent = spent.saturating_add(sum(&lines));
            lines.iter().for_each(|line| cover(fee, line));
        }
    }
    None
}

/// What a month of a subscriber's plan and services costs.
fn month_of(state: &State, subscriber: &Subscriber, day: Day) -> Money {
    let digits = state.settings.currency_digits;
    let items = items(state, subscriber, day);
    items.iter().fold(Money::ZERO, |sum, item| sum.saturating_add(item.of_month(day, digits)))
}
