//! `headgate close-month YYYY-MM` and `headgate acts YYYY-MM`

use super::output::{print_json, print_table, text};
use super::report::{Columns, Format, print_csv};
use super::{CliResult, Context};
use crate::model::Month;
use clap::Args;
use serde_json::{Value, json};

/// Acts asked for at a time.
const PAGE: usize = 10_000;

const COLUMNS: &Columns = &[
    ("NUMBER", "number"),
    ("MONTH", "month"),
    ("MADE", "made"),
    ("CONTRACT", "contract"),
    ("NAME", "name"),
    ("TAX ID", "tax_id"),
    ("SERVICES", "services"),
    ("SUM", "sum"),
    ("VAT", "vat"),
];

#[derive(Args)]
pub(super) struct CloseMonth {
    /// Like 2026-03. A month that is closed already gets the acts it lacks
    #[arg(value_name = "YYYY-MM")]
    month: Month,
}

#[derive(Args)]
pub(super) struct Acts {
    /// Like 2026-03
    #[arg(value_name = "YYYY-MM")]
    month: Month,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

impl CloseMonth {
    pub fn run(&self, context: &Context) -> CliResult {
        let closed = context.call("close_month", json!({ "month": self.month }))?;
        if context.json {
            print_json(&closed);
            return Ok(());
        }
        let member = |name: &str| text(closed.get(name));
        let before = if closed["repeat"] == true { " (closed before)" } else { "" };
        print!("{} is closed{before}: ", member("month"));
        match closed["acts"].as_u64() {
            None | Some(0) => println!("no acts"),
            Some(acts) => println!(
                "{acts} acts, numbers {} to {}, sum {}, VAT {}",
                member("first_number"),
                member("last_number"),
                member("sum"),
                member("vat")
            ),
        }
        Ok(())
    }
}

impl Acts {
    pub fn run(&self, context: &Context) -> CliResult {
        let (mut acts, mut after) = (Vec::new(), Some(0));
        while let Some(number) = after {
            let params = json!({ "month": self.month, "after": number, "limit": PAGE });
            let Value::Array(page) = context.call("acts", params)? else { break };
            let full = page.len() == PAGE;
            after = page.last().filter(|_| full).and_then(|act| act["number"].as_i64());
            acts.extend(page);
        }
        match self.format.chosen(context) {
            Format::Json => print_json(&Value::Array(acts)),
            format => {
                let rows = acts.into_iter().map(with_services).collect();
                match format {
                    Format::Csv => print_csv(COLUMNS, &rows)?,
                    _ => print_table(COLUMNS, &rows),
                }
            }
        }
        Ok(())
    }
}

/// The lines in one cell: `fee 300.00; usage 12.40`.
fn with_services(mut act: Value) -> Value {
    let lines = act["lines"].as_array().into_iter().flatten();
    let services: Vec<String> =
        lines.map(|line| format!("{} {}", text(line.get("kind")), text(line.get("sum")))).collect();
    act["services"] = services.join("; ").into();
    act
}
