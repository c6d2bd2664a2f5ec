//! Events for other programs, and what becomes of them.

use super::{Prepared, Statement};
use crate::model::*;
use crate::storage::StoreError;
use crate::storage::words::Word;
use rusqlite::params;

pub(super) fn event(to: &mut Prepared<'_>, item: &OutboxItem) -> Result<(), StoreError> {
    let account = item.account.map(|id| id.0);
    to.write(
        Statement::Event,
        params![item.event, &*item.target, item.kind.as_str(), account, item.at.micros(), &*item.body],
    )
}

/// An item that is not there, or not in the state that the change is for, stays as it is.
pub(super) fn change(to: &mut Prepared<'_>, change: &OutboxChange) -> Result<(), StoreError> {
    match change {
        OutboxChange::Delivered(d) => to.write(
            Statement::EventDelivered,
            params![d.key.event, d.key.target, d.state.word(), d.attempts, d.at.micros(), d.error],
        ),
        OutboxChange::Replayed { key, at } => {
            to.write(Statement::EventReplayed, params![key.event, key.target, at.micros()])
        }
        OutboxChange::Dropped { key, at } => {
            to.write(Statement::EventDropped, params![key.event, key.target, at.micros()])
        }
        OutboxChange::Forgotten(key) => to.write(Statement::EventForgotten, params![key.event, key.target]),
        OutboxChange::Disabled(target) => {
            to.write(Statement::TargetDisabled, params![target.name, target.since.micros(), target.note])
        }
        OutboxChange::Enabled(name) => to.write(Statement::TargetEnabled, params![name]),
        OutboxChange::Told(told) => {
            to.write(Statement::Told, params![told.subscriber.0, told.verdict.word()])
        }
    }
}
