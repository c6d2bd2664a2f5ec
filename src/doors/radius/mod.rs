//! The RADIUS servers over UDP: sockets, workers, duplicates, and what is replied to each packet.
//!
//! A worker is a plain thread with a socket of its own: it takes a batch of datagrams, looks at the directory once,
//! answers each, and sends the batch. Packets as values, proofs and vendors' attributes are `crate::radius`; who may
//! come in is `operations`. Not here: CoA and Disconnect, which we send (`followers::coa`).

mod access;
mod accounting;
mod authentic;
mod class;
mod costly;
mod duplicates;
mod handle;
mod passwords;
mod pending;
mod prefetch;
mod rejects;
mod rendered;
mod silence;
mod udp;

pub use pending::PendingReply;

use crate::config::{self, RequireMessageAuthenticator};
use crate::operations::{Operations, Recorder};
use crate::radius::auth::Encryption;
use duplicates::Duplicates;
use handle::Handler;
use passwords::KnownPasswords;
use rejects::Rejects;
use silence::Complaints;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;
use udp::{Inbox, Socket};

/// Workers of one address at most.
const WORKERS_MAX: usize = 8;
/// Addresses listened on at most, of both kinds together.
const LISTENERS_MAX: usize = 64;
/// How often a worker without packets looks whether it is to end.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// After an error of the system a worker rests before it tries again.
const ERROR_PAUSE: Duration = Duration::from_millis(100);

/// What the configuration says about the RADIUS ports.
#[derive(Clone, Debug)]
pub struct Settings {
    pub auth: Vec<SocketAddr>,
    pub acct: Vec<SocketAddr>,
    /// How long an Access-Reject is held back.
    pub reject_delay: Duration,
    pub require_message_authenticator: RequireMessageAuthenticator,
    /// Where vendors that redirect by URL send debtors (`http://10.0.0.1:8080/`); empty: they are not redirected.
    pub captive_url: String,
    /// Which keys MS-CHAP logins are given.
    pub encryption: Encryption,
    /// Threads for each address; None: one for every two cores, at most 8. The other cores are for the kernel's part
    /// of the same packets and for the spool; a worker for every core makes smaller batches and is slower.
    pub workers: Option<usize>,
}

impl From<&config::Radius> for Settings {
    /// From the section `[radius]`; the captive page's address is set beside it.
    fn from(radius: &config::Radius) -> Settings {
        Settings {
            auth: radius.auth.clone(),
            acct: radius.acct.clone(),
            reject_delay: Duration::from_millis(radius.reject_delay_ms.into()),
            require_message_authenticator: radius.require_message_authenticator,
            captive_url: String::new(),
            encryption: Encryption::default(),
            workers: None,
        }
    }
}

/// Why the ports are not open. Nothing was started.
#[derive(Debug)]
pub enum DoorError {
    /// An address cannot be listened on.
    Bind(SocketAddr, std::io::Error),
    /// More addresses than can be served.
    TooMany,
    /// The system gives no thread.
    Thread(std::io::Error),
}

impl fmt::Display for DoorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DoorError::Bind(address, error) => write!(f, "cannot listen on udp {address}: {error}"),
            DoorError::TooMany => write!(f, "more than {LISTENERS_MAX} addresses under [radius]"),
            DoorError::Thread(error) => write!(f, "cannot start a RADIUS thread: {error}"),
        }
    }
}

impl std::error::Error for DoorError {}

/// Which requests a port serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Port {
    Auth,
    Acct,
}

/// What all threads of the server share.
struct Shared {
    settings: Settings,
    operations: Arc<Operations>,
    recorder: Arc<Recorder<PendingReply>>,
    duplicates: Duplicates,
    known: KnownPasswords,
    rejects: Rejects,
    complaints: Complaints,
    costly: mpsc::SyncSender<costly::Costly>,
    stopping: AtomicBool,
}

