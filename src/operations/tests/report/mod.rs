//! Reports of enforcers, with a ledger in memory that the spool is carried to at once.

mod counters;
mod sightings;

use super::*;
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// ivanov comes by IPoE with a configured address, petrova by MAC, sidorov by circuit, office is always on; 2 roubles a
/// MiB towards them, 1 from them.
const TOWN: &str = r#"
[[plan]]
name = "priced"
fee = "0"
traffic-price-in = "2"
traffic-price-out = "1"
[[nas]]
name = "bras1"
address = "10.0.0.1"
secret = "s"
[[nas]]
name = "bras2"
address = "10.0.2.1"
secret = "s"
[[pool]]
name = "dhcp"
prefixes = ["100.64.0.0/24"]
[[subscriber]]
login = "ivanov"
contract = "1"
plan = "priced"
access = "ipoe"
nas = "bras1"
ip = "10.9.0.2 10.9.0.3"
ipv6-prefix = "2001:db8:2::/48"
balance = "1000"
[[subscriber]]
login = "petrova"
contract = "2"
plan = "priced"
access = "ipoe"
mac = "02:00:00:00:00:02"
pool = "dhcp"
balance = "1000"
[[subscriber]]
login = "sidorov"
contract = "3"
plan = "priced"
access = "ipoe"
circuit-id = "olt1/7"
balance = "1000"
[[subscriber]]
login = "office"
contract = "4"
plan = "priced"
access = "static"
ip = "10.9.0.9"
balance = "1000"
[[subscriber]]
login = "dialler"
contract = "5"
plan = "priced"
ip = "10.9.0.50"
mac = "02:00:00:00:00:05"
balance = "1000"
"#;

/// The spool: what is recorded is on disk, merged and carried to the ledger.
struct Carrier {
    directory: Arc<Directory>,
    ledger: Mutex<Ledger>,
    full: std::sync::atomic::AtomicBool,
}

impl Record for Carrier {
    fn record(&self, entries: Vec<SpoolEntry>) -> Result<oneshot::Receiver<()>, RecorderFull> {
        if self.full.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(RecorderFull);
        }
        self.directory.merge_presence(entries.iter().filter_map(|entry| match entry {
            SpoolEntry::Accounting(record) => Some(record),
            _ => None,
        }));
        let mut ledger = self.ledger.lock();
        let numbered = (1 + count(&ledger)..).zip(entries);
        let entries =
            numbered.map(|(sequence, entry)| (SpoolPosition { epoch: 1, sequence }, entry)).collect();
        ledger.run(&Command::Replay { edge: "centre".into(), entries }).unwrap();
        let (done, wait) = oneshot::channel();
        done.send(()).unwrap();
        Ok(wait)
    }
}

/// The last sequence that the ledger has.
fn count(ledger: &Ledger) -> u64 {
    let positions = ledger.changes.iter().rev();
    let last = positions.filter_map(|change| match change {
        Change::EdgePosition { position, .. } => Some(position.sequence),
        _ => None,
    });
    last.max().unwrap_or(0)
}

/// A centre with enforcers.
struct Centre {
    office: Office,
    reports: Arc<Reports>,
    carrier: Arc<Carrier>,
    runtime: tokio::runtime::Runtime,
}

impl Centre {
    fn new() -> Centre {
        Centre::with("")
    }

    fn with(more: &str) -> Centre {
        let mut ledger = Ledger::empty();
        ledger.load(TOWN).unwrap();
        if !more.is_empty() {
            ledger.load(more).unwrap();
        }
        ledger.run(&Command::Clock { synchronised: true }).unwrap();
        let office = Office::of(&ledger);
        let directory = Arc::clone(&office.operations.directory);
        let carrier = Arc::new(Carrier { directory, ledger: Mutex::new(ledger), full: Default::default() });
        let reports = Reports::new(Arc::clone(&office.operations), Arc::clone(&carrier) as Arc<dyn Record>);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Centre { office, reports, carrier, runtime }
    }

