//! `headgate books`

use super::output::{print_json, text};
use super::{CliError, CliResult, Context};
use clap::Args;
use serde_json::json;

#[derive(Args)]
pub(super) struct Books {}

impl Books {
    /// Exit 1 when an invariant does not hold.
    pub fn run(&self, context: &Context) -> CliResult {
        let check = context.call("books", json!({}))?;
        let findings = check["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
        if context.json {
            print_json(&check);
        } else {
            findings.iter().for_each(|finding| println!("{}", text(Some(finding))));
        }
        if check["sound"] != true {
            return Err(CliError::failed("the books do not hold"));
        }
        if !context.json {
            println!("the books hold");
        }
        Ok(())
    }
}
