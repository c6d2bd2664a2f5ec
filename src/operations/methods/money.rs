//! Payments, corrections, and what was posted.

use super::tokens::{SUM, TEXT, WHO};
use super::{Call, Method, MethodError, Nothing, blocking, changes, looks, right};
use crate::model::{Action, Module};
use crate::operations::{LedgerPage, LedgerQuery, PaymentInput};
use schemars::JsonSchema;
use serde::Deserialize;

/// Lines of a ledger where the caller does not say.
const LIMIT_DEFAULT: usize = 100;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Pay {
    /// Contract number, login or live address.
    who: String,
    /// Decimal text, more than 0, like `150.00`.
    sum: String,
    /// Code of the payment operator, at most 128 octets.
    operator: String,
    /// The operator's id of the payment, at most 128 octets: the same is taken once, for ever.
    id: String,
    /// The operator's own date of the payment, kept as it is.
    #[serde(default)]
    date: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Sum {
    /// Contract number, login, live or configured address, or MAC.
    who: String,
    /// Decimal text, like `150.00`.
    sum: String,
    /// Why; stands in the posting.
    text: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Reverse {
    /// The operation to take back.
    op_id: i64,
    /// Why; stands in the posting.
    reason: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Transfer {
    /// Who gives: contract number, login, live or configured address, or MAC.
    from: String,
    /// Who is given.
    to: String,
    /// Decimal text, more than 0, like `150.00`.
    sum: String,
    /// Why; stands in the posting.
    text: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Credit {
    /// Contract number, login, live or configured address, or MAC.
    who: String,
    /// The new limit, decimal text; 0 ends it.
    sum: String,
    /// A day (to 00:00 of it) or a moment; empty: no end.
    #[serde(default)]
    until: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Ledger {
    /// Contract number, login, live or configured address, or MAC.
    who: String,
    /// A day (from 00:00 of it) or a moment; empty: from the first.
    #[serde(default)]
    since: String,
    /// A day, which is in it, or a moment, which is not; empty: to the last.
    #[serde(default)]
    until: String,
    /// Postings at most, 10000 or less; absent: 100.
    limit: Option<usize>,
    /// `next` of the page before; empty: from the newest.
    #[serde(default)]
    cursor: String,
}

pub(super) fn methods() -> Vec<Method> {
    payment().into_iter().chain(corrections()).chain(looking()).collect()
}

fn payment() -> [Method; 3] {
    let write = right(Module::Transactions, Action::Write);
    [
        changes(
            "pay",
            "Takes a payment. The same operator and id with the same sum has the first answer, for ever.",
            right(Module::Payments, Action::Write),
            async |call: Call, Pay { who, sum, operator, id, date }| {
                let input = PaymentInput { who, sum, operator, id, date };
                Ok(call.operations.pay(input, call.caller).await?)
            },
        )
        .for_companies()
        .refuses(&[&[
            "subscriber-not-found",
            "bad-sum",
            "out-of-range",
            "month-closed",
            "no-payment-id",
            "bad-payment-id",
            "duplicate-other-sum",
            "duplicate-other-date",
            "duplicate-other-account",
        ]]),
        changes(
            "charge",
            "Takes money for something said by hand.",
            write,
            async |call: Call, Sum { who, sum, text }| {
                Ok(call.operations.charge(&who, &sum, text, call.caller).await?)
            },
        )
        .for_companies()
        .refuses(&[WHO, SUM, TEXT]),
        changes(
            "credit",
            "Sets the credit limit of a contract.",
            write,
            async |call: Call, Credit { who, sum, until }| {
                Ok(call.operations.credit(&who, &sum, &until, call.caller).await?)
            },
        )
        .for_companies()
        .refuses(&[WHO, SUM, &["bad-date", "date-in-past"]]),
    ]
}

fn corrections() -> [Method; 4] {
    let write = right(Module::Transactions, Action::Write);
    [
        changes(
            "reverse",
            "Takes an operation back, once.",
            write,
            async |call: Call, Reverse { op_id, reason }| {
                Ok(call.operations.reverse(op_id, reason, call.caller).await?)
            },
        )
        .for_companies()
        .refuses(&[SUM, TEXT, &["transfer-not-found", "already-reversed", "not-reversible"]]),
        changes(
            "correct",
            "Puts a balance right; a sum below zero takes money.",
            write,
            async |call: Call, Sum { who, sum, text }| {
                Ok(call.operations.correct(&who, &sum, text, call.caller).await?)
            },
        )
        .for_companies()
        .refuses(&[WHO, SUM, TEXT]),
        changes(
            "refund",
            "Pays money out, at most what is the subscriber's own.",
            write,
            async |call: Call, Sum { who, sum, text }| {
                Ok(call.operations.refund(&who, &sum, text, call.caller).await?)
            },
        )
        .for_companies()
        .refuses(&[WHO, SUM, TEXT, &["not-covered"]]),
        changes(
            "transfer",
            "Moves money between two contracts, at most what is the giver's own.",
            write,
            async |call: Call, Transfer { from, to, sum, text }| {
                Ok(call.operations.transfer(&from, &to, &sum, text, call.caller).await?)
            },
        )
        .for_companies()
        .refuses(&[WHO, SUM, TEXT, &["not-covered", "same-account"]]),
    ]
}

fn looking() -> [Method; 2] {
    [
        looks(
            "ledger",
            "What was posted to a contract, newest first.",
            right(Module::Transactions, Action::Read),
            ledger,
        )
        .for_companies()
        .refuses(&[WHO, &["bad-date", "bad-cursor"]]),
        looks(
            "books",
            "Whether every invariant of the ledger holds.",
            right(Module::System, Action::Read),
            async |call: Call, Nothing {}| blocking(move || call.operations.books()).await,
        ),
    ]
}

async fn ledger(call: Call, asked: Ledger) -> Result<LedgerPage, MethodError> {
    let Ledger { who, since, until, limit, cursor } = asked;
    let query = LedgerQuery { who, since, until, limit: limit.unwrap_or(LIMIT_DEFAULT), cursor };
    blocking(move || call.operations.ledger(&query)).await
}
