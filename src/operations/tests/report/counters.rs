//! Octets of the kernel: exact in the ledger whatever is repeated, late or made anew.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const MIB: u64 = 1 << 20;

#[test]
fn octets_of_ipoe_and_static_subscribers_are_charged_and_shown() {
    let centre = Centre::new();
    centre.seen("10.9.0.2", "02:00:00:00:00:99");
    let first = [
        centre.element("ivanov", "10.9.0.2/32", 1, (3 * MIB, MIB)),
        centre.element("office", "10.9.0.9/32", 1, (MIB, 0)),
    ];
    for _ in 0..3 {
        assert_eq!(centre.counted(&first).counted, 2);
        assert_eq!((centre.balance("1"), centre.balance("4")), ("993.00".into(), "998.00".into()));
    }
    let later = [centre.element("ivanov", "10.9.0.2/32", 1, (5 * MIB, MIB))];
    centre.counted(&later);
    centre.counted(&first);
    assert_eq!(centre.balance("1"), "989.00", "an older report counts nothing");
    let shown = [format!("ivanov 10.9.0.2 {} {MIB}", 5 * MIB), format!("office 10.9.0.9 {MIB} 0")];
    let mut sessions = centre.sessions();
    sessions.sort();
    assert_eq!(sessions, shown);
    assert_eq!(centre.office.operations.directory.read().open_session_count(), 1, "static is no session");
}

#[test]
fn an_element_made_anew_counts_from_nothing_and_its_predecessor_may_still_tell_its_last() {
    let centre = Centre::new();
    centre.seen("10.9.0.2", "");
    centre.counted(&[centre.element("ivanov", "10.9.0.2/32", 1, (2 * MIB, 0))]);
    centre.counted(&[centre.element("ivanov", "10.9.0.2/32", 2, (MIB, 0))]);
    assert_eq!(centre.balance("1"), "994.00");
    let last = Counted { gone: true, ..centre.element("ivanov", "10.9.0.2/32", 1, (3 * MIB, 0)) };
    centre.counted(&[last, last]);
    assert_eq!(centre.balance("1"), "992.00");
    assert_eq!(centre.sessions(), [format!("ivanov 10.9.0.2 {} 0", 4 * MIB)]);
    let counters = centre.office.operations.directory.read().counters().count();
    assert_eq!(counters, 1, "the first is over");
}

#[test]
fn two_generations_count_beside_each_other_and_one_that_is_forgotten_ends() {
    let centre = Centre::new();
    // Only the element of the way up was made anew.
    centre.counted(&[centre.element("office", "10.9.0.9/32", 1, (MIB, MIB))]);
    centre.counted(&[
        centre.element("office", "10.9.0.9/32", 1, (2 * MIB, MIB)),
        centre.element("office", "10.9.0.9/32", 2, (0, MIB)),
    ]);
    assert_eq!(centre.balance("4"), "994.00");
    assert_eq!(centre.sessions().len(), 2);
    centre.office.later(Duration::from_secs(3600));
    centre.counted(&[centre.element("office", "10.9.0.9/32", 2, (0, 2 * MIB))]);
    assert_eq!(centre.sessions(), [format!("office 10.9.0.9 0 {}", 2 * MIB)]);
    assert_eq!(centre.balance("4"), "993.00");
    centre.counted(&[centre.element("office", "10.9.0.9/32", 1, (3 * MIB, MIB))]);
    assert_eq!(centre.balance("4"), "991.00", "what it counted nevertheless");
}

#[test]
fn a_new_boot_begins_anew_and_ends_what_was_counted_before_it() {
    let centre = Centre::new();
    centre.counted(&[centre.element("office", "10.9.0.9/32", 1, (2 * MIB, 0))]);
    let counted = vec![centre.element("office", "10.9.0.9/32", 1, (MIB, 0))];
    centre.report("nas1", &Report { counted: counted.clone(), ..boot("b2") });
    assert_eq!(centre.balance("4"), "994.00");
    assert_eq!(centre.sessions(), [format!("office 10.9.0.9 {MIB} 0")]);
    centre.report("nas2", &Report { counted, ..boot("b1") });
    assert_eq!(centre.balance("4"), "992.00", "another enforcer counts its own");
    assert_eq!(centre.sessions().len(), 2);
}

#[test]
fn radius_and_kernel_never_both_charge() {
    let centre = Centre::new();
    assert_eq!(centre.counted(&[centre.element("dialler", "10.9.0.50/32", 1, (MIB, MIB))]).ignored, 1);
    assert_eq!(centre.balance("5"), "1000.00");
    let of_nas = |login: &str| AccountingRecord {
        usage: Usage { download_octets: MIB, upload_octets: 0 },
        ..record(AccountingKind::Interim, login, Some(centre.id(login)), None, 60)
    };
    for (login, contract, balance) in
        [("dialler", "5", "998.00"), ("ivanov", "1", "1000.00"), ("office", "4", "1000.00")]
    {
        centre.carrier.record(vec![SpoolEntry::Accounting(of_nas(login))]).unwrap();
        assert_eq!(centre.balance(contract), balance, "{login}");
    }
    let nobody =
        Counted { subscriber: SubscriberId(999), ..centre.element("office", "10.9.0.9/32", 1, (1, 1)) };
    assert_eq!(centre.counted(&[nobody]).ignored, 1);
}

