//! The worked examples of rules.md, and what stands beside them.

use super::Story;
use crate::engine::testing::money;
use crate::model::BillingRules;

#[test]
fn hold_charges_while_it_is_covered_and_shuts_at_the_hour_of_cuts() {
    Story::new("", "25.00").run(&[
        ("2026-03-31 23:59", "", "ok", "25.00", "open"),
        ("2026-04-01 00:00", "", "ok", "15.00", "open"),
        ("2026-04-02 00:00", "", "ok", "5.00", "open"),
        ("2026-04-03 00:00", "", "ok", "5.00", "open: 5.00 to pay until 2026-04-03 10:00"),
        ("2026-04-03 09:59", "", "ok", "5.00", "open: 5.00 to pay until 2026-04-03 10:00"),
        ("2026-04-03 10:00", "", "ok", "5.00", "shut: 5.00 to pay"),
        ("2026-04-06 14:19", "", "ok", "5.00", "shut: 5.00 to pay"),
        ("2026-04-06 14:20", "pay 200.00", "ok", "195.00", "open"),
        ("2026-04-07 00:00", "", "ok", "185.00", "open"),
    ]);
}

#[test]
fn a_payment_answers_the_balance_before_the_fee_that_it_covers() {
    let mut story = Story::new("", "5.00");
    story.to("2026-04-06 14:20");
    let account = story.account();
    let request = crate::engine::testing::payment("p", Some(account), "200.00");
    let paid = story.ledger.run(&crate::model::Command::Pay(request)).unwrap();
    let crate::model::Outcome::Paid { payment, .. } = paid else { panic!("{paid:?}") };
    assert_eq!((payment.balance_after, story.balance()), (money("205.00"), "195.00".to_owned()));
}

#[test]
fn debt_charges_below_zero_once_and_opens_when_todays_fee_is_covered() {
    Story::new("on-shortage = \"debt\"", "25.00").run(&[
        ("2026-04-02 00:00", "", "ok", "5.00", "open"),
        ("2026-04-03 00:00", "", "ok", "-5.00", "open: 5.00 to pay until 2026-04-03 10:00"),
        ("2026-04-03 10:00", "", "ok", "-5.00", "shut: 5.00 to pay"),
        ("2026-04-04 00:00", "", "ok", "-5.00", "shut: 15.00 to pay"),
        ("2026-04-06 14:20", "pay 12.00", "ok", "7.00", "shut: 3.00 to pay"),
        ("2026-04-06 14:30", "pay 8.00", "ok", "5.00", "open"),
        ("2026-04-07 00:00", "", "ok", "-5.00", "open: 5.00 to pay until 2026-04-07 10:00"),
    ]);
}

#[test]
fn by_the_period_the_rest_of_the_month_is_charged_when_it_is_covered() {
    Story::new("charge = \"period\"", "250.00").run(&[
        ("2026-03-31 12:00", "", "ok", "250.00", "open"),
        ("2026-04-01 00:00", "", "ok", "250.00", "open: 50.00 to pay until 2026-04-01 10:00"),
        ("2026-04-01 10:00", "", "ok", "250.00", "shut: 50.00 to pay"),
        ("2026-04-11 12:00", "pay 100.00", "ok", "150.00", "open"),
        ("2026-04-30 23:59", "", "ok", "150.00", "open"),
        ("2026-05-01 00:00", "", "ok", "150.00", "open: 150.00 to pay until 2026-05-01 10:00"),
    ]);
}

/// What is due falls every day, but days in negbal are not charged: it takes a credit.
#[test]
fn by_the_period_it_takes_a_credit_to_open_whatever_is_due() {
    Story::new("charge = \"period\"", "250.00").run(&[
        ("2026-04-05 23:59", "", "ok", "250.00", "shut: 10.00 to pay"),
        ("2026-04-06 00:00", "", "ok", "250.00", "shut: 0.01 to pay"),
        ("2026-04-08 12:00", "pay 0.01", "ok", "20.01", "open"),
    ]);
}

