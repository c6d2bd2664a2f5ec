use super::super::testing::{Ledger, money, record, stored};
use super::*;

/// A rouble a MiB towards the subscriber beyond 10, and two logins of one contract; 6 an hour beside it.
const PRICED: &str = r#"
[[plan]]
name = "mib"
fee = "0"
traffic-price-in = "1"
traffic-included-in = 10
[[plan]]
name = "hour"
fee = "0"
session-price = "6"
[[plan]]
name = "free"
[[nas]]
name = "bras1"
address = "10.0.0.1"
secret = "s"
[[subscriber]]
login = "ivanov"
contract = "1001"
plan = "hour"
balance = "5.00"
[[subscriber]]
login = "ivanov-2"
contract = "1001"
plan = "hour"
[[subscriber]]
login = "petrov"
contract = "1002"
plan = "mib"
balance = "100.00"
"#;

fn priced() -> Ledger {
    let mut ledger = Ledger::empty();
    ledger.load(PRICED).unwrap();
    ledger.run(&Command::Clock { synchronised: true }).unwrap();
    ledger
}

fn replay(ledger: &mut Ledger, entries: impl IntoIterator<Item = SpoolEntry>) {
    let from = ledger.state.edge_position("edge1").map_or(0, |position| position.sequence);
    let at = (from + 1..).map(|sequence| SpoolPosition { epoch: 1, sequence });
    let entries = at.zip(entries).collect();
    ledger.run(&Command::Replay { edge: "edge1".into(), entries }).unwrap();
}

fn granted(ledger: &Ledger, login: &str, sum: &str, mac: Option<u8>) -> SpoolEntry {
    let subscriber = ledger.subscriber(login);
    SpoolEntry::Reservation(Reservation {
        subscriber,
        account: ledger.state.subscribers[&subscriber].account,
        nas: NasId(1),
        mac: mac.map(|last| Mac([2, 0, 0, 0, 0, last])),
        amount: money(sum),
        at: ledger.now,
        expires: ledger.now.saturating_add(Duration::from_secs(900)),
    })
}

fn accounting(ledger: &Ledger, kind: AccountingKind, login: &str, seconds: u32, mib: u64) -> SpoolEntry {
    let mut record = record(kind, login, Some(ledger.subscriber(login)), None, seconds);
    record.usage = Usage { download_octets: mib * MIB, upload_octets: 0 };
    SpoolEntry::Accounting(record)
}

/// `reference amount`, of those that are open.
fn open(ledger: &Ledger) -> Vec<String> {
    let open = ledger.state.billing.pending_with("");
    open.map(|pending| format!("{} {}", pending.reference, pending.amount)).collect()
}

fn states(ledger: &Ledger) -> Vec<&PendingState> {
    let pending = ledger.changes.iter().filter_map(|change| match change {
        Change::Pending(pending) => Some(&pending.state),
        _ => None,
    });
    pending.collect()
}

fn of(prices: UsagePrices, free: u64) -> Prepaid {
    Prepaid {
        reservable: Money::ZERO,
        held: Money::ZERO,
        prices,
        free_in: free,
        free_out: free,
        minor_unit: money("0.01"),
    }
}

#[test]
fn a_reservation_is_what_a_quarter_of_an_hour_and_64_mib_cost() {
    // Price in, out, of an hour | MiB free | reservation
    #[rustfmt::skip]
    let table = [
        ("0", "0", "6", 0, "1.50"),
        ("0", "0", "0.01", 0, "0.01"),
        ("1", "0", "0", 0, "64.00"),
        ("1", "2", "0", 0, "128.00"),
        ("1", "2", "6", 0, "129.50"),
        ("1", "0", "0", 60, "4.00"),
        ("1", "0", "0", 64, "0.00"),
        ("0.0001", "0", "0", 0, "0.01"),
        ("0", "0", "0", 0, "0.00"),
    ];
    for (traffic_in, traffic_out, hour, free, wanted) in table {
        let price = |text: &str| text.parse().unwrap();
        let prices = UsagePrices {
            traffic_in: price(traffic_in),
            traffic_out: price(traffic_out),
            session_hour: price(hour),
            ..UsagePrices::default()
        };
        let size = of(prices, free * MIB).reservation();
        assert_eq!(size, money(wanted), "{traffic_in} {traffic_out} {hour} {free}");
    }
}

