//! Books and reports: payments, statements, totals, registries, closed months.

use super::tokens::WHO;
use super::{Call, Method, MethodError, blocking, changes, looks, right};
use crate::model::*;
use crate::operations::{PaymentQuery, PaymentsPage, RegistryRequest, TotalsQuery};
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

/// Texts as people write them, absent: all.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Payments {
    /// A day or a moment.
    since: Option<String>,
    /// A day, which is in it, or a moment, which is not.
    until: Option<String>,
    /// Code of the payment operator.
    operator: Option<String>,
    /// Contract number, login, live or configured address, or MAC.
    who: Option<String>,
    /// Decimal text: this sum or more.
    sum_from: Option<String>,
    /// Decimal text: up to and including this sum.
    sum_to: Option<String>,
    /// Only those that were taken back, or only those that were not.
    reversed: Option<bool>,
    /// `next` of the page before; empty: from the newest.
    cursor: String,
    /// Payments at most, 10000 or less; absent: 1000.
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
            payments,
        )
        .for_companies()
        .refuses(&[WHO, &["bad-sum", "bad-date", "bad-cursor"]]),
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

async fn payments(call: Call, asked: Payments) -> Result<PaymentsPage, MethodError> {
    let Payments { since, until, operator, who, sum_from, sum_to, reversed, cursor, limit } = asked;
    let query = PaymentQuery { since, until, operator, who, sum_from, sum_to, reversed, after: None, limit };
    blocking(move || call.operations.payments_page(query, &cursor)).await
}
