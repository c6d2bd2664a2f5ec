//! The reading side: a few read-only connections, shared by the doors' threads.

use super::super::words::Word;
use super::super::{
    AccountPostings, AddressSession, OutboxCount, OutboxFilter, OutboxRow, PaymentFilter, Reader, Span,
    StoreError, Totals, TransferFilter,
};
use super::{addresses, books, closing, connection, outbox, read, reports, schema, tables};
use crate::model::*;
use parking_lot::{Condvar, Mutex};
use rusqlite::{Connection, params};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Questions answered at the same time; further ones wait.
const CONNECTIONS_MAX: usize = 4;
/// Rows one question may bring, whatever it asks for.
const ROWS_MAX: usize = 100_000;
/// Months that acts of one account are looked for in: fifty years.
const MONTHS_MAX: usize = 600;

/// Answers questions from the file without ever making the writer wait.
pub struct SqliteReader {
    path: PathBuf,
    pool: Mutex<Connections>,
    returned: Condvar,
}

#[derive(Default)]
struct Connections {
    idle: Vec<Connection>,
    /// Idle and lent.
    open: usize,
}

impl SqliteReader {
    /// # Errors
    /// [`StoreError::Unusable`] when there is no database there or it has not this program's schema: the writer
    /// makes and upgrades it.
    pub fn open(path: impl AsRef<Path>) -> Result<SqliteReader, StoreError> {
        let path = path.as_ref().to_owned();
        let first = connection::open_reader(&path)?;
        let version = schema::check(&first, &path)?;
        if version != schema::newest() {
            return Err(StoreError::Unusable(format!(
                "{} has schema {version}, {} is needed",
                path.display(),
                schema::newest()
            )));
        }
        Ok(SqliteReader {
            path,
            pool: Mutex::new(Connections { idle: vec![first], open: 1 }),
            returned: Condvar::new(),
        })
    }

    /// Lends a connection for one question. One that failed is closed.
    fn ask<T>(&self, question: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut loan = Loan { reader: self, connection: None };
        let idle = self.idle_or_turn();
        let connection = match idle {
            Some(connection) => connection,
            None => connection::open_reader(&self.path)?,
        };
        let answer = question(&connection);
        if answer.is_ok() {
            loan.connection = Some(connection);
        }
        answer
    }

    /// An idle connection, or None for the right to open one.
    fn idle_or_turn(&self) -> Option<Connection> {
        let mut pool = self.pool.lock();
        loop {
            if let Some(connection) = pool.idle.pop() {
                return Some(connection);
            }
            if pool.open < CONNECTIONS_MAX {
                pool.open += 1;
                return None;
            }
            self.returned.wait(&mut pool);
        }
    }
}

/// Gives the place in the pool back, with its connection where that is still good.
struct Loan<'a> {
    reader: &'a SqliteReader,
    connection: Option<Connection>,
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        let mut pool = self.reader.pool.lock();
        match self.connection.take() {
            Some(connection) => pool.idle.push(connection),
            None => pool.open -= 1,
        }
        drop(pool);
        self.reader.returned.notify_one();
    }
}

impl Reader for SqliteReader {
    fn transfers(&self, account: AccountId, limit: usize) -> Result<Vec<Transfer>, StoreError> {
        self.transfers_between(&TransferFilter { account, since: None, until: None, before: None, limit })
    }

    fn transfers_between(&self, filter: &TransferFilter) -> Result<Vec<Transfer>, StoreError> {
        let since = filter.since.map_or(i64::MIN, Timestamp::micros);
        let last = filter.until.map_or(i64::MAX, |until| until.micros().saturating_sub(1));
        // Each side is taken from its own index, newest first, and only then merged.
        let select = tables::TRANSFER.select();
        let side = |side: &str| {
            format!(
                "SELECT * FROM ({select} WHERE {side} = ?1 AND {side} > 0 AND time >= ?3 AND time <= ?4 \
                 AND id <= ?5 ORDER BY id DESC LIMIT ?2)"
            )
        };
        let (debits, credits) = (side("debit"), side("credit"));
        let sql = format!("{debits} UNION ALL {credits} ORDER BY id DESC LIMIT ?2");
        let last_id = filter.before.map_or(i64::MAX, |id| id.0.saturating_sub(1));
        let values = params![filter.account.0, rows_max(filter.limit), since, last, last_id];
        self.ask(|c| read::rows(c, &sql, values, read::transfer))
    }

