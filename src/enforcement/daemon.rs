//! The enforcer itself: takes events one by one and keeps the kernel as the wanted state says.

mod asked;

pub use asked::{apply_saved, compare_saved, may_enforce};

use super::counters::Book;
use super::desk::{Asked, Listener};
use super::follower::Follower;
use super::kernel::{Finding, Kernel, NetlinkError, Reading};
use super::lookout::LOOK_BACK;
use super::meter;
use super::reporter::{News, Reporting};
use super::resolver::{self, Garden};
use super::saved::{self, Purpose, Saver};
use super::server::Server;
use super::settings::{InterfacePattern, Settings};
use super::shaping::{Keeper, RouteWatcher};
use super::sightings::{self, Sighting};
use super::skeleton::{Layout, Skeleton};
use super::wanted::{Plan, Scope, Wanted, diff};
use super::watcher::Watcher;
use crate::model::{AccessMethod, Counted, FeedPage};
use asked::{Hold, Started};
use ipnet::IpNet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Pages and reports not yet taken.
const EVENTS_MAX: usize = 16;
/// The table is read back this often though nobody was heard to change it,
const CHECK_INTERVAL: Duration = Duration::from_secs(60);
/// and at most for this part of the time: the feed waits meanwhile.
const CHECK_INTERVAL_PER_LOOK: u32 = 200;
/// A set with more elements is not read back: the kernel needs the square of their number for that. It is filled anew
/// when somebody has changed it.
const READ_BACK_MAX: usize = 262_144;
/// Others change a table in several steps; what they leave behind is looked at, not each step.
const MEND_DEBOUNCE: Duration = Duration::from_millis(5);
/// Between two looks at the table, so that somebody who changes it all the time does not keep us busy.
const MEND_GAP: Duration = Duration::from_millis(100);
const RETRY_GAP: Duration = Duration::from_secs(1);
/// Counters told at a time.
const COUNTED_MAX: usize = 16_384;
/// How often it looks whether it is to stop.
const LOOK_UP: Duration = Duration::from_millis(100);

/// Why the enforcer cannot go on.
#[derive(Debug)]
pub enum EnforceError {
    /// The configuration: what is wrong, with its key.
    Settings(String),
    /// This process may not change nf_tables here.
    NotPermitted,
    /// The system refused something that nothing works without.
    System(String),
}

impl std::fmt::Display for EnforceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            EnforceError::Settings(text) => f.write_str(text),
            EnforceError::NotPermitted => {
                f.write_str("not permitted to change nf_tables; CAP_NET_ADMIN is needed")
            }
            EnforceError::System(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for EnforceError {}

impl From<NetlinkError> for EnforceError {
    fn from(error: NetlinkError) -> EnforceError {
        match error {
            NetlinkError::NotPermitted => EnforceError::NotPermitted,
            other => EnforceError::System(format!("nf_tables: {other}")),
        }
    }
}

/// What the enforcer is woken by.
#[derive(Debug)]
pub(super) enum Event {
    Page(Box<FeedPage>),
    /// The walled garden as it is now known.
    Walled(Vec<IpNet>),
    /// Somebody else changed the table.
    Foreign,
    /// Counters of the kernel, a part of a round.
    Readings(Vec<Reading>),
    /// All counters have been read. Not `whole`: the table was not there.
    RoundRead {
        whole: bool,
    },
    /// Somebody asks at the desk.
    Asked(Asked),
    /// Whoever held the enforcer is gone.
    LetGo,
}

/// How the enforcer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was to stop.
    Stopped,
    /// It was asked to start again with the configuration as it is now.
    Restart,
}

/// Where the enforcer tells what it sees. Nobody may listen; a full channel is tried again with the next news.
#[derive(Clone, Debug, Default)]
pub struct Outlets {
    /// Octets of `ipoe` and `static` subscribers: every ten seconds, and when an element goes.
    pub counted: Option<SyncSender<Vec<Counted>>>,
    /// Sources on the subscribers' side that are nobody's, with `sightings`.
    pub sightings: Option<SyncSender<Sighting>>,
}

/// Enforces until `stop` is set, in the network namespace of the calling thread. The table stays behind as it is.
///
/// Side effects: threads `enforce-*`; table `inet headgate`; HTB classes below root `6867:` on the devices to shape;
/// `enforce.state`, `enforce.changes` and `reports.kept` in the state directory; tells systemd that it is ready once a saved state is
/// applied, or none was found. Before the first state is known, the kernel is left as it is found.
pub fn run(settings: &Settings, stop: &Arc<AtomicBool>) -> Result<(), EnforceError> {
    run_until_ended(settings, stop).map(drop)
}

