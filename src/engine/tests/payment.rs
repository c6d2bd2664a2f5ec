//! Payments and charges: what is taken, what is answered again, what is refused and in which order.

use crate::engine::testing::{Ledger, actor, money, payment};
use crate::engine::{Recalled, Request, Settings};
use crate::model::*;

fn taken(outcome: Result<Outcome, Refusal>) -> (Payment, bool) {
    match outcome {
        Ok(Outcome::Paid { payment, repeat }) => (payment, repeat),
        other => panic!("{other:?}"),
    }
}

fn token(outcome: Result<Outcome, Refusal>) -> String {
    outcome.unwrap_err().token
}

#[test]
fn a_payment_is_booked_and_a_repeat_gets_the_first_answer() {
    let mut ledger = Ledger::sample();
    let request = payment("17", Some(ledger.account("1001")), "200.00");
    let (first, repeat) = taken(ledger.run(&Command::Pay(request.clone())));
    assert!(!repeat);
    assert_eq!((first.balance_after, first.contract.as_str()), (money("350.00"), "1001"));
    // Other money moves in between; the answer stays the first one.
    let account = ledger.account("1001");
    ledger.run(&Command::Charge { account, sum: money("10"), text: "работы".into() }).unwrap();
    ledger.now = ledger.now.saturating_add(std::time::Duration::from_secs(60));
    let changes = ledger.changes.len();
    assert_eq!(taken(ledger.run(&Command::Pay(request))), (first, true));
    assert_eq!((ledger.balance("1001").as_str(), ledger.changes.len()), ("340.00", changes));
}

#[test]
fn a_repeat_with_another_payload_is_a_conflict_with_the_vendors_text() {
    let mut ledger = Ledger::sample();
    let first = payment("17", Some(ledger.account("1001")), "200.00");
    ledger.run(&Command::Pay(first.clone())).unwrap();
    let other = ledger.account("1002");
    let cases = [
        (
            PaymentRequest { sum: money("200.01"), ..first.clone() },
            "duplicate-other-sum",
            "Сумма дублирующего платежа не совпадает с оригиналом!",
        ),
        (
            PaymentRequest { operator_date: "20260406142001".into(), ..first.clone() },
            "duplicate-other-date",
            ". Дата дублирующего платежа не совпадает с оригиналом!",
        ),
        (
            PaymentRequest { who: "1002".into(), account: Some(other), ..first.clone() },
            "duplicate-other-account",
            "Дублирующий платеж указывает другого абонента! (1002)",
        ),
        (
            PaymentRequest { who: "9999".into(), account: None, ..first.clone() },
            "duplicate-other-account",
            "Дублирующий платеж указывает другого абонента! (9999)",
        ),
    ];
    for (request, wanted, text) in cases {
        let refusal = ledger.run(&Command::Pay(request)).unwrap_err();
        assert_eq!((refusal.token.as_str(), refusal.text.as_str()), (wanted, text));
    }
    assert_eq!(ledger.balance("1001"), "350.00");
    assert_eq!(ledger.balance("1002"), "0.00");
}

#[test]
fn a_repeat_is_known_when_the_subscriber_is_named_otherwise_or_gone() {
    let mut ledger = Ledger::sample();
    let first = payment("17", Some(ledger.account("1001")), "200.00");
    ledger.run(&Command::Pay(first.clone())).unwrap();
    for request in [
        PaymentRequest { who: "ivanov".into(), ..first.clone() },
        // The address that was named is nobody's by now, or somebody else's.
        PaymentRequest { account: None, ..first.clone() },
        PaymentRequest { account: Some(ledger.account("1002")), ..first.clone() },
    ] {
        let (payment, repeat) = taken(ledger.run(&Command::Pay(request)));
        assert_eq!((payment.account, repeat), (ledger.account("1001"), true));
    }
    assert_eq!(ledger.balance("1002"), "0.00");
}

#[test]
fn another_operator_may_use_the_same_number() {
    let mut ledger = Ledger::sample();
    let first = payment("17", Some(ledger.account("1001")), "200.00");
    let mut second = first.clone();
    second.key.operator = "sber".into();
    ledger.run(&Command::Pay(first)).unwrap();
    assert!(!taken(ledger.run(&Command::Pay(second))).1);
    assert_eq!(ledger.balance("1001"), "550.00");
}

