//! `headgate promise|pause|resume`: what a subscriber may ask for when money is short or the house is empty

use super::keyed::{Key, say};
use super::{CliResult, Context};
use clap::Args;
use serde_json::json;

#[derive(Args)]
pub(super) struct Promise {
    /// Contract number, login, address or MAC
    who: String,
    /// Like 100.00; without it the configured sum
    #[arg(allow_negative_numbers = true)]
    sum: Option<String>,
    /// Days that it lasts; without it the configured number
    #[arg(long, value_name = "N")]
    days: Option<i32>,
    #[command(flatten)]
    key: Key,
}

#[derive(Args)]
pub(super) struct Pause {
    /// Contract number, login, address or MAC
    who: String,
    /// First day, like 2026-04-11
    from: String,
    /// Last day
    to: String,
    #[command(flatten)]
    key: Key,
}

#[derive(Args)]
pub(super) struct Resume {
    /// Contract number, login, address or MAC
    who: String,
    #[command(flatten)]
    key: Key,
}

impl Promise {
    pub fn run(&self, context: &Context) -> CliResult {
        let params = json!({ "who": self.who, "sum": self.sum, "days": self.days });
        say(context, &self.key.call(context, "promise", params)?, "promised", "");
        Ok(())
    }
}

impl Pause {
    pub fn run(&self, context: &Context) -> CliResult {
        let params = json!({ "who": self.who, "from": self.from, "to": self.to });
        say(context, &self.key.call(context, "pause", params)?, "pause set", "was set already");
        Ok(())
    }
}

impl Resume {
    pub fn run(&self, context: &Context) -> CliResult {
        let answer = self.key.call(context, "resume", json!({ "who": self.who }))?;
        say(context, &answer, "no longer paused", "was not paused");
        Ok(())
    }
}
