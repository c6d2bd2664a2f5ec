//! Looking: who is there and how the server is; orders to NASes.

use super::{Call, MaybeWho, Nothing, RpcError, Who, blocking, unknown, value};
use crate::operations::{EventQuery, NasOrderKind, WhoHadQuery};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    words: Vec<String>,
}

pub(super) async fn call(method: &str, mut call: Call) -> Result<Value, RpcError> {
    match method {
        "status" => {
            let Nothing {} = call.read()?;
            blocking(move || Ok(call.operations.status())).await
        }
        "events" => {
            let query: EventQuery = call.read()?;
            value(call.operations.events(&query).await)
        }
        "find" => {
            let Words { words } = call.read()?;
            value(call.operations.find(&words))
        }
        "why" => {
            let Who { who } = call.read()?;
            value(call.operations.why(&who)?)
        }
        "who_had" => {
            let query: WhoHadQuery = call.read()?;
            blocking(move || call.operations.who_had(&query)).await
        }
        "sessions" => {
            let MaybeWho { who } = call.read()?;
            value(call.operations.sessions(who.as_deref())?)
        }
        "kick" => order(call, NasOrderKind::Disconnect).await,
        "coa" => order(call, NasOrderKind::Refresh).await,
        _ => Err(unknown(method)),
    }
}

async fn order(mut call: Call, kind: NasOrderKind) -> Result<Value, RpcError> {
    let Who { who } = call.read()?;
    value(call.operations.order(&who, kind).await?)
}