#[test]
fn sums_are_more_than_nothing_at_most_the_maximum_and_in_minor_units() {
    let mut ledger = Ledger::sample();
    let account = ledger.account("1001");
    for (sum, ok) in [
        ("0", false),
        ("-1.00", false),
        ("0.001", false),
        ("0.01", true),
        ("999999.999", false),
        ("1000000.00", true),
        ("1000000.01", false),
    ] {
        let pay = Command::Pay(payment(sum, Some(account), sum));
        let charge = Command::Charge { account, sum: money(sum), text: "работы".into() };
        for command in [pay, charge] {
            match ledger.run(&command) {
                Ok(_) => assert!(ok, "{sum}"),
                Err(refusal) => assert_eq!((refusal.token.as_str(), ok), ("bad-sum", false), "{sum}"),
            }
        }
    }
}

#[test]
fn a_currency_without_minor_unit_takes_whole_units_only() {
    let mut ledger = Ledger::with(Settings { currency_digits: 0, ..Settings::default() });
    ledger.load("[[account]]\ncontract = \"1001\"").unwrap();
    let account = Some(ledger.account("1001"));
    assert_eq!(token(ledger.run(&Command::Pay(payment("1", account, "10.50")))), "bad-sum");
    assert!(ledger.run(&Command::Pay(payment("1", account, "10.00"))).is_ok());
}

#[test]
fn the_sum_is_checked_before_the_duplicate_and_the_duplicate_before_the_subscriber() {
    let mut ledger = Ledger::sample();
    let known = payment("17", Some(ledger.account("1001")), "200.00");
    ledger.run(&Command::Pay(known.clone())).unwrap();
    let nobody = PaymentRequest { who: "9999".into(), account: None, ..known.clone() };
    let mut fresh = nobody.clone();
    fresh.key.id = "18".into();
    for (request, wanted) in [
        (PaymentRequest { sum: money("0"), ..nobody.clone() }, "bad-sum"),
        (
            PaymentRequest { sum: money("1.00"), operator_date: "other".into(), ..nobody.clone() },
            "duplicate-other-sum",
        ),
        (PaymentRequest { operator_date: "other".into(), ..nobody.clone() }, "duplicate-other-date"),
        (nobody, "duplicate-other-account"),
        (fresh, "subscriber-not-found"),
    ] {
        assert_eq!(token(ledger.run(&Command::Pay(request))), wanted);
    }
    assert_eq!(ledger.balance("1001"), "350.00");
}

#[test]
fn a_payment_needs_an_id_of_bounded_length() {
    let mut ledger = Ledger::sample();
    let account = Some(ledger.account("1001"));
    for (id, wanted) in [(String::new(), "no-payment-id"), ("7".repeat(129), "bad-payment-id")] {
        assert_eq!(token(ledger.run(&Command::Pay(payment(&id, account, "1.00")))), wanted);
    }
    assert!(ledger.run(&Command::Pay(payment(&"7".repeat(128), account, "1.00"))).is_ok());
}

#[test]
fn a_payment_to_a_blocked_or_closed_account_is_taken() {
    let mut ledger = Ledger::sample();
    let (account, subscriber) = (ledger.account("1001"), ledger.subscriber("ivanov"));
    ledger.run(&Command::Block { subscriber, reason: "кабель".into() }).unwrap();
    taken(ledger.run(&Command::Pay(payment("1", Some(account), "10.00"))));
    let (closed, _) = ledger.state.account_view(account).unwrap();
    let closed = Account { closed: true, ..Account::clone(&closed) };
    ledger.state.absorb(&Change::Account(closed), ledger.now, &mut ledger.touched);
    taken(ledger.run(&Command::Pay(payment("2", Some(account), "10.00"))));
    assert_eq!(ledger.balance("1001"), "170.00");
    assert_eq!(ledger.standing("ivanov").verdict, Verdict::Blocked);
}

#[test]
fn the_first_payment_of_an_operator_opens_its_account_and_later_ones_use_it() {
    let mut ledger = Ledger::sample();
    let account = Some(ledger.account("1001"));
    ledger.changes.clear();
    for (id, operator, opened) in [("1", "osmp", 1), ("2", "osmp", 1), ("1", "sber", 2), ("3", "osmp", 2)] {
        let mut request = payment(id, account, "10.00");
        request.key.operator = operator.into();
        ledger.run(&Command::Pay(request)).unwrap();
        let accounts = ledger.changes.iter().filter(|c| matches!(c, Change::LedgerAccount(_)));
        assert_eq!(accounts.count(), opened, "{operator} {id}");
    }
    let osmp = ledger.state.own_account(LedgerKind::Operator, Asset::Money, "osmp").unwrap();
    let sber = ledger.state.own_account(LedgerKind::Operator, Asset::Money, "sber").unwrap();
    assert!(osmp.0 < 0 && sber.0 < 0 && osmp != sber);
    assert_eq!(ledger.state.balance(osmp), money("-30.00"));
    assert_eq!(ledger.state.balance(sber), money("-10.00"));
}

