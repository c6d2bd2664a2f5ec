//! Changes of operators, roles, keys and sessions.

use super::{Prepared, Statement, tables};
use crate::model::*;
use crate::storage::StoreError;
use crate::storage::vault::{Place, Vault};
use crate::storage::words::Word;
use rusqlite::params;

/// Writes the changes of staff.
pub(super) fn write(to: &mut Prepared<'_>, vault: &Vault, change: &Change) -> Result<(), StoreError> {
    match change {
        Change::Role(r) => to.write(Statement::Role, params![r.id.0, r.name, r.rights.to_string()]),
        Change::Staff(s) => write_staff(to, vault, s),
        Change::ApiKey(k) => to.write(
            Statement::ApiKey,
            params![
                k.id.0,
                k.staff.0,
                k.name,
                k.hash.0,
                k.rights.to_string(),
                k.expires.map(Timestamp::micros),
                k.created.micros(),
            ],
        ),
        Change::ApiKeyRevoked(id) => to.write(Statement::ApiKeyRevoked, params![id.0]),
        Change::StaffSession(s) => to.write(
            Statement::StaffSession,
            params![s.hash.0, s.staff.0, s.opened.micros(), s.expires.micros()],
        ),
        Change::StaffSessionEnded(hash) => to.write(Statement::StaffSessionEnded, params![hash.0]),
        other => Err(StoreError::Unusable(format!("no statement writes {other:?}"))),
    }
}

fn write_staff(to: &mut Prepared<'_>, vault: &Vault, s: &Staff) -> Result<(), StoreError> {
    let sealed = match s.password.is_empty() {
        true => None,
        false => Some(vault.seal(password_place(s.id.0), s.password.expose())?),
    };
    to.write(
        Statement::Staff,
        params![
            s.id.0,
            s.login,
            s.name,
            s.kind.word(),
            s.role.0,
            s.company.map(|id| id.0),
            sealed,
            s.disabled,
            s.created.micros(),
        ],
    )
}

/// Where the hash of somebody's password is sealed for.
pub(in super::super) fn password_place(id: i64) -> Place<'static> {
    Place { table: tables::STAFF.name, id, column: "password" }
}
