//! Closed months: what their acts are made of, and whether the acts add up.

use super::super::{Span, StoreError};
use super::read;
use crate::model::*;
use rusqlite::{Connection, Params, Row, params};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, HashMap};

/// What a posting needs for its month and its act.
const COLUMNS: &str = "id, debit, credit, amount, time, day";

pub(super) fn books(connection: &Connection) -> Result<BooksState, StoreError> {
    let stored = read::rows(connection, "SELECT body FROM books", [], read::body)?;
    Ok(stored.into_iter().next().unwrap_or_default())
}

pub(super) fn first_postings(
    connection: &Connection,
    span: &Span,
) -> Result<(Option<Timestamp>, Option<Day>), StoreError> {
    let transaction = connection.unchecked_transaction()?;
    let mut first: Option<i64> = None;
    for sql in [
        "SELECT min(time) FROM payment WHERE time >= ?1 AND time < ?2",
        "SELECT min(time) FROM transfer WHERE kind <> 'payment' AND time >= ?1 AND time < ?2",
    ] {
        let values = params![span.from.micros(), span.to.micros()];
        let found: Option<i64> = transaction.query_row(sql, values, |row| row.get(0))?;
        first = first.into_iter().chain(found).min();
    }
    let by_day = "SELECT min(day) FROM transfer WHERE day IS NOT NULL AND day >= ?1 AND day <= ?2";
    let values = params![span.first.number(), span.last.number()];
    let day: Option<i32> = transaction.query_row(by_day, values, |row| row.get(0))?;
    Ok((first.map(Timestamp::from_micros), day.map(Day::from_number)))
}

pub(super) fn act_drafts(connection: &Connection, month: Month) -> Result<Option<Vec<ActDraft>>, StoreError> {
    let transaction = connection.unchecked_transaction()?;
    let closings = books(&transaction)?.closings;
    let Ok(place) = closings.binary_search_by_key(&month, |closing| closing.month) else { return Ok(None) };
    let Some(closing) = closings.get(place) else { return Ok(None) };
    let revenue = Revenue::read(&transaction)?;
    let before = place.checked_sub(1).and_then(|before| closings.get(before));
    let mut accounts = BTreeMap::<AccountId, BTreeMap<&str, i128>>::new();
    each_candidate(&transaction, closing, before, |posting| {
        if let Some((account, kind, sum)) = revenue.of(&posting)
            && posting.date().closed_month(&closings) == Some(place)
        {
            *accounts.entry(account).or_default().entry(kind).or_default() += sum;
        }
    })?;
    accounts.into_iter().map(|(account, lines)| draft(account, lines)).collect::<Result<_, _>>().map(Some)
}

fn draft(account: AccountId, lines: BTreeMap<&str, i128>) -> Result<ActDraft, StoreError> {
    let line = |(name, sum): (&str, i128)| match i64::try_from(sum) {
        Ok(sum) => Ok(ActLine { name: name.to_owned(), sum: Money::from_micros(sum) }),
        Err(_) => Err(StoreError::Unusable(format!("{name} of account {account} is beyond the ledger"))),
    };
    Ok(ActDraft { account, lines: lines.into_iter().map(line).collect::<Result<_, _>>()? })
}

/// Every posting that could count in the month, each once; some that do not are among them.
fn each_candidate(
    connection: &Connection,
    closing: &ClosedMonth,
    before: Option<&ClosedMonth>,
    mut take: impl FnMut(Posting),
) -> Result<(), StoreError> {
    let (begins, ends, last) = (closing.begins.micros(), closing.ends.micros(), closing.last_transfer.0);
    let by_time = format!(
        "SELECT {COLUMNS} FROM transfer WHERE kind <> 'payment' AND time >= ?1 AND time < ?2 AND id <= ?3"
    );
    each(connection, &by_time, params![begins, ends, last], &mut take)?;
    let by_day = format!(
        "SELECT {COLUMNS} FROM transfer WHERE day IS NOT NULL AND day >= ?1 AND day <= ?2 AND id <= ?3 \
         AND NOT (kind <> 'payment' AND time >= ?4 AND time < ?5)"
    );
    let (first_day, last_day) = (closing.month.first_day().number(), closing.month.last_day().number());
    each(connection, &by_day, params![first_day, last_day, last, begins, ends], &mut take)?;
    let Some(before) = before else { return Ok(()) };
    // The clock was set back into the month before, which was closed already.
    let set_back = format!(
        "SELECT {COLUMNS} FROM transfer WHERE id > ?1 AND id <= ?2 AND time < ?3 AND kind <> 'payment' \
         AND (day IS NULL OR day < ?4 OR day > ?5)"
    );
    each(connection, &set_back, params![before.last_transfer.0, last, begins, first_day, last_day], &mut take)
}

fn each(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    take: &mut impl FnMut(Posting),
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(values)?;
    while let Some(row) = rows.next()? {
        take(Posting::read(row)?);
    }
    Ok(())
}

