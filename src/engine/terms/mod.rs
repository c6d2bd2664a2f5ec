//! What is agreed with subscribers: promises, pauses, plans, services, cuts (rules.md).
//!
//! For commands that change what a subscriber will owe. What is owed by the calendar is in [`super::fees`].

mod cuts;
mod pause;
mod plan;
mod promise;
mod recurring;
mod services;

use super::{Decision, State};
use crate::model::*;
pub(super) use plan::begin as begin_plan;
pub use promise::{PromiseOffer, Promises, promise_offer};
use std::sync::Arc;

pub(super) fn decide(
    state: &State,
    command: &TermsCommand,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    match command {
        TermsCommand::Promise { account, sum, days } => {
            promise::take(state, *account, *sum, *days, actor, now)
        }
        TermsCommand::Pause { subscriber, from, to } => {
            pause::plan(state, *subscriber, *from, *to, actor, now)
        }
        TermsCommand::Resume { subscriber } => pause::resume(state, *subscriber, actor, now),
        TermsCommand::Plan { .. } => plan::decide(state, command, actor, now),
        TermsCommand::AddService { .. }
        | TermsCommand::RemoveService { .. }
        | TermsCommand::Discount { .. }
        | TermsCommand::BuyPackage { .. } => services::decide(state, command, actor, now),
        TermsCommand::CutNow { account } => cuts::cut_now(state, *account, actor, now),
        TermsCommand::DeferCut { account, until } => cuts::defer(state, *account, *until, actor, now),
        TermsCommand::CatchUp => cuts::catch_up(state, actor, now),
        TermsCommand::Panic { open } => cuts::panic(state, *open, actor, now),
    }
}

fn account_of(state: &State, id: AccountId) -> Result<Arc<Account>, Refusal> {
    match state.accounts.get(&id) {
        Some(account) => Ok(Arc::clone(account)),
        None => refuse("account-not-found", format!("there is no account {id}")),
    }
}

fn refuse<T>(token: &str, text: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(token, text))
}

/// What was agreed or decided, for the audit.
fn audit(actor: &Actor, now: Timestamp, action: &str, subject: &str, text: String) -> Change {
    Change::Audit(AuditEntry {
        time: now,
        by: actor.0.clone(),
        action: action.to_owned(),
        subject: subject.to_owned(),
        text,
    })
}

/// The answer to a command of another part; [`decide`] sends none.
fn not_served() -> Refusal {
    Refusal::new("not-served", "this version does not do that")
}
