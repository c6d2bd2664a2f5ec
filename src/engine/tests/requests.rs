//! Requests with a key: what is answered again, what is a conflict, what is forgotten.

use crate::engine::testing::{Ledger, NOW, load, money, payment};
use crate::engine::{Request, State};
use crate::model::*;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

fn key(key: &str, payload: u8) -> RequestKey {
    RequestKey { key: key.into(), payload: [payload; 32] }
}

fn charge(ledger: &Ledger, sum: &str) -> Command {
    Command::Charge { account: ledger.account("1001"), sum: money(sum), text: "работы".into() }
}

fn token(outcome: Result<Outcome, Refusal>) -> String {
    outcome.unwrap_err().token
}

#[test]
fn the_same_key_and_payload_has_the_first_answer_and_changes_nothing() {
    let mut ledger = Ledger::sample();
    let command = charge(&ledger, "10.00");
    let first = ledger.run_keyed(&command, Some(&key("k", 1))).unwrap();
    let written = ledger.changes.len();
    for _ in 0..3 {
        let again = ledger.run_keyed(&command, Some(&key("k", 1))).unwrap();
        assert_eq!(again, Outcome::Repeat(Box::new(first.clone())));
        assert_eq!(again.split_repeat(), (first.clone(), true));
    }
    assert_eq!((ledger.changes.len(), ledger.balance("1001").as_str()), (written, "140.00"));
    assert!(matches!(ledger.run(&command), Ok(Outcome::Charged { .. })), "without a key it is another");
}

#[test]
fn another_payload_under_a_known_key_is_a_conflict() {
    let mut ledger = Ledger::sample();
    let command = charge(&ledger, "10.00");
    ledger.run_keyed(&command, Some(&key("k", 1))).unwrap();
    let other = charge(&ledger, "20.00");
    assert_eq!(token(ledger.run_keyed(&other, Some(&key("k", 2)))), "idempotency-conflict");
    assert!(ledger.run_keyed(&other, Some(&key("l", 2))).is_ok());
    assert_eq!(ledger.balance("1001"), "120.00");
}

#[test]
fn each_actor_has_keys_of_its_own() {
    let mut ledger = Ledger::sample();
    let command = charge(&ledger, "10.00");
    ledger.run_keyed(&command, Some(&key("k", 1))).unwrap();
    let (anna, key) = (Actor("cli:anna".into()), key("k", 2));
    let request = Request { command: &command, actor: &anna, key: Some(&key) };
    let decision = ledger.state.decide_request(&request, ledger.now).unwrap();
    assert!(matches!(decision.outcome, Outcome::Charged { .. }));
}

#[test]
fn a_refusal_is_not_remembered() {
    let mut ledger = Ledger::sample();
    let k = key("k", 1);
    let refund = CorrectionCommand::Refund {
        account: ledger.account("1002"),
        sum: money("5.00"),
        text: "возврат".into(),
    };
    let command = Command::Correction(refund);
    assert_eq!(token(ledger.run_keyed(&command, Some(&k))), "not-covered");
    let request = payment("1", Some(ledger.account("1002")), "5.00");
    ledger.run(&Command::Pay(request)).unwrap();
    assert!(matches!(ledger.run_keyed(&command, Some(&k)), Ok(Outcome::Posted { .. })));
    assert!(matches!(ledger.run_keyed(&command, Some(&k)), Ok(Outcome::Repeat(_))));
    assert_eq!(ledger.balance("1002"), "0.00");
}

#[test]
fn what_changed_nothing_is_remembered_too() {
    let mut ledger = Ledger::sample();
    let subscriber = ledger.subscriber("ivanov");
    let unblock = Command::Unblock { subscriber };
    let k = key("k", 1);
    let first = ledger.run_keyed(&unblock, Some(&k)).unwrap();
    assert_eq!(first, Outcome::Done { changed: false });
    ledger.run(&Command::Block { subscriber, reason: "кабель".into() }).unwrap();
    assert_eq!(ledger.run_keyed(&unblock, Some(&k)).unwrap(), Outcome::Repeat(Box::new(first)));
    assert_eq!(ledger.standing("ivanov").verdict, Verdict::Blocked);
}

