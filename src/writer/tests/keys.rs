//! Requests with a key: repeats within a batch, across batches, after a restart.

use super::{Running, answer, paid, until};
use crate::directory::{Directory, DirectorySettings};
use crate::engine::Settings;
use crate::engine::testing::{NOW, SAMPLE, actor, load};
use crate::model::*;
use crate::storage::{Reader, SqliteStore, Vault};
use crate::writer::{Answer, Rejected, Started, Writer, WriterHandle};
use std::sync::Arc;
use std::time::Duration;

fn key(key: &str, payload: u8) -> Option<RequestKey> {
    Some(RequestKey { key: key.into(), payload: [payload; 32] })
}

fn charge(account: AccountId, sum: &str) -> Command {
    Command::Charge { account, sum: sum.parse().unwrap(), text: "работы".into() }
}

fn reverse(transfer: TransferId) -> Command {
    Command::Correction(CorrectionCommand::Reverse { transfer, reason: "ошибка".into() })
}

fn call(writer: &WriterHandle, command: Command, key: Option<RequestKey>) -> Answer {
    writer.submit_keyed(command, actor(), key)?.blocking_recv().unwrap_or(Err(Rejected::Unknown))
}

fn token(answer: &Answer) -> &str {
    match answer {
        Err(Rejected::Refused(refusal)) => &refusal.token,
        _ => "",
    }
}

fn account(running: &Running) -> AccountId {
    running.directory.read().find_who("1001").unwrap().account.id
}

#[test]
fn a_repeat_in_the_same_batch_and_in_a_later_one_has_the_first_answer() {
    let running = Running::sample();
    let account = account(&running);
    running.store.close_gate();
    let first = running.submit(running.pay("first", "1.00"));
    until("the first batch is in the store", || running.store.is_at_gate());
    let submit = |sum: &str, payload| {
        running.writer.submit_keyed(charge(account, sum), actor(), key("k", payload)).unwrap()
    };
    let waiting = [submit("10.00", 1), submit("10.00", 1), submit("20.00", 2)];
    running.store.open_gate();
    paid(answer(first));
    let [done, repeat, conflict] = waiting.map(answer);
    let done = done.unwrap();
    assert!(matches!(done, Outcome::Charged { .. }));
    assert_eq!(repeat, Ok(Outcome::Repeat(Box::new(done.clone()))));
    assert_eq!(token(&conflict), "idempotency-conflict");
    let later = call(&running.writer, charge(account, "10.00"), key("k", 1));
    assert_eq!(later, Ok(Outcome::Repeat(Box::new(done))));
    assert_eq!(running.balance(), "141.00");
}

#[test]
fn a_transfer_is_reversed_once_in_the_same_batch_and_in_a_later_one() {
    let running = Running::sample();
    let (payment, _) = paid(running.call(running.pay("1", "50.00")));
    running.store.close_gate();
    let first = running.submit(running.pay("first", "1.00"));
    until("the first batch is in the store", || running.store.is_at_gate());
    let waiting = [(); 2].map(|()| running.submit(reverse(payment.transfer)));
    running.store.open_gate();
    paid(answer(first));
    let [done, again] = waiting.map(answer);
    assert!(matches!(done, Ok(Outcome::Posted { .. })), "{done:?}");
    assert_eq!(token(&again), "already-reversed");
    assert_eq!(token(&running.call(reverse(payment.transfer))), "already-reversed");
    let (repeated, repeat) = paid(running.call(running.pay("1", "50.00")));
    assert!(repeat && repeated.reversed);
    assert_eq!(running.balance(), "151.00");
}

/// A writer over a file, as after each start of the server.
fn over_file(dir: &tempfile::TempDir, now: Timestamp, work: impl FnOnce(&WriterHandle, &dyn Reader)) {
    let store = SqliteStore::open(dir.path().join("headgate.db"), Vault::from_key([7; 32])).unwrap();
    let reader = store.reader().unwrap();
    let directory = Arc::new(Directory::new(&DirectorySettings {
        grant_hold: Duration::from_secs(60),
        pool_quarantine: Duration::from_secs(600),
    }));
    let clock = Arc::new(ManualClock::at(now));
    let Started { handle, thread, .. } =
        Writer::start(Box::new(store), Settings::default(), directory, clock, "test".into()).unwrap();
    work(&handle, &reader);
    handle.stop();
    thread.join().unwrap();
    assert_eq!(reader.check_books().unwrap(), Vec::<String>::new());
}

#[test]
fn keys_and_reversals_are_known_after_a_restart_and_keys_are_forgotten_after_thirty_days() {
    let dir = tempfile::tempdir().unwrap();
    // The first account that a ledger opens.
    let account = AccountId(1);
    let mut first = None;
    over_file(&dir, NOW, |writer, reader| {
        call(writer, load(SAMPLE, LoadOptions::default()), None).unwrap();
        first = Some(call(writer, charge(account, "10.00"), key("k", 1)).unwrap());
        let charged = reader.transfers(account, 1).unwrap()[0].id;
        assert!(call(writer, reverse(charged), key("r", 1)).is_ok());
    });
    let first = first.unwrap();
    let Outcome::Charged { transfer, .. } = first else { panic!("{first:?}") };
    let month = NOW.saturating_add(Duration::from_secs(30 * 86_400));
    for now in [NOW, month] {
        over_file(&dir, now, |writer, _| {
            let again = call(writer, charge(account, "10.00"), key("k", 1));
            assert_eq!(again, Ok(Outcome::Repeat(Box::new(first.clone()))));
            assert_eq!(token(&call(writer, charge(account, "11.00"), key("k", 2))), "idempotency-conflict");
            assert_eq!(token(&call(writer, reverse(transfer), None)), "already-reversed");
            assert!(matches!(call(writer, reverse(transfer), key("r", 1)), Ok(Outcome::Repeat(_))));
        });
    }
    over_file(&dir, month.saturating_add(Duration::from_secs(1)), |writer, reader| {
        let anew = call(writer, charge(account, "11.00"), key("k", 2));
        assert!(matches!(anew, Ok(Outcome::Charged { .. })), "{anew:?}");
        assert_eq!(token(&call(writer, reverse(transfer), key("r", 1))), "already-reversed");
        assert_eq!(reader.transfers(account, 10).unwrap().len(), 3);
    });
}
