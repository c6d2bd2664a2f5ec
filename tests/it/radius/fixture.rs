//! A whole system behind the RADIUS ports: store, writer, directory, spool, servers, on free ports of loopback.

use headgate::config::RequireMessageAuthenticator;
use headgate::directory::{Directory, DirectorySettings};
use headgate::doors::radius::{self, PendingReply, RadiusServer, start};
use headgate::engine::Settings;
use headgate::model::*;
use headgate::operations::*;
use headgate::radius::auth::Encryption;
use headgate::storage::spool::{Spool, SpoolReader};
use headgate::storage::{SqliteStore, Vault};
use headgate::writer::{Started, Writer};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Plans, a NAS at 127.0.0.1 and a few subscribers, one for each case.
pub const DATA: &str = r#"
[[plan]]
name = "home-20"
fee = "300.00"
rate-in = 20000
rate-out = 10000

[[pool]]
name = "small"
prefixes = ["100.64.0.0/30"]

[[nas]]
name = "bras1"
address = "127.0.0.1"
secret = "testing123"
vendor = "mikrotik"
coa-port = 0

[[subscriber]]
login = "ivanov"
password = "hello"
contract = "1001"
plan = "home-20"
ip = "10.9.0.2 2001:db8::2"
ipv6-prefix = "2001:db8:1::/56"
routes = "192.168.7.0/24"
balance = "150.00"
sessions-max = 0

[[subscriber]]
login = "debtor"
password = "hello"
contract = "1002"
plan = "home-20"
ip = "10.9.0.3"
balance = "-1.00"

[[subscriber]]
login = "blocked"
password = "hello"
contract = "1003"
plan = "home-20"
ip = "10.9.0.4"
balance = "10.00"
blocked = true

[[subscriber]]
login = "nthash"
nt-hash = "44EBBA8D5312B8D611474411F56989AE"
contract = "1004"
plan = "home-20"
ip = "10.9.0.5"
balance = "10.00"

[[subscriber]]
login = "crypted"
crypt = "$6$rounds=5000$saltsalt$GpCf.k2eoTPqOFOFlaF0cYajKNO37bqOYsoBraSjGDZHdTQhBwDvPsrXW4DGgLrINA70jZoYWFg/50W2Y4RtM/"
contract = "1005"
plan = "home-20"
ip = "10.9.0.6"
balance = "10.00"

[[subscriber]]
login = "pooled1"
password = "hello"
contract = "1011"
plan = "home-20"
pool = "small"
balance = "10.00"

[[subscriber]]
login = "pooled2"
password = "hello"
contract = "1012"
plan = "home-20"
pool = "small"
balance = "10.00"

[[subscriber]]
login = "pooled3"
password = "hello"
contract = "1013"
plan = "home-20"
pool = "small"
balance = "10.00"
"#;

/// How the system is set up; tests change what they are about.
pub struct Options {
    pub data: String,
    pub settings: radius::Settings,
    pub rules: RadiusRules,
}

impl Default for Options {
    fn default() -> Options {
        let loopback: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let speed = Bandwidth { rate: 1024, ceil: 1024, burst: 16, cburst: 16 };
        Options {
            data: DATA.to_owned(),
            settings: radius::Settings {
                auth: vec![loopback],
                acct: vec![loopback],
                reject_delay: Duration::ZERO,
                require_message_authenticator: RequireMessageAuthenticator::Auto,
                captive_url: "http://10.0.0.1:8080/".into(),
                encryption: Encryption::default(),
                workers: None,
            },
            rules: RadiusRules {
                negbal_captive: true,
                blocked_captive: false,
                interim: Duration::from_secs(300),
                captive_shape: Shape { download: speed, upload: speed },
            },
        }
    }
}

pub struct System {
    pub operations: Arc<Operations>,
    pub server: RadiusServer,
    pub recorder: Arc<Recorder<PendingReply>>,
    pub orders: Option<mpsc::Receiver<NasOrder>>,
    pub runtime: tokio::runtime::Runtime,
    /// What is on disk.
    pub spooled: SpoolReader,
    _directory: tempfile::TempDir,
}

impl System {
    pub fn new() -> System {
        System::with(Options::default())
    }

    pub fn with(options: Options) -> System {
        let state_dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(state_dir.path().join("db"), Vault::from_key([7; 32])).unwrap();
        let reader = Arc::new(store.reader().unwrap());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let directory = Arc::new(Directory::new(&DirectorySettings {
            grant_hold: Duration::from_secs(60),
            pool_quarantine: Duration::from_secs(600),
        }));
        let settings = Settings::default();
        let Started { handle: writer, .. } = Writer::start(
            Box::new(store),
            settings.clone(),
            Arc::clone(&directory),
            Arc::clone(&clock),
            "test".into(),
        )
        .unwrap();
        let (orders, taken) = mpsc::channel(64);
        let operations = Arc::new(Operations {
            directory,
            writer,
            reader,
            started: clock.now(),
            clock,
            settings,
            rules: options.rules,
            counters: Arc::default(),
            ports: tokio::sync::watch::Sender::new(PortRules::default()),
            followers: Default::default(),
            payment_calls: Default::default(),
            nas_orders: orders,
            staff_logins: Default::default(),
        });
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let recorder: Arc<Recorder<PendingReply>> = Recorder::new();
        let server = start(&options.settings, Arc::clone(&operations), Arc::clone(&recorder)).unwrap();
        let (spool, spooled) = Spool::open(state_dir.path().join("spool")).unwrap();
        let (taking, known) = (Arc::clone(&recorder), Arc::clone(&operations.directory));
        let deliver = server.deliverer();
        std::thread::spawn(move || taking.run(spool, &known, deliver));
        let system = System {
            spooled,
            operations,
            server,
            recorder,
            orders: Some(taken),
            runtime,
            _directory: state_dir,
        };
        system.load(&options.data);
        system
    }

    pub fn load(&self, data: &str) {
        let file: DataFile = toml::from_str(data).unwrap();
        let load = self.operations.load(file, LoadOptions::default(), Actor::system());
        self.runtime.block_on(load).unwrap();
    }

    pub fn pay(&self, who: &str, sum: &str) {
        let input = PaymentInput {
            operator: "osmp".into(),
            id: format!("{who} {sum}"),
            who: who.into(),
            sum: sum.into(),
            date: String::new(),
        };
        self.runtime.block_on(self.operations.pay(input, Actor::system())).unwrap();
    }

    /// A socket of a NAS at this address of loopback.
    pub fn nas_socket(address: &str) -> UdpSocket {
        let socket = UdpSocket::bind((address, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(1500))).unwrap();
        socket
    }

    pub fn auth(&self) -> SocketAddr {
        self.server.auth_addresses()[0]
    }

    pub fn acct(&self) -> SocketAddr {
        self.server.acct_addresses()[0]
    }

    /// The accounting records on disk, in order.
    pub fn records(&mut self) -> Vec<AccountingRecord> {
        let entries = self.spooled.read(SpoolPosition::default(), 100_000).unwrap();
        let records = entries.into_iter().filter_map(|(_, entry)| match entry {
            SpoolEntry::Accounting(record) => Some(record),
            SpoolEntry::Grant(_) | SpoolEntry::Reservation(_) => None,
        });
        records.collect()
    }

    /// A counter by its name.
    pub fn count(&self, name: &str) -> u64 {
        self.operations.counters.all().into_iter().find(|(known, _)| *known == name).unwrap().1
    }
}