/// As [`run`]; says how it ended.
pub fn run_until_ended(settings: &Settings, stop: &Arc<AtomicBool>) -> Result<Ended, EnforceError> {
    settings.check()?;
    let reporting = Reporting::start(settings, stop)?;
    let result = enforce(settings, reporting.outlets(), reporting.news(), stop);
    stop.store(true, Ordering::Relaxed);
    reporting.finish();
    result
}

/// As [`run`]; what is seen on the way is told here, and not to the server.
pub fn run_with(settings: &Settings, outlets: Outlets, stop: &Arc<AtomicBool>) -> Result<(), EnforceError> {
    enforce(settings, outlets, None, stop).map(drop)
}

fn enforce(
    settings: &Settings,
    outlets: Outlets,
    news: Option<News>,
    stop: &Arc<AtomicBool>,
) -> Result<Ended, EnforceError> {
    settings.check()?;
    let servers = Server::all(settings)?;
    let (sender, events) = sync_channel(EVENTS_MAX);
    let mut gate = Gate::open(settings, outlets, news)?;
    // Listening begins before the first look, so that no change falls between.
    let watcher =
        Watcher::open(gate.kernel.port(), sender.clone(), Arc::clone(&gate.foreign), Arc::clone(stop))?;
    let route_watcher = route_watcher(&gate.shaping, &sender, stop)?;
    gate.start(settings)?;
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);

    let follower = Follower {
        servers,
        nas: settings.nas,
        cursor: gate.wanted.cursor.clone(),
        events: sender.clone(),
        stop: Arc::clone(stop),
        start_over: Arc::clone(&gate.start_over),
        look_back: LOOK_BACK,
    };
    let mut threads =
        vec![spawn("enforce-watch", || watcher.run())?, spawn("enforce-feed", || follower.run())?];
    if gate.outlets.counted.is_some() && gate.wanted.scope().filter {
        let (kernel, events, stop) = (Kernel::open()?, sender.clone(), Arc::clone(stop));
        let counted = Arc::clone(&gate.counted);
        threads.push(spawn("enforce-count", move || meter::run(kernel, &counted, &events, &stop))?);
    }
    if let Some(outlet) = gate.outlets.sightings.take().filter(|_| settings.sightings) {
        let (kernel, stop) = (Kernel::open()?, Arc::clone(stop));
        threads.push(spawn("enforce-seen", move || sightings::run(kernel, &outlet, &stop))?);
    }
    match Listener::bind(&settings.state_dir, sender.clone(), Arc::clone(stop)) {
        Ok(desk) => threads.push(spawn("enforce-desk", || desk.run())?),
        Err(error) => tracing::warn!("no control socket, `headgate fw` will not find this enforcer: {error}"),
    }
    start_resolver(settings, &gate.wanted, sender, stop)?;
    let result = gate.take_events(&events, stop);

    stop.store(true, Ordering::Relaxed);
    // A thread that waits for room in the queue must find it closed.
    drop(events);
    for thread in threads.into_iter().chain(route_watcher) {
        let _ = thread.join();
    }
    let ended = gate.ended.unwrap_or(Ended::Stopped);
    gate.saver.finish(&gate.wanted);
    result.map(|()| ended)
}

/// Hears of changes to the devices that have classes. None: there are no such devices.
fn route_watcher(
    shaping: &Keeper,
    events: &SyncSender<Event>,
    stop: &Arc<AtomicBool>,
) -> Result<Option<JoinHandle<()>>, EnforceError> {
    let Some((port, devices, shared)) = shaping.watched() else { return Ok(None) };
    let watcher = RouteWatcher::open(port, devices, shared, Arc::clone(stop)).map_err(rtnetlink)?;
    let events = events.clone();
    // With the queue full its reader is awake.
    let wake = move || !matches!(events.try_send(Event::Foreign), Err(TrySendError::Disconnected(_)));
    spawn("enforce-tc", move || watcher.run(wake)).map(Some)
}

fn rtnetlink(error: NetlinkError) -> EnforceError {
    match error {
        NetlinkError::NotPermitted => EnforceError::NotPermitted,
        other => EnforceError::System(format!("rtnetlink: {other}")),
    }
}

pub(super) fn spawn(
    name: &str,
    body: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, EnforceError> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(body);
    thread.map_err(|error| EnforceError::System(format!("thread {name}: {error}")))
}

