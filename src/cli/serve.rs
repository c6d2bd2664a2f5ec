//! `headgate serve`: everything wired together.

use super::identities::Identities;
use super::{CliError, CliResult, Context, client, logging};
use crate::config::{self, Config, RestrictedLogin, StoreUrl, SystemApi};
use crate::directory::{Directory, DirectorySettings};
use crate::doors::management::Management;
use crate::doors::request_log::RequestLog;
use crate::doors::tls::{Identity, TlsListener};
use crate::doors::{cgrates, control, http, metrics, payments, radius, system_api};
use crate::engine::{CallRules, Settings};
use crate::followers::{coa, outbox};
use crate::model::*;
use crate::observe::RuntimeLog;
use crate::operations::{
    Counters, Followers, Operations, PaymentCalls, PortRules, RadiusRules, Recorder, Reports, StaffLogins,
    replay_until_stopped,
};
use crate::storage::{Reader, Spool, SpoolReader, SqliteStore, Vault};
use crate::web::Captive;
use crate::writer::{Started, Writer, WriterHandle};
use clap::Args;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// A reservation holds for this many interim intervals without news of its session.
const RESERVATION_INTERVALS: u32 = 3;
/// Orders to NASes waiting at most.
const NAS_ORDERS_MAX: usize = 1_000;
/// Entries of the spool merged into presence at a time when starting.
const CATCH_UP_ENTRIES: usize = 10_000;
/// How often silent sessions are looked for.
const SILENCE_LOOK: Duration = Duration::from_secs(30);

#[derive(Args)]
pub(super) struct Serve {}

impl Serve {
    pub fn run(&self, context: &Context) -> CliResult {
        let config = context.config()?;
        logging::start(config.log.level.as_str());
        serve(config, &context.config_path, || {})
    }
}

/// The ledger without doors: store, writer and directory. Ends them in order when dropped.
pub(super) struct Ledger {
    pub writer: WriterHandle,
    pub directory: Arc<Directory>,
    pub reader: Arc<dyn Reader>,
    pub clock: Arc<dyn Clock>,
    pub settings: Settings,
    edge_positions: HashMap<String, SpoolPosition>,
    thread: Option<JoinHandle<()>>,
}

impl Ledger {
    /// Opens the store that the configuration names, takes its lease and starts the writer. Refused where a server
    /// answers on the control socket, because the lease would be taken from it.
    pub fn open(config: &Config, purpose: &str) -> Result<Ledger, CliError> {
        refuse_beside_a_server(config)?;
        let state_dir = &config.server.state_dir;
        std::fs::create_dir_all(state_dir)
            .map_err(|error| CliError::failed(format!("{}: {error}", state_dir.display())))?;
        let StoreUrl::Sqlite(path) = &config.store.url;
        let vault = Vault::open(state_dir).map_err(CliError::failed)?;
        let store = SqliteStore::open(path, vault).map_err(CliError::failed)?;
        let reader: Arc<dyn Reader> = Arc::new(store.reader().map_err(CliError::failed)?);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let directory = Arc::new(Directory::new(&DirectorySettings {
            grant_hold: config.radius.pool_quarantine(),
            pool_quarantine: config.radius.pool_quarantine(),
        }));
        let settings = Settings {
            time_zone: config.server.time_zone.clone(),
            currency_digits: config.server.currency.exponent,
            billing: config.billing.clone(),
            reservation_term: Duration::from_secs(config.radius.interim_seconds.into())
                * RESERVATION_INTERVALS,
            events: config.notify.rules(&config.server.currency.code),
            calls: CallRules { unit: config.cgrates.unit, compat_2012: config.cgrates.compat_2012 },
        };
        let holder = format!("{} {purpose} pid {}", config.server.name, std::process::id());
        let Started { handle, thread, edge_positions } = Writer::start(
            Box::new(store),
            settings.clone(),
            Arc::clone(&directory),
            Arc::clone(&clock),
            holder,
        )
        .map_err(CliError::failed)?;
        Ok(Ledger {
            writer: handle,
            directory,
            reader,
            clock,
            settings,
            edge_positions,
            thread: Some(thread),
        })
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.writer.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the writer ended badly");
        }
    }
}

