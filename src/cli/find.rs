//! `headgate find WORDS`

use super::output::{print_json, print_table};
use super::{CliError, CliResult, Context};
use clap::Args;
use serde_json::json;

#[derive(Args)]
pub(super) struct Find {
    /// All of them must occur
    #[arg(required = true)]
    words: Vec<String>,
}

impl Find {
    pub fn run(&self, context: &Context) -> CliResult {
        let found = context.call("find", json!({ "words": self.words }))?;
        if context.json {
            print_json(&found);
        } else {
            print_table(
                &[
                    ("LOGIN", "login"),
                    ("CONTRACT", "contract"),
                    ("NAME", "name"),
                    ("BALANCE", "balance"),
                    ("PLAN", "plan"),
                    ("NAS", "nas"),
                    ("ADDRESSES", "ips"),
                    ("ONLINE", "logged"),
                    ("HELD BACK", "reason"),
                ],
                &found,
            );
        }
        match found.as_array() {
            Some(rows) if rows.is_empty() => Err(CliError::failed("nobody found")),
            _ => Ok(()),
        }
    }
}
