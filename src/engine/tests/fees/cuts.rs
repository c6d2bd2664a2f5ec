//! When shortages take effect: hours and days of cuts, outages, an operator's word, panic.

use super::Story;
use crate::engine::testing::money;
use crate::model::BillingRules;
use crate::model::*;

fn on(days: [bool; 7]) -> BillingRules {
    BillingRules { cut_days: days, ..BillingRules::default() }
}

const MON_FRI: [bool; 7] = [true, true, true, true, true, false, false];

/// 3 April 2026 is a Friday.
#[test]
fn cuts_wait_for_a_day_of_cuts() {
    for (days, cut) in [
        ([true; 7], "2026-04-04 10:00"),
        (MON_FRI, "2026-04-06 10:00"),
        ([false, false, true, false, false, false, false], "2026-04-08 10:00"),
        ([false, false, false, false, false, true, false], "2026-04-04 10:00"),
    ] {
        let mut story = Story::with("", "30.00", on(days));
        story.to("2026-04-04 00:00");
        assert_eq!(story.state(), format!("open: 10.00 to pay until {cut}"), "{days:?}");
        // Another day that is not covered brings no new grace, and none is charged meanwhile.
        story.to(&cut.replace("10:00", "09:59"));
        assert_eq!(story.state(), format!("open: 10.00 to pay until {cut}"), "{days:?}");
        story.to(cut);
        assert_eq!(
            (story.state().as_str(), story.balance().as_str()),
            ("shut: 10.00 to pay", "0.00"),
            "{days:?}"
        );
    }
}

#[test]
fn a_cut_at_midnight_is_a_cut_at_once_and_a_fridays_hour_that_has_passed_waits_for_monday() {
    let rules = BillingRules { cut_at: 0, ..BillingRules::default() };
    Story::with("", "0.00", rules).run(&[("2026-04-01 00:00", "", "ok", "0.00", "shut: 10.00 to pay")]);
    let mut story = Story::with("on-shortage = \"debt\"", "5.00", on(MON_FRI));
    story.run(&[
        ("2026-04-01 00:00", "", "ok", "-5.00", "open: 5.00 to pay until 2026-04-01 10:00"),
        ("2026-04-01 09:00", "pay 31.00", "ok", "26.00", "open"),
        ("2026-04-03 00:00", "", "ok", "6.00", "open"),
        ("2026-04-04 00:00", "", "ok", "-4.00", "open: 4.00 to pay until 2026-04-06 10:00"),
        // The day after is due, and is no reason to wait longer.
        ("2026-04-05 00:00", "", "ok", "-4.00", "open: 14.00 to pay until 2026-04-06 10:00"),
        ("2026-04-06 10:00", "", "ok", "-4.00", "shut: 14.00 to pay"),
    ]);
}

#[test]
fn readers_are_told_of_a_cut_at_its_moment() {
    let mut story = Story::new("", "5.00");
    story.to("2026-04-01 09:00");
    let at = story.at("2026-04-01 10:00");
    assert_eq!(story.ledger.state.next_deadline(), Some(at));
    story.ledger.now = at;
    let due: Vec<_> = story.ledger.state.take_due(at).into_iter().collect();
    assert_eq!(due, [story.ledger.subscriber("s")]);
    assert_eq!(story.ledger.state.next_deadline(), None);
    // And of a pause at its first and its last midnight.
    story.event("pay 100.00");
    story.event("pause 2026-04-03 2026-04-04");
    assert_eq!(story.ledger.state.next_deadline(), Some(story.at("2026-04-03 00:00")));
    story.to("2026-04-04 12:00");
    assert_eq!(story.ledger.state.next_deadline(), Some(story.at("2026-04-05 00:00")));
}

