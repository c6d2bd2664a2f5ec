//! Who is told before a cut, when, and of what.

use super::{close_batch, pay, told};
use crate::engine::Settings;
use crate::engine::testing::{Ledger, NOW, SAMPLE};
use crate::model::*;
use serde_json::{Value, json};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

/// Ivanov has a phone and 150.00, which lasts for 15 days of 10.00 in April: from the 7th to the 21st.
fn sample() -> Ledger {
    sample_of(SAMPLE, BillingRules::default())
}

fn sample_of(data: &str, billing: BillingRules) -> Ledger {
    let target = |name: &str, kind| EventTarget { name: name.into(), kinds: [kind].into_iter().collect() };
    let texts = NoticeTexts {
        subject: "{days} days".into(),
        text: "{contract} {name}: {balance}, pay {sum} {currency} (at least {missing}) before {date}".into(),
        ..NoticeTexts::default()
    };
    let targets = vec![target("sms", EventKind::NoticeSms), target("mail", EventKind::NoticeEmail)];
    let events = EventRules { targets, texts, ..EventRules::default() };
    let mut ledger = Ledger::with(Settings { events, billing, ..Settings::default() });
    ledger.load(data).unwrap();
    ledger.load("[[account]]\ncontract = \"1001\"\nphone = \"+79990001122\"\n").unwrap();
    ledger
}

/// What the clock brings, hour by hour; each notice with the moment of it.
fn hours(ledger: &mut Ledger, count: usize) -> Vec<(String, Value)> {
    let mut notices = Vec::new();
    for _ in 0..count {
        ledger.changes.clear();
        while ledger.state.next_clock(|| true, ledger.now) <= ledger.now {
            ledger.run(&Command::Clock { synchronised: true }).unwrap();
        }
        close_batch(ledger);
        let at =
            jiff::Timestamp::from_microsecond(ledger.now.micros()).unwrap().strftime("%d %H:%M").to_string();
        notices.extend(told(ledger, "sms").into_iter().map(|(_, data)| (at.clone(), data)));
        ledger.now = ledger.now.saturating_add(HOUR);
    }
    notices
}

fn days(notices: &[(String, Value)]) -> Vec<(&str, i64)> {
    notices.iter().map(|(at, data)| (at.as_str(), data["days_left"].as_i64().unwrap())).collect()
}

#[test]
fn a_notice_comes_three_days_and_one_day_before_the_cut_and_says_what_to_pay() {
    let mut ledger = sample();
    let notices = hours(&mut ledger, 24 * 20);
    assert_eq!(days(&notices), [("19 12:20", 3), ("21 12:20", 1)]);
    let first = json!({
        "contract_number": "1001", "name": "Иванов Иван", "phone": "+79990001122", "days_left": 3,
        "cut_at": "2026-04-22 10:00:00", "balance": "20.00", "missing": "10.00", "sum": "300.00",
        "subject": "3 days",
        "text": "1001 Иванов Иван: 20.00, pay 300.00 RUB (at least 10.00) before 2026-04-22",
    });
    assert_eq!(notices[0].1, first);
}

#[test]
fn who_pays_a_little_is_told_before_the_next_cut_too_and_who_pays_enough_is_not() {
    let mut ledger = sample();
    assert_eq!(days(&hours(&mut ledger, 24 * 14)), [("19 12:20", 3)]);
    pay(&mut ledger, "1001", "p1", "10");
    assert_eq!(days(&hours(&mut ledger, 24 * 3)), [("20 12:20", 3), ("22 12:20", 1)]);
    pay(&mut ledger, "1001", "p2", "300");
    assert_eq!(days(&hours(&mut ledger, 24 * 5)), []);
}

#[test]
fn a_charge_that_brings_the_cut_nearer_brings_no_notice_twice() {
    let mut ledger = sample();
    assert_eq!(days(&hours(&mut ledger, 24 * 14)), [("19 12:20", 3)]);
    let account = ledger.account("1001");
    ledger.run(&Command::Charge { account, sum: "5".parse().unwrap(), text: "call-out".into() }).unwrap();
    // 15.00 on the 20th at 00:00: 5.00, and the 21st is not covered.
    assert_eq!(days(&hours(&mut ledger, 24 * 3)), [("20 12:20", 1)]);
}

#[test]
fn nobody_is_told_without_a_phone_or_when_everybody_is_let_through_or_in_the_night() {
    let mut ledger = sample();
    ledger.load("[[account]]\ncontract = \"1001\"\nphone = \"\"\nemail = \"i@example.org\"\n").unwrap();
    assert_eq!(days(&hours(&mut ledger, 24 * 14)), []);
    assert_eq!(told(&mut ledger, "mail").len(), 0, "of the last hour");
    let mut ledger = sample();
    ledger.run(&Command::Terms(TermsCommand::Panic { open: true })).unwrap();
    assert_eq!(days(&hours(&mut ledger, 24 * 20)), []);
    // Away from the 19th before noon to 21:00: the notice of that day is not made up, the next one is.
    let mut ledger = sample();
    hours(&mut ledger, 24 * 12);
    ledger.now = NOW.saturating_add(HOUR * (24 * 13 + 10));
    let notices = hours(&mut ledger, 24 * 4);
    assert_eq!(days(&notices), [("20 12:20", 2), ("21 12:20", 1)]);
}

#[test]
fn a_fee_by_the_period_is_seen_before_it_is_charged() {
    // Paid to the end of April, and 300.00 on 1 May, where 150.00 are.
    let data = SAMPLE.replace("fee = \"300.00\"", "fee = \"300.00\"\ncharge = \"period\"");
    let mut ledger = sample_of(&data, BillingRules::default());
    let notices = hours(&mut ledger, 24 * 27);
    assert_eq!(days(&notices), [("28 12:20", 3), ("30 12:20", 1)]);
    assert_eq!((&notices[0].1["missing"], &notices[0].1["sum"]), (&json!("150.00"), &json!("300.00")));
}

#[test]
fn a_weekend_without_cuts_puts_the_notice_off_too() {
    // 180.00 last to Friday the 24th; the fee of Saturday is not covered, and cuts are on Monday.
    let data = SAMPLE.replace("balance = \"150.00\"", "balance = \"180.00\"");
    let cut_days = [true, true, true, true, true, false, false];
    let mut ledger = sample_of(&data, BillingRules { cut_days, ..BillingRules::default() });
    let notices = hours(&mut ledger, 24 * 22);
    assert_eq!(days(&notices), [("24 12:20", 3), ("26 12:20", 1)]);
    assert!(notices.iter().all(|(_, data)| data["cut_at"] == "2026-04-27 10:00:00"), "{notices:?}");
}
