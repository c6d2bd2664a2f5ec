//! Methods of books and reports: payments, statements, totals, registries, closed months.

use super::{Call, RpcError, blocking, unknown, value};
use crate::model::*;
use crate::operations::{PaymentQuery, RegistryRequest, TotalsQuery};
use serde::Deserialize;
use serde_json::Value;

/// Acts where the caller does not say.
const ACTS_DEFAULT: usize = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    who: String,
    from: Day,
    to: Day,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CloseMonth {
    month: Month,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Acts {
    month: Month,
    #[serde(default)]
    after: i64,
    limit: Option<usize>,
}

pub(super) async fn call(method: &str, mut call: Call) -> Result<Value, RpcError> {
    match method {
        "payments" => {
            let query: PaymentQuery = call.read()?;
            blocking(move || call.operations.payments(&query)).await
        }
        "statement" => {
            let Statement { who, from, to } = call.read()?;
            blocking(move || call.operations.statement(&who, from, to)).await
        }
        "totals" => {
            let query: TotalsQuery = call.read()?;
            blocking(move || call.operations.totals(&query)).await
        }
        "reconcile" => {
            let request: RegistryRequest = call.read()?;
            blocking(move || call.operations.reconcile(&request)).await
        }
        "close_month" => {
            let CloseMonth { month } = call.read()?;
            value(call.operations.close_month(month, call.caller.actor).await?)
        }
        "acts" => {
            let Acts { month, after, limit } = call.read()?;
            blocking(move || call.operations.acts(month, after, limit.unwrap_or(ACTS_DEFAULT))).await
        }
        _ => Err(unknown(method)),
    }
}
