//! Who is cut next, what an operator decides about it, and the whole ledger's switches: panic, going live.

use super::corrections::Answered;
use super::{Caller, Operations};
use crate::engine::moment;
use crate::model::*;
use crate::writer::Rejected;
use schemars::JsonSchema;
use serde::Serialize;

/// A subscriber that is shut for money, or will be at a known moment.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct CutRow {
    pub login: String,
    pub contract: String,
    pub name: String,
    pub balance: String,
    /// What has to be paid to stay or to be let through again.
    pub to_pay: String,
    pub promised: String,
    /// When the shortage takes effect; none when it already has.
    pub cut_at: Option<String>,
}

impl Operations {
    /// Those to be cut, the next one first, then those who are shut already; by login within a moment.
    pub fn cut_list(&self) -> Vec<CutRow> {
        let inner = self.directory.read();
        let mut found: Vec<_> = inner
            .entries()
            .map(|entry| &entry.view)
            .filter(|view| view.cut_at.is_some() || (view.standing.negbal && !view.standing.blocked))
            .collect();
        let order = |view: &&crate::engine::SubscriberView| {
            (view.cut_at.is_none(), view.cut_at, view.subscriber.login.clone())
        };
        found.sort_by_cached_key(order);
        let row = |view: &crate::engine::SubscriberView| CutRow {
            login: view.subscriber.login.clone(),
            contract: view.account.contract.clone(),
            name: view.account.name.clone(),
            balance: self.money(view.balance),
            to_pay: self.money(view.to_pay),
            promised: self.money(view.promised),
            cut_at: view.cut_at.map(|at| self.time(at)),
        };
        found.into_iter().map(row).collect()
    }

    /// Without WHO: held fees may be made up. With one: its shortage takes effect now.
    pub async fn cut_approve(
        &self,
        who: Option<&str>,
        caller: impl Into<Caller>,
    ) -> Result<Answered, Rejected> {
        let command = match who {
            None => TermsCommand::CatchUp,
            Some(who) => TermsCommand::CutNow { account: self.who(who)?.account.id },
        };
        self.terms(command, caller).await
    }

    /// `until` is a day (to 00:00 of it) or a moment.
    pub async fn cut_defer(
        &self,
        who: &str,
        until: &str,
        caller: impl Into<Caller>,
    ) -> Result<Answered, Rejected> {
        let account = self.who(who)?.account.id;
        let missing = || Refusal::new("bad-date", "a cut is deferred until a date, like 2026-12-31 18:00");
        let until = moment(until, &self.settings.time_zone)?.ok_or_else(missing)?;
        self.terms(TermsCommand::DeferCut { account, until }, caller).await
    }

    /// Lets everybody through, or ends it.
    pub async fn panic(&self, open: bool, caller: impl Into<Caller>) -> Result<Answered, Rejected> {
        self.terms(TermsCommand::Panic { open }, caller).await
    }

    /// From now on `load --set-balances` is refused.
    pub async fn go_live(&self, caller: impl Into<Caller>) -> Result<Answered, Rejected> {
        self.answered(Command::Closing(ClosingCommand::GoLive), caller).await
    }
}