/// Not waited for at the end: a name's lookup cannot be broken off.
fn start_resolver(
    settings: &Settings,
    wanted: &Wanted,
    events: SyncSender<Event>,
    stop: &Arc<AtomicBool>,
) -> Result<(), EnforceError> {
    if wanted.scope().filter {
        let garden = Garden::new(&settings.walled_garden, wanted.walled());
        let stop = Arc::clone(stop);
        spawn("enforce-names", move || resolver::run(garden, &events, &stop))?;
    }
    Ok(())
}

struct Gate {
    kernel: Kernel,
    interfaces: Vec<InterfacePattern>,
    captive: Option<SocketAddr>,
    sightings: bool,
    purpose: Purpose,
    wanted: Wanted,
    /// Who has which class, and the devices that have them.
    shaping: Keeper,
    outlets: Outlets,
    /// The reporter, which asks those whom the feed names whether they are there.
    news: Option<News>,
    book: Book,
    /// Somebody's octets are counted, or once were; read by the meter.
    counted: Arc<AtomicBool>,
    /// A whole state is known, from the disk or the feed.
    known: bool,
    saver: Saver,
    /// Set by the watcher.
    foreign: Arc<AtomicBool>,
    /// Read by the follower.
    start_over: Arc<AtomicBool>,
    looked: Instant,
    next_look: Instant,
    /// Somebody has changed the table, or what is in it is not known.
    suspect: bool,
    started: Started,
    hold: Hold,
    /// Set: it is to end.
    ended: Option<Ended>,
}

impl Gate {
    fn open(settings: &Settings, outlets: Outlets, news: Option<News>) -> Result<Gate, EnforceError> {
        let interfaces = settings.interfaces()?;
        let guard = settings.protect_ports || settings.ports_only;
        let scope = Scope { filter: !interfaces.is_empty(), guard };
        let purpose = Purpose { nas: settings.nas, scope };
        let saver = Saver::start(settings.state_dir.clone(), purpose)
            .map_err(|error| EnforceError::System(format!("thread enforce-save: {error}")))?;
        let (shape, wan) = match scope.filter {
            true => (settings.shape.as_slice(), settings.wan.as_deref()),
            false => (&[][..], None),
        };
        let shaping = Keeper::open(shape, wan, !settings.unpoliced).map_err(rtnetlink)?;
        let now = Instant::now();
        Ok(Gate {
            kernel: Kernel::open()?,
            interfaces,
            captive: settings.captive,
            sightings: settings.sightings,
            purpose,
            wanted: Wanted::new(scope),
            shaping,
            outlets,
            news,
            book: Book::default(),
            counted: Arc::default(),
            known: false,
            saver,
            foreign: Arc::default(),
            start_over: Arc::default(),
            looked: now,
            next_look: now + CHECK_INTERVAL,
            suspect: true,
            started: Started::with(settings),
            hold: Hold::default(),
            ended: None,
        })
    }

    /// Applies the saved state, if there is one.
    fn start(&mut self, settings: &Settings) -> Result<(), EnforceError> {
        let saved = saved::load(&settings.state_dir, &self.purpose, &mut self.shaping);
        self.known = saved.is_some();
        self.wanted = match saved {
            Some((wanted, number)) => {
                self.saver.take_over(number);
                wanted
            }
            None => Wanted::new(self.purpose.scope),
        };
        self.note_counted(self.wanted.entries().map(|(_, entry)| entry.access));
        let garden = Garden::new(&settings.walled_garden, self.wanted.walled());
        self.wanted.take_walled(&garden.nets());
        if let Some(news) = &self.news {
            let ipoe = self.wanted.entries().filter(|(_, entry)| entry.access == AccessMethod::Ipoe);
            news.restored(ipoe.map(|(net, entry)| (net, entry.subscriber)));
        }
        if self.known {
            self.look("the saved state", Telling::Quiet)
        } else {
            tracing::info!("no saved state; the kernel stays as it is until a server answers");
            Ok(())
        }
    }

