//! `headgate kick WHO` and `headgate coa WHO`

use super::output::{print_json, print_table};
use super::{CliError, CliResult, Context};
use clap::Args;
use serde_json::json;

#[derive(Args)]
pub(super) struct Kick {
    /// Contract number, login, address or MAC
    who: String,
}

#[derive(Args)]
pub(super) struct Coa {
    /// Contract number, login, address or MAC
    who: String,
}

impl Kick {
    pub fn run(&self, context: &Context) -> CliResult {
        order(context, "kick", &self.who)
    }
}

impl Coa {
    pub fn run(&self, context: &Context) -> CliResult {
        order(context, "coa", &self.who)
    }
}

fn order(context: &Context, method: &str, who: &str) -> CliResult {
    let answers = context.call(method, json!({ "who": who }))?;
    if context.json {
        print_json(&answers);
    } else {
        print_table(
            &[("LOGIN", "login"), ("NAS", "nas"), ("SESSION", "session"), ("RESULT", "result")],
            &answers,
        );
    }
    let refused = answers.as_array().into_iter().flatten().any(|answer| answer["acknowledged"] != true);
    if refused { Err(CliError::failed("the NAS did not acknowledge every session")) } else { Ok(()) }
}
