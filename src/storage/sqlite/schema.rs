//! Numbered schema steps. A step that was released is never edited; a change is a new step.

use super::super::StoreError;
use super::errors::opening;
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;

/// Step N brings a database from schema N-1 to schema N.
const STEPS: &[&str] = &[
    include_str!("schema/001_initial.sql"),
    include_str!("schema/002_billing.sql"),
    include_str!("schema/003_addresses.sql"),
    include_str!("schema/004_staff.sql"),
    include_str!("schema/005_sync.sql"),
    include_str!("schema/006_outbox.sql"),
];

/// Marks the file as ours (`PRAGMA application_id`): "hdgt".
const APPLICATION_ID: i64 = 0x6864_6774;

/// Newest schema this program knows.
pub(super) fn newest() -> usize {
    STEPS.len()
}

/// Brings the database to the newest schema, each step in a transaction of its own.
pub(super) fn upgrade(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    loop {
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(opening)?;
        let version = check(&transaction, path)?;
        let Some(step) = STEPS.get(version) else { return Ok(()) };
        transaction.execute_batch(step).map_err(opening)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(opening)?;
        transaction.pragma_update(None, "user_version", (version + 1).to_string()).map_err(opening)?;
        transaction.commit().map_err(opening)?;
    }
}

/// The schema's number; refuses databases of other programs and of newer versions of this one.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<usize, StoreError> {
    let number =
        |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(opening);
    let (version, application) = (number("user_version")?, number("application_id")?);
    let objects: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(opening)?;
    let ours = application == APPLICATION_ID || (objects == 0 && version == 0);
    let file = path.display();
    if !ours {
        return Err(StoreError::Unusable(format!("{file} is a database of another program")));
    }
    match usize::try_from(version) {
        Ok(version) if version <= newest() => Ok(version),
        _ => Err(StoreError::Unusable(format!(
            "{file} has schema {version}, this program knows schemas up to {}: it was written by a newer headgate",
            newest()
        ))),
    }
}