    fn balance_before(&self, account: AccountId, transfer: TransferId) -> Result<Money, StoreError> {
        let sql = "SELECT (SELECT coalesce(sum(amount), 0) FROM transfer WHERE credit = ?1 AND credit > 0 AND id < ?2) \
             - (SELECT coalesce(sum(amount), 0) FROM transfer WHERE debit = ?1 AND debit > 0 AND id < ?2)";
        let values = params![account.0, transfer.0];
        self.ask(|c| Ok(Money::from_micros(c.query_row(sql, values, |row| row.get(0))?)))
    }

    fn pools(&self) -> Result<Vec<Pool>, StoreError> {
        self.ask(|c| read::rows(c, &tables::POOL.select(), [], read::pool))
    }

    fn plans(&self) -> Result<Vec<Plan>, StoreError> {
        self.ask(|c| read::rows(c, &tables::PLAN.select(), [], read::plan))
    }

    fn payments(&self, filter: &PaymentFilter) -> Result<Vec<Payment>, StoreError> {
        self.ask(|c| reports::payments(c, filter, rows_max(filter.limit)))
    }

    fn payment(&self, transfer: TransferId) -> Result<Option<Payment>, StoreError> {
        let sql = format!("{} WHERE transfer = ?1", tables::PAYMENT.select());
        let found = self.ask(|c| read::rows(c, &sql, [transfer.0], read::payment))?;
        Ok(found.into_iter().next())
    }

    fn payments_of(&self, operator: &str, ids: &[String]) -> Result<Vec<Payment>, StoreError> {
        self.ask(|c| reports::payments_of(c, operator, ids))
    }

