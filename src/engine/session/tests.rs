use super::*;

fn record(kind: AccountingKind, at: i64, seconds: u32, octets: (u64, u64)) -> AccountingRecord {
    AccountingRecord {
        kind,
        nas: NasId(1),
        nas_address: "10.0.0.1".parse().unwrap(),
        login: "ivanov".into(),
        acct_session_id: "s1".into(),
        subscriber: Some(SubscriberId(7)),
        event_time: Timestamp::from_seconds(at),
        session_seconds: seconds,
        terminate_cause: u32::from(kind == AccountingKind::Stop),
        framed_ip: Some("10.9.0.2".parse().unwrap()),
        ipv6_prefixes: vec![],
        mac: None,
        calling_station_id: String::new(),
        nas_port_id: String::new(),
        usage: Usage { download_octets: octets.0, upload_octets: octets.1 },
        has_usage: kind != AccountingKind::Start,
    }
}

use AccountingKind::{Interim, Off, On, Start, Stop};

fn table(records: &[AccountingRecord]) -> (SessionTable, Vec<SessionEffect>) {
    let mut table = SessionTable::default();
    let effects = records.iter().flat_map(|r| table.merge(r)).map(|(_, effect)| effect).collect();
    (table, effects)
}

fn the_session(table: &SessionTable) -> &Session {
    assert_eq!(table.sessions.len(), 1);
    table.sessions.values().next().unwrap()
}

#[test]
fn a_session_lives_from_start_over_interims_to_stop() {
    let (table, effects) = table(&[
        record(Start, 100, 0, (0, 0)),
        record(Interim, 160, 60, (1000, 10)),
        record(Stop, 200, 100, (5000, 50)),
    ]);
    assert_eq!(effects, [SessionEffect::Opened, SessionEffect::Updated, SessionEffect::Closed]);
    let session = the_session(&table);
    assert_eq!(session.usage_total(), Usage { download_octets: 5000, upload_octets: 50 });
    assert_eq!((session.session_seconds, session.stopped), (100, Some(Timestamp::from_seconds(200))));
    assert_eq!(table.open_count(), 0);
    assert_eq!(table.open_of(SubscriberId(7)).count(), 0);
}

#[test]
fn an_interim_without_start_opens_the_session_where_it_began() {
    let (table, effects) = table(&[record(Interim, 1000, 300, (5, 5))]);
    assert_eq!(effects, [SessionEffect::Opened]);
    assert_eq!(the_session(&table).started, Timestamp::from_seconds(700));
    assert_eq!(table.open_of(SubscriberId(7)).count(), 1);
}

#[test]
fn repeats_and_disorder_give_the_same_octets() {
    let records = [
        record(Start, 100, 0, (0, 0)),
        record(Interim, 160, 60, (1000, 10)),
        record(Interim, 220, 120, (2000, 20)),
        record(Stop, 280, 180, (3000, 30)),
    ];
    for order in [[0, 1, 2, 3], [0, 2, 1, 3], [2, 0, 1, 3], [0, 3, 1, 2], [3, 2, 1, 0]] {
        let twice: Vec<_> = order.iter().flat_map(|i| [records[*i].clone(), records[*i].clone()]).collect();
        let (table, _) = table(&twice);
        let session = the_session(&table);
        assert_eq!(session.usage_total(), Usage { download_octets: 3000, upload_octets: 30 }, "{order:?}");
        assert!(!session.is_open(), "{order:?}");
    }
}

#[test]
fn a_late_interim_after_the_stop_opens_nothing() {
    let (table, effects) = table(&[
        record(Start, 100, 0, (0, 0)),
        record(Stop, 200, 100, (10, 10)),
        record(Interim, 190, 90, (9, 9)),
        record(Interim, 260, 160, (11, 11)),
    ]);
    assert_eq!(effects[2], SessionEffect::Ignored);
    assert_eq!(table.open_count(), 0);
    assert_eq!(the_session(&table).usage_total().download_octets, 11);
}

#[test]
fn a_stop_with_zero_counters_does_not_take_octets_back() {
    let (table, _) = table(&[record(Interim, 160, 60, (1000, 10)), record(Stop, 200, 100, (0, 0))]);
    assert_eq!(the_session(&table).usage_total().download_octets, 1000);
}

#[test]
fn a_counter_reset_keeps_what_was_counted_and_a_32_bit_wrap_is_made_up() {
    let (resets, _) = table(&[record(Interim, 160, 60, (1000, 10)), record(Interim, 220, 120, (40, 4))]);
    assert_eq!(the_session(&resets).usage_total(), Usage { download_octets: 1040, upload_octets: 14 });
    let (wraps, _) =
        table(&[record(Interim, 160, 60, (4_000_000_000, 1)), record(Interim, 220, 120, (100, 2))]);
    assert_eq!(the_session(&wraps).usage_total().download_octets, (1 << 32) + 100);
}

