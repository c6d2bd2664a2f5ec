use super::*;
use crate::directory::DirectorySettings;
use crate::engine::testing::{Ledger, money, record, stored};
use crate::engine::{Settings, State};
use proptest::prelude::*;
use std::sync::Arc;

const MIB: u64 = 1 << 20;
/// A rouble a MiB towards the subscriber; two logins share 150.00, so a reservation is 64.00.
const PRICED: &str = r#"
[[plan]]
name = "mib"
fee = "0"
traffic-price-in = "1"
[[nas]]
name = "bras1"
address = "10.0.0.1"
secret = "s"
[[subscriber]]
login = "a"
contract = "1001"
plan = "mib"
balance = "150.00"
[[subscriber]]
login = "b"
contract = "1001"
plan = "mib"
"#;
const SHARED: i64 = 150;
const RESERVED_MIB: u64 = 64;

/// A ledger, a directory that shows it, and the spool between them.
struct World {
    ledger: Ledger,
    directory: Directory,
    /// Not carried to the ledger yet.
    spool: Vec<SpoolEntry>,
    sequence: u64,
}

fn empty_directory() -> Directory {
    let hold = Duration::from_secs(60);
    Directory::new(&DirectorySettings { grant_hold: hold, pool_quarantine: hold })
}

impl World {
    fn new() -> World {
        let mut ledger = Ledger::empty();
        ledger.load(PRICED).unwrap();
        ledger.run(&Command::Clock { synchronised: true }).unwrap();
        let directory = empty_directory();
        directory.publish_all(&ledger.state, ledger.now);
        World { ledger, directory, spool: Vec::new(), sequence: 0 }
    }

    fn asking(&self, mac: u8) -> Asking {
        let term = Duration::from_secs(900);
        Asking { nas: NasId(1), mac: Some(Mac([2, 0, 0, 0, 0, mac])), now: self.ledger.now, term }
    }

    /// What a login is granted; the reservation goes into the spool.
    fn login(&mut self, login: &str, mac: u8) -> Grant {
        let inner = self.directory.read();
        let entry = Arc::clone(inner.login(login).unwrap());
        let grant = self.directory.reserve(&inner, &entry, self.asking(mac));
        drop(inner);
        if let Grant::Granted { reservation: Some(reservation), .. } = &grant {
            self.spool.push(SpoolEntry::Reservation(reservation.clone()));
        }
        grant
    }

    /// The sum of a grant in words.
    fn sum(&mut self, login: &str, mac: u8) -> String {
        match self.login(login, mac) {
            Grant::Granted { reservation: Some(reservation), .. } => reservation.amount.to_string(),
            other => format!("{other:?}"),
        }
    }

    /// Carries the spool to the ledger, without publishing.
    fn replay(&mut self) {
        let entries: Vec<_> = std::mem::take(&mut self.spool);
        let first = self.sequence + 1;
        self.sequence += u64::try_from(entries.len()).unwrap();
        let at = (first..).map(|sequence| SpoolPosition { epoch: 1, sequence });
        let entries = at.zip(entries).collect();
        self.ledger.run(&Command::Replay { edge: "edge1".into(), entries }).unwrap();
    }

    fn publish(&mut self) {
        let touched = std::mem::take(&mut self.ledger.touched);
        self.directory.publish(&self.ledger.state, &touched, self.ledger.now);
    }

    /// Both processes end and start again.
    fn crash(&mut self, spool_lost: bool) {
        if spool_lost {
            // Grants do not wait for the disk; accounting does.
            self.spool.retain(|entry| matches!(entry, SpoolEntry::Accounting(_)));
        }
        self.ledger.state = State::new(stored(&self.ledger.changes), Settings::default(), self.ledger.now);
        self.directory = empty_directory();
        self.directory.publish_all(&self.ledger.state, self.ledger.now);
        let granted = self.spool.iter().filter_map(|entry| match entry {
            SpoolEntry::Reservation(reservation) => Some(reservation),
            _ => None,
        });
        self.directory.restore_reservations(granted, self.ledger.now);
    }

    fn held_in_memory(&self) -> Money {
        self.directory.reservations.lock().held(self.ledger.account("1001"))
    }

    fn is_captive(&self, login: &str) -> bool {
        let inner = self.directory.read();
        inner.login(login).unwrap().view.standing.verdict != Verdict::LetThrough
    }
}

#[test]
fn two_logins_share_what_is_there_with_the_store_away() {
    let mut world = World::new();
    assert_eq!(world.sum("a", 1), "64.00");
    assert_eq!(world.sum("b", 2), "64.00");
    assert_eq!(world.sum("a", 3), "22.00");
    assert_eq!(world.login("b", 4), Grant::NothingLeft);
}

