//! `headgate ledger WHO`

use super::output::{print_json, print_table, text};
use super::{CliResult, Context};
use clap::Args;
use serde_json::json;

#[derive(Args)]
pub(super) struct Ledger {
    /// Contract number, login, address or MAC
    who: String,
    /// Newest postings at most
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: u32,
}

impl Ledger {
    pub fn run(&self, context: &Context) -> CliResult {
        let page = context.call("ledger", json!({ "who": self.who, "limit": self.limit }))?;
        if context.json {
            print_json(&page);
            return Ok(());
        }
        println!(
            "contract {} {}: balance {}, available {}\n",
            text(page.get("contract")),
            text(page.get("name")),
            text(page.get("balance")),
            text(page.get("available")),
        );
        print_table(
            &[
                ("OPERATION", "id"),
                ("TIME", "time"),
                ("KIND", "kind"),
                ("AMOUNT", "amount"),
                ("BALANCE", "balance"),
                ("TEXT", "text"),
                ("REFERENCE", "reference"),
                ("BY", "by"),
            ],
            &page["postings"],
        );
        Ok(())
    }
}
