//! `headgate statement WHO --from DAY --to DAY`

use super::output::{print_json, print_table, text};
use super::report::{Columns, Format, print_csv};
use super::{CliResult, Context};
use crate::model::Day;
use clap::Args;
use serde_json::{Value, json};

const COLUMNS: &Columns = &[
    ("OPERATION", "id"),
    ("TIME", "time"),
    ("KIND", "kind"),
    ("AMOUNT", "amount"),
    ("BALANCE", "balance"),
    ("FOR DAY", "day"),
    ("TEXT", "text"),
    ("REFERENCE", "reference"),
    ("BY", "by"),
];

#[derive(Args)]
pub(super) struct Statement {
    /// Contract number, login, address or MAC
    who: String,
    /// First day, like 2026-03-01
    #[arg(long, value_name = "DAY")]
    from: Day,
    /// Last day, like 2026-03-31
    #[arg(long, value_name = "DAY")]
    to: Day,
    /// CSV has the opening balance as its first row and the closing balance as its last
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

impl Statement {
    pub fn run(&self, context: &Context) -> CliResult {
        let params = json!({ "who": self.who, "from": self.from, "to": self.to });
        let statement = context.call("statement", params)?;
        match self.format.chosen(context) {
            Format::Json => print_json(&statement),
            Format::Csv => print_csv(COLUMNS, &with_balances(&statement))?,
            Format::Text => print_statement(&statement),
        }
        Ok(())
    }
}

/// The postings between a row of the opening balance and one of the closing.
fn with_balances(statement: &Value) -> Value {
    let row = |kind: &str| json!({ "kind": kind, "balance": statement[kind] });
    let postings = statement["postings"].as_array().cloned().unwrap_or_default();
    [row("opening")].into_iter().chain(postings).chain([row("closing")]).collect()
}

fn print_statement(statement: &Value) {
    let member = |name: &str| text(statement.get(name));
    println!("contract {} {}: {} to {}\n", member("contract"), member("name"), member("from"), member("to"));
    println!("opening balance {}\n", member("opening"));
    print_table(COLUMNS, &statement["postings"]);
    println!();
    print_table(&[("KIND", "kind"), ("POSTINGS", "postings"), ("SUM", "sum")], &statement["sums"]);
    println!("\nclosing balance {}", member("closing"));
}