/// Runs until a signal. `ready` is called when every door is open.
pub(super) fn serve(config: Config, config_file: &Path, ready: impl FnOnce()) -> CliResult {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("doors")
        .build()
        .map_err(|error| CliError::failed(format!("cannot start: {error}")))?;
    refuse_beside_a_server(&config)?;
    let identities = Identities::open(&config)?;
    // Locked against a second server, so before the lease is taken.
    let spool = Spool::open(config.server.state_dir.join("spool")).map_err(CliError::failed)?;
    let ledger = Ledger::open(&config, "serve")?;
    ledger.writer.keep_time();
    let (stop_sender, stop) = watch::channel(false);
    let (nas_orders, nas_order_queue) = mpsc::channel(NAS_ORDERS_MAX);
    let operations = Arc::new(operations(&config, &ledger, nas_orders));
    let accounting = Accounting::open(spool, &config.server.name, &ledger)?;
    let recorder = Recorder::new();
    let settings =
        radius::Settings { captive_url: captive_url(&config), ..radius::Settings::from(&config.radius) };
    let radius =
        radius::start(&settings, Arc::clone(&operations), Arc::clone(&recorder)).map_err(CliError::failed)?;
    let accounting = accounting.start(&config.server.name, &ledger, &recorder, radius.deliverer())?;
    let result = runtime.block_on(async {
        let mut doors = JoinSet::new();
        let reports = Reports::new(Arc::clone(&operations), Arc::clone(&recorder) as Arc<_>);
        control::start(&config.server.control_socket, &operations, &reports, &stop, &mut doors)?;
        let doors_open = open_http(&config, &operations, &reports, identities, &stop, &mut doors).await?;
        let settings = coa::Settings { captive_url: captive_url(&config), ..coa::Settings::default() };
        doors.spawn(coa::run(settings, Arc::clone(&operations), nas_order_queue, stop.clone()));
        doors.spawn(outbox::run(config.notify.targets.clone(), Arc::clone(&operations), stop.clone()));
        doors.spawn(end_silent_sessions(Arc::clone(&operations), stop.clone()));
        tracing::info!(
            subscribers = operations.directory.read().subscriber_count(),
            sessions = operations.directory.read().open_session_count(),
            "headgate is ready"
        );
        // Without a service manager there is nobody to tell.
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
        ready();
        reload_on_hangup(config, config_file.to_path_buf(), doors_open, Arc::clone(&operations));
        until_stopped().await;
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
        // A door that has gone away already does not listen.
        let _ = stop_sender.send(true);
        radius.stop();
        while doors.join_next().await.is_some() {}
        Ok(())
    });
    recorder.stop();
    accounting.stop();
    runtime.shutdown_timeout(Duration::from_secs(5));
    result.map_err(|error: std::io::Error| CliError::failed(error))
}

fn refuse_beside_a_server(config: &Config) -> CliResult {
    let socket = &config.server.control_socket;
    if client::is_running(socket) {
        return Err(CliError::failed(format!("{}: another server answers there", socket.display())));
    }
    Ok(())
}

fn operations(
    config: &Config,
    ledger: &Ledger,
    nas_orders: mpsc::Sender<crate::operations::NasOrder>,
) -> Operations {
    let captive = i32::try_from(config.radius.captive_rate_kbit).unwrap_or(i32::MAX);
    let burst = Bandwidth::burst_default(captive);
    let bandwidth = Bandwidth { rate: captive, ceil: captive, burst, cburst: burst };
    Operations {
        directory: Arc::clone(&ledger.directory),
        writer: ledger.writer.clone(),
        reader: Arc::clone(&ledger.reader),
        clock: Arc::clone(&ledger.clock),
        settings: ledger.settings.clone(),
        rules: RadiusRules {
            negbal_captive: config.radius.negbal_login == RestrictedLogin::Captive,
            blocked_captive: config.radius.blocked_login == RestrictedLogin::Captive,
            interim: Duration::from_secs(config.radius.interim_seconds.into()),
            captive_shape: Shape { download: bandwidth, upload: bandwidth },
        },
        counters: Arc::new(Counters::default()),
        ports: watch::Sender::new(port_rules(config)),
        followers: Followers::default(),
        payment_calls: PaymentCalls::default(),
        nas_orders,
        staff_logins: staff_logins(config),
        started: ledger.clock.now(),
    }
}

