//! The methods of the control socket by subject: parameters in, one call of an operation, a value out. A new method stands
//! in its subject's file and in the one match here.

mod access;
mod look;
mod money;
mod outbox;
mod reports;
mod staff;
mod terms;

use super::rpc::{Call, METHOD_NOT_FOUND, RpcError, blocking, value};
use serde::Deserialize;
use serde_json::Value;

/// Calls a method by its name.
pub(super) async fn call(method: &str, call: Call) -> Result<Value, RpcError> {
    match method {
        "status" | "events" | "find" | "why" | "who_had" | "sessions" | "kick" | "coa" => {
            look::call(method, call).await
        }
        "block" | "unblock" | "load" | "load_rating" | "go_live" | "panic.open" | "panic.close" => {
            access::call(method, call).await
        }
        "pay" | "charge" | "reverse" | "correct" | "refund" | "transfer" | "credit" | "ledger" | "books" => {
            money::call(method, call).await
        }
        "payments" | "statement" | "totals" | "reconcile" | "close_month" | "acts" => {
            reports::call(method, call).await
        }
        "promise" | "pause" | "resume" | "plan" | "service.add" | "service.remove" | "package"
        | "discount" | "cut.list" | "cut.approve" | "cut.defer" => terms::call(method, call).await,
        "operator.list"
        | "operator.add"
        | "operator.set"
        | "operator.disable"
        | "operator.enable"
        | "operator.password"
        | "operator.key.add"
        | "operator.key.revoke"
        | "role.list"
        | "role.add"
        | "role.set" => staff::call(method, call).await,
        "outbox.list" | "outbox.targets" | "outbox.replay" | "outbox.drop" | "outbox.test"
        | "outbox.enable" | "outbox.disable" => outbox::call(method, call).await,
        _ => Err(unknown(method)),
    }
}

fn unknown(method: &str) -> RpcError {
    RpcError::new(METHOD_NOT_FOUND, "METHOD_NOT_FOUND", format!("there is no method {method:?}"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Who {
    who: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MaybeWho {
    who: Option<String>,
}
