//! The writing side: lease, load, commit.

use super::super::vault::{Place, Vault};
use super::super::{Batch, Lease, Lookup, Store, StoreError};
use super::write::Statements;
use super::{SqliteReader, connection, outbox, read, schema, tables, write};
use crate::model::*;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// A known text, sealed when the database is made: a wrong key is told at once.
const KEY_CHECK: Place<'_> = Place { table: "meta", id: 0, column: "key_check" };
/// Closed sessions that are loaded, the newest; as many as the engine keeps.
const CLOSED_SESSIONS_MAX: i64 = 50_000;
const KEY_CHECK_TEXT: &str = "headgate";

/// The store in one SQLite file; the only one who writes it.
pub struct SqliteStore {
    path: PathBuf,
    vault: Vault,
    statements: Statements,
    /// None after an I/O error: what such a connection holds of the file cannot be trusted, so it is opened anew.
    connection: Option<Connection>,
}

impl SqliteStore {
    /// Opens the database, makes it when there is none (mode 0600, directory 0750), brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] when the file is not ours, has a newer schema than this program knows, cannot be
    /// made durable, or was made with another key; [`StoreError::Full`] and [`StoreError::Unknown`] (busy) may pass.
    pub fn open(path: impl AsRef<Path>, vault: Vault) -> Result<SqliteStore, StoreError> {
        let path = path.as_ref().to_owned();
        let mut connection = connection::open_writer(&path)?;
        schema::upgrade(&mut connection, &path)?;
        check_key(&connection, &vault, &path)?;
        Ok(SqliteStore { path, vault, statements: Statements::new(), connection: Some(connection) })
    }

    /// A reader of the same file.
    pub fn reader(&self) -> Result<SqliteReader, StoreError> {
        SqliteReader::open(&self.path)
    }

    fn connection(&mut self) -> Result<&mut Connection, StoreError> {
        if self.connection.is_none() {
            let opened = connection::open_writer(&self.path)?;
            schema::check(&opened, &self.path)?;
            self.connection = Some(opened);
        }
        self.connection.as_mut().ok_or_else(|| StoreError::Unknown("no connection".to_owned()))
    }

    /// Drops the connection where its state is in doubt.
    fn settled<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if matches!(result, Err(StoreError::Unknown(_) | StoreError::Unusable(_))) {
            self.connection = None;
        }
        result
    }
}

impl Store for SqliteStore {
    fn acquire_lease(&mut self, holder: &str) -> Result<Lease, StoreError> {
        let result = self.connection().and_then(|connection| acquire_lease(connection, holder));
        self.settled(result)
    }

    fn load(&mut self) -> Result<Snapshot, StoreError> {
        self.connection()?;
        let SqliteStore { connection, vault, .. } = self;
        let result = match connection {
            Some(connection) => load(connection, vault),
            None => Err(StoreError::Unknown("no connection".to_owned())),
        };
        self.settled(result)
    }

    fn lookup(&self) -> Result<Box<dyn Lookup>, StoreError> {
        Ok(Box::new(SqliteLookup { path: self.path.clone(), connection: None }))
    }

    fn commit(&mut self, batch: &Batch<'_>) -> Result<(), StoreError> {
        self.connection()?;
        let SqliteStore { connection, vault, statements, .. } = self;
        let result = match connection {
            Some(connection) => commit(connection, statements, vault, batch),
            None => Err(StoreError::Unknown("no connection".to_owned())),
        };
        self.settled(result)
    }
}

impl Lookup for SqliteStore {
    fn payments_by_key(&mut self, keys: &[PaymentKey]) -> Result<HashMap<PaymentKey, Payment>, StoreError> {
        let result = self.connection().and_then(|connection| payments_by_key(connection, keys));
        self.settled(result)
    }

