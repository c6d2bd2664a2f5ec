//! The operations as methods of JSON-RPC 2.0: parameters in, one call, a value out.

use crate::model::*;
use crate::operations::{NasOrderKind, Operations, PaymentInput};
use crate::writer::Rejected;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::Arc;

/// Lines of a ledger or of payments where the caller does not say.
const LIMIT_DEFAULT: usize = 100;

/// An error of JSON-RPC 2.0.
#[derive(Debug)]
pub(super) struct RpcError {
    code: i64,
    message: String,
    /// Stable upper-case word.
    token: String,
}

const PARSE_ERROR: i64 = -32700;
const INVALID_REQUEST: i64 = -32600;
const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;
/// The rules refuse; final.
const REFUSED: i64 = -32000;
/// Nothing was done; come again.
const LATER: i64 = -32001;
/// Whether it was done is not known.
const UNKNOWN_OUTCOME: i64 = -32002;

impl RpcError {
    fn new(code: i64, token: &str, message: impl Into<String>) -> RpcError {
        RpcError { code, message: message.into(), token: token.to_owned() }
    }
}

impl From<Rejected> for RpcError {
    fn from(rejected: Rejected) -> RpcError {
        match rejected {
            Rejected::Refused(refusal) => refusal.into(),
            Rejected::Later(text) => RpcError::new(LATER, "LATER", format!("try again later: {text}")),
            Rejected::Unknown => {
                RpcError::new(UNKNOWN_OUTCOME, "UNKNOWN_OUTCOME", Rejected::Unknown.to_string())
            }
        }
    }
}

impl From<Refusal> for RpcError {
    fn from(refusal: Refusal) -> RpcError {
        let token = refusal.token.to_uppercase().replace('-', "_");
        RpcError::new(REFUSED, &token, refusal.text)
    }
}

/// Answers one request or a batch; None when there is nothing to answer (notifications only).
pub(super) async fn answer(operations: &Arc<Operations>, actor: &Actor, body: &[u8]) -> Option<Value> {
    let request: Value = match serde_json::from_slice(body) {
        Ok(request) => request,
        Err(error) => {
            let error = RpcError::new(PARSE_ERROR, "PARSE_ERROR", format!("not JSON: {error}"));
            return Some(failure(Value::Null, &error));
        }
    };
    let Value::Array(batch) = request else { return answer_one(operations, actor, request).await };
    if batch.is_empty() {
        let error = RpcError::new(INVALID_REQUEST, "INVALID_REQUEST", "the batch is empty");
        return Some(failure(Value::Null, &error));
    }
    let mut answers = Vec::with_capacity(batch.len());
    for request in batch {
        answers.extend(answer_one(operations, actor, request).await);
    }
    (!answers.is_empty()).then_some(Value::Array(answers))
}

async fn answer_one(operations: &Arc<Operations>, actor: &Actor, request: Value) -> Option<Value> {
    #[derive(Deserialize)]
    struct Request {
        jsonrpc: String,
        method: String,
        #[serde(default)]
        params: Option<Value>,
    }
    let id = request.get("id").cloned();
    let answer_id = id.clone().unwrap_or(Value::Null);
    let request = match serde_json::from_value::<Request>(request) {
        Ok(request) if request.jsonrpc == "2.0" => request,
        Ok(_) => {
            let error = RpcError::new(INVALID_REQUEST, "INVALID_REQUEST", "jsonrpc: expected \"2.0\"");
            return Some(failure(answer_id, &error));
        }
        Err(error) => {
            let error = RpcError::new(INVALID_REQUEST, "INVALID_REQUEST", format!("not a request: {error}"));
            return Some(failure(answer_id, &error));
        }
    };
    let params = request.params.unwrap_or_else(|| json!({}));
    let result = call(operations, actor, &request.method, params).await;
    id.as_ref()?;
    Some(match result {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": answer_id, "result": result }),
        Err(error) => failure(answer_id, &error),
    })
}

