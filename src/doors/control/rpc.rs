//! JSON-RPC 2.0: requests and batches in, results and errors out. What the methods do is in [`super::methods`].
//!
//! Beside `params` a request may have `idempotency_key`: the same key with the same method and parameters has the first
//! answer (`"repeat": true`) for 30 days, with others the error `IDEMPOTENCY_CONFLICT`. Methods that only look do not
//! need one and ignore it.

use super::methods;
use crate::model::*;
use crate::operations::{Caller, Operations};
use crate::writer::Rejected;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::Arc;

/// What a method gets.
pub(super) struct Call {
    pub operations: Arc<Operations>,
    pub caller: Caller,
    params: Value,
}

impl Call {
    /// The parameters; members that the method does not know are an error.
    pub fn read<T: DeserializeOwned>(&mut self) -> Result<T, RpcError> {
        serde_json::from_value(self.params.take())
            .map_err(|error| RpcError::new(INVALID_PARAMS, "INVALID_PARAMS", format!("parameters: {error}")))
    }
}

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
pub(super) const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;
/// The rules refuse; final.
const REFUSED: i64 = -32000;
/// Nothing was done; come again.
const LATER: i64 = -32001;
/// Whether it was done is not known.
const UNKNOWN_OUTCOME: i64 = -32002;

impl RpcError {
    pub fn new(code: i64, token: &str, message: impl Into<String>) -> RpcError {
        RpcError { code, message: message.into(), token: token.to_owned() }
    }

    pub fn invalid_params(text: &str) -> RpcError {
        RpcError::new(INVALID_PARAMS, "INVALID_PARAMS", format!("parameters: {text}"))
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
        #[serde(default)]
        idempotency_key: Option<String>,
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
    let caller = match request.idempotency_key {
        // Members are in the order of their names in the text, however they came.
        Some(key) => Caller::keyed(actor.clone(), key, &[&request.method, &params.to_string()]),
        None => Caller::from(actor.clone()),
    };
    let call = Call { operations: Arc::clone(operations), caller, params };
    let result = methods::call(&request.method, call).await;
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

/// [`crate::operations::blocking`], with its value as the answer.
pub(super) async fn blocking<T: serde::Serialize + Send + 'static>(
    work: impl FnOnce() -> Result<T, Rejected> + Send + 'static,
) -> Result<Value, RpcError> {
    value(crate::operations::blocking(work).await?)
}

pub(super) fn value(result: impl serde::Serialize) -> Result<Value, RpcError> {
    serde_json::to_value(result).map_err(|error| {
        RpcError::new(UNKNOWN_OUTCOME, "INTERNAL", format!("the answer cannot be written: {error}"))
    })
}