    fn transfers_by_id(&mut self, ids: &[TransferId]) -> Result<Vec<PostedTransfer>, StoreError> {
        let result = self.connection().and_then(|connection| transfers_by_id(connection, ids));
        self.settled(result)
    }

    fn answers_by_key(&mut self, keys: &[String]) -> Result<Vec<RememberedAnswer>, StoreError> {
        let result = self.connection().and_then(|connection| answers_by_key(connection, keys));
        self.settled(result)
    }
}

/// Looks things up over a read-only connection of its own, opened at the first question and anew after an error.
struct SqliteLookup {
    path: PathBuf,
    connection: Option<Connection>,
}

impl SqliteLookup {
    fn ask<T>(
        &mut self,
        question: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => connection::open_reader(&self.path)?,
        };
        let answer = question(&connection)?;
        self.connection = Some(connection);
        Ok(answer)
    }
}

impl Lookup for SqliteLookup {
    fn payments_by_key(&mut self, keys: &[PaymentKey]) -> Result<HashMap<PaymentKey, Payment>, StoreError> {
        self.ask(|connection| payments_by_key(connection, keys))
    }

    fn transfers_by_id(&mut self, ids: &[TransferId]) -> Result<Vec<PostedTransfer>, StoreError> {
        self.ask(|connection| transfers_by_id(connection, ids))
    }

    fn answers_by_key(&mut self, keys: &[String]) -> Result<Vec<RememberedAnswer>, StoreError> {
        self.ask(|connection| answers_by_key(connection, keys))
    }
}

fn check_key(connection: &Connection, vault: &Vault, path: &Path) -> Result<(), StoreError> {
    let name = KEY_CHECK.column;
    let known: Option<Vec<u8>> = connection
        .query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0))
        .optional()?;
    let Some(sealed) = known else {
        let sealed = vault.seal(KEY_CHECK, KEY_CHECK_TEXT)?;
        connection.execute("INSERT INTO meta (name, value) VALUES (?1, ?2)", params![name, sealed])?;
        return Ok(());
    };
    match vault.unseal(KEY_CHECK, &sealed) {
        Some(text) if text.as_str() == KEY_CHECK_TEXT => Ok(()),
        _ => Err(StoreError::Unusable(format!(
            "{} was made with another key: bring back the store.key it was made with",
            path.display()
        ))),
    }
}

fn acquire_lease(connection: &mut Connection, holder: &str) -> Result<Lease, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let lease = transaction.query_row(
        "UPDATE writer_lease SET epoch = epoch + 1, holder = ?1 WHERE id = 1 RETURNING epoch, batch_sequence",
        [holder],
        |row| {
            let (epoch, sequence): (i64, i64) = (row.get(0)?, row.get(1)?);
            Ok(Lease { epoch: epoch.cast_unsigned(), batch_sequence: sequence.cast_unsigned() })
        },
    )?;
    transaction.commit()?;
    Ok(lease)
}