#[test]
fn after_an_outage_nobody_is_cut_before_the_grace_is_over() {
    Story::new("", "15.00").run(&[
        ("2026-04-01 20:00", "", "ok", "5.00", "open"),
        ("2026-04-04 08:00", "down", "ok", "5.00", "open: 5.00 to pay until 2026-04-04 11:00"),
        ("2026-04-04 10:59", "", "ok", "5.00", "open: 5.00 to pay until 2026-04-04 11:00"),
        ("2026-04-04 11:00", "", "ok", "5.00", "shut: 5.00 to pay"),
    ]);
    // A shortage from before, whose hour the server slept through.
    Story::new("", "5.00").run(&[
        ("2026-04-01 08:00", "", "ok", "5.00", "open: 5.00 to pay until 2026-04-01 10:00"),
        ("2026-04-01 12:00", "down", "ok", "5.00", "open: 5.00 to pay until 2026-04-01 15:00"),
        ("2026-04-01 14:59", "", "ok", "5.00", "open: 5.00 to pay until 2026-04-01 15:00"),
        ("2026-04-01 15:00", "", "ok", "5.00", "shut: 5.00 to pay"),
    ]);
    // Within the hour there is no grace.
    Story::new("", "5.00").run(&[
        ("2026-04-01 09:20", "", "ok", "5.00", "open: 5.00 to pay until 2026-04-01 10:00"),
        ("2026-04-01 10:10", "down", "ok", "5.00", "shut: 5.00 to pay"),
    ]);
    // Who was shut before stays shut, and a debt by hand takes effect at once.
    Story::new("", "5.00").run(&[
        ("2026-04-01 12:00", "", "ok", "5.00", "shut: 5.00 to pay"),
        ("2026-04-03 12:00", "down", "ok", "5.00", "shut: 5.00 to pay"),
        ("2026-04-03 12:30", "pay 10.00", "ok", "5.00", "open"),
        ("2026-04-03 12:40", "charge 10.00", "ok", "-5.00", "shut: 5.00 to pay"),
    ]);
    // A second outage within the grace of the first puts off what the first did.
    Story::new("", "5.00").run(&[
        ("2026-04-01 08:00", "", "ok", "5.00", "open: 5.00 to pay until 2026-04-01 10:00"),
        ("2026-04-01 12:00", "down", "ok", "5.00", "open: 5.00 to pay until 2026-04-01 15:00"),
        ("2026-04-01 16:00", "down", "ok", "5.00", "open: 5.00 to pay until 2026-04-01 19:00"),
        ("2026-04-01 19:00", "", "ok", "5.00", "shut: 5.00 to pay"),
    ]);
}

#[test]
fn nobody_is_seen_cut_between_the_start_after_an_outage_and_the_first_command_of_the_clock() {
    let mut story = Story::new("", "5.00");
    story.to("2026-04-01 08:00");
    story.down_to("2026-04-01 12:00");
    assert!(story.state().starts_with("open"), "{}", story.state());
    assert_eq!(story.ledger.state.next_deadline(), Some(story.at("2026-04-01 15:00")));
}

#[test]
fn a_promise_that_lapses_in_an_outage_and_the_days_around_it_come_in_order() {
    let mut story = Story::new("", "5.00");
    story.run(&[
        ("2026-04-01 11:00", "promise 24.00 2", "ok", "-5.00", "open"),
        ("2026-04-02 12:00", "", "ok", "-15.00", "open"),
        // The 3rd is not covered by what is left of the promise; at 10:00 it lapses.
        ("2026-04-05 12:00", "down", "ok", "-15.00", "open: 25.00 to pay until 2026-04-05 15:00"),
        ("2026-04-05 15:00", "", "ok", "-15.00", "shut: 25.00 to pay"),
    ]);
    // Covered by the promise on the day of its lapse, whose fee comes before it.
    let mut story = Story::new("", "5.00");
    story.run(&[
        ("2026-04-01 11:00", "promise 50.00 2", "ok", "-5.00", "open"),
        ("2026-04-05 12:00", "down", "ok", "-25.00", "open: 35.00 to pay until 2026-04-05 15:00"),
    ]);
    let days: Vec<Option<Day>> = story.transfers().iter().skip(2).map(|t| t.day).collect();
    assert_eq!(days, ["2026-04-02", "2026-04-03"].map(|day| Some(day.parse().unwrap())));
}

