//! The states of rules.md: every combination of the flags, and moments exactly at their edge.

use crate::engine::day_of;
use crate::engine::testing::{Ledger, NOW, money};
use crate::model::*;
use jiff::tz::TimeZone;
use std::time::Duration;

/// What can hold a subscriber back besides money and a pause.
#[derive(Clone, Copy, Debug)]
enum Hold {
    Nothing,
    Administrator,
    Closed,
    NotYet,
    Expired,
}

fn standing(balance: &str, hold: Hold, paused: bool) -> Standing {
    let mut ledger = Ledger::sample();
    let options = LoadOptions { set_balances: true, ..LoadOptions::default() };
    let text = format!("[[account]]\ncontract = \"1001\"\nbalance = \"{balance}\"");
    ledger.load_with(&text, options).unwrap();
    let view = ledger.state.view(ledger.subscriber("ivanov"), NOW).unwrap();
    let mut subscriber = Subscriber::clone(&view.subscriber);
    let mut account = Account::clone(&view.account);
    let hour = Duration::from_secs(3600);
    match hold {
        Hold::Nothing => {}
        Hold::Administrator => {
            subscriber.block =
                Some(Block { reason: "кабель".into(), since: NOW, by: "cli:root".into() });
        }
        Hold::Closed => account.closed = true,
        Hold::NotYet => subscriber.valid_from = Some(NOW.saturating_add(hour)),
        Hold::Expired => subscriber.valid_until = Some(NOW.saturating_sub(hour)),
    }
    let day = day_of(NOW, &TimeZone::UTC);
    subscriber.terms.pause = paused.then_some(Pause { from: day, to: day });
    ledger.state.absorb(&Change::Account(account), NOW, &mut ledger.touched);
    ledger.state.absorb(&Change::Subscriber(Box::new(subscriber)), NOW, &mut ledger.touched);
    ledger.standing("ivanov")
}

#[test]
fn every_combination_of_money_block_and_pause_has_its_verdict() {
    use Hold::*;
    use Verdict::*;
    // balance, hold, paused | negbal, blocked, paused, verdict, reason
    #[rustfmt::skip]
    let table = [
        ("0.00",  Nothing,       false, false, false, false, LetThrough, None),
        ("0.00",  Nothing,       true,  false, true,  true,  Paused,     Some("paused")),
        ("-0.01", Nothing,       false, true,  false, false, Negbal,     Some("no-money")),
        ("-0.01", Nothing,       true,  true,  true,  true,  Paused,     Some("paused")),
        ("0.00",  Administrator, false, false, true,  false, Blocked,    Some("blocked-by-administrator")),
        ("0.00",  Administrator, true,  false, true,  false, Blocked,    Some("blocked-by-administrator")),
        ("-0.01", Administrator, false, true,  true,  false, Blocked,    Some("blocked-by-administrator")),
        ("-0.01", Administrator, true,  true,  true,  false, Blocked,    Some("blocked-by-administrator")),
        ("0.00",  Closed,        false, false, true,  false, Blocked,    Some("account-closed")),
        ("0.00",  Closed,        true,  false, true,  false, Blocked,    Some("account-closed")),
        ("-0.01", Closed,        false, true,  true,  false, Blocked,    Some("account-closed")),
        ("-0.01", Closed,        true,  true,  true,  false, Blocked,    Some("account-closed")),
        ("0.00",  NotYet,        false, false, true,  false, Blocked,    Some("not-yet-valid")),
        ("0.00",  NotYet,        true,  false, true,  false, Blocked,    Some("not-yet-valid")),
        ("-0.01", NotYet,        false, true,  true,  false, Blocked,    Some("not-yet-valid")),
        ("-0.01", NotYet,        true,  true,  true,  false, Blocked,    Some("not-yet-valid")),
        ("0.00",  Expired,       false, false, true,  false, Blocked,    Some("expired")),
        ("0.00",  Expired,       true,  false, true,  false, Blocked,    Some("expired")),
        ("-0.01", Expired,       false, true,  true,  false, Blocked,    Some("expired")),
        ("-0.01", Expired,       true,  true,  true,  false, Blocked,    Some("expired")),
    ];
    for (balance, hold, pause, negbal, blocked, paused, verdict, reason) in table {
        let found = standing(balance, hold, pause);
        let case = format!("{balance} {hold:?} paused={pause}");
        assert_eq!((found.negbal, found.blocked, found.paused), (negbal, blocked, paused), "{case}");
        assert_eq!(found.verdict, verdict, "{case}");
        assert_eq!(found.reason.as_ref().map(Reason::token), reason, "{case}");
    }
}

