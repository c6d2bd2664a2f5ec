//! Where log lines go: journald under systemd, else stderr.

use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, fmt};

/// Starts logging at a level (`info`, `debug`, ...); `HEADGATE_LOG` overrides it.
pub(super) fn start(level: &str) {
    let filter = EnvFilter::try_from_env("HEADGATE_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let registry = tracing_subscriber::registry().with(filter);
    // systemd sets JOURNAL_STREAM when stderr goes to the journal.
    let journald = std::env::var_os("JOURNAL_STREAM").and_then(|_| tracing_journald::layer().ok());
    let result = match journald {
        Some(layer) => registry.with(layer).try_init(),
        None => registry.with(fmt::layer().with_writer(std::io::stderr).with_target(false)).try_init(),
    };
    // A second start in one process (tests) keeps the first subscriber.
    drop(result);
}
