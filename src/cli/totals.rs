//! `headgate totals --from DAY --to DAY`

use super::output::{print_json, print_table};
use super::report::{Columns, Format, print_csv};
use super::{CliError, CliResult, Context};
use crate::model::Day;
use clap::{Args, ValueEnum};
use serde_json::json;

const OPERATORS: &Columns = &[
    ("DAY", "day"),
    ("OPERATOR", "operator"),
    ("PAYMENTS", "payments"),
    ("SUM", "sum"),
    ("REVERSED", "reversed"),
    ("REVERSED SUM", "reversed_sum"),
    ("NET", "net"),
];
const REVENUE: &Columns = &[("DAY", "day"), ("KIND", "kind"), ("POSTINGS", "postings"), ("SUM", "sum")];

#[derive(Args)]
pub(super) struct Totals {
    /// First day, like 2026-03-01
    #[arg(long, value_name = "DAY")]
    from: Day,
    /// Last day
    #[arg(long, value_name = "DAY")]
    to: Day,
    /// Payments by operator, or revenue by kind; CSV needs one of them
    #[arg(long, value_enum)]
    by: Option<By>,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum By {
    Operator,
    Kind,
}

impl Totals {
    pub fn run(&self, context: &Context) -> CliResult {
        let format = self.format.chosen(context);
        if format == Format::Csv && self.by.is_none() {
            return Err(CliError::failed("CSV has one table: --by operator or --by kind"));
        }
        let totals = context.call("totals", json!({ "from": self.from, "to": self.to }))?;
        let tables = match self.by {
            Some(By::Operator) => vec![(OPERATORS, &totals["operators"])],
            Some(By::Kind) => vec![(REVENUE, &totals["revenue"])],
            None if format == Format::Json => {
                print_json(&totals);
                return Ok(());
            }
            None => vec![(OPERATORS, &totals["operators"]), (REVENUE, &totals["revenue"])],
        };
        for (place, (columns, rows)) in tables.into_iter().enumerate() {
            match format {
                Format::Json => print_json(rows),
                Format::Csv => print_csv(columns, rows)?,
                Format::Text => {
                    if place > 0 {
                        println!();
                    }
                    print_table(columns, rows);
                }
            }
        }
        Ok(())
    }
}