#[test]
fn the_shortage_says_what_is_missing_with_the_credit_counted() {
    let mut ledger = Ledger::sample();
    ledger.load("[[account]]\ncontract = \"1001\"\ncredit-limit = \"50.00\"").unwrap();
    for (sum, reason) in [
        ("200.00", None),
        ("0.01", Some(Reason::Shortage { missing: money("0.01") })),
        ("10.00", Some(Reason::Shortage { missing: money("10.01") })),
    ] {
        let account = ledger.account("1001");
        ledger.run(&Command::Charge { account, sum: money(sum), text: "работы".into() }).unwrap();
        assert_eq!(ledger.standing("ivanov").reason, reason, "{sum}");
    }
}

#[test]
fn a_credit_lasts_until_its_moment_and_not_at_it() {
    let mut ledger = Ledger::sample();
    ledger
        .load("[[account]]\ncontract = \"1001\"\ncredit-limit = \"500\"\ncredit-until = \"2026-04-07 00:00\"")
        .unwrap();
    let account = ledger.account("1001");
    ledger.run(&Command::Charge { account, sum: money("200"), text: "работы".into() }).unwrap();
    let until = ledger.state.next_deadline().unwrap();
    assert_eq!(until, Timestamp::from_seconds(1_775_520_000));
    ledger.now = Timestamp::from_micros(until.micros() - 1);
    assert_eq!(ledger.standing("ivanov").verdict, Verdict::LetThrough);
    assert!(ledger.state.take_due(ledger.now).is_empty());
    ledger.now = until;
    assert_eq!(ledger.standing("ivanov").verdict, Verdict::Negbal);
    let due: Vec<_> = ledger.state.take_due(ledger.now).into_iter().collect();
    assert_eq!(due, [ledger.subscriber("ivanov")]);
    assert_eq!(ledger.state.next_deadline(), None);
}

#[test]
fn a_validity_holds_from_its_first_moment_and_ends_at_its_last() {
    let mut ledger = Ledger::sample();
    ledger
        .load("[[subscriber]]\nlogin = \"ivanov\"\nvalid-from = \"2026-04-07\"\nvalid-until = \"2026-04-08\"")
        .unwrap();
    let from = Timestamp::from_seconds(1_775_520_000);
    let until = from.saturating_add(Duration::from_secs(86_400));
    let before = |at: Timestamp| Timestamp::from_micros(at.micros() - 1);
    for (at, reason) in
        [(before(from), Some("not-yet-valid")), (from, None), (before(until), None), (until, Some("expired"))]
    {
        ledger.now = at;
        assert_eq!(ledger.standing("ivanov").reason.as_ref().map(Reason::token), reason, "{at:?}");
    }
    assert_eq!(ledger.state.take_due(before(from)).len(), 0);
    assert_eq!(ledger.state.take_due(from).len(), 1);
    assert_eq!(ledger.state.take_due(until).len(), 1);
}

#[test]
fn every_login_of_an_account_is_short_when_the_account_is() {
    let mut ledger = Ledger::sample();
    let account = ledger.account("1002");
    ledger.run(&Command::Charge { account, sum: money("0.01"), text: "работы".into() }).unwrap();
    for (login, verdict) in
        [("petrov", Verdict::Negbal), ("petrov-dacha", Verdict::Negbal), ("ivanov", Verdict::LetThrough)]
    {
        assert_eq!(ledger.standing(login).verdict, verdict, "{login}");
    }
}

#[test]
fn a_state_loaded_again_knows_its_deadlines() {
    let mut ledger = Ledger::sample();
    ledger
        .load("[[account]]\ncontract = \"1001\"\ncredit-limit = \"1\"\ncredit-until = \"2026-04-07\"")
        .unwrap();
    let view = ledger.state.view(ledger.subscriber("ivanov"), NOW).unwrap();
    let snapshot = Snapshot {
        accounts: vec![Account::clone(&view.account)],
        subscribers: vec![Subscriber::clone(&view.subscriber)],
        ..Snapshot::default()
    };
    let again = crate::engine::State::new(snapshot, Default::default(), NOW);
    assert_eq!(again.next_deadline(), ledger.state.next_deadline());
}
