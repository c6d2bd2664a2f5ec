//! For tests of this layer and those above: a ledger in memory, fed with data files as operators write them.

use super::{State, Touched};
use crate::engine::Settings;
use crate::model::*;
use std::collections::BTreeMap;
use std::hash::Hash;

/// A moment to start from: 2026-04-06 11:20 UTC.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_775_474_400);

/// A plan, a NAS, a pool and three contracts: 1001 with one login, 1002 with two, 1003 with none.
pub(crate) const SAMPLE: &str = r#"
[[group]]
id = 5
name = "Жилые"
[[plan]]
name = "home-20"
fee = "300.00"
rate-in = 20000
rate-out = 10000
[[pool]]
name = "dyn1"
prefixes = ["100.64.0.0/29"]
[[nas]]
name = "bras1"
address = "10.0.0.1"
secret = "testing123"
pool = "dyn1"
[[nas]]
name = "bras2"
address = "10.0.2.0/24"
secret = "testing124"
[[account]]
contract = "1003"
name = "Пустой"
[[subscriber]]
login = "ivanov"
password = "secret"
contract = "1001"
name = "Иванов Иван"
group = "Жилые"
plan = "home-20"
nas = "bras1"
ip = "10.9.0.2"
mac = "02:00:00:00:00:01"
balance = "150.00"
[[subscriber]]
login = "petrov"
password = "secret"
contract = "1002"
plan = "home-20"
nas = "bras1"
balance = "0"
[[subscriber]]
login = "petrov-dacha"
contract = "1002"
plan = "home-20"
access = "static"
ip = "10.9.0.3 2001:db8::3"
ipv6-prefix = "2001:db8:3::/48"
"#;

pub(crate) struct Ledger {
    pub state: State,
    pub now: Timestamp,
    pub touched: Touched,
    /// Everything that was absorbed, in order.
    pub changes: Vec<Change>,
}

impl Ledger {
    pub fn empty() -> Ledger {
        Ledger::with(Settings::default())
    }

    pub fn with(settings: Settings) -> Ledger {
        let state = State::new(Snapshot::default(), settings, NOW);
        Ledger { state, now: NOW, touched: Touched::default(), changes: Vec::new() }
    }

    /// With [`SAMPLE`] loaded.
    pub fn sample() -> Ledger {
        let mut ledger = Ledger::empty();
        ledger.load(SAMPLE).unwrap();
        ledger
    }

    /// Decides and absorbs.
    pub fn run(&mut self, command: &Command) -> Result<Outcome, Refusal> {
        let decision = self.state.decide(command, &actor(), self.now)?;
        for change in &decision.changes {
            self.state.absorb(change, self.now, &mut self.touched);
        }
        self.changes.extend(decision.changes);
        Ok(decision.outcome)
    }

    /// Absorbs a change that no command of this release makes.
    pub fn put(&mut self, change: Change) {
        self.state.absorb(&change, self.now, &mut self.touched);
        self.changes.push(change);
    }

    pub fn load(&mut self, toml: &str) -> Result<Loaded, Refusal> {
        self.load_with(toml, LoadOptions::default())
    }

    pub fn load_with(&mut self, toml: &str, options: LoadOptions) -> Result<Loaded, Refusal> {
        match self.run(&load(toml, options))? {
            Outcome::Loaded(loaded) => Ok(loaded),
            other => panic!("{other:?}"),
        }
    }

    pub fn account(&self, contract: &str) -> AccountId {
        self.state.contracts[contract]
    }

    pub fn subscriber(&self, login: &str) -> SubscriberId {
        self.state.logins[login]
    }

    pub fn balance(&self, contract: &str) -> String {
        self.state.balance(self.account(contract)).to_string()
    }

    pub fn standing(&self, login: &str) -> Standing {
        self.state.view(self.subscriber(login), self.now).unwrap().standing
    }
}

pub(crate) fn actor() -> Actor {
    Actor("cli:test".into())
}

pub(crate) fn load(toml: &str, options: LoadOptions) -> Command {
    let file: DataFile = toml::from_str(toml).unwrap();
    Command::Load { file: Box::new(file), options }
}

pub(crate) fn money(text: &str) -> Money {
    text.parse().unwrap()
}

/// A payment through `osmp` for an account that the directory has found.
pub(crate) fn payment(id: &str, account: Option<AccountId>, sum: &str) -> PaymentRequest {
    PaymentRequest {
        key: PaymentKey { operator: "osmp".into(), id: id.into() },
        who: "1001".into(),
        account,
        sum: money(sum),
        operator_date: "20260406142000".into(),
    }
}

