//! Two batches on their way: what is told when, and what becomes of what was decided on top of a batch that fails.

use super::store::Step;
use super::{Answer, Running, answer, nothing, paid, until};
use crate::model::*;
use crate::writer::Rejected;
use crate::writer::committer::RETRIES_MAX;
use crate::writer::queue::TAKEN_MAX;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// A batch stands in the store, with a payment `1` of 10.00 in it; the writer's thread goes on meanwhile.
struct InStore {
    running: Running,
    payment: oneshot::Receiver<Answer>,
    rest: Vec<oneshot::Receiver<Answer>>,
}

impl InStore {
    fn new() -> InStore {
        let running = Running::sample();
        running.store.close_gate();
        let alone = running.submit(nothing());
        answer(alone).unwrap();
        // More than a few commands, so that the committer's thread gets them.
        let first = running.submit(running.pay("0", "1.00"));
        until("a batch is in the store", || running.store.is_at_gate());
        let payment = running.submit(running.pay("1", "10.00"));
        let rest = (0..TAKEN_MAX).map(|_| running.submit(nothing())).collect();
        running.store.pass_gate();
        paid(answer(first));
        until("the batch is in the store", || running.store.is_at_gate());
        until("the queue is taken", || running.writer.depth().0 == 0);
        InStore { running, payment, rest }
    }

    /// Submits and waits until it has been decided.
    fn decided(&self, command: Command) -> oneshot::Receiver<Answer> {
        let waiting = self.running.submit(command);
        until("it is taken", || self.running.writer.depth().0 == 0);
        std::thread::sleep(Duration::from_millis(20));
        waiting
    }
}

fn is_waiting(receiver: &mut oneshot::Receiver<Answer>) -> bool {
    matches!(receiver.try_recv(), Err(oneshot::error::TryRecvError::Empty))
}

#[test]
fn a_repeat_of_a_payment_that_is_being_committed_is_answered_after_the_commit() {
    let mut test = InStore::new();
    let mut repeat = test.decided(test.running.pay("1", "10.00"));
    let mut conflict = test.decided(test.running.pay("1", "11.00"));
    assert!(is_waiting(&mut repeat) && is_waiting(&mut conflict) && is_waiting(&mut test.payment));
    test.running.store.open_gate();
    let (first, is_repeat) = paid(answer(test.payment));
    assert!(!is_repeat);
    assert_eq!(paid(answer(repeat)), (first, true));
    match answer(conflict) {
        Err(Rejected::Refused(refusal)) => assert_eq!(refusal.token, "duplicate-other-sum"),
        other => panic!("{other:?}"),
    }
    assert_eq!(test.running.balance(), "161.00");
}

#[test]
fn readers_see_a_batch_only_after_its_own_commit_though_the_next_is_decided() {
    let test = InStore::new();
    let running = &test.running;
    let mut second = test.decided(running.pay("2", "100.00"));
    assert_eq!(running.balance(), "151.00", "neither is committed");
    running.store.pass_gate();
    paid(answer(test.payment));
    until("the second batch is in the store", || running.store.is_at_gate());
    assert_eq!(running.balance(), "161.00", "the first is seen as it was without the second");
    assert!(is_waiting(&mut second));
    running.store.open_gate();
    assert_eq!(paid(answer(second)).0.balance_after.to_string(), "261.00");
    assert_eq!(running.balance(), "261.00");
    assert!(test.rest.into_iter().all(|waiting| answer(waiting).is_ok()));
}

#[test]
fn what_was_decided_on_top_of_a_batch_that_failed_is_decided_again_without_it() {
    let test = InStore::new();
    let running = &test.running;
    let repeat = test.decided(running.pay("1", "10.00"));
    let other = test.decided(running.pay("2", "100.00"));
    let attempts = running.store.attempts().len();
    running.store.script([Step::Full; RETRIES_MAX as usize + 1]);
    running.store.open_gate();
    assert!(matches!(answer(test.payment), Err(Rejected::Later(_))));
    assert!(!paid(answer(repeat)).1, "the first was not taken, so this one is");
    assert!(!paid(answer(other)).1);
    assert_eq!(running.balance(), "261.00");
    assert_eq!(running.store.payments().len(), 3);
    // The batch with all its tries, and what was decided on top of it.
    assert_eq!(running.store.attempts().len(), attempts + RETRIES_MAX as usize + 1);
}

#[test]
fn a_poisoned_batch_is_halved_before_what_was_decided_on_top_of_it_goes_on() {
    let test = InStore::new();
    let running = &test.running;
    let repeat = test.decided(running.pay("1", "10.00"));
    running.store.poison("1");
    let other = test.decided(running.pay("2", "100.00"));
    running.store.open_gate();
    assert!(matches!(answer(test.payment), Err(Rejected::Later(_))));
    assert!(test.rest.into_iter().all(|waiting| answer(waiting).is_ok()));
    assert!(matches!(answer(repeat), Err(Rejected::Later(_))));
    assert!(!paid(answer(other)).1);
    assert_eq!((running.balance().as_str(), running.store.payments().len()), ("251.00", 2));
}

