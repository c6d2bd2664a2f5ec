//! `/hook/CODE`: a payment as a signed JSON notification (Standard Webhooks 1.0.0: `webhook-id`, `webhook-timestamp`,
//! `webhook-signature`).

use super::advice;
use crate::config::{Passwords, PaymentOperator, PaymentResult};
use crate::doors::http::{Request, Response};
use crate::model::{Actor, Money, Timestamp};
use crate::operations::{Operations, PaymentCall, PaymentInput};
use crate::writer::Rejected;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;
use std::sync::Arc;

/// How old or how far ahead a notification may be.
const TOLERANCE_SECONDS: i64 = 5 * 60;
/// Signatures of one notification that are looked at.
const SIGNATURES_MAX: usize = 8;
/// The prefix of secrets that are written in base64.
const SECRET_PREFIX: &str = "whsec_";

#[derive(Deserialize)]
struct Notification {
    account: Value,
    sum: Value,
    id: Value,
    #[serde(default)]
    date: Value,
}

/// Why it was not taken.
struct Refused {
    status: u16,
    token: String,
    text: String,
    advice: String,
}

impl Refused {
    fn new(status: u16, token: &str, text: impl Into<String>) -> Refused {
        let text = text.into();
        Refused { status, token: token.to_owned(), advice: text.clone(), text }
    }
}

/// Answers a notification: 200 once the payment is in the ledger, also when it was before; 4xx for what will not
/// become right by repeating; 503 for what will.
pub(super) async fn answer(
    operations: &Arc<Operations>,
    operator: &PaymentOperator,
    secrets: &Passwords,
    request: &Request,
) -> (Response, PaymentCall) {
    let mut call = PaymentCall {
        operator: operator.code.clone(),
        asked: "a notification".into(),
        ..PaymentCall::default()
    };
    match take(operations, operator, secrets, request, &mut call).await {
        Ok(response) => {
            "HTTP 200".clone_into(&mut call.answer);
            (response, call)
        }
        Err(refused) => {
            call.answer = format!("HTTP {}", refused.status);
            call.result.clone_from(&refused.token);
            call.advice = refused.advice;
            (
                Response::json(
                    refused.status,
                    &json!({ "error": refused.token, "error_text": refused.text }),
                ),
                call,
            )
        }
    }
}

async fn take(
    operations: &Arc<Operations>,
    operator: &PaymentOperator,
    secrets: &Passwords,
    request: &Request,
    call: &mut PaymentCall,
) -> Result<Response, Refused> {
    check_signature(secrets, request, operations.clock.now())?;
    let notification: Notification = serde_json::from_slice(&request.body)
        .map_err(|error| Refused::new(400, "bad-notification", format!("not a notification: {error}")))?;
    let text = |name: &str, value: &Value| match value {
        Value::String(text) => Ok(text.trim().to_owned()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Null => Ok(String::new()),
        _ => Err(Refused::new(400, "bad-notification", format!("{name}: expected a text or a number"))),
    };
    let (account, sum) = (text("account", &notification.account)?, text("sum", &notification.sum)?);
    let (id, date) = (text("id", &notification.id)?, text("date", &notification.date)?);
    call.asked = format!("pay {sum} to {account}, id {id}");
    call.account.clone_from(&account);
    let refused = |result: PaymentResult, text: &str| Refused {
        advice: advice::of(result, operator, text),
        ..Refused::new(422, result.as_str(), text)
    };
    let who = operator
        .accounts
        .payer(&account)
        .ok_or_else(|| refused(PaymentResult::BadAccount, "the account is not written as it should be"))?;
    check_limits(operations, operator, &sum).map_err(|result| refused(result, "the sum is out of bounds"))?;
    let input = PaymentInput { who, sum, operator: operator.code.clone(), id, date };
    match operations.pay(input, Actor(operator.code.clone())).await {
        Ok(payment) => {
            let result = if payment.repeat { PaymentResult::Repeat } else { PaymentResult::Ok };
            result.as_str().clone_into(&mut call.result);
            call.contract.clone_from(&payment.contract_number);
            Ok(Response::json(
                200,
                &json!({
                    "op_id": payment.op_id,
                    "id": payment.pay_id_str,
                    "sum": payment.sum_in,
                    "time": payment.time,
                    "repeat": payment.repeat,
                }),
            ))
        }
        Err(Rejected::Refused(refusal)) => {
            let status = match &*refusal.token {
                "subscriber-not-found" => 404,
                token if token.starts_with("duplicate") => 409,
                _ => 422,
            };
            Err(Refused::new(status, &refusal.token, refusal.text))
        }
        Err(trouble @ (Rejected::Later(_) | Rejected::Unknown)) => {
            Err(Refused::new(503, "later", trouble.to_string()))
        }
    }
}

/// What the operator's own bounds say; whatever is no sum at all is left to the ledger's words.
fn check_limits(operations: &Operations, operator: &PaymentOperator, sum: &str) -> Result<(), PaymentResult> {
    let Ok(sum) = Money::parse(sum, operations.settings.currency_digits) else { return Ok(()) };
    if operator.sum_min.is_some_and(|least| sum < least) {
        return Err(PaymentResult::SumTooSmall);
    }
    match operator.sum_max.is_some_and(|most| sum > most) {
        true => Err(PaymentResult::SumTooBig),
        false => Ok(()),
    }
}

/// One of the signatures is made with one of the secrets, over `ID.TIMESTAMP.BODY`, not long ago.
fn check_signature(secrets: &Passwords, request: &Request, now: Timestamp) -> Result<(), Refused> {
    let header = |name| request.headers.find(name).map(str::trim).filter(|value| !value.is_empty());
    let absent = || {
        Refused::new(401, "no-signature", "webhook-id, webhook-timestamp and webhook-signature are needed")
    };
    let id = header("webhook-id").ok_or_else(absent)?;
    let timestamp = header("webhook-timestamp").ok_or_else(absent)?;
    let signatures = header("webhook-signature").ok_or_else(absent)?;
    let seconds: Option<i64> = timestamp.parse().ok();
    let distance = seconds.and_then(|seconds| seconds.checked_sub(now.micros().div_euclid(1_000_000)));
    if distance.is_none_or(|distance| distance.unsigned_abs() > TOLERANCE_SECONDS.unsigned_abs()) {
        let text =
            "webhook-timestamp is more than 5 minutes away from this server's clock, or no number of seconds";
        return Err(Refused::new(401, "wrong-time", text));
    }
    let given: Vec<Vec<u8>> = signatures
        .split_whitespace()
        .filter_map(|signature| signature.strip_prefix("v1,"))
        .take(SIGNATURES_MAX)
        .filter_map(|signature| BASE64_STANDARD.decode(signature).ok())
        .collect();
    let mut right = false;
    for secret in secrets.iter() {
        let key = match secret.expose().strip_prefix(SECRET_PREFIX).map(|text| BASE64_STANDARD.decode(text)) {
            Some(Ok(key)) => zeroize::Zeroizing::new(key),
            _ => zeroize::Zeroizing::new(secret.expose().as_bytes().to_vec()),
        };
        // A key of any length is taken.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { continue };
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", &request.body] {
            mac.update(part);
        }
        for given in &given {
            right |= mac.clone().verify_slice(given).is_ok();
        }
    }
    if right {
        return Ok(());
    }
    Err(Refused::new(401, "wrong-signature", "webhook-signature is not made with a secret of this operator"))
}
