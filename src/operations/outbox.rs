//! The outbox as operators see it: what waits, what failed, and what they decide about it.

use super::money::store_trouble;
use super::{Caller, Operations, blocking};
use crate::engine::ITEMS_OF_A_COMMAND_MAX;
use crate::model::*;
use crate::storage::{OutboxFilter, OutboxRow};
use crate::writer::Rejected;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// Items given at most by one question.
const LIST_MAX: usize = 10_000;
const LIST_DEFAULT: usize = 100;

/// Which items are asked for, newest first.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OutboxQuery {
    /// Only those of this state.
    pub state: Option<DeliveryState>,
    /// Only of this webhook or command.
    pub target: Option<String>,
    /// Only this event.
    pub event: Option<i64>,
    /// Only earlier events than this one.
    pub before: Option<i64>,
    /// Items at most, 10000 or less; absent: 100.
    pub limit: Option<usize>,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct OutboxLine {
    pub event: i64,
    /// `webhook-id`.
    pub id: String,
    pub target: String,
    pub kind: String,
    pub contract: String,
    pub at: String,
    pub state: DeliveryState,
    pub attempts: u32,
    /// When it is tried next, while it is pending; else when that was over.
    pub next_at: String,
    pub error: String,
    /// What is sent.
    pub body: Value,
}

/// How much a target has waiting.
#[derive(Clone, Debug, JsonSchema, PartialEq, Eq, Serialize)]
pub struct OutboxTargetLine {
    pub target: String,
    /// False: it stands in the configuration no more.
    pub configured: bool,
    pub pending: u64,
    pub failed: u64,
    /// Age of the oldest pending one.
    pub oldest_seconds: Option<u64>,
    /// Why nothing is sent there; None: it is.
    pub disabled: Option<String>,
}

/// Which items an operator decides about.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutboxChoice {
    /// One event; either this or `failed`.
    #[serde(default)]
    pub event: Option<i64>,
    /// Every event that failed for good, the newest 1000.
    #[serde(default)]
    pub failed: bool,
    /// Only for this webhook or command.
    #[serde(default)]
    pub target: Option<String>,
}

#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Eq, Serialize)]
pub struct OutboxTouched {
    pub items: usize,
}

#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Eq, Serialize)]
pub struct OutboxSent {
    pub event: i64,
}

impl Operations {
    /// Items of the outbox, newest first. Asks the store: call from a thread that may block.
    pub fn outbox_list(&self, query: &OutboxQuery) -> Result<Vec<OutboxLine>, Rejected> {
        let filter = OutboxFilter {
            state: query.state,
            target: query.target.clone(),
            event: query.event,
            before: query.before,
            limit: query.limit.unwrap_or(LIST_DEFAULT).min(LIST_MAX),
        };
        let rows = self.reader.outbox_items(&filter).map_err(store_trouble)?;
        let directory = self.directory.read();
        let line = |row: OutboxRow| OutboxLine {
            id: OutboxItem::id(row.key.event, row.at),
            contract: row
                .account
                .and_then(|id| directory.account(id))
                .map_or_else(String::new, |(account, ..)| account.contract.clone()),
            event: row.key.event,
            target: row.key.target,
            kind: row.kind,
            at: self.time(row.at),
            state: row.state,
            attempts: row.attempts,
            next_at: self.time(row.next_at),
            error: row.error,
            body: serde_json::from_str(&row.body).unwrap_or(Value::String(row.body)),
        };
        Ok(rows.into_iter().map(line).collect())
    }

