//! Change of plan (rules.md, Plan change).
//!
//! The old plan is paid for the days up to the change and the new one from then on, so that no day is paid twice and
//! none is free. A day that was charged by itself stays paid, and the new plan costs from the next one. From a plan
//! charged by the period to another one the change is today's: the rest of the old is given back, of the new charged.

use super::super::ledger::Books;
use super::super::{Decision, State, day_of, fees};
use super::recurring::{Posting, Recurring, check_covered, fee_state, found, is_charged};
use super::{audit, refuse};
use crate::model::*;
use std::collections::BTreeSet;

/// Subscribers of one command.
const SUBSCRIBERS_MAX: usize = 100_000;
/// How far ahead a change may be planned.
const DAYS_AHEAD_MAX: i32 = 366;

/// What is asked for.
struct Wanted<'a> {
    plan: &'a Plan,
    /// None: today.
    from: Option<Day>,
    uncovered: bool,
    actor: &'a Actor,
    today: Day,
    now: Timestamp,
}

/// [`TermsCommand::Plan`]: all of them or none.
pub(super) fn decide(
    state: &State,
    command: &TermsCommand,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let TermsCommand::Plan { subscribers, plan, from, dry_run, uncovered } = command else {
        return Err(super::not_served());
    };
    let Some(plan) = state.plans.get(plan) else {
        return refuse("plan-not-found", format!("there is no plan {plan}"));
    };
    let today = day_of(now, &state.settings.time_zone);
    let from = begins(*from, today)?;
    let ids: BTreeSet<SubscriberId> = subscribers.iter().copied().collect();
    if ids.is_empty() {
        return refuse("nobody", "there is nobody whose plan would change");
    }
    if ids.len() > SUBSCRIBERS_MAX {
        return refuse("too-many", format!("{} subscribers; at most {SUBSCRIBERS_MAX} at once", ids.len()));
    }
    let wanted = Wanted { plan, from, uncovered: *uncovered, actor, today, now };
    let mut books = Books::new(state);
    let mut rows = Vec::new();
    for id in ids {
        rows.extend(change_one(&mut books, id, &wanted)?);
    }
    let accounts: BTreeSet<AccountId> = rows.iter().map(|(account, _)| *account).collect();
    for account in accounts {
        fees::settle(&mut books, account, now);
    }
    let rows = rows
        .into_iter()
        .map(|(account, row)| PlanChangeRow { balance: books.balance(account), ..row })
        .collect();
    let changes = if *dry_run { Vec::new() } else { books.changes };
    Ok(Decision { outcome: Outcome::PlanChanged(rows), changes })
}

/// None: now.
fn begins(from: Option<Day>, today: Day) -> Result<Option<Day>, Refusal> {
    match from {
        Some(day) if day < today => refuse("day-past", format!("{day} is over; today is {today}")),
        Some(day) if day.since(today) > DAYS_AHEAD_MAX => {
            refuse("day-too-far", format!("{day} is more than {DAYS_AHEAD_MAX} days ahead"))
        }
        from => Ok(from.filter(|day| *day > today)),
    }
}

/// None: it is so already.
fn change_one(
    books: &mut Books<'_>,
    id: SubscriberId,
    wanted: &Wanted<'_>,
) -> Result<Option<(AccountId, PlanChangeRow)>, Refusal> {
    let state = books.state();
    let (subscriber, account) = found(state, id)?;
    let mut changed = Subscriber::clone(&subscriber);
    match wanted.from {
        Some(day) => changed.terms.next_plan = Some((wanted.plan.id, day)),
        None => {
            changed.terms.next_plan = None;
            changed.plan = Some(wanted.plan.id);
        }
    }
    if changed == *subscriber {
        return Ok(None);
    }
    let charge = match changed.plan == subscriber.plan {
        true => Money::ZERO,
        false => change_fees(books, &subscriber, &account, wanted)?,
    };
    books.put_subscriber(changed);
    let name = |id: Option<PlanId>| {
        id.and_then(|id| state.plans.get(&id)).map(|plan| plan.name.clone()).unwrap_or_default()
    };
    let day = wanted.from.unwrap_or(wanted.today);
    let row = PlanChangeRow {
        login: subscriber.login.clone(),
        from_plan: name(subscriber.plan),
        to_plan: wanted.plan.name.clone(),
        day,
        charge,
        balance: Money::ZERO,
    };
    let text = format!("{:?} to {:?} from {day}", row.from_plan, row.to_plan);
    books.changes.push(audit(wanted.actor, wanted.now, "plan-change", &subscriber.login, text));
    Ok(Some((account.id, row)))
}

