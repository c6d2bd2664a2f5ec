//! Who may pass, and what the ledger holds as a whole.

use super::{Call, Nothing, RpcError, Who, unknown, value};
use crate::model::{DataFile, LoadOptions};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Block {
    who: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Load {
    file: DataFile,
    #[serde(default)]
    options: LoadOptions,
}

pub(super) async fn call(method: &str, mut call: Call) -> Result<Value, RpcError> {
    match method {
        "block" => {
            let Block { who, reason } = call.read()?;
            value(call.operations.block(&who, reason, call.caller).await?)
        }
        "unblock" => {
            let Who { who } = call.read()?;
            value(call.operations.unblock(&who, call.caller).await?)
        }
        "load" => {
            let Load { file, options } = call.read()?;
            value(call.operations.load(file, options, call.caller).await?)
        }
        "go_live" => {
            let Nothing {} = call.read()?;
            value(call.operations.go_live(call.caller).await?)
        }
        "panic.open" | "panic.close" => {
            let Nothing {} = call.read()?;
            value(call.operations.panic(method == "panic.open", call.caller).await?)
        }
        _ => Err(unknown(method)),
    }
}
