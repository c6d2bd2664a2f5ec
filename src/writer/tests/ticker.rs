//! The clock, driven by the writer: who drives it, what it waits for, and a store that fails under it.

use super::store::Step;
use super::*;
use crate::engine::FeesHeld;

/// 2026-04-07 00:00 UTC, the first midnight after the sample is loaded.
const MIDNIGHT: Timestamp = Timestamp::from_seconds(1_775_520_000);

fn verdict(running: &Running, login: &str) -> Verdict {
    running.directory.read().login(login).unwrap().view.standing.verdict
}

/// A sample whose clock is driven, on the evening before [`MIDNIGHT`].
fn evening() -> Running {
    let running = Running::sample();
    running.clock.set(Timestamp::from_micros(MIDNIGHT.micros() - 1));
    running.writer.keep_time();
    until("the first day counts as paid", || running.writer.fees_status().through.is_some());
    running
}

#[test]
fn a_day_is_charged_as_it_begins_and_who_is_short_is_cut_at_the_hour() {
    let running = evening();
    assert_eq!(running.balance(), "150.00");
    running.clock.set(MIDNIGHT);
    until("the fee is seen", || running.balance() == "140.00");
    assert_eq!(verdict(&running, "petrov"), Verdict::LetThrough);
    // In small steps, because a clock that leaps looks like an outage.
    for seconds in (1..=10).map(|n| n * 3_300).chain([10 * 3_600 - 1]) {
        let attempts = running.store.attempts().len();
        running.clock.set(MIDNIGHT.saturating_add(Duration::from_secs(seconds)));
        // Changes nothing, and wakes the writer.
        let subscriber = running.directory.read().login("ivanov").unwrap().view.subscriber.id;
        running.call(Command::Unblock { subscriber }).unwrap();
        until("the ledger notes that it is at work", || running.store.attempts().len() > attempts);
    }
    assert_eq!(verdict(&running, "petrov"), Verdict::LetThrough);
    running.clock.set(MIDNIGHT.saturating_add(Duration::from_secs(10 * 3_600)));
    until("the cut is seen", || verdict(&running, "petrov") == Verdict::Negbal);
    assert_eq!(verdict(&running, "ivanov"), Verdict::LetThrough);
    running.finish();
}

#[test]
fn a_command_that_has_opened_the_store_charges_nobody() {
    let running = Running::sample();
    let attempts = running.store.attempts().len();
    running.clock.set(MIDNIGHT.saturating_add(Duration::from_secs(86_400)));
    std::thread::sleep(Duration::from_millis(1_100));
    paid(running.call(running.pay("p", "1.00")));
    assert_eq!((running.balance().as_str(), running.store.attempts().len()), ("151.00", attempts + 1));
    assert_eq!(running.writer.fees_status().through, None);
}

#[test]
fn fees_wait_for_a_clock_that_is_right_and_begin_when_it_is() {
    let running = evening();
    running.clock.set_synchronised(false);
    running.clock.set(MIDNIGHT);
    let held = || running.writer.fees_status().held;
    until("the run is held", || held() == Some(FeesHeld::ClockNotSynchronised));
    let attempts = running.store.attempts().len();
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(running.balance(), "150.00");
    assert_eq!(running.store.attempts().len(), attempts, "noted once");
    running.clock.set_synchronised(true);
    until("the fee is seen", || running.balance() == "140.00");
    until("nothing is held", || held().is_none());
}

#[test]
fn a_run_that_the_store_does_not_confirm_charges_once() {
    for step in [Step::Unknown, Step::DoneAndUnknown, Step::Full] {
        let running = evening();
        running.store.script(std::iter::repeat_n(step, super::super::batch::RETRIES_MAX as usize / 2));
        running.clock.set(MIDNIGHT);
        until("the fee is seen", || running.balance() == "140.00");
        paid(running.call(running.pay("p", "1.00")));
        assert_eq!(running.balance(), "141.00", "{step:?}");
        running.finish();
    }
}

#[test]
fn a_server_that_was_killed_in_a_run_goes_on_where_it_was() {
    let running = evening();
    let store = Arc::clone(&running.store);
    running.clock.set(MIDNIGHT);
    until("the fee is seen", || running.balance() == "140.00");
    drop(running);
    store.clear_script();
    let again = Running::over(&store);
    again.clock.set(MIDNIGHT.saturating_add(Duration::from_secs(60)));
    again.writer.keep_time();
    until("the ledger is at work", || again.writer.fees_status().through.is_some());
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(again.balance(), "140.00");
}