fn failure(id: Value, error: &RpcError) -> Value {
    json!({
        "jsonrpc": "2.0",
        "id": id,
        "error": { "code": error.code, "message": error.message, "data": { "token": error.token } },
    })
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    words: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pay {
    who: String,
    sum: String,
    operator: String,
    id: String,
    #[serde(default)]
    date: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Charge {
    who: String,
    sum: String,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Block {
    who: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ledger {
    who: String,
    limit: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payments {
    since: Option<String>,
    limit: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Load {
    file: DataFile,
    #[serde(default)]
    options: LoadOptions,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LoadRating {
    files: RatingFiles,
    #[serde(default)]
    options: LoadOptions,
}

async fn call(
    operations: &Arc<Operations>,
    actor: &Actor,
    method: &str,
    params: Value,
) -> Result<Value, RpcError> {
    match method {
        "status" => {
            let Nothing {} = read(params)?;
            value(operations.status())
        }
        "find" => {
            let Words { words } = read(params)?;
            value(operations.find(&words))
        }
        "why" => {
            let Who { who } = read(params)?;
            value(operations.why(&who)?)
        }
        "sessions" => {
            let MaybeWho { who } = read(params)?;
            value(operations.sessions(who.as_deref())?)
        }
        "kick" => order(operations, params, NasOrderKind::Disconnect).await,
        "coa" => order(operations, params, NasOrderKind::Refresh).await,
        "pay" => {
            let Pay { who, sum, operator, id, date } = read(params)?;
            let input = PaymentInput { who, sum, operator, id, date };
            value(operations.pay(input, actor.clone()).await?)
        }
        "charge" => {
            let Charge { who, sum, text } = read(params)?;
            let (op_id, balance) = operations.charge(&who, &sum, text, actor.clone()).await?;
            Ok(json!({ "op_id": op_id, "balance": balance }))
        }
        "block" => {
            let Block { who, reason } = read(params)?;
            Ok(json!({ "changed": operations.block(&who, reason, actor.clone()).await? }))
        }
        "unblock" => {
            let Who { who } = read(params)?;
            Ok(json!({ "changed": operations.unblock(&who, actor.clone()).await? }))
        }
        "load" => {
            let Load { file, options } = read(params)?;
            value(operations.load(file, options, actor.clone()).await?)
        }
        "load_rating" => {
            let LoadRating { files, options } = read(params)?;
            value(operations.load_rating(files, options, actor.clone()).await?)
        }
        "ledger" => {
            let Ledger { who, limit } = read(params)?;
            let operations = Arc::clone(operations);
            blocking(move || operations.ledger(&who, limit.unwrap_or(LIMIT_DEFAULT))).await
        }
        "payments" => {
            let Payments { since, limit } = read(params)?;
            let operations = Arc::clone(operations);
            blocking(move || operations.payments(since.as_deref(), limit.unwrap_or(LIMIT_DEFAULT))).await
        }
        _ => {
            Err(RpcError::new(METHOD_NOT_FOUND, "METHOD_NOT_FOUND", format!("there is no method {method:?}")))
        }
    }
}

async fn order(operations: &Operations, params: Value, kind: NasOrderKind) -> Result<Value, RpcError> {
    let Who { who } = read(params)?;
    value(operations.order(&who, kind).await?)
}

/// Runs what asks the store, away from the threads that serve sockets.
async fn blocking<T: serde::Serialize + Send + 'static>(
    work: impl FnOnce() -> Result<T, Rejected> + Send + 'static,
) -> Result<Value, RpcError> {
    let result = tokio::task::spawn_blocking(work).await.unwrap_or(Err(Rejected::Unknown))?;
    value(result)
}

fn read<T: DeserializeOwned>(params: Value) -> Result<T, RpcError> {
    serde_json::from_value(params)
        .map_err(|error| RpcError::new(INVALID_PARAMS, "INVALID_PARAMS", format!("parameters: {error}")))
}

fn value(result: impl serde::Serialize) -> Result<Value, RpcError> {
    serde_json::to_value(result).map_err(|error| {
        RpcError::new(UNKNOWN_OUTCOME, "INTERNAL", format!("the answer cannot be written: {error}"))
    })
}
