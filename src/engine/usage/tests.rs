use super::super::testing::{Ledger, record, stored};
use super::super::{Settings, moment};
use super::*;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use std::time::Duration;

/// 2 roubles a MiB towards the subscriber beyond 10, 1 from it, 6 an hour.
const PRICED: &str = r#"
[[plan]]
name = "home-20"
fee = "0"
traffic-price-in = "2"
traffic-included-in = 10
traffic-price-out = "1"
session-price = "6"
[[plan]]
name = "free"
[[package]]
name = "5-mib"
price = "1.00"
mib = 5
days = 2
[[package]]
name = "3-mib"
price = "1.00"
mib = 3
days = 1
[[nas]]
name = "bras1"
address = "10.0.0.1"
secret = "s"
[[subscriber]]
login = "ivanov"
contract = "1001"
plan = "home-20"
balance = "1000.00"
"#;

fn priced() -> Ledger {
    let mut ledger = Ledger::with(Settings::default());
    ledger.load(PRICED).unwrap();
    ledger.run(&Command::Clock { synchronised: true }).unwrap();
    ledger
}

/// A record of session `id`, so many seconds after [`super::super::testing::NOW`], with its MiB so far.
fn interim(ledger: &Ledger, id: &str, seconds: u32, mib_in: u64, mib_out: u64) -> AccountingRecord {
    let mut record = record(AccountingKind::Interim, id, Some(ledger.subscriber("ivanov")), None, seconds);
    record.usage = Usage { download_octets: mib_in * MIB, upload_octets: mib_out * MIB };
    record
}

/// Replays records as one batch of the spool.
fn replay(ledger: &mut Ledger, records: impl IntoIterator<Item = AccountingRecord>) {
    let from = ledger.state.edge_position("edge1").map_or(0, |position| position.sequence);
    let entries = (from + 1..)
        .zip(records)
        .map(|(sequence, record)| (SpoolPosition { epoch: 1, sequence }, SpoolEntry::Accounting(record)))
        .collect();
    ledger.run(&Command::Replay { edge: "edge1".into(), entries }).unwrap();
}

fn meter(ledger: &Ledger, service: MeteredService, month: &str) -> Meter {
    let key = MeterKey { subscriber: ledger.subscriber("ivanov"), service, month: month.parse().unwrap() };
    ledger.state.billing.meters[&key].clone()
}

fn at(text: &str) -> Timestamp {
    moment(text, &TimeZone::UTC).unwrap().unwrap()
}

fn postings(ledger: &Ledger) -> Vec<&Transfer> {
    let transfers = ledger.changes.iter().filter_map(|change| match change {
        Change::Transfer(transfer) if transfer.kind == TransferKind::Usage => Some(transfer),
        _ => None,
    });
    transfers.collect()
}

#[test]
fn traffic_beyond_what_is_included_and_time_online_are_charged() {
    let mut ledger = priced();
    for (seconds, mib_in, mib_out, balance) in [
        // Nothing is charged for 10 MiB; the time is.
        (600, 10, 0, "999.00"),
        (1200, 11, 0, "996.00"),
        (1200, 11, 3, "993.00"),
        (3600, 20, 3, "971.00"),
    ] {
        let record = interim(&ledger, "a", seconds, mib_in, mib_out);
        replay(&mut ledger, [record.clone()]);
        assert_eq!(ledger.balance("1001"), balance, "{seconds} s, {mib_in} and {mib_out} MiB");
        replay(&mut ledger, [record.clone(), record]);
        assert_eq!(ledger.balance("1001"), balance, "repeats");
    }
    let texts: Vec<_> = postings(&ledger).iter().map(|posted| posted.text.as_str()).collect();
    assert_eq!(texts[..2], ["home-20, time online, 2026-04", "home-20, traffic in, 2026-04"]);
}

#[test]
fn many_short_sessions_are_not_free() {
    let mut ledger = priced();
    // A second costs a sixth of a kopeck.
    for session in 0..3600 {
        let record = interim(&ledger, &format!("s{session}"), 1, 0, 0);
        replay(&mut ledger, [AccountingRecord { kind: AccountingKind::Stop, ..record }]);
    }
    assert_eq!(ledger.balance("1001"), "994.00");
}

#[test]
fn a_plan_without_prices_or_quota_has_no_meters() {
    let mut ledger = priced();
    ledger.load("[[subscriber]]\nlogin = \"ivanov\"\nplan = \"free\"").unwrap();
    let record = interim(&ledger, "a", 3600, 100, 100);
    replay(&mut ledger, [record]);
    assert!(ledger.state.billing.meters.is_empty());
    assert_eq!(ledger.balance("1001"), "1000.00");
}

