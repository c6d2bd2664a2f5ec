//! Pauses at own wish (rules.md, Pause).

use super::super::calendar::day_of;
use super::super::fees;
use super::super::ledger::Books;
use super::super::{Decision, State};
use super::{audit, refuse};
use crate::model::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Days of pause in a calendar year.
const DAYS_OF_YEAR_MAX: i32 = 90;
/// Years that are remembered: nobody pauses in an earlier one any more.
const YEARS_KEPT: i32 = 1;

/// [`TermsCommand::Pause`]: whole days to come, `to` included.
pub(super) fn plan(
    state: &State,
    id: SubscriberId,
    from: Day,
    to: Day,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let (subscriber, account) = found(state, id)?;
    let today = day_of(now, &state.settings.time_zone);
    if account.closed {
        return refuse("account-closed", "the account is closed");
    }
    if from <= today {
        return refuse("pause-not-in-future", format!("a pause begins tomorrow, {}, or later", today.next()));
    }
    if to < from {
        return refuse("pause-ends-before-it-begins", format!("{to} is before {from}"));
    }
    if subscriber.terms.pause.is_some_and(|pause| pause.to >= today) {
        return refuse("pause-open", "a pause is agreed already; end or take it back first");
    }
    let mut books = Books::new(state);
    if books.account_state(account.id).promise.is_some() {
        return refuse("promise-open", "a promised payment is open");
    }
    let own = books.own_money(&account, now);
    if own.is_negative() {
        let missing = Money::ZERO.saturating_sub(own).to_decimal(state.settings.currency_digits);
        return refuse("balance-negative", format!("{missing} is to be paid first"));
    }
    let mut changed = Subscriber::clone(&subscriber);
    let pause = Pause { from, to };
    changed.terms.pause_days = used_days(&changed.terms.pause_days, pause, 1, today)?;
    changed.terms.pause = Some(pause);
    books.put_subscriber(changed);
    books.changes.push(audit(actor, now, "pause", &subscriber.login, format!("{from} to {to}")));
    Ok(Decision { outcome: Outcome::Done { changed: true }, changes: books.changes })
}

/// [`TermsCommand::Resume`]: today is no pause any more and is charged; a pause to come is taken back.
pub(super) fn resume(
    state: &State,
    id: SubscriberId,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let (subscriber, _) = found(state, id)?;
    let today = day_of(now, &state.settings.time_zone);
    let Some(pause) = subscriber.terms.pause.filter(|pause| pause.to >= today) else {
        return refuse("not-paused", "there is no pause to end");
    };
    let mut changed = Subscriber::clone(&subscriber);
    // Today was a day of it, and counts.
    let rest = Pause { from: pause.from.max(today.next()), to: pause.to };
    changed.terms.pause_days = used_days(&changed.terms.pause_days, rest, -1, today)?;
    changed.terms.pause = (pause.from < today).then(|| Pause { from: pause.from, to: today.plus(-1) });
    let mut books = Books::new(state);
    books.put_subscriber(changed);
    if pause.holds_on(today) {
        fees::begin_today(&mut books, id, true, now);
    }
    books.changes.push(audit(
        actor,
        now,
        "resume",
        &subscriber.login,
        format!("paused {} to {}", pause.from, pause.to),
    ));
    Ok(Decision { outcome: Outcome::Done { changed: true }, changes: books.changes })
}

fn found(state: &State, id: SubscriberId) -> Result<(Arc<Subscriber>, Arc<Account>), Refusal> {
    let subscriber = state.subscribers.get(&id);
    match subscriber.and_then(|subscriber| Some((subscriber, state.accounts.get(&subscriber.account)?))) {
        Some((subscriber, account)) => Ok((Arc::clone(subscriber), Arc::clone(account))),
        None => refuse("subscriber-not-found", format!("there is no subscriber {id}")),
    }
}

/// Days used in each year, with those of `pause` added (`sign` 1) or given back (-1).
fn used_days(used: &[(i32, i32)], pause: Pause, sign: i32, today: Day) -> Result<Vec<(i32, i32)>, Refusal> {
    let year_of = |day: Day| day.civil().0;
    let mut years: BTreeMap<i32, i32> = used.iter().copied().collect();
    years.retain(|year, _| *year >= year_of(today) - YEARS_KEPT);
    // No loop over days: the end may be anything that can be written.
    let mut from = pause.from;
    while from <= pause.to {
        let year = year_of(from);
        let last = Month::of(year, 12).last_day().min(pause.to);
        let days = years.entry(year).or_default();
        *days = days.saturating_add(sign * last.since(from).saturating_add(1)).max(0);
        if *days > DAYS_OF_YEAR_MAX {
            let text = format!("that makes {days} days of pause in {year}; at most {DAYS_OF_YEAR_MAX}");
            return refuse("pause-too-long", text);
        }
        from = last.next();
    }
    Ok(years.into_iter().filter(|(_, days)| *days > 0).collect())
}
