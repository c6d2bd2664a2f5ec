//! Use cases over a real store and writer: what doors get to see.

mod authorize;
mod corrections;
mod feed;
mod find;
mod money;
mod reconcile;
mod report;
mod reports;
mod silence;
mod staff;
mod why;

use super::*;
use crate::directory::DirectorySettings;
use crate::engine::day_of;
use crate::engine::testing::{Ledger, NOW, actor, load, record};
use crate::storage::{Batch, SqliteStore, Store, Vault};
use crate::writer::{Started, Writer};
use jiff::tz::TimeZone;
use std::net::IpAddr;
use std::time::Duration;

const INTERIM: Duration = Duration::from_secs(300);
const CAPTIVE: Shape = Shape {
    download: Bandwidth { rate: 256, ceil: 256, burst: 16, cburst: 16 },
    upload: Bandwidth { rate: 256, ceil: 256, burst: 16, cburst: 16 },
};

/// Operations over a database in a temporary directory. What it offers is [`Operations`]'.
struct Office {
    operations: Arc<Operations>,
    clock: Arc<ManualClock>,
    orders: mpsc::Receiver<NasOrder>,
    thread: Option<std::thread::JoinHandle<()>>,
    _state: tempfile::TempDir,
}

impl Office {
    fn sample() -> Office {
        Office::of(&Ledger::sample())
    }

    /// Over the books as a ledger in memory has written them.
    fn of(ledger: &Ledger) -> Office {
        Office::with(ledger, |_| {})
    }

    fn with(ledger: &Ledger, change: impl FnOnce(&mut Operations)) -> Office {
        let state = tempfile::tempdir().unwrap();
        let mut store =
            SqliteStore::open(state.path().join("headgate.db"), Vault::from_key([7; 32])).unwrap();
        let lease = store.acquire_lease("test").unwrap();
        store.commit(&Batch { epoch: lease.epoch, sequence: 1, changes: &ledger.changes }).unwrap();
        let reader = store.reader().unwrap();
        let clock = Arc::new(ManualClock::at(NOW));
        let directory = Arc::new(Directory::new(&DirectorySettings {
            grant_hold: Duration::from_secs(60),
            pool_quarantine: Duration::from_secs(600),
        }));
        let Started { handle: writer, thread, .. } = Writer::start(
            Box::new(store),
            Settings::default(),
            Arc::clone(&directory),
            Arc::clone(&clock) as Arc<dyn Clock>,
            "test".into(),
        )
        .unwrap();
        let (nas_orders, orders) = mpsc::channel(2);
        let mut operations = Operations {
            directory,
            writer,
            reader: Arc::new(reader),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            settings: Settings::default(),
            rules: RadiusRules {
                negbal_captive: true,
                blocked_captive: false,
                interim: INTERIM,
                captive_shape: CAPTIVE,
            },
            counters: Arc::new(Counters::default()),
            ports: tokio::sync::watch::Sender::new(PortRules::default()),
            followers: Followers::default(),
            payment_calls: PaymentCalls::default(),
            nas_orders,
            staff_logins: Arc::default(),
            started: NOW,
        };
        change(&mut operations);
        Office { operations: Arc::new(operations), clock, orders, thread: Some(thread), _state: state }
    }

    fn run(&self, command: Command) -> Outcome {
        self.operations.writer.call_blocking(command, actor()).unwrap()
    }

    fn load(&self, toml: &str) {
        self.run(load(toml, LoadOptions::default()));
    }

    fn entry(&self, login: &str) -> Arc<crate::directory::Entry> {
        Arc::clone(self.operations.directory.read().login(login).unwrap())
    }

    /// Takes so much from the account of `login`.
    fn charge(&self, login: &str, sum: &str) {
        let account = self.entry(login).view.account.id;
        self.run(Command::Charge { account, sum: sum.parse().unwrap(), text: "работы".into() });
    }

    fn merge(&self, record: AccountingRecord) {
        self.operations.directory.merge_presence([record].iter());
    }

    /// A session of `login` on `bras1` begins.
    fn start(&self, session: &str, login: &str, ip: &str) {
        self.merge(record(AccountingKind::Start, session, Some(self.entry(login).id()), Some(ip), 0));
    }

    fn stop(&self, session: &str, login: &str) {
        self.merge(record(AccountingKind::Stop, session, Some(self.entry(login).id()), None, 60));
    }

    fn later(&self, duration: Duration) {
        self.clock.set(self.clock.now().saturating_add(duration));
    }

    /// Asks for a login at bras1.
    fn login(&self, login: &str, mac: Option<Mac>, proof: Proof) -> Authorization {
        let nas_address: IpAddr = "10.0.0.1".parse().unwrap();
        let nas = self.operations.directory.nas_of(nas_address).unwrap();
        let request =
            LoginRequest { login, nas: &nas, nas_address, method: "PAP", mac, now: self.clock.now() };
        let inner = self.operations.directory.read();
        self.operations.authorize(&inner, inner.login(login), &request, |_| proof)
    }

    /// The answer to a login with the right password, in words.
    fn answer(&self, login: &str) -> String {
        words(&self.login(login, None, Proof::Right))
    }
}

/// `accept 10.9.0.2`, `captive -`, or the token of a rejection.
fn words(authorization: &Authorization) -> String {
    match authorization {
        Authorization::Accept(accepted) => {
            let what = if accepted.captive { "captive" } else { "accept" };
            let address = accepted.address.map_or_else(|| "-".to_owned(), |address| address.to_string());
            format!("{what} {address}")
        }
        Authorization::Reject { token, .. } => (*token).to_owned(),
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        self.operations.writer.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A ledger with one more subscriber who stands as told: nothing of this release's commands makes a pause.
fn ledger_with(login: &str, change: impl FnOnce(&mut Subscriber)) -> Ledger {
    let mut ledger = Ledger::sample();
    let view = ledger.state.view(ledger.subscriber(login), NOW).unwrap();
    let mut subscriber = Subscriber::clone(&view.subscriber);
    change(&mut subscriber);
    ledger.put(Change::Subscriber(Box::new(subscriber)));
    ledger
}
