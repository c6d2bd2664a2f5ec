use super::super::conformance::{self, for_each_conformance_test};
use super::super::{Batch, Reader, Store, StoreError, Vault};
use super::{SqliteReader, SqliteStore};
use crate::model::*;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const KEY: [u8; 32] = [7; 32];

fn open(dir: &TempDir) -> SqliteStore {
    SqliteStore::open(file(dir), Vault::from_key(KEY)).unwrap()
}

fn file(dir: &TempDir) -> PathBuf {
    dir.path().join("headgate.db")
}

fn unusable(path: &Path, key: [u8; 32]) -> String {
    match SqliteStore::open(path, Vault::from_key(key)) {
        Err(StoreError::Unusable(text)) => text,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("opened"),
    }
}

macro_rules! conformance_tests {
    ($($name:ident),* $(,)?) => {$(
        #[test]
        fn $name() {
            let dir = tempfile::tempdir().unwrap();
            let mut store = open(&dir);
            let reader = store.reader().unwrap();
            conformance::$name(&mut store, &reader);
        }
    )*};
}

for_each_conformance_test!(conformance_tests);

#[test]
fn what_was_committed_is_there_after_opening_anew() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(&dir);
    let lease = store.acquire_lease("a").unwrap();
    let changes = [
        Change::Account(conformance::account(1)),
        Change::Subscriber(Box::new(conformance::subscriber(1))),
        conformance::ledger_account(1),
    ];
    store.commit(&Batch { epoch: lease.epoch, sequence: 1, changes: &changes }).unwrap();
    drop(store);
    let mut store = open(&dir);
    assert_eq!(store.load().unwrap().subscribers, [conformance::subscriber(1)]);
    let next = store.acquire_lease("b").unwrap();
    assert_eq!((next.epoch, next.batch_sequence), (lease.epoch + 1, 1));
}

#[test]
fn a_second_process_that_takes_the_lease_deposes_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let (mut first, mut second) = (open(&dir), open(&dir));
    let lease = first.acquire_lease("first").unwrap();
    second.acquire_lease("second").unwrap();
    let result = first.commit(&Batch { epoch: lease.epoch, sequence: 1, changes: &[] });
    assert!(matches!(result, Err(StoreError::LeaseLost { .. })));
}

#[test]
fn nobody_else_may_read_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/b/headgate.db");
    let mut store = SqliteStore::open(&path, Vault::from_key(KEY)).unwrap();
    store.acquire_lease("a").unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for name in ["headgate.db", "headgate.db-wal", "headgate.db-shm"] {
        assert_eq!(mode(&dir.path().join("a/b").join(name)), 0o600, "{name}");
    }
    assert_eq!(mode(&dir.path().join("a")) & !0o750, 0);
    assert_eq!(mode(&dir.path().join("a/b")) & !0o750, 0);
    drop(store);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    SqliteStore::open(&path, Vault::from_key(KEY)).unwrap();
    assert_eq!(mode(&path), 0o600, "a file that was opened to others is closed again");
}

#[test]
fn secrets_do_not_stand_in_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(&dir);
    let lease = store.acquire_lease("a").unwrap();
    let changes =
        [Change::Account(conformance::account(1)), Change::Subscriber(Box::new(conformance::subscriber(1)))];
    store.commit(&Batch { epoch: lease.epoch, sequence: 1, changes: &changes }).unwrap();
    let mut octets = std::fs::read(file(&dir)).unwrap();
    octets.extend(std::fs::read(dir.path().join("headgate.db-wal")).unwrap());
    let holds = |text: &str| octets.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("login1"), "what is looked for in is what was written");
    assert!(!holds("пароль"));
}

#[test]
fn another_key_is_refused_with_a_clear_text() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(&dir));
    let text = unusable(&file(&dir), [8; 32]);
    assert!(text.contains("another key") && text.contains("store.key"), "{text}");
}

