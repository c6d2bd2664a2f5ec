//! Keys of API accounts.

use super::super::{Caller, Operations, Principal};
use super::manage::{StaffDone, rights_of};
use super::secrets;
use crate::engine::moment;
use crate::model::*;
use crate::writer::Rejected;
use schemars::JsonSchema;
use serde::Serialize;

/// A key as doors ask for one.
#[derive(Clone, Debug)]
pub struct KeyInput {
    /// Whose.
    pub login: String,
    pub name: String,
    /// As [`Rights`] is written; empty: those of the role as it is now.
    pub rights: String,
    /// A day or a moment; empty: never.
    pub expires: String,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct KeyMade {
    pub login: String,
    pub name: String,
    pub rights: String,
    /// Shown this once. None: this is the answer to an earlier request with the same idempotency key.
    pub key: Option<String>,
    pub repeat: bool,
}

impl Operations {
    /// Makes a key. Its rights are those given as far as the account's role has them.
    ///
    /// # Errors
    /// Refusals `operator-not-found`, `key-taken`, `bad-right`, `no-right`, `disabled`, `bad-date`, `date-in-past`.
    pub async fn key_add(
        &self,
        input: KeyInput,
        by: &Principal,
        caller: impl Into<Caller>,
    ) -> Result<KeyMade, Rejected> {
        let KeyInput { login, name, rights, expires } = input;
        let rights = match rights.trim() {
            "" => self.rights_of_login(&login),
            text => rights_of(text)?,
        };
        let expires = moment(&expires, &self.settings.time_zone)?;
        let key = secrets::new_key()?;
        let command = StaffCommand::AddKey {
            login: login.clone(),
            name: name.clone(),
            hash: secrets::hash_of(&key),
            rights,
            expires,
        };
        let done = self.staff_command(command, by, caller).await?;
        let key = Some(key).filter(|_| !done.repeat);
        Ok(KeyMade { login, name, rights: rights.to_string(), key, repeat: done.repeat })
    }

    /// Ends a key at once. Refusal `key-not-found`.
    pub async fn key_revoke(
        &self,
        login: &str,
        name: &str,
        by: &Principal,
        caller: impl Into<Caller>,
    ) -> Result<StaffDone, Rejected> {
        let command = StaffCommand::RevokeKey { login: login.to_owned(), name: name.to_owned() };
        self.staff_command(command, by, caller).await
    }

    /// None for a login that nobody has, which the command then refuses.
    fn rights_of_login(&self, login: &str) -> Rights {
        let book = self.directory.staff();
        book.login(login).map(|staff| book.rights_of(staff)).unwrap_or_default()
    }
}
