//! What follows from money and terms that changed: fees that are due are posted, promises end, shortages take effect.

use super::super::State;
use super::super::calendar::day_of;
use super::super::ledger::Books;
use super::day::{self, Moment, holds_back};
use super::lines::{covered, sum, uncovered};
use crate::model::*;

/// To be called after any credit and any change of an account's or its subscribers' terms, on the decision's books:
/// today's fees that are due and covered now are posted, a promise that has done its work ends, a shortage that is
/// over is forgotten.
pub fn settle(books: &mut Books<'_>, id: AccountId, now: Timestamp) {
    let Some(account) = books.account(id) else { return };
    post_due(books, id, now);
    let today = day_of(now, &books.state().settings.time_zone);
    end_promise(books, &account, today, now);
}

/// [`settle`] without an end of the promise: for a promise that begins.
pub fn post_due(books: &mut Books<'_>, id: AccountId, now: Timestamp) {
    let Some(account) = books.account(id) else { return };
    let today = day_of(now, &books.state().settings.time_zone);
    for subscriber in books.state().subscribers_in_order(id) {
        post_if_due(books, subscriber, &account, today, now);
    }
    let mut kept = books.account_state(id);
    if kept.negative_cut_at.is_some() && !books.available(&account, now).is_negative() {
        kept.negative_cut_at = None;
        books.put_account_state(kept);
    }
}

/// To be called after anything but a fee that takes money or credit: a shortage takes effect at once.
pub fn takes_effect(books: &mut Books<'_>, id: AccountId, now: Timestamp) {
    let Some(account) = books.account(id) else { return };
    let mut kept = books.account_state(id);
    if kept.negative_cut_at.is_some() && books.available(&account, now).is_negative() {
        kept.negative_cut_at = None;
        books.put_account_state(kept);
    }
}

fn post_if_due(books: &mut Books<'_>, id: SubscriberId, account: &Account, today: Day, now: Timestamp) {
    let Some(mut fee) = books.fee_state(id).filter(|fee| fee.due.is_positive()) else { return };
    let Some(subscriber) = books.subscriber(id).filter(|s| holds_back(s, account, now, today).is_none())
    else {
        return;
    };
    // A plan of the very file that is being loaded: its price is not known here, and the next run charges it.
    if subscriber.plan.is_some_and(|plan| !books.state().plans.contains_key(&plan)) {
        return;
    }
    // Days in between were short, and cost nothing. When the clock went back, the later day stands.
    let day = fee.decided.max(today);
    let moment = Moment { day, at: now, now, cut_at: None };
    let lines = uncovered(books.state(), &subscriber, &fee, day);
    let (total, was_due) = (sum(&lines), fee.due);
    let covers = books.available(account, now) >= total;
    if covers && !may_charge(books.state(), day) {
        // Nobody who has the money waits for the operator's word about the days before.
        fee.due = Money::ZERO;
        fee.due_cut_at = None;
    } else if covers && day::post(books, &subscriber, account, &mut fee, &lines, moment) {
        fee.decided = day;
    } else if day == fee.decided && was_due != total {
        fee.due = total;
    }
    books.put_fee_state(fee);
}

/// A promise ends when `b + c >= 0` with today's fee posted.
pub(super) fn end_promise(books: &mut Books<'_>, account: &Account, today: Day, now: Timestamp) {
    let mut kept = books.account_state(account.id);
    if kept.promise.is_none() || books.own_money(account, now).is_negative() {
        return;
    }
    let state = books.state();
    let posted = state.subscribers_in_order(account.id).into_iter().all(|id| {
        let Some(subscriber) = books.subscriber(id) else { return true };
        if holds_back(&subscriber, account, now, today).is_some() {
            return true;
        }
        match books.fee_state(id) {
            Some(fee) if fee.decided >= today => fee.due == Money::ZERO,
            Some(fee) => sum(&uncovered(state, &subscriber, &fee, today)) == Money::ZERO,
            None => true,
        }
    });
    if posted {
        kept.promise = None;
        books.put_account_state(kept);
    }
}

/// The promise was not kept: what is short is short at once.
pub fn promise_lapses(books: &mut Books<'_>, id: AccountId, now: Timestamp) {
    let mut kept = books.account_state(id);
    let Some(promise) = kept.promise.take() else { return };
    let Some(account) = books.account(id) else { return books.put_account_state(kept) };
    // Only an outage's grace puts it off.
    let books_state = &books.state().billing.books;
    let cut_at = (super::shifted(books_state, promise.until) > promise.until)
        .then_some(books_state.outage_until)
        .flatten();
    if books.own_money(&account, now).is_negative() {
        kept.negative_cut_at = cut_at;
    }
    books.put_account_state(kept);
    for subscriber in books.state().subscribers_in_order(id) {
        if let Some(mut fee) = books.fee_state(subscriber).filter(|fee| fee.due.is_positive()) {
            fee.due_cut_at = cut_at;
            books.put_fee_state(fee);
        }
    }
}

/// Today's fee of somebody who was held back at 00:00 and is not any more: due at once, and without a new grace.
/// After a resume the part of today that was paid ahead and given back is taken again.
pub fn begin_today(books: &mut Books<'_>, id: SubscriberId, resumed: bool, now: Timestamp) {
    let state = books.state();
    let today = day_of(now, &state.settings.time_zone);
    let Some(subscriber) = books.subscriber(id) else { return };
    let Some(account) = books.account(subscriber.account) else { return };
    if !may_charge(state, today) || holds_back(&subscriber, &account, now, today).is_some() {
        return;
    }
    let fee = books.fee_state(id).unwrap_or_else(|| covered(state, &subscriber, today.plus(-1)));
    let moment = Moment { day: today, at: now, now, cut_at: None };
    if resumed && fee.decided >= today {
        day::paid_ahead(books, &subscriber, &account, &fee, moment, false);
    }
    if resumed || fee.decided < today {
        day::charge(books, &subscriber, &account, fee, moment);
    }
    settle(books, account.id, now);
}

/// Fees are charged by now, and `day` is near enough to the last day charged not to be a jump of the clock.
pub(super) fn may_charge(state: &State, day: Day) -> bool {
    let through = state.billing.books.fees_through;
    through.is_some_and(|through| day.since(through) <= state.settings.billing.catch_up_days_max)
}