#[test]
fn money_buys_seconds_and_octets_beyond_what_is_free() {
    let prices = |traffic_in: &str, traffic_out: &str, hour: &str| UsagePrices {
        traffic_in: traffic_in.parse().unwrap(),
        traffic_out: traffic_out.parse().unwrap(),
        session_hour: hour.parse().unwrap(),
        ..UsagePrices::default()
    };
    // Price in, out, of an hour | money | seconds | octets
    #[rustfmt::skip]
    let table = [
        ("0", "0", "6", "1.00", Some(600), None),
        ("0", "0", "7", "0.01", Some(5), None),
        ("0", "0", "6", "-1.00", Some(0), None),
        ("2", "0", "0", "3.00", None, Some((Direction::In, 3 * MIB + MIB / 2))),
        ("0", "2", "0", "3.00", None, Some((Direction::Out, 3 * MIB + MIB / 2))),
        ("2", "3", "0", "3.00", None, Some((Direction::Both, 3 * MIB))),
        ("0.000000001", "0", "0", "9000000000000", None, Some((Direction::In, u64::MAX))),
        ("0", "0", "0", "3.00", None, None),
    ];
    for (traffic_in, traffic_out, hour, sum, seconds, octets) in table {
        let prepaid = of(prices(traffic_in, traffic_out, hour), 2 * MIB);
        assert_eq!(prepaid.seconds(money(sum)), seconds, "{hour} {sum}");
        assert_eq!(prepaid.octets(money(sum)), octets, "{traffic_in} {traffic_out} {sum}");
    }
}

#[test]
fn a_grant_is_taken_up_by_its_session_renewed_by_each_interim_and_void_after_the_stop() {
    use AccountingKind::{Interim, Start, Stop};
    let mut ledger = priced();
    let (ivanov, session) = (ledger.subscriber("ivanov"), "reservation:1:1:session:ivanov");
    let grant = granted(&ledger, "ivanov", "1.50", None);
    replay(&mut ledger, [grant]);
    assert_eq!(open(&ledger), [format!("reservation:1:1:login:-:{:020} 1.50", ledger.now.micros())]);
    // Record | open | balance | reservable
    for (kind, seconds, held, balance, reservable) in [
        (Start, 0, "1.50", "5.00", "3.50"),
        (Interim, 0, "1.50", "5.00", "3.50"),
        (Interim, 600, "1.50", "4.00", "2.50"),
        (Interim, 600, "1.50", "4.00", "2.50"),
        (Interim, 2700, "0.50", "0.50", "0.00"),
        (Stop, 2820, "", "0.30", "0.30"),
        (Interim, 2000, "", "0.30", "0.30"),
    ] {
        let entry = accounting(&ledger, kind, "ivanov", seconds, 0);
        replay(&mut ledger, [entry.clone(), entry]);
        let wanted = if held.is_empty() { vec![] } else { vec![format!("{session} {held}")] };
        assert_eq!(open(&ledger), wanted, "{kind:?} {seconds}");
        assert_eq!(ledger.balance("1001"), balance, "{kind:?} {seconds}");
        assert_eq!(ledger.state.reservable(ledger.account("1001"), ledger.now), money(reservable));
        assert_eq!(ledger.standing("ivanov").verdict, Verdict::LetThrough, "{kind:?} {seconds}");
    }
    assert!(ledger.state.view(ivanov, ledger.now).unwrap().prepaid.is_some());
    assert!(matches!(
        states(&ledger)[..],
        [
            PendingState::Open,
            PendingState::Open,
            PendingState::Posted(_),
            PendingState::Open,
            PendingState::Posted(_),
            PendingState::Open,
            PendingState::Posted(_),
        ]
    ));
}

