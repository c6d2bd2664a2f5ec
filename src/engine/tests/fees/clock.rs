//! Runs of the clock: in steps, over crashes, gaps, clocks that are wrong, and many subscribers.

use super::Story;
use crate::engine::testing::money;
use crate::engine::{FeesHeld, Settings};
use crate::model::*;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fmt::Write;

#[test]
fn a_new_subscriber_owes_nothing_for_the_day_it_was_made() {
    let mut story = Story::new("", "100.00");
    story.to("2026-04-05 12:00");
    let row = |login: &str, plan: &str| {
        format!("[[subscriber]]\nlogin = \"{login}\"\nplan = \"{plan}\"\nbalance = \"500\"\n")
    };
    let plan = "[[plan]]\nname = \"whole\"\nfee = \"300\"\ncharge = \"period\"\nrate-in = 1\nrate-out = 1\n";
    story.ledger.load(&format!("{plan}{}{}", row("daily", "p"), row("monthly", "whole"))).unwrap();
    for (at, daily, monthly) in [
        ("2026-04-05 23:59", "500.00", "500.00"),
        ("2026-04-06 00:00", "490.00", "500.00"),
        ("2026-04-30 23:59", "250.00", "500.00"),
        ("2026-05-01 00:00", "240.32", "200.00"),
    ] {
        story.to(at);
        assert_eq!(
            (story.ledger.balance("daily"), story.ledger.balance("monthly")),
            (daily.into(), monthly.into()),
            "{at}"
        );
    }
}

#[test]
fn missed_days_are_made_up_in_order_and_each_says_its_day() {
    let mut story = Story::new("", "100.00");
    story.to("2026-04-01 20:00");
    story.down_to("2026-04-05 12:00");
    story.tick();
    assert_eq!(story.balance(), "50.00");
    let days: Vec<String> = story
        .transfers()
        .iter()
        .skip(1)
        .map(|t| t.day.map_or_else(|| "today".to_owned(), |day| day.to_string()))
        .collect();
    assert_eq!(days, ["today", "2026-04-02", "2026-04-03", "2026-04-04", "today"]);
    assert_eq!(story.transfers()[2].reference, format!("fee:{}:2026-04-02", story.ledger.subscriber("s")));
    story.check();
}

#[test]
fn a_gap_of_more_days_than_are_made_up_waits_for_an_operator() {
    let mut story = Story::new("", "1000.00");
    story.run(&[
        ("2026-04-01 12:00", "", "ok", "990.00", "open"),
        ("2026-04-09 12:00", "down", "ok", "990.00", "open"),
    ]);
    assert_eq!(story.ledger.state.fees_status(story.ledger.now).held, Some(FeesHeld::GapTooLong));
    story.run(&[
        ("2026-04-10 12:00", "pay 5.00", "ok", "995.00", "open"),
        ("2026-04-10 12:01", "catch-up", "ok", "905.00", "open"),
    ]);
}

#[test]
fn seven_missed_days_are_made_up_and_eight_are_not() {
    for (up, balance) in [("2026-04-08 12:00", "920.00"), ("2026-04-09 12:00", "990.00")] {
        Story::new("", "1000.00")
            .run(&[("2026-04-01 12:00", "", "ok", "990.00", "open"), (up, "down", "ok", balance, "open")]);
    }
}

#[test]
fn a_jump_of_the_clock_by_a_year_charges_nobody_and_neither_does_the_way_back() {
    let mut story = Story::new("", "25.00");
    story.to("2026-04-03 12:00");
    assert_eq!(story.state(), "shut: 5.00 to pay");
    story.ledger.now = story.at("2027-04-03 12:00");
    story.tick();
    // A payment opens, but no fee is dated into the future.
    assert_eq!(story.event("pay 100.00"), "ok");
    assert_eq!((story.balance().as_str(), story.state().as_str()), ("105.00", "open"));
    story.ledger.now = story.at("2026-04-03 12:10");
    story.tick();
    assert_eq!(story.balance(), "105.00");
    story.to("2026-04-04 12:00");
    assert_eq!(story.balance(), "95.00");
    story.check();
}

#[test]
fn a_clock_that_steps_back_charges_nothing_twice() {
    for back in ["2026-04-02 23:59", "2026-04-01 12:00", "2026-03-30 00:00"] {
        let mut story = Story::new("", "100.00");
        story.to("2026-04-03 00:00");
        assert_eq!(story.balance(), "70.00");
        story.ledger.now = story.at(back);
        story.tick();
        story.event("block");
        story.event("unblock");
        story.event("pay 1.00");
        story.to("2026-04-03 23:59");
        assert_eq!(story.balance(), "71.00", "{back}");
        story.to("2026-04-04 00:00");
        assert_eq!(story.balance(), "61.00", "{back}");
        story.check();
    }
}

