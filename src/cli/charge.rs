//! `headgate charge WHO SUM --text TEXT`

use super::output::{print_json, text};
use super::{CliResult, Context};
use clap::Args;
use serde_json::json;

#[derive(Args)]
pub(super) struct Charge {
    /// Contract number, login, address or MAC
    who: String,
    /// Like 150.00; the balance may go below zero
    #[arg(allow_negative_numbers = true)]
    sum: String,
    /// What it is for; the subscriber sees it
    #[arg(long)]
    text: String,
}

impl Charge {
    pub fn run(&self, context: &Context) -> CliResult {
        let params = json!({ "who": self.who, "sum": self.sum, "text": self.text });
        let charged = context.call("charge", params)?;
        if context.json {
            print_json(&charged);
        } else {
            println!(
                "charged, balance {}, operation {}",
                text(charged.get("balance")),
                text(charged.get("op_id"))
            );
        }
        Ok(())
    }
}
