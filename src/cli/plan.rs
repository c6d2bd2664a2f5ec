//! `headgate plan WHO NAME` and `headgate plan --where EXPR NAME`

use super::keyed::Key;
use super::output::{print_json, print_table};
use super::{CliResult, Context};
use clap::Args;
use serde_json::json;

const EXPR: &str = "EXPR is one or more conditions joined by `and`:\n  \
    plan=home-20 and group=\"Жилые дома\" and balance>100\n\
    Fields: login, contract, plan, group, nas (= !=), balance (= != < <= > >=), blocked, negbal (yes or no).";

#[derive(Args)]
#[command(allow_missing_positional = true, after_help = EXPR)]
pub(super) struct Plan {
    /// Contract number, login, address or MAC
    #[arg(required_unless_present = "where", conflicts_with = "where")]
    who: Option<String>,
    /// The new plan
    #[arg(required = true)]
    name: String,
    /// Everybody for whom this holds, all or none
    #[arg(long, value_name = "EXPR")]
    r#where: Option<String>,
    /// First day of the new plan, like 2026-05-01; without it, now
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// Say what it would cost and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Also where the money does not cover it
    #[arg(long)]
    uncovered: bool,
    #[command(flatten)]
    key: Key,
}

impl Plan {
    pub fn run(&self, context: &Context) -> CliResult {
        let params = json!({
            "who": self.who,
            "where": self.r#where,
            "name": self.name,
            "from": self.from.as_deref().unwrap_or_default(),
            "dry_run": self.dry_run,
            "uncovered": self.uncovered,
        });
        let change = self.key.call(context, "plan", params)?;
        if context.json {
            print_json(&change);
            return Ok(());
        }
        print_table(
            &[
                ("LOGIN", "login"),
                ("FROM", "from_plan"),
                ("TO", "to_plan"),
                ("DAY", "day"),
                ("CHARGE", "charge"),
                ("BALANCE", "balance"),
            ],
            &change["rows"],
        );
        let count = change["rows"].as_array().map_or(0, Vec::len);
        if self.dry_run {
            println!("\n{count} would change; nothing was changed");
        } else if change["repeat"] == true {
            println!("\n{count} changed before under this key, nothing was done now");
        } else {
            println!("\n{count} changed");
        }
        Ok(())
    }
}