#[test]
fn a_limit_is_what_the_whole_buys_and_the_second_login_is_told_the_rest() {
    let mut world = World::new();
    let octets = |grant| match grant {
        Grant::Granted { limits, .. } => limits.octets.unwrap(),
        other => panic!("{other:?}"),
    };
    assert_eq!(octets(world.login("a", 1)), (Direction::In, 150 * MIB));
    assert_eq!(octets(world.login("b", 2)), (Direction::In, 86 * MIB));
}

#[test]
fn the_same_device_holds_once() {
    let mut world = World::new();
    for _ in 0..5 {
        assert_eq!(world.sum("a", 1), "64.00");
    }
    assert_eq!(world.held_in_memory(), money("64.00"));
}

#[test]
fn a_hold_goes_with_the_publication_that_shows_its_pending_transfer() {
    let mut world = World::new();
    world.login("a", 1);
    let shown = |world: &World| {
        let inner = world.directory.read();
        inner.login("a").unwrap().view.prepaid.unwrap().reservable
    };
    assert_eq!((shown(&world), world.held_in_memory()), (money("150.00"), money("64.00")));
    world.replay();
    assert_eq!((shown(&world), world.held_in_memory()), (money("150.00"), money("64.00")), "not published");
    world.publish();
    assert_eq!((shown(&world), world.held_in_memory()), (money("86.00"), Money::ZERO));
    assert_eq!(world.sum("b", 2), "64.00");
    assert_eq!(world.sum("b", 3), "22.00");
}

#[test]
fn a_hold_that_the_ledger_never_hears_of_ends_by_itself() {
    let mut world = World::new();
    for device in 1..4 {
        world.login("a", device);
    }
    world.spool.clear();
    assert_eq!(world.login("b", 9), Grant::NothingLeft);
    world.ledger.now = world.ledger.now.saturating_add(Duration::from_secs(900));
    assert_eq!(world.sum("b", 9), "64.00");
}

#[test]
fn what_the_spool_holds_counts_again_after_a_start() {
    let mut world = World::new();
    world.login("a", 1);
    world.crash(false);
    assert_eq!(world.held_in_memory(), money("64.00"));
    world.crash(true);
    assert_eq!(world.held_in_memory(), Money::ZERO);
}

#[test]
fn the_table_is_bounded_by_what_is_not_over() {
    let mut table = Reservations::default();
    let now = crate::engine::testing::NOW;
    for n in 0..10_000 {
        let at = now.saturating_add(Duration::from_secs(n));
        let reservation = Reservation {
            subscriber: SubscriberId(1),
            account: AccountId(i64::try_from(n).unwrap()),
            nas: NasId(1),
            mac: None,
            amount: money("1.00"),
            at,
            expires: at.saturating_add(Duration::from_secs(10)),
        };
        assert!(table.hold(reservation, at));
    }
    assert!(table.accounts.len() <= SWEEP_FROM && table.holds.len() == table.accounts.len());
}

/// A session as its NAS has it.
#[derive(Debug)]
struct Online {
    whose: &'static str,
    id: String,
    device: u8,
    mib: u64,
    /// Used since a record of it last reached the ledger.
    unknown_mib: u64,
    seconds: u32,
    stopped: bool,
    /// What it was granted and no record of it has renewed yet.
    login: Option<Reservation>,
}

