//! Events for other programs, and what becomes of them.

use super::{ODD, Writing};
use crate::model::*;
use crate::storage::{OutboxFilter, Reader, Store};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn event(number: i64, target: &str) -> Change {
    Change::Event(OutboxItem {
        event: number,
        target: target.into(),
        kind: EventKind::Payment,
        account: Some(AccountId(number)),
        at: at(number * 100),
        body: ODD.into(),
    })
}

fn key(event: i64, target: &str) -> OutboxKey {
    OutboxKey { event, target: target.to_owned() }
}

fn delivered(event: i64, target: &str, state: DeliveryState, seconds: i64) -> Change {
    Change::Outbox(OutboxChange::Delivered(Delivery {
        key: key(event, target),
        state,
        attempts: 3,
        at: at(seconds),
        error: ODD.into(),
    }))
}

/// Numbers of the events that are pending, in order.
fn pending(reader: &dyn Reader, target: &str) -> Vec<i64> {
    let rows = reader.outbox_pending(target, 100).unwrap();
    rows.into_iter().map(|row| row.key.event).collect()
}

pub(in super::super) fn an_event_is_pending_until_something_becomes_of_it(
    store: &mut dyn Store,
    reader: &dyn Reader,
) {
    use DeliveryState::*;
    let mut writing = Writing::new(store);
    writing.commit(&[event(1, "crm"), event(2, "crm"), event(2, "sms"), event(3, "crm"), event(4, "crm")]);
    assert!(writing.try_commit(&[event(3, "crm")]).is_err(), "its number must be new");
    assert_eq!((pending(reader, "crm"), pending(reader, "sms")), (vec![1, 2, 3, 4], vec![2]));
    let first = reader.outbox_pending("crm", 1).unwrap().remove(0);
    assert_eq!(
        (first.key, first.kind.as_str(), first.account),
        (key(1, "crm"), "payment", Some(AccountId(1)))
    );
    assert_eq!((first.at, first.since, first.next_at, first.attempts), (at(100), at(100), at(100), 0));
    assert_eq!((first.state, first.error.as_str(), first.body.as_str()), (Pending, "", ODD));
    writing.commit(&[
        delivered(1, "crm", Pending, 900),
        delivered(2, "crm", Done, 901),
        delivered(3, "crm", Failed, 902),
        // Of another target, and of nobody.
        delivered(9, "crm", Done, 903),
    ]);
    assert_eq!((pending(reader, "crm"), pending(reader, "sms")), (vec![4, 1], vec![2]));
    // What is over is not changed by a late result.
    writing.commit(&[delivered(2, "crm", Pending, 904), delivered(3, "crm", Done, 905)]);
    let of = |state| {
        let filter = OutboxFilter { state, target: Some("crm".into()), limit: 10, ..OutboxFilter::default() };
        reader.outbox_items(&filter).unwrap()
    };
    let numbers = |state| of(state).into_iter().map(|row| row.key.event).collect::<Vec<_>>();
    assert_eq!(
        (numbers(None), numbers(Some(Failed)), numbers(Some(Done))),
        (vec![4, 3, 2, 1], vec![3], vec![2])
    );
    let failed = of(Some(Failed)).remove(0);
    assert_eq!((failed.attempts, failed.next_at, failed.error.as_str()), (3, at(902), ODD));
    let counts = reader.outbox_counts().unwrap();
    let crm = &counts[0];
    assert_eq!((crm.target.as_str(), crm.pending, crm.failed, crm.oldest), ("crm", 2, 1, Some(at(100))));
    assert_eq!(counts.len(), 2);
    // A dead letter comes back with all its attempts, one that is pending stays as it is, one that is done comes again.
    let replayed = |event| Change::Outbox(OutboxChange::Replayed { key: key(event, "crm"), at: at(950) });
    writing.commit(&[replayed(3), replayed(4), replayed(2)]);
    assert_eq!(pending(reader, "crm"), [4, 1, 2, 3]);
    let again = of(Some(Pending)).into_iter().find(|row| row.key.event == 3).unwrap();
    assert_eq!((again.attempts, again.since, again.next_at, again.error.as_str()), (0, at(950), at(950), ""));
    let dropped = |event| Change::Outbox(OutboxChange::Dropped { key: key(event, "crm"), at: at(960) });
    writing.commit(&[dropped(3), dropped(1)]);
    assert_eq!((pending(reader, "crm"), numbers(Some(Dropped))), (vec![4, 2], vec![3, 1]));
}