fn staff_logins(config: &Config) -> Arc<StaffLogins> {
    let logins = StaffLogins::default();
    logins.set_sid_days(config.management.sid_days);
    Arc::new(logins)
}

/// Who may reach the ports that are listened on.
fn port_rules(config: &Config) -> PortRules {
    let udp = config.radius.auth.iter().chain(&config.radius.acct).map(|address| address.port());
    let allow = config.system_api.allow.networks();
    let api = config.system_api.listen.iter().map(|address| (address.port(), allow.to_vec()));
    let followers = config.management.allow.networks();
    let management = config.management.listen.iter().map(|address| (address.port(), followers.to_vec()));
    let operators = config.payments.allow();
    let operators = operators.networks();
    let pay = config.payments.listen.iter().chain(&config.payments.tls_listen);
    let pay = pay.map(|address| (address.port(), operators.to_vec()));
    let softswitches = config.cgrates.allow.networks();
    let calls = config.cgrates.tcp.iter().chain(&config.cgrates.http);
    let calls = calls.map(|address| (address.port(), softswitches.to_vec()));
    PortRules { nas_udp: udp.collect(), tcp: api.chain(management).chain(pay).chain(calls).collect() }
}

/// What takes a changed configuration while it serves.
struct OpenDoors {
    api: Arc<system_api::SystemApi>,
    payments: Arc<payments::Payments>,
    management: Arc<Management>,
    identities: Identities,
}

/// Opens the HTTP doors.
async fn open_http(
    config: &Config,
    operations: &Arc<Operations>,
    reports: &Arc<Reports>,
    identities: Identities,
    stop: &watch::Receiver<bool>,
    tasks: &mut JoinSet<()>,
) -> std::io::Result<OpenDoors> {
    let log = runtime_log(config);
    let api = Arc::new(
        system_api::SystemApi::new(Arc::clone(operations), config.system_api.clone(), log.clone())
            .with_currency(&config.server.currency.code),
    );
    open(&config.system_api.listen, Arc::clone(&api), system_api::SystemApi::limits(), stop, tasks).await?;
    let payments = Arc::new(payments::Payments::new(Arc::clone(operations), config.payments.clone(), log));
    let door = http::Door::new(Arc::clone(&payments), payments::Payments::limits(), stop.clone());
    open_door(&door, &config.payments.listen, tasks).await?;
    open_tls(&door, &config.payments.tls_listen, identities.payments.as_ref(), tasks).await?;
    open_calls(config, operations, stop, tasks).await?;
    let management =
        Arc::new(Management::new(Arc::clone(operations), Arc::clone(reports), config.management.clone()));
    let door = http::Door::new(Arc::clone(&management), Management::limits(), stop.clone());
    open_door(&door, &config.management.plain_listen, tasks).await?;
    open_tls(&door, &config.management.listen, identities.own.as_ref(), tasks).await?;
    let captive = Arc::new(Captive::new(Arc::clone(operations), config)?);
    let door = http::Door::new(captive, Captive::limits(), stop.clone());
    open_door(&door, &config.cabinet.listen, tasks).await?;
    open_tls(&door, &config.cabinet.tls_listen, identities.own.as_ref(), tasks).await?;
    // Doors open after the directory is loaded, so whoever reaches this one finds the server ready.
    let metrics = metrics::Metrics::new(Arc::clone(operations), Arc::new(|| Ok(())));
    open(&config.metrics.listen, metrics, metrics::Metrics::limits(), stop, tasks).await?;
    Ok(OpenDoors { api, payments, management, identities })
}

