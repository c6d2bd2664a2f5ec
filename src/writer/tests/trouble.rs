//! A store that fails: nothing acknowledged is lost or doubled, and nobody waits for ever.

use super::store::{Shared, Step};
use super::{Running, answer, paid, until};
use crate::engine::testing::{actor, payment};
use crate::model::*;
use crate::writer::Rejected;
use crate::writer::committer::RETRIES_MAX;
use std::sync::Arc;

fn later(answer: super::Answer) -> bool {
    matches!(answer, Err(Rejected::Later(_)))
}

/// Queues commands so that they make one batch: the first alone waits in the store meanwhile.
fn as_one_batch(running: &Running, commands: Vec<Command>) -> Vec<super::Answer> {
    running.store.close_gate();
    let first = running.submit(running.pay("first", "1.00"));
    until("the first batch is in the store", || running.store.is_at_gate());
    let waiting: Vec<_> = commands.into_iter().map(|command| running.submit(command)).collect();
    running.store.open_gate();
    paid(answer(first));
    waiting.into_iter().map(answer).collect()
}

#[test]
fn a_batch_that_was_not_confirmed_is_sent_again_under_its_number_and_counts_once() {
    for step in [Step::Unknown, Step::DoneAndUnknown] {
        let running = Running::sample();
        let before = running.store.attempts().len();
        running.store.script([step, Step::Unknown]);
        assert!(!paid(running.call(running.pay("1", "10.00"))).1);
        let attempts = running.store.attempts()[before..].to_vec();
        assert_eq!(attempts.len(), 3, "{step:?}");
        assert!(attempts.iter().all(|attempt| *attempt == attempts[0]), "{attempts:?}");
        assert_eq!((running.balance().as_str(), running.store.payments().len()), ("160.00", 1));
        paid(running.call(running.pay("2", "10.00")));
        assert_eq!(running.balance(), "170.00");
    }
}

#[test]
fn a_full_disk_is_waited_for() {
    let running = Running::sample();
    running.store.script([Step::Full; 5]);
    assert!(!paid(running.call(running.pay("1", "10.00"))).1);
    assert_eq!(running.balance(), "160.00");
}

#[test]
fn a_disk_that_stays_full_answers_later_and_nothing_of_it_remains() {
    let running = Running::sample();
    running.store.script([Step::Full; RETRIES_MAX as usize + 1]);
    assert!(later(running.call(running.pay("1", "10.00"))));
    assert_eq!((running.balance().as_str(), running.store.payments().len()), ("150.00", 0));
    assert!(!paid(running.call(running.pay("1", "10.00"))).1, "it was not taken before");
    assert_eq!(running.balance(), "160.00");
}

#[test]
fn a_batch_that_never_came_through_is_told_as_not_done_and_one_that_may_have_as_unknown() {
    let running = Running::sample();
    running.store.script([Step::Unknown; RETRIES_MAX as usize + 1]);
    assert!(later(running.call(running.pay("1", "10.00"))), "the newest lease says that it is not there");
    running.store.clear_script();
    // Done at the first attempt, never confirmed.
    running.store.script([Step::DoneAndUnknown]);
    running.store.script([Step::Unknown; RETRIES_MAX as usize]);
    assert_eq!(running.call(running.pay("1", "10.00")), Err(Rejected::Unknown));
    assert!(paid(running.call(running.pay("1", "10.00"))).1, "asked again, it is a repeat");
    assert_eq!((running.balance().as_str(), running.store.payments().len()), ("160.00", 1));
}

#[test]
fn one_poisoned_command_of_a_batch_is_refused_alone() {
    let running = Running::sample();
    running.store.poison("bad");
    let mut commands: Vec<Command> = (0..20).map(|n| running.pay(&n.to_string(), "1.00")).collect();
    commands.insert(13, running.pay("bad", "500.00"));
    let answers = as_one_batch(&running, commands);
    for (n, answer) in answers.into_iter().enumerate() {
        match n {
            13 => assert!(later(answer), "{n}"),
            _ => assert!(!paid(answer).1, "{n}"),
        }
    }
    assert_eq!((running.balance().as_str(), running.store.payments().len()), ("171.00", 21));
    // The load, the first payment, 21 together, then two for each halving: 10 and 11, 5 and 6, 2 and 3, ...
    assert!(running.store.attempts().len() <= 2 + 1 + 2 * 5, "{:?}", running.store.attempts());
}

