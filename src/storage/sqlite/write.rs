//! A batch's changes as statements, inside the caller's transaction.

mod addresses;
mod billing;
mod outbox;
mod staff;

pub(super) use staff::password_place;

use super::super::StoreError;
use super::super::vault::{Place, Vault};
use super::super::words::Word;
use super::tables;
use crate::model::*;
use rusqlite::{CachedStatement, Connection, ToSql, params};
use std::collections::BTreeMap;
use std::fmt::{Display, Write};

/// The statements' texts, made once.
pub(super) struct Statements([String; Statement::COUNT]);

/// A statement of the writer.
#[derive(Clone, Copy)]
enum Statement {
    Group,
    Plan,
    Pool,
    Nas,
    Account,
    Subscriber,
    LedgerAccount,
    Transfer,
    Payment,
    Session,
    SessionUpdate,
    PoolGrant,
    EdgePosition,
    MoveBalance,
    PaymentReversed,
    Service,
    Package,
    Holding,
    FeeState,
    AccountState,
    Meter,
    Pending,
    Budget,
    RatingDocument,
    Act,
    Books,
    Answer,
    ForgetAnswers,
    Audit,
    SessionBefore,
    SessionAddress,
    SessionAddressLeft,
    Assignment,
    AssignmentEnd,
    Role,
    Staff,
    ApiKey,
    ApiKeyRevoked,
    StaffSession,
    StaffSessionEnded,
    Order,
    SyncMark,
    Event,
    EventDelivered,
    EventReplayed,
    EventDropped,
    EventForgotten,
    TargetDisabled,
    TargetEnabled,
    Told,
}

impl Statement {
    const COUNT: usize = 50;
}

impl Statements {
    /// In the order of [`Statement`].
    pub fn new() -> Statements {
        Statements([
            tables::GROUP.upsert(),
            tables::PLAN.upsert(),
            tables::POOL.upsert(),
            tables::NAS.upsert(),
            tables::ACCOUNT.upsert(),
            tables::SUBSCRIBER.upsert(),
            tables::LEDGER_ACCOUNT.upsert(),
            tables::TRANSFER.insert(),
            tables::PAYMENT.insert(),
            tables::SESSION.upsert(),
            tables::session_update(),
            tables::POOL_GRANT.upsert(),
            tables::EDGE_POSITION.upsert(),
            "UPDATE ledger_account SET balance = balance + ?2 WHERE id = ?1".to_owned(),
            "UPDATE payment SET reversed = 1 WHERE operator = ?1 AND id = ?2".to_owned(),
            tables::SERVICE.upsert(),
            tables::PACKAGE.upsert(),
            tables::PACKAGE_HOLDING.upsert(),
            tables::FEE_STATE.upsert(),
            tables::ACCOUNT_STATE.upsert(),
            tables::METER.upsert(),
            tables::PENDING.upsert(),
            tables::BUDGET.upsert(),
            tables::RATING_DOCUMENT.upsert(),
            tables::ACT.insert(),
            tables::BOOKS.upsert(),
            tables::ANSWER.insert(),
            "DELETE FROM answer WHERE at < ?1".to_owned(),
            tables::AUDIT.insert(),
            tables::SESSION_BEFORE.to_owned(),
            tables::SESSION_ADDRESS.to_owned(),
            tables::SESSION_ADDRESS_LEFT.to_owned(),
            tables::ADDRESS_ASSIGNMENT.upsert(),
            tables::ADDRESS_ASSIGNMENT_END.to_owned(),
            tables::ROLE.upsert(),
            tables::STAFF.upsert(),
            tables::API_KEY.upsert(),
            "DELETE FROM api_key WHERE id = ?1".to_owned(),
            tables::STAFF_SESSION.upsert(),
            "DELETE FROM staff_session WHERE hash = ?1".to_owned(),
            tables::PAYMENT_ORDER.upsert(),
            tables::SYNC_MARK.upsert(),
            tables::EVENT.to_owned(),
            tables::EVENT_DELIVERED.to_owned(),
            tables::EVENT_REPLAYED.to_owned(),
            tables::EVENT_DROPPED.to_owned(),
            "DELETE FROM outbox WHERE event = ?1 AND target = ?2 AND state <> 'pending'".to_owned(),
            tables::OUTBOX_DISABLED.upsert(),
            "DELETE FROM outbox_disabled WHERE target = ?1".to_owned(),
            tables::OUTBOX_TOLD.upsert(),
        ])
    }
}