#[test]
fn a_stop_after_which_nothing_is_charged_voids() {
    let mut ledger = priced();
    let entries = [
        granted(&ledger, "ivanov", "1.50", None),
        accounting(&ledger, AccountingKind::Start, "ivanov", 0, 0),
        accounting(&ledger, AccountingKind::Stop, "ivanov", 1, 0),
    ];
    replay(&mut ledger, entries);
    assert_eq!(open(&ledger), Vec::<String>::new());
    assert_eq!(states(&ledger), [&PendingState::Open, &PendingState::Voided]);
}

#[test]
fn sessions_that_end_without_a_stop_hold_nothing() {
    for way in ["accounting-on", "close-session", "expiry"] {
        let mut ledger = priced();
        let entries = [
            granted(&ledger, "ivanov", "1.50", None),
            accounting(&ledger, AccountingKind::Start, "ivanov", 0, 0),
        ];
        replay(&mut ledger, entries);
        let session = ledger.state.open_sessions().next().unwrap().key.clone();
        match way {
            "accounting-on" => {
                let on = record(AccountingKind::On, "", None, None, 10);
                replay(&mut ledger, [SpoolEntry::Accounting(on)]);
            }
            "close-session" => {
                let at = ledger.now;
                ledger.run(&Command::CloseSession { session, at, terminate_cause: 3 }).unwrap();
            }
            _ => {
                let end = ledger.state.billing.pending_ends.first().unwrap().0;
                assert_eq!(end, ledger.now.saturating_add(Duration::from_secs(900)));
                assert!(ledger.state.next_clock(|| true, ledger.now) <= end);
                // Boot in between: the store holds the open ones.
                ledger.state = State::new(stored(&ledger.changes), Default::default(), ledger.now);
                ledger.now = end;
                ledger.run(&Command::Clock { synchronised: true }).unwrap();
            }
        }
        assert_eq!(open(&ledger), Vec::<String>::new(), "{way}");
        assert_eq!(ledger.state.reservable(ledger.account("1001"), ledger.now), money("5.00"), "{way}");
    }
}

#[test]
fn the_device_that_logs_in_again_takes_the_place_of_its_last_login() {
    let mut ledger = priced();
    for (mac, held) in [(Some(1), "1.50"), (Some(1), "1.50"), (Some(2), "3.00"), (None, "4.50")] {
        ledger.now = ledger.now.saturating_add(Duration::from_secs(1));
        let grant = granted(&ledger, "ivanov", "1.50", mac);
        replay(&mut ledger, [grant]);
        let free = money("5.00").saturating_sub(money(held));
        assert_eq!(ledger.state.reservable(ledger.account("1001"), ledger.now), free, "{mac:?}");
    }
}

#[test]
fn what_is_posted_never_exceeds_what_is_there_and_a_late_grant_is_not_posted() {
    let mut ledger = priced();
    let grants = [granted(&ledger, "ivanov", "4.00", Some(1)), granted(&ledger, "ivanov-2", "4.00", Some(2))];
    replay(&mut ledger, grants);
    assert_eq!(ledger.state.reservable(ledger.account("1001"), ledger.now), money("0.00"));
    let none_left = granted(&ledger, "ivanov-2", "4.00", Some(3));
    replay(&mut ledger, [none_left]);
    assert_eq!(states(&ledger)[2..], [&PendingState::Voided]);
    let late = granted(&ledger, "petrov", "4.00", None);
    ledger.now = ledger.now.saturating_add(Duration::from_secs(900));
    replay(&mut ledger, [late]);
    assert_eq!(states(&ledger)[3..], [&PendingState::Expired]);
    assert_eq!(ledger.state.reservable(ledger.account("1002"), ledger.now), money("100.00"));
}

