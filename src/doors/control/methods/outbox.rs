//! Events for other programs.

use super::{Call, Nothing, RpcError, blocking, unknown, value};
use crate::operations::{OutboxChoice, OutboxQuery};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    target: String,
}

pub(super) async fn call(method: &str, mut call: Call) -> Result<Value, RpcError> {
    match method {
        "outbox.list" => {
            let query: OutboxQuery = call.read()?;
            blocking(move || call.operations.outbox_list(&query)).await
        }
        "outbox.targets" => {
            let Nothing {} = call.read()?;
            blocking(move || call.operations.outbox_targets()).await
        }
        "outbox.replay" => {
            let choice: OutboxChoice = call.read()?;
            value(call.operations.outbox_replay(choice, call.caller).await?)
        }
        "outbox.drop" => {
            let choice: OutboxChoice = call.read()?;
            value(call.operations.outbox_drop(choice, call.caller).await?)
        }
        "outbox.test" => {
            let Target { target } = call.read()?;
            value(call.operations.outbox_test(target, call.caller).await?)
        }
        "outbox.enable" => {
            let Target { target } = call.read()?;
            value(call.operations.outbox_enable(target, call.caller).await?)
        }
        "outbox.disable" => {
            let Target { target } = call.read()?;
            value(call.operations.outbox_disable(target, call.caller).await?)
        }
        _ => Err(unknown(method)),
    }
}
