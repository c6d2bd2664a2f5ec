//! The statement of an account: what it had, what was posted, what it has.

use super::Operations;
use super::money::store_trouble;
use crate::model::*;
use crate::writer::Rejected;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// Postings of one statement; a longer period is to be cut.
const POSTINGS_MAX: usize = 50_000;

/// `opening` and the amounts of the postings add up to `closing`.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Statement {
    pub contract: String,
    pub name: String,
    pub from: Day,
    /// In it.
    pub to: Day,
    /// Balance at the beginning of `from`.
    pub opening: String,
    /// Oldest first.
    pub postings: Vec<StatementLine>,
    /// In the order of their words.
    pub sums: Vec<SumOfKind>,
    /// Balance at the end of `to`.
    pub closing: String,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct StatementLine {
    pub id: i64,
    pub time: String,
    pub kind: String,
    pub reference: String,
    pub text: String,
    pub by: String,
    /// The day it is for, where that is not the day of `time`.
    pub day: Option<Day>,
    /// Signed: minus is money taken from the account.
    pub amount: String,
    pub balance: String,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct SumOfKind {
    pub kind: String,
    pub postings: usize,
    pub sum: String,
}

impl Operations {
    /// What was posted to the account that `who` means from the day `from` to the end of the day `to`. Blocks on the
    /// store.
    pub fn statement(&self, who: &str, from: Day, to: Day) -> Result<Statement, Rejected> {
        if to < from {
            return Err(bad_period(from, to).into());
        }
        let account = self.who(who)?.account;
        let span = self.span(from, to);
        let found = self.reader.postings(account.id, span.from, span.to, POSTINGS_MAX);
        let found = found.map_err(store_trouble)?;
        if found.more {
            let text = format!("more than {POSTINGS_MAX} postings; ask for a shorter period");
            return Err(Refusal::new("period-too-long", text).into());
        }
        let mut balance = found.opening;
        let mut sums = BTreeMap::<&'static str, (usize, Money)>::new();
        let mut lines = Vec::with_capacity(found.postings.len());
        for transfer in found.postings {
            let amount = signed(&transfer, account.id);
            balance = balance.saturating_add(amount);
            let (postings, sum) = sums.entry(transfer.kind.as_str()).or_default();
            (*postings, *sum) = (*postings + 1, sum.saturating_add(amount));
            lines.push(self.statement_line(transfer, amount, balance));
        }
        let sum_of = |(kind, (postings, sum)): (&str, (usize, Money))| SumOfKind {
            kind: kind.to_owned(),
            postings,
            sum: self.money(sum),
        };
        Ok(Statement {
            contract: account.contract.clone(),
            name: account.name.clone(),
            from,
            to,
            opening: self.money(found.opening),
            postings: lines,
            sums: sums.into_iter().map(sum_of).collect(),
            closing: self.money(balance),
        })
    }

    fn statement_line(&self, transfer: Transfer, amount: Money, balance: Money) -> StatementLine {
        StatementLine {
            id: transfer.id.0,
            time: self.time(transfer.time),
            kind: transfer.kind.as_str().to_owned(),
            reference: transfer.reference,
            text: transfer.text,
            by: transfer.by,
            day: transfer.day,
            amount: self.money(amount),
            balance: self.money(balance),
        }
    }
}

/// What a transfer is to one of its two sides.
fn signed(transfer: &Transfer, account: AccountId) -> Money {
    if transfer.credit == account { transfer.amount } else { Money::ZERO.saturating_sub(transfer.amount) }
}

pub(super) fn bad_period(from: Day, to: Day) -> Refusal {
    Refusal::new("bad-period", format!("the period ends on {to}, before it begins on {from}"))
}