impl Online {
    /// MiB that its reservation pays for.
    fn held(&self, world: &World) -> u64 {
        let state = &world.ledger.state;
        let in_spool = |granted: &&Reservation| {
            world.spool.iter().any(|entry| matches!(entry, SpoolEntry::Reservation(r) if r == *granted))
        };
        let subscriber = world.ledger.subscriber(self.whose);
        let session = Reservation::reference_of_session(subscriber, NasId(1), &self.id);
        let login = self.login.as_ref().map(Reservation::reference);
        let posted = state.pending_amount(&session).or_else(|| state.pending_amount(&login?));
        let held = posted.or_else(|| self.login.as_ref().filter(in_spool).map(|granted| granted.amount));
        held.map_or(0, |held| u64::try_from(held.micros() / 1_000_000).unwrap())
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Login(bool),
    /// The session of this number uses so much and reports it.
    Interim(usize, u64),
    Stop(usize),
    /// The NAS sends the last record again.
    Repeat,
    Replay,
    Crash(bool),
    Minutes(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => any::<bool>().prop_map(Step::Login),
        6 => (0..4usize, 0..=RESERVED_MIB).prop_map(|(n, mib)| Step::Interim(n, mib)),
        1 => (0..4usize).prop_map(Step::Stop),
        1 => Just(Step::Repeat),
        4 => Just(Step::Replay),
        1 => any::<bool>().prop_map(Step::Crash),
        1 => (1..20u64).prop_map(Step::Minutes),
    ]
}

fn report(world: &mut World, online: &mut Online, kind: AccountingKind) {
    online.seconds += 1;
    let subscriber = Some(world.ledger.subscriber(online.whose));
    let mut record = record(kind, &online.id, subscriber, None, online.seconds);
    record.event_time = world.ledger.now;
    record.mac = world.asking(online.device).mac;
    record.usage = Usage { download_octets: online.mib * MIB, upload_octets: 0 };
    world.spool.push(SpoolEntry::Accounting(record));
}

/// `only_held`: sessions use what they hold and not more, and nothing is lost.
fn run(world: &mut World, sessions: &mut Vec<Online>, step: Step, only_held: bool) {
    match step {
        Step::Login(second) => {
            let login = if second { "b" } else { "a" };
            let number = sessions.len();
            if world.is_captive(login) {
                return;
            }
            let device = u8::try_from(number % 250).unwrap();
            if let Grant::Granted { reservation, .. } = world.login(login, device) {
                let id = format!("s{number}");
                sessions.push(Online {
                    whose: login,
                    id,
                    device,
                    mib: 0,
                    unknown_mib: 0,
                    seconds: 0,
                    stopped: false,
                    login: reservation,
                });
            }
        }
        Step::Interim(n, mib) => {
            let Some(online) = sessions.iter_mut().rev().nth(n).filter(|online| !online.stopped) else {
                return;
            };
            let captive = world.is_captive(online.whose);
            let most = if only_held { online.held(world) } else { RESERVED_MIB };
            let used = if captive { 0 } else { mib.min(most.saturating_sub(online.unknown_mib)) };
            online.mib += used;
            online.unknown_mib += used;
            report(world, online, AccountingKind::Interim);
        }
        Step::Stop(n) => {
            if let Some(online) = sessions.iter_mut().rev().nth(n).filter(|online| !online.stopped) {
                online.stopped = true;
                report(world, online, AccountingKind::Stop);
            }
        }
        Step::Repeat => {
            let last = world.spool.iter().rev().find(|entry| matches!(entry, SpoolEntry::Accounting(_)));
            world.spool.extend(last.cloned());
        }
        Step::Replay => {
            world.replay();
            world.publish();
            sessions.iter_mut().for_each(|online| online.unknown_mib = 0);
        }
        Step::Crash(spool_lost) => world.crash(spool_lost && !only_held),
        Step::Minutes(minutes) => {
            if only_held {
                run(world, sessions, Step::Replay, only_held);
            }
            world.ledger.now = world.ledger.now.saturating_add(Duration::from_secs(minutes * 60));
            world.ledger.run(&Command::Clock { synchronised: true }).unwrap();
            world.publish();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Sessions that use what they hold overspend nothing, however many share the money.
    #[test]
    fn what_is_held_is_there(steps in prop::collection::vec(step(), 1..80)) {
        let mut world = World::new();
        let mut sessions = Vec::new();
        for step in steps {
            run(&mut world, &mut sessions, step, true);
            let free = world.ledger.state.reservable(world.ledger.account("1001"), world.ledger.now);
            prop_assert!(!free.is_negative(), "{free} after {step:?}");
        }
        world.replay();
        let free = world.ledger.state.reservable(world.ledger.account("1001"), world.ledger.now);
        prop_assert!(!free.is_negative(), "{free} in the end");
    }

    /// A session uses at most a reservation before the ledger hears of it. Whatever is lost or repeated, no more is
    /// spent and held than was there, and a reservation for each session.
    #[test]
    fn no_more_is_overspent_than_a_reservation_a_session(steps in prop::collection::vec(step(), 1..80)) {
        let mut world = World::new();
        let mut sessions = Vec::new();
        let account = world.ledger.account("1001");
        for step in steps {
            run(&mut world, &mut sessions, step, false);
            let balance = world.ledger.state.balance(account);
            let free = world.ledger.state.reservable(account, world.ledger.now);
            let count = i64::try_from(sessions.len()).unwrap();
            let bound = Money::from_micros(-1_000_000 * 64 * count);
            // Spent and held together are what was there less what is free.
            prop_assert!(free >= bound, "{balance} {free} {bound} after {step:?}");
        }
        world.replay();
        let used: u64 = sessions.iter().map(|online| online.mib).sum();
        let spent = Money::from_units(i32::try_from(SHARED).unwrap()).saturating_sub(world.ledger.state.balance(account));
        prop_assert_eq!(spent, Money::from_units(i32::try_from(used).unwrap()), "what was used is charged");
        let mut resolved = HashSet::new();
        for change in &world.ledger.changes {
            if let Change::Pending(pending) = change {
                prop_assert!(!resolved.contains(&pending.id), "{pending:?} was resolved before");
                if pending.state != PendingState::Open {
                    resolved.insert(pending.id);
                }
            }
        }
        world.ledger.now = world.ledger.now.saturating_add(Duration::from_secs(901));
        world.ledger.run(&Command::Clock { synchronised: true }).unwrap();
        prop_assert_eq!(world.ledger.state.open_pending().count(), 0, "all end");
    }
}
