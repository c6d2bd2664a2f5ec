//! `headgate payments`: the journal, newest first.

use super::report::{Columns, Format};
use super::{CliResult, Context};
use clap::Args;
use serde_json::{Value, json};

/// Payments asked for at a time.
const PAGE: usize = 10_000;

const COLUMNS: &Columns = &[
    ("OPERATION", "op_id"),
    ("TIME", "time"),
    ("CONTRACT", "contract_number"),
    ("SUM", "sum_in"),
    ("OPERATOR", "pay_operator"),
    ("ID", "pay_id_str"),
    ("REVERSED", "reversed"),
];

#[derive(Args)]
pub(super) struct Payments {
    /// Only payments taken since then: 2026-04-01 or "2026-04-01 14:00"
    #[arg(long, value_name = "DATE")]
    since: Option<String>,
    /// Only payments taken until the end of this day, or before this moment
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    /// Only through this payment operator
    #[arg(long, value_name = "CODE")]
    operator: Option<String>,
    /// Only of this contract
    #[arg(long, value_name = "WHO")]
    contract: Option<String>,
    /// Only of this sum and above
    #[arg(long, value_name = "SUM")]
    sum_from: Option<String>,
    /// Only up to this sum
    #[arg(long, value_name = "SUM")]
    sum_to: Option<String>,
    /// Only those that were taken back; `--reversed=false`: only those that were not
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    reversed: Option<bool>,
    /// Only what follows this operation in the list
    #[arg(long, value_name = "OP_ID")]
    after: Option<i64>,
    /// Newest payments at most
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: usize,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

impl Payments {
    pub fn run(&self, context: &Context) -> CliResult {
        let mut payments = Vec::new();
        let mut cursor = self.after.map(|after| after.to_string()).unwrap_or_default();
        loop {
            let wanted = self.limit.saturating_sub(payments.len()).min(PAGE);
            let mut page = context.call("payments", self.query(&cursor, wanted))?;
            if let Value::Array(rows) = page["payments"].take() {
                payments.extend(rows);
            }
            match page["next"].as_str() {
                Some(next) if payments.len() < self.limit => cursor = next.to_owned(),
                _ => break,
            }
        }
        self.format.chosen(context).print(COLUMNS, &Value::Array(payments))
    }

    fn query(&self, cursor: &str, limit: usize) -> Value {
        json!({
            "since": self.since,
            "until": self.until,
            "operator": self.operator,
            "who": self.contract,
            "sum_from": self.sum_from,
            "sum_to": self.sum_to,
            "reversed": self.reversed,
            "cursor": cursor,
            "limit": limit,
        })
    }
}