#[test]
fn a_preview_has_no_key() {
    let mut ledger = Ledger::sample();
    let file = "[[account]]\ncontract = \"2001\"";
    let preview = load(file, LoadOptions { dry_run: true, ..LoadOptions::default() });
    ledger.run_keyed(&preview, Some(&key("k", 1))).unwrap();
    let real = load(file, LoadOptions::default());
    assert!(matches!(ledger.run_keyed(&real, Some(&key("k", 2))), Ok(Outcome::Loaded(_))));
    let rating = |dry_run| {
        let files = RatingFiles { destinations: Some("[]".into()), ..RatingFiles::default() };
        let options = LoadOptions { dry_run, ..LoadOptions::default() };
        Command::Calls(CallCommand::Load { files: Box::new(files), options })
    };
    ledger.run_keyed(&rating(true), Some(&key("r", 1))).unwrap();
    assert!(matches!(ledger.run_keyed(&rating(false), Some(&key("r", 2))), Ok(Outcome::Loaded(_))));
}

#[test]
fn keys_have_a_length() {
    let mut ledger = Ledger::sample();
    let command = charge(&ledger, "10.00");
    for (text, ok) in [(String::new(), false), ("k".repeat(256), false), ("k".repeat(255), true)] {
        let result = ledger.run_keyed(&command, Some(&key(&text, 1)));
        assert_eq!(result.is_ok(), ok);
        assert!(ok || token(result) == "bad-idempotency-key");
    }
    assert_eq!(ledger.balance("1001"), "140.00");
}

#[test]
fn an_answer_is_remembered_for_thirty_days_also_after_a_restart() {
    for restart in [false, true] {
        let mut ledger = Ledger::sample();
        let command = charge(&ledger, "10.00");
        ledger.run_keyed(&command, Some(&key("k", 1))).unwrap();
        ledger.now = NOW.saturating_add(30 * DAY);
        if restart {
            let snapshot = crate::engine::testing::stored(&ledger.changes);
            ledger.state = State::new(snapshot, Default::default(), ledger.now);
        }
        assert!(matches!(ledger.run_keyed(&command, Some(&key("k", 1))), Ok(Outcome::Repeat(_))));
        ledger.now = ledger.now.saturating_add(Duration::from_micros(1));
        assert!(matches!(ledger.run_keyed(&command, Some(&key("k", 1))), Ok(Outcome::Charged { .. })));
        assert!(matches!(ledger.run_keyed(&command, Some(&key("k", 1))), Ok(Outcome::Repeat(_))));
        assert_eq!(ledger.balance("1001"), "130.00");
        // The old answer goes before the new one takes its key.
        let of_keys: Vec<&Change> = ledger
            .changes
            .iter()
            .filter(|change| matches!(change, Change::Answer(_) | Change::ForgetAnswers(_)))
            .collect();
        let [.., Change::ForgetAnswers(before), Change::Answer(answer)] = of_keys.as_slice() else {
            panic!("{of_keys:?}")
        };
        assert_eq!((*before, answer.at), (NOW.saturating_add(Duration::from_micros(1)), ledger.now));
    }
}

#[test]
fn old_answers_are_looked_for_once_a_day() {
    let mut ledger = Ledger::sample();
    let command = charge(&ledger, "1.00");
    let mut looked = Vec::new();
    for hour in 0..60u32 {
        ledger.now = NOW.saturating_add(Duration::from_secs(3600) * hour);
        let before = ledger.changes.len();
        ledger.run_keyed(&command, Some(&key(&hour.to_string(), 1))).unwrap();
        if ledger.changes[before..].iter().any(|change| matches!(change, Change::ForgetAnswers(_))) {
            looked.push(hour);
        }
    }
    assert_eq!(looked, [0, 24, 48]);
}
