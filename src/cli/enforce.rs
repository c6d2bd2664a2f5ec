//! `headgate enforce`

use super::{CliError, CliResult, Context, logging};
use crate::config::{Config, GardenEntry};
use crate::enforcement::{self, Ended, EnforceError, ProbeTimes, Settings, WalledEntry};
use clap::Args;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Args)]
pub(super) struct Enforce {
    /// Only guard the server's ports; filter no subscriber
    #[arg(long)]
    ports_only: bool,
}

impl Enforce {
    pub fn run(&self, context: &Context) -> CliResult {
        let config = Config::load_for_enforcer(&context.config_path).map_err(CliError::Config)?;
        logging::start(config.log.level.as_str());
        let settings = settings(&config, self.ports_only);
        let stop = Arc::new(AtomicBool::new(false));
        stop_on_signal(&stop)?;
        match enforcement::run_until_ended(&settings, &stop)? {
            Ended::Stopped => Ok(()),
            Ended::Restart => Err(start_again()),
        }
    }
}

/// Begins anew in this process's place, with the words that it was started with; gives the reason if that fails.
fn start_again() -> CliError {
    let mut words = std::env::args_os();
    let name = words.next().unwrap_or_else(|| "headgate".into());
    // The file may have been replaced by an upgrade: the one that runs is always reached so.
    let program = std::env::current_exe().ok().filter(|path| path.exists());
    let mut command = Command::new(program.unwrap_or_else(|| "/proc/self/exe".into()));
    let error = command.arg0(name).args(words).exec();
    CliError::failed(format!("cannot start again: {error}"))
}

/// `[enforcement]` as the enforcer takes it.
pub(super) fn settings(config: &Config, ports_only: bool) -> Settings {
    let enforcement = &config.enforcement;
    let garden = enforcement.walled_garden.iter().map(|entry| match entry {
        GardenEntry::Network(net) => WalledEntry::Net(*net),
        GardenEntry::Host(name) => WalledEntry::Name(name.clone()),
    });
    Settings {
        servers: enforcement.servers.iter().map(ToString::to_string).collect(),
        token: enforcement.token.clone(),
        ca: enforcement.ca.clone(),
        nas: enforcement.nas,
        lan: enforcement.lan.clone(),
        shape: enforcement.shape.clone(),
        wan: enforcement.wan.clone(),
        unpoliced: !enforcement.police,
        captive: enforcement.captive,
        walled_garden: garden.collect(),
        sightings: enforcement.sightings,
        protect_ports: enforcement.protect_ports,
        ports_only,
        probes: ProbeTimes {
            interval: Duration::from_secs(enforcement.probe_interval_seconds.into()),
            tries: enforcement.probe_tries,
        },
        state_dir: config.server.state_dir.clone(),
    }
}

impl From<EnforceError> for CliError {
    fn from(error: EnforceError) -> CliError {
        match error {
            EnforceError::Settings(text) => CliError::Settings(text),
            other => CliError::failed(other),
        }
    }
}

/// Sets the flag on SIGTERM and SIGINT. SIGHUP, whose default would end the process, is only answered in the log.
fn stop_on_signal(stop: &Arc<AtomicBool>) -> CliResult {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::failed(format!("cannot start: {error}")))?;
    let stop = Arc::clone(stop);
    let mut hangup = {
        let _inside = runtime.enter();
        signal(SignalKind::hangup()).map_err(|error| CliError::failed(format!("cannot start: {error}")))?
    };
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            runtime.block_on(async {
                let told = async {
                    while hangup.recv().await.is_some() {
                        tracing::info!(
                            "SIGHUP: nothing is read again; restart to take a changed configuration"
                        );
                    }
                    std::future::pending::<()>().await
                };
                tokio::select! {
                    () = super::serve::until_stopped() => {}
                    () = told => {}
                }
            });
            stop.store(true, Ordering::Relaxed);
        })
        .map(drop)
        .map_err(|error| CliError::failed(format!("cannot start: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_cannot_work_end_as_a_configuration_error_and_are_not_tried_for_ever() {
        let settings = Settings { lan: vec!["eth 1".into()], ..Settings::default() };
        let error = enforcement::run(&settings, &Arc::default()).unwrap_err();
        assert_eq!(CliError::from(error).exit_code(), 78);
        assert_eq!(CliError::from(EnforceError::NotPermitted).exit_code(), 1);
        assert_eq!(CliError::from(EnforceError::System("x".into())).exit_code(), 1);
    }
}
