//! `headgate cut list|approve|defer`, `headgate panic open|close`, `headgate go-live`

use super::keyed::{Key, say};
use super::output::{print_json, print_table};
use super::{CliResult, Context};
use clap::{Args, Subcommand};
use serde_json::json;

#[derive(Subcommand)]
pub(super) enum Cut {
    /// Who is cut next, and who is shut for money now
    List(List),
    /// Cut WHO now; without WHO let fees be made up that are held because the gap is long
    Approve(Approve),
    /// Do not cut WHO before a moment
    Defer(Defer),
}

#[derive(Args)]
pub(super) struct List {}

#[derive(Args)]
pub(super) struct Approve {
    /// Contract number, login, address or MAC
    who: Option<String>,
    #[command(flatten)]
    key: Key,
}

#[derive(Args)]
pub(super) struct Defer {
    /// Contract number, login, address or MAC
    who: String,
    /// 2026-12-31 (00:00 of that day) or 2026-12-31 18:00
    #[arg(long, value_name = "DATE")]
    until: String,
    #[command(flatten)]
    key: Key,
}

#[derive(Subcommand)]
pub(super) enum Panic {
    /// Let everybody through who is known, whatever money and blocks say
    Open(Switch),
    /// End it
    Close(Switch),
}

#[derive(Args)]
pub(super) struct Switch {
    #[command(flatten)]
    key: Key,
}

#[derive(Args)]
pub(super) struct GoLive {
    #[command(flatten)]
    key: Key,
}

impl Cut {
    pub fn run(&self, context: &Context) -> CliResult {
        match self {
            Cut::List(List {}) => list(context)?,
            Cut::Approve(Approve { who, key }) => {
                let answer = key.call(context, "cut.approve", json!({ "who": who }))?;
                let (done, unchanged) = match who {
                    Some(_) => ("cut", "is not short"),
                    None => ("held fees are being made up", "no fees are held"),
                };
                say(context, &answer, done, unchanged);
            }
            Cut::Defer(Defer { who, until, key }) => {
                let answer = key.call(context, "cut.defer", json!({ "who": who, "until": until }))?;
                say(context, &answer, "deferred", "was deferred to then already");
            }
        }
        Ok(())
    }
}

fn list(context: &Context) -> CliResult {
    let rows = context.call("cut.list", json!({}))?;
    if context.json {
        print_json(&rows);
        return Ok(());
    }
    print_table(
        &[
            ("LOGIN", "login"),
            ("CONTRACT", "contract"),
            ("NAME", "name"),
            ("BALANCE", "balance"),
            ("PROMISED", "promised"),
            ("TO PAY", "to_pay"),
            ("CUT AT", "cut_at"),
        ],
        &rows,
    );
    Ok(())
}

impl Panic {
    pub fn run(&self, context: &Context) -> CliResult {
        let (switch, method, done, unchanged) = match self {
            Panic::Open(switch) => (switch, "panic.open", "everybody is let through", "was open already"),
            Panic::Close(switch) => (switch, "panic.close", "money and blocks count again", "was not open"),
        };
        say(context, &switch.key.call(context, method, json!({}))?, done, unchanged);
        Ok(())
    }
}

impl GoLive {
    pub fn run(&self, context: &Context) -> CliResult {
        let answer = self.key.call(context, "go_live", json!({}))?;
        say(context, &answer, "live: `load --set-balances` is refused from now on", "was live already");
        Ok(())
    }
}
