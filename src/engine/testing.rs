//! For tests of this layer and those above: a ledger in memory, fed with data files as operators write them.

use super::{Decision, Recalled, Request, State, Touched, Wanted};
use crate::engine::Settings;
use crate::model::*;

mod stored;

pub(crate) use stored::{Stored, stored};

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
        self.run_keyed(command, None)
    }

    /// The same for a request with a key. What the state wants of the past is taken from the changes, as from a store.
    pub fn run_keyed(&mut self, command: &Command, key: Option<&RequestKey>) -> Result<Outcome, Refusal> {
        let actor = actor();
        let request = Request { command, actor: &actor, key };
        let wanted = self.state.wanted(std::iter::once(request));
        if !wanted.transfers.is_empty() || !wanted.answers.is_empty() {
            self.state.remember(recalled(&self.changes, &wanted));
        }
        let decision = self.state.decide_request(&request, self.now)?;
        Ok(self.take_in(decision))
    }

    /// Decides and absorbs upon what is in memory, without asking a store.
    pub fn run_unasked(&mut self, command: &Command) -> Result<Outcome, Refusal> {
        let decision = self.state.decide(command, &actor(), self.now)?;
        Ok(self.take_in(decision))
    }

    fn take_in(&mut self, decision: Decision) -> Outcome {
        for change in &decision.changes {
            self.state.absorb(change, self.now, &mut self.touched);
        }
        self.changes.extend(decision.changes);
        decision.outcome
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

/// What a store with these changes answers for transfers and answers.
pub(crate) fn recalled(changes: &[Change], wanted: &Wanted) -> Recalled {
    let transfers =
        || changes.iter().filter_map(|c| if let Change::Transfer(t) = c { Some(t) } else { None });
    let payment_of = |id: TransferId| {
        let payments = changes.iter().filter_map(|c| if let Change::Payment(p) = c { Some(p) } else { None });
        let payment = payments.into_iter().find(|payment| payment.transfer == id)?;
        let reversed = changes.contains(&Change::PaymentReversed(payment.key.clone()));
        Some(Payment { reversed, ..payment.clone() })
    };
    let posted = |transfer: &Transfer| PostedTransfer {
        transfer: transfer.clone(),
        reversed_by: transfers().find(|t| t.reverses == Some(transfer.id)).map(|t| t.id),
        payment: payment_of(transfer.id),
    };
    let mut answers = Vec::<&RememberedAnswer>::new();
    for change in changes {
        match change {
            Change::Answer(answer) if wanted.answers.contains(&answer.key) => answers.push(answer),
            Change::ForgetAnswers(before) => answers.retain(|answer| answer.at >= *before),
            _ => {}
        }
    }
    Recalled {
        payments: Vec::new(),
        transfers: transfers().filter(|t| wanted.transfers.contains(&t.id)).map(posted).collect(),
        answers: answers.into_iter().cloned().collect(),
    }
}
