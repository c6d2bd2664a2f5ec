//! A server's door for polls and its feed in the NAS's namespace, over a clock that tests set.

use crate::fixture::Fixture;
use crate::network::{Namespace, Network, enter};
use headgate::config;
use headgate::doors::{control, http, system_api::SystemApi};
use headgate::enforcement::{Settings, WalledEntry, run};
use headgate::model::{Actor, Clock};
use headgate::operations::PaymentInput;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub const PASSWORD: &str = "c&l=%1";

const CONFIG: &str = r#"
    [system-api]
    listen = ["127.0.0.1:8082"]
    allow = "127.0.0.1"
    contexts = "collector"
    [system-api.passwords]
    collector = "c&l=%1"
"#;

/// On addresses 10.9.0.N and fd00:9::N: 2 open, 3 out of money, 4 blocked, 5 paused, 6 in good standing but not online.
/// `net` and `net-debtor` have delegated prefixes, the second within the first.
const DATA: &str = r#"
    [[plan]]
    name = "fast"
    rate-in = 20000
    ceil-in = 50000
    burst-in = 256
    cburst-in = 128
    rate-out = 10000
    burst-out = 64
    cburst-out = 32
    [[plan]]
    name = "slow"
    rate-in = 5000
    rate-out = 5000
    [[plan]]
    name = "unshaped"
    [[nas]]
    name = "bras1"
    address = "127.0.0.1"
    secret = "testing123"
    [[subscriber]]
    login = "open"
    contract = "2"
    plan = "fast"
    nas = "bras1"
    access = "static"
    ip = "10.9.0.2 fd00:9::2"
    snat-ip = "203.0.113.99"
    balance = "10"
    [[subscriber]]
    login = "debtor"
    contract = "3"
    plan = "slow"
    nas = "bras1"
    access = "static"
    ip = "10.9.0.3 fd00:9::3"
    balance = "-10"
    [[subscriber]]
    login = "blocked"
    contract = "4"
    plan = "slow"
    nas = "bras1"
    access = "static"
    ip = "10.9.0.4 fd00:9::4"
    balance = "10"
    blocked = true
    [[subscriber]]
    login = "paused"
    contract = "5"
    plan = "slow"
    nas = "bras1"
    access = "static"
    ip = "10.9.0.5 fd00:9::5"
    balance = "10"
    [[subscriber]]
    login = "offline"
    contract = "6"
    plan = "slow"
    nas = "bras1"
    ip = "10.9.0.6 fd00:9::6"
    balance = "10"
    [[subscriber]]
    login = "net"
    contract = "7"
    plan = "unshaped"
    nas = "bras1"
    access = "static"
    ipv6-prefix = "fd00:9:0:100::/56"
    balance = "10"
    [[subscriber]]
    login = "net-debtor"
    contract = "8"
    plan = "slow"
    nas = "bras1"
    access = "static"
    ipv6-prefix = "fd00:9:0:180::/60"
    balance = "-10"
"#;

/// Every address of the subscribers' side, and one in each delegated prefix.
pub const ADDRESSES: [&str; 14] = [
    "10.9.0.2",
    "10.9.0.3",
    "10.9.0.4",
    "10.9.0.5",
    "10.9.0.6",
    "10.9.0.66",
    "fd00:9::2",
    "fd00:9::3",
    "fd00:9::4",
    "fd00:9::5",
    "fd00:9::6",
    "fd00:9::66",
    "fd00:9:0:1ff::7",
    "fd00:9:0:18f::8",
];

