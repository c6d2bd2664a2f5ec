//! Closing months and going live (rules.md, Corrections and closing).
//!
//! A month is locked first; from then on what it holds does not change, and its acts can be made in steps. Acts are made in
//! the order of accounts and the last one is remembered, so a step that comes again makes nothing twice.

use super::fees::prorate::half_to_even;
use super::{Decision, State, calendar};
use crate::model::*;

/// Drafts that one command takes at most, so that payments are not kept waiting.
pub const ACTS_OF_A_COMMAND_MAX: usize = 1_000;
/// One in hundredths of a percent.
const BASIS_POINTS: i128 = 10_000;
/// Digits of [`Money`] after the point.
const MONEY_DIGITS: usize = 6;

pub(super) fn decide(
    state: &State,
    command: &ClosingCommand,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    match command {
        ClosingCommand::LockMonth(month) => lock_month(state, *month, actor, now),
        ClosingCommand::MakeActs { month, drafts } => make_acts(state, *month, drafts),
        ClosingCommand::GoLive => Ok(go_live(state, actor, now)),
    }
}

/// The day as a posting may name it: None when its month is closed, and the posting then counts in the month of its
/// time.
pub fn open_day(state: &State, day: Day) -> Option<Day> {
    let closed = state.billing.books.closed_through;
    closed.is_none_or(|closed| day.month() > closed).then_some(day)
}

/// The day that a posting made `now` has to name: None when that is the day of its time, or may not be named any more.
pub(super) fn posting_day(state: &State, day: Day, now: Timestamp) -> Option<Day> {
    let today = calendar::day_of(now, &state.settings.time_zone);
    open_day(state, day).filter(|day| *day != today)
}

/// The VAT that a sum includes, to the minor unit: round(sum * rate / (100 % + rate)), half to even.
pub fn vat_included(sum: Money, basis_points: Option<u32>, currency_digits: usize) -> Money {
    let rate = i128::from(basis_points.unwrap_or_default());
    let digits = MONEY_DIGITS.saturating_sub(currency_digits);
    let unit = 10i128.pow(u32::try_from(digits).unwrap_or_default());
    let vat = half_to_even(i128::from(sum.micros()) * rate, (BASIS_POINTS + rate) * unit) * unit;
    // A part of the sum, so within its range but for the rounding of the very last unit.
    Money::from_micros(i64::try_from(vat).unwrap_or_else(|_| sum.micros()))
}

fn lock_month(state: &State, month: Month, actor: &Actor, now: Timestamp) -> Result<Decision, Refusal> {
    let books = &state.billing.books;
    if books.closed_through.is_some_and(|closed| closed >= month) {
        return Err(Refusal::new("month-closed", format!("{month} is closed already")));
    }
    let zone = &state.settings.time_zone;
    if calendar::day_of(now, zone) <= month.last_day() {
        return Err(Refusal::new("month-not-over", format!("{month} is not over")));
    }
    check_fees(state, month)?;
    if let Some(last) = books.closings.last().filter(|last| !last.acts_complete) {
        let text = format!("not all acts of {} are made; close that month first", last.month);
        return Err(Refusal::new("acts-missing", text));
    }
    let mut books = books.clone();
    books.closed_through = Some(month);
    books.closings.push(ClosedMonth {
        month,
        begins: calendar::midnight(month.first_day(), zone),
        ends: calendar::midnight(month.next().first_day(), zone),
        last_transfer: TransferId(state.last_transfer()),
        at: now,
        vat_basis_points: state.settings.billing.vat_basis_points,
        acts_after: None,
        acts_complete: false,
    });
    let audit = AuditEntry {
        time: now,
        by: actor.0.clone(),
        action: "close-month".into(),
        subject: String::new(),
        text: format!("{month} closed"),
    };
    let changes = vec![Change::Books(books), Change::Audit(audit)];
    Ok(Decision { outcome: Outcome::Done { changed: true }, changes })
}

