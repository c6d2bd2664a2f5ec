//! What an operator decides about cuts: now, later, fees made up, everybody through.

use super::super::calendar::day_of;
use super::super::fees::FeesHeld;
use super::super::ledger::Books;
use super::super::{Decision, State};
use super::{account_of, audit, refuse};
use crate::model::*;
use std::time::Duration;

/// A cut is put off by so many days at most.
const DEFER_DAYS_MAX: u64 = 92;
const SECONDS_OF_DAY: u64 = 86_400;

/// [`TermsCommand::CutNow`]: what is short takes effect now.
pub(super) fn cut_now(
    state: &State,
    id: AccountId,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    set_cut(state, id, None, "cut-now", actor, now)
}

/// [`TermsCommand::DeferCut`]: what is short takes effect at `until`, also where it has already.
pub(super) fn defer(
    state: &State,
    id: AccountId,
    until: Timestamp,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    if until <= now {
        return refuse("date-in-past", "the cut can only be put off to a moment to come");
    }
    if until.since(now) > Duration::from_secs(DEFER_DAYS_MAX * SECONDS_OF_DAY) {
        return refuse("date-too-far", format!("a cut is put off by at most {DEFER_DAYS_MAX} days"));
    }
    set_cut(state, id, Some(until), "cut-deferred", actor, now)
}

fn set_cut(
    state: &State,
    id: AccountId,
    at: Option<Timestamp>,
    action: &str,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let account = account_of(state, id)?;
    let mut books = Books::new(state);
    let negative = books.available(&account, now).is_negative();
    let due: Vec<FeeState> = state
        .subscribers_in_order(id)
        .into_iter()
        .filter_map(|subscriber| books.fee_state(subscriber).filter(|fee| fee.due.is_positive()))
        .collect();
    if !negative && due.is_empty() {
        return refuse("not-short", format!("contract {} is not short of money", account.contract));
    }
    if negative {
        let kept = books.account_state(id);
        books.put_account_state(AccountState { negative_cut_at: at, ..kept });
    }
    for fee in due {
        books.put_fee_state(FeeState { due_cut_at: at, ..fee });
    }
    let changed = !books.changes.is_empty();
    if changed {
        let text =
            at.map_or_else(String::new, |at| format!("until {}", day_of(at, &state.settings.time_zone)));
        books.changes.push(audit(actor, now, action, &account.contract, text));
    }
    Ok(Decision { outcome: Outcome::Done { changed }, changes: books.changes })
}

/// [`TermsCommand::CatchUp`]: the days before today are charged although there are many.
pub(super) fn catch_up(state: &State, actor: &Actor, now: Timestamp) -> Result<Decision, Refusal> {
    if state.fees_status(now).held != Some(FeesHeld::GapTooLong) {
        return refuse("nothing-held", "no fees wait for this");
    }
    let yesterday = day_of(now, &state.settings.time_zone).plus(-1);
    let kept = &state.billing.books;
    let through = kept.fees_through.map(|day| day.to_string()).unwrap_or_default();
    let books = BooksState { catch_up_through: Some(yesterday), ..kept.clone() };
    let text = format!("fees after {through} are made up to {yesterday}");
    let changes = vec![Change::Books(books), audit(actor, now, "catch-up", "", text)];
    Ok(Decision { outcome: Outcome::Done { changed: true }, changes })
}

/// [`TermsCommand::Panic`]: everybody known is let through until it is closed.
pub(super) fn panic(state: &State, open: bool, actor: &Actor, now: Timestamp) -> Result<Decision, Refusal> {
    let kept = &state.billing.books;
    if kept.panic_since.is_some() == open {
        return Ok(Decision::unchanged(Outcome::Done { changed: false }));
    }
    let books = BooksState { panic_since: open.then_some(now), ..kept.clone() };
    let action = if open { "panic-open" } else { "panic-close" };
    let changes = vec![Change::Books(books), audit(actor, now, action, "", String::new())];
    Ok(Decision { outcome: Outcome::Done { changed: true }, changes })
}
