//! Promised payments (rules.md, Promised payment).

use super::super::calendar::{day_of, moment_of_day};
use super::super::fees;
use super::super::ledger::{Books, Entry};
use super::super::payment::check_sum;
use super::super::{Decision, State};
use super::{account_of, audit, refuse};
use crate::model::*;
use std::sync::Arc;

/// Longest promise, days.
const DAYS_MAX: i32 = 31;

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
    if account.closed {
        return refuse("account-closed", "the account is closed");
    }
    let zone = &state.settings.time_zone;
    let today = day_of(now, zone);
    let mut books = Books::new(state);
    let mut kept = books.account_state(id);
    if kept.promise.is_some() {
        return refuse("promise-open", "a promise is open already");
    }
    let month = today.month();
    let taken = if kept.promises_month == Some(month) { kept.promises_taken } else { 0 };
    if taken >= rules.promises_per_month {
        let text = format!("{taken} were taken this month; at most {}", rules.promises_per_month);
        return refuse("promises-used-up", text);
    }
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

/// Somebody of the account is short of money, or tomorrow somebody will be.
fn is_needed(state: &State, account: &Arc<Account>, today: Day, now: Timestamp) -> bool {
    let views = state.subscribers_in_order(account.id).into_iter().filter_map(|id| state.view(id, now));
    let views: Vec<_> = views.collect();
    let available = Books::new(state).available(account, now);
    let tomorrow = views.iter().fold(Money::ZERO, |sum, view| {
        sum.saturating_add(fees::total_of_day(state, &view.subscriber, account, today.next()))
    });
    available.is_negative() || views.iter().any(|view| view.due.is_positive()) || available < tomorrow
}
