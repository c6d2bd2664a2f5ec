//! Payments by filter, postings of a period, totals of days.

use super::super::{AccountPostings, OperatorTotals, PaymentFilter, RevenueTotals, Span, StoreError, Totals};
use super::{read, tables};
use crate::model::*;
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// Written so that each side is found by its own index.
const OF_ACCOUNT: &str = "(debit = ?1 AND debit > 0 OR credit = ?1 AND credit > 0)";

pub(super) fn payments(
    connection: &Connection,
    filter: &PaymentFilter,
    limit: i64,
) -> Result<Vec<Payment>, StoreError> {
    // What comes after the last one shown and what is before `until` are both ends of one order.
    let until = filter.until.map_or((i64::MAX, i64::MAX), |until| (until.micros(), i64::MIN));
    let after = filter.after.map_or((i64::MAX, i64::MAX), |(time, transfer)| (time.micros(), transfer.0));
    let end = until.min(after);
    let booked = match filter.account {
        Some(_) => {
            "transfer IN (SELECT id FROM transfer WHERE credit = ?3 AND credit > 0 AND kind = 'payment') AND"
        }
        None => "?3 IS NULL AND",
    };
    let sql = format!(
        "{} WHERE {booked} time >= ?1 AND (time, transfer) < (?2, ?4) \
         AND (?5 IS NULL OR operator = ?5) AND (?6 IS NULL OR sum >= ?6) AND (?7 IS NULL OR sum <= ?7) \
         AND (?8 IS NULL OR reversed = ?8) ORDER BY time DESC, transfer DESC LIMIT ?9",
        tables::PAYMENT.select()
    );
    let values = params![
        filter.since.map_or(i64::MIN, Timestamp::micros),
        end.0,
        filter.account.map(|account| account.0),
        end.1,
        filter.operator,
        filter.sum_from.map(Money::micros),
        filter.sum_to.map(Money::micros),
        filter.reversed,
        limit,
    ];
    read::rows(connection, &sql, values, read::payment)
}

pub(super) fn payments_of(
    connection: &Connection,
    operator: &str,
    ids: &[String],
) -> Result<Vec<Payment>, StoreError> {
    let sql = format!("{} WHERE operator = ?1 AND id = ?2", tables::PAYMENT.select());
    let mut found = Vec::new();
    for id in ids {
        found.extend(read::rows(connection, &sql, params![operator, id], read::payment)?);
    }
    Ok(found)
}

pub(super) fn postings(
    connection: &Connection,
    account: AccountId,
    from: Timestamp,
    to: Timestamp,
    limit: usize,
) -> Result<AccountPostings, StoreError> {
    let transaction = connection.unchecked_transaction()?;
    let opening = sum_before(&transaction, account, from)?;
    let sql = format!(
        "{} WHERE {OF_ACCOUNT} AND time >= ?2 AND time < ?3 ORDER BY id LIMIT ?4",
        tables::TRANSFER.select()
    );
    let wanted = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let values = params![account.0, from.micros(), to.micros(), wanted];
    let mut postings = read::rows(&transaction, &sql, values, read::transfer)?;
    let more = postings.len() > limit;
    postings.truncate(limit);
    Ok(AccountPostings { opening, postings, more })
}

/// Added up here and not in SQL, whose sums are of 64 bits.
fn sum_before(connection: &Connection, account: AccountId, before: Timestamp) -> Result<Money, StoreError> {
    let sql = format!("SELECT credit = ?1, amount FROM transfer WHERE {OF_ACCOUNT} AND time < ?2");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![account.0, before.micros()])?;
    let mut sum = 0i128;
    while let Some(row) = rows.next()? {
        let (credited, amount): (bool, i64) = (row.get(0)?, row.get(1)?);
        sum += if credited { i128::from(amount) } else { -i128::from(amount) };
    }
    i64::try_from(sum)
        .map(Money::from_micros)
        .map_err(|_| StoreError::Unusable(format!("the postings of account {account} are beyond the ledger")))
}

pub(super) fn totals(connection: &Connection, spans: &[Span]) -> Result<Vec<Totals>, StoreError> {
    let transaction = connection.unchecked_transaction()?;
    spans.iter().map(|span| totals_of(&transaction, span)).collect()
}

fn totals_of(connection: &Connection, span: &Span) -> Result<Totals, StoreError> {
    let mut operators = BTreeMap::<String, OperatorTotals>::new();
    let taken =
        "SELECT operator, count(*), sum(sum) FROM payment WHERE time >= ?1 AND time < ?2 GROUP BY operator";
    for (operator, payments, sum) in grouped(connection, taken, span)? {
        let totals = of_operator(&mut operators, operator);
        (totals.payments, totals.sum) = (payments, sum);
    }
    // `kind <> 'payment'` says what `kind = 'reversal'` implies, because the index asks for it by these words.
    let reversed = "SELECT p.operator, count(*), sum(t.amount) FROM transfer t \
         CROSS JOIN payment p ON p.transfer = t.reverses \
         WHERE t.kind <> 'payment' AND t.kind = 'reversal' AND t.time >= ?1 AND t.time < ?2 GROUP BY p.operator";
    for (operator, count, sum) in grouped(connection, reversed, span)? {
        let totals = of_operator(&mut operators, operator);
        (totals.reversed, totals.reversed_sum) = (count, sum);
    }
    Ok(Totals { operators: operators.into_values().collect(), revenue: revenue(connection, span)? })
}

fn of_operator(operators: &mut BTreeMap<String, OperatorTotals>, operator: String) -> &mut OperatorTotals {
    operators.entry(operator.clone()).or_insert(OperatorTotals {
        operator,
        payments: 0,
        sum: Money::ZERO,
        reversed: 0,
        reversed_sum: Money::ZERO,
    })
}

fn grouped(connection: &Connection, sql: &str, span: &Span) -> Result<Vec<(String, i64, Money)>, StoreError> {
    let values = params![span.from.micros(), span.to.micros()];
    read::rows(connection, sql, values, |c| Ok((c.value()?, c.value()?, c.money()?)))
}

fn revenue(connection: &Connection, span: &Span) -> Result<Vec<RevenueTotals>, StoreError> {
    let of = |condition: &str| {
        format!(
            "SELECT a.name AS name, CASE WHEN t.credit = a.id THEN t.amount ELSE -t.amount END AS amount \
             FROM transfer t CROSS JOIN ledger_account a ON a.id IN (t.debit, t.credit) \
             WHERE {condition} AND a.kind = 'revenue' AND a.asset = 'money'"
        )
    };
    let by_time = of("t.kind <> 'payment' AND t.day IS NULL AND t.time >= ?1 AND t.time < ?2");
    let by_day = of("t.day IS NOT NULL AND t.day >= ?3 AND t.day <= ?4");
    let sql = format!(
        "SELECT name, count(*), sum(amount) FROM ({by_time} UNION ALL {by_day}) GROUP BY name ORDER BY name"
    );
    let values = params![span.from.micros(), span.to.micros(), span.first.number(), span.last.number()];
    read::rows(connection, &sql, values, |c| {
        Ok(RevenueTotals { kind: c.value()?, postings: c.value()?, sum: c.money()? })
    })
}
