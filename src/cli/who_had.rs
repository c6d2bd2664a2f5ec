//! `headgate who-had IP --at TIME`

use super::output::{print_json, print_table, text};
use super::{CliError, CliResult, Context};
use clap::Args;
use serde_json::json;

#[derive(Args)]
#[command(
    after_help = "Several subscribers behind one source NAT address are all listed: which of them it was, only \
the port tells, and ports are not known here.\nContract and name are those of today; the login is the one of then."
)]
pub(super) struct WhoHad {
    /// IPv4 or IPv6 address
    ip: String,
    /// Moment: 2026-11-03 14:20[:59] in the server's time zone, or 2026-11-03T14:20:59+03:00; default now
    #[arg(long, value_name = "TIME", default_value = "", hide_default_value = true)]
    at: String,
}

impl WhoHad {
    pub fn run(&self, context: &Context) -> CliResult {
        let answer = context.call("who_had", json!({ "ip": self.ip, "at": self.at }))?;
        let nobody = answer["holders"].as_array().is_none_or(Vec::is_empty);
        let member = |name: &str| text(answer.get(name));
        if context.json {
            print_json(&answer);
        } else {
            println!("{} at {} ({})", member("ip"), member("at"), member("time_zone"));
            if !nobody {
                println!();
                print_table(
                    &[
                        ("CONTRACT", "contract"),
                        ("LOGIN", "login"),
                        ("NAME", "name"),
                        ("HOW", "how"),
                        ("ADDRESS", "address"),
                        ("INSIDE", "inside"),
                        ("SINCE", "since"),
                        ("UNTIL", "until"),
                        ("ONLINE", "online"),
                        ("SESSION FROM", "session_from"),
                        ("SESSION UNTIL", "session_until"),
                        ("LAST NEWS", "last_news"),
                        ("NAS", "nas"),
                        ("MAC", "mac"),
                    ],
                    &answer["holders"],
                );
            }
            for note in answer["notes"].as_array().into_iter().flatten() {
                println!("\n{}", text(Some(note)));
            }
        }
        if nobody {
            return Err(CliError::failed(format!("nobody had {} at {}", member("ip"), member("at"))));
        }
        Ok(())
    }
}