/// Opens the doors of softswitches.
async fn open_calls(
    config: &Config,
    operations: &Arc<Operations>,
    stop: &watch::Receiver<bool>,
    tasks: &mut JoinSet<()>,
) -> std::io::Result<()> {
    let allow = &config.cgrates.allow;
    let times = cgrates::Times::default();
    let door = cgrates::TcpDoor::new(Arc::clone(operations), allow.clone(), times, stop.clone());
    for address in &config.cgrates.tcp {
        tasks.spawn(Arc::clone(&door).serve(listen(*address).await?));
    }
    let door = cgrates::HttpDoor::new(Arc::clone(operations), allow.clone());
    open(&config.cgrates.http, door, cgrates::HttpDoor::limits(), stop, tasks).await
}

async fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        std::io::Error::new(error.kind(), format!("cannot listen on tcp {address}: {error}"))
    })
}

/// The request log; a file that cannot be opened is reported and costs only the log.
fn runtime_log(config: &Config) -> Option<Arc<dyn RequestLog>> {
    let path = config.log.runtime_log.as_ref()?;
    match RuntimeLog::open(path, config.server.time_zone.clone()) {
        Ok(log) => Some(Arc::new(log)),
        Err(error) => {
            tracing::warn!(%error, path = %path.display(), "requests are not logged");
            None
        }
    }
}

/// Opens every address of an HTTP door and serves them with one set of limits.
async fn open<H: http::Handler>(
    addresses: &[SocketAddr],
    handler: H,
    limits: http::Limits,
    stop: &watch::Receiver<bool>,
    tasks: &mut JoinSet<()>,
) -> std::io::Result<()> {
    open_door(&http::Door::new(handler, limits, stop.clone()), addresses, tasks).await
}

async fn open_door<H: http::Handler>(
    door: &Arc<http::Door<H>>,
    addresses: &[SocketAddr],
    tasks: &mut JoinSet<()>,
) -> std::io::Result<()> {
    for address in addresses {
        let listener = listen(*address).await?;
        let door = Arc::clone(door);
        tasks.spawn(async move { door.serve(listener).await });
    }
    Ok(())
}

/// The same over TLS. There is an identity wherever there are addresses.
async fn open_tls<H: http::Handler>(
    door: &Arc<http::Door<H>>,
    addresses: &[SocketAddr],
    identity: Option<&Arc<Identity>>,
    tasks: &mut JoinSet<()>,
) -> std::io::Result<()> {
    let Some(identity) = identity else { return Ok(()) };
    for address in addresses {
        let listener = TlsListener::new(listen(*address).await?, Arc::clone(identity));
        let door = Arc::clone(door);
        tasks.spawn(async move { door.serve(listener).await });
    }
    Ok(())
}

/// Where NASes that redirect by themselves send debtors.
fn captive_url(config: &Config) -> String {
    if let Some(url) = &config.cabinet.url {
        return format!("{url}/");
    }
    let listen = config.cabinet.listen.iter().copied().find(|address| !address.ip().is_unspecified());
    config.enforcement.captive.or(listen).map(|address| format!("http://{address}/")).unwrap_or_default()
}

/// The spool, opened and caught up with, before accounting is taken.
struct Accounting {
    spool: Spool,
    reader: SpoolReader,
    position: SpoolPosition,
}

impl Accounting {
    /// Merges what the spool holds and the ledger does not have yet into presence.
    fn open(
        (mut spool, mut reader): (Spool, SpoolReader),
        edge: &str,
        ledger: &Ledger,
    ) -> Result<Accounting, CliError> {
        let position = ledger.edge_positions.get(edge).copied().unwrap_or_default();
        spool.continue_after(position).map_err(CliError::failed)?;
        let mut at = position;
        loop {
            let entries = reader.read(at, CATCH_UP_ENTRIES).map_err(CliError::failed)?;
            let Some((last, _)) = entries.last() else { break };
            at = *last;
            ledger.directory.merge_presence(entries.iter().filter_map(|(_, entry)| match entry {
                SpoolEntry::Accounting(record) => Some(record),
                _ => None,
            }));
            let grants = entries.iter().filter_map(|(_, entry)| match entry {
                SpoolEntry::Grant(grant) => Some(grant),
                _ => None,
            });
            ledger.directory.restore_grants(grants, ledger.clock.now());
            let reservations = entries.iter().filter_map(|(_, entry)| match entry {
                SpoolEntry::Reservation(reservation) => Some(reservation),
                _ => None,
            });
            ledger.directory.restore_reservations(reservations, ledger.clock.now());
        }
        Ok(Accounting { spool, reader, position })
    }