    fn report(&self, enforcer: &str, report: &Report) -> ReportAnswer {
        self.runtime.block_on(self.reports.take(enforcer, report)).unwrap()
    }

    /// Enforcer `nas1` has seen this.
    fn seen(&self, address: &str, mac: &str) -> ReportAnswer {
        self.report("nas1", &Report { sightings: vec![sighting(address, mac)], ..boot("b1") })
    }

    /// Nobody answers at these addresses of `nas1`.
    fn silent(&self, nets: &[&str]) -> usize {
        let silent = nets.iter().map(|net| net.parse().unwrap()).collect();
        self.report("nas1", &Report { silent, ..boot("b1") }).ended
    }

    fn counted(&self, counted: &[Counted]) -> ReportAnswer {
        self.report("nas1", &Report { counted: counted.to_vec(), ..boot("b1") })
    }

    fn id(&self, login: &str) -> SubscriberId {
        self.office.entry(login).id()
    }

    /// An element of `login` at `address`: generation, octets down and up.
    fn element(&self, login: &str, address: &str, generation: u64, octets: (u64, u64)) -> Counted {
        Counted {
            subscriber: self.id(login),
            address: address.parse().unwrap(),
            generation,
            down_octets: octets.0,
            up_octets: octets.1,
            gone: false,
            age_seconds: 0,
        }
    }

    fn balance(&self, contract: &str) -> String {
        self.carrier.ledger.lock().balance(contract)
    }

    /// `login ip octets-in octets-out`, of all.
    fn sessions(&self) -> Vec<String> {
        let rows = self.office.operations.sessions(None).unwrap();
        rows.iter().map(|r| format!("{} {} {} {}", r.login, r.ip, r.octets_in, r.octets_out)).collect()
    }

    /// `address login verdict` of the feed.
    fn feed(&self) -> Vec<String> {
        let page = self.runtime.block_on(self.office.operations.feed(&FeedRequest::default()));
        let entries = page.entries.iter();
        entries.map(|e| format!("{} {} {}", e.address, e.login, e.verdict.as_str())).collect()
    }

    /// Evidence of this check.
    fn evidence(&self, who: &str, check: &str) -> String {
        let ladder = self.office.operations.why(who).unwrap();
        ladder.steps.iter().find(|step| step.check == check).unwrap().evidence.clone()
    }
}

fn boot(boot: &str) -> Report {
    Report { boot: boot.to_owned(), ..Report::default() }
}

fn sighting(address: &str, mac: &str) -> Sighting {
    Sighting {
        address: address.parse().unwrap(),
        mac: mac.parse().ok(),
        circuit_id: String::new(),
        age_seconds: 0,
    }
}

#[test]
fn a_report_that_makes_no_sense_is_refused_whole_and_one_that_is_not_recorded_is_to_come_again() {
    let centre = Centre::new();
    let take = |enforcer: &str, report: &Report| {
        centre.runtime.block_on(centre.reports.take(enforcer, report)).map(|answer| answer.counted)
    };
    let many = vec![centre.element("office", "10.9.0.9/32", 1, (1, 1)); 5_001];
    for (enforcer, report) in [
        ("", boot("b1")),
        ("a/b", boot("b1")),
        ("nas1", boot("")),
        ("nas1", boot(&"x".repeat(65))),
        ("nas1", Report { counted: many, ..boot("b1") }),
    ] {
        assert!(matches!(take(enforcer, &report), Err(ReportError::Malformed(_))), "{enforcer:?}");
    }
    let report = Report { counted: vec![centre.element("office", "10.9.0.9/32", 1, (1, 1))], ..boot("b1") };
    centre.carrier.full.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(take("nas1", &report), Err(ReportError::Later));
    assert_eq!(centre.sessions(), [""; 0]);
    centre.carrier.full.store(false, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(take("nas1", &report), Ok(1));
    assert_eq!(centre.sessions(), ["office 10.9.0.9 1 1"]);
}
