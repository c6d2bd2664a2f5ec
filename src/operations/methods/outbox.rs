//! Events for other programs.

use super::{Call, Method, Nothing, blocking, changes, looks, right};
use crate::model::{Action, Module};
use crate::operations::{OutboxChoice, OutboxQuery};
use schemars::JsonSchema;
use serde::Deserialize;

const CHOICE: &[&str] = &["bad-choice", "not-found"];

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Target {
    /// Name of a webhook or command of `[notify]`.
    target: String,
}

pub(super) fn methods() -> Vec<Method> {
    looking().into_iter().chain(deciding()).collect()
}

fn looking() -> [Method; 2] {
    let read = right(Module::System, Action::Read);
    [
        looks(
            "outbox.list",
            "Events for webhooks and commands and what became of them, newest first.",
            read,
            async |call: Call, query: OutboxQuery| {
                blocking(move || call.operations.outbox_list(&query)).await
            },
        ),
        looks(
            "outbox.targets",
            "How much each webhook and command has waiting.",
            read,
            async |call: Call, Nothing {}| blocking(move || call.operations.outbox_targets()).await,
        ),
    ]
}

fn deciding() -> [Method; 5] {
    let execute = right(Module::System, Action::Execute);
    let write = right(Module::System, Action::Write);
    [
        changes(
            "outbox.replay",
            "Delivers again: one event, or every one that failed, the newest 1000.",
            execute,
            async |call: Call, choice: OutboxChoice| {
                Ok(call.operations.outbox_replay(choice, call.caller).await?)
            },
        )
        .refuses(&[CHOICE]),
        changes(
            "outbox.drop",
            "Does not deliver: one event, or every one that failed, the newest 1000.",
            execute,
            async |call: Call, choice: OutboxChoice| {
                Ok(call.operations.outbox_drop(choice, call.caller).await?)
            },
        )
        .refuses(&[CHOICE]),
        changes(
            "outbox.test",
            "Sends a webhook or command a test event; the list says what became of it.",
            execute,
            async |call: Call, Target { target }| {
                Ok(call.operations.outbox_test(target, call.caller).await?)
            },
        )
        .refuses(&[&["no-such-target", "target-disabled"]]),
        changes(
            "outbox.enable",
            "Sends to a disabled webhook or command again.",
            write,
            async |call: Call, Target { target }| {
                Ok(call.operations.outbox_enable(target, call.caller).await?)
            },
        )
        .refuses(&[&["no-such-target"]]),
        changes(
            "outbox.disable",
            "Sends a webhook or command nothing until it is enabled.",
            write,
            async |call: Call, Target { target }| {
                Ok(call.operations.outbox_disable(target, call.caller).await?)
            },
        )
        .refuses(&[&["no-such-target"]]),
    ]
}
