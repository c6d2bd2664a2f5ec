//! The history of addresses: what sessions reported, and what subscribers have by agreement.

use super::{Prepared, Statement};
use crate::model::*;
use crate::storage::StoreError;
use crate::storage::words::Word;
use ipnet::IpNet;
use rusqlite::params;

/// A session's row before it is written anew.
pub(super) struct Before {
    updated: Timestamp,
    addresses: Vec<IpNet>,
}

/// The row that a session has now.
pub(super) fn before(to: &mut Prepared<'_>, session: &Session) -> Result<Option<Before>, StoreError> {
    let key = &session.key;
    let key = params![key.nas.0, key.acct_session_id, key.login, session.started.micros()];
    let mut rows = to.prepared(Statement::SessionBefore)?.query(key)?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let framed_ip: Option<String> = row.get(1)?;
    let prefixes: String = row.get(2)?;
    let framed_ip = framed_ip.and_then(|text| text.parse().ok()).map(|host: std::net::IpAddr| host.into());
    let prefixes =
        prefixes.split_ascii_whitespace().filter_map(|text| text.parse().ok()).map(|n: IpNet| n.trunc());
    Ok(Some(Before {
        updated: Timestamp::from_micros(row.get(0)?),
        addresses: framed_ip.into_iter().chain(prefixes).collect(),
    }))
}

/// Writes how the session's addresses differ from those it had. One that is new to a known session was taken after the
/// last news without it, and one that is gone was left by the news that has it no longer: what lies between is given
/// to both.
pub(super) fn follow(
    to: &mut Prepared<'_>,
    before: Option<Before>,
    session: &Session,
) -> Result<(), StoreError> {
    let framed_ip = session.framed_ip.map(|ip| IpNet::from(std::net::IpAddr::from(ip)));
    let prefixes = session.ipv6_prefixes.iter().map(|net| IpNet::from(net.trunc()));
    let has: Vec<IpNet> = framed_ip.into_iter().chain(prefixes).collect();
    let since = before.as_ref().map_or(session.started, |before| before.updated);
    let had = before.map(|before| before.addresses).unwrap_or_default();
    for (at, prefix) in has.iter().enumerate() {
        let twice = has.iter().take(at).any(|earlier| earlier == prefix);
        if !twice && !had.contains(prefix) {
            write(to, Statement::SessionAddress, prefix, since, session)?;
        }
    }
    for prefix in had.iter().filter(|prefix| !has.contains(prefix)) {
        write(to, Statement::SessionAddressLeft, prefix, session.updated, session)?;
    }
    Ok(())
}

fn write(
    to: &mut Prepared<'_>,
    statement: Statement,
    prefix: &IpNet,
    at: Timestamp,
    session: &Session,
) -> Result<(), StoreError> {
    let key = &session.key;
    to.write(
        statement,
        params![
            prefix.to_string(),
            at.micros(),
            key.nas.0,
            key.acct_session_id,
            key.login,
            session.started.micros(),
        ],
    )
}

pub(super) fn assigned(to: &mut Prepared<'_>, a: &Assignment) -> Result<(), StoreError> {
    to.write(
        Statement::Assignment,
        params![
            a.prefix.to_string(),
            a.kind.word(),
            a.subscriber.0,
            a.login,
            a.since.micros(),
            a.until.map(Timestamp::micros),
        ],
    )
}

/// What was never assigned has nothing to end.
pub(super) fn withdrawn(
    to: &mut Prepared<'_>,
    prefix: &IpNet,
    kind: AssignmentKind,
    subscriber: SubscriberId,
    at: Timestamp,
) -> Result<(), StoreError> {
    to.write(Statement::AssignmentEnd, params![prefix.to_string(), kind.word(), subscriber.0, at.micros()])
}
