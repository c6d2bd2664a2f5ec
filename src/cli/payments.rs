//! `headgate payments [--since DATE] [--limit N]`

use super::output::{print_json, print_table};
use super::{CliResult, Context};
use clap::Args;
use serde_json::json;

#[derive(Args)]
pub(super) struct Payments {
    /// Only payments taken since then: 2026-04-01 or "2026-04-01 14:00"
    #[arg(long, value_name = "DATE")]
    since: Option<String>,
    /// Newest payments at most
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: u32,
}

impl Payments {
    pub fn run(&self, context: &Context) -> CliResult {
        let payments = context.call("payments", json!({ "since": self.since, "limit": self.limit }))?;
        if context.json {
            print_json(&payments);
            return Ok(());
        }
        print_table(
            &[
                ("OPERATION", "op_id"),
                ("TIME", "time"),
                ("CONTRACT", "contract_number"),
                ("SUM", "sum_in"),
                ("OPERATOR", "pay_operator"),
                ("ID", "pay_id_str"),
                ("REVERSED", "reversed"),
            ],
            &payments,
        );
        Ok(())
    }
}
