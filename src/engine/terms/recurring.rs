//! What recurs, a plan's fee or a service's, and its parts of a month.

use super::super::closing::posting_day;
use super::super::fees::prorate::{of_day, share};
use super::super::ledger::{Books, Entry};
use super::super::{State, fees};
use crate::model::*;

#[derive(Clone, Copy)]
pub(super) struct Recurring {
    fee: Price,
    pub period: Period,
    charge: Charge,
}

impl Recurring {
    pub fn of_plan(plan: &Plan) -> Recurring {
        Recurring { fee: plan.fee, period: plan.period, charge: plan.charge }
    }

    pub fn of_service(service: &Service) -> Recurring {
        Recurring { fee: service.fee, period: service.period, charge: service.charge }
    }

    /// Charged for the rest of the month at once.
    pub fn by_period(self) -> bool {
        self.charge.is_by_period(self.period)
    }

    /// What is paid when `day` is: the day, or all that is left of the month.
    pub fn paid_through(self, day: Day) -> Day {
        if self.by_period() { day.month().last_day() } else { day }
    }

    /// What the days from `first` to `last` of one month cost; one day, unless it is charged by the period.
    pub fn cost(self, first: Day, last: Day, discount: u32, digits: usize) -> Money {
        if last < first {
            return Money::ZERO;
        }
        match self.period {
            Period::None => Money::ZERO,
            Period::Day => share(self.fee, discount, 1, 1, digits),
            Period::Month if self.by_period() => {
                share(self.fee, discount, last.since(first) + 1, first.month().days(), digits)
            }
            Period::Month => of_day(self.fee, discount, first, digits),
        }
    }
}

/// Where a subscriber's fees stand; who has no row is covered as far as fees were charged.
pub(super) fn fee_state(books: &Books<'_>, subscriber: &Subscriber, today: Day) -> FeeState {
    let through = books.state().billing.books.fees_through.map_or(today, |through| through.min(today));
    books.fee_state(subscriber.id).unwrap_or_else(|| fees::covered(books.state(), subscriber, through))
}

/// Today's fees have been charged, or are not owed.
pub(super) fn is_charged(state: &State, today: Day) -> bool {
    state.billing.books.fees_through.is_none_or(|through| through >= today)
}

/// A posting of fees; an amount below zero is given back.
pub(super) struct Posting<'a> {
    pub service: bool,
    pub amount: Money,
    pub reference: &'a str,
    pub text: &'a str,
    pub by: &'a str,
    /// The day it is for.
    pub day: Day,
}

impl Posting<'_> {
    pub fn post(
        &self,
        books: &mut Books<'_>,
        account: &Account,
        now: Timestamp,
    ) -> Result<Option<Transfer>, Refusal> {
        if self.amount == Money::ZERO {
            return Ok(None);
        }
        let (kind, name) = match self.service {
            false => (TransferKind::Fee, fees::revenue::FEE),
            true => (TransferKind::Service, fees::revenue::SERVICE),
        };
        let contract = books.contract_account(account);
        let revenue = books.own_account(LedgerKind::Revenue, name);
        let (debit, credit, amount) = match self.amount.checked_neg() {
            Some(back) if self.amount.is_negative() => (revenue, contract, back),
            _ => (contract, revenue, self.amount),
        };
        let day = posting_day(books.state(), self.day, now);
        let (reference, text, by) = (self.reference, self.text, self.by);
        let entry = Entry { kind, reference, text, by, time: now, day };
        books.transfer(debit, credit, contract, amount, entry).map(Some)
    }
}

/// Refuses what `avail` does not cover.
pub(super) fn check_covered(
    books: &Books<'_>,
    account: &Account,
    cost: Money,
    now: Timestamp,
) -> Result<(), Refusal> {
    let available = books.available(account, now);
    if !cost.is_positive() || available >= cost {
        return Ok(());
    }
    let [cost, available] = [cost, available].map(|m| m.to_decimal(books.state().settings.currency_digits));
    let text = format!("{}: it costs {cost}, and {available} is there", account.contract);
    Err(Refusal::new("not-covered", text))
}

pub(super) fn found(
    state: &State,
    id: SubscriberId,
) -> Result<(std::sync::Arc<Subscriber>, std::sync::Arc<Account>), Refusal> {
    let subscriber = state.subscribers.get(&id);
    let found = subscriber.and_then(|s| Some((s.clone(), state.accounts.get(&s.account)?.clone())));
    let (subscriber, account) =
        found.ok_or_else(|| Refusal::new("subscriber-not-found", format!("there is no subscriber {id}")))?;
    if account.closed {
        let text = format!("{}: account {} is closed", subscriber.login, account.contract);
        return Err(Refusal::new("account-closed", text));
    }
    Ok((subscriber, account))
}
