//! Promised payments (rules.md, Promised payment).

use super::super::calendar::{day_of, moment_of_day};
use super::super::fees;
use super::super::ledger::{Books, Entry};
use super::super::payment::check_sum;
use super::super::{Decision, Settings, State, SubscriberView};
use super::{account_of, audit, refuse};
use crate::model::*;
use std::sync::Arc;

/// Longest promise, days.
const DAYS_MAX: i32 = 31;

/// What readers know of an account's promises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promises {
    pub open: Option<Promise>,
    /// Month of the last one taken, and how many were taken in it.
    pub month: Month,
    pub taken: u32,
}

impl Promises {
    /// None for an account that never had one.
    pub(in crate::engine) fn of(state: &AccountState) -> Option<Box<Promises>> {
        let (open, taken) = (state.promise.clone(), state.promises_taken);
        state.promises_month.map(|month| Box::new(Promises { open, month, taken }))
    }
}

/// A promise of the configured sum and days, as it would be if it were taken now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromiseOffer {
    pub sum: Money,
    pub price: Money,
    pub until: Timestamp,
    /// What has to be paid before the promise covers what is short; zero: it does, and opens.
    pub lacking: Money,
}

/// What somebody who asks for a promise would get, from published views of the whole account. The refusals are those
/// of [`TermsCommand::Promise`], which decides again when it is asked for. Tomorrow's fee is not known to views, so
/// somebody who is only short tomorrow is refused here and not there.
pub fn promise_offer(
    settings: &Settings,
    views: &[&SubscriberView],
    now: Timestamp,
) -> Result<PromiseOffer, Refusal> {
    let Some(first) = views.first() else { return refuse("no-subscriber", "the account has no login") };
    let rules = &settings.billing;
    let today = day_of(now, &settings.time_zone);
    let kept = first.promises.as_deref();
    let open = kept.is_some_and(|kept| kept.open.is_some());
    let taken = kept.filter(|kept| kept.month == today.month()).map_or(0, |kept| kept.taken);
    may_be_given(settings, first.account.closed, open, taken)?;
    let due = views.iter().fold(Money::ZERO, |sum, view| sum.saturating_add(view.due));
    if !(first.available.is_negative() || due.is_positive() || views.iter().any(|view| view.standing.negbal))
    {
        return refuse("promise-not-needed", "there is no shortage");
    }
    let with_promise = first.available.saturating_add(rules.promise_sum).saturating_sub(rules.promise_price);
    Ok(PromiseOffer {
        sum: rules.promise_sum,
        price: rules.promise_price,
        until: moment_of_day(today.plus(rules.promise_days), rules.cut_at, &settings.time_zone),
        lacking: due.saturating_sub(with_promise).max(Money::ZERO),
    })
}

/// [`TermsCommand::Promise`]: `sum` counts as money until the hour of cuts, `days` days from today.
pub(super) fn take(
    state: &State,
    id: AccountId,
    sum: Option<Money>,
    days: Option<i32>,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let rules = &state.settings.billing;
    let account = account_of(state, id)?;
    let (sum, days) = (sum.unwrap_or(rules.promise_sum), days.unwrap_or(rules.promise_days));
    check_sum(state, sum)?;
    if !(1..=DAYS_MAX).contains(&days) {
        return refuse("bad-days", format!("a promise is for 1 to {DAYS_MAX} days"));
    }
    let zone = &state.settings.time_zone;
    let today = day_of(now, zone);
    let mut books = Books::new(state);
    let mut kept = books.account_state(id);
    let month = today.month();
    let taken = if kept.promises_month == Some(month) { kept.promises_taken } else { 0 };
    may_be_given(&state.settings, account.closed, kept.promise.is_some(), taken)?;
    if !is_needed(state, &account, today, now) {
        return refuse("promise-not-needed", "there is no shortage, and tomorrow's fee is covered");
    }
    let until = moment_of_day(today.plus(days), rules.cut_at, zone);
    kept.promise = Some(Promise { sum, taken: now, until });
    (kept.promises_month, kept.promises_taken) = (Some(month), taken.saturating_add(1));
    books.put_account_state(kept);
    if rules.promise_price.is_positive() {
        let revenue = books.own_account(LedgerKind::Revenue, fees::revenue::PROMISE);
        let contract = books.contract_account(&account);
        let text = format!("Promised payment of {}", sum.to_decimal(state.settings.currency_digits));
        let kind = TransferKind::Promise;
        let entry = Entry { kind, reference: "", text: &text, by: &actor.0, time: now, day: None };
        books.transfer(contract, revenue, contract, rules.promise_price, entry)?;
    }
    fees::post_due(&mut books, id, now);
    let sum_text = sum.to_decimal(state.settings.currency_digits);
    let text = format!("{sum_text} until {}", today.plus(days));
    books.changes.push(audit(actor, now, "promise", &account.contract, text));
    let balance = books.balance(id);
    Ok(Decision { outcome: Outcome::Promised { sum, until, balance }, changes: books.changes })
}

/// `taken` is how many were taken this month.
fn may_be_given(settings: &Settings, closed: bool, open: bool, taken: u32) -> Result<(), Refusal> {
    let per_month = settings.billing.promises_per_month;
    if closed {
        return refuse("account-closed", "the account is closed");
    }
    if open {
        return refuse("promise-open", "a promise is open already");
    }
    if taken >= per_month {
        return refuse("promises-used-up", format!("{taken} were taken this month; at most {per_month}"));
    }
    Ok(())
}

/// Somebody of the account is short of money, or tomorrow somebody will be.
fn is_needed(state: &State, account: &Arc<Account>, today: Day, now: Timestamp) -> bool {
    let views = state.subscribers_in_order(account.id).into_iter().filter_map(|id| state.view(id, now));
    let views: Vec<_> = views.collect();
    let available = Books::new(state).available(account, now);
    let tomorrow = views.iter().fold(Money::ZERO, |sum, view| {
        sum.saturating_add(fees::total_of_day(state, &view.subscriber, account, today.next()))
    });
    // Prepaid money may be spent while nothing is below zero.
    let short = |view: &SubscriberView| view.due.is_positive() || view.standing.negbal;
    available.is_negative() || views.iter().any(short) || available < tomorrow
}