#[test]
fn a_secret_copied_to_another_row_makes_the_load_fail() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(&dir);
    let lease = store.acquire_lease("a").unwrap();
    let changes = [
        Change::Account(conformance::account(1)),
        Change::Account(conformance::account(2)),
        Change::Subscriber(Box::new(conformance::subscriber(1))),
        Change::Subscriber(Box::new(conformance::subscriber(2))),
    ];
    store.commit(&Batch { epoch: lease.epoch, sequence: 1, changes: &changes }).unwrap();
    sql(&dir, "UPDATE subscriber SET password = (SELECT password FROM subscriber WHERE id = 1) WHERE id = 2");
    match store.load() {
        Err(StoreError::Unusable(text)) => assert!(text.contains("subscriber 2"), "{text}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_hash_cannot_be_passed_off_as_clear_text() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(&dir);
    let lease = store.acquire_lease("a").unwrap();
    let hashed = Subscriber {
        password: Password::NtHash(SecretText::new("8846f7eaee8fb117ad06bdd830b7586c")),
        ..conformance::subscriber(1)
    };
    let changes = [Change::Account(conformance::account(1)), Change::Subscriber(Box::new(hashed))];
    store.commit(&Batch { epoch: lease.epoch, sequence: 1, changes: &changes }).unwrap();
    store.load().unwrap();
    sql(&dir, "UPDATE subscriber SET password_kind = 'clear'");
    assert!(matches!(store.load(), Err(StoreError::Unusable(_))));
}

#[test]
fn a_newer_schema_is_refused_with_both_numbers() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(&dir));
    sql(&dir, "PRAGMA user_version = 77");
    let text = unusable(&file(&dir), KEY);
    assert!(text.contains("77") && text.contains(&super::schema::newest().to_string()), "{text}");
}

#[test]
fn a_file_of_something_else_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(file(&dir), vec![0x55; 8192]).unwrap();
    unusable(&file(&dir), KEY);
    std::fs::remove_file(file(&dir)).unwrap();
    sql(&dir, "CREATE TABLE theirs (id INTEGER)");
    assert!(unusable(&file(&dir), KEY).contains("another program"));
    assert!(matches!(SqliteReader::open(dir.path().join("none.db")), Err(StoreError::Unusable(_))));
}

#[test]
fn transfers_can_be_neither_edited_nor_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = with_one_payment(&dir);
    let connection = rusqlite::Connection::open(file(&dir)).unwrap();
    assert!(connection.execute("UPDATE transfer SET amount = 1", []).is_err());
    assert!(connection.execute("DELETE FROM transfer", []).is_err());
    assert_eq!(store.load().unwrap().last_transfer, 1);
}