/// The statements that a batch has used so far. Asking the connection's cache for each row would cost a tenth of
/// the batch's time.
struct Prepared<'c> {
    connection: &'c Connection,
    statements: &'c Statements,
    ready: [Option<CachedStatement<'c>>; Statement::COUNT],
}

impl<'c> Prepared<'c> {
    /// The number of rows that the statement wrote.
    fn run(&mut self, statement: Statement, values: &[&dyn ToSql]) -> Result<usize, StoreError> {
        Ok(self.prepared(statement)?.execute(values)?)
    }

    fn prepared(&mut self, statement: Statement) -> Result<&mut CachedStatement<'c>, StoreError> {
        let at = statement as usize;
        let (Some(slot), Some(text)) = (self.ready.get_mut(at), self.statements.0.get(at)) else {
            return Err(StoreError::Unusable("a statement is missing".to_owned()));
        };
        match slot {
            Some(prepared) => Ok(prepared),
            None => Ok(slot.insert(self.connection.prepare_cached(text)?)),
        }
    }

    fn write(&mut self, statement: Statement, values: &[&dyn ToSql]) -> Result<(), StoreError> {
        self.run(statement, values).map(|_| ())
    }
}

/// Writes all changes in their order, then moves each balance once by the sum of its postings.
pub(super) fn apply(
    connection: &Connection,
    statements: &Statements,
    vault: &Vault,
    changes: &[Change],
) -> Result<(), StoreError> {
    let mut prepared = Prepared { connection, statements, ready: [const { None }; Statement::COUNT] };
    let mut moves = BTreeMap::<AccountId, i128>::new();
    for change in changes {
        if let Change::Transfer(transfer) = change {
            *moves.entry(transfer.debit).or_default() -= i128::from(transfer.amount.micros());
            *moves.entry(transfer.credit).or_default() += i128::from(transfer.amount.micros());
        }
        write(&mut prepared, vault, change)?;
    }
    for (account, sum) in moves {
        move_balance(&mut prepared, account, sum)?;
    }
    Ok(())
}

fn write(to: &mut Prepared<'_>, vault: &Vault, change: &Change) -> Result<(), StoreError> {
    match change {
        Change::Group(g) => to.write(Statement::Group, params![g.id.0, g.name, g.parent.map(|id| id.0)]),
        Change::Plan(p) => write_plan(to, p),
        Change::Pool(p) => to.write(Statement::Pool, params![p.id.0, p.name, joined(&p.prefixes)]),
        Change::Nas(n) => {
            let place = Place { table: tables::NAS.name, id: n.id.0, column: "secret" };
            let secret = vault.seal(place, n.secret.expose())?;
            to.write(
                Statement::Nas,
                params![
                    n.id.0,
                    n.name,
                    n.address.to_string(),
                    secret,
                    n.vendor.word(),
                    n.coa_port,
                    n.pool.map(|id| id.0),
                    n.sends_message_authenticator,
                ],
            )
        }
        Change::Account(a) => write_account(to, a),
        Change::Subscriber(s) => write_subscriber(to, vault, s),
        Change::LedgerAccount(l) => {
            to.write(Statement::LedgerAccount, params![l.id.0, l.kind.word(), l.asset.word(), l.name])
        }
        Change::Transfer(t) => write_transfer(to, t),
        Change::Payment(p) => write_payment(to, p),
        Change::Session(s) => write_session(to, s),
        Change::PoolGrant(g) => to.write(
            Statement::PoolGrant,
            params![g.pool.0, g.address.to_string(), g.subscriber.0, g.at.micros()],
        ),
        Change::EdgePosition { edge, position } => to.write(
            Statement::EdgePosition,
            params![edge, position.epoch.cast_signed(), position.sequence.cast_signed()],
        ),
        Change::PaymentReversed(key) => reverse_payment(to, key),
        Change::AddressAssigned(assignment) => addresses::assigned(to, assignment),
        Change::AddressWithdrawn { prefix, kind, subscriber, at } => {
            addresses::withdrawn(to, prefix, *kind, *subscriber, *at)
        }
        Change::Role(_)
        | Change::Staff(_)
        | Change::ApiKey(_)
        | Change::ApiKeyRevoked(_)
        | Change::StaffSession(_)
        | Change::StaffSessionEnded(_) => staff::write(to, vault, change),
        Change::Event(item) => outbox::event(to, item),
        Change::Outbox(change) => outbox::change(to, change),
        billing => billing::write(to, billing),
    }
}