#[test]
fn a_promise_lasts_until_it_lapses() {
    Story::new("", "25.00").run(&[
        ("2026-04-03 10:59", "", "ok", "5.00", "shut: 5.00 to pay"),
        ("2026-04-03 11:00", "promise", "ok", "-5.00", "open"),
        ("2026-04-04 00:00", "", "ok", "-15.00", "open"),
        ("2026-04-05 00:00", "", "ok", "-25.00", "open"),
        ("2026-04-06 00:00", "", "ok", "-35.00", "open"),
        ("2026-04-06 09:59", "", "ok", "-35.00", "open"),
        ("2026-04-06 10:00", "", "ok", "-35.00", "shut: 35.00 to pay"),
        ("2026-04-07 00:00", "", "ok", "-35.00", "shut: 45.00 to pay"),
        ("2026-04-07 12:00", "pay 45.00", "ok", "0.00", "open"),
    ]);
}

#[test]
fn a_payment_ends_a_promise_only_when_it_brings_the_balance_above_zero() {
    Story::new("", "25.00").run(&[
        ("2026-04-03 11:00", "promise", "ok", "-5.00", "open"),
        ("2026-04-05 12:00", "pay 10.00", "ok", "-15.00", "open"),
        ("2026-04-05 12:01", "promise", "promise-open", "-15.00", "open"),
        ("2026-04-05 13:00", "pay 20.00", "ok", "5.00", "open"),
        ("2026-04-05 13:01", "promise", "promises-used-up", "5.00", "open"),
        ("2026-04-06 00:00", "", "ok", "5.00", "open: 5.00 to pay until 2026-04-06 10:00"),
        ("2026-04-06 10:00", "", "ok", "5.00", "shut: 5.00 to pay"),
    ]);
    Story::new("", "25.00").run(&[
        ("2026-04-03 11:00", "promise", "ok", "-5.00", "open"),
        ("2026-04-05 12:00", "pay 30.00", "ok", "5.00", "open"),
        ("2026-04-06 10:00", "", "ok", "5.00", "shut: 5.00 to pay"),
    ]);
}

#[test]
fn a_promise_is_given_the_day_before_it_is_needed_and_lasts_over_the_night() {
    Story::new("", "25.00").run(&[
        ("2026-04-01 12:00", "promise", "promise-not-needed", "15.00", "open"),
        ("2026-04-02 20:00", "promise", "ok", "5.00", "open"),
        ("2026-04-03 00:00", "", "ok", "-5.00", "open"),
        ("2026-04-05 10:00", "", "ok", "-25.00", "shut: 25.00 to pay"),
    ]);
}

#[test]
fn a_promise_has_its_price_and_is_given_anew_in_the_next_month() {
    let rules = BillingRules { promise_price: money("1.50"), ..BillingRules::default() };
    Story::with("", "5.00", rules).run(&[
        ("2026-04-01 11:00", "promise 30.00 1", "ok", "-6.50", "open"),
        ("2026-04-02 09:59", "", "ok", "-16.50", "open"),
        ("2026-04-02 10:00", "", "ok", "-16.50", "shut: 16.50 to pay"),
        ("2026-04-30 12:00", "promise", "promises-used-up", "-16.50", "shut: 26.50 to pay"),
        ("2026-05-01 12:00", "promise", "ok", "-27.68", "open"),
    ]);
}

#[test]
fn a_pause_costs_its_own_price_and_the_month_the_rest() {
    let rules = || BillingRules { pause_fee: money("1.00"), ..BillingRules::default() };
    for charge in ["daily", "period"] {
        Story::with(&format!("charge = \"{charge}\""), "1000.00", rules()).run(&[
            (
                "2026-04-01 12:00",
                "pause 2026-04-11 2026-04-20",
                "ok",
                march(charge, "990.00", "700.00"),
                "open",
            ),
            ("2026-04-10 23:59", "", "ok", march(charge, "900.00", "700.00"), "open"),
            ("2026-04-11 00:00", "", "ok", march(charge, "899.00", "709.00"), "paused"),
            ("2026-04-20 23:59", "", "ok", march(charge, "890.00", "790.00"), "paused"),
            ("2026-04-21 00:00", "", "ok", march(charge, "880.00", "790.00"), "open"),
            ("2026-04-30 12:00", "", "ok", "790.00", "open"),
        ]);
    }
}

