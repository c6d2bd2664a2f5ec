//! `headgate why WHO`

use super::output::{print_json, text};
use super::{CliError, CliResult, Context};
use clap::Args;
use serde_json::json;

#[derive(Args)]
pub(super) struct Why {
    /// Contract number, login, address or MAC
    who: String,
}

impl Why {
    pub fn run(&self, context: &Context) -> CliResult {
        let ladder = context.call("why", json!({ "who": self.who }))?;
        if context.json {
            print_json(&ladder);
        } else {
            println!("{}: {}\n", self.who, text(ladder.get("summary")));
            for step in ladder["steps"].as_array().into_iter().flatten() {
                let mark = match step["result"].as_str() {
                    Some("ok") => "ok  ",
                    Some("fail") => "FAIL",
                    _ => "?   ",
                };
                println!("{mark}  {:<12} {}", text(step.get("check")), text(step.get("evidence")));
                let action = text(step.get("action"));
                if !action.is_empty() {
                    println!("{:20}-> {action}", "");
                }
            }
        }
        if ladder["verdict"] == "unknown" {
            return Err(CliError::failed(text(ladder.get("summary"))));
        }
        Ok(())
    }
}
