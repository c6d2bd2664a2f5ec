//! `headgate enforce`

use super::{CliError, CliResult, Context, logging};
use crate::config::GardenEntry;
use crate::enforcement::{self, Settings, WalledEntry};
use clap::Args;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Args)]
pub(super) struct Enforce {
    /// Only guard the server's ports; filter no subscriber
    #[arg(long)]
    ports_only: bool,
}

impl Enforce {
    pub fn run(&self, context: &Context) -> CliResult {
        let config = context.config()?;
        logging::start(config.log.level.as_str());
        let enforcement = config.enforcement;
        let settings = Settings {
            servers: enforcement.servers.iter().map(|path| format!("unix:{}", path.display())).collect(),
            nas: enforcement.nas,
            lan: enforcement.lan,
            captive: enforcement.captive,
            walled_garden: enforcement
                .walled_garden
                .into_iter()
                .map(|entry| match entry {
                    GardenEntry::Network(net) => WalledEntry::Net(net),
                    GardenEntry::Host(name) => WalledEntry::Name(name),
                })
                .collect(),
            protect_ports: enforcement.protect_ports,
            ports_only: self.ports_only,
            state_dir: config.server.state_dir,
        };
        let stop = Arc::new(AtomicBool::new(false));
        stop_on_signal(&stop)?;
        enforcement::run(&settings, &stop).map_err(CliError::failed)
    }
}

/// Sets the flag on SIGTERM and SIGINT.
fn stop_on_signal(stop: &Arc<AtomicBool>) -> CliResult {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::failed(format!("cannot start: {error}")))?;
    let stop = Arc::clone(stop);
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            runtime.block_on(super::serve::until_stopped());
            stop.store(true, Ordering::Relaxed);
        })
        .map(drop)
        .map_err(|error| CliError::failed(format!("cannot start: {error}")))
}
