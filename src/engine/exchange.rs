//! Announced payments, and marks of accounting programs. No money moves here.

use super::payment::{check_key, check_sum};
use super::{Decision, State};
use crate::model::*;

/// Longest code of an accounting program, octets.
const CODE_OCTETS_MAX: usize = 128;

pub(super) fn decide(state: &State, command: &ExchangeCommand, now: Timestamp) -> Result<Decision, Refusal> {
    match command {
        ExchangeCommand::Order { key, account, sum } => order(state, key, *account, *sum, now),
        ExchangeCommand::Sync(mark) => sync(state, mark),
    }
}

/// That an order is announced once is the business of the request's key.
fn order(
    state: &State,
    key: &PaymentKey,
    account: AccountId,
    sum: Money,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    check_sum(state, sum)?;
    let account = account_of(state, account)?;
    let number = state.billing.books.last_order.saturating_add(1);
    let id = if key.id.is_empty() { number.to_string() } else { key.id.clone() };
    let key = PaymentKey { operator: key.operator.clone(), id };
    check_key(&key)?;
    let books = BooksState { last_order: number, ..state.billing.books.clone() };
    let contract = account.contract.clone();
    let order = PaymentOrder { key, number, account: account.id, contract, sum, made: now };
    let changes = vec![Change::Order(order.clone()), Change::Books(books)];
    Ok(Decision { outcome: Outcome::Ordered(order), changes })
}

/// A contract's code stands in the contract too, where it is searched and exported.
fn sync(state: &State, mark: &SyncMark) -> Result<Decision, Refusal> {
    let code = &mark.code1c;
    if code.len() > CODE_OCTETS_MAX || code.chars().any(char::is_control) {
        let text = format!("code1c: at most {CODE_OCTETS_MAX} octets without control characters");
        return Err(Refusal::new("bad-code", text));
    }
    let mut changes = vec![Change::SyncMark(mark.clone())];
    if mark.kind == SyncKind::Account {
        let account = account_of(state, AccountId(mark.id))?;
        if account.code1c != *code {
            changes.push(Change::Account(Account { code1c: code.clone(), ..account.clone() }));
        }
    }
    Ok(Decision { outcome: Outcome::Done { changed: true }, changes })
}

fn account_of(state: &State, id: AccountId) -> Result<&Account, Refusal> {
    let found = state.accounts.get(&id).map(AsRef::as_ref);
    found.ok_or_else(|| Refusal::new("account-not-found", format!("there is no account {id}")))
}
