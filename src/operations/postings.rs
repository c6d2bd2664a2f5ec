//! `ledger WHO`: what was posted to an account, and whether the books hold.

use super::Operations;
use super::lists::{next_of, operation_after};
use super::money::{LINES_MAX, store_trouble};
use crate::engine::moment;
use crate::model::*;
use crate::storage::TransferFilter;
use crate::writer::Rejected;
use schemars::JsonSchema;
use serde::Serialize;

/// Which postings.
#[derive(Clone, Debug, Default)]
pub struct LedgerQuery {
    pub who: String,
    /// `2026-04-06` (from 00:00 of it) or a moment; empty: from the first.
    pub since: String,
    /// A moment that is not included any more, or a day that is; empty: to the last.
    pub until: String,
    /// The newest so many.
    pub limit: usize,
    /// `next` of the page before; empty: from the newest.
    pub cursor: String,
}

/// `ledger WHO`: postings with the balance after each, newest first.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct LedgerPage {
    pub contract: String,
    pub name: String,
    pub balance: String,
    /// Balance with credit and promise.
    pub available: String,
    pub postings: Vec<LedgerLine>,
    /// What asks for the following ones; absent: there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct LedgerLine {
    pub id: i64,
    pub time: String,
    pub kind: String,
    /// Signed: minus is money taken from the account.
    pub amount: String,
    pub balance: String,
    pub reference: String,
    pub text: String,
    pub by: String,
    /// The operation that this one takes back.
    pub reverses: Option<i64>,
}

/// `books`: whether the ledger's invariants hold.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct BooksCheck {
    pub sound: bool,
    /// One sentence for each that does not hold.
    pub findings: Vec<String>,
}

impl Operations {
    /// Postings of the account that `who` means, newest first. Blocks on the store.
    pub fn ledger(&self, query: &LedgerQuery) -> Result<LedgerPage, Rejected> {
        let found = self.who(&query.who)?;
        let account = found.account.id;
        let limit = query.limit.min(LINES_MAX);
        let filter = TransferFilter {
            account,
            since: moment(&query.since, &self.settings.time_zone)?,
            until: self.end_of(&query.until)?,
            before: operation_after(&query.cursor)?,
            limit,
        };
        let transfers = self.reader.transfers_between(&filter).map_err(store_trouble)?;
        let balances = self.balances(account, &transfers)?;
        let available = match found.mates.first() {
            Some(mate) => mate.view.available,
            None => crate::engine::available(&found.account, found.balance, self.clock.now()),
        };
        let next = next_of(&transfers, limit, |transfer| transfer.id.0.to_string());
        let lines = transfers.into_iter().zip(balances);
        Ok(LedgerPage {
            contract: found.account.contract.clone(),
            name: found.account.name.clone(),
            balance: self.money(found.balance),
            available: self.money(available),
            postings: lines.map(|(transfer, balance)| self.ledger_line(account, transfer, balance)).collect(),
            next,
        })
    }

    /// A day as an end is the day with all its hours.
    pub(super) fn end_of(&self, text: &str) -> Result<Option<Timestamp>, Refusal> {
        let zone = &self.settings.time_zone;
        match text.trim().parse::<Day>() {
            Ok(day) => Ok(Some(crate::engine::midnight(day.next(), zone))),
            Err(_) => moment(text, zone),
        }
    }

    /// The account's balance after each of its postings, given newest first. A transfer between two contracts holds the
    /// balance of the debit's side only; the other's follows from the posting before it.
    fn balances(&self, account: AccountId, newest_first: &[Transfer]) -> Result<Vec<Money>, Rejected> {
        let mut balances = Vec::with_capacity(newest_first.len());
        let mut before: Option<Money> = None;
        for transfer in newest_first.iter().rev() {
            let shows_other = transfer.credit == account && transfer.debit.0 > 0;
            let balance = if shows_other {
                let before = match before {
                    Some(before) => before,
                    None => self.reader.balance_before(account, transfer.id).map_err(store_trouble)?,
                };
                before.saturating_add(transfer.amount)
            } else {
                transfer.balance_after
            };
            before = Some(balance);
            balances.push(balance);
        }
        balances.reverse();
        Ok(balances)
    }

    fn ledger_line(&self, account: AccountId, transfer: Transfer, balance: Money) -> LedgerLine {
        let taken = transfer.debit == account;
        let amount = self.money(transfer.amount);
        LedgerLine {
            id: transfer.id.0,
            time: self.time(transfer.time),
            kind: transfer.kind.as_str().to_owned(),
            amount: if taken { format!("-{amount}") } else { amount },
            balance: self.money(balance),
            reference: transfer.reference,
            text: transfer.text,
            by: transfer.by,
            reverses: transfer.reverses.map(|id| id.0),
        }
    }

    /// Reads all books and says what does not hold. Blocks on the store.
    pub fn books(&self) -> Result<BooksCheck, Rejected> {
        let findings = self.reader.check_books().map_err(store_trouble)?;
        Ok(BooksCheck { sound: findings.is_empty(), findings })
    }
}