    fn take_events(&mut self, events: &Receiver<Event>, stop: &AtomicBool) -> Result<(), EnforceError> {
        while !stop.load(Ordering::Relaxed) && self.ended.is_none() {
            let still = self.stands_still();
            let patience = self.next_look.saturating_duration_since(Instant::now()).min(LOOK_UP);
            let patience = match self.known && !still {
                true => patience.min(self.shaping.patience()),
                false if still => LOOK_UP,
                false => patience,
            };
            match events.recv_timeout(patience) {
                Ok(Event::Page(page)) => self.take_page(&page)?,
                Ok(Event::Walled(nets)) => self.take_walled(&nets)?,
                Ok(Event::Readings(readings)) => readings.iter().for_each(|reading| self.book.take(reading)),
                Ok(Event::RoundRead { whole }) => {
                    if whole {
                        self.book.end_round();
                    }
                    self.tell_counted();
                }
                Ok(Event::Asked(asked)) => self.answer(&asked),
                Ok(Event::LetGo) => self.let_go(),
                Ok(Event::Foreign) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) if stop.load(Ordering::Relaxed) => break,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(EnforceError::System("every thread has ended".to_owned()));
                }
            }
            if self.foreign.swap(false, Ordering::Acquire) {
                self.suspect = true;
                let soon = (Instant::now() + MEND_DEBOUNCE).max(self.looked + MEND_GAP);
                self.next_look = self.next_look.min(soon);
            }
            let still = self.stands_still();
            if self.known && !still && Instant::now() >= self.next_look {
                self.look("what was found", Telling::Loud)?;
            }
            if self.known {
                if !still {
                    self.shaping.turn().map_err(rtnetlink)?;
                }
                self.saver.save_if_due(&self.wanted);
            }
        }
        Ok(())
    }

    fn take_page(&mut self, page: &FeedPage) -> Result<(), EnforceError> {
        if !self.known && !page.full {
            tracing::warn!("the feed began with a change of an unknown state; asking for everything");
            self.start_over.store(true, Ordering::Relaxed);
            return Ok(());
        }
        let Ok(change) = self.wanted.take(page, &mut self.shaping) else {
            tracing::error!("the feed names too many addresses; asking for everything");
            self.start_over.store(true, Ordering::Relaxed);
            return Ok(());
        };
        if let Some(news) = &self.news {
            news.page(page);
        }
        self.note_counted(page.entries.iter().map(|entry| entry.access));
        let result = match self.known {
            true => self.apply(&change.plan, change.rebuild, "a page of the feed"),
            false => {
                self.known = true;
                self.look("the first page", Telling::Quiet)
            }
        };
        // The gate first: saving is not waited for, but making its lines takes time.
        self.saver.page(page);
        result
    }

    fn take_walled(&mut self, nets: &[IpNet]) -> Result<(), EnforceError> {
        let plan = self.wanted.take_walled(nets);
        if !self.known {
            return Ok(());
        }
        let result = self.apply(&plan, false, "the walled garden");
        self.saver.garden(nets, &self.wanted.cursor);
        result
    }

    fn note_counted(&self, mut accesses: impl Iterator<Item = AccessMethod>) {
        if !self.counted.load(Ordering::Relaxed) && accesses.any(|access| access != AccessMethod::Radius) {
            self.counted.store(true, Ordering::Relaxed);
        }
    }

    /// What removed elements had counted.
    fn take_finals(&mut self, finals: &[Reading]) {
        if !finals.is_empty() && self.outlets.counted.is_some() {
            self.book.finish(finals);
            self.tell_counted();
        }
    }

    fn tell_counted(&mut self) {
        while let Some(outlet) = &self.outlets.counted {
            let counted = self.book.untold(COUNTED_MAX);
            if counted.is_empty() {
                return;
            }
            match outlet.try_send(counted) {
                Ok(()) => {}
                Err(TrySendError::Full(counted)) => return self.book.untell(&counted),
                Err(TrySendError::Disconnected(_)) => self.outlets.counted = None,
            }
        }
    }

    /// Brings a change of the wanted state into the kernel.
    fn apply(&mut self, plan: &Plan, rebuild: bool, why: &str) -> Result<(), EnforceError> {
        if self.stands_still() {
            return Ok(());
        }
        let start = Instant::now();
        self.shaping.before_elements().map_err(rtnetlink)?;
        let rebuild = rebuild || self.kernel.outgrown(self.wanted.sets());
        let result = if rebuild { self.rebuild() } else { self.change(plan) };
        match result {
            Ok(()) => {
                let (removed, added) = plan.sizes();
                let micros = start.elapsed().as_micros();
                tracing::debug!(removed, added, rebuild, micros, "applied {why}");
                self.shaping.after_elements().map_err(rtnetlink)
            }
            Err(NetlinkError::NotPermitted) => Err(EnforceError::NotPermitted),
            Err(error) => {
                tracing::warn!("{why} was not applied: {error}; reading the table back");
                self.suspect = true;
                self.look("what was found", Telling::Loud)
            }
        }
    }

    fn skeleton(&self) -> Skeleton {
        let layout = Layout {
            interfaces: &self.interfaces,
            captive: self.captive,
            sightings: self.sightings,
            wanted: &self.wanted,
        };
        Skeleton::build(&layout)
    }

    fn rebuild(&mut self) -> Result<(), NetlinkError> {
        let skeleton = self.skeleton();
        if skeleton.is_empty() {
            self.kernel.remove()
        } else {
            let finals = self.kernel.rebuild(&skeleton, self.wanted.sets())?;
            self.take_finals(&finals);
            Ok(())
        }
    }

    fn change(&mut self, plan: &Plan) -> Result<(), NetlinkError> {
        let finals = self.kernel.apply(plan)?;
        self.take_finals(&finals);
        Ok(())
    }

    /// Reads the table back and makes it as it is wanted. A failure is tried again later.
    fn look(&mut self, why: &str, telling: Telling) -> Result<(), EnforceError> {
        if self.stands_still() {
            return Ok(());
        }
        let start = Instant::now();
        self.shaping.before_elements().map_err(rtnetlink)?;
        let result = self.reconcile();
        if result.is_ok() {
            self.shaping.after_elements().map_err(rtnetlink)?;
        }
        self.looked = Instant::now();
        let pause = CHECK_INTERVAL.max((self.looked - start) * CHECK_INTERVAL_PER_LOOK);
        self.next_look = self.looked + pause;
        self.suspect = result.is_err();
        match (result, telling) {
            (Ok(None), Telling::Quiet) => tracing::info!("adopted the table with {why}"),
            (Ok(None), Telling::Loud) => tracing::debug!("the table is as it must be"),
            (Ok(Some(done)), Telling::Quiet) => tracing::info!("applied {why}: {done}"),
            (Ok(Some(done)), Telling::Loud) => tracing::warn!("mended {why}: {done}"),
            (Err(NetlinkError::NotPermitted), _) => return Err(EnforceError::NotPermitted),
            (Err(error), _) => {
                tracing::error!("nf_tables: {error}; trying again");
                self.next_look = self.looked + RETRY_GAP;
            }
        }
        Ok(())
    }

    /// None: nothing was to be done; else what was found and done, in words.
    fn reconcile(&mut self) -> Result<Option<String>, NetlinkError> {
        let skeleton = self.skeleton();
        if skeleton.is_empty() {
            return self.reconcile_nothing();
        }
        let many = self.wanted.sets().values().any(|elements| elements.len() > READ_BACK_MAX);
        let finding =
            if many { self.kernel.inspect_skeleton(&skeleton)? } else { self.kernel.inspect(&skeleton)? };
        let present = match finding {
            Finding::Whole(_) if self.kernel.outgrown(self.wanted.sets()) => {
                return self.rebuilt("the sets are too small");
            }
            Finding::Whole(_) if many && self.suspect => {
                return self.rebuilt("too many elements to be read back");
            }
            Finding::Whole(_) if many => return Ok(None),
            Finding::Whole(present) => present,
            Finding::Absent => return self.rebuilt("there was no table"),
            Finding::Damaged(damage) => return self.rebuilt(&damage),
        };
        let plan = diff(self.wanted.sets(), &present);
        let (removed, added) = plan.sizes();
        match self.change(&plan) {
            Ok(()) if plan.is_empty() => Ok(None),
            Ok(()) => Ok(Some(format!("{removed} elements removed, {added} added"))),
            Err(NetlinkError::NotPermitted) => Err(NetlinkError::NotPermitted),
            // Changed again meanwhile, or something that no difference explains.
            Err(error) => self.rebuilt(&error.to_string()),
        }
    }

    fn reconcile_nothing(&mut self) -> Result<Option<String>, NetlinkError> {
        if !self.kernel.is_there()? {
            return Ok(None);
        }
        self.kernel.remove()?;
        Ok(Some("the table was removed, as nothing is to be filtered or guarded".to_owned()))
    }

    fn rebuilt(&mut self, reason: &str) -> Result<Option<String>, NetlinkError> {
        self.rebuild()?;
        let elements: usize = self.wanted.sets().values().map(|set| set.len()).sum();
        Ok(Some(format!("{reason}; made anew with {elements} elements")))
    }
}

/// Whether finding the table other than wanted is news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Telling {
    /// At start: it is expected.
    Quiet,
    /// Later: somebody was there.
    Loud,
}