#[test]
fn counters_begun_before_a_change_to_radius_are_counted_to_their_end() {
    let centre = Centre::new();
    centre.counted(&[centre.element("office", "10.9.0.9/32", 1, (MIB, 0))]);
    let radius = "[[subscriber]]\nlogin = \"office\"\naccess = \"radius\"";
    centre.carrier.ledger.lock().load(radius).unwrap();
    centre.office.load(radius);
    let last = Counted { gone: true, ..centre.element("office", "10.9.0.9/32", 1, (2 * MIB, 0)) };
    assert_eq!(centre.counted(&[last]).counted, 1);
    assert_eq!(centre.balance("4"), "996.00");
    assert_eq!(centre.counted(&[centre.element("office", "10.9.0.9/32", 2, (MIB, 0))]).ignored, 1);
}

#[test]
fn time_online_of_an_ipoe_session_goes_on_with_its_octets_and_is_exact_at_its_end() {
    let hourly = "[[plan]]\nname = \"priced\"\nsession-price = \"60\"";
    let centre = Centre::with(hourly);
    centre.seen("100.64.0.7", "02:00:00:00:00:02");
    for (minutes, megabytes, balance) in [(1, 1, "999.00"), (9, 2, "990.00")] {
        centre.office.later(Duration::from_secs(60 * minutes));
        centre.counted(&[centre.element("petrova", "100.64.0.7/32", 1, (megabytes, 0))]);
        assert_eq!(centre.balance("2"), balance);
    }
    centre.office.later(Duration::from_secs(120));
    assert_eq!(centre.silent(&["100.64.0.7/32"]), 1);
    assert_eq!(centre.balance("2"), "988.00");
}

#[test]
fn octets_read_before_midnight_and_sent_after_it_belong_to_the_month_before() {
    let centre = Centre::new();
    // NOW is 6 April 2026 11:20 UTC; 1 May 00:00:30 is 24 days, 12 hours and 40.5 minutes later.
    centre.office.later(Duration::from_secs(24 * 86_400 + 12 * 3600 + 40 * 60 + 30));
    centre.carrier.ledger.lock().now = centre.office.clock.now();
    let late = Counted { age_seconds: 40, ..centre.element("office", "10.9.0.9/32", 1, (MIB, 0)) };
    centre.counted(&[late]);
    centre.counted(&[centre.element("office", "10.9.0.9/32", 1, (3 * MIB, 0))]);
    let ledger = centre.carrier.ledger.lock();
    let meter = |month: &str| {
        let newest = ledger.changes.iter().rev().find_map(|change| match change {
            Change::Meter(meter) if meter.key.month == month.parse().unwrap() => Some(meter.used),
            _ => None,
        });
        newest.unwrap_or(0)
    };
    assert_eq!((meter("2026-04"), meter("2026-05")), (MIB, 2 * MIB));
}

/// One element's life: how its octets grow from one reading to the next.
fn lives() -> impl Strategy<Value = Vec<Vec<(u64, u64)>>> {
    let growth = (0..3_000_000u64, 0..1_000_000u64);
    prop::collection::vec(prop::collection::vec(growth, 1..6), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Readings of several generations of one address over two boots, in any order, any of them any number of times,
    /// each last one at least once: the meter is the sum of the last ones.
    #[test]
    fn repeats_disorder_and_generations_are_exact_to_the_octet(
        boots in prop::collection::vec(lives(), 1..3),
        order in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..60),
        ipoe in any::<bool>(),
    ) {
        let centre = Centre::new();
        let (login, address) = if ipoe { ("ivanov", "10.9.0.2/32") } else { ("office", "10.9.0.9/32") };
        if ipoe {
            centre.seen("10.9.0.2", "");
        }
        let (mut readings, mut lasts) = (Vec::new(), Vec::new());
        let mut sum = (0, 0);
        for (boot, lives) in (1..).zip(&boots) {
            for (generation, life) in (1..).zip(lives) {
                let mut octets = (0, 0);
                for (down, up) in life {
                    octets = (octets.0 + down, octets.1 + up);
                    readings.push((format!("b{boot}"), centre.element(login, address, generation, octets)));
                }
                sum = (sum.0 + octets.0, sum.1 + octets.1);
                let (boot, last) = readings.last().unwrap().clone();
                lasts.push((boot, Counted { gone: true, ..last }));
            }
        }
        let mut sent: Vec<_> = order.iter().map(|(index, _)| index.get(&readings).clone()).collect();
        for (n, last) in lasts.iter().enumerate() {
            let at = order.get(n).map_or(0, |(index, _)| index.index(sent.len() + 1));
            sent.insert(at, last.clone());
        }
        for ((boot_name, counted), again) in sent.iter().zip(order.iter().map(|(_, again)| *again).chain(std::iter::repeat(true))) {
            for _ in 0..=u8::from(again) {
                centre.report("nas1", &Report { counted: vec![*counted], ..boot(boot_name) });
            }
        }
        let ledger = centre.carrier.ledger.lock();
        let mut meters = BTreeMap::new();
        for change in &ledger.changes {
            if let Change::Meter(meter) = change {
                meters.insert(meter.key, meter.used);
            }
        }
        let total = |service| meters.iter().filter(|(key, _)| key.service == service).map(|(_, used)| used).sum::<u64>();
        prop_assert_eq!((total(MeteredService::TrafficIn), total(MeteredService::TrafficOut)), sum);
        if ipoe {
            prop_assert_eq!(centre.sessions(), [format!("ivanov 10.9.0.2 {} {}", sum.0, sum.1)]);
        }
    }
}
