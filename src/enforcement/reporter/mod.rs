//! The reporter: brings what this machine counted and saw to the server, exactly once by absolute values.
//!
//! What comes in is kept in memory, bounded, until the server has answered; last values of elements that are gone are on
//! disk within a moment, and everything is while the server does not answer. Nothing here reads the kernel.

mod kept;
mod pending;
mod start;

pub use start::Reporting;

use self::pending::{Batch, Held, Pending};
use super::http::Connection;
use super::probes::Liveness;
use super::server::Server;
use super::settings::Settings;
use crate::model::{AccessMethod, Clock, Counted, FeedPage, Sighting, SubscriberId, SystemClock};
use ipnet::IpNet;
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::collections::HashSet;
use std::io;
use std::os::linux::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Between two reports of counters.
const COUNTERS_GAP: Duration = Duration::from_secs(1);
/// Between two reports of whatever else, so that a flood of sources is no flood of requests.
const URGENT_GAP: Duration = Duration::from_millis(20);
const RETRY_GAP: Duration = Duration::from_secs(1);
/// After a server said that it takes no reports.
const REFUSED_GAP: Duration = Duration::from_secs(60);
/// An answer later than this never comes.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it looks whether it is to stop, and whether something is to be kept.
const LOOK_UP: Duration = Duration::from_millis(50);
/// Readings that are unanswered for this long are kept on disk too.
const STALLED: Duration = Duration::from_secs(15);
/// Between two savings of those.
const STALLED_GAP: Duration = Duration::from_secs(10);

/// What the reporter is told, from any thread; never waits for the server.
#[derive(Clone)]
pub struct News(Arc<Shared>);

struct Shared {
    pending: Mutex<Pending>,
    /// Something urgent has come.
    urgent: Condvar,
    liveness: Mutex<Liveness>,
}

impl News {
    /// Takes up what an earlier run kept in `state_dir`.
    pub fn open(settings: &Settings) -> News {
        let mut pending = Pending::new(boot_name(), settings.nas);
        let kept = kept::load(&settings.state_dir);
        if !kept.is_empty() {
            tracing::info!(elements = kept.len(), "counters of before that the server has not answered for");
        }
        kept.into_iter().for_each(|(boot, held)| pending.restore(&boot, held));
        News(Arc::new(Shared {
            pending: Mutex::new(pending),
            urgent: Condvar::new(),
            liveness: Mutex::new(Liveness::new(settings.probes)),
        }))
    }

    /// Readings of the kernel, those of elements that were removed among them.
    pub fn counted(&self, counted: &[Counted]) {
        let (read, now) = (SystemClock.now(), Instant::now());
        {
            let mut liveness = self.0.liveness.lock();
            counted.iter().for_each(|one| liveness.counted(one, now));
        }
        let mut pending = self.0.pending.lock();
        counted.iter().for_each(|one| pending.count(one, read));
        let lost = pending.take_lost();
        drop(pending);
        if lost > 0 {
            tracing::error!(lost, "last counters are lost: too many are unanswered");
        }
    }

    /// Sources that the feed does not know.
    pub fn seen(&self, sightings: impl IntoIterator<Item = Sighting>) {
        let seen = SystemClock.now();
        let mut pending = self.0.pending.lock();
        sightings.into_iter().for_each(|sighting| pending.see(sighting, seen));
        drop(pending);
        self.0.urgent.notify_one();
    }

    /// Addresses of `ipoe` subscribers that were in the saved state.
    pub fn restored(&self, addresses: impl Iterator<Item = (IpNet, SubscriberId)>) {
        let now = Instant::now();
        let mut liveness = self.0.liveness.lock();
        addresses.for_each(|(net, subscriber)| liveness.add(net, subscriber, now));
    }

    /// Whom the feed names from now on.
    pub fn page(&self, page: &FeedPage) {
        let now = Instant::now();
        let mut liveness = self.0.liveness.lock();
        if page.full {
            let named: HashSet<IpNet> = page.entries.iter().map(|entry| entry.address).collect();
            liveness.retain(|net| named.contains(net));
        }
        page.gone.iter().for_each(|net| liveness.remove(net));
        for entry in &page.entries {
            match entry.access {
                AccessMethod::Ipoe => liveness.add(entry.address, entry.subscriber, now),
                AccessMethod::Radius | AccessMethod::Static => liveness.remove(&entry.address),
            }
        }
    }

    /// Addresses that no longer answer.
    pub(super) fn silent(&self, nets: Vec<IpNet>) {
        self.0.pending.lock().silent(nets);
        self.0.urgent.notify_one();
    }

    pub(super) fn liveness(&self) -> MutexGuard<'_, Liveness> {
        self.0.liveness.lock()
    }
}

/// Sends reports until it is to stop.
pub(super) struct Reporter {
    pub news: News,
    pub servers: Vec<Server>,
    pub stop: Arc<AtomicBool>,
}

