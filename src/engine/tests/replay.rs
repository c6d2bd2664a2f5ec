//! The spool's entries: each exactly once by its position, and sessions as presence has them.

use crate::engine::testing::{Ledger, NOW, record};
use crate::model::*;
use AccountingKind::{Interim, Off, Start, Stop};
use proptest::prelude::*;

fn at(epoch: u64, sequence: u64) -> SpoolPosition {
    SpoolPosition { epoch, sequence }
}

fn replay(entries: Vec<(SpoolPosition, SpoolEntry)>) -> Command {
    Command::Replay { edge: "edge1".into(), entries }
}

fn accounting(record: AccountingRecord) -> SpoolEntry {
    SpoolEntry::Accounting(record)
}

fn start(session: &str) -> SpoolEntry {
    accounting(record(Start, session, Some(SubscriberId(1)), None, 0))
}

fn replayed(applied: usize, skipped: usize) -> Result<Outcome, Refusal> {
    Ok(Outcome::Replayed { applied, skipped })
}

#[test]
fn an_entry_is_taken_in_once_by_its_position() {
    let mut ledger = Ledger::sample();
    let first = replay(vec![(at(7, 1), start("a")), (at(7, 2), start("b"))]);
    assert_eq!(ledger.run(&first), replayed(2, 0));
    ledger.changes.clear();
    assert_eq!(ledger.run(&first), replayed(0, 2));
    assert!(ledger.changes.is_empty(), "{:?}", ledger.changes);
    let overlapping = replay(vec![(at(7, 2), start("b")), (at(7, 3), start("c"))]);
    assert_eq!(ledger.run(&overlapping), replayed(1, 1));
    assert_eq!(ledger.state.edge_position("edge1"), Some(at(7, 3)));
    assert_eq!(ledger.state.sessions.open_count(), 3);
}

#[test]
fn a_new_epoch_is_a_new_stream_and_another_edge_has_its_own() {
    let mut ledger = Ledger::sample();
    ledger.run(&replay(vec![(at(7, 5), start("a"))])).unwrap();
    assert_eq!(ledger.run(&replay(vec![(at(9, 1), start("b"))])), replayed(1, 0));
    assert_eq!(ledger.state.edge_position("edge1"), Some(at(9, 1)));
    let other = Command::Replay { edge: "edge2".into(), entries: vec![(at(9, 1), start("c"))] };
    assert_eq!(ledger.run(&other), replayed(1, 0));
    assert_eq!(ledger.state.sessions.open_count(), 3);
    assert_eq!(ledger.run(&replay(vec![])), replayed(0, 0));
}

