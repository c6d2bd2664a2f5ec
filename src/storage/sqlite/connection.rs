//! Opening the file: its modes and the pragmas that durability rests on, each read back.

use super::super::StoreError;
use super::errors::opening;
use rusqlite::{Connection, OpenFlags};
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

/// How long a lock held by another process (a backup, `sqlite3` in a terminal) is waited for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// The WAL is carried into the file when it has this many pages of 4 KiB, and is then overwritten from its
/// start: overwriting is cheaper to flush than growing.
const WAL_PAGES_MAX: i64 = 8_000;
/// Not larger: SQLite looks through the whole table of cached pages at each commit that has split a page. What falls out
/// of it is in the system's cache.
const WRITER_CACHE_KIB: i64 = 16_384;
const READER_CACHE_KIB: i64 = 8_192;
/// Statements kept prepared per connection; more than the back end has.
const STATEMENTS_MAX: usize = 64;
/// `synchronous=FULL`: the WAL is flushed before COMMIT returns.
const SYNCHRONOUS_FULL: i64 = 2;

/// Opens (or makes, mode 0600) the database for writing.
pub(super) fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    prepare_file(path).map_err(|e| StoreError::Unusable(format!("{}: {e}", path.display())))?;
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(opening)?;
    settle_writer(&connection).map_err(opening)?;
    let mode: String =
        connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).map_err(opening)?;
    let synchronous: i64 =
        connection.pragma_query_value(None, "synchronous", |row| row.get(0)).map_err(opening)?;
    let foreign_keys: bool =
        connection.pragma_query_value(None, "foreign_keys", |row| row.get(0)).map_err(opening)?;
    if mode != "wal" || synchronous != SYNCHRONOUS_FULL || !foreign_keys {
        return Err(StoreError::Unusable(format!(
            "{}: SQLite kept journal_mode={mode}, synchronous={synchronous}, foreign_keys={foreign_keys}; \
             wal, {SYNCHRONOUS_FULL} and true are needed (a network file system cannot hold the store)",
            path.display()
        )));
    }
    Ok(connection)
}

/// Opens an existing database for reading.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .map_err(opening)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(opening)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB).map_err(opening)?;
    Ok(connection)
}

/// Makes a directory of mode 0750, and those above it, where there is none.
pub(in super::super) fn create_private_directory(directory: &Path) -> io::Result<()> {
    if directory.as_os_str().is_empty() || directory.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o750).create(directory)
}

fn settle_writer(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", WAL_PAGES_MAX, |_| Ok(()))
}

/// SQLite gives the WAL the mode of the file, so the file is made before SQLite could make it with another.
fn prepare_file(path: &Path) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new(""));
    create_private_directory(directory)?;
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => {
            file.sync_all()?;
            let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
            File::open(directory)?.sync_all()
        }
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            let permissions = std::fs::metadata(path)?.permissions();
            if permissions.mode() & 0o077 != 0 {
                tracing::warn!(file = %path.display(), "the store could be read by others; set to mode 0600");
                std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
            }
            Ok(())
        }
        Err(e) => Err(e),
    }
}
