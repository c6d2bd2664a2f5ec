//! `headgate reverse|correct|refund|transfer|credit`: money moved by hand

use super::keyed::{Key, say};
use super::{CliResult, Context};
use clap::Args;
use serde_json::json;

#[derive(Args)]
pub(super) struct Reverse {
    /// Number of the operation, as `ledger` and `payments` show it
    op: i64,
    /// Why; kept with the reversal
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    key: Key,
}

#[derive(Args)]
pub(super) struct Correct {
    /// Contract number, login, address or MAC
    who: String,
    /// Like 150.00; below zero takes money
    #[arg(allow_negative_numbers = true)]
    sum: String,
    /// What it is for; the subscriber sees it
    #[arg(long)]
    text: String,
    #[command(flatten)]
    key: Key,
}

#[derive(Args)]
pub(super) struct Refund {
    /// Contract number, login, address or MAC
    who: String,
    /// Like 150.00; at most the subscriber's own money
    #[arg(allow_negative_numbers = true)]
    sum: String,
    /// What it is for; the subscriber sees it
    #[arg(long)]
    text: String,
    #[command(flatten)]
    key: Key,
}

#[derive(Args)]
pub(super) struct Transfer {
    /// Who gives: contract number, login, address or MAC
    from: String,
    /// Who gets it
    to: String,
    /// Like 150.00; at most the giver's own money
    #[arg(allow_negative_numbers = true)]
    sum: String,
    /// What it is for; both see it
    #[arg(long)]
    text: String,
    #[command(flatten)]
    key: Key,
}

#[derive(Args)]
pub(super) struct Credit {
    /// Contract number, login, address or MAC
    who: String,
    /// The new limit, like 300.00; 0 for none
    #[arg(allow_negative_numbers = true)]
    sum: String,
    /// When it ends: 2026-12-31 (00:00 of that day) or 2026-12-31 18:00; without it, it does not end
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    #[command(flatten)]
    key: Key,
}

impl Reverse {
    pub fn run(&self, context: &Context) -> CliResult {
        let params = json!({ "op_id": self.op, "reason": self.reason });
        say(context, &self.key.call(context, "reverse", params)?, "taken back", "");
        Ok(())
    }
}

impl Correct {
    pub fn run(&self, context: &Context) -> CliResult {
        let params = json!({ "who": self.who, "sum": self.sum, "text": self.text });
        say(context, &self.key.call(context, "correct", params)?, "corrected by", "");
        Ok(())
    }
}

impl Refund {
    pub fn run(&self, context: &Context) -> CliResult {
        let params = json!({ "who": self.who, "sum": self.sum, "text": self.text });
        say(context, &self.key.call(context, "refund", params)?, "refunded", "");
        Ok(())
    }
}

impl Transfer {
    pub fn run(&self, context: &Context) -> CliResult {
        let params = json!({ "from": self.from, "to": self.to, "sum": self.sum, "text": self.text });
        say(context, &self.key.call(context, "transfer", params)?, "moved", "");
        Ok(())
    }
}

impl Credit {
    pub fn run(&self, context: &Context) -> CliResult {
        let until = self.until.as_deref().unwrap_or_default();
        let params = json!({ "who": self.who, "sum": self.sum, "until": until });
        say(context, &self.key.call(context, "credit", params)?, "credit limit set", "was that already");
        Ok(())
    }
}
