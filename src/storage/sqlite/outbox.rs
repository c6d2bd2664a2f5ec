//! Questions about the outbox.

use super::super::{OutboxCount, OutboxFilter, OutboxRow, StoreError};
use super::read::{self, Columns};
use crate::model::*;
use rusqlite::{Connection, Result, params};
use std::collections::BTreeMap;

const COLUMNS: &str = "event, target, kind, account, at, since, state, attempts, next_at, error, body";

fn row(c: &mut Columns<'_>) -> Result<OutboxRow> {
    Ok(OutboxRow {
        key: OutboxKey { event: c.value()?, target: c.value()? },
        kind: c.value()?,
        account: c.value::<Option<i64>>()?.map(AccountId),
        at: c.time()?,
        since: c.time()?,
        state: c.word()?,
        attempts: c.value()?,
        next_at: c.time()?,
        error: c.value()?,
        body: c.value()?,
    })
}

pub(super) fn pending(
    c: &Connection,
    target: &str,
    limit: i64,
) -> std::result::Result<Vec<OutboxRow>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM outbox WHERE state = 'pending' AND target = ?1 \
         AND NOT EXISTS (SELECT 1 FROM outbox_disabled WHERE target = ?1) ORDER BY next_at, event LIMIT ?2"
    );
    read::rows(c, &sql, params![target, limit], row)
}

pub(super) fn items(
    c: &Connection,
    filter: &OutboxFilter,
    limit: i64,
) -> std::result::Result<Vec<OutboxRow>, StoreError> {
    use super::super::words::Word;
    let state = filter.state.map(Word::word);
    // Failed ones are few among many and have an index of their own, which only a literal finds.
    let of_state = match filter.state {
        Some(DeliveryState::Failed) => "state = 'failed' AND ?1 IS NOT NULL",
        Some(DeliveryState::Pending) => "state = 'pending' AND ?1 IS NOT NULL",
        _ => "(?1 IS NULL OR state = ?1)",
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM outbox WHERE {of_state} AND (?2 IS NULL OR target = ?2) \
         AND (?3 IS NULL OR event = ?3) AND (?4 IS NULL OR event < ?4) ORDER BY event DESC, target LIMIT ?5"
    );
    read::rows(c, &sql, params![state, filter.target, filter.event, filter.before, limit], row)
}

pub(super) fn counts(c: &Connection) -> std::result::Result<Vec<OutboxCount>, StoreError> {
    let mut counts = BTreeMap::<String, OutboxCount>::new();
    let pending = "SELECT target, count(*), min(since) FROM outbox WHERE state = 'pending' GROUP BY target";
    let failed = "SELECT target, count(*) FROM outbox WHERE state = 'failed' GROUP BY target";
    let disabled = "SELECT target, since, note FROM outbox_disabled";
    for (name, count, oldest) in
        read::rows(c, pending, [], |c| Ok((c.value::<String>()?, c.unsigned()?, c.time()?)))?
    {
        let entry = counts.entry(name).or_default();
        (entry.pending, entry.oldest) = (count, Some(oldest));
    }
    for (name, count) in read::rows(c, failed, [], |c| Ok((c.value::<String>()?, c.unsigned()?)))? {
        counts.entry(name).or_default().failed = count;
    }
    for target in read::rows(c, disabled, [], disabled_target)? {
        let name = target.name.clone();
        counts.entry(name).or_default().disabled = Some(target);
    }
    let named = counts.into_iter().map(|(target, count)| OutboxCount { target, ..count });
    Ok(named.collect())
}

pub(super) fn disabled_target(c: &mut Columns<'_>) -> Result<DisabledTarget> {
    Ok(DisabledTarget { name: c.value()?, since: c.time()?, note: c.value()? })
}

pub(super) fn told(c: &mut Columns<'_>) -> Result<Told> {
    Ok(Told { subscriber: SubscriberId(c.value()?), verdict: c.word()? })
}

/// In order of event, up to the first that happened later: those before it are older, however the clock was set.
pub(super) fn old(
    c: &Connection,
    before: Timestamp,
    failed_before: Timestamp,
    limit: usize,
) -> std::result::Result<Vec<(OutboxKey, DeliveryState)>, StoreError> {
    // The newest event stays, because numbers go on from it.
    let sql = "SELECT event, target, state, at FROM outbox \
         WHERE event < (SELECT max(event) FROM outbox) ORDER BY event, target";
    let mut statement = c.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let mut c = Columns::of(row);
        let key = OutboxKey { event: c.value()?, target: c.value()? };
        let (state, at) = (c.word::<DeliveryState>()?, c.time()?);
        if at >= before || found.len() >= limit {
            break;
        }
        let over = match state {
            DeliveryState::Done | DeliveryState::Dropped => true,
            DeliveryState::Failed => at < failed_before,
            DeliveryState::Pending => true,
        };
        if over {
            found.push((key, state));
        }
    }
    Ok(found)
}
