//! A batch's changes as statements, inside the caller's transaction.

use super::super::StoreError;
use super::super::vault::{Place, Vault};
use super::super::words::Word;
use super::tables;
use crate::model::*;
use rusqlite::{Connection, ToSql, params};
use std::collections::BTreeMap;
use std::fmt::{Display, Write};

/// The statements' texts, made once. Prepared statements are cached by them.
pub(super) struct Statements {
    group: String,
    plan: String,
    pool: String,
    nas: String,
    account: String,
    subscriber: String,
    ledger_account: String,
    transfer: String,
    payment: String,
    session: String,
    pool_grant: String,
    edge_position: String,
}

impl Statements {
    pub fn new() -> Statements {
        Statements {
            group: tables::GROUP.upsert(),
            plan: tables::PLAN.upsert(),
            pool: tables::POOL.upsert(),
            nas: tables::NAS.upsert(),
            account: tables::ACCOUNT.upsert(),
            subscriber: tables::SUBSCRIBER.upsert(),
            ledger_account: tables::LEDGER_ACCOUNT.upsert(),
            transfer: tables::TRANSFER.insert(),
            payment: tables::PAYMENT.insert(),
            session: tables::SESSION.upsert(),
            pool_grant: tables::POOL_GRANT.upsert(),
            edge_position: tables::EDGE_POSITION.upsert(),
        }
    }
}

/// Writes all changes in their order, then moves each balance once by the sum of its postings.
pub(super) fn apply(
    connection: &Connection,
    statements: &Statements,
    vault: &Vault,
    changes: &[Change],
) -> Result<(), StoreError> {
    let mut moves = BTreeMap::<AccountId, i128>::new();
    for change in changes {
        if let Change::Transfer(transfer) = change {
            *moves.entry(transfer.debit).or_default() -= i128::from(transfer.amount.micros());
            *moves.entry(transfer.credit).or_default() += i128::from(transfer.amount.micros());
        }
        write(connection, statements, vault, change)?;
    }
    for (account, sum) in moves {
        move_balance(connection, account, sum)?;
    }
    Ok(())
}

fn write(
    connection: &Connection,
    statements: &Statements,
    vault: &Vault,
    change: &Change,
) -> Result<(), StoreError> {
    let run = |sql: &str, values: &[&dyn ToSql]| -> Result<(), StoreError> {
        connection.prepare_cached(sql)?.execute(values)?;
        Ok(())
    };
    match change {
        Change::Group(g) => run(&statements.group, params![g.id.0, g.name, g.parent.map(|id| id.0)]),
        Change::Plan(p) => write_plan(&run, &statements.plan, p),
        Change::Pool(p) => run(&statements.pool, params![p.id.0, p.name, joined(&p.prefixes)]),
        Change::Nas(n) => {
            let place = Place { table: tables::NAS.name, id: n.id.0, column: "secret" };
            let secret = vault.seal(place, n.secret.expose())?;
            run(
                &statements.nas,
                params![
                    n.id.0,
                    n.name,
                    n.address.to_string(),
                    secret,
                    n.vendor.word(),
                    n.coa_port,
                    n.pool.map(|id| id.0)
                ],
            )
        }
        Change::Account(a) => write_account(&run, &statements.account, a),
        Change::Subscriber(s) => write_subscriber(&run, &statements.subscriber, vault, s),
        Change::LedgerAccount(l) => run(&statements.ledger_account, params![l.id.0, l.kind.word(), l.name]),
        Change::Transfer(t) => write_transfer(&run, &statements.transfer, t),
        Change::Payment(p) => write_payment(&run, &statements.payment, p),
        Change::Session(s) => write_session(&run, &statements.session, s),
        Change::PoolGrant(g) => run(
            &statements.pool_grant,
            params![g.pool.0, g.address.to_string(), g.subscriber.0, g.at.micros()],
        ),
        Change::EdgePosition { edge, position } => run(
            &statements.edge_position,
            params![edge, position.epoch.cast_signed(), position.sequence.cast_signed()],
        ),
    }
}

type Run<'a> = dyn Fn(&str, &[&dyn ToSql]) -> Result<(), StoreError> + 'a;

fn write_plan(run: &Run<'_>, sql: &str, p: &Plan) -> Result<(), StoreError> {
    let (down, up, burst) = (p.shape.download, p.shape.upload, p.mikrotik_burst);
    run(
        sql,
        params![
            p.id.0,
            p.name,
            p.fee.nanos(),
            p.period.word(),
            p.charge.word(),
            p.on_shortage.word(),
            down.rate,
            down.ceil,
            down.burst,
            down.cburst,
            up.rate,
            up.ceil,
            up.burst,
            up.cburst,
            burst.rate_in,
            burst.threshold_in,
            burst.rate_out,
            burst.threshold_out,
            burst.time,
            p.usage.traffic_in.nanos(),
            p.usage.included_in.cast_signed(),
            p.usage.traffic_out.nanos(),
            p.usage.included_out.cast_signed(),
            p.usage.session_hour.nanos(),
        ],
    )
}