/// A day that the fee run has not come to would be posted into the closed month. Where fees have never been run, none
/// are to come for days before the first run.
fn check_fees(state: &State, month: Month) -> Result<(), Refusal> {
    match state.billing.books.fees_through.filter(|through| *through < month.last_day()) {
        None => Ok(()),
        Some(through) => Err(Refusal::new(
            "fees-not-decided",
            format!(
                "not all fees of {month} are decided (so far up to {through}); `headgate status` says why"
            ),
        )),
    }
}

/// Acts of these drafts, which come in the order of accounts; none for a sum of zero. An empty list says that there
/// are no more.
fn make_acts(state: &State, month: Month, drafts: &[ActDraft]) -> Result<Decision, Refusal> {
    let mut books = state.billing.books.clone();
    let closing = books.closings.iter_mut().find(|closing| closing.month == month);
    let closing =
        closing.ok_or_else(|| Refusal::new("month-open", format!("{month} has not been closed")))?;
    if closing.acts_complete {
        return match drafts {
            [] => Ok(Decision::unchanged(Outcome::ActsMade(None))),
            _ => Err(Refusal::new("acts-complete", format!("all acts of {month} are made"))),
        };
    }
    if drafts.len() > ACTS_OF_A_COMMAND_MAX {
        let text = format!("at most {ACTS_OF_A_COMMAND_MAX} acts are made at once");
        return Err(Refusal::new("too-many-acts", text));
    }
    let first = books.last_act.saturating_add(1);
    let mut changes = Vec::with_capacity(drafts.len() + 1);
    for draft in drafts {
        check_order(state, closing, draft)?;
        closing.acts_after = Some(draft.account);
        let act = act(draft, closing, books.last_act.saturating_add(1), state.settings.currency_digits)?;
        if let Some(act) = act {
            books.last_act = act.number;
            changes.push(Change::Act(act));
        }
    }
    closing.acts_complete = drafts.is_empty();
    let made = (books.last_act >= first).then_some((first, books.last_act));
    changes.push(Change::Books(books));
    Ok(Decision { outcome: Outcome::ActsMade(made), changes })
}

fn check_order(state: &State, closing: &ClosedMonth, draft: &ActDraft) -> Result<(), Refusal> {
    let id = draft.account;
    if !state.accounts.contains_key(&id) {
        return Err(Refusal::new("account-not-found", format!("there is no account {id}")));
    }
    if closing.acts_after.is_some_and(|after| id <= after) {
        let text = format!("account {id} is not after those that have their acts of {}", closing.month);
        return Err(Refusal::new("acts-out-of-order", text));
    }
    Ok(())
}

/// None for a sum of zero. A sum less than zero makes a correcting act.
fn act(
    draft: &ActDraft,
    closing: &ClosedMonth,
    number: i64,
    currency_digits: usize,
) -> Result<Option<Act>, Refusal> {
    let sum: i128 = draft.lines.iter().map(|line| i128::from(line.sum.micros())).sum();
    let sum = i64::try_from(sum).map(Money::from_micros).map_err(|_| {
        Refusal::new("out-of-range", format!("the act of account {} is beyond the ledger", draft.account))
    })?;
    if sum == Money::ZERO {
        return Ok(None);
    }
    Ok(Some(Act {
        number,
        month: closing.month,
        account: draft.account,
        lines: draft.lines.iter().filter(|line| line.sum != Money::ZERO).cloned().collect(),
        sum,
        vat: vat_included(sum, closing.vat_basis_points, currency_digits),
        made: closing.at,
    }))
}

fn go_live(state: &State, actor: &Actor, now: Timestamp) -> Decision {
    if state.billing.books.live {
        return Decision::unchanged(Outcome::Done { changed: false });
    }
    let books = BooksState { live: true, ..state.billing.books.clone() };
    let audit = AuditEntry {
        time: now,
        by: actor.0.clone(),
        action: "go-live".into(),
        subject: String::new(),
        text: "balances are no longer put right by files".into(),
    };
    let changes = vec![Change::Books(books), Change::Audit(audit)];
    Decision { outcome: Outcome::Done { changed: true }, changes }
}