/// Moves the fees from the old plan to the new one now; what it costs, less than zero when money comes back.
fn change_fees(
    books: &mut Books<'_>,
    subscriber: &Subscriber,
    account: &Account,
    wanted: &Wanted<'_>,
) -> Result<Money, Refusal> {
    let state = books.state();
    let (today, now, digits) = (wanted.today, wanted.now, state.settings.currency_digits);
    let mut fee = fee_state(books, subscriber, today);
    let new = Recurring::of_plan(wanted.plan);
    let held_back = fees::holds_back(subscriber, account, now, today);
    let is_due = fee.due.is_positive();
    let first = match begins_today(state, subscriber, &fee, new, today) && held_back != PAUSED {
        true => today,
        false => today.next(),
    };
    let (given_back, text) = rest_of_old(state, subscriber, &fee, first, digits);
    let reference = format!("plan:{}:{today}", subscriber.id);
    let by = &wanted.actor.0;
    let mut posting = Posting {
        service: false,
        amount: Money::ZERO.saturating_sub(given_back),
        reference: &reference,
        text: &text,
        by,
        day: today,
    };
    posting.post(books, account, now)?;
    let settled = is_charged(state, today) && !is_due && held_back.is_none();
    fee.plan_through = if settled { first.plus(-1) } else { fee.plan_through.min(first.plus(-1)) };
    let last = today.month().last_day();
    let cost = match new.by_period() && held_back.is_none() {
        true => new.cost(first, last, subscriber.terms.discount_on(first), digits),
        false => Money::ZERO,
    };
    if !wanted.uncovered {
        check_covered(books, account, cost, now)?;
    }
    let mut charge = Money::ZERO;
    if new.by_period() && held_back.is_none() && !is_due {
        let text = format!("{}, {first} to {last}", wanted.plan.name);
        (posting.amount, posting.text) = (cost, &text);
        posting.post(books, account, now)?;
        fee.plan_through = last.max(first.plus(-1));
        charge = cost;
    } else if is_due && cost.is_positive() && books.available(account, now) >= cost {
        // Posted when the decision is settled.
        charge = cost;
    }
    books.put_fee_state(fee);
    Ok(charge.saturating_sub(given_back))
}

const PAUSED: Option<fees::HeldBack> = Some(fees::HeldBack::Paused);

/// Whether today is the new plan's to pay for.
fn begins_today(state: &State, subscriber: &Subscriber, fee: &FeeState, new: Recurring, today: Day) -> bool {
    let old = subscriber.plan.and_then(|id| state.plans.get(&id)).map(|plan| Recurring::of_plan(plan));
    let paid_by_itself =
        old.is_some_and(|old| old.period != Period::None && !old.by_period() && fee.plan_through >= today);
    fee.due.is_positive() || new.by_period() && !paid_by_itself
}

/// What was paid of the old plan for `first` and the days after it, and how that is called.
fn rest_of_old(
    state: &State,
    subscriber: &Subscriber,
    fee: &FeeState,
    first: Day,
    digits: usize,
) -> (Money, String) {
    let old = subscriber.plan.and_then(|id| state.plans.get(&id));
    let Some(old) = old.filter(|_| fee.plan_through >= first) else {
        return (Money::ZERO, String::new());
    };
    // Paid ahead is paid to the end of a month.
    let recurring = Recurring::of_plan(old);
    let last = recurring.paid_through(first).min(fee.plan_through);
    let amount = recurring.cost(first, last, subscriber.terms.discount_on(first), digits);
    (amount, format!("{}, {first} to {last}: given back", old.name))
}

/// The plan that was chosen for a later day begins. Called by the fee run of `day`, before the day is charged.
pub(in crate::engine) fn begin(books: &mut Books<'_>, id: SubscriberId, day: Day, now: Timestamp) {
    let Some(subscriber) = books.subscriber(id) else { return };
    let Some(account) = books.account(subscriber.account) else { return };
    let mut changed = Subscriber::clone(&subscriber);
    let Some((plan, _)) = changed.terms.next_plan.take() else { return };
    if subscriber.plan != Some(plan) {
        let state = books.state();
        let mut fee = fee_state(books, &subscriber, day.plus(-1));
        let (amount, text) = rest_of_old(state, &subscriber, &fee, day, state.settings.currency_digits);
        let reference = format!("plan:{id}:{day}");
        let amount = Money::ZERO.saturating_sub(amount);
        let posting =
            Posting { service: false, amount, reference: &reference, text: &text, by: "system", day };
        // Out of the ledger's range: the plan begins all the same.
        let _ = posting.post(books, &account, now);
        fee.plan_through = fee.plan_through.min(day.plus(-1));
        books.put_fee_state(fee);
        changed.plan = Some(plan);
    }
    books.put_subscriber(changed);
}

#[cfg(test)]
mod tests;