/// An accounting record of `login` on `bras1`, as the NAS at 10.0.0.1 sends it.
pub(crate) fn record(
    kind: AccountingKind,
    session: &str,
    subscriber: Option<SubscriberId>,
    ip: Option<&str>,
    seconds: u32,
) -> AccountingRecord {
    let of_session = !matches!(kind, AccountingKind::On | AccountingKind::Off);
    AccountingRecord {
        kind,
        nas: NasId(1),
        nas_address: "10.0.0.1".parse().unwrap(),
        login: if of_session { "login".into() } else { String::new() },
        acct_session_id: session.into(),
        subscriber,
        event_time: NOW.saturating_add(std::time::Duration::from_secs(seconds.into())),
        session_seconds: if of_session { seconds } else { 0 },
        terminate_cause: 0,
        framed_ip: ip.map(|ip| ip.parse().unwrap()),
        ipv6_prefixes: vec![],
        mac: None,
        calling_station_id: String::new(),
        nas_port_id: String::new(),
        usage: Usage { download_octets: u64::from(seconds) * 1000, upload_octets: u64::from(seconds) },
        has_usage: kind != AccountingKind::Start && of_session,
    }
}

/// What a store holds after these changes: what the engine is started from again.
pub(crate) fn stored(changes: &[Change]) -> Snapshot {
    let mut ledger = BTreeMap::<AccountId, (LedgerAccount, Money)>::new();
    let mut edge_positions = std::collections::HashMap::new();
    let (mut last_transfer, mut books) = (0, BooksState::default());
    for change in changes {
        match change {
            Change::LedgerAccount(new) => {
                ledger.entry(new.id).or_insert((new.clone(), Money::ZERO));
            }
            Change::Transfer(transfer) => {
                last_transfer = last_transfer.max(transfer.id.0);
                let debited = ledger.get_mut(&transfer.debit).unwrap();
                debited.1 = debited.1.checked_sub(transfer.amount).unwrap();
                let credited = ledger.get_mut(&transfer.credit).unwrap();
                credited.1 = credited.1.checked_add(transfer.amount).unwrap();
            }
            Change::EdgePosition { edge, position } => {
                edge_positions.insert(edge.clone(), *position);
            }
            Change::Books(new) => books = new.clone(),
            _ => {}
        }
    }
    macro_rules! newest {
        ($kind:ident by $key:expr) => {
            newest(
                changes.iter().filter_map(|c| if let Change::$kind(new) = c { Some(new) } else { None }),
                $key,
            )
        };
    }
    let sessions: Vec<Session> = newest!(Session by |s| s.key.clone());
    let mut holdings: Vec<PackageHolding> = newest!(Holding by |h| h.key());
    holdings.retain(|h| !h.ended);
    let mut pending: Vec<Pending> = newest!(Pending by |p| p.id);
    pending.retain(|p| p.state == PendingState::Open);
    let mut meters: Vec<Meter> = newest!(Meter by |m| m.key);
    let month = meters.iter().map(|m| m.key.month.number()).max().unwrap_or_default();
    meters.retain(|m| m.key.month.number() >= month - 1);
    Snapshot {
        groups: newest!(Group by |g| g.id),
        plans: newest!(Plan by |p| p.id),
        pools: newest!(Pool by |p| p.id),
        nases: newest!(Nas by |n| n.id),
        accounts: newest!(Account by |a| a.id),
        subscribers: newest!(Subscriber by |s| s.id).into_iter().map(|s: Box<Subscriber>| *s).collect(),
        ledger: ledger.into_values().collect(),
        sessions,
        grants: newest!(PoolGrant by |g| (g.pool, g.address)),
        edge_positions,
        services: newest!(Service by |s| s.name.clone()),
        packages: newest!(Package by |p| p.name.clone()),
        holdings,
        fee_states: newest!(FeeState by |f| f.subscriber),
        account_states: newest!(AccountState by |a| a.account),
        meters,
        pending,
        budgets: newest!(Budget by |b| b.subject.clone()),
        rating_documents: newest!(RatingDocument by |d| d.name.clone()),
        books,
        last_transfer,
    }
}

/// The last of each key, in the order of first appearance.
fn newest<'a, T: Clone + 'a, K: Eq + Hash>(
    all: impl Iterator<Item = &'a T>,
    key: impl Fn(&T) -> K,
) -> Vec<T> {
    let mut places = std::collections::HashMap::new();
    let mut found = Vec::<T>::new();
    for new in all {
        match places.entry(key(new)) {
            std::collections::hash_map::Entry::Occupied(place) => found[*place.get()] = new.clone(),
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(found.len());
                found.push(new.clone());
            }
        }
    }
    found
}