#[test]
fn a_batch_that_was_committed_after_all_makes_a_repeat_of_what_was_decided_on_top_of_it() {
    let test = InStore::new();
    let running = &test.running;
    let repeat = test.decided(running.pay("1", "10.00"));
    running.store.script([Step::DoneAndUnknown]);
    running.store.script([Step::Unknown; RETRIES_MAX as usize]);
    running.store.open_gate();
    assert_eq!(answer(test.payment), Err(Rejected::Unknown));
    assert!(paid(answer(repeat)).1, "the store has it");
    assert_eq!((running.balance().as_str(), running.store.payments().len()), ("161.00", 2));
}

#[test]
fn a_lease_that_is_lost_drops_both_batches() {
    let test = InStore::new();
    let running = &test.running;
    let second = test.decided(running.pay("2", "100.00"));
    running.store.other_writer(vec![]);
    running.store.open_gate();
    assert!(matches!(answer(test.payment), Err(Rejected::Later(_))));
    assert!(!paid(answer(second)).1, "it was told to nobody, so it is done under the new lease");
    assert_eq!(running.balance(), "251.00");
}

#[test]
fn with_the_store_away_what_was_decided_on_top_is_told_to_come_later() {
    let test = InStore::new();
    let running = &test.running;
    let second = test.decided(running.pay("2", "100.00"));
    running.store.script([Step::Unknown; RETRIES_MAX as usize + 1]);
    running.store.set_away(true);
    running.store.open_gate();
    assert_eq!(answer(test.payment), Err(Rejected::Unknown));
    assert!(matches!(answer(second), Err(Rejected::Later(_))));
    running.store.set_away(false);
    until("it is back", || matches!(running.call(running.pay("2", "100.00")), Ok(Outcome::Paid { .. })));
    assert_eq!(running.balance(), "251.00");
}

#[test]
fn when_the_committer_dies_nobody_is_left_waiting() {
    let test = InStore::new();
    let second = test.decided(test.running.pay("2", "100.00"));
    test.running.store.script([Step::Panic]);
    test.running.store.open_gate();
    assert_eq!(answer(test.payment), Err(Rejected::Unknown));
    assert!(matches!(answer(second), Err(Rejected::Later(_))), "it was never given to the store");
    assert!(matches!(test.running.call(test.running.pay("3", "1.00")), Err(Rejected::Later(_))));
}

#[test]
fn stopping_waits_for_the_batch_in_work_and_the_one_behind_it() {
    let mut test = InStore::new();
    let second = test.decided(test.running.pay("2", "100.00"));
    test.running.writer.stop();
    test.running.store.open_gate();
    test.running.thread.take().unwrap().join().unwrap();
    paid(answer(test.payment));
    paid(answer(second));
    assert_eq!(test.running.store.payments().len(), 3);
    assert_eq!(Arc::strong_count(&test.running.store), 1, "the writer has let the store go");
}

#[test]
fn a_moment_that_comes_while_a_batch_is_in_the_store_is_published_after_it() {
    let test = InStore::new();
    let running = &test.running;
    let file = "[[account]]\ncontract = \"1001\"\ncredit-limit = \"500\"\ncredit-until = \"2026-04-07\"";
    let load = test.decided(crate::engine::testing::load(file, LoadOptions::default()));
    running.clock.set(Timestamp::from_seconds(1_775_520_000));
    std::thread::sleep(Duration::from_millis(1_200));
    let credit = || running.directory.read().find_who("1001").unwrap().account.credit_limit;
    assert_eq!(credit(), Money::ZERO, "the load is not committed");
    running.store.open_gate();
    answer(load).unwrap();
    assert_eq!(credit().to_string(), "500.00");
}

#[test]
fn many_clients_that_ask_until_they_are_answered_pay_exactly_once_each_while_the_store_fails() {
    const CLIENTS: usize = 24;
    const PAYMENTS: usize = 25;
    let running = Running::sample();
    running.store.set_slow(Duration::from_micros(200));
    let ask = |id: String| loop {
        match running.call(running.pay(&id, "1.00")) {
            Ok(Outcome::Paid { payment, repeat }) => return (payment, repeat),
            Err(Rejected::Later(_) | Rejected::Unknown) => {}
            other => panic!("{other:?}"),
        }
    };
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let ask = &ask;
            scope.spawn(move || {
                for n in 0..PAYMENTS {
                    // Two clients share each id, so that repeats meet payments that are still on their way.
                    let id = format!("{}-{n}", client / 2);
                    let (payment, _) = ask(id.clone());
                    assert_eq!(ask(id), (payment, true), "the answer of then");
                }
            });
        }
        for n in 0..12 {
            running.store.script([Step::DoneAndUnknown, Step::Unknown, Step::Full]);
            if n % 3 == 0 {
                // Outlasts every retry, done or not.
                running.store.script([if n % 2 == 0 { Step::Unknown } else { Step::DoneAndUnknown }]);
                running.store.script([Step::Unknown; RETRIES_MAX as usize]);
            }
            if n % 4 == 1 {
                running.store.other_writer(vec![]);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    let count = CLIENTS / 2 * PAYMENTS;
    assert_eq!(running.store.payments().len(), count);
    assert_eq!(running.balance(), format!("{}.00", 150 + count));
}
