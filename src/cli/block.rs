//! `headgate block WHO --reason TEXT` and `headgate unblock WHO`

use super::keyed::{Key, say};
use super::{CliResult, Context};
use clap::Args;
use serde_json::json;

#[derive(Args)]
pub(super) struct Block {
    /// Contract number, login, address or MAC
    who: String,
    /// Shown to the help desk and on the subscriber's page
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    key: Key,
}

#[derive(Args)]
pub(super) struct Unblock {
    /// Contract number, login, address or MAC
    who: String,
    #[command(flatten)]
    key: Key,
}

impl Block {
    pub fn run(&self, context: &Context) -> CliResult {
        let done = self.key.call(context, "block", json!({ "who": self.who, "reason": self.reason }))?;
        say(context, &done, "blocked", "was blocked for that reason already");
        Ok(())
    }
}

impl Unblock {
    pub fn run(&self, context: &Context) -> CliResult {
        let done = self.key.call(context, "unblock", json!({ "who": self.who }))?;
        say(context, &done, "no longer blocked", "was not blocked");
        Ok(())
    }
}
