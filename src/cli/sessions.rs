//! `headgate sessions [WHO]`

use super::output::{print_json, print_table};
use super::{CliResult, Context};
use clap::Args;
use serde_json::{Value, json};

/// Sessions of one request.
const PAGE: usize = 10_000;

#[derive(Args)]
pub(super) struct Sessions {
    /// Only of this subscriber: contract number, login, address or MAC
    who: Option<String>,
}

impl Sessions {
    pub fn run(&self, context: &Context) -> CliResult {
        let (mut sessions, mut cursor) = (Vec::new(), String::new());
        loop {
            let params = json!({ "who": self.who, "cursor": cursor, "limit": PAGE });
            let mut page = context.call("sessions", params)?;
            if let Value::Array(rows) = page["sessions"].take() {
                sessions.extend(rows);
            }
            let Some(next) = page["next"].as_str() else { break };
            cursor = next.to_owned();
        }
        let sessions = Value::Array(sessions);
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
