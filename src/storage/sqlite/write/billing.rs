//! Changes of fees, promises, usage, budgets and acts.

use super::{Prepared, Statement, json};
use crate::model::*;
use crate::storage::StoreError;
use crate::storage::words::Word;
use rusqlite::params;

/// The one row of `books`.
const BOOKS_ROW: i64 = 1;

/// Writes the changes that [`super::write`] does not.
pub(super) fn write(to: &mut Prepared<'_>, change: &Change) -> Result<(), StoreError> {
    match change {
        Change::Service(s) => to.write(Statement::Service, params![s.name, json(s)?]),
        Change::Package(p) => to.write(Statement::Package, params![p.name, json(p)?]),
        Change::Holding(h) => {
            to.write(Statement::Holding, params![h.account.0, h.package, h.number, h.ended, json(h)?])
        }
        Change::FeeState(state) => write_fee_state(to, state),
        Change::AccountState(state) => {
            to.write(Statement::AccountState, params![state.account.0, json(state)?])
        }
        Change::Meter(m) => to.write(
            Statement::Meter,
            params![
                m.key.subscriber.0,
                m.key.service.word(),
                m.key.month.number(),
                m.used.cast_signed(),
                m.before.cast_signed(),
                m.covered.cast_signed(),
                m.charged.micros(),
                m.price.nanos(),
                m.included.cast_signed(),
            ],
        ),
        Change::Pending(p) => {
            to.write(Statement::Pending, params![p.id, p.state == PendingState::Open, json(p)?])
        }
        Change::Budget(b) => to.write(Statement::Budget, params![b.subject, json(b)?]),
        Change::RatingDocument(d) => to.write(Statement::RatingDocument, params![d.name, d.body]),
        Change::Act(act) => write_act(to, act),
        Change::Books(books) => to.write(Statement::Books, params![BOOKS_ROW, json(books)?]),
        Change::Answer(answer) => {
            to.write(Statement::Answer, params![answer.key, answer.at.micros(), json(answer)?])
        }
        Change::ForgetAnswers(before) => to.write(Statement::ForgetAnswers, params![before.micros()]),
        Change::Audit(e) => {
            to.write(Statement::Audit, params![e.time.micros(), e.by, e.action, e.subject, e.text])
        }
        Change::Order(o) => to.write(
            Statement::Order,
            params![
                o.key.operator,
                o.key.id,
                o.number,
                o.account.0,
                o.contract,
                o.sum.micros(),
                o.made.micros()
            ],
        ),
        Change::SyncMark(m) => {
            to.write(Statement::SyncMark, params![m.kind.word(), m.id, m.code1c, m.synced])
        }
        other => Err(StoreError::Unusable(format!("no statement writes {other:?}"))),
    }
}

fn write_fee_state(to: &mut Prepared<'_>, state: &FeeState) -> Result<(), StoreError> {
    to.write(
        Statement::FeeState,
        params![
            state.subscriber.0,
            state.decided.number(),
            state.plan_through.number(),
            json(&state.services_through)?,
            state.due.micros(),
            state.due_cut_at.map(Timestamp::micros),
        ],
    )
}

fn write_act(to: &mut Prepared<'_>, act: &Act) -> Result<(), StoreError> {
    to.write(
        Statement::Act,
        params![
            act.number,
            act.month.number(),
            act.account.0,
            json(&act.lines)?,
            act.sum.micros(),
            act.vat.micros(),
            act.made.micros(),
        ],
    )
}