#[test]
fn each_breach_of_the_books_is_found() {
    for (breach, sentence) in [
        (
            "UPDATE ledger_account SET balance = balance + 1 WHERE id = 1",
            "the balances of money add up to 0.000001",
        ),
        (
            "UPDATE ledger_account SET balance = balance + 1",
            "account 1 has the balance 0.000001, its postings",
        ),
        ("DELETE FROM ledger_account WHERE id = -1", "transfer 1 names account -1"),
        ("UPDATE payment SET sum = 1", "payment \"1\" of \"osmp\" has no transfer"),
        ("UPDATE payment SET account = 2", "payment \"1\" of \"osmp\" has no transfer"),
        ("UPDATE payment SET transfer = 2", "payment \"1\" of \"osmp\" has no transfer"),
        ("DELETE FROM payment", "transfer 1 books a payment that is not there"),
        ("UPDATE ledger_account SET asset = 'sms' WHERE id = 1", "transfer 1 goes from money to sms"),
        (
            "UPDATE ledger_account SET asset = 'sms', balance = 1 WHERE id = 1",
            "the balances of sms add up to",
        ),
        ("UPDATE payment SET reversed = 0", "payment \"1\" of \"osmp\" is taken back and not shown so"),
        (
            "DROP TRIGGER transfer_is_not_edited; UPDATE transfer SET reverses = NULL WHERE id = 2",
            "transfer 2 is a reversal of nothing",
        ),
        (
            "DROP TRIGGER transfer_is_not_edited; UPDATE transfer SET reverses = NULL WHERE id = 2",
            "payment \"1\" of \"osmp\" is shown as taken back and was not",
        ),
        (
            "DROP TRIGGER transfer_is_not_edited; UPDATE transfer SET amount = 1 WHERE id = 2",
            "transfer 2 takes back transfer 1, which is not the like of it",
        ),
        (
            "DROP INDEX transfer_by_reversed; INSERT INTO transfer SELECT 3, debit, credit, amount, kind, reference, \
             text, time, actor, balance_after, day, reverses FROM transfer WHERE id = 2",
            "transfer 1 was taken back 2 times",
        ),
        ("UPDATE pending SET open = 0 WHERE id = 1", "pending transfer 1 is not filed as what it is"),
        ("DELETE FROM ledger_account WHERE id = -1", "pending transfer 1 is not between two accounts"),
        (
            "UPDATE pending SET body = json_set(body, '$.amount', '-0.01') WHERE id = 1",
            "pending transfer 1 holds -0.01",
        ),
        (
            "UPDATE pending SET body = json_set(body, '$.state.posted', 9) WHERE id = 2",
            "pending transfer 2 was posted as nothing of its account",
        ),
        (
            "UPDATE pending SET body = json_set(body, '$.state.posted', 1) WHERE id = 2",
            "pending transfer 2 was posted as nothing of its account",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let store = with_a_reversed_payment(&dir);
        let reader = store.reader().unwrap();
        assert_eq!(reader.check_books().unwrap(), Vec::<String>::new());
        sql(&dir, &format!("PRAGMA foreign_keys = OFF; {breach}"));
        let found = reader.check_books().unwrap();
        assert!(found.iter().any(|text| text.starts_with(sentence)), "{breach}: {found:?}");
    }
}

#[test]
fn a_reader_never_makes_the_writer_wait() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = with_one_payment(&dir);
    let reading = rusqlite::Connection::open(file(&dir)).unwrap();
    reading.execute_batch("BEGIN; SELECT * FROM transfer").unwrap();
    let lease = store.acquire_lease("b").unwrap();
    let changes = [Change::Account(conformance::account(2))];
    store
        .commit(&Batch { epoch: lease.epoch, sequence: lease.batch_sequence + 1, changes: &changes })
        .unwrap();
}

#[test]
fn more_threads_than_connections_are_all_answered() {
    let dir = tempfile::tempdir().unwrap();
    let reader = with_one_payment(&dir).reader().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..20 {
                    assert_eq!(reader.transfers(AccountId(1), 9).unwrap().len(), 1);
                }
            });
        }
    });
}

fn with_one_payment(dir: &TempDir) -> SqliteStore {
    let mut store = open(dir);
    let lease = store.acquire_lease("a").unwrap();
    let mut changes = vec![conformance::ledger_account(1), conformance::ledger_account(-1)];
    changes.extend(conformance::payment(1, 1, 5_000_000));
    store.commit(&Batch { epoch: lease.epoch, sequence: 1, changes: &changes }).unwrap();
    store
}

/// The payment taken back, one reservation open, one posted as a transfer of its account.
fn with_a_reversed_payment(dir: &TempDir) -> SqliteStore {
    let mut store = with_one_payment(dir);
    let lease = store.acquire_lease("a").unwrap();
    let mut reversal = conformance::transfer(2, 1, -1, 5_000_000);
    reversal.kind = TransferKind::Reversal;
    reversal.reverses = Some(TransferId(1));
    let key = PaymentKey { operator: "osmp".into(), id: "1".into() };
    let pending = |id, state| Pending {
        id,
        debit: AccountId(1),
        credit: AccountId(-1),
        amount: Money::from_units(5),
        reference: String::new(),
        text: String::new(),
        opened: Timestamp::from_seconds(1),
        expires: Timestamp::from_seconds(2),
        by: "system".into(),
        state,
    };
    let changes = [
        Change::Transfer(reversal),
        Change::PaymentReversed(key),
        Change::Pending(pending(1, PendingState::Open)),
        Change::Pending(pending(2, PendingState::Posted(TransferId(2)))),
        Change::Pending(pending(3, PendingState::Voided)),
    ];
    store.commit(&Batch { epoch: lease.epoch, sequence: 2, changes: &changes }).unwrap();
    store
}

