//! `headgate service add|remove`, `headgate package`, `headgate discount`

use super::keyed::{Key, say};
use super::{CliResult, Context};
use clap::{Args, Subcommand};
use serde_json::json;

#[derive(Subcommand)]
pub(super) enum Service {
    /// Add a service; one without a period is charged once, now
    Add(Add),
    /// Take a service away; from today it is not charged
    Remove(Remove),
}

#[derive(Args)]
pub(super) struct Add {
    /// Login, contract number, address or MAC
    who: String,
    /// Name of the service
    name: String,
    /// First day, like 2026-05-01; without it today
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// Last day; without it there is none
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    #[command(flatten)]
    key: Key,
}

#[derive(Args)]
pub(super) struct Remove {
    /// Login, contract number, address or MAC
    who: String,
    /// Name of the service
    name: String,
    #[command(flatten)]
    key: Key,
}

#[derive(Args)]
pub(super) struct Package {
    /// Login, contract number, address or MAC
    who: String,
    /// Name of the package
    name: String,
    #[command(flatten)]
    key: Key,
}

#[derive(Args)]
pub(super) struct Discount {
    /// Login, contract number, address or MAC
    who: String,
    /// Like 10 or 12.5; 0 ends it
    #[arg(allow_negative_numbers = true)]
    percent: String,
    /// Last day; without it there is none
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    #[command(flatten)]
    key: Key,
}

impl Service {
    pub fn run(&self, context: &Context) -> CliResult {
        match self {
            Service::Add(add) => {
                let params = json!({
                    "who": add.who,
                    "name": add.name,
                    "from": add.from.as_deref().unwrap_or_default(),
                    "until": add.until.as_deref().unwrap_or_default(),
                });
                let answer = add.key.call(context, "service.add", params)?;
                say(context, &answer, "added", "was there already");
            }
            Service::Remove(remove) => {
                let params = json!({ "who": remove.who, "name": remove.name });
                let answer = remove.key.call(context, "service.remove", params)?;
                say(context, &answer, "removed", "was not there");
            }
        }
        Ok(())
    }
}

impl Package {
    pub fn run(&self, context: &Context) -> CliResult {
        let params = json!({ "who": self.who, "name": self.name });
        say(context, &self.key.call(context, "package", params)?, "bought", "");
        Ok(())
    }
}

impl Discount {
    pub fn run(&self, context: &Context) -> CliResult {
        let until = self.until.as_deref().unwrap_or_default();
        let params = json!({ "who": self.who, "percent": self.percent, "until": until });
        say(context, &self.key.call(context, "discount", params)?, "discount set", "was that already");
        Ok(())
    }
}
