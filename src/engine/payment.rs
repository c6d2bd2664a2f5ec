//! Payments and charges by hand (rules.md, Payments).

use super::fees;
use super::ledger::{Books, Entry};
use super::{Decision, Settings, State};
use crate::model::*;

/// Longest operator code and payment id that are taken, octets.
const KEY_OCTETS_MAX: usize = 128;
/// Longest text of a charge or a block, octets.
pub(super) const TEXT_OCTETS_MAX: usize = 1000;

/// Takes a payment. Order of checks: sum, duplicate, subscriber, account (the door checked operator, search
/// parameter and act before). A payment to a blocked or closed account is taken like any other.
pub(super) fn pay(state: &State, request: &PaymentRequest, now: Timestamp) -> Result<Decision, Refusal> {
    check_sum(state, request.sum)?;
    check_key(&request.key)?;
    if let Some(known) = state.payment(&request.key) {
        return repeat(known, request);
    }
    let account = request.account.and_then(|id| state.accounts.get(&id)).ok_or_else(|| {
        Refusal::new("subscriber-not-found", format!("Абонент не найден! ({})", request.who))
    })?;
    let mut books = Books::new(state);
    let operator = books.own_account(LedgerKind::Operator, &request.key.operator);
    let contract = books.contract_account(account);
    let text = format!("Payment through {}", request.key.operator);
    let transfer = books.transfer(
        operator,
        contract,
        contract,
        request.sum,
        Entry {
            kind: TransferKind::Payment,
            reference: &request.key.id,
            text: &text,
            by: &request.key.operator,
            time: now,
            day: None,
        },
    )?;
    let payment = Payment {
        key: request.key.clone(),
        transfer: transfer.id,
        account: contract,
        contract: account.contract.clone(),
        who: request.who.clone(),
        sum: request.sum,
        operator_date: request.operator_date.clone(),
        time: now,
        balance_after: transfer.balance_after,
        reversed: false,
    };
    books.changes.push(Change::Payment(payment.clone()));
    fees::settle(&mut books, contract, now);
    Ok(Decision { outcome: Outcome::Paid { payment, repeat: false }, changes: books.changes })
}

/// The same key again: the original answer for the same payload, a conflict for another.
fn repeat(known: &Payment, request: &PaymentRequest) -> Result<Decision, Refusal> {
    if known.sum != request.sum {
        return Err(Refusal::new(
            "duplicate-other-sum",
            "Сумма дублирующего платежа не совпадает с оригиналом!",
        ));
    }
    if known.operator_date != request.operator_date {
        return Err(Refusal::new(
            "duplicate-other-date",
            ". Дата дублирующего платежа не совпадает с оригиналом!",
        ));
    }
    if known.who != request.who && request.account != Some(known.account) {
        return Err(Refusal::new(
            "duplicate-other-account",
            format!("Дублирующий платеж указывает другого абонента! ({})", request.who),
        ));
    }
    Ok(Decision::unchanged(Outcome::Paid { payment: known.clone(), repeat: true }))
}

/// Takes money by hand, also below zero.
pub(super) fn charge(
    state: &State,
    id: AccountId,
    sum: Money,
    text: &str,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    check_sum(state, sum)?;
    check_text(text)?;
    let account = state
        .accounts
        .get(&id)
        .ok_or_else(|| Refusal::new("account-not-found", format!("there is no account {id}")))?;
    let mut books = Books::new(state);
    let revenue = books.own_account(LedgerKind::Revenue, "by-hand");
    let contract = books.contract_account(account);
    let entry = Entry { kind: TransferKind::Charge, reference: "", text, by: &actor.0, time: now, day: None };
    let transfer = books.transfer(contract, revenue, contract, sum, entry)?;
    fees::takes_effect(&mut books, contract, now);
    Ok(Decision {
        outcome: Outcome::Charged { transfer: transfer.id, balance: transfer.balance_after },
        changes: books.changes,
    })
}

pub(super) fn check_sum(state: &State, sum: Money) -> Result<(), Refusal> {
    check_payment_sum(&state.settings, sum)
}

/// Whether a sum may be paid at all: above zero, at most `payment-max`, no more digits than the currency has.
pub fn check_payment_sum(settings: &Settings, sum: Money) -> Result<(), Refusal> {
    let digits = settings.currency_digits;
    if !sum.is_positive() {
        return Err(Refusal::new("bad-sum", "the sum must be more than 0"));
    }
    if sum > settings.billing.payment_max {
        let max = settings.billing.payment_max.to_decimal(digits);
        return Err(Refusal::new("bad-sum", format!("the sum must be at most {max}")));
    }
    if sum.rounded(digits) != sum {
        return Err(Refusal::new(
            "bad-sum",
            format!("the sum has more than {digits} digits after the point"),
        ));
    }
    Ok(())
}

pub(super) fn check_key(key: &PaymentKey) -> Result<(), Refusal> {
    if key.id.is_empty() {
        return Err(Refusal::new(
            "no-payment-id",
            "pay_id_str is empty; expected the operator's id of the payment",
        ));
    }
    if key.id.len() > KEY_OCTETS_MAX || key.operator.len() > KEY_OCTETS_MAX {
        let text = format!("operator code and payment id may have at most {KEY_OCTETS_MAX} octets each");
        return Err(Refusal::new("bad-payment-id", text));
    }
    Ok(())
}

pub(super) fn check_text(text: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::new("no-text", "a text is needed that says what this is for"));
    }
    if text.len() > TEXT_OCTETS_MAX {
        return Err(Refusal::new(
            "text-too-long",
            format!("the text may have at most {TEXT_OCTETS_MAX} octets"),
        ));
    }
    Ok(())
}