#[test]
fn payments_of_one_key_in_one_batch_are_taken_once() {
    let running = Running::sample();
    let attempts = running.store.attempts().len();
    let mut commands = vec![running.pay("1", "10.00"); 5];
    commands.push(running.pay("1", "11.00"));
    let mut answers = as_one_batch(&running, commands);
    assert_eq!(running.store.attempts().len(), attempts + 2, "they came as one batch");
    match answers.pop().unwrap() {
        Err(Rejected::Refused(refusal)) => assert_eq!(refusal.token, "duplicate-other-sum"),
        other => panic!("{other:?}"),
    }
    let paid: Vec<(Payment, bool)> = answers.into_iter().map(paid).collect();
    assert_eq!(paid.iter().map(|(_, repeat)| *repeat).collect::<Vec<_>>(), [false, true, true, true, true]);
    assert!(paid.iter().all(|(payment, _)| *payment == paid[0].0));
    assert_eq!(running.balance(), "161.00");
}

#[test]
fn a_payment_of_before_the_start_is_known() {
    let running = Running::sample();
    let (first, _) = paid(running.call(running.pay("1", "10.00")));
    let store = Arc::clone(&running.store);
    running.finish();
    let again = Running::over(&store);
    assert_eq!(paid(again.call(again.pay("1", "10.00"))), (first, true));
    assert_eq!(again.balance(), "160.00");
}

#[test]
fn a_writer_that_lost_its_lease_starts_from_what_the_other_has_written() {
    let running = Running::sample();
    // What another writer would have written, on a copy of the books.
    let copy = Arc::new(Shared::default());
    copy.other_writer(running.store.changes());
    let other = Running::over(&copy);
    let (theirs, _) = paid(other.call(other.pay("1", "40.00")));
    let new = copy.changes()[running.store.changes().len()..].to_vec();
    running.store.other_writer(new);
    assert!(later(running.call(running.pay("2", "10.00"))));
    assert_eq!(running.balance(), "190.00", "the other's payment is seen");
    assert_eq!(paid(running.call(running.pay("1", "40.00"))), (theirs, true));
    assert!(!paid(running.call(running.pay("2", "10.00"))).1);
    assert_eq!(running.balance(), "200.00");
}

#[test]
fn while_the_store_is_away_everybody_is_told_to_come_later() {
    let running = Running::sample();
    running.store.set_away(true);
    // The keys cannot be asked for.
    assert!(later(running.call(running.pay("1", "10.00"))));
    // A charge needs no key; its commit fails, and then nothing can be loaded.
    running.store.script([Step::Unknown; RETRIES_MAX as usize + 1]);
    let account = running.directory.read().find_who("1001").unwrap().account.id;
    let charge = Command::Charge { account, sum: "5.00".parse().unwrap(), text: "x".into() };
    assert_eq!(running.call(charge), Err(Rejected::Unknown));
    for _ in 0..3 {
        assert!(later(running.call(running.pay("1", "10.00"))));
    }
    running.store.set_away(false);
    running.store.clear_script();
    until("it is back", || matches!(running.call(running.pay("1", "10.00")), Ok(Outcome::Paid { .. })));
    assert_eq!((running.balance().as_str(), running.store.payments().len()), ("160.00", 1));
}