#[test]
fn a_batch_writes_each_session_once_as_it_is_at_the_end() {
    let mut ledger = Ledger::sample();
    let entries = vec![
        (at(7, 1), start("a")),
        (at(7, 2), accounting(record(Interim, "a", Some(SubscriberId(1)), Some("10.9.0.2"), 60))),
        (at(7, 3), start("b")),
        (at(7, 4), accounting(record(Stop, "a", Some(SubscriberId(1)), Some("10.9.0.2"), 90))),
    ];
    ledger.changes.clear();
    ledger.run(&replay(entries)).unwrap();
    let sessions: Vec<&Session> = ledger
        .changes
        .iter()
        .filter_map(|change| match change {
            Change::Session(session) => Some(session),
            _ => None,
        })
        .collect();
    let names: Vec<&str> = sessions.iter().map(|session| session.key.acct_session_id.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(sessions[0].usage_total().download_octets, 90_000);
    assert!(!sessions[0].is_open() && sessions[1].is_open());
}

#[test]
fn the_nas_going_down_ends_sessions_of_earlier_batches_and_of_this_one() {
    let mut ledger = Ledger::sample();
    ledger.run(&replay(vec![(at(7, 1), start("a"))])).unwrap();
    let off = accounting(record(Off, "", None, None, 600));
    ledger.run(&replay(vec![(at(7, 2), start("b")), (at(7, 3), off)])).unwrap();
    assert_eq!(ledger.state.sessions.open_count(), 0);
}

#[test]
fn a_grant_is_kept_under_its_address() {
    let mut ledger = Ledger::sample();
    let grant = |subscriber| PoolGrant {
        pool: PoolId(1),
        subscriber: SubscriberId(subscriber),
        address: "100.64.0.1".parse().unwrap(),
        at: NOW,
    };
    let entries = vec![(at(7, 1), SpoolEntry::Grant(grant(1))), (at(7, 2), SpoolEntry::Grant(grant(2)))];
    ledger.run(&replay(entries)).unwrap();
    assert_eq!(ledger.state.grants().collect::<Vec<_>>(), [&grant(2)]);
}

fn records() -> impl Strategy<Value = AccountingRecord> {
    let kinds = prop_oneof![4 => Just(Start), 6 => Just(Interim), 3 => Just(Stop), 1 => Just(Off)];
    (kinds, 0..3u8, prop::option::of(1..3i64), 0..500u32).prop_map(|(kind, session, subscriber, seconds)| {
        record(kind, &session.to_string(), subscriber.map(SubscriberId), None, seconds)
    })
}

proptest! {
    /// However the stream is cut into batches, and however often a batch comes again, the sessions are the same.
    #[test]
    fn cutting_and_repeating_a_stream_changes_nothing(
        records in prop::collection::vec(records(), 1..40),
        cuts in prop::collection::vec((0..40usize, 1..15usize), 0..10),
    ) {
        let entries: Vec<_> =
            records.iter().cloned().zip(1..).map(|(record, n)| (at(7, n), accounting(record))).collect();
        let mut whole = Ledger::sample();
        whole.run(&replay(entries.clone())).unwrap();
        let mut cut = Ledger::sample();
        let mut done = 0;
        for (back, length) in cuts {
            // A batch begins anywhere at or before what has arrived, as after a crash.
            let begin = done - back.min(done);
            let end = (begin + length).min(entries.len());
            cut.run(&replay(entries[begin..end].to_vec())).unwrap();
            done = done.max(end);
        }
        cut.run(&replay(entries[done..].to_vec())).unwrap();
        let sorted = |ledger: &Ledger| {
            let mut open: Vec<Session> = ledger.state.open_sessions().cloned().collect();
            open.sort_by(|a, b| a.key.cmp(&b.key));
            open
        };
        prop_assert_eq!(sorted(&whole), sorted(&cut));
        for (ledger, subscriber) in [(&whole, 1), (&whole, 2), (&cut, 1), (&cut, 2)] {
            let subscriber = SubscriberId(subscriber);
            let listed = ledger.state.sessions.open_of(subscriber).count();
            let open = ledger.state.open_sessions().filter(|s| s.subscriber == Some(subscriber)).count();
            prop_assert_eq!(listed, open);
        }
    }
}

#[test]
fn a_session_that_its_nas_does_not_know_is_ended_once_and_for_the_ledger_too() {
    let mut ledger = Ledger::sample();
    ledger.run(&replay(vec![(at(7, 1), start("a"))])).unwrap();
    let session = ledger.state.sessions.open().next().unwrap().key.clone();
    ledger.changes.clear();
    let close = Command::CloseSession { session, at: NOW, terminate_cause: 6 };
    assert_eq!(ledger.run(&close), Ok(Outcome::Done { changed: true }));
    assert!(matches!(ledger.changes.as_slice(), [Change::Session(s)] if s.stopped == Some(NOW)));
    assert_eq!(ledger.state.sessions.open_count(), 0);
    assert_eq!(ledger.run(&close), Ok(Outcome::Done { changed: false }));
}

#[test]
fn that_a_nas_signs_its_requests_is_kept_over_a_load_of_its_row() {
    let mut ledger = Ledger::sample();
    let nas = ledger.state.nases().next().unwrap().clone();
    ledger.run(&Command::NasSignsRequests(nas.id)).unwrap();
    let row = NasRow { name: nas.name.clone(), coa_port: Some(1700), ..NasRow::default() };
    let file = Box::new(DataFile { nas: vec![row], ..DataFile::default() });
    ledger.run(&Command::Load { file, options: LoadOptions::default() }).unwrap();
    let nas = ledger.state.nases().next().unwrap();
    assert_eq!((nas.coa_port, nas.sends_message_authenticator), (1700, true));
}
