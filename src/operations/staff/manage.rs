//! Operators and roles: made, changed, disabled.

use super::super::{Caller, Operations, Principal};
use super::rows::{RoleRow, StaffRow};
use super::secrets;
use crate::model::*;
use crate::writer::Rejected;
use schemars::JsonSchema;
use serde::Serialize;

/// An operator as doors ask for one.
#[derive(Clone, Debug)]
pub struct StaffInput {
    pub login: String,
    pub name: String,
    pub kind: StaffKind,
    /// Name of the role.
    pub role: String,
    /// Name or id of a group; empty: none.
    pub company: String,
    pub password: NewPassword,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewPassword {
    /// No login by password.
    None,
    Given(SecretText),
    /// Shown once, in the answer.
    Generated,
}

/// What became of an operator.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct StaffDone {
    /// False when it already was so.
    pub changed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<StaffRow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleRow>,
    /// The one that was generated, shown this once. A repeat does not have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// This is the answer to an earlier request with the same key; nothing was done now.
    pub repeat: bool,
}

impl Operations {
    /// Makes an operator or API account.
    ///
    /// # Errors
    /// Refusals `login-taken`, `bad-login`, `bad-name`, `role-not-found`, `unknown-group`, `weak-password`, `no-right`.
    pub async fn staff_add(
        &self,
        input: StaffInput,
        by: &Principal,
        caller: impl Into<Caller>,
    ) -> Result<StaffDone, Rejected> {
        let StaffInput { login, name, kind, role, company, password } = input;
        let company = self.company_named(&company)?;
        let (hash, shown) = self.hashed(password).await?;
        let command = StaffCommand::Add { login: login.clone(), name, kind, role, company, password: hash };
        self.staff_changed(&login, command, shown, by, caller).await
    }

    /// Changes what is given; an empty `company` takes it away.
    pub async fn staff_set(
        &self,
        login: &str,
        name: Option<String>,
        role: Option<String>,
        company: Option<String>,
        by: &Principal,
        caller: impl Into<Caller>,
    ) -> Result<StaffDone, Rejected> {
        let company = company.map(|company| self.company_named(&company)).transpose()?;
        let command = StaffCommand::Set { login: login.to_owned(), name, role, company };
        self.staff_changed(login, command, None, by, caller).await
    }

    /// Ends the account's sessions and keys at once. Refusal `last-administrator`.
    pub async fn staff_disable(
        &self,
        login: &str,
        by: &Principal,
        caller: impl Into<Caller>,
    ) -> Result<StaffDone, Rejected> {
        let command = StaffCommand::Disable { login: login.to_owned() };
        self.staff_changed(login, command, None, by, caller).await
    }

    /// Lets it log in by password again; its keys are gone.
    pub async fn staff_enable(
        &self,
        login: &str,
        by: &Principal,
        caller: impl Into<Caller>,
    ) -> Result<StaffDone, Rejected> {
        let command = StaffCommand::Enable { login: login.to_owned() };
        self.staff_changed(login, command, None, by, caller).await
    }

    /// Sets a password and ends the account's sessions.
    pub async fn staff_password(
        &self,
        login: &str,
        password: NewPassword,
        by: &Principal,
        caller: impl Into<Caller>,
    ) -> Result<StaffDone, Rejected> {
        let (hash, shown) = self.hashed(password).await?;
        let command = StaffCommand::Password { login: login.to_owned(), password: hash };
        self.staff_changed(login, command, shown, by, caller).await
    }

    /// `rights` as [`Rights`] is written.
    pub async fn role_add(
        &self,
        name: &str,
        rights: &str,
        by: &Principal,
        caller: impl Into<Caller>,
    ) -> Result<StaffDone, Rejected> {
        let command = StaffCommand::AddRole { name: name.to_owned(), rights: rights_of(rights)? };
        self.role_changed(name, command, by, caller).await
    }

    /// Takes effect at once on everybody who has the role.
    pub async fn role_set(
        &self,
        name: &str,
        rights: &str,
        by: &Principal,
        caller: impl Into<Caller>,
    ) -> Result<StaffDone, Rejected> {
        let command = StaffCommand::SetRole { name: name.to_owned(), rights: rights_of(rights)? };
        self.role_changed(name, command, by, caller).await
    }

    async fn role_changed(
        &self,
        name: &str,
        command: StaffCommand,
        by: &Principal,
        caller: impl Into<Caller>,
    ) -> Result<StaffDone, Rejected> {
        let done = self.staff_command(command, by, caller).await?;
        let role = self.role_list().into_iter().find(|role| role.name == name);
        Ok(StaffDone { role, ..done })
    }

    async fn staff_changed(
        &self,
        login: &str,
        command: StaffCommand,
        shown: Option<String>,
        by: &Principal,
        caller: impl Into<Caller>,
    ) -> Result<StaffDone, Rejected> {
        let done = self.staff_command(command, by, caller).await?;
        let password = shown.filter(|_| !done.repeat);
        Ok(StaffDone { operator: self.staff_one(login, by).ok(), password, ..done })
    }

    /// Carries a command about staff out, in the name of `by`.
    pub(super) async fn staff_command(
        &self,
        command: StaffCommand,
        by: &Principal,
        caller: impl Into<Caller>,
    ) -> Result<StaffDone, Rejected> {
        let request = StaffRequest { by: by.authority(), command };
        match self.carry_out(Command::Staff(Box::new(request)), caller).await? {
            (Outcome::Done { changed }, repeat) => {
                Ok(StaffDone { changed, operator: None, role: None, password: None, repeat })
            }
            _ => Err(Rejected::Unknown),
        }
    }

    /// The PHC string, and the password itself where it was generated.
    async fn hashed(&self, password: NewPassword) -> Result<(SecretText, Option<String>), Rejected> {
        let (password, shown) = match password {
            NewPassword::None => return Ok((SecretText::default(), None)),
            NewPassword::Given(password) => (password, None),
            NewPassword::Generated => {
                let made = secrets::new_password()?;
                let shown = made.expose().to_owned();
                (made, Some(shown))
            }
        };
        let _turn = self.staff_logins.hashing.acquire().await.map_err(|_| Rejected::Unknown)?;
        let hash = super::super::blocking(move || secrets::hash_password(&password)).await?;
        Ok((hash, shown))
    }

    fn company_named(&self, name: &str) -> Result<Option<GroupId>, Refusal> {
        if name.is_empty() {
            return Ok(None);
        }
        match self.directory.read().group_named(name) {
            Some(group) => Ok(Some(group.id)),
            None => Err(Refusal::new("unknown-group", format!("there is no group {name:?}"))),
        }
    }
}

pub(super) fn rights_of(text: &str) -> Result<Rights, Refusal> {
    text.parse().map_err(|error: RightsError| Refusal::new("bad-right", error.to_string()))
}