struct Posting {
    id: i64,
    debit: i64,
    credit: i64,
    amount: i64,
    time: i64,
    day: Option<i32>,
}

impl Posting {
    /// From [`COLUMNS`].
    fn read(row: &Row<'_>) -> rusqlite::Result<Posting> {
        Ok(Posting {
            id: row.get(0)?,
            debit: row.get(1)?,
            credit: row.get(2)?,
            amount: row.get(3)?,
            time: row.get(4)?,
            day: row.get(5)?,
        })
    }

    fn date(&self) -> PostingDate {
        PostingDate {
            transfer: TransferId(self.id),
            time: Timestamp::from_micros(self.time),
            day: self.day.map(Day::from_number),
        }
    }
}

/// Names of the accounts of revenue in money, by their ids.
struct Revenue(FxHashMap<i64, String>);

impl Revenue {
    fn read(connection: &Connection) -> Result<Revenue, StoreError> {
        let sql = "SELECT id, name FROM ledger_account WHERE kind = 'revenue' AND asset = 'money'";
        let accounts = read::rows(connection, sql, [], |c| Ok((c.value()?, c.value()?)))?;
        Ok(Revenue(accounts.into_iter().collect()))
    }

    /// The contract that paid, or got back (less than zero), revenue of a kind; None for every other posting.
    fn of(&self, posting: &Posting) -> Option<(AccountId, &str, i128)> {
        let amount = i128::from(posting.amount);
        if posting.debit > 0 {
            return self.0.get(&posting.credit).map(|kind| (AccountId(posting.debit), kind.as_str(), amount));
        }
        let kind = self.0.get(&posting.debit).filter(|_| posting.credit > 0)?;
        Some((AccountId(posting.credit), kind.as_str(), -amount))
    }
}

/// Acts against the revenue of closed months, account by account; what does not hold is a sentence.
pub(super) struct ActsCheck {
    closings: Vec<ClosedMonth>,
    revenue: Revenue,
    /// By place in `closings` and account.
    sums: FxHashMap<(usize, i64), i128>,
}

impl ActsCheck {
    pub fn new(connection: &Connection) -> Result<ActsCheck, StoreError> {
        Ok(ActsCheck {
            closings: books(connection)?.closings,
            revenue: Revenue::read(connection)?,
            sums: HashMap::default(),
        })
    }

    /// Takes in a transfer: id, debit, credit, amount, time, day.
    pub fn add(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        if self.closings.is_empty() {
            return Ok(());
        }
        let posting = Posting::read(row)?;
        if let Some((account, _, sum)) = self.revenue.of(&posting)
            && let Some(place) = posting.date().closed_month(&self.closings)
        {
            *self.sums.entry((place, account.0)).or_default() += sum;
        }
        Ok(())
    }

    /// Compares with the acts. Those of a month whose making was interrupted are compared as far as it came.
    pub fn finish(
        mut self,
        connection: &Connection,
        mut found: impl FnMut(String),
    ) -> Result<(), StoreError> {
        let places: FxHashMap<i32, usize> =
            self.closings.iter().enumerate().map(|(place, c)| (c.month.number(), place)).collect();
        let mut numbers = 0i64;
        let sql = "SELECT number, month, account, sum, lines FROM act ORDER BY number";
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (number, month, account, sum): (i64, i32, i64, i64) =
                (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            numbers += 1;
            if number != numbers {
                found(format!("act {number} follows number {}", numbers - 1));
                numbers = number;
            }
            if lines_sum(&row.get::<_, String>(4)?) != Some(i128::from(sum)) {
                found(format!("the lines of act {number} do not add up to its sum"));
            }
            let Some(place) = places.get(&month) else {
                found(format!("act {number} is of {}, which is not closed", Month::from_number(month)));
                continue;
            };
            let revenue = self.sums.remove(&(*place, account)).unwrap_or_default();
            if revenue != i128::from(sum) {
                let month = Month::from_number(month);
                let (sum, revenue) = (super::books::decimal(i128::from(sum)), super::books::decimal(revenue));
                found(format!(
                    "act {number} of account {account} for {month} is {sum}, its revenue is {revenue}"
                ));
            }
        }
        let mut missing: Vec<_> = self.sums.into_iter().filter(|(_, sum)| *sum != 0).collect();
        missing.sort_unstable();
        for ((place, account), sum) in missing {
            let Some(closing) = self.closings.get(place) else { continue };
            if closing.acts_complete || closing.acts_after.is_some_and(|after| account <= after.0) {
                let (month, sum) = (closing.month, super::books::decimal(sum));
                found(format!("account {account} has revenue of {sum} in {month} and no act"));
            }
        }
        Ok(())
    }
}

fn lines_sum(lines: &str) -> Option<i128> {
    let lines: Vec<ActLine> = serde_json::from_str(lines).ok()?;
    Some(lines.iter().map(|line| i128::from(line.sum.micros())).sum())
}