impl Shared {
    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

/// One worker's socket.
struct Listener {
    socket: Socket,
    port: Port,
    /// The same for all sockets of an address.
    number: u8,
    shared: Arc<Shared>,
}

/// The running servers. Dropped or stopped, they end within a second.
pub struct RadiusServer {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    auth: Vec<SocketAddr>,
    acct: Vec<SocketAddr>,
}

/// Opens the ports and starts the workers, a thread that sends rejects and one that checks costly hashes.
/// Accounting is answered by [`RadiusServer::deliverer`], which is to be given to [`Recorder::run`].
pub fn start(
    settings: &Settings,
    operations: Arc<Operations>,
    recorder: Arc<Recorder<PendingReply>>,
) -> Result<RadiusServer, DoorError> {
    let (costly, waiting) = mpsc::sync_channel(costly::WAITING_MAX);
    let shared = Arc::new(Shared {
        settings: settings.clone(),
        operations,
        recorder,
        duplicates: Duplicates::new(),
        known: KnownPasswords::new(),
        rejects: Rejects::default(),
        complaints: Complaints::default(),
        costly,
        stopping: AtomicBool::new(false),
    });
    let listeners = open_ports(&shared)?;
    let addresses_of = |port| {
        let mut addresses: Vec<SocketAddr> = Vec::new();
        for listener in listeners.iter().filter(|listener| listener.port == port) {
            if !addresses.contains(&listener.socket.address()) {
                addresses.push(listener.socket.address());
            }
        }
        addresses
    };
    let (auth, acct) = (addresses_of(Port::Auth), addresses_of(Port::Acct));
    let mut server = RadiusServer { shared: Arc::clone(&shared), threads: Vec::new(), auth, acct };
    let rejecting = Arc::clone(&shared);
    server.spawn("radius-rejects", move || {
        rejecting.rejects.run(&rejecting.duplicates, || rejecting.is_stopping());
    })?;
    let checking = Arc::clone(&shared);
    server.spawn("radius-hashes", move || costly::run(&checking, &waiting))?;
    for listener in listeners {
        server.spawn("radius", move || work(&Arc::new(listener)))?;
    }
    Ok(server)
}

fn open_ports(shared: &Arc<Shared>) -> Result<Vec<Listener>, DoorError> {
    let settings = &shared.settings;
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    let workers = settings.workers.unwrap_or(cores / 2).clamp(1, WORKERS_MAX);
    let auth = settings.auth.iter().map(|address| (Port::Auth, *address));
    let acct = settings.acct.iter().map(|address| (Port::Acct, *address));
    let mut listeners = Vec::new();
    for (number, (port, address)) in auth.chain(acct).enumerate() {
        let number = u8::try_from(number).ok().filter(|number| usize::from(*number) < LISTENERS_MAX);
        let number = number.ok_or(DoorError::TooMany)?;
        let bind_error = |error| DoorError::Bind(address, error);
        for socket in Socket::bind_group(address, workers).map_err(bind_error)? {
            socket.set_wait(LOOK_EVERY).map_err(bind_error)?;
            listeners.push(Listener { socket, port, number, shared: Arc::clone(shared) });
        }
    }
    Ok(listeners)
}

/// A worker's loop.
fn work(listener: &Arc<Listener>) {
    let shared = &listener.shared;
    let mut inbox = Inbox::new();
    let mut handler = Handler::new(shared);
    while !shared.is_stopping() {
        match inbox.receive(&listener.socket) {
            Ok(0) => {}
            Ok(_) => handler.handle(listener, inbox.received()),
            Err(error) => {
                tracing::error!(%error, address = %listener.socket.address(), "cannot receive");
                std::thread::sleep(ERROR_PAUSE);
            }
        }
    }
}

impl RadiusServer {
    /// Where logins are answered, with the ports that were free where 0 was asked for.
    pub fn auth_addresses(&self) -> &[SocketAddr] {
        &self.auth
    }

    /// Where accounting is taken.
    pub fn acct_addresses(&self) -> &[SocketAddr] {
        &self.acct
    }

    /// Sends the responses of records that are on disk; for [`Recorder::run`].
    pub fn deliverer(&self) -> impl Fn(Vec<PendingReply>) + Send + 'static {
        pending::deliver
    }

    /// Ends the threads and waits for them. Requests that were not answered are repeated by their NASes.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so itself.
            let _ = thread.join();
        }
        // What waits holds the sockets, and they this.
        self.shared.rejects.clear();
    }

    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), DoorError> {
        let thread =
            std::thread::Builder::new().name(name.to_owned()).spawn(run).map_err(DoorError::Thread)?;
        self.threads.push(thread);
        Ok(())
    }
}

impl Drop for RadiusServer {
    fn drop(&mut self) {
        self.end();
    }
}