pub(in super::super) fn nothing_is_pending_for_a_disabled_target(store: &mut dyn Store, reader: &dyn Reader) {
    let mut writing = Writing::new(store);
    let target = DisabledTarget { name: "crm".into(), since: at(5), note: ODD.into() };
    writing.commit(&[
        event(1, "crm"),
        event(1, "sms"),
        Change::Outbox(OutboxChange::Disabled(DisabledTarget { note: "before".into(), ..target.clone() })),
        Change::Outbox(OutboxChange::Disabled(target.clone())),
    ]);
    assert_eq!((pending(reader, "crm"), pending(reader, "sms")), (vec![], vec![1]));
    assert_eq!(reader.outbox_counts().unwrap()[0].disabled, Some(target.clone()));
    assert_eq!(writing.load().disabled_targets, [target]);
    writing.commit(&[Change::Outbox(OutboxChange::Enabled("crm".into()))]);
    assert_eq!(pending(reader, "crm"), [1]);
    assert!(writing.load().disabled_targets.is_empty());
}

pub(in super::super) fn old_events_are_found_and_forgotten_but_the_newest(
    store: &mut dyn Store,
    reader: &dyn Reader,
) {
    use DeliveryState::*;
    let mut writing = Writing::new(store);
    for number in 1..=6 {
        writing.commit(&[event(number, "crm")]);
    }
    assert_eq!(reader.outbox_old(at(100), at(100), 10).unwrap(), []);
    writing.commit(&[
        delivered(1, "crm", Done, 0),
        delivered(2, "crm", Failed, 0),
        delivered(4, "crm", Failed, 0),
        delivered(5, "crm", Done, 0),
        delivered(6, "crm", Done, 0),
    ]);
    let old = |before, failed_before, limit| {
        let found = reader.outbox_old(at(before), at(failed_before), limit).unwrap();
        found.into_iter().map(|(key, state)| (key.event, state)).collect::<Vec<_>>()
    };
    assert_eq!(old(301, 100, 10), [(1, Done), (3, Pending)]);
    assert_eq!(old(301, 201, 10), [(1, Done), (2, Failed), (3, Pending)]);
    assert_eq!(old(10_000, 10_000, 2), [(1, Done), (2, Failed)]);
    assert_eq!(old(10_000, 10_000, 10).last(), Some(&(5, Done)));
    let forgotten = |event| Change::Outbox(OutboxChange::Forgotten(key(event, "crm")));
    writing.commit(&[forgotten(1), forgotten(3), forgotten(5)]);
    assert_eq!(old(10_000, 10_000, 10), [(2, Failed), (3, Pending), (4, Failed)], "what is pending stays");
}

pub(in super::super) fn what_is_known_of_the_outbox_is_loaded(store: &mut dyn Store, _reader: &dyn Reader) {
    let mut writing = Writing::new(store);
    assert_eq!(writing.load().last_event, 0);
    let told = |verdict| Told { subscriber: SubscriberId(7), verdict };
    writing.commit(&[
        event(41, "crm"),
        event(42, "crm"),
        Change::Outbox(OutboxChange::Told(told(Verdict::Negbal))),
        Change::Outbox(OutboxChange::Told(told(Verdict::Paused))),
    ]);
    let loaded = writing.load();
    assert_eq!((loaded.last_event, loaded.told), (42, vec![told(Verdict::Paused)]));
}
