//! `headgate charge WHO SUM --text TEXT`

use super::keyed::{Key, say};
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
    #[command(flatten)]
    key: Key,
}

impl Charge {
    pub fn run(&self, context: &Context) -> CliResult {
        let params = json!({ "who": self.who, "sum": self.sum, "text": self.text });
        say(context, &self.key.call(context, "charge", params)?, "charged", "");
        Ok(())
    }
}
