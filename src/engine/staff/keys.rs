//! Keys of API accounts, and sessions.

use super::desk::Desk;
use super::refuse;
use crate::model::*;

const KEYS_OF_ACCOUNT_MAX: usize = 100;
/// Beyond it the oldest is ended: a program that logs in for each call does not fill the table.
const SESSIONS_OF_ACCOUNT_MAX: usize = 1_000;
const NAME_CHARS_MAX: usize = 64;

/// [`StaffCommand::AddKey`].
pub(super) fn add(desk: &mut Desk<'_>, command: &StaffCommand) -> Result<(), Refusal> {
    let StaffCommand::AddKey { login, name, hash, rights, expires } = command else { return Ok(()) };
    let staff = desk.changeable(login)?;
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
        return refuse("bad-name", format!("a key's name has 1 to {NAME_CHARS_MAX} characters"));
    }
    if staff.disabled {
        return refuse("disabled", format!("operator {login:?} is disabled"));
    }
    if expires.is_some_and(|expires| expires <= desk.now) {
        return refuse("date-in-past", "a key expires at a moment to come");
    }
    desk.may_give(*rights)?;
    if desk.book().keys_of(staff.id).any(|key| key.name == *name) {
        return refuse("key-taken", format!("operator {login:?} has a key {name:?} already"));
    }
    if desk.book().keys_of(staff.id).count() >= KEYS_OF_ACCOUNT_MAX || desk.book().key(hash).is_some() {
        return refuse("too-many-keys", format!("operator {login:?} has {KEYS_OF_ACCOUNT_MAX} keys"));
    }
    let id = desk.book().next_key();
    let (name, created) = (name.clone(), desk.now);
    let text = format!("{name}: {rights}");
    desk.put(Change::ApiKey(ApiKey {
        id,
        staff: staff.id,
        name,
        hash: *hash,
        rights: *rights,
        expires: *expires,
        created,
    }));
    desk.audit("key-added", &staff.login, text);
    Ok(())
}

/// [`StaffCommand::RevokeKey`].
pub(super) fn revoke(desk: &mut Desk<'_>, login: &str, name: &str) -> Result<(), Refusal> {
    let staff = desk.changeable(login)?;
    let Some(key) = desk.book().keys_of(staff.id).find(|key| key.name == name) else {
        return refuse("key-not-found", format!("operator {login:?} has no key {name:?}"));
    };
    desk.put(Change::ApiKeyRevoked(key.id));
    desk.audit("key-revoked", &staff.login, name.to_owned());
    Ok(())
}

/// [`StaffCommand::OpenSession`].
pub(super) fn open_session(desk: &mut Desk<'_>, hash: SecretHash, expires: Timestamp) -> Result<(), Refusal> {
    let Some(StaffLogin { id, key: None }) = desk.login else {
        return refuse("no-session", "a session is opened after a login by password");
    };
    let ended: Vec<SecretHash> = {
        let open: Vec<&StaffSession> = desk.sessions().of(id).collect();
        let too_many = (open.len() + 1).saturating_sub(SESSIONS_OF_ACCOUNT_MAX);
        let numbered = open.iter().enumerate();
        numbered.filter(|(at, s)| *at < too_many || s.expires <= desk.now).map(|(_, s)| s.hash).collect()
    };
    ended.into_iter().for_each(|hash| desk.put(Change::StaffSessionEnded(hash)));
    desk.put(Change::StaffSession(StaffSession { hash, staff: id, opened: desk.now, expires }));
    Ok(())
}

/// [`StaffCommand::CloseSession`]: one's own, or anybody's whom one may change.
pub(super) fn close_session(desk: &mut Desk<'_>, hash: SecretHash) -> Result<(), Refusal> {
    let Some(session) = desk.sessions().find(&hash) else { return Ok(()) };
    let Some(staff) = desk.book().staff(session.staff) else { return Ok(()) };
    if !desk.is_caller(staff) {
        desk.changeable(&staff.login)?;
    }
    desk.put(Change::StaffSessionEnded(hash));
    Ok(())
}
