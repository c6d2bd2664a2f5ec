//! Money moved by hand, as doors ask for it.

use super::{Caller, Operations};
use crate::engine::moment;
use crate::model::*;
use crate::writer::Rejected;
use schemars::JsonSchema;
use serde::Serialize;

/// The answer to a command: the members that the command has. Money and moments as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Answered {
    /// False when it already was so.
    pub changed: bool,
    /// The posting that was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    /// Right after the posting; between two contracts, of the one that gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// This is the answer to an earlier request with the same key; nothing was done now.
    pub repeat: bool,
}

impl Operations {
    /// Takes an operation back, once.
    pub async fn reverse(
        &self,
        op_id: i64,
        reason: String,
        caller: impl Into<Caller>,
    ) -> Result<Answered, Rejected> {
        self.correction(CorrectionCommand::Reverse { transfer: TransferId(op_id), reason }, caller).await
    }

    /// Puts a balance right; a sum below zero takes money.
    pub async fn correct(
        &self,
        who: &str,
        sum: &str,
        text: String,
        caller: impl Into<Caller>,
    ) -> Result<Answered, Rejected> {
        let (account, sum) = (self.who(who)?.account.id, self.sum(sum)?);
        let answer = self.correction(CorrectionCommand::Correct { account, sum, text }, caller).await?;
        // With its sign: the posting has two sides and none.
        Ok(Answered { amount: Some(self.money(sum)), ..answer })
    }

    /// Pays money out to the subscriber; at most what is the subscriber's own.
    pub async fn refund(
        &self,
        who: &str,
        sum: &str,
        text: String,
        caller: impl Into<Caller>,
    ) -> Result<Answered, Rejected> {
        let (account, sum) = (self.who(who)?.account.id, self.sum(sum)?);
        self.correction(CorrectionCommand::Refund { account, sum, text }, caller).await
    }

    /// Moves money between two contracts; at most what is the giver's own.
    pub async fn transfer(
        &self,
        from: &str,
        to: &str,
        sum: &str,
        text: String,
        caller: impl Into<Caller>,
    ) -> Result<Answered, Rejected> {
        let (from, to) = (self.who(from)?.account.id, self.who(to)?.account.id);
        let sum = self.sum(sum)?;
        self.correction(CorrectionCommand::Move { from, to, sum, text }, caller).await
    }

    /// Sets the credit limit; `until` is a day (to 00:00 of it) or a moment, empty for no end.
    pub async fn credit(
        &self,
        who: &str,
        limit: &str,
        until: &str,
        caller: impl Into<Caller>,
    ) -> Result<Answered, Rejected> {
        let (account, limit) = (self.who(who)?.account.id, self.sum(limit)?);
        let until = moment(until, &self.settings.time_zone)?;
        self.correction(CorrectionCommand::Credit { account, limit, until }, caller).await
    }

    async fn correction(
        &self,
        command: CorrectionCommand,
        caller: impl Into<Caller>,
    ) -> Result<Answered, Rejected> {
        self.answered(Command::Correction(command), caller).await
    }

    /// Carries out a command and gives its answer in words.
    pub(super) async fn answered(
        &self,
        command: Command,
        caller: impl Into<Caller>,
    ) -> Result<Answered, Rejected> {
        let (outcome, repeat) = self.carry_out(command, caller).await?;
        let posted = Answered { changed: true, repeat, ..Answered::default() };
        Ok(match outcome {
            Outcome::Done { changed } => Answered { changed, ..posted },
            Outcome::Charged { transfer, balance } => {
                Answered { op_id: Some(transfer.0), balance: Some(self.money(balance)), ..posted }
            }
            Outcome::Posted { transfer, amount, balance } => Answered {
                op_id: Some(transfer.0),
                amount: Some(self.money(amount)),
                balance: Some(self.money(balance)),
                ..posted
            },
            Outcome::Promised { sum, until, balance } => Answered {
                amount: Some(self.money(sum)),
                balance: Some(self.money(balance)),
                until: Some(self.time(until)),
                ..posted
            },
            _ => return Err(Rejected::Unknown),
        })
    }
}