impl Reporter {
    pub fn run(self) {
        let mut connection = None;
        let mut told = false;
        let mut counters_at = Instant::now() + COUNTERS_GAP;
        while !self.stopping() {
            let Some(batch) = self.wait(counters_at) else { continue };
            let now = Instant::now();
            if now >= counters_at {
                counters_at = now + COUNTERS_GAP;
            }
            match self.send(&mut connection, &batch) {
                Ok(()) => {
                    if told {
                        tracing::info!("a server takes reports again");
                    }
                    told = false;
                    self.news.0.pending.lock().done(batch);
                    self.sleep(URGENT_GAP);
                }
                Err(Failed::Malformed(text)) => {
                    tracing::error!(text, "the server does not understand a report; it is dropped");
                    self.news.0.pending.lock().done(batch);
                    self.sleep(RETRY_GAP);
                }
                Err(Failed::Again(error, gap)) => {
                    connection = None;
                    if !told {
                        tracing::warn!(%error, "no server takes reports; they are kept");
                    }
                    told = true;
                    self.sleep(gap);
                }
            }
        }
    }

    /// The next report; None: nothing was to be told for a while.
    fn wait(&self, counters_at: Instant) -> Option<Batch> {
        let shared = &self.news.0;
        let mut pending = shared.pending.lock();
        if !pending.is_urgent() {
            let until = counters_at.min(Instant::now() + LOOK_UP);
            shared.urgent.wait_until(&mut pending, until.max(Instant::now() + Duration::from_millis(1)));
        }
        pending.next(Instant::now() >= counters_at, SystemClock.now())
    }

    /// Sends to the server that took the last one, else to the first that answers.
    fn send<'a>(&'a self, open: &mut Option<Connection<'a>>, batch: &Batch) -> Result<(), Failed> {
        let body = serde_json::to_vec(&batch.report).map_err(|error| Failed::Malformed(error.to_string()))?;
        if let Some(connection) = open {
            return post(connection, &body);
        }
        let mut last = Failed::Again(io::Error::other("there is no server"), RETRY_GAP);
        for server in &self.servers {
            let sent = Connection::open(server, &self.stop).map_err(|error| Failed::Again(error, RETRY_GAP));
            let sent = sent.and_then(|mut connection| post(&mut connection, &body).map(|()| connection));
            match sent {
                Ok(connection) => {
                    *open = Some(connection);
                    return Ok(());
                }
                Err(Failed::Again(error, gap)) => last = Failed::Again(error, gap),
                Err(malformed) => return Err(malformed),
            }
        }
        Err(last)
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn sleep(&self, duration: Duration) {
        let until = Instant::now() + duration;
        while !self.stopping() && Instant::now() < until {
            std::thread::sleep(LOOK_UP.min(duration));
        }
    }
}

/// Why a report was not taken.
enum Failed {
    /// It is to be sent again, after this time.
    Again(io::Error, Duration),
    /// It will never be taken.
    Malformed(String),
}

fn post(connection: &mut Connection<'_>, body: &[u8]) -> Result<(), Failed> {
    let answer =
        connection.post("/report", body, PATIENCE).map_err(|error| Failed::Again(error, RETRY_GAP))?;
    let said = String::from_utf8_lossy(&answer.body).trim().to_owned();
    match answer.status {
        200 => Ok(()),
        400 | 413 => Err(Failed::Malformed(said)),
        status @ (401..=405) => {
            Err(Failed::Again(io::Error::other(format!("status {status}: {said}")), REFUSED_GAP))
        }
        status => Err(Failed::Again(io::Error::other(format!("status {status}: {said}")), RETRY_GAP)),
    }
}

/// Keeps on disk what must outlive this process, until it is to stop; then everything that is unanswered.
pub(super) fn keep(news: &News, state_dir: &Path, stop: &AtomicBool) {
    let (mut saved, mut saved_all, mut failed) = (0, false, false);
    let mut stalled_at = Instant::now();
    loop {
        let stopping = stop.load(Ordering::Relaxed);
        let pending = news.0.pending.lock();
        let stalled = pending.oldest().is_some_and(|read| SystemClock.now().since(read) >= STALLED);
        let all = stopping || stalled && stalled_at.elapsed() >= STALLED_GAP;
        let changed = pending.finals_changed();
        // What was kept of a time without a server is let go with it.
        let over = saved_all && !stalled;
        let due = changed != saved || all || over || failed;
        let kept: Vec<(String, Held)> = if due { pending.to_keep(stalled || stopping) } else { Vec::new() };
        drop(pending);
        if due {
            match kept::save(state_dir, &kept) {
                Ok(()) => (saved, saved_all, failed) = (changed, stalled || stopping, false),
                Err(error) => {
                    if !failed {
                        tracing::error!(path = %state_dir.display(), "counters cannot be kept: {error}");
                    }
                    failed = true;
                }
            }
            if all {
                stalled_at = Instant::now();
            }
        }
        if stopping {
            return;
        }
        std::thread::sleep(if failed { RETRY_GAP } else { LOOK_UP });
    }
}

/// The machine's boot and this network namespace: counters of one are not continued in another.
fn boot_name() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let boot: String = boot.chars().filter(char::is_ascii_hexdigit).take(16).collect();
    let namespace = std::fs::metadata("/proc/thread-self/ns/net").map(|file| file.st_ino()).unwrap_or(0);
    format!("{boot}.{namespace}")
}
