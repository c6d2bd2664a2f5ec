//! Invariants between rows of the books: reversals and what they take back, payments that were taken back, pending
//! transfers and what became of them.

use super::super::StoreError;
use super::books::{Findings, sentences};
use crate::model::{AccountId, Pending, PendingState};
use rusqlite::{Connection, OptionalExtension};

pub(super) fn check(connection: &Connection, findings: &mut Vec<String>) -> Result<(), StoreError> {
    check_reversals(connection, findings)?;
    check_pending(connection, findings)
}

fn check_reversals(connection: &Connection, findings: &mut Vec<String>) -> Result<(), StoreError> {
    let unlike = "SELECT r.id, r.reverses FROM transfer r LEFT JOIN transfer o ON o.id = r.reverses \
         WHERE r.reverses IS NOT NULL AND (o.id IS NULL OR o.id >= r.id OR o.amount <> r.amount \
         OR o.debit <> r.credit OR o.credit <> r.debit OR r.kind <> 'reversal' \
         OR o.kind IN ('reversal', 'grant')) ORDER BY r.id";
    sentences(connection, unlike, [], findings, |row| {
        let (id, original): (i64, i64) = (row.get(0)?, row.get(1)?);
        Ok(format!("transfer {id} takes back transfer {original}, which is not the like of it"))
    })?;
    let twice = "SELECT reverses, count(*) FROM transfer WHERE reverses IS NOT NULL \
         GROUP BY reverses HAVING count(*) > 1 ORDER BY reverses";
    sentences(connection, twice, [], findings, |row| {
        let (id, times): (i64, i64) = (row.get(0)?, row.get(1)?);
        Ok(format!("transfer {id} was taken back {times} times"))
    })?;
    let of_nothing = "SELECT id FROM transfer WHERE kind = 'reversal' AND reverses IS NULL ORDER BY id";
    sentences(connection, of_nothing, [], findings, |row| {
        Ok(format!("transfer {} is a reversal of nothing", row.get::<_, i64>(0)?))
    })?;
    let unmarked = "SELECT p.operator, p.id, p.reversed FROM payment p \
         LEFT JOIN transfer r ON r.reverses = p.transfer WHERE p.reversed <> (r.id IS NOT NULL) \
         ORDER BY p.operator, p.id";
    sentences(connection, unmarked, [], findings, |row| {
        let (operator, id, reversed): (String, String, bool) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let what = if reversed { "shown as taken back and was not" } else { "taken back and not shown so" };
        Ok(format!("payment {id:?} of {operator:?} is {what}"))
    })
}

/// Row by row: every reservation that ever was is in the table.
fn check_pending(connection: &Connection, findings: &mut Vec<String>) -> Result<(), StoreError> {
    let mut found = Findings::default();
    let mut statement = connection.prepare_cached("SELECT id, open, body FROM pending ORDER BY id")?;
    let mut asset = connection.prepare_cached("SELECT asset FROM ledger_account WHERE id = ?1")?;
    let mut posted = connection.prepare_cached("SELECT debit FROM transfer WHERE id = ?1")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (id, open, body): (i64, bool, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let pending = match serde_json::from_str::<Pending>(&body) {
            Ok(pending) if pending.id == id && open == (pending.state == PendingState::Open) => pending,
            _ => {
                found.add(format!("pending transfer {id} is not filed as what it is"));
                continue;
            }
        };
        let mut asset_of =
            |account: AccountId| asset.query_row([account.0], |row| row.get::<_, String>(0)).optional();
        let (debit, credit) = (asset_of(pending.debit)?, asset_of(pending.credit)?);
        if debit.is_none() || debit != credit || pending.debit == pending.credit {
            found.add(format!("pending transfer {id} is not between two accounts of one asset"));
        }
        if !pending.amount.is_positive() {
            found.add(format!("pending transfer {id} holds {}", pending.amount));
        }
        if let PendingState::Posted(transfer) = pending.state {
            // What was used may be more than was held; it is the same account that pays.
            let payer: Option<i64> = posted.query_row([transfer.0], |row| row.get(0)).optional()?;
            if payer != Some(pending.debit.0) {
                found.add(format!("pending transfer {id} was posted as nothing of its account"));
            }
        }
    }
    found.append_to(findings);
    Ok(())
}
