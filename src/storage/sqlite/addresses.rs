//! Who had an address at a moment.

use super::super::{AddressSession, StoreError};
use super::{read, tables};
use crate::model::*;
use ipnet::IpNet;
use rusqlite::{Connection, params};
use std::net::IpAddr;

/// Sessions of one address or subscriber that began before the moment and are looked at, the newest: what began earlier
/// than all of these has ended, or nobody has heard of it since.
const SESSIONS_BACK_MAX: usize = 200;

pub(super) fn sessions_with(
    connection: &Connection,
    address: IpAddr,
    at: Timestamp,
) -> Result<Vec<AddressSession>, StoreError> {
    let transaction = connection.unchecked_transaction()?;
    let columns: Vec<String> = tables::SESSION.columns.iter().map(|column| format!("s.{column}")).collect();
    let sql = format!(
        "SELECT a.prefix, a.since, a.until, {} FROM (SELECT * FROM session_address WHERE prefix = ?1 AND since <= ?2 \
         ORDER BY since DESC LIMIT {SESSIONS_BACK_MAX}) a \
         JOIN session s USING (nas, acct_session_id, login, started) \
         WHERE (a.until IS NULL OR a.until >= ?2) AND (s.stopped IS NULL OR s.stopped >= ?2) ORDER BY a.since DESC",
        columns.join(", ")
    );
    let mut found = Vec::new();
    for prefix in prefixes_of(address) {
        found.extend(read::rows(&transaction, &sql, params![prefix, at.micros()], |c| {
            let (prefix, since, until) = (c.parsed()?, c.time()?, c.optional_time()?);
            Ok(AddressSession { prefix, since, until, session: read::session(c)? })
        })?);
    }
    Ok(found)
}

pub(super) fn sessions_at(
    connection: &Connection,
    subscriber: SubscriberId,
    at: Timestamp,
) -> Result<Vec<Session>, StoreError> {
    let sql = format!(
        "SELECT * FROM ({} WHERE subscriber = ?1 AND started <= ?2 ORDER BY started DESC LIMIT {SESSIONS_BACK_MAX}) \
         WHERE stopped IS NULL OR stopped >= ?2",
        tables::SESSION.select()
    );
    read::rows(connection, &sql, params![subscriber.0, at.micros()], read::session)
}

pub(super) fn assignments_with(
    connection: &Connection,
    address: IpAddr,
    at: Timestamp,
    limit: i64,
) -> Result<Vec<Assignment>, StoreError> {
    let transaction = connection.unchecked_transaction()?;
    let sql = format!(
        "{} WHERE prefix = ?1 AND since <= ?2 AND (until IS NULL OR until > ?2) ORDER BY subscriber, kind LIMIT ?3",
        tables::ADDRESS_ASSIGNMENT.select()
    );
    let mut found = Vec::new();
    for prefix in prefixes_of(address) {
        found.extend(read::rows(&transaction, &sql, params![prefix, at.micros(), limit], assignment)?);
    }
    Ok(found)
}

pub(super) fn assignments_at(
    connection: &Connection,
    subscriber: SubscriberId,
    at: Timestamp,
) -> Result<Vec<Assignment>, StoreError> {
    let sql = format!(
        "{} WHERE subscriber = ?1 AND since <= ?2 AND (until IS NULL OR until > ?2) ORDER BY prefix",
        tables::ADDRESS_ASSIGNMENT.select()
    );
    read::rows(connection, &sql, params![subscriber.0, at.micros()], assignment)
}

/// None: since the first of them.
pub(super) fn assignments_since(connection: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let sql = "SELECT CAST(CAST(value AS TEXT) AS INTEGER) FROM meta WHERE name = 'assignments_since'";
    Ok(read::rows(connection, sql, [], |c| c.time())?.pop())
}

fn assignment(c: &mut read::Columns<'_>) -> rusqlite::Result<Assignment> {
    Ok(Assignment {
        prefix: c.parsed()?,
        kind: c.word()?,
        subscriber: SubscriberId(c.value()?),
        login: c.value()?,
        since: c.time()?,
        until: c.optional_time()?,
    })
}

/// As they stand in the columns: the address itself and every prefix that it lies in, the longest first. Looking each
/// length up costs microseconds, and no table of the lengths in use has to be kept.
fn prefixes_of(address: IpAddr) -> impl Iterator<Item = String> {
    let host = IpNet::from(address.to_canonical());
    (0..=host.max_prefix_len())
        .rev()
        .filter_map(move |length| IpNet::new(host.addr(), length).ok())
        .map(|net| net.trunc().to_string())
}
