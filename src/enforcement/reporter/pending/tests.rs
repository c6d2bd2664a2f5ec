use super::*;
use proptest::prelude::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn counted(address: &str, generation: u64, octets: (u64, u64), gone: bool) -> Counted {
    Counted {
        subscriber: SubscriberId(7),
        address: address.parse().unwrap(),
        generation,
        down_octets: octets.0,
        up_octets: octets.1,
        gone,
        age_seconds: 0,
    }
}

fn pending() -> Pending {
    Pending::new("b2".into(), None)
}

fn seen(address: &str) -> Sighting {
    Sighting { address: address.parse().unwrap(), mac: None, circuit_id: String::new(), age_seconds: 0 }
}

#[test]
fn what_is_unanswered_is_sent_again_with_its_age_and_what_did_not_move_is_not_sent() {
    let mut pending = pending();
    let first = counted("10.0.0.1/32", 1, (10, 1), false);
    pending.count(&first, at(100));
    assert!(pending.next(false, at(101)).is_none());
    for (now, age) in [(101, 1), (130, 30)] {
        let batch = pending.next(true, at(now)).unwrap();
        assert_eq!(batch.report.counted, [Counted { age_seconds: age, ..first }]);
    }
    let batch = pending.next(true, at(130)).unwrap();
    pending.done(batch);
    pending.count(&first, at(140));
    assert!(pending.next(true, at(140)).is_none());
    pending.count(&Counted { gone: true, ..first }, at(150));
    assert!(pending.next(true, at(150)).unwrap().report.counted[0].gone);
}

#[test]
fn a_reading_that_came_while_a_report_was_on_its_way_is_not_lost() {
    let mut pending = pending();
    pending.count(&counted("10.0.0.1/32", 1, (10, 1), false), at(100));
    let batch = pending.next(true, at(101)).unwrap();
    let last = counted("10.0.0.1/32", 1, (20, 1), true);
    pending.count(&last, at(102));
    pending.done(batch);
    assert_eq!(pending.next(true, at(102)).unwrap().report.counted, [last]);
}

#[test]
fn what_an_earlier_boot_left_is_told_first_and_as_gone() {
    let mut pending = pending();
    pending.count(&counted("10.0.0.1/32", 1, (10, 1), false), at(100));
    pending.see(seen("10.0.0.5"), at(100));
    pending.restore("b1", Held { counted: counted("10.0.0.1/32", 9, (99, 9), false), read: at(50) });
    pending.restore("b2", Held { counted: counted("10.0.0.2/32", 2, (5, 5), false), read: at(60) });
    let batch = pending.next(true, at(100)).unwrap();
    let left = Counted { age_seconds: 50, ..counted("10.0.0.1/32", 9, (99, 9), true) };
    assert_eq!((batch.report.boot.as_str(), batch.report.counted.as_slice()), ("b1", [left].as_slice()));
    assert!(batch.report.sightings.is_empty());
    pending.done(batch);
    let batch = pending.next(true, at(100)).unwrap();
    assert_eq!((batch.report.boot.as_str(), batch.report.counted.len()), ("b2", 2));
    assert_eq!(batch.report.sightings.len(), 1);
}

#[test]
fn a_flood_of_sources_waits_in_bounds_and_each_is_told_once() {
    let mut pending = pending();
    for n in 0..10_000u32 {
        let address = std::net::Ipv4Addr::from(0x0a00_0000 + n % 5_000);
        pending.see(seen(&address.to_string()), at(1));
    }
    let mut told = HashSet::new();
    while let Some(batch) = pending.next(true, at(1)) {
        assert!(batch.report.sightings.iter().all(|sighting| told.insert(sighting.address)));
        pending.done(batch);
    }
    assert_eq!(told.len(), SIGHTINGS_MAX);
    pending.see(seen("10.0.0.1"), at(2));
    assert!(pending.is_urgent(), "seen again after it was told");
}

#[test]
fn last_values_push_out_those_that_are_read_again() {
    let mut pending = pending();
    for n in 0..u32::try_from(ELEMENTS_MAX).unwrap() {
        let address = std::net::Ipv4Addr::from(n).to_string();
        pending.count(&counted(&format!("{address}/32"), 1, (1, 1), n > 0), at(1));
    }
    pending.count(&counted("200.0.0.1/32", 1, (1, 1), true), at(1));
    assert_eq!((pending.unanswered.len(), pending.take_lost()), (ELEMENTS_MAX, 0));
    pending.count(&counted("200.0.0.2/32", 1, (1, 1), true), at(1));
    assert_eq!((pending.unanswered.len(), pending.take_lost()), (ELEMENTS_MAX, 1));
}

proptest! {
    /// A server that keeps the largest of each element has the true octets in the end, whatever answers were lost and
    /// whenever the process was killed and began again with what was kept.
    #[test]
    fn lost_answers_and_kills_cost_nothing_that_was_kept(
        steps in prop::collection::vec((0..3u64, 1..50u64, 0..6u8), 1..80),
    ) {
        let mut pending = pending();
        let mut truth = BTreeMap::<u64, u64>::new();
        let mut server = BTreeMap::<u64, u64>::new();
        for (now, (generation, growth, what)) in (1..).zip(steps) {
            let octets = truth.entry(generation).or_default();
            *octets += growth;
            pending.count(&counted("10.0.0.1/32", generation, (*octets, 0), what == 5), at(now));
            let batch = pending.next(true, at(now));
            if let Some(batch) = batch.filter(|_| what > 0) {
                for counted in &batch.report.counted {
                    let has = server.entry(counted.generation).or_default();
                    *has = (*has).max(counted.down_octets);
                }
                if what > 1 {
                    pending.done(batch);
                }
            }
            if what == 2 {
                let kept = pending.to_keep(true);
                pending = Pending::new("b2".into(), None);
                kept.into_iter().for_each(|(boot, held)| pending.restore(&boot, held));
            }
        }
        while let Some(batch) = pending.next(true, at(1_000)) {
            for counted in &batch.report.counted {
                let has = server.entry(counted.generation).or_default();
                *has = (*has).max(counted.down_octets);
            }
            pending.done(batch);
        }
        prop_assert_eq!(server, truth);
    }
}