#[test]
fn accounting_on_ends_the_sessions_of_that_nas_address_only() {
    let other = AccountingRecord {
        nas_address: "10.0.0.2".parse().unwrap(),
        acct_session_id: "s2".into(),
        ..record(Start, 100, 0, (0, 0))
    };
    for kind in [On, Off] {
        let (table, effects) =
            table(&[record(Start, 100, 0, (0, 0)), other.clone(), record(kind, 300, 0, (0, 0))]);
        assert_eq!(effects.last(), Some(&SessionEffect::Closed));
        assert_eq!(table.open_count(), 1);
        assert_eq!(table.open().next().unwrap().key.acct_session_id, "s2");
    }
}

#[test]
fn a_session_that_we_closed_opens_again_on_evidence() {
    let (table, effects) = table(&[
        record(Start, 100, 0, (0, 0)),
        record(On, 150, 0, (0, 0)),
        record(Interim, 200, 100, (10, 1)),
    ]);
    assert_eq!(effects.last(), Some(&SessionEffect::Reopened));
    assert_eq!(table.open_of(SubscriberId(7)).count(), 1);
}

#[test]
fn the_same_session_id_after_a_stop_is_a_new_session() {
    let (table, effects) = table(&[
        record(Start, 100, 0, (0, 0)),
        record(Stop, 200, 100, (10, 1)),
        record(Start, 300, 0, (0, 0)),
    ]);
    assert_eq!(effects.last(), Some(&SessionEffect::Opened));
    assert_eq!(the_session(&table).started, Timestamp::from_seconds(300));
}

#[test]
fn the_table_of_closed_sessions_is_bounded() {
    let mut table = SessionTable::default();
    for n in 0..CLOSED_MAX + 10 {
        table.merge(&AccountingRecord { acct_session_id: n.to_string(), ..record(Stop, 100, 1, (1, 1)) });
    }
    assert_eq!(table.sessions.len(), CLOSED_MAX + 1, "the newest ones, until the next record");
}

#[test]
fn a_session_whose_login_becomes_known_is_that_subscribers_from_then_on() {
    let unknown = AccountingRecord { subscriber: None, ..record(Start, 100, 0, (0, 0)) };
    let (mut table, effects) = table(&[unknown, record(Interim, 160, 60, (1000, 10))]);
    assert_eq!(effects.last(), Some(&SessionEffect::Altered));
    assert_eq!(table.open_of(SubscriberId(7)).count(), 1);
    table.merge(&record(Stop, 200, 100, (1000, 10)));
    assert_eq!(table.open_of(SubscriberId(7)).count(), 0);
}

#[test]
fn a_nas_with_more_sessions_than_are_kept_closed_ends_every_one_of_them_where_others_can_see() {
    let mut table = SessionTable::default();
    for n in 0..CLOSED_MAX + 10 {
        let subscriber = Some(SubscriberId(n.try_into().unwrap()));
        let start = record(Start, 100, 0, (0, 0));
        table.merge(&AccountingRecord { acct_session_id: n.to_string(), subscriber, ..start });
    }
    let touched = table.merge(&record(On, 300, 0, (0, 0)));
    assert_eq!((touched.len(), table.open_count()), (CLOSED_MAX + 10, 0));
    assert!(touched.iter().all(|(key, _)| table.find(key).is_some()), "a caller looks each of them up");
    table.merge(&AccountingRecord { acct_session_id: "next".into(), ..record(Start, 400, 0, (0, 0)) });
    assert_eq!((table.sessions.len(), table.open_count()), (CLOSED_MAX + 1, 1));
}

#[test]
fn a_session_closed_twice_stands_once_among_the_closed() {
    let mut table = SessionTable::default();
    for n in 0..CLOSED_MAX - 1 {
        table.merge(&AccountingRecord { acct_session_id: n.to_string(), ..record(Stop, 100, 1, (1, 1)) });
    }
    for round in 1..20 {
        table.merge(&record(Start, round * 100, 0, (0, 0)));
        table.merge(&record(Stop, round * 100 + 50, 50, (1, 1)));
    }
    assert_eq!(table.sessions.len(), CLOSED_MAX);
}

#[test]
fn octets_of_a_second_stop_are_counted_and_told() {
    let (table, effects) = table(&[
        record(Start, 100, 0, (0, 0)),
        record(Stop, 200, 100, (1000, 10)),
        record(Stop, 200, 100, (1000, 10)),
        record(Stop, 210, 110, (5000, 50)),
    ]);
    assert_eq!(effects[2..], [SessionEffect::Ignored, SessionEffect::Updated]);
    assert_eq!(the_session(&table).usage_total().download_octets, 5000);
}
