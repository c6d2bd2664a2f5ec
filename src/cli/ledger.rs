//! `headgate ledger WHO [--since DATE] [--until DATE]`

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
    /// Only from this day or moment on, like 2026-04-06 or 2026-04-06 18:00
    #[arg(long, value_name = "DATE")]
    since: Option<String>,
    /// Only to this day, all of it, or to before this moment
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
}

impl Ledger {
    pub fn run(&self, context: &Context) -> CliResult {
        let params = json!({
            "who": self.who,
            "limit": self.limit,
            "since": self.since.as_deref().unwrap_or_default(),
            "until": self.until.as_deref().unwrap_or_default(),
        });
        let page = context.call("ledger", params)?;
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
