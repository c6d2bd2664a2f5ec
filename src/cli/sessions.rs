//! `headgate sessions [WHO]`

use super::output::{print_json, print_table};
use super::{CliResult, Context};
use clap::Args;
use serde_json::json;

#[derive(Args)]
pub(super) struct Sessions {
    /// Only of this subscriber: contract number, login, address or MAC
    who: Option<String>,
}

impl Sessions {
    pub fn run(&self, context: &Context) -> CliResult {
        let sessions = context.call("sessions", json!({ "who": self.who }))?;
        if context.json {
            print_json(&sessions);
            return Ok(());
        }
        print_table(
            &[
                ("LOGIN", "login"),
                ("NAS", "nas"),
                ("SESSION", "session_id"),
                ("IP", "ip"),
                ("MAC", "mac"),
                ("STARTED", "started"),
                ("LAST NEWS", "updated"),
                ("OCTETS IN", "octets_in"),
                ("OCTETS OUT", "octets_out"),
            ],
            &sessions,
        );
        Ok(())
    }
}
