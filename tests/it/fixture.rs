//! A running centre without doors: a store in a temporary directory, the writer's thread, the directory, operations.

use headgate::directory::{Directory, DirectorySettings};
use headgate::engine::Settings;
use headgate::model::*;
use headgate::operations::{
    Counters, Followers, NasOrder, Operations, PaymentCalls, PortRules, RadiusRules, Record, RecorderFull,
    Reports,
};
use headgate::storage::{SqliteStore, Vault};
use headgate::writer::{Started, Writer};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// 2026-04-06 14:20:00 in Moscow.
pub const NOW: Timestamp = Timestamp::from_seconds(1_775_474_400);

pub struct Fixture {
    pub operations: Arc<Operations>,
    pub clock: Arc<ManualClock>,
    /// What was asked of NASes; nobody carries it out.
    #[allow(dead_code, reason = "held open for operations, and there for tests that look at orders")]
    pub nas_orders: mpsc::Receiver<NasOrder>,
    writer: Option<std::thread::JoinHandle<()>>,
    state: tempfile::TempDir,
}

impl Fixture {
    pub fn new() -> Fixture {
        Fixture::with_rules(BillingRules::default())
    }

    pub fn with_rules(billing: BillingRules) -> Fixture {
        let state = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(state.path().join("headgate.db"), Vault::from_key([7; 32])).unwrap();
        let reader = store.reader().unwrap();
        let clock = Arc::new(ManualClock::at(NOW));
        let time_zone = jiff::tz::TimeZone::get("Europe/Moscow").unwrap();
        // Nobody delivers to it; there are events to be looked at.
        let crm = EventTarget { name: "crm".into(), kinds: [EventKind::Payment].into_iter().collect() };
        let events = EventRules { targets: vec![crm], ..EventRules::default() };
        let settings = Settings { time_zone, billing, events, ..Settings::default() };
        let directory = Arc::new(Directory::new(&DirectorySettings {
            grant_hold: Duration::from_secs(60),
            pool_quarantine: Duration::from_secs(600),
        }));
        let Started { handle: writer, thread, .. } = Writer::start(
            Box::new(store),
            settings.clone(),
            Arc::clone(&directory),
            Arc::clone(&clock) as Arc<dyn Clock>,
            "test".to_owned(),
        )
        .unwrap();
        let (orders, nas_orders) = mpsc::channel(16);
        let operations = Operations {
            directory,
            writer,
            reader: Arc::new(reader),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            settings,
            rules: RadiusRules {
                negbal_captive: true,
                blocked_captive: false,
                interim: Duration::from_secs(300),
                captive_shape: Shape::default(),
            },
            counters: Arc::new(Counters::default()),
            ports: tokio::sync::watch::Sender::new(PortRules::default()),
            followers: Followers::default(),
            payment_calls: PaymentCalls::default(),
            nas_orders: orders,
            staff_logins: Default::default(),
            started: NOW,
        };
        Fixture { operations: Arc::new(operations), clock, nas_orders, writer: Some(thread), state }
    }

    /// Loads a data file, as `headgate load` does.
    pub async fn load(&self, toml: &str) {
        let file: DataFile = toml::from_str(toml).unwrap();
        self.operations.load(file, LoadOptions::default(), Actor::system()).await.unwrap();
    }

    /// A session begins: an Accounting Start from `nas`, with the address it was given.
    pub fn online(&self, login: &str, nas: &str, framed_ip: &str, mac: Option<&str>) {
        self.account(AccountingKind::Start, login, nas, framed_ip, mac);
    }

    /// Its Stop.
    pub fn offline(&self, login: &str, nas: &str, framed_ip: &str) {
        self.account(AccountingKind::Stop, login, nas, framed_ip, None);
    }

    fn account(&self, kind: AccountingKind, login: &str, nas: &str, framed_ip: &str, mac: Option<&str>) {
        let nas_address: IpAddr = nas.parse().unwrap();
        // A record of the same instant as the last one would be taken for a repeat.
        self.clock.set(self.clock.now().saturating_add(Duration::from_secs(1)));
        let directory = &self.operations.directory;
        let subscriber = directory.read().login(login).map(|entry| entry.id());
        let record = AccountingRecord {
            kind,
            nas: directory.nas_of(nas_address).expect("a NAS of the fixture").nas.id,
            nas_address,
            login: login.to_owned(),
            acct_session_id: format!("session-of-{login}"),
            subscriber,
            event_time: self.operations.clock.now(),
            session_seconds: 0,
            terminate_cause: 0,
            framed_ip: framed_ip.parse().ok(),
            ipv6_prefixes: Vec::new(),
            mac: mac.map(|mac| mac.parse().unwrap()),
            calling_station_id: String::new(),
            nas_port_id: String::new(),
            usage: Usage::default(),
            has_usage: false,
        };
        directory.merge_presence(std::iter::once(&record));
    }

    /// Takes reports of enforcers; what they record is presence at once, and goes no further.
    pub fn reports(&self) -> Arc<Reports> {
        let recorder = Merging(Arc::clone(&self.operations.directory));
        Reports::new(Arc::clone(&self.operations), Arc::new(recorder))
    }

    /// Its database, to be looked at.
    pub fn database(&self) -> std::path::PathBuf {
        self.state.path().join("headgate.db")
    }

    /// Balance of the account that `who` means.
    pub fn balance(&self, who: &str) -> String {
        self.operations.money(self.operations.who(who).unwrap().balance)
    }
}

/// Stands in for the spool.
struct Merging(Arc<Directory>);

impl Record for Merging {
    fn record(&self, entries: Vec<SpoolEntry>) -> Result<oneshot::Receiver<()>, RecorderFull> {
        self.0.merge_presence(entries.iter().filter_map(|entry| match entry {
            SpoolEntry::Accounting(record) => Some(record),
            SpoolEntry::Grant(_) | SpoolEntry::Reservation(_) => None,
        }));
        let (done, wait) = oneshot::channel();
        let _ = done.send(());
        Ok(wait)
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.operations.writer.stop();
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}