#[test]
fn a_server_that_stops_while_the_store_is_away_acknowledges_nothing_it_does_not_have() {
    let mut running = Running::sample();
    running.call(running.pay("0", "1.00")).unwrap();
    // The first batch is in the store when the trouble begins; a repeat of its payment waits behind it.
    running.store.close_gate();
    let first = running.submit(running.pay("1", "10.00"));
    until("the batch is in the store", || running.store.is_at_gate());
    running.store.script([Step::Unknown; RETRIES_MAX as usize + 1]);
    let repeat = running.submit(running.pay("1", "10.00"));
    running.writer.stop();
    running.store.set_away(true);
    running.store.open_gate();
    assert_eq!(answer(first), Err(Rejected::Unknown));
    assert!(later(answer(repeat)));
    running.thread.take().unwrap().join().unwrap();
    assert_eq!(running.store.payments().len(), 1);
    assert!(later(running.writer.submit(running.pay("2", "1.00"), actor()).map(|_| panic!("taken"))));
}

#[test]
fn when_the_writer_dies_nobody_is_left_waiting() {
    let running = Running::sample();
    running.store.close_gate();
    let in_work = running.submit(running.pay("1", "10.00"));
    until("the batch is in the store", || running.store.is_at_gate());
    let waiting = running.submit(running.pay("2", "10.00"));
    running.store.script([Step::Panic]);
    running.store.open_gate();
    assert_eq!(answer(in_work), Err(Rejected::Unknown));
    assert!(later(answer(waiting)));
    assert!(later(running.call(running.pay("3", "10.00"))));
    let spool = Command::Replay { edge: "edge1".into(), entries: vec![] };
    assert!(later(running.writer.replay_blocking(spool)));
}

#[test]
fn a_client_that_asks_again_until_it_is_answered_pays_exactly_once_whatever_the_store_does() {
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};
    let steps = prop_oneof![Just(Step::Unknown), Just(Step::DoneAndUnknown), Just(Step::Full)];
    let script = prop::collection::vec(prop::option::of(steps), 0..12);
    let mut runner = TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    let property = |script: Vec<Option<Step>>| {
        let running = Running::sample();
        for (n, step) in script.iter().enumerate() {
            // Long enough for some to outlast every retry.
            if let Some(step) = step {
                running.store.script([*step]);
                running.store.script(vec![Step::Unknown; if n % 3 == 0 { RETRIES_MAX as usize } else { n }]);
            }
            loop {
                match running.call(running.pay(&n.to_string(), "1.00")) {
                    Ok(_) => break,
                    Err(Rejected::Refused(refusal)) => panic!("{refusal}"),
                    Err(Rejected::Later(_) | Rejected::Unknown) => {}
                }
            }
        }
        prop_assert_eq!(running.store.payments().len(), script.len());
        prop_assert_eq!(running.balance(), format!("{}.00", 150 + script.len()));
        let sum: i128 = running.store.snapshot().ledger.iter().map(|(_, b)| i128::from(b.micros())).sum();
        prop_assert_eq!(sum, 0);
        Ok(())
    };
    runner.run(&script, property).unwrap();
}

#[test]
fn a_reply_leaves_only_after_the_commit_and_so_does_what_readers_see() {
    let running = Running::sample();
    running.store.close_gate();
    let mut waiting = running.submit(running.pay("1", "10.00"));
    until("the batch is in the store", || running.store.is_at_gate());
    std::thread::sleep(std::time::Duration::from_millis(20));
    assert!(waiting.try_recv().is_err(), "answered before the commit");
    assert_eq!(running.balance(), "150.00", "seen before the commit");
    running.store.open_gate();
    paid(answer(waiting));
    assert_eq!(running.balance(), "160.00", "not seen after the answer");
}

#[test]
fn a_payment_for_an_account_that_was_made_in_the_same_batch_is_taken() {
    let running = Running::sample();
    let file = "[[account]]\nid = 900\ncontract = \"900\"";
    let load = crate::engine::testing::load(file, LoadOptions::default());
    let pay = Command::Pay(payment("9", Some(AccountId(900)), "3.00"));
    let answers = as_one_batch(&running, vec![load, pay]);
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(running.directory.read().find_who("900").unwrap().balance.to_string(), "3.00");
}