#[test]
fn an_operator_cuts_now_or_later_and_it_is_kept_who() {
    let mut story = Story::new("", "5.00");
    story.run(&[
        ("2026-04-01 08:00", "cut-now", "ok", "5.00", "shut: 5.00 to pay"),
        ("2026-04-01 08:01", "cut-now", "ok", "5.00", "shut: 5.00 to pay"),
        (
            "2026-04-01 09:00",
            "defer 2026-04-04 12:00",
            "ok",
            "5.00",
            "open: 5.00 to pay until 2026-04-04 12:00",
        ),
        ("2026-04-03 12:00", "", "ok", "5.00", "open: 5.00 to pay until 2026-04-04 12:00"),
        ("2026-04-04 12:00", "", "ok", "5.00", "shut: 5.00 to pay"),
        ("2026-04-05 12:00", "charge 6.00", "ok", "-1.00", "shut: 11.00 to pay"),
        (
            "2026-04-05 12:01",
            "defer 2026-04-06 12:00",
            "ok",
            "-1.00",
            "open: 11.00 to pay until 2026-04-06 12:00",
        ),
        ("2026-04-06 00:00", "", "ok", "-1.00", "open: 11.00 to pay until 2026-04-06 12:00"),
        ("2026-04-06 12:00", "", "ok", "-1.00", "shut: 11.00 to pay"),
    ]);
    assert_eq!(audited(&story), ["cut-now 1001", "cut-deferred 1001", "cut-deferred 1001"]);
}

fn audited(story: &Story) -> Vec<String> {
    let entries = story.ledger.changes.iter();
    entries
        .filter_map(|c| if let Change::Audit(e) = c { Some(e) } else { None })
        .inspect(|entry| assert_eq!(entry.by, "cli:test"))
        .map(|entry| format!("{} {}", entry.action, entry.subject).trim_end().to_owned())
        .collect()
}

#[test]
fn panic_lets_everybody_known_through_and_survives_a_restart() {
    let mut story = Story::new("", "5.00");
    story.to("2026-04-02 12:00");
    story.event("block");
    story.touched();
    assert_eq!((story.event("panic open"), story.event("panic open")), ("ok".into(), "ok".into()));
    assert_eq!(story.touched().subscribers.len(), 1);
    let subscriber = story.ledger.subscriber("s");
    for _ in 0..2 {
        let view = story.ledger.state.view(subscriber, story.ledger.now).unwrap();
        assert_eq!(view.standing, Standing::let_through());
        story.restart();
    }
    story.event("panic close");
    assert_eq!(story.state(), "blocked");
    story.event("unblock");
    assert_eq!(story.state(), "shut: 5.00 to pay");
    assert_eq!(audited(&story), ["panic-open", "panic-close"]);
}

#[test]
fn a_loaded_credit_or_balance_settles_what_is_due() {
    let mut story = Story::new("", "5.00");
    story.to("2026-04-01 12:00");
    story.ledger.load("[[account]]\ncontract = \"1001\"\ncredit-limit = \"5.00\"").unwrap();
    assert_eq!((story.balance().as_str(), story.state().as_str()), ("-5.00", "open"));
    story.to("2026-04-02 12:00");
    let options = LoadOptions { set_balances: true, ..LoadOptions::default() };
    story.ledger.load_with("[[account]]\ncontract = \"1001\"\nbalance = \"100\"", options).unwrap();
    assert_eq!((story.balance().as_str(), story.state().as_str()), ("90.00", "open"));
    story.ledger.load("[[subscriber]]\nlogin = \"s\"\nblocked = true").unwrap();
    story.to("2026-04-04 12:00");
    assert_eq!(story.balance(), "90.00");
    story.ledger.load("[[subscriber]]\nlogin = \"s\"\nblocked = false").unwrap();
    assert_eq!((story.balance().as_str(), story.state().as_str()), ("80.00", "open"));
    assert_eq!(
        story.ledger.state.view(story.ledger.subscriber("s"), story.ledger.now).unwrap().due,
        money("0")
    );
}