    fn postings(
        &self,
        account: AccountId,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<AccountPostings, StoreError> {
        self.ask(|c| reports::postings(c, account, from, to, limit.min(ROWS_MAX)))
    }

    fn totals(&self, spans: &[Span]) -> Result<Vec<Totals>, StoreError> {
        self.ask(|c| reports::totals(c, spans))
    }

    fn books(&self) -> Result<BooksState, StoreError> {
        self.ask(closing::books)
    }

    fn first_postings(&self, span: &Span) -> Result<(Option<Timestamp>, Option<Day>), StoreError> {
        self.ask(|c| closing::first_postings(c, span))
    }

    fn act_drafts(&self, month: Month) -> Result<Option<Vec<ActDraft>>, StoreError> {
        self.ask(|c| closing::act_drafts(c, month))
    }

    fn acts(&self, month: Month, after: i64, limit: usize) -> Result<Vec<Act>, StoreError> {
        let sql =
            format!("{} WHERE month = ?1 AND number > ?2 ORDER BY number LIMIT ?3", tables::ACT.select());
        self.ask(|c| read::rows(c, &sql, params![month.number(), after, rows_max(limit)], read::act))
    }

    fn act(&self, number: i64) -> Result<Option<Act>, StoreError> {
        let sql = format!("{} WHERE number = ?1", tables::ACT.select());
        Ok(self.ask(|c| read::rows(c, &sql, [number], read::act))?.into_iter().next())
    }

    fn acts_of(&self, account: AccountId, from: Month, to: Month) -> Result<Vec<Act>, StoreError> {
        // The key begins with the month: one look for each.
        let sql = format!("{} WHERE month = ?1 AND account = ?2", tables::ACT.select());
        let months = (from.number()..=to.number()).take(MONTHS_MAX);
        self.ask(|c| {
            let mut found = Vec::new();
            for month in months {
                found.extend(read::rows(c, &sql, params![month, account.0], read::act)?);
            }
            Ok(found)
        })
    }

    fn order(&self, key: &PaymentKey) -> Result<Option<PaymentOrder>, StoreError> {
        let sql = format!("{} WHERE operator = ?1 AND id = ?2", tables::PAYMENT_ORDER.select());
        let found = self.ask(|c| read::rows(c, &sql, params![key.operator, key.id], read::payment_order))?;
        Ok(found.into_iter().next())
    }

    fn sync_marks(&self, kind: SyncKind, ids: &[i64]) -> Result<Vec<SyncMark>, StoreError> {
        let sql = format!(
            "{} WHERE kind = ?1 AND id IN (SELECT value FROM json_each(?2)) ORDER BY id",
            tables::SYNC_MARK.select()
        );
        let ids = serde_json::to_string(ids).map_err(|error| StoreError::Unusable(error.to_string()))?;
        self.ask(|c| read::rows(c, &sql, params![kind.word(), ids], read::sync_mark))
    }

    fn sync_mark_of_code(&self, kind: SyncKind, code1c: &str) -> Result<Option<SyncMark>, StoreError> {
        let sql = format!(
            "{} WHERE kind = ?1 AND code1c = ?2 AND code1c <> '' ORDER BY id LIMIT 1",
            tables::SYNC_MARK.select()
        );
        let found = self.ask(|c| read::rows(c, &sql, params![kind.word(), code1c], read::sync_mark))?;
        Ok(found.into_iter().next())
    }

    fn services(&self) -> Result<Vec<Service>, StoreError> {
        self.ask(|c| read::rows(c, "SELECT body FROM service ORDER BY name", [], read::body))
    }

    fn sessions(&self, subscriber: SubscriberId, limit: usize) -> Result<Vec<Session>, StoreError> {
        let sql =
            format!("{} WHERE subscriber = ?1 ORDER BY started DESC LIMIT ?2", tables::SESSION.select());
        self.ask(|c| read::rows(c, &sql, params![subscriber.0, rows_max(limit)], read::session))
    }

    fn sessions_with(&self, address: IpAddr, at: Timestamp) -> Result<Vec<AddressSession>, StoreError> {
        self.ask(|c| addresses::sessions_with(c, address, at))
    }

    fn sessions_at(&self, subscriber: SubscriberId, at: Timestamp) -> Result<Vec<Session>, StoreError> {
        self.ask(|c| addresses::sessions_at(c, subscriber, at))
    }

    fn assignments_with(
        &self,
        address: IpAddr,
        at: Timestamp,
        limit: usize,
    ) -> Result<Vec<Assignment>, StoreError> {
        self.ask(|c| addresses::assignments_with(c, address, at, rows_max(limit)))
    }

    fn assignments_at(&self, subscriber: SubscriberId, at: Timestamp) -> Result<Vec<Assignment>, StoreError> {
        self.ask(|c| addresses::assignments_at(c, subscriber, at))
    }

    fn assignments_since(&self) -> Result<Option<Timestamp>, StoreError> {
        self.ask(addresses::assignments_since)
    }

    fn outbox_pending(&self, target: &str, limit: usize) -> Result<Vec<OutboxRow>, StoreError> {
        self.ask(|c| outbox::pending(c, target, rows_max(limit)))
    }

    fn outbox_items(&self, filter: &OutboxFilter) -> Result<Vec<OutboxRow>, StoreError> {
        self.ask(|c| outbox::items(c, filter, rows_max(filter.limit)))
    }

    fn outbox_counts(&self) -> Result<Vec<OutboxCount>, StoreError> {
        self.ask(outbox::counts)
    }

    fn outbox_old(
        &self,
        before: Timestamp,
        failed_before: Timestamp,
        limit: usize,
    ) -> Result<Vec<(OutboxKey, DeliveryState)>, StoreError> {
        self.ask(|c| outbox::old(c, before, failed_before, limit.min(ROWS_MAX)))
    }

    fn check_books(&self) -> Result<Vec<String>, StoreError> {
        self.ask(books::check)
    }
}

fn rows_max(limit: usize) -> i64 {
    i64::try_from(limit.min(ROWS_MAX)).unwrap_or(i64::MAX)
}
