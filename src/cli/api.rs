//! `headgate api`: the methods of `/rpc`, without a server.

use super::output::print_json;
use super::{CliResult, Context};
use crate::operations::methods;
use clap::Args;

#[derive(Args)]
pub(super) struct Api {
    /// A page for people instead of the OpenRPC document
    #[arg(long)]
    markdown: bool,
}

impl Api {
    pub fn run(&self, _context: &Context) -> CliResult {
        match self.markdown {
            true => print!("{}", methods::markdown()),
            false => print_json(methods::document()),
        }
        Ok(())
    }
}
