//! Queues, order, moments and the end.

use super::{PATIENCE, Running, answer, nothing, paid, until};
use crate::engine::testing::{actor, load, record};
use crate::model::*;
use crate::writer::Rejected;
use crate::writer::queue::URGENT_MAX;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

fn replay(sequence: u64) -> Command {
    let record = record(AccountingKind::Start, &sequence.to_string(), Some(SubscriberId(1)), None, 0);
    let position = SpoolPosition { epoch: 1, sequence };
    Command::Replay { edge: "edge1".into(), entries: vec![(position, SpoolEntry::Accounting(record))] }
}

#[test]
fn a_full_queue_answers_later_and_takes_again_when_it_is_drained() {
    let running = Running::sample();
    running.store.close_gate();
    let first = running.submit(running.pay("first", "1.00"));
    until("the first batch is in the store", || running.store.is_at_gate());
    let waiting: Vec<_> = (0..URGENT_MAX).map(|_| running.submit(nothing())).collect();
    assert_eq!(running.writer.depth(), (URGENT_MAX, 0));
    let refused = running.writer.submit(running.pay("2", "1.00"), actor());
    assert!(matches!(refused, Err(Rejected::Later(_))));
    running.store.open_gate();
    paid(answer(first));
    assert!(waiting.into_iter().all(|waiting| answer(waiting).is_ok()));
    paid(running.call(running.pay("2", "1.00")));
}

#[test]
fn stopping_carries_out_what_is_queued_and_takes_nothing_more() {
    let mut running = Running::sample();
    running.store.close_gate();
    let first = running.submit(running.pay("first", "1.00"));
    until("the first batch is in the store", || running.store.is_at_gate());
    let waiting: Vec<_> = (0..5).map(|n| running.submit(running.pay(&n.to_string(), "1.00"))).collect();
    running.writer.stop();
    let refused = running.writer.submit(running.pay("9", "1.00"), actor());
    assert!(matches!(refused, Err(Rejected::Later(_))));
    running.store.open_gate();
    paid(answer(first));
    waiting.into_iter().for_each(|waiting| assert!(!paid(answer(waiting)).1));
    running.thread.take().unwrap().join().unwrap();
    assert_eq!(running.store.payments().len(), 6);
}

#[test]
fn a_moment_that_comes_is_published_without_a_command() {
    let running = Running::sample();
    let file = "[[account]]\ncontract = \"1001\"\ncredit-limit = \"500\"\ncredit-until = \"2026-04-07\"";
    running.call(load(file, LoadOptions::default())).unwrap();
    let account = running.directory.read().find_who("1001").unwrap().account.id;
    let charge = Command::Charge { account, sum: "200.00".parse().unwrap(), text: "x".into() };
    running.call(charge).unwrap();
    let verdict = || {
        let inner = running.directory.read();
        inner.login("ivanov").unwrap().view.standing.verdict
    };
    let revision = running.directory.cursor().n;
    assert_eq!(verdict(), Verdict::LetThrough);
    running.clock.set(Timestamp::from_micros(1_775_520_000_000_000 - 1));
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(verdict(), Verdict::LetThrough);
    running.clock.set(Timestamp::from_seconds(1_775_520_000));
    let start = Instant::now();
    until("the credit's term is noticed", || verdict() == Verdict::Negbal);
    // The timer was set for hours; the clock was set forward under it.
    assert!(start.elapsed() < Duration::from_secs(3));
    assert!(running.directory.cursor().n > revision);
    assert_eq!(running.store.attempts().len(), 3, "nothing is written for it");
}

#[test]
fn a_command_wakes_the_writer_at_once() {
    let running = Running::sample();
    std::thread::sleep(Duration::from_millis(20));
    let start = Instant::now();
    paid(running.call(running.pay("1", "1.00")));
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
}

#[test]
fn payments_wait_for_no_more_than_the_spool_batch_in_work() {
    let running = Running::sample();
    let commit = Duration::from_millis(20);
    running.store.set_slow(commit);
    let stop = AtomicBool::new(false);
    let next = AtomicUsize::new(1);
    std::thread::scope(|scope| {
        // Eight replayers that never rest; at most four of their batches wait at a time.
        for _ in 0..8 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let sequence = next.fetch_add(1, Ordering::Relaxed) as u64;
                    let _ = running.writer.replay_blocking(replay(sequence));
                }
            });
        }
        until("spool batches wait", || running.writer.depth().1 == 4);
        let mut worst = Duration::ZERO;
        for n in 0..10 {
            let start = Instant::now();
            paid(running.call(running.pay(&n.to_string(), "1.00")));
            worst = worst.max(start.elapsed());
        }
        stop.store(true, Ordering::Relaxed);
        // One commit in work, then its own: never the four that waited before it.
        assert!(worst < commit * 4, "{worst:?}");
    });
}

#[test]
fn a_replayer_waits_while_too_much_is_queued_and_goes_on_after_it() {
    let running = Running::sample();
    running.store.close_gate();
    let first = running.submit(running.pay("first", "1.00"));
    until("the first batch is in the store", || running.store.is_at_gate());
    let done = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for n in 1..=7 {
            let (writer, done) = (&running.writer, &done);
            scope.spawn(move || {
                writer.replay_blocking(replay(n)).unwrap();
                done.fetch_add(1, Ordering::Relaxed);
            });
        }
        until("four wait", || running.writer.depth().1 == 4);
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!((running.writer.depth().1, done.load(Ordering::Relaxed)), (4, 0));
        running.store.open_gate();
        until("all are in", || done.load(Ordering::Relaxed) == 7);
    });
    paid(answer(first));
}

#[test]
fn a_caller_that_went_away_changes_nothing_for_the_others() {
    let running = Running::sample();
    drop(running.submit(running.pay("1", "1.00")));
    let second = running.submit(running.pay("2", "1.00"));
    paid(answer(second));
    let start = Instant::now();
    until("the first is in too", || running.balance() == "152.00");
    assert!(start.elapsed() < PATIENCE);
}