#[test]
fn a_quota_is_counted_without_a_price() {
    let mut ledger = priced();
    let quota = "[[plan]]\nname = \"free\"\nquota-mib = 100\nquota-rate-in = 1000\n\
                 [[subscriber]]\nlogin = \"ivanov\"\nplan = \"free\"";
    ledger.load(quota).unwrap();
    let rate = |ledger: &Ledger| {
        ledger.state.view(ledger.subscriber("ivanov"), ledger.now).unwrap().shape.download.rate
    };
    let record = interim(&ledger, "a", 60, 60, 39);
    replay(&mut ledger, [record]);
    assert_eq!(rate(&ledger), 0);
    ledger.touched = Default::default();
    let record = interim(&ledger, "a", 120, 60, 40);
    replay(&mut ledger, [record]);
    assert_eq!(rate(&ledger), 1_000);
    assert!(ledger.touched.subscribers.contains(&ledger.subscriber("ivanov")), "readers are told");
    assert_eq!(ledger.balance("1001"), "1000.00");
}

#[test]
fn a_late_record_belongs_to_the_month_of_its_event() {
    let mut ledger = priced();
    let april = interim(&ledger, "a", 600, 15, 0);
    let mut stop = interim(&ledger, "b", 600, 12, 0);
    stop.kind = AccountingKind::Stop;
    ledger.now = at("2026-05-02 12:00");
    let mut may = interim(&ledger, "c", 0, 15, 0);
    may.event_time = at("2026-05-02 11:00");
    replay(&mut ledger, [may]);
    replay(&mut ledger, [april, stop]);
    assert_eq!(meter(&ledger, MeteredService::TrafficIn, "2026-05").used, 15 * MIB);
    assert_eq!(meter(&ledger, MeteredService::TrafficIn, "2026-04").used, 27 * MIB);
    // 5 and 17 MiB at 2.00, 20 minutes at 6.00 an hour.
    assert_eq!(ledger.balance("1001"), "954.00");
    let days: Vec<_> = postings(&ledger).iter().map(|posted| posted.day.map(|day| day.to_string())).collect();
    assert_eq!(days, [None, Some("2026-04-06".to_owned()), Some("2026-04-06".to_owned())]);
}

#[test]
fn what_belongs_to_a_closed_month_is_posted_today() {
    let mut ledger = priced();
    let record = interim(&ledger, "a", 600, 0, 5);
    ledger.now = at("2026-05-02 12:00");
    ledger.put(Change::Books(BooksState {
        closed_through: Some("2026-04".parse().unwrap()),
        ..ledger.state.billing.books.clone()
    }));
    replay(&mut ledger, [record]);
    assert_eq!(meter(&ledger, MeteredService::TrafficOut, "2026-04").used, 5 * MIB);
    assert!(postings(&ledger).iter().all(|posted| posted.day.is_none()));
}

#[test]
fn a_record_of_long_ago_counts_for_the_oldest_month_that_is_kept() {
    let mut ledger = priced();
    let record = interim(&ledger, "a", 600, 5, 0);
    ledger.now = at("2026-08-02 12:00");
    replay(&mut ledger, [record.clone()]);
    assert_eq!(meter(&ledger, MeteredService::TrafficIn, "2026-07").used, 5 * MIB);
    // What the engine keeps is what a store gives back.
    let mut again = Ledger::with(Settings::default());
    again.state = State::new(stored(&ledger.changes), Settings::default(), ledger.now);
    assert_eq!(again.state.billing.meters, ledger.state.billing.meters);
}

#[test]
fn a_restart_does_not_charge_a_closed_session_again() {
    let mut ledger = priced();
    let mut stop = interim(&ledger, "a", 3600, 15, 0);
    stop.kind = AccountingKind::Stop;
    replay(&mut ledger, [stop.clone()]);
    assert_eq!(ledger.balance("1001"), "984.00");
    ledger.state = State::new(stored(&ledger.changes), Settings::default(), ledger.now);
    replay(&mut ledger, [stop]);
    assert_eq!(ledger.balance("1001"), "984.00");
}

#[test]
fn another_price_is_for_what_is_used_from_then_on() {
    let mut ledger = priced();
    let before = interim(&ledger, "a", 0, 0, 10);
    replay(&mut ledger, [before]);
    assert_eq!(ledger.balance("1001"), "990.00");
    ledger.load("[[plan]]\nname = \"home-20\"\ntraffic-price-out = \"5\"\ntraffic-included-out = 1").unwrap();
    let after = interim(&ledger, "a", 0, 0, 13);
    replay(&mut ledger, [after]);
    assert_eq!(ledger.balance("1001"), "980.00");
    assert_eq!(meter(&ledger, MeteredService::TrafficOut, "2026-04").used, 13 * MIB);
}

#[test]
fn packages_cover_what_is_beyond_the_included_those_that_end_first_first() {
    let mut ledger = priced();
    let subscriber = ledger.subscriber("ivanov");
    for package in ["5-mib", "3-mib"] {
        ledger
            .run(&Command::Terms(TermsCommand::BuyPackage { subscriber, package: package.into() }))
            .unwrap();
    }
    let left = |ledger: &Ledger| -> Vec<i64> {
        let holdings = ledger.state.billing.holdings.values();
        holdings.map(|h| ledger.state.balance(h.octets.unwrap()).micros() / 1_000_000 / (1 << 20)).collect()
    };
    assert_eq!(left(&ledger), [3, 5]);
    for (mib_in, mib_out, balance, units) in [
        (10, 0, "998.00", [3, 5]),
        (12, 0, "998.00", [1, 5]),
        (12, 2, "998.00", [0, 4]),
        (20, 2, "990.00", [0, 0]),
    ] {
        let record = interim(&ledger, "a", 0, mib_in, mib_out);
        replay(&mut ledger, [record.clone(), record]);
        assert_eq!((ledger.balance("1001").as_str(), left(&ledger)), (balance, units.to_vec()), "{mib_in}");
    }
    assert_eq!(meter(&ledger, MeteredService::TrafficIn, "2026-04").covered, 6 * MIB);
}

