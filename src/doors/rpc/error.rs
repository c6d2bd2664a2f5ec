//! Errors of JSON-RPC 2.0, with a stable upper-case word each.

use crate::operations::methods::{MethodError, REFUSED, upper};
use serde_json::{Value, json};

const PARSE_ERROR: i64 = -32700;
const INVALID_REQUEST: i64 = -32600;
const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;
const INTERNAL: i64 = -32603;
/// Nothing was done; come again.
const LATER: i64 = -32001;
/// Whether it was done is not known.
const UNKNOWN_OUTCOME: i64 = -32002;

#[derive(Debug)]
pub(super) struct RpcError {
    code: i64,
    message: String,
    token: String,
    /// The parameter that is wrong.
    field: Option<String>,
}

impl RpcError {
    fn new(code: i64, token: &str, message: impl Into<String>) -> RpcError {
        RpcError { code, message: message.into(), token: token.to_owned(), field: None }
    }

    pub fn not_json(error: &serde_json::Error) -> RpcError {
        RpcError::new(PARSE_ERROR, "PARSE_ERROR", format!("not JSON: {error}"))
    }

    pub fn invalid_request(text: impl Into<String>) -> RpcError {
        RpcError::new(INVALID_REQUEST, "INVALID_REQUEST", text)
    }

    pub fn not_begun() -> RpcError {
        RpcError::new(LATER, "LATER", "try again later: the batch took too long, this request was not begun")
    }

    /// The whole answer to the request of this id.
    pub fn response(self, id: Value) -> Value {
        let mut data = json!({ "token": self.token });
        if let (Some(data), Some(field)) = (data.as_object_mut(), self.field) {
            data.insert("field".to_owned(), field.into());
        }
        json!({
            "jsonrpc": "2.0",
            "id": id,
            "error": { "code": self.code, "message": self.message, "data": data },
        })
    }
}

impl From<MethodError> for RpcError {
    fn from(error: MethodError) -> RpcError {
        match error {
            MethodError::Unknown(name) => {
                RpcError::new(METHOD_NOT_FOUND, "METHOD_NOT_FOUND", format!("there is no method {name:?}"))
            }
            MethodError::Parameters(wrong) => {
                let place = if wrong.field.is_empty() { "parameters" } else { &wrong.field };
                let message = format!("{place}: {}", wrong.text);
                RpcError {
                    field: Some(wrong.field),
                    ..RpcError::new(INVALID_PARAMS, "INVALID_PARAMS", message)
                }
            }
            MethodError::Refused(refusal) => RpcError::new(REFUSED, &upper(&refusal.token), refusal.text),
            MethodError::Later(text) => RpcError::new(LATER, "LATER", format!("try again later: {text}")),
            MethodError::UnknownOutcome => {
                let text = crate::writer::Rejected::Unknown.to_string();
                RpcError::new(UNKNOWN_OUTCOME, "UNKNOWN_OUTCOME", text)
            }
            MethodError::Internal(text) => {
                RpcError::new(INTERNAL, "INTERNAL", format!("the answer cannot be written: {text}"))
            }
        }
    }
}