    /// Starts the flusher and the replayer.
    fn start<T: Send + 'static>(
        self,
        edge: &str,
        ledger: &Ledger,
        recorder: &Arc<Recorder<T>>,
        deliver: impl Fn(Vec<T>) + Send + 'static,
    ) -> Result<RunningAccounting, CliError> {
        let cannot_start = |error| CliError::failed(format!("cannot start a thread: {error}"));
        let Accounting { spool, reader, position } = self;
        let stop = Arc::new(AtomicBool::new(false));
        let flusher = {
            let (recorder, directory) = (Arc::clone(recorder), Arc::clone(&ledger.directory));
            std::thread::Builder::new()
                .name("spool".into())
                .spawn(move || recorder.run(spool, &directory, deliver))
                .map_err(cannot_start)?
        };
        let replayer = {
            let (writer, flushes, stop) = (ledger.writer.clone(), recorder.flushes(), Arc::clone(&stop));
            let edge = edge.to_owned();
            std::thread::Builder::new()
                .name("replayer".into())
                .spawn(move || replay_until_stopped(reader, position, &edge, &writer, &flushes, &stop))
                .map_err(cannot_start)?
        };
        Ok(RunningAccounting { flusher, replayer, stop })
    }
}

struct RunningAccounting {
    flusher: JoinHandle<()>,
    replayer: JoinHandle<()>,
    stop: Arc<AtomicBool>,
}

impl RunningAccounting {
    /// Ends both after what was taken has been carried over.
    fn stop(self) {
        if self.flusher.join().is_err() {
            tracing::error!("the spool's thread ended badly");
        }
        self.stop.store(true, Ordering::Relaxed);
        if self.replayer.join().is_err() {
            tracing::error!("the replayer ended badly");
        }
    }
}

/// Looks for sessions that NASes no longer speak of until the server stops.
async fn end_silent_sessions(operations: Arc<Operations>, mut stop: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(SILENCE_LOOK);
    loop {
        tokio::select! {
            _ = stop.changed() => return,
            _ = ticks.tick() => { operations.end_silent_sessions(); }
        }
    }
}

/// Waits for SIGTERM or SIGINT.
pub(super) async fn until_stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be caught; end the process with SIGKILL");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// SIGHUP reads the configuration again: `[system-api]`, `[payments]`, `[management]` and the certificates are taken over, what needs a
/// restart is named.
fn reload_on_hangup(mut config: Config, path: PathBuf, doors: OpenDoors, operations: Arc<Operations>) {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            let new = match Config::load(&path) {
                Ok(new) => new,
                Err(errors) => {
                    for error in errors {
                        tracing::error!(%error, "the configuration was not read again");
                    }
                    continue;
                }
            };
            doors.api.reconfigure(new.system_api.clone());
            doors.payments.reconfigure(new.payments.clone());
            doors.management.reconfigure(new.management.clone());
            operations.staff_logins.set_sid_days(new.management.sid_days);
            doors.identities.reload(&new);
            match config.restart_needed(&new).as_slice() {
                [] => tracing::info!("the configuration was read again"),
                keys => tracing::warn!(keys = keys.join(", "), "read again; these keys need a restart"),
            }
            // What needs a restart goes on as it was, and is named again until then.
            config.system_api = SystemApi { listen: config.system_api.listen, ..new.system_api };
            config.payments = config::Payments {
                listen: config.payments.listen,
                tls_listen: config.payments.tls_listen,
                ..new.payments
            };
            config.management = config::Management {
                listen: config.management.listen,
                plain_listen: config.management.plain_listen,
                ..new.management
            };
            operations.ports.send_replace(port_rules(&config));
        }
    });
}