fn reverse_payment(to: &mut Prepared<'_>, key: &PaymentKey) -> Result<(), StoreError> {
    match to.run(Statement::PaymentReversed, params![key.operator, key.id])? {
        1 => Ok(()),
        _ => Err(StoreError::Poisoned(format!("there is no payment {:?} of {:?}", key.id, key.operator))),
    }
}

fn write_plan(to: &mut Prepared<'_>, p: &Plan) -> Result<(), StoreError> {
    let (down, up, burst) = (p.shape.download, p.shape.upload, p.mikrotik_burst);
    to.write(
        Statement::Plan,
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
            json(&p.timed)?,
            json(&p.quota)?,
        ],
    )
}

fn write_account(to: &mut Prepared<'_>, a: &Account) -> Result<(), StoreError> {
    let subjects = json(&a.voip_subjects)?;
    to.write(
        Statement::Account,
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

fn write_subscriber(to: &mut Prepared<'_>, vault: &Vault, s: &Subscriber) -> Result<(), StoreError> {
    let (kind, secret) = match &s.password {
        Password::None => ("none", None),
        Password::Clear(secret) => ("clear", Some(secret)),
        Password::NtHash(secret) => ("nt-hash", Some(secret)),
        Password::Crypt(secret) => ("crypt", Some(secret)),
    };
    let place = Place { table: tables::SUBSCRIBER.name, id: s.id.0, column: &password_column(kind) };
    let sealed = secret.map(|secret| vault.seal(place, secret.expose())).transpose()?;
    let block = s.block.as_ref();
    to.write(
        Statement::Subscriber,
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
            s.valid_from.map(Timestamp::micros),
            s.valid_until.map(Timestamp::micros),
            s.code1c,
            json(&s.terms)?,
        ],
    )
}

/// The column a password is sealed for. Its kind stands in it, so that a hash cannot be passed off as clear text.
pub(super) fn password_column(kind: &str) -> String {
    format!("password.{kind}")
}

fn write_transfer(to: &mut Prepared<'_>, t: &Transfer) -> Result<(), StoreError> {
    to.write(
        Statement::Transfer,
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
            t.day.map(Day::number),
            t.reverses.map(|id| id.0),
        ],
    )
}

fn write_payment(to: &mut Prepared<'_>, p: &Payment) -> Result<(), StoreError> {
    to.write(
        Statement::Payment,
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

fn write_session(to: &mut Prepared<'_>, s: &Session) -> Result<(), StoreError> {
    let (nas_address, prefixes) = (s.nas_address.to_string(), joined(&s.ipv6_prefixes));
    let (framed_ip, mac) = (text(s.framed_ip), text(s.mac));
    let values = params![
        s.key.nas.0,
        s.key.acct_session_id,
        s.key.login,
        s.subscriber.map(|id| id.0),
        nas_address,
        s.started.micros(),
        s.updated.micros(),
        s.stopped.map(Timestamp::micros),
        s.terminate_cause,
        s.session_seconds,
        framed_ip,
        prefixes,
        mac,
        s.calling_station_id,
        s.nas_port_id,
        s.usage.download_octets.cast_signed(),
        s.usage.upload_octets.cast_signed(),
        s.usage_before_reset.download_octets.cast_signed(),
        s.usage_before_reset.upload_octets.cast_signed(),
    ];
    if to.run(Statement::SessionUpdate, values)? == 0 {
        let before = addresses::before(to, s)?;
        to.write(Statement::Session, values)?;
        addresses::follow(to, before, s)?;
    }
    Ok(())
}

fn move_balance(to: &mut Prepared<'_>, account: AccountId, sum: i128) -> Result<(), StoreError> {
    let sum = i64::try_from(sum)
        .map_err(|_| StoreError::Poisoned(format!("the batch moves account {account} out of range")))?;
    // A balance past the range becomes a REAL, which the STRICT column refuses.
    let rows = to.run(Statement::MoveBalance, params![account.0, sum])?;
    if rows == 1 {
        Ok(())
    } else {
        Err(StoreError::Poisoned(format!(
            "a transfer names account {account}, which the ledger does not have"
        )))
    }
}

/// A value of the model as a JSON column.
fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Poisoned(error.to_string()))
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
