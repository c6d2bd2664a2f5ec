//! Books and reports: payments, statements, totals, registries, closed months.

use super::tokens::WHO;
use super::{Call, Method, blocking, changes, looks, right};
use crate::model::*;
use crate::operations::{PaymentQuery, RegistryRequest, TotalsQuery};
use schemars::JsonSchema;
use serde::Deserialize;

/// Acts where the caller does not say.
const ACTS_DEFAULT: usize = 1_000;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Statement {
    /// Contract number, login, live or configured address, or MAC.
    who: String,
    /// First day.
    from: Day,
    /// Last day.
    to: Day,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CloseMonth {
    /// A month that is over.
    month: Month,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Acts {
    /// A closed month.
    month: Month,
    /// Only acts with higher numbers.
    #[serde(default)]
    after: i64,
    /// Acts at most, 10000 or less; absent: 1000.
    limit: Option<usize>,
}

pub(super) fn methods() -> Vec<Method> {
    journal().into_iter().chain(months()).collect()
}

fn journal() -> [Method; 4] {
    [
        looks(
            "payments",
            "The journal of payments, newest first.",
            right(Module::Payments, Action::Read),
            async |call: Call, query: PaymentQuery| blocking(move || call.operations.payments(&query)).await,
        )
        .for_companies()
        .refuses(&[WHO, &["bad-sum", "bad-date"]]),
        looks(
            "statement",
            "What a contract had, what was posted, what it has, for a period.",
            right(Module::Invoices, Action::Read),
            async |call: Call, Statement { who, from, to }| {
                blocking(move || call.operations.statement(&who, from, to)).await
            },
        )
        .for_companies()
        .refuses(&[WHO, &["bad-period", "period-too-long"]]),
        looks(
            "totals",
            "Payments by operator and revenue by kind, for each day of a period.",
            right(Module::Reports, Action::Read),
            async |call: Call, query: TotalsQuery| blocking(move || call.operations.totals(&query)).await,
        )
        .refuses(&[&["bad-period", "period-too-long"]]),
        looks(
            "reconcile",
            "Compares our payments of an operator with the operator's registry.",
            right(Module::Payments, Action::Read),
            async |call: Call, request: RegistryRequest| {
                blocking(move || call.operations.reconcile(&request)).await
            },
        )
        .refuses(&[&[
            "no-period",
            "bad-period",
            "bad-registry",
            "registry-too-large",
            "no-columns",
            "bad-columns",
        ]]),
    ]
}

fn months() -> [Method; 2] {
    [
        changes(
            "close_month",
            "Closes a month and makes its acts; a month that is closed is answered with its acts.",
            right(Module::Invoices, Action::Execute),
            async |call: Call, CloseMonth { month }| {
                Ok(call.operations.close_month(month, call.caller.actor).await?)
            },
        )
        .refuses(&[&["earlier-month-open", "month-not-over", "fees-not-decided"]]),
        looks(
            "acts",
            "Acts of a closed month, by number.",
            right(Module::Invoices, Action::Read),
            async |call: Call, Acts { month, after, limit }| {
                blocking(move || call.operations.acts(month, after, limit.unwrap_or(ACTS_DEFAULT))).await
            },
        )
        .for_companies()
        .refuses(&[&["month-open"]]),
    ]
}