#[test]
fn fees_wait_for_a_synchronised_clock_and_the_rest_goes_on() {
    let mut story = Story::new("", "5.00");
    story.run(&[("2026-04-01 11:00", "promise 30.00 2", "ok", "-5.00", "open")]);
    story.synchronised = false;
    story.run(&[
        ("2026-04-02 12:00", "", "ok", "-5.00", "open"),
        ("2026-04-03 10:00", "", "ok", "-5.00", "shut: 5.00 to pay"),
    ]);
    assert_eq!(story.ledger.state.fees_status(story.ledger.now).held, Some(FeesHeld::ClockNotSynchronised));
    story.restart();
    assert_eq!(story.ledger.state.fees_status(story.ledger.now).held, Some(FeesHeld::ClockNotSynchronised));
    story.event("pay 25.00");
    story.synchronised = true;
    story.run(&[("2026-04-03 12:00", "", "ok", "0.00", "open")]);
    assert_eq!(story.ledger.state.fees_status(story.ledger.now).held, None);
}

#[test]
fn a_clock_that_need_not_be_synchronised_is_trusted() {
    let rules = crate::model::BillingRules { require_synchronised_clock: false, ..Default::default() };
    let mut story = Story::with("", "25.00", rules);
    story.synchronised = false;
    story.run(&[("2026-04-02 12:00", "", "ok", "5.00", "open")]);
}

#[test]
fn days_begin_at_midnight_of_the_servers_zone() {
    let zone = TimeZone::get("Africa/Cairo").unwrap();
    let data = "[[plan]]\nname = \"p\"\nfee = \"300\"\nrate-in = 1\nrate-out = 1\n\
                [[subscriber]]\nlogin = \"s\"\ncontract = \"1001\"\nplan = \"p\"\nbalance = \"9000\"";
    let mut story = Story::loaded(data, Settings { time_zone: zone, ..Settings::default() });
    // On 24 April 2026 the clocks go from 00:00 to 01:00.
    story.to("2026-04-23 23:59");
    assert_eq!(story.balance(), "8770.00");
    story.to("2026-04-24 01:00");
    assert_eq!(story.balance(), "8760.00");
    // And on 30 October from 00:00 back to 23:00 of the 29th.
    story.to("2026-11-01 12:00");
    let fees = story.transfers().iter().filter(|t| t.kind == TransferKind::Fee).count();
    assert_eq!(fees, 30 + 31 + 30 + 31 + 31 + 30 + 31 + 1);
    story.check();
}

/// Some hundreds of subscribers on every kind of plan, more of them than one step takes.
fn town(subscribers: usize) -> String {
    let mut data = String::new();
    for (name, fee, keys) in [
        ("hold", "300.00", ""),
        ("debt", "299.99", "on-shortage = \"debt\""),
        ("period", "500.00", "charge = \"period\""),
        ("day", "7.777", "period = \"day\""),
    ] {
        writeln!(data, "[[plan]]\nname = \"{name}\"\nfee = \"{fee}\"\nrate-in = 1\nrate-out = 1\n{keys}")
            .unwrap();
    }
    for n in 0..subscribers {
        let plan = ["hold", "debt", "period", "day"][n % 4];
        // Some contracts have two logins.
        let (contract, balance) = (1001 + n - usize::from(n % 5 == 4), n % 700);
        writeln!(
            data,
            "[[subscriber]]\nlogin = \"{}\"\ncontract = \"{contract}\"\nplan = \"{plan}\"\nbalance = \"{balance}\"",
            if n == 0 { "s".to_owned() } else { format!("s{n}") }
        )
        .unwrap();
    }
    data
}

fn books(story: &Story) -> BTreeMap<String, Money> {
    let state = &story.ledger.state;
    state
        .ledger
        .values()
        .map(|(account, balance)| (format!("{:?} {}", account.kind, account.name), *balance))
        .collect()
}

#[test]
fn crashes_between_any_two_steps_leave_the_same_books() {
    let run = |crashes: bool| {
        let mut story = Story::loaded(&town(1_500), Settings::default());
        story.crashes = crashes;
        story.to("2026-04-02 12:00");
        for event in ["promise", "charge 700", "pay 3.00"] {
            story.event(event);
        }
        story.to("2026-04-06 12:00");
        story.crashes = false;
        story.check();
        (books(&story), story.transfers().len())
    };
    let (calm, crashed) = (run(false), run(true));
    assert_eq!(calm, crashed);
    assert!(calm.1 > 4_000, "{}", calm.1);
    assert_eq!(calm.0.values().map(|balance| i128::from(balance.micros())).sum::<i128>(), 0);
}