fn march<'a>(charge: &str, daily: &'a str, period: &'a str) -> &'a str {
    if charge == "daily" { daily } else { period }
}

#[test]
fn resuming_early_charges_that_day() {
    let rules = || BillingRules { pause_fee: money("1.00"), ..BillingRules::default() };
    Story::with("", "100.00", rules()).run(&[
        ("2026-04-01 12:00", "pause 2026-04-03 2026-04-20", "ok", "90.00", "open"),
        ("2026-04-05 12:00", "", "ok", "77.00", "paused"),
        ("2026-04-05 12:01", "resume", "ok", "67.00", "open"),
        ("2026-04-05 12:02", "resume", "not-paused", "67.00", "open"),
        ("2026-04-06 00:00", "", "ok", "57.00", "open"),
        ("2026-04-06 12:00", "pause 2026-04-10 2026-07-06", "pause-too-long", "57.00", "open"),
        ("2026-04-06 12:00", "pause 2026-04-10 2026-07-05", "ok", "57.00", "open"),
        ("2026-04-06 12:01", "resume", "ok", "57.00", "open"),
        ("2026-04-10 00:00", "", "ok", "17.00", "open"),
    ]);
    Story::with("charge = \"period\"", "400.00", rules()).run(&[
        ("2026-04-01 12:00", "pause 2026-04-03 2026-04-20", "ok", "100.00", "open"),
        ("2026-04-05 12:00", "", "ok", "127.00", "paused"),
        ("2026-04-05 12:01", "resume", "ok", "117.00", "open"),
        ("2026-04-06 00:00", "", "ok", "117.00", "open"),
    ]);
}

#[test]
fn resuming_without_the_money_for_the_day_opens_nothing() {
    let mut story = Story::new("", "15.00");
    story.run(&[
        ("2026-04-01 12:00", "pause 2026-04-02 2026-04-20", "ok", "5.00", "open"),
        ("2026-04-05 12:00", "resume", "ok", "5.00", "shut: 5.00 to pay"),
        ("2026-04-05 13:00", "pay 5.00", "ok", "0.00", "open"),
    ]);
}

#[test]
fn a_day_that_begins_blocked_is_charged_when_the_block_ends_and_other_days_are_not() {
    Story::new("", "100.00").run(&[
        ("2026-04-01 12:00", "block", "ok", "90.00", "blocked"),
        ("2026-04-01 13:00", "unblock", "ok", "90.00", "open"),
        ("2026-04-01 14:00", "block", "ok", "90.00", "blocked"),
        ("2026-04-05 12:00", "", "ok", "90.00", "blocked"),
        ("2026-04-05 13:00", "unblock", "ok", "80.00", "open"),
        ("2026-04-05 14:00", "block", "ok", "80.00", "blocked"),
        ("2026-04-05 15:00", "unblock", "ok", "80.00", "open"),
        ("2026-04-06 00:00", "", "ok", "70.00", "open"),
    ]);
}

#[test]
fn a_shortage_by_hand_takes_effect_at_once_and_one_by_a_fee_at_the_hour() {
    Story::new("on-shortage = \"debt\"", "5.00").run(&[
        ("2026-04-01 00:00", "", "ok", "-5.00", "open: 5.00 to pay until 2026-04-01 10:00"),
        ("2026-04-01 08:00", "charge 1.00", "ok", "-6.00", "shut: 6.00 to pay"),
        ("2026-04-01 08:30", "pay 7.00", "ok", "1.00", "open"),
        ("2026-04-01 09:00", "charge 2.00", "ok", "-1.00", "shut: 1.00 to pay"),
    ]);
}
