//! What the ledger answers.

use super::{Day, Money, Payment, PaymentOrder, Timestamp, TransferId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The answer to a command that was carried out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    Paid {
        payment: Payment,
        /// The same payment was taken before; this is the answer given then.
        repeat: bool,
    },
    Charged {
        transfer: TransferId,
        balance: Money,
    },
    /// Carried out; `changed` is false when it already was so.
    Done {
        changed: bool,
    },
    Loaded(Loaded),
    /// A correction, refund, reversal or move was posted.
    Posted {
        transfer: TransferId,
        amount: Money,
        balance: Money,
    },
    Promised {
        sum: Money,
        until: Timestamp,
        balance: Money,
    },
    /// What a change of plan costs each of them now.
    PlanChanged(Vec<PlanChangeRow>),
    /// A payment was announced.
    Ordered(PaymentOrder),
    /// Numbers of the acts made, first and last; None: there were none to make.
    ActsMade(Option<(i64, i64)>),
    /// A request with this key was carried out before; this is the answer given then.
    Repeat(Box<Outcome>),
    /// What a budget operation of the call dialect answers, in millionths: what is left, or 0.
    BudgetLeft(i64),
    /// What a call cost, as JSON of the dialect.
    CallDebited {
        cost: String,
    },
    /// The event that was written down.
    Sent {
        event: i64,
    },
    /// So many items of the outbox were put back or dropped.
    Touched {
        items: usize,
    },
    /// Entries taken from a spool.
    Replayed {
        applied: usize,
        skipped: usize,
    },
}

impl Outcome {
    /// What was answered, and whether it was answered to an earlier request with the same key.
    pub fn split_repeat(self) -> (Outcome, bool) {
        match self {
            Outcome::Repeat(first) => (*first, true),
            first => (first, false),
        }
    }
}

/// One subscriber of a change of plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanChangeRow {
    pub login: String,
    pub from_plan: String,
    pub to_plan: String,
    pub day: Day,
    /// Charged now; less than zero: given back.
    pub charge: Money,
    pub balance: Money,
}

/// What a load did or, with `--dry-run`, would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Loaded {
    pub rows: Vec<LoadedRow>,
}

#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct LoadedRow {
    /// `plan`, `nas`, `subscriber`, ...
    pub kind: String,
    pub name: String,
    pub effect: RowEffect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowEffect {
    Added,
    Changed,
    Unchanged,
}

/// A rejection is a value: a stable token for programs, a sentence for people. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub token: String,
    pub text: String,
}

impl Refusal {
    pub fn new(token: &str, text: impl Into<String>) -> Refusal {
        Refusal { token: token.to_owned(), text: text.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