/// One read transaction, so that all tables are of one moment.
fn load(connection: &mut Connection, vault: &Vault) -> Result<Snapshot, StoreError> {
    let transaction = connection.transaction()?;
    let t = &transaction;
    let open_sessions = format!("{} WHERE stopped IS NULL", tables::SESSION.select());
    // In the order in which they closed, as if they had just done so.
    let closed_sessions =
        format!("{} WHERE stopped IS NOT NULL ORDER BY stopped DESC LIMIT ?1", tables::SESSION.select());
    let mut sessions = read::rows(t, &closed_sessions, [CLOSED_SESSIONS_MAX], read::session)?;
    sessions.reverse();
    sessions.extend(read::rows(t, &open_sessions, [], read::session)?);
    let ledger = "SELECT id, kind, asset, name, balance FROM ledger_account";
    let meters = format!("{} WHERE month >= (SELECT max(month) - 1 FROM meter)", tables::METER.select());
    let positions = read::rows(t, &tables::EDGE_POSITION.select(), [], |c| {
        Ok((c.value()?, SpoolPosition { epoch: c.unsigned()?, sequence: c.unsigned()? }))
    })?;
    Ok(Snapshot {
        groups: read::rows(t, &tables::GROUP.select(), [], read::group)?,
        plans: read::rows(t, &tables::PLAN.select(), [], read::plan)?,
        pools: read::rows(t, &tables::POOL.select(), [], read::pool)?,
        nases: read::rows(t, &tables::NAS.select(), [], |c| read::nas(c, vault))?,
        accounts: read::rows(t, &tables::ACCOUNT.select(), [], read::account)?,
        subscribers: read::rows(t, &tables::SUBSCRIBER.select(), [], |c| read::subscriber(c, vault))?,
        ledger: read::rows(t, ledger, [], read::ledger_account)?,
        sessions,
        grants: read::rows(t, &tables::POOL_GRANT.select(), [], read::pool_grant)?,
        edge_positions: positions.into_iter().collect(),
        services: read::rows(t, "SELECT body FROM service", [], read::body)?,
        packages: read::rows(t, "SELECT body FROM package", [], read::body)?,
        holdings: read::rows(t, "SELECT body FROM package_holding WHERE NOT ended", [], read::body)?,
        fee_states: read::rows(t, &tables::FEE_STATE.select(), [], read::fee_state)?,
        account_states: read::rows(t, "SELECT body FROM account_state", [], read::body)?,
        meters: read::rows(t, &meters, [], read::meter)?,
        pending: read::rows(t, "SELECT body FROM pending WHERE open", [], read::body)?,
        budgets: read::rows(t, "SELECT body FROM budget", [], read::body)?,
        rating_documents: read::rows(t, &tables::RATING_DOCUMENT.select(), [], read::rating_document)?,
        books: read::rows(t, "SELECT body FROM books", [], read::body)?.pop().unwrap_or_default(),
        roles: read::rows(t, &tables::ROLE.select(), [], read::role)?,
        staff: read::rows(t, &tables::STAFF.select(), [], |c| read::staff(c, vault))?,
        api_keys: read::rows(t, &tables::API_KEY.select(), [], read::api_key)?,
        staff_sessions: read::rows(t, &tables::STAFF_SESSION.select(), [], read::staff_session)?,
        last_event: t.query_row("SELECT coalesce(max(event), 0) FROM outbox", [], |row| row.get(0))?,
        disabled_targets: read::rows(t, &tables::OUTBOX_DISABLED.select(), [], outbox::disabled_target)?,
        told: read::rows(t, &tables::OUTBOX_TOLD.select(), [], outbox::told)?,
        last_transfer: t.query_row("SELECT coalesce(max(id), 0) FROM transfer", [], |row| row.get(0))?,
    })
}

fn payments_by_key(
    connection: &Connection,
    keys: &[PaymentKey],
) -> Result<HashMap<PaymentKey, Payment>, StoreError> {
    // One moment for all keys: a transaction for each would take its locks again and again.
    let transaction = connection.unchecked_transaction()?;
    let mut statement = transaction
        .prepare_cached(&format!("{} WHERE operator = ?1 AND id = ?2", tables::PAYMENT.select()))?;
    let mut payments = HashMap::new();
    for key in keys {
        let mut rows = statement.query(params![key.operator, key.id])?;
        while let Some(row) = rows.next()? {
            let payment = read::payment(&mut read::Columns::of(row))?;
            payments.insert(payment.key.clone(), payment);
        }
    }
    Ok(payments)
}