    /// Every target that is configured or has items, in order of name. Asks the store: call from a thread that may block.
    pub fn outbox_targets(&self) -> Result<Vec<OutboxTargetLine>, Rejected> {
        let now = self.clock.now();
        let counts = self.reader.outbox_counts().map_err(store_trouble)?;
        let configured = |name: &str| self.settings.events.targets.iter().any(|target| &*target.name == name);
        let mut lines: Vec<OutboxTargetLine> = counts
            .into_iter()
            .map(|count| OutboxTargetLine {
                configured: configured(&count.target),
                pending: count.pending,
                failed: count.failed,
                oldest_seconds: count.oldest.map(|oldest| now.since(oldest).as_secs()),
                disabled: count.disabled.map(|disabled| disabled.note),
                target: count.target,
            })
            .collect();
        for target in &self.settings.events.targets {
            if !lines.iter().any(|line| line.target == *target.name) {
                lines.push(OutboxTargetLine {
                    target: target.name.to_string(),
                    configured: true,
                    pending: 0,
                    failed: 0,
                    oldest_seconds: None,
                    disabled: None,
                });
            }
        }
        lines.sort_by(|a, b| a.target.cmp(&b.target));
        Ok(lines)
    }

    /// Delivers again: one event, also one that was delivered, or every one that failed.
    pub async fn outbox_replay(
        &self,
        choice: OutboxChoice,
        caller: impl Into<Caller>,
    ) -> Result<OutboxTouched, Rejected> {
        let not_pending = |state| state != DeliveryState::Pending;
        self.touch(choice, not_pending, OutboxCommand::Replay, caller.into()).await
    }

    /// Does not deliver, if it was not delivered.
    pub async fn outbox_drop(
        &self,
        choice: OutboxChoice,
        caller: impl Into<Caller>,
    ) -> Result<OutboxTouched, Rejected> {
        let open = |state| matches!(state, DeliveryState::Pending | DeliveryState::Failed);
        self.touch(choice, open, OutboxCommand::Drop, caller.into()).await
    }

    async fn touch(
        &self,
        choice: OutboxChoice,
        concerns: impl Fn(DeliveryState) -> bool,
        command: impl Fn(Vec<OutboxKey>) -> OutboxCommand,
        caller: Caller,
    ) -> Result<OutboxTouched, Rejected> {
        if choice.event.is_some() == choice.failed {
            return Err(Refusal::new("bad-choice", "either one event is meant, or all that failed").into());
        }
        let filter = OutboxFilter {
            state: choice.failed.then_some(DeliveryState::Failed),
            target: choice.target,
            event: choice.event,
            before: None,
            limit: ITEMS_OF_A_COMMAND_MAX,
        };
        let reader = Arc::clone(&self.reader);
        let rows = blocking(move || reader.outbox_items(&filter).map_err(store_trouble)).await?;
        let keys: Vec<_> = rows.into_iter().filter(|row| concerns(row.state)).map(|row| row.key).collect();
        if keys.is_empty() && choice.failed && caller.key.is_none() {
            return Ok(OutboxTouched { items: 0 });
        }
        match self.carry_out(Command::Outbox(command(keys)), caller).await? {
            (Outcome::Touched { items }, _) => Ok(OutboxTouched { items }),
            _ => Err(Rejected::Unknown),
        }
    }

    /// Sends a target an event that means nothing; what becomes of it shows in the list.
    pub async fn outbox_test(
        &self,
        target: String,
        caller: impl Into<Caller>,
    ) -> Result<OutboxSent, Rejected> {
        match self.carry_out(Command::Outbox(OutboxCommand::Test { target }), caller).await? {
            (Outcome::Sent { event }, _) => Ok(OutboxSent { event }),
            _ => Err(Rejected::Unknown),
        }
    }

    /// Sends a target nothing until it is enabled; false: it was so already.
    pub async fn outbox_disable(
        &self,
        target: String,
        caller: impl Into<Caller>,
    ) -> Result<super::Answered, Rejected> {
        let caller = caller.into();
        let note = format!("disabled by {}", caller.actor.0);
        let target = DisabledTarget { name: target, since: self.clock.now(), note };
        self.answered(Command::Outbox(OutboxCommand::Disable(target)), caller).await
    }

    pub async fn outbox_enable(
        &self,
        target: String,
        caller: impl Into<Caller>,
    ) -> Result<super::Answered, Rejected> {
        self.answered(Command::Outbox(OutboxCommand::Enable { target }), caller).await
    }
}
