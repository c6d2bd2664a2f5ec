//! Operators, API accounts, roles, keys and sessions: who may do what is decided here and published for the doors.
//!
//! Nobody gives rights that he has not, changes somebody who has more than he, or leaves the ledger without an
//! administrator. A reseller's people see their own company alone. What passwords and keys are is not known here, only
//! their hashes.

mod book;
mod desk;
mod keys;
mod people;
mod roles;

pub use book::StaffBook;
pub(super) use book::StaffSessions;

use super::{Decision, State};
use crate::model::*;
use desk::Desk;

pub(super) fn decide(
    state: &State,
    request: &StaffRequest,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let mut desk = Desk::open(state, &request.by, actor, now)?;
    match &request.command {
        StaffCommand::Add { .. } => people::add(&mut desk, &request.command)?,
        StaffCommand::Set { login, name, role, company } => {
            people::set(&mut desk, login, name.as_deref(), role.as_deref(), *company)?;
        }
        StaffCommand::Disable { login } => people::disable(&mut desk, login)?,
        StaffCommand::Enable { login } => people::enable(&mut desk, login)?,
        StaffCommand::Password { login, password } => people::password(&mut desk, login, password)?,
        StaffCommand::AddRole { name, rights } => roles::add(&mut desk, name, *rights)?,
        StaffCommand::SetRole { name, rights } => roles::set(&mut desk, name, *rights)?,
        StaffCommand::AddKey { .. } => keys::add(&mut desk, &request.command)?,
        StaffCommand::RevokeKey { login, name } => keys::revoke(&mut desk, login, name)?,
        StaffCommand::OpenSession { hash, expires } => keys::open_session(&mut desk, *hash, *expires)?,
        StaffCommand::CloseSession { hash } => keys::close_session(&mut desk, *hash)?,
    }
    desk.close()
}

fn refuse<T>(token: &str, text: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(token, text))
}

#[cfg(test)]
mod tests;
