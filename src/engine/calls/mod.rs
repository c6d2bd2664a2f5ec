//! Calls and user budgets (rules.md, "Calls (CGRateS dialect)"): what each method takes from whose balance.
//!
//! Prices and the arithmetic of budgets are [`crate::rating`]'s. Here a budget is put together from the balances of the
//! one ledger, and what an operation changed of it is posted as transfers, all in one decision. Not here: the wire.

mod load;
mod state;
mod units;
mod wallet;

pub use state::CallBudget;
pub(super) use state::Calls;

use super::calendar;
use super::ledger::Books;
use super::{Decision, State};
use crate::model::*;
use crate::rating::{CallDescriptor, CallTime, Quantity, Rater};
use wallet::{Purpose, Wallet};

/// Longest number that is repeated in a posting, characters.
const DIALLED_CHARS_MAX: usize = 40;

pub(super) fn decide(
    state: &State,
    command: &CallCommand,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    match command {
        CallCommand::Budget { subject, operation } => operate(state, subject, operation, actor, now),
        CallCommand::Debit { descriptor, longest } => debit(state, descriptor, *longest, actor, now),
        CallCommand::Load { files, options } => load::load(state, files, *options, actor, now),
    }
}

/// `now` as the rating reads it: in the server's time zone.
pub fn call_time(now: Timestamp, zone: &jiff::tz::TimeZone) -> CallTime {
    CallTime::from_timestamp(now, calendar::offset(now, zone))
}

fn operate(
    state: &State,
    subject: &str,
    operation: &BudgetOperation,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    // As the dialect has it: of nobody's budget nothing is left, and that is no error.
    let Some(mut wallet) = Wallet::of(state, subject, now) else {
        return Ok(Decision::unchanged(Outcome::BudgetLeft(0)));
    };
    let before = &wallet.before;
    let tariffs = state.tariffs()?;
    let plan = tariffs.plan(&before.tariff_plan);
    let (after, purpose, text) = match operation {
        BudgetOperation::Balance { amount } => {
            (before.debit_balance(Money::from_micros(*amount))?, Purpose::CALL, "DebitBalance".to_owned())
        }
        BudgetOperation::Sms { amount } => {
            (before.debit_sms(Quantity::from_micros(*amount))?, Purpose::CALL, "DebitSMS".to_owned())
        }
        BudgetOperation::Seconds { amount, dialled } => {
            let after = before.debit_seconds(&tariffs, dialled, Quantity::from_micros(*amount))?;
            (after, Purpose::CALL, format!("DebitSeconds {}", shortened(dialled)))
        }
        BudgetOperation::AddVolumeSeconds { amount } => {
            let after = before.add_volume_discount_seconds(Quantity::from_micros(*amount))?;
            (after, Purpose::CALL, String::new())
        }
        BudgetOperation::ResetVolumeSeconds => {
            (before.reset_volume_discount_seconds(), Purpose::CALL, String::new())
        }
        BudgetOperation::AddReceivedSeconds { amount } => {
            let after = before.add_received_call_seconds(plan, Quantity::from_micros(*amount))?;
            (after, Purpose::BONUS, "Bonus for received calls".to_owned())
        }
        BudgetOperation::Reset => (
            before.reset_user_budget(plan)?,
            Purpose::GRANT,
            format!("As tariff plan {} says", before.tariff_plan),
        ),
    };
    let mut books = Books::new(state);
    wallet.post(&mut books, &after, &purpose.entry("", &text, actor, now))?;
    let left = match operation {
        BudgetOperation::Balance { .. } => wallet.credit_left(&books)?.micros(),
        BudgetOperation::Sms { .. } => after.sms_credit.micros(),
        _ => 0,
    };
    Ok(Decision { outcome: Outcome::BudgetLeft(left), changes: books.changes })
}

fn debit(
    state: &State,
    descriptor: &str,
    longest: bool,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let call: CallDescriptor =
        serde_json::from_str(descriptor).map_err(|why| Refusal::new("bad-descriptor", why.to_string()))?;
    let tariffs = state.tariffs()?;
    let rater = Rater::new(&tariffs, state.settings.calls.compat_2012);
    let wallet = Wallet::of(state, call.budget_id(), now);
    let before = wallet.as_ref().map(|wallet| &wallet.before);
    let debit = match longest {
        true => rater.max_debit(&call, before, call_time(now, &state.settings.time_zone))?,
        false => rater.debit(&call, before)?,
    };
    let cost = serde_json::to_string(&debit.cost)
        .map_err(|why| Refusal::new("out-of-range", format!("the cost cannot be written: {why}")))?;
    let mut books = Books::new(state);
    if let (Some(mut wallet), Some(after)) = (wallet, debit.budget) {
        let number = shortened(&call.destination);
        let text = format!("Call to {number}");
        wallet.post(&mut books, &after, &Purpose::CALL.entry(&number, &text, actor, now))?;
    }
    Ok(Decision { outcome: Outcome::CallDebited { cost }, changes: books.changes })
}

fn shortened(dialled: &str) -> String {
    dialled.chars().filter(|c| !c.is_control()).take(DIALLED_CHARS_MAX).collect()
}