#[test]
fn whoever_has_nothing_left_to_use_is_negbal_and_a_payment_opens() {
    let mut ledger = priced();
    let interim = accounting(&ledger, AccountingKind::Interim, "ivanov", 3000, 0);
    replay(&mut ledger, [interim]);
    assert_eq!(ledger.balance("1001"), "0.00");
    for login in ["ivanov", "ivanov-2"] {
        let standing = ledger.standing(login);
        assert_eq!((standing.verdict, standing.negbal), (Verdict::Negbal, true), "{login}");
        assert_eq!(standing.reason, Some(Reason::Shortage { missing: money("0.01") }));
        let view = ledger.state.view(ledger.subscriber(login), ledger.now).unwrap();
        assert_eq!(view.to_pay, money("0.01"));
    }
    let account = ledger.account("1001");
    ledger.touched = Default::default();
    ledger.run(&Command::Pay(super::super::testing::payment("1", Some(account), "1.00"))).unwrap();
    assert!(ledger.touched.subscribers.contains(&ledger.subscriber("ivanov")));
    assert_eq!(ledger.standing("ivanov").verdict, Verdict::LetThrough);
    ledger.run(&Command::Charge { account, sum: money("1.00"), text: "x".into() }).unwrap();
    assert_eq!(ledger.standing("ivanov").verdict, Verdict::Negbal);
    ledger.run(&Command::Terms(TermsCommand::Panic { open: true })).unwrap();
    assert_eq!(ledger.standing("ivanov").verdict, Verdict::LetThrough, "panic");
}

#[test]
fn what_another_login_holds_is_not_left_and_what_one_holds_itself_is() {
    let mut ledger = priced();
    let grant = granted(&ledger, "ivanov", "5.00", None);
    replay(&mut ledger, [grant]);
    assert_eq!(ledger.standing("ivanov").verdict, Verdict::LetThrough);
    assert_eq!(ledger.standing("ivanov-2").verdict, Verdict::Negbal);
}

#[test]
fn included_traffic_needs_no_money_until_it_is_used_up_and_comes_back_with_the_month() {
    let mut ledger = priced();
    let account = ledger.account("1002");
    ledger.run(&Command::Charge { account, sum: money("100.00"), text: "x".into() }).unwrap();
    for (mib, verdict) in [(0, Verdict::LetThrough), (9, Verdict::LetThrough), (10, Verdict::Negbal)] {
        let interim = accounting(&ledger, AccountingKind::Interim, "petrov", 60, mib);
        replay(&mut ledger, [interim]);
        assert_eq!(ledger.standing("petrov").verdict, verdict, "{mib} MiB");
    }
    let may = super::super::moment("2026-05-01", &jiff::tz::TimeZone::UTC).unwrap().unwrap();
    assert!(ledger.state.next_deadline().is_some_and(|at| at <= may), "readers are told then");
    ledger.now = may;
    assert!(ledger.state.take_due(may).contains(&ledger.subscriber("petrov")));
    assert_eq!(ledger.standing("petrov").verdict, Verdict::LetThrough);
}

#[test]
fn a_session_that_lost_its_grant_gets_another_and_one_of_a_free_plan_none() {
    let mut ledger = priced();
    let interim = accounting(&ledger, AccountingKind::Interim, "petrov", 60, 0);
    replay(&mut ledger, [interim]);
    assert_eq!(open(&ledger), ["reservation:3:1:session:petrov 54.00"]);
    ledger.load("[[subscriber]]\nlogin = \"petrov\"\nplan = \"free\"").unwrap();
    let interim = accounting(&ledger, AccountingKind::Interim, "petrov", 120, 0);
    replay(&mut ledger, [interim]);
    assert_eq!(open(&ledger), Vec::<String>::new());
}
