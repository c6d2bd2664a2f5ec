//! Groups, plans, access servers, contracts and logins, one at a time.

use super::corrections::Answered;
use super::staff::made_password;
use super::{Caller, Operations};
use crate::model::*;
use crate::writer::Rejected;
use schemars::JsonSchema;
use serde::Serialize;

/// What became of an object.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct ObjectDone {
    /// `group`, `plan`, `nas`, `account`, `subscriber`.
    pub kind: String,
    /// Its name, contract number or login.
    pub name: String,
    pub effect: RowEffect,
    /// This is the answer to an earlier request with the same key; nothing was done now.
    pub repeat: bool,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct PasswordSet {
    pub login: String,
    /// The one that was made, shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// This is the answer to an earlier request with the same key; nothing was done now.
    pub repeat: bool,
}

impl Operations {
    /// Makes the object of the file's one row.
    ///
    /// # Errors
    /// The refusal `already-exists`, and those of [`Operations::load`].
    pub async fn add_object(
        &self,
        file: DataFile,
        caller: impl Into<Caller>,
    ) -> Result<ObjectDone, Rejected> {
        self.object(ObjectCommand::Add(Box::new(file)), caller).await
    }

    /// Changes the object of the file's one row: what the row does not say stays.
    ///
    /// # Errors
    /// The refusal `object-not-found`, and those of [`Operations::load`].
    pub async fn set_object(
        &self,
        file: DataFile,
        caller: impl Into<Caller>,
    ) -> Result<ObjectDone, Rejected> {
        self.object(ObjectCommand::Set(Box::new(file)), caller).await
    }

    async fn object(
        &self,
        command: ObjectCommand,
        caller: impl Into<Caller>,
    ) -> Result<ObjectDone, Rejected> {
        match self.carry_out(Command::Objects(command), caller).await? {
            (Outcome::Loaded(loaded), repeat) => match loaded.rows.into_iter().next_back() {
                Some(LoadedRow { kind, name, effect }) => Ok(ObjectDone { kind, name, effect, repeat }),
                None => Err(Rejected::Unknown),
            },
            _ => Err(Rejected::Unknown),
        }
    }

    /// Gives a login another password, clear text of at most 128 octets or one that is made here; hashes that it had
    /// are forgotten.
    pub async fn set_password(
        &self,
        who: &str,
        password: Option<SecretText>,
        caller: impl Into<Caller>,
    ) -> Result<PasswordSet, Rejected> {
        let login = self.subscriber(who)?.view.subscriber.login.clone();
        let (password, made) = match password {
            Some(password) => (password, None),
            None => {
                let made = made_password()?;
                (made.clone(), Some(made.expose().to_owned()))
            }
        };
        let row = SubscriberRow { login, password: Some(password), ..SubscriberRow::default() };
        let file = DataFile { subscriber: vec![row], ..DataFile::default() };
        let ObjectDone { name, repeat, .. } = self.set_object(file, caller).await?;
        Ok(PasswordSet { login: name, password: made.filter(|_| !repeat), repeat })
    }

    /// Ends a login: no access from now on, its addresses are free, its history stays.
    pub async fn close_subscriber(&self, who: &str, caller: impl Into<Caller>) -> Result<Answered, Rejected> {
        let subscriber = self.subscriber(who)?.id();
        self.answered(Command::Objects(ObjectCommand::CloseSubscriber(subscriber)), caller).await
    }

    /// Ends a contract.
    ///
    /// # Errors
    /// The refusals `balance-not-zero` and `subscriber-open`.
    pub async fn close_account(&self, who: &str, caller: impl Into<Caller>) -> Result<Answered, Rejected> {
        let account = self.who(who)?.account.id;
        self.answered(Command::Objects(ObjectCommand::CloseAccount(account)), caller).await
    }

    /// Takes the end of a contract back.
    pub async fn reopen_account(&self, who: &str, caller: impl Into<Caller>) -> Result<Answered, Rejected> {
        let account = self.who(who)?.account.id;
        self.answered(Command::Objects(ObjectCommand::ReopenAccount(account)), caller).await
    }
}
