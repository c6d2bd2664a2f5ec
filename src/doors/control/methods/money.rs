//! Payments, corrections, and what was posted.

use super::{Call, Nothing, RpcError, blocking, unknown, value};
use crate::operations::{LedgerQuery, PaymentInput};
use serde::Deserialize;
use serde_json::Value;

/// Lines of a ledger or of payments where the caller does not say.
const LIMIT_DEFAULT: usize = 100;

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
struct Sum {
    who: String,
    sum: String,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reverse {
    op_id: i64,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Transfer {
    from: String,
    to: String,
    sum: String,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credit {
    who: String,
    sum: String,
    #[serde(default)]
    until: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ledger {
    who: String,
    #[serde(default)]
    since: String,
    #[serde(default)]
    until: String,
    limit: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payments {
    since: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn call(method: &str, call: Call) -> Result<Value, RpcError> {
    match method {
        "ledger" | "payments" | "books" => look(method, call).await,
        _ => change(method, call).await,
    }
}

async fn change(method: &str, mut call: Call) -> Result<Value, RpcError> {
    match method {
        "pay" => {
            let Pay { who, sum, operator, id, date } = call.read()?;
            let input = PaymentInput { who, sum, operator, id, date };
            value(call.operations.pay(input, call.caller).await?)
        }
        "charge" => {
            let Sum { who, sum, text } = call.read()?;
            value(call.operations.charge(&who, &sum, text, call.caller).await?)
        }
        "reverse" => {
            let Reverse { op_id, reason } = call.read()?;
            value(call.operations.reverse(op_id, reason, call.caller).await?)
        }
        "correct" => {
            let Sum { who, sum, text } = call.read()?;
            value(call.operations.correct(&who, &sum, text, call.caller).await?)
        }
        "refund" => {
            let Sum { who, sum, text } = call.read()?;
            value(call.operations.refund(&who, &sum, text, call.caller).await?)
        }
        "transfer" => {
            let Transfer { from, to, sum, text } = call.read()?;
            value(call.operations.transfer(&from, &to, &sum, text, call.caller).await?)
        }
        "credit" => {
            let Credit { who, sum, until } = call.read()?;
            value(call.operations.credit(&who, &sum, &until, call.caller).await?)
        }
        _ => Err(unknown(method)),
    }
}

async fn look(method: &str, mut call: Call) -> Result<Value, RpcError> {
    match method {
        "ledger" => {
            let Ledger { who, since, until, limit } = call.read()?;
            let query = LedgerQuery { who, since, until, limit: limit.unwrap_or(LIMIT_DEFAULT) };
            blocking(move || call.operations.ledger(&query)).await
        }
        "payments" => {
            let Payments { since, limit } = call.read()?;
            let limit = limit.unwrap_or(LIMIT_DEFAULT);
            blocking(move || call.operations.payments(since.as_deref(), limit)).await
        }
        "books" => {
            let Nothing {} = call.read()?;
            blocking(move || call.operations.books()).await
        }
        _ => Err(unknown(method)),
    }
}