#[test]
fn payments_go_in_between_the_steps_of_a_run() {
    let mut story = Story::loaded(&town(2_500), Settings::default());
    story.ledger.now = story.at("2026-04-01 00:00");
    let mut steps = Vec::new();
    while story.ledger.state.next_clock(|| true, story.ledger.now) <= story.ledger.now {
        let before = story.ledger.changes.len();
        story.ledger.run(&Command::Clock { synchronised: true }).unwrap();
        steps.push(story.ledger.changes.len() - before);
    }
    assert_eq!(steps.len(), 3);
    assert!(steps.iter().all(|changes| *changes <= 4_000), "{steps:?}");
    story.check();
}

#[test]
fn a_year_does_not_leave_deadlines_behind() {
    let mut story = Story::loaded(&town(100), Settings::default());
    for month in 4..=12 {
        for day in ["03", "15"] {
            story.to(&format!("2026-{month:02}-{day} 06:00"));
            story.event("pay 20.00");
            story.event("promise");
            story.event("defer 2026-12-30 10:00");
        }
    }
    story.to("2027-01-02 12:00");
    assert_eq!(story.ledger.state.next_deadline(), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// Whatever is paid, charged and waited for: no fee brings a hold plan below zero without a promise, no day is
    /// charged twice, and the state is the one that was written.
    #[test]
    fn any_course_of_events_keeps_the_rules(
        debt in any::<bool>(),
        by_period in any::<bool>(),
        events in prop::collection::vec((0..12usize, 1..40u32, 0..2000u32), 1..40),
    ) {
        let shortage = if debt { "on-shortage = \"debt\"" } else { "" };
        let charge = if by_period { "charge = \"period\"" } else { "" };
        let mut story = Story::new(&format!("{shortage}\n{charge}"), "25.00");
        let mut promised = false;
        for (kind, hours, cents) in events {
            let sum = format!("{}.{:02}", cents / 100, cents % 100);
            let day = |n: i32| crate::engine::day_of(story.ledger.now, &TimeZone::UTC).plus(n);
            let event = match kind {
                0 | 1 => format!("pay {sum}"),
                2 => format!("charge {sum}"),
                3 => "block".into(),
                4 => "unblock".into(),
                5 => "promise".into(),
                6 => format!("pause {} {}", day(1), day(3)),
                7 => "resume".into(),
                8 => "cut-now".into(),
                9 => format!("defer {} 12:00", day(2)),
                10 => "down".into(),
                _ => String::new(),
            };
            promised |= kind == 5;
            let now = story.ledger.now.saturating_add(std::time::Duration::from_secs(u64::from(hours) * 3600));
            let text = jiff::Timestamp::from_microsecond(now.micros()).unwrap().to_string();
            if kind == 10 { story.down_to(&text) } else { story.to(&text) }
            story.event(&event);
        }
        if !debt && !promised {
            for transfer in story.transfers() {
                let fee = matches!(transfer.kind, TransferKind::Fee | TransferKind::Pause);
                let took = transfer.debit == story.account();
                prop_assert!(!fee || !took || !transfer.balance_after.is_negative(), "{:?}", transfer);
            }
        }
        story.check();
    }
}

#[test]
fn a_run_that_is_done_again_charges_nobody_twice() {
    let rules = crate::model::BillingRules { pause_fee: money("1.00"), ..Default::default() };
    let mut story = Story::with("", "100.00", rules);
    story.to("2026-04-01 12:00");
    story.event("pause 2026-04-02 2026-04-02");
    for (at, balance) in [("2026-04-02 00:00", "89.00"), ("2026-04-03 00:00", "79.00")] {
        story.to(at);
        assert_eq!(story.balance(), balance, "{at}");
        let books = story.ledger.state.billing.books.clone();
        let back = books.fees_through.map(|day| day.plus(-1));
        story.ledger.put(Change::Books(BooksState { fees_through: back, ..books }));
        story.tick();
        assert_eq!(story.balance(), balance, "{at}");
    }
    story.check();
}

#[test]
fn a_payment_ahead_of_the_days_run_pays_for_that_day_and_not_for_the_one_before() {
    let mut story = Story::new("", "5.00");
    story.to("2026-04-02 12:00");
    story.ledger.now = story.at("2026-04-03 00:00");
    // The run has not come so far yet: the event is decided before the clock's command.
    let request = crate::engine::testing::payment("p", Some(story.account()), "20.00");
    story.ledger.run(&Command::Pay(request)).unwrap();
    assert_eq!((story.balance().as_str(), story.state().as_str()), ("15.00", "open"));
    assert!(story.transfers().last().unwrap().text.ends_with("2026-04-03"));
    story.tick();
    assert_eq!(story.balance(), "15.00");
    story.to("2026-04-04 00:00");
    assert_eq!(story.balance(), "5.00");
    story.check();
}
