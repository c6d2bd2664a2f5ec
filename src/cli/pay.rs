//! `headgate pay WHO SUM`

use super::keyed::Key;
use super::output::{print_json, text};
use super::{CliError, CliResult, Context};
use clap::Args;
use serde_json::json;

#[derive(Args)]
pub(super) struct Pay {
    /// Contract number, login or address
    who: String,
    /// Like 150.00
    #[arg(allow_negative_numbers = true)]
    sum: String,
    /// Code of the payment operator
    #[arg(long, default_value = "cash", value_name = "CODE")]
    operator: String,
    /// The operator's id of the payment: the same id is the same payment, for ever. Without it the key is taken;
    /// without either every call is a new one
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    #[command(flatten)]
    key: Key,
}

impl Pay {
    pub fn run(&self, context: &Context) -> CliResult {
        let id = match self.id.as_ref().or(self.key.key.as_ref()) {
            Some(id) => id.clone(),
            None => random_id()?,
        };
        let params = json!({ "who": self.who, "sum": self.sum, "operator": self.operator, "id": id });
        let paid = self.key.call(context, "pay", params)?;
        if context.json {
            print_json(&paid);
            return Ok(());
        }
        let before = if paid["repeat"] == true { " (taken before, nothing was posted now)" } else { "" };
        println!(
            "contract {}: {} taken, balance {}, operation {}{before}",
            text(paid.get("contract_number")),
            text(paid.get("sum_in")),
            text(paid.get("balance")),
            text(paid.get("op_id")),
        );
        Ok(())
    }
}

/// An id that no payment had before.
fn random_id() -> Result<String, CliError> {
    let mut octets = [0u8; 16];
    getrandom::fill(&mut octets).map_err(|error| CliError::failed(format!("no random numbers: {error}")))?;
    Ok(octets.iter().map(|octet| format!("{octet:02x}")).collect())
}