pub struct Site {
    pub network: Network,
    pub fixture: Fixture,
    pub directory: tempfile::TempDir,
    runtime: Runtime,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Site {
    pub fn new() -> Site {
        let network = Network::new();
        let Network { subscriber, nas, internet } = &network;
        for address in ADDRESSES {
            let words = match address.contains(':') {
                true => format!("-6 addr add {address}/128 dev up0 nodad"),
                false => format!("addr add {address}/32 dev up0"),
            };
            // Two of them the network has already.
            if !matches!(address, "10.9.0.2" | "10.9.0.66" | "fd00:9::2") {
                subscriber.ip(&words);
            }
        }
        nas.ip("-6 route add fd00:9:0:100::/56 via fd00:9::2");
        nas.ip("addr add 203.0.113.99/32 dev wan0");
        internet.ip("-6 route add fd00:9::/48 via fd00:113::1");

        let runtime = Runtime::new().unwrap();
        let fixture = runtime.block_on(async {
            let fixture = Fixture::new();
            fixture.load(DATA).await;
            fixture.operations.pause("paused", "2026-04-07", "2026-04-09", Actor::system()).await.unwrap();
            fixture
        });
        let (stop, _) = watch::channel(false);
        let directory = tempfile::tempdir().unwrap();
        let mut site = Site { network, fixture, directory, runtime, stop, tasks: JoinSet::new() };
        // Into the pause; the payment wakes who publishes what has come due.
        site.fixture.clock.set(site.fixture.clock.now().saturating_add(Duration::from_secs(2 * 86_400)));
        site.pay("6", "1");
        site.start_server();
        site
    }

    pub fn start_server(&mut self) {
        let (stop, stopped) = watch::channel(false);
        self.stop = stop;
        let listener = self.network.nas.inside(|| TcpListener::bind("127.0.0.1:8082").unwrap());
        listener.set_nonblocking(true).unwrap();
        let operations = Arc::clone(&self.fixture.operations);
        let reports = self.fixture.reports();
        let socket = self.directory.path().join("control.sock");
        let tasks = &mut self.tasks;
        self.runtime.block_on(async {
            let settings = config::Config::parse("test", CONFIG).unwrap().system_api;
            let api = Arc::new(SystemApi::new(Arc::clone(&operations), settings, None));
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            tasks.spawn(http::serve(listener, api, SystemApi::limits(), stopped.clone()));
            control::start(&socket, &operations, &reports, &stopped, tasks).unwrap();
        });
    }

    pub fn stop_server(&mut self) {
        self.stop.send_replace(true);
        let tasks = &mut self.tasks;
        self.runtime.block_on(async {
            tasks.abort_all();
            while tasks.join_next().await.is_some() {}
        });
    }

    pub fn load(&self, toml: &str) {
        self.runtime.block_on(self.fixture.load(toml));
    }

    pub fn pay(&self, who: &str, sum: &str) {
        let input = PaymentInput {
            who: who.into(),
            sum: sum.into(),
            operator: "desk".into(),
            id: format!("{who}-{sum}"),
            date: String::new(),
        };
        self.runtime.block_on(self.fixture.operations.pay(input, Actor::system())).unwrap();
    }

    pub fn block(&self, who: &str) {
        self.runtime.block_on(self.fixture.operations.block(who, "test".into(), Actor::system())).unwrap();
    }

    pub fn unblock(&self, who: &str) {
        self.runtime.block_on(self.fixture.operations.unblock(who, Actor::system())).unwrap();
    }

    /// What the enforcer is told here, for the same verdicts as the poller of [`Site::poller`].
    pub fn enforcer_settings(&self) -> Settings {
        Settings {
            servers: vec![format!("unix:{}", self.directory.path().join("control.sock").display())],
            nas: Some("127.0.0.1".parse().unwrap()),
            lan: vec!["lan*".into()],
            captive: Some("10.9.0.1:8080".parse().unwrap()),
            walled_garden: vec![WalledEntry::Net("203.0.113.10/32".parse().unwrap())],
            state_dir: self.directory.path().to_owned(),
            ..Settings::default()
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop_server();
    }
}

/// `headgate enforce` in a thread, to compare with; stopped when dropped.
pub struct Enforcer {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Enforcer {
    pub fn start(namespace: &Namespace, settings: Settings) -> Enforcer {
        let stop = Arc::new(AtomicBool::new(false));
        let (name, shared) = (namespace.name.clone(), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            enter(&name);
            run(&settings, &shared).unwrap();
        });
        Enforcer { stop, thread: Some(thread) }
    }
}

impl Drop for Enforcer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
