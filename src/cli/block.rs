//! `headgate block WHO --reason TEXT` and `headgate unblock WHO`

use super::output::print_json;
use super::{CliResult, Context};
use clap::Args;
use serde_json::{Value, json};

#[derive(Args)]
pub(super) struct Block {
    /// Contract number, login, address or MAC
    who: String,
    /// Shown to the help desk and on the subscriber's page
    #[arg(long)]
    reason: String,
}

#[derive(Args)]
pub(super) struct Unblock {
    /// Contract number, login, address or MAC
    who: String,
}

impl Block {
    pub fn run(&self, context: &Context) -> CliResult {
        let done = context.call("block", json!({ "who": self.who, "reason": self.reason }))?;
        say(context, &done, "blocked", "was blocked for that reason already");
        Ok(())
    }
}

impl Unblock {
    pub fn run(&self, context: &Context) -> CliResult {
        let done = context.call("unblock", json!({ "who": self.who }))?;
        say(context, &done, "no longer blocked", "was not blocked");
        Ok(())
    }
}

fn say(context: &Context, done: &Value, changed: &str, unchanged: &str) {
    if context.json {
        print_json(done);
    } else {
        println!("{}", if done["changed"] == true { changed } else { unchanged });
    }
}