fn transfers_by_id(connection: &Connection, ids: &[TransferId]) -> Result<Vec<PostedTransfer>, StoreError> {
    let sql = format!("{} WHERE id = ?1 OR reverses = ?1 ORDER BY id", tables::TRANSFER.select());
    let payment = format!("{} WHERE transfer = ?1", tables::PAYMENT.select());
    let mut found = Vec::new();
    for id in ids {
        let mut rows = read::rows(connection, &sql, params![id.0], read::transfer)?.into_iter();
        let Some(transfer) = rows.next().filter(|transfer| transfer.id == *id) else { continue };
        let payment = read::rows(connection, &payment, params![id.0], read::payment)?.pop();
        found.push(PostedTransfer {
            transfer,
            reversed_by: rows.next().map(|reversal| reversal.id),
            payment,
        });
    }
    Ok(found)
}

fn answers_by_key(connection: &Connection, keys: &[String]) -> Result<Vec<RememberedAnswer>, StoreError> {
    let mut answers = Vec::new();
    for key in keys {
        answers.extend(read::rows(connection, "SELECT body FROM answer WHERE key = ?1", [key], read::body)?);
    }
    Ok(answers)
}

fn commit(
    connection: &mut Connection,
    statements: &Statements,
    vault: &Vault,
    batch: &Batch<'_>,
) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (epoch, sequence) = transaction
        .prepare_cached("SELECT epoch, batch_sequence FROM writer_lease WHERE id = 1")?
        .query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
    let (epoch, sequence) = (epoch.cast_unsigned(), sequence.cast_unsigned());
    if epoch != batch.epoch {
        return Err(StoreError::LeaseLost { held_epoch: epoch });
    }
    if sequence == batch.sequence {
        return Ok(());
    }
    if batch.sequence != sequence.wrapping_add(1) {
        return Err(StoreError::Poisoned(format!("batch {} cannot follow batch {sequence}", batch.sequence)));
    }
    write::apply(&transaction, statements, vault, batch.changes)?;
    transaction
        .prepare_cached("UPDATE writer_lease SET batch_sequence = ?1 WHERE id = 1")?
        .execute([batch.sequence.cast_signed()])?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn opened(dir: &tempfile::TempDir) -> (SqliteStore, Lease) {
        let mut store = SqliteStore::open(dir.path().join("headgate.db"), Vault::from_key([7; 32])).unwrap();
        let lease = store.acquire_lease("a").unwrap();
        (store, lease)
    }

    fn groups() -> Vec<Change> {
        (1..2_000)
            .map(|id| Change::Group(Group { id: GroupId(id), name: "Жилые".into(), parent: None }))
            .collect()
    }

    #[test]
    fn a_batch_that_met_a_full_disk_can_be_sent_again() {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, lease) = opened(&dir);
        let changes = groups();
        let batch = Batch { epoch: lease.epoch, sequence: 1, changes: &changes };
        let pages = |store: &mut SqliteStore, most: i64| {
            let connection = store.connection().unwrap();
            connection.pragma_update_and_check(None, "max_page_count", most, |_| Ok(())).unwrap();
        };
        pages(&mut store, 1);
        let result = store.commit(&batch);
        assert!(matches!(result, Err(StoreError::Full(_))), "{result:?}");
        assert!(store.load().unwrap().groups.is_empty());
        pages(&mut store, 1_000_000);
        store.commit(&batch).unwrap();
        assert_eq!(store.load().unwrap().groups.len(), changes.len());
    }

    #[test]
    fn a_batch_of_unknown_fate_is_sent_again_over_a_new_connection() {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, lease) = opened(&dir);
        let changes = groups();
        let batch = Batch { epoch: lease.epoch, sequence: 1, changes: &changes };
        store.connection().unwrap().busy_timeout(Duration::ZERO).unwrap();
        let other = Connection::open(dir.path().join("headgate.db")).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let result = store.commit(&batch);
        assert!(matches!(result, Err(StoreError::Unknown(_))), "{result:?}");
        assert!(store.connection.is_none());
        other.execute_batch("ROLLBACK").unwrap();
        store.commit(&batch).unwrap();
        store.commit(&batch).unwrap();
        assert_eq!(store.load().unwrap().groups.len(), changes.len());
    }
}
