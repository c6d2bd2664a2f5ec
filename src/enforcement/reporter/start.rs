//! The threads that report: one takes what the enforcer tells, one sends, one keeps, one asks who is still there.

use super::{News, Reporter, keep};
use crate::enforcement::daemon::{EnforceError, Outlets, spawn};
use crate::enforcement::probes::Prober;
use crate::enforcement::server::Server;
use crate::enforcement::settings::Settings;
use crate::enforcement::sightings;
use crate::model::{Counted, Sighting};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Parts of a round of counters on their way.
const PARTS_MAX: usize = 16;
/// Sources on their way; what finds no room is told again with the next reading.
const SEEN_MAX: usize = 1_024;

/// The running threads.
pub struct Reporting {
    counted: Option<SyncSender<Vec<Counted>>>,
    seen: Option<SyncSender<sightings::Sighting>>,
    news: Option<News>,
    /// End with the enforcer's own `stop`, or with the channel.
    threads: Vec<JoinHandle<()>>,
    /// Ends after all others, when nothing more is told.
    keeper: Option<(JoinHandle<()>, Arc<AtomicBool>)>,
}

impl Reporting {
    /// Without `lan` there are no subscribers here, and nothing to report of them.
    pub fn start(settings: &Settings, stop: &Arc<AtomicBool>) -> Result<Reporting, EnforceError> {
        let interfaces = settings.interfaces()?;
        if interfaces.is_empty() {
            return Ok(Reporting {
                counted: None,
                seen: None,
                news: None,
                threads: Vec::new(),
                keeper: None,
            });
        }
        let servers = Server::all(settings)?;
        let news = News::open(settings);
        let (counted, told) = sync_channel(PARTS_MAX);
        let reporter = Reporter { news: news.clone(), servers, stop: Arc::clone(stop) };
        let (seen, sources) = sync_channel(SEEN_MAX);
        let (listening, looking) = (news.clone(), news.clone());
        let mut threads = vec![
            spawn("enforce-report", || reporter.run())?,
            spawn("enforce-tell", move || listen(&told, &listening))?,
            spawn("enforce-seen-tell", move || look(&sources, &looking))?,
        ];
        match Prober::open(interfaces, news.clone()) {
            Ok(prober) => {
                let stop = Arc::clone(stop);
                threads.push(spawn("enforce-probe", move || prober.run(&stop))?);
            }
            Err(error) => tracing::warn!(
                "packet sockets cannot be opened ({error}; CAP_NET_RAW is needed): no ipoe subscriber is logged off \
                 for silence"
            ),
        }
        let (keeping, over, state_dir) =
            (news.clone(), Arc::<AtomicBool>::default(), settings.state_dir.clone());
        let keeper_over = Arc::clone(&over);
        let keeper = spawn("enforce-keep", move || keep(&keeping, &state_dir, &keeper_over))?;
        Ok(Reporting {
            counted: Some(counted),
            seen: Some(seen),
            news: Some(news),
            threads,
            keeper: Some((keeper, over)),
        })
    }

    /// Where the enforcer tells.
    pub fn outlets(&self) -> Outlets {
        Outlets { counted: self.counted.clone(), sightings: self.seen.clone() }
    }

    pub fn news(&self) -> Option<News> {
        self.news.clone()
    }

    /// After the enforcer has stopped: keeps what is unanswered.
    pub fn finish(mut self) {
        // Their ends end the threads that listen.
        (self.counted, self.seen) = (None, None);
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so itself.
            let _ = thread.join();
        }
        if let Some((keeper, over)) = self.keeper.take() {
            over.store(true, Ordering::Relaxed);
            let _ = keeper.join();
        }
    }
}

fn listen(told: &Receiver<Vec<Counted>>, news: &News) {
    for part in told {
        news.counted(&part);
    }
}

fn look(sources: &Receiver<sightings::Sighting>, news: &News) {
    while let Ok(first) = sources.recv() {
        let seen = std::iter::once(first).chain(sources.try_iter().take(SEEN_MAX));
        news.seen(seen.map(|sightings::Sighting { address, mac }| Sighting {
            address,
            mac: Some(mac),
            circuit_id: String::new(),
            age_seconds: 0,
        }));
    }
}