#[test]
fn a_charge_goes_below_zero_and_needs_a_text() {
    let mut ledger = Ledger::sample();
    let account = ledger.account("1001");
    let charge = |text: &str| Command::Charge { account, sum: money("160.00"), text: text.into() };
    for (text, wanted) in
        [(String::new(), "no-text"), (" \t".into(), "no-text"), ("x".repeat(1001), "text-too-long")]
    {
        assert_eq!(token(ledger.run(&charge(&text))), wanted);
    }
    match ledger.run(&charge("выезд мастера")).unwrap() {
        Outcome::Charged { balance, .. } => assert_eq!(balance, money("-10.00")),
        other => panic!("{other:?}"),
    }
    let nobody = Command::Charge { account: AccountId(9), sum: money("1"), text: "x".into() };
    assert_eq!(token(ledger.run(&nobody)), "account-not-found");
}

#[test]
fn a_sum_that_leaves_the_range_of_the_ledger_is_refused_and_changes_nothing() {
    let mut ledger = Ledger::empty();
    ledger.load("[[account]]\ncontract = \"1001\"\nbalance = \"9223372036854.77\"").unwrap();
    ledger.load("[[account]]\ncontract = \"1002\"\nbalance = \"-9223372036854.77\"").unwrap();
    let (rich, poor) = (ledger.account("1001"), ledger.account("1002"));
    ledger.changes.clear();
    assert_eq!(token(ledger.run(&Command::Pay(payment("1", Some(rich), "0.01")))), "out-of-range");
    let charge = Command::Charge { account: poor, sum: money("0.01"), text: "x".into() };
    assert_eq!(token(ledger.run(&charge)), "out-of-range");
    let more = "[[account]]\ncontract = \"1003\"\nbalance = \"9223372036854.77\"\n\
                [[account]]\ncontract = \"1004\"\nbalance = \"9223372036854.77\"";
    assert_eq!(ledger.load(more).unwrap_err().token, "out-of-range");
    assert!(ledger.changes.is_empty());
    assert_eq!(ledger.balance("1001"), "9223372036854.77");
    assert_eq!(ledger.balance("1002"), "-9223372036854.77");
}

#[test]
fn blocking_and_unblocking_twice_changes_once() {
    let mut ledger = Ledger::sample();
    let subscriber = ledger.subscriber("ivanov");
    let block = |reason: &str| Command::Block { subscriber, reason: reason.into() };
    for (command, changed) in [
        (block("кабель"), true),
        (block("кабель"), false),
        (block("долг соседу"), true),
        (Command::Unblock { subscriber }, true),
        (Command::Unblock { subscriber }, false),
    ] {
        assert_eq!(ledger.run(&command), Ok(Outcome::Done { changed }), "{command:?}");
    }
    assert_eq!(token(ledger.run(&block(""))), "no-text");
    let nobody = SubscriberId(99);
    assert_eq!(token(ledger.run(&Command::Unblock { subscriber: nobody })), "subscriber-not-found");
}

#[test]
fn a_repeat_is_known_after_very_many_other_payments_of_the_same_batch() {
    // The oldest remembered payment must not be forgotten between asking for keys and deciding.
    let mut ledger = Ledger::sample();
    let account = Some(ledger.account("1001"));
    let (first, _) = taken(ledger.run(&Command::Pay(payment("first", account, "1.00"))));
    for n in 1..super::super::recall::RECENT_PAYMENTS_MAX {
        let filler =
            Payment { key: PaymentKey { operator: "sber".into(), id: n.to_string() }, ..first.clone() };
        ledger.state.remember(Recalled { payments: vec![filler], ..Recalled::default() });
    }
    let new = Command::Pay(payment("new", account, "2.00"));
    let repeat = Command::Pay(payment("first", account, "1.00"));
    let actor = actor();
    let requests = [&new, &repeat].map(|command| Request { command, actor: &actor, key: None });
    let asked = ledger.state.wanted(requests.into_iter()).payments;
    ledger.run_unasked(&new).unwrap();
    let known = matches!(ledger.run_unasked(&repeat), Ok(Outcome::Paid { repeat: true, .. }));
    let will_be_fetched = asked.iter().any(|key| key.id == "first");
    assert!(known || will_be_fetched);
    assert_eq!(ledger.balance("1001"), "153.00");
}
