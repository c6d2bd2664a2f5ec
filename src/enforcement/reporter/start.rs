//! The threads that report: one sends, one keeps, one asks who is still there.

use super::{News, Reporter, keep};
use crate::enforcement::daemon::{EnforceError, spawn};
use crate::enforcement::follower::Server;
use crate::enforcement::probes::Prober;
use crate::enforcement::settings::Settings;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;

/// Without `lan` there are no subscribers here, and nothing to report of them.
pub fn start(
    settings: &Settings,
    servers: Vec<Server>,
    news: &News,
    stop: &Arc<AtomicBool>,
) -> Result<Vec<JoinHandle<()>>, EnforceError> {
    let interfaces = settings.interfaces()?;
    if interfaces.is_empty() {
        return Ok(Vec::new());
    }
    let reporter = Reporter { news: news.clone(), servers, stop: Arc::clone(stop) };
    let (keeping, keeper_stop, state_dir) = (news.clone(), Arc::clone(stop), settings.state_dir.clone());
    let mut threads = vec![
        spawn("enforce-report", || reporter.run())?,
        spawn("enforce-keep", move || keep(&keeping, &state_dir, &keeper_stop))?,
    ];
    match Prober::open(interfaces, news.clone()) {
        Ok(prober) => {
            let stop = Arc::clone(stop);
            threads.push(spawn("enforce-probe", move || prober.run(&stop))?);
        }
        Err(error) => tracing::warn!(
            "packet sockets cannot be opened ({error}; CAP_NET_RAW is needed): no ipoe subscriber is logged off for \
             silence"
        ),
    }
    Ok(threads)
}
