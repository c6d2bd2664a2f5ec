//! Who calls: logins of operators and API accounts by password, key or SID, and what is changed about them.
//!
//! Keys and SIDs are looked up in the directory by their hash, without I/O. A password costs a slow hash, so logins by
//! password are few at a time and guesses are counted. Which right a call needs is the door's to ask
//! ([`Principal::needs`]).

mod guesses;
mod keys;
mod manage;
mod rows;
mod secrets;

pub use keys::{KeyInput, KeyMade};
pub use manage::{NewPassword, StaffDone, StaffInput};
pub use rows::{RoleRow, StaffRow};

pub(super) use secrets::new_password as made_password;

use super::{Operations, Principal};
use crate::engine::StaffBook;
use crate::model::*;
use crate::writer::Rejected;
use guesses::Guesses;
use parking_lot::Mutex;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Passwords that are hashed at once: each takes 19 MiB and a processor for some 20 ms.
const HASHED_AT_ONCE_MAX: usize = 2;
/// Logins that wait for that at most; the next one is told to come again.
const WAITING_MAX: usize = 200;
const SID_DAYS_DEFAULT: u32 = 30;
const SECONDS_OF_DAY: u64 = 86_400;

/// What logins of the staff share.
pub struct StaffLogins {
    guesses: Mutex<Guesses>,
    hashing: Semaphore,
    waiting: Semaphore,
    sid_days: AtomicU32,
}

impl Default for StaffLogins {
    fn default() -> StaffLogins {
        StaffLogins {
            guesses: Mutex::default(),
            hashing: Semaphore::new(HASHED_AT_ONCE_MAX),
            waiting: Semaphore::new(WAITING_MAX),
            sid_days: AtomicU32::new(SID_DAYS_DEFAULT),
        }
    }
}

impl StaffLogins {
    /// SIDs opened from now on live so many days (`[management] sid-days`).
    pub fn set_sid_days(&self, days: u32) {
        self.sid_days.store(days, Ordering::Relaxed);
    }

    fn sid_life(&self) -> Duration {
        Duration::from_secs(u64::from(self.sid_days.load(Ordering::Relaxed)) * SECONDS_OF_DAY)
    }
}

impl Operations {
    /// Who logs in with these. A login that nobody has takes as long as a wrong password.
    ///
    /// # Errors
    /// Refusals `wrong-login` (also for a wrong password), `too-many-guesses` and `disabled` (only told to who knows
    /// the password); [`Rejected::Later`] when too many log in at once.
    pub async fn staff_login(
        &self,
        login: &str,
        password: &str,
        source: Option<IpAddr>,
    ) -> Result<Principal, Rejected> {
        let guard = &self.staff_logins;
        let busy = || Rejected::Later("too many log in at once".to_owned());
        let _place = guard.waiting.try_acquire().map_err(|_| busy())?;
        let _turn = guard.hashing.acquire().await.map_err(|_| busy())?;
        let now = self.clock.now();
        guard.guesses.lock().check(login, source, now)?;
        let known = self.directory.staff().login(login).cloned();
        let hash = known.as_ref().map(|staff| staff.password.clone()).unwrap_or_default();
        let given = SecretText::new(password);
        let right = tokio::task::spawn_blocking(move || secrets::is_password(&given, &hash)).await;
        let Some(staff) = known.filter(|_| matches!(right, Ok(true))) else {
            guard.guesses.lock().wrong(login, source, now);
            return Err(Refusal::new("wrong-login", "the login or the password is wrong").into());
        };
        guard.guesses.lock().right(login);
        // As it is now: it may have been disabled, or given another password, while this one was hashed.
        let book = self.directory.staff();
        match book.staff(staff.id) {
            Some(now) if now.password == staff.password => Ok(principal(&book, now, None)?),
            _ => Err(Refusal::new("wrong-login", "the login or the password is wrong").into()),
        }
    }

    /// Who shows this key. Refusals `wrong-key`, `expired-key`, `disabled`.
    pub fn staff_key(&self, key: &str) -> Result<Principal, Refusal> {
        let book = self.directory.staff();
        let found = book.key(&secrets::hash_of(key)).and_then(|key| Some((key, book.staff(key.staff)?)));
        let Some((key, staff)) = found else {
            return Err(Refusal::new("wrong-key", "there is no such key"));
        };
        if !key.is_valid_at(self.clock.now()) {
            return Err(Refusal::new("expired-key", format!("the key {:?} has expired", key.name)));
        }
        principal(&book, staff, Some(key))
    }

    /// Whose SID this is. Refusals `wrong-sid` (unknown, ended or expired) and `disabled`.
    pub fn staff_sid(&self, sid: &str) -> Result<Principal, Refusal> {
        let found = self.directory.staff_session(&secrets::hash_of(sid));
        let found = found.filter(|(session, _)| self.clock.now() < session.expires);
        let staff = found.as_ref().and_then(|(session, book)| Some((book, book.staff(session.staff)?)));
        match staff {
            Some((book, staff)) => principal(book, staff, None),
            None => Err(Refusal::new("wrong-sid", "there is no such session, or it has ended: log in again")),
        }
    }

    /// Opens a session for who has logged in by password: an SID like `1-` and 26 lower-case letters and digits, that
    /// lives `[management] sid-days`, also over a restart.
    ///
    /// # Errors
    /// The refusal `no-session` for who came by a key or by the control socket.
    pub async fn open_sid(&self, principal: &Principal) -> Result<String, Rejected> {
        let sid = secrets::new_sid()?;
        let expires = self.clock.now().saturating_add(self.staff_logins.sid_life());
        let command = StaffCommand::OpenSession { hash: secrets::hash_of(&sid), expires };
        self.staff_command(command, principal, principal.actor.clone()).await?;
        Ok(sid)
    }

    /// Ends a session; false when it had ended.
    pub async fn close_sid(&self, principal: &Principal, sid: &str) -> Result<bool, Rejected> {
        let command = StaffCommand::CloseSession { hash: secrets::hash_of(sid) };
        Ok(self.staff_command(command, principal, principal.actor.clone()).await?.changed)
    }
}

/// The caller with the rights of his role as it is now, narrowed by the key.
fn principal(book: &StaffBook, staff: &Staff, key: Option<&ApiKey>) -> Result<Principal, Refusal> {
    if staff.disabled {
        return Err(Refusal::new("disabled", format!("the account {:?} is disabled", staff.login)));
    }
    let kind = match staff.kind {
        StaffKind::Person => "operator",
        StaffKind::Api => "api",
    };
    let rights = book.rights_of(staff);
    Ok(Principal {
        actor: Actor(format!("{kind}:{}", staff.login)),
        rights: key.map_or(rights, |key| rights.intersect(key.rights)),
        company: staff.company,
        login: Some(StaffLogin { id: staff.id, key: key.map(|key| key.id) }),
    })
}
