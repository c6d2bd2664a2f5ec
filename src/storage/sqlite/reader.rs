//! The reading side: a few read-only connections, shared by the doors' threads.

use super::super::{PaymentFilter, Reader, StoreError, TransferFilter};
use super::{books, connection, read, schema, tables};
use crate::model::*;
use parking_lot::{Condvar, Mutex};
use rusqlite::{Connection, params};
use std::path::{Path, PathBuf};

/// Questions answered at the same time; further ones wait.
const CONNECTIONS_MAX: usize = 4;
/// Rows one question may bring, whatever it asks for.
const ROWS_MAX: usize = 100_000;

/// Answers questions from the file without ever making the writer wait.
pub struct SqliteReader {
    path: PathBuf,
    pool: Mutex<Pool>,
    returned: Condvar,
}

#[derive(Default)]
struct Pool {
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
            pool: Mutex::new(Pool { idle: vec![first], open: 1 }),
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
        self.transfers_between(&TransferFilter { account, since: None, until: None, limit })
    }

    fn transfers_between(&self, filter: &TransferFilter) -> Result<Vec<Transfer>, StoreError> {
        let since = filter.since.map_or(i64::MIN, Timestamp::micros);
        let last = filter.until.map_or(i64::MAX, |until| until.micros().saturating_sub(1));
        // Each side is taken from its own index, newest first, and only then merged.
        let select = tables::TRANSFER.select();
        let side = |side: &str| {
            format!(
                "SELECT * FROM ({select} WHERE {side} = ?1 AND {side} > 0 AND time >= ?3 AND time <= ?4 \
                 ORDER BY id DESC LIMIT ?2)"
            )
        };
        let (debits, credits) = (side("debit"), side("credit"));
        let sql = format!("{debits} UNION ALL {credits} ORDER BY id DESC LIMIT ?2");
        let values = params![filter.account.0, rows_max(filter.limit), since, last];
        self.ask(|c| read::rows(c, &sql, values, read::transfer))
    }

    fn balance_before(&self, account: AccountId, transfer: TransferId) -> Result<Money, StoreError> {
        let sql = "SELECT (SELECT coalesce(sum(amount), 0) FROM transfer WHERE credit = ?1 AND credit > 0 AND id < ?2) \
             - (SELECT coalesce(sum(amount), 0) FROM transfer WHERE debit = ?1 AND debit > 0 AND id < ?2)";
        let values = params![account.0, transfer.0];
        self.ask(|c| Ok(Money::from_micros(c.query_row(sql, values, |row| row.get(0))?)))
    }

    fn plans(&self) -> Result<Vec<Plan>, StoreError> {
        self.ask(|c| read::rows(c, &tables::PLAN.select(), [], read::plan))
    }

    fn payments(&self, filter: &PaymentFilter) -> Result<Vec<Payment>, StoreError> {
        let since = filter.since.map_or(i64::MIN, Timestamp::micros);
        let limit = rows_max(filter.limit);
        let select = tables::PAYMENT.select();
        let order = "ORDER BY time DESC, transfer DESC LIMIT ?2";
        self.ask(|c| match filter.account {
            Some(account) => {
                let booked = "SELECT id FROM transfer WHERE credit = ?3 AND credit > 0 AND kind = 'payment'";
                let sql = format!("{select} WHERE transfer IN ({booked}) AND time >= ?1 {order}");
                read::rows(c, &sql, params![since, limit, account.0], read::payment)
            }
            None => {
                let sql = format!("{select} WHERE time >= ?1 {order}");
                read::rows(c, &sql, params![since, limit], read::payment)
            }
        })
    }

    fn sessions(&self, subscriber: SubscriberId, limit: usize) -> Result<Vec<Session>, StoreError> {
        let sql =
            format!("{} WHERE subscriber = ?1 ORDER BY started DESC LIMIT ?2", tables::SESSION.select());
        self.ask(|c| read::rows(c, &sql, params![subscriber.0, rows_max(limit)], read::session))
    }

    fn check_books(&self) -> Result<Vec<String>, StoreError> {
        self.ask(books::check)
    }
}

fn rows_max(limit: usize) -> i64 {
    i64::try_from(limit.min(ROWS_MAX)).unwrap_or(i64::MAX)
}
