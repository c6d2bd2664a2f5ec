//! Methods of books and reports: payments, statements, totals, registries, closed months.

use super::methods::{METHOD_NOT_FOUND, RpcError, blocking, read, value};
use crate::model::*;
use crate::operations::{Operations, PaymentQuery, RegistryRequest, TotalsQuery};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

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

pub(super) async fn call(
    operations: &Arc<Operations>,
    actor: &Actor,
    method: &str,
    params: Value,
) -> Result<Value, RpcError> {
    let operations = Arc::clone(operations);
    match method {
        "payments" => {
            let query: PaymentQuery = read(params)?;
            blocking(move || operations.payments(&query)).await
        }
        "statement" => {
            let Statement { who, from, to } = read(params)?;
            blocking(move || operations.statement(&who, from, to)).await
        }
        "totals" => {
            let query: TotalsQuery = read(params)?;
            blocking(move || operations.totals(&query)).await
        }
        "reconcile" => {
            let request: RegistryRequest = read(params)?;
            blocking(move || operations.reconcile(&request)).await
        }
        "close_month" => {
            let CloseMonth { month } = read(params)?;
            value(operations.close_month(month, actor.clone()).await?)
        }
        "acts" => {
            let Acts { month, after, limit } = read(params)?;
            blocking(move || operations.acts(month, after, limit.unwrap_or(ACTS_DEFAULT))).await
        }
        _ => {
            Err(RpcError::new(METHOD_NOT_FOUND, "METHOD_NOT_FOUND", format!("there is no method {method:?}")))
        }
    }
}
