//! `headgate password WHO`

use super::keyed::Key;
use super::objects::line_of_stdin;
use super::output::{print_json, text};
use super::{CliResult, Context};
use clap::Args;
use serde_json::json;

#[derive(Args)]
pub(super) struct Password {
    /// Login, address or MAC; or a contract number with one login
    who: String,
    /// Read it from standard input, one line; without this one is made and shown once
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    key: Key,
}

impl Password {
    pub fn run(&self, context: &Context) -> CliResult {
        let mut params = json!({ "who": self.who });
        if self.password_stdin {
            params["password"] = line_of_stdin()?.into();
        }
        let answer = self.key.call(context, "password", params)?;
        if context.json {
            print_json(&answer);
            return Ok(());
        }
        println!("{}: password set", text(answer.get("login")));
        match answer["password"].as_str() {
            Some(made) => println!("it was made here and is shown this once:\n{made}"),
            None if answer["repeat"] == true => println!("(before, under this key; nothing was done now)"),
            None => {}
        }
        Ok(())
    }
}
