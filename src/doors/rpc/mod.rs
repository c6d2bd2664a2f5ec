//! JSON-RPC 2.0 (jsonrpc.org/specification): requests and batches in, results and errors out, for every door that speaks
//! it. What the methods do is in `operations::methods`; who calls is said by the door.
//!
//! Beside `params` a request may have `idempotency_key`: the same key with the same method and parameters has the first
//! answer (`"repeat": true`) for 30 days, with others the error `IDEMPOTENCY_CONFLICT`. Methods that only look do not
//! need one and ignore it.

mod error;

use crate::doors::http::{Body, Request, Response};
use crate::operations::{Operations, Principal, methods};
use error::RpcError;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Requests of one batch.
pub const BATCH_REQUESTS_MAX: usize = 1_000;
/// Requests of a batch that have not begun by then are not begun.
const BATCH_TIME: Duration = Duration::from_secs(60);

/// Who asks, as the door knows him.
pub struct Asked<'a> {
    pub operations: &'a Arc<Operations>,
    pub principal: &'a Principal,
}

/// Answers a `POST`: 200 with what JSON-RPC says, 204 for notifications only.
pub async fn respond(asked: &Asked<'_>, request: &Request) -> Response {
    let key = match request.headers.all("idempotency-key").next().map(std::str::from_utf8) {
        None => None,
        Some(Ok(key)) => Some(key.trim()),
        Some(Err(_)) => return Response::text(400, "Idempotency-Key: expected UTF-8\n"),
    };
    match answer(asked, key, &request.body).await {
        Some(answer) => Response::json(200, &answer),
        None => Response::new(204, "", Body::Static(b"")),
    }
}

/// Answers one request or a batch; None when there is nothing to answer. `key` is the header's, for a single request.
async fn answer(asked: &Asked<'_>, key: Option<&str>, body: &[u8]) -> Option<Value> {
    let request: Value = match serde_json::from_slice(body) {
        Ok(request) => request,
        Err(error) => return Some(RpcError::not_json(&error).response(Value::Null)),
    };
    let Value::Array(batch) = request else { return answer_one(asked, key, request).await };
    if let Some(error) = wrong_batch(key, &batch) {
        return Some(error.response(Value::Null));
    }
    let end = Instant::now() + BATCH_TIME;
    let mut answers = Vec::with_capacity(batch.len());
    for request in batch {
        let answer = match Instant::now() < end {
            true => answer_one(asked, None, request).await,
            false => request.get("id").map(|id| RpcError::not_begun().response(id.clone())),
        };
        answers.extend(answer);
    }
    (!answers.is_empty()).then_some(Value::Array(answers))
}

fn wrong_batch(key: Option<&str>, batch: &[Value]) -> Option<RpcError> {
    if batch.is_empty() {
        return Some(RpcError::invalid_request("the batch is empty"));
    }
    if batch.len() > BATCH_REQUESTS_MAX {
        let text = format!("{} requests in a batch, expected at most {BATCH_REQUESTS_MAX}", batch.len());
        return Some(RpcError::invalid_request(text));
    }
    key.map(|_| {
        RpcError::invalid_request(
            "the header Idempotency-Key is for one request; expected idempotency_key in each",
        )
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    jsonrpc: String,
    method: String,
    #[serde(default)]
    params: Option<Value>,
    #[serde(default)]
    idempotency_key: Option<String>,
    /// Read by itself, because an absent one makes a notification.
    #[serde(default, rename = "id")]
    _id: Value,
}

async fn answer_one(asked: &Asked<'_>, key: Option<&str>, request: Value) -> Option<Value> {
    let id = request.get("id").cloned();
    let request = match read(request, id.as_ref()) {
        Ok(request) => request,
        // What cannot be understood is no notification (section 5).
        Err(error) => return Some(error.response(id.filter(is_id).unwrap_or(Value::Null))),
    };
    let result = call(asked, key, request).await;
    let id = id?;
    Some(match result {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(error) => error.response(id),
    })
}

fn read(request: Value, id: Option<&Value>) -> Result<Call, RpcError> {
    if !request.is_object() {
        return Err(RpcError::invalid_request("expected an object with jsonrpc, method, params and id"));
    }
    if id.is_some_and(|id| !is_id(id)) {
        return Err(RpcError::invalid_request("id: expected a string, a number or null"));
    }
    let request: Call = serde_json::from_value(request)
        .map_err(|error| RpcError::invalid_request(format!("not a request: {error}")))?;
    if request.jsonrpc != "2.0" {
        return Err(RpcError::invalid_request("jsonrpc: expected \"2.0\""));
    }
    Ok(request)
}

fn is_id(id: &Value) -> bool {
    matches!(id, Value::Null | Value::String(_) | Value::Number(_))
}

async fn call(asked: &Asked<'_>, key: Option<&str>, request: Call) -> Result<Value, RpcError> {
    if request.method == methods::DISCOVER {
        return Ok(methods::document().clone());
    }
    let key = match (key, request.idempotency_key) {
        (Some(header), Some(member)) if header != member => {
            let text = "idempotency_key differs from the header Idempotency-Key";
            return Err(RpcError::invalid_request(text));
        }
        (header, member) => member.or(header.map(str::to_owned)),
    };
    let parameters = request.params.unwrap_or_else(|| json!({}));
    Ok(methods::call(asked.operations, asked.principal, key, &request.method, parameters).await?)
}