fn write_account(run: &Run<'_>, sql: &str, a: &Account) -> Result<(), StoreError> {
    let subjects =
        serde_json::to_string(&a.voip_subjects).map_err(|e| StoreError::Poisoned(e.to_string()))?;
    run(
        sql,
        params![
            a.id.0,
            a.contract,
            a.name,
            a.kind.word(),
            a.group.map(|id| id.0),
            a.phone,
            a.email,
            a.address,
            a.tax_id,
            a.code1c,
            subjects,
            a.credit_limit.micros(),
            a.credit_until.map(Timestamp::micros),
            a.closed,
        ],
    )
}

fn write_subscriber(run: &Run<'_>, sql: &str, vault: &Vault, s: &Subscriber) -> Result<(), StoreError> {
    let (kind, secret) = match &s.password {
        Password::None => ("none", None),
        Password::Clear(secret) => ("clear", Some(secret)),
        Password::NtHash(secret) => ("nt-hash", Some(secret)),
        Password::Crypt(secret) => ("crypt", Some(secret)),
    };
    let place = Place { table: tables::SUBSCRIBER.name, id: s.id.0, column: &password_column(kind) };
    let sealed = secret.map(|secret| vault.seal(place, secret.expose())).transpose()?;
    let block = s.block.as_ref();
    run(
        sql,
        params![
            s.id.0,
            s.login,
            kind,
            sealed,
            s.account.0,
            s.name,
            s.group.map(|id| id.0),
            s.plan.map(|id| id.0),
            s.nas.map(|id| id.0),
            s.access.word(),
            joined(&s.addresses),
            s.pool.map(|id| id.0),
            text(s.ipv6_prefix),
            text(s.mac),
            s.circuit_id,
            text(s.snat),
            joined(&s.routes),
            s.sessions_max,
            block.map(|b| &b.reason),
            block.map(|b| b.since.micros()),
            block.map(|b| &b.by),
            s.paused,
            s.valid_from.map(Timestamp::micros),
            s.valid_until.map(Timestamp::micros),
            s.code1c,
        ],
    )
}

/// The column a password is sealed for. Its kind stands in it, so that a hash cannot be passed off as clear text.
pub(super) fn password_column(kind: &str) -> String {
    format!("password.{kind}")
}

fn write_transfer(run: &Run<'_>, sql: &str, t: &Transfer) -> Result<(), StoreError> {
    run(
        sql,
        params![
            t.id.0,
            t.debit.0,
            t.credit.0,
            t.amount.micros(),
            t.kind.word(),
            t.reference,
            t.text,
            t.time.micros(),
            t.by,
            t.balance_after.micros(),
        ],
    )
}

fn write_payment(run: &Run<'_>, sql: &str, p: &Payment) -> Result<(), StoreError> {
    run(
        sql,
        params![
            p.key.operator,
            p.key.id,
            p.transfer.0,
            p.account.0,
            p.contract,
            p.who,
            p.sum.micros(),
            p.operator_date,
            p.time.micros(),
            p.balance_after.micros(),
            p.reversed,
        ],
    )
}

fn write_session(run: &Run<'_>, sql: &str, s: &Session) -> Result<(), StoreError> {
    run(
        sql,
        params![
            s.key.nas.0,
            s.key.acct_session_id,
            s.key.login,
            s.subscriber.map(|id| id.0),
            s.nas_address.to_string(),
            s.started.micros(),
            s.updated.micros(),
            s.stopped.map(Timestamp::micros),
            s.terminate_cause,
            s.session_seconds,
            text(s.framed_ip),
            joined(&s.ipv6_prefixes),
            text(s.mac),
            s.calling_station_id,
            s.nas_port_id,
            s.usage.download_octets.cast_signed(),
            s.usage.upload_octets.cast_signed(),
            s.usage_before_reset.download_octets.cast_signed(),
            s.usage_before_reset.upload_octets.cast_signed(),
        ],
    )
}

fn move_balance(connection: &Connection, account: AccountId, sum: i128) -> Result<(), StoreError> {
    let sum = i64::try_from(sum)
        .map_err(|_| StoreError::Poisoned(format!("the batch moves account {account} out of range")))?;
    // A balance past the range becomes a REAL, which the STRICT column refuses.
    let rows = connection
        .prepare_cached("UPDATE ledger_account SET balance = balance + ?2 WHERE id = ?1")?
        .execute(params![account.0, sum])?;
    if rows == 1 {
        Ok(())
    } else {
        Err(StoreError::Poisoned(format!(
            "a transfer names account {account}, which the ledger does not have"
        )))
    }
}

fn text(value: Option<impl Display>) -> Option<String> {
    value.map(|v| v.to_string())
}

fn joined(values: &[impl Display]) -> String {
    let mut text = String::new();
    for value in values {
        let space = if text.is_empty() { "" } else { " " };
        // Writing to a String cannot fail.
        let _ = write!(text, "{space}{value}");
    }
    text
}