#[test]
fn a_package_covers_nothing_after_its_end_even_before_the_clock_has_ended_it() {
    let mut ledger = priced();
    let subscriber = ledger.subscriber("ivanov");
    let buy = TermsCommand::BuyPackage { subscriber, package: "3-mib".into() };
    ledger.run(&Command::Terms(buy)).unwrap();
    ledger.now = at("2026-04-07 00:00");
    let record = interim(&ledger, "a", 0, 0, 3);
    replay(&mut ledger, [record]);
    assert_eq!(ledger.balance("1001"), "996.00");
}

#[test]
fn a_shortage_by_usage_takes_effect_at_once() {
    let mut ledger = priced();
    let account = ledger.account("1001");
    ledger.put(Change::AccountState(AccountState {
        negative_cut_at: Some(at("2026-04-07 10:00")),
        ..AccountState::new(account)
    }));
    let record = interim(&ledger, "a", 0, 0, 1001);
    replay(&mut ledger, [record]);
    assert_eq!(ledger.balance("1001"), "-1.00");
    assert_eq!(ledger.state.billing.accounts[&account].negative_cut_at, None);
}

#[test]
fn a_price_is_rounded_once_half_to_even() {
    let key =
        MeterKey { subscriber: SubscriberId(1), service: MeteredService::Online, month: Month::default() };
    for (service, price, used, kopecks) in [
        // 0.005, 0.015 and a little more than 0.005 roubles.
        (MeteredService::Online, "18", 1, 0),
        (MeteredService::Online, "18", 3, 2),
        (MeteredService::TrafficIn, "0.005", MIB, 0),
        (MeteredService::TrafficIn, "0.005", MIB + 1, 1),
        (MeteredService::TrafficIn, "0.015", MIB, 2),
        (MeteredService::TrafficIn, "0.000000001", MIB, 0),
        (MeteredService::TrafficIn, "0.000000001", 5_000_001 * MIB, 1),
    ] {
        let meter = Meter { used, price: price.parse().unwrap(), ..Meter::new(MeterKey { service, ..key }) };
        assert_eq!(owed(&meter, 2), Money::from_micros(kopecks * 10_000), "{price} {used}");
    }
    let huge = Meter { used: u64::MAX, price: Price::from_nanos(i64::MAX), ..Meter::new(key) };
    assert_eq!(owed(&huge, 2), Money::MAX);
}

/// Three sessions whose counters only grow, each reported several times.
fn reports() -> impl Strategy<Value = Vec<(usize, u32, u64, u64)>> {
    let step = (0usize..3, 1u32..900, 0u64..40_000_000, 0u64..9_000_000);
    prop::collection::vec(step, 1..24).prop_map(|steps| {
        let mut totals = [(0, 0, 0); 3];
        let grown = steps.into_iter().map(|(session, seconds, down, up)| {
            let total = &mut totals[session];
            *total = (total.0 + seconds, total.1 + down, total.2 + up);
            (session, total.0, total.1, total.2)
        });
        grown.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_order_and_any_repeats_give_the_same_meters_and_money(
        reports in reports(),
        picks in prop::collection::vec((any::<prop::sample::Index>(), 1usize..4), 0..60),
    ) {
        let run = |order: Vec<usize>, batch: usize| {
            let mut ledger = priced();
            let records: Vec<_> = order.iter().map(|n| {
                let (session, seconds, down, up) = reports[*n];
                let mut record = interim(&ledger, &format!("s{session}"), seconds, 0, 0);
                record.event_time = record.event_time.saturating_add(Duration::from_secs(7));
                record.usage = Usage { download_octets: down, upload_octets: up };
                record
            }).collect();
            for batch in records.chunks(batch) {
                replay(&mut ledger, batch.iter().cloned());
            }
            let mut meters: Vec<_> = ledger.state.billing.meters.values().cloned().collect();
            meters.sort_by_key(|meter| meter.key);
            (ledger.balance("1001"), meters)
        };
        let straight = run((0..reports.len()).collect(), 1);
        // Anything before, in any order; then all of it backwards, so that each is there at least once.
        let mut order: Vec<usize> = Vec::new();
        for (pick, times) in &picks {
            order.extend(std::iter::repeat_n(pick.index(reports.len()), *times));
        }
        order.extend((0..reports.len()).rev());
        prop_assert_eq!(&run(order.clone(), 1), &straight);
        prop_assert_eq!(&run(order, 7), &straight);
    }
}