#[test]
fn a_database_of_before_begins_its_history_with_what_is_configured_and_with_all_its_sessions() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(&dir);
    let lease = store.acquire_lease("a").unwrap();
    let mut subscriber = conformance::subscriber(1);
    subscriber.addresses = vec!["10.9.0.2".parse().unwrap(), "2001:db8::2".parse().unwrap()];
    subscriber.ipv6_prefix = Some("2001:db8:2::/48".parse().unwrap());
    subscriber.routes = vec!["10.1.0.0/16".parse().unwrap(), "2001:db8:1::/48".parse().unwrap()];
    subscriber.snat = Some("203.0.113.77".parse().unwrap());
    let mut session = conformance::session(1, Some(1));
    session.ipv6_prefixes = vec!["2001:db8:7::/64".parse().unwrap(), "2001:db8:8::/56".parse().unwrap()];
    let changes = [
        Change::Account(conformance::account(1)),
        Change::Subscriber(Box::new(subscriber)),
        Change::Session(session.clone()),
        Change::Session(Session { framed_ip: None, ..conformance::session(2, Some(1)) }),
    ];
    store.commit(&Batch { epoch: lease.epoch, sequence: 1, changes: &changes }).unwrap();
    drop(store);
    // What the steps after the second have made.
    for table in [
        "session_address",
        "address_assignment",
        "role",
        "staff_session",
        "api_key",
        "staff",
        "payment_order",
        "sync_mark",
        "outbox",
        "outbox_disabled",
        "outbox_told",
    ] {
        sql(&dir, &format!("DROP TABLE {table}"));
    }
    sql(&dir, "PRAGMA user_version = 2");
    let before = SystemClock.now();
    let reader = open(&dir).reader().unwrap();
    let since = reader.assignments_since().unwrap().unwrap();
    assert!(since.seconds() >= before.seconds(), "{since:?}");
    for (address, prefix, kind) in [
        ("10.9.0.2", "10.9.0.2/32", AssignmentKind::Configured),
        ("2001:db8::2", "2001:db8::2/128", AssignmentKind::Configured),
        ("2001:db8:2::9", "2001:db8:2::/48", AssignmentKind::DelegatedPrefix),
        ("10.1.2.3", "10.1.0.0/16", AssignmentKind::Routed),
        ("2001:db8:1:2::3", "2001:db8:1::/48", AssignmentKind::Routed),
        ("203.0.113.77", "203.0.113.77/32", AssignmentKind::SourceNat),
    ] {
        let (subscriber, login) = (SubscriberId(1), "login1".to_owned());
        let wanted =
            Assignment { prefix: prefix.parse().unwrap(), kind, subscriber, login, since, until: None };
        assert_eq!(
            reader.assignments_with(address.parse().unwrap(), since, 9).unwrap(),
            [wanted],
            "{address}"
        );
        assert!(
            reader.assignments_with(address.parse().unwrap(), Timestamp::default(), 9).unwrap().is_empty()
        );
    }
    for address in ["100.64.0.1", "2001:db8:7::1", "2001:db8:8:1::1"] {
        let found = reader.sessions_with(address.parse().unwrap(), session.started).unwrap();
        assert_eq!(found.into_iter().map(|f| f.session).collect::<Vec<_>>(), [session.clone()], "{address}");
    }
}

/// What somebody with `sqlite3` could do.
fn sql(dir: &TempDir, sql: &str) {
    rusqlite::Connection::open(file(dir)).unwrap().execute_batch(sql).unwrap();
}
