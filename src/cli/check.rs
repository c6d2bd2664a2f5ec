//! `headgate check`

use super::{CliResult, Context};
use clap::Args;

#[derive(Args)]
pub(super) struct Check {}

impl Check {
    pub fn run(&self, context: &Context) -> CliResult {
        let config = context.config()?;
        if context.json {
            println!("{{\"ok\":true}}");
        } else {
            println!("{} is right: server {:?}", context.config_path.display(), config.server.name);
        }
        Ok(())
    }
}
