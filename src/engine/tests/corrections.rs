//! Reversals, corrections, refunds, moves and credit: event, result, balances.

use crate::engine::testing::{Ledger, NOW, money, payment};
use crate::model::*;
use std::time::Duration;

/// `posted SUM BALANCE`, `changed`, `unchanged`, or the refusal's token.
fn words(result: &Result<Outcome, Refusal>) -> String {
    match result {
        Ok(Outcome::Posted { amount, balance, .. }) => format!("posted {amount} {balance}"),
        Ok(Outcome::Done { changed: true }) => "changed".into(),
        Ok(Outcome::Done { changed: false }) => "unchanged".into(),
        Ok(other) => format!("{other:?}"),
        Err(refusal) => {
            assert!(!refusal.text.is_empty());
            refusal.token.clone()
        }
    }
}

fn balances(ledger: &Ledger) -> String {
    ["1001", "1002", "1003"].map(|contract| ledger.balance(contract)).join(" ")
}

/// Runs each event and compares its result and the balances after it; a refusal writes nothing.
fn check(ledger: &mut Ledger, rows: &[(CorrectionCommand, &str, &str)]) {
    for (row, (command, result, after)) in rows.iter().enumerate() {
        let written = ledger.changes.len();
        let outcome = ledger.run(&Command::Correction(command.clone()));
        assert_eq!(words(&outcome), *result, "row {row}: {command:?}");
        assert_eq!(balances(ledger), *after, "row {row}: {command:?}");
        assert_eq!(ledger.changes.len() > written, outcome.is_ok() && *result != "unchanged", "row {row}");
    }
}

fn reverse(id: i64) -> CorrectionCommand {
    CorrectionCommand::Reverse { transfer: TransferId(id), reason: "ошибка кассира".into() }
}

fn correct(account: i64, sum: &str) -> CorrectionCommand {
    let text = "пересчёт".into();
    CorrectionCommand::Correct { account: AccountId(account), sum: money(sum), text }
}

fn refund(account: i64, sum: &str) -> CorrectionCommand {
    CorrectionCommand::Refund { account: AccountId(account), sum: money(sum), text: "возврат".into() }
}

fn transfer(from: i64, to: i64, sum: &str) -> CorrectionCommand {
    let (from, to) = (AccountId(from), AccountId(to));
    CorrectionCommand::Move { from, to, sum: money(sum), text: "платёж не туда".into() }
}

fn credit(account: i64, limit: &str, until: Option<Timestamp>) -> CorrectionCommand {
    CorrectionCommand::Credit { account: AccountId(account), limit: money(limit), until }
}

/// Ids of the sample's contracts in the order 1001, 1002, 1003.
fn accounts(ledger: &Ledger) -> [i64; 3] {
    ["1001", "1002", "1003"].map(|contract| ledger.account(contract).0)
}

fn pay(ledger: &mut Ledger, id: &str, contract: &str, sum: &str) -> Payment {
    let request = payment(id, Some(ledger.account(contract)), sum);
    match ledger.run(&Command::Pay(request)) {
        Ok(Outcome::Paid { payment, .. }) => payment,
        other => panic!("{other:?}"),
    }
}

fn last_transfer(ledger: &Ledger) -> Transfer {
    let transfers = ledger.changes.iter().rev().find_map(|change| match change {
        Change::Transfer(transfer) => Some(transfer.clone()),
        _ => None,
    });
    transfers.unwrap()
}

#[test]
fn each_correction_moves_what_it_says_and_no_refusal_writes_anything() {
    let mut ledger = Ledger::sample();
    let [a, b, c] = accounts(&ledger);
    check(
        &mut ledger,
        &[
            (correct(a, "10.00"), "posted 10.00 160.00", "160.00 0.00 0.00"),
            (correct(a, "-170.50"), "posted 170.50 -10.50", "-10.50 0.00 0.00"),
            (correct(a, "110.50"), "posted 110.50 100.00", "100.00 0.00 0.00"),
            (refund(a, "100.01"), "not-covered", "100.00 0.00 0.00"),
            (refund(a, "40.00"), "posted 40.00 60.00", "60.00 0.00 0.00"),
            (refund(a, "60.00"), "posted 60.00 0.00", "0.00 0.00 0.00"),
            (refund(a, "0.01"), "not-covered", "0.00 0.00 0.00"),
            (correct(b, "25.00"), "posted 25.00 25.00", "0.00 25.00 0.00"),
            (transfer(b, c, "25.01"), "not-covered", "0.00 25.00 0.00"),
            (transfer(b, b, "5.00"), "same-account", "0.00 25.00 0.00"),
            (transfer(b, c, "5.00"), "posted 5.00 20.00", "0.00 20.00 5.00"),
            (transfer(c, a, "5.00"), "posted 5.00 0.00", "5.00 20.00 0.00"),
        ],
    );
}

#[test]
fn bad_input_is_refused_with_its_reason() {
    let mut ledger = Ledger::sample();
    let [a, b, _] = accounts(&ledger);
    let same = "150.00 0.00 0.00";
    let mut rows = Vec::new();
    for sum in ["0", "0.001", "10.999", "1000000.01", "9223372036854.77"] {
        rows.push((correct(a, sum), "bad-sum", same));
        rows.push((refund(a, sum), "bad-sum", same));
        rows.push((transfer(a, b, sum), "bad-sum", same));
        if sum != "0" {
            rows.push((credit(a, sum, None), "bad-sum", same));
        }
    }
    for sum in ["-0.01", "-1000000.01"] {
        rows.push((refund(a, sum), "bad-sum", same));
        rows.push((transfer(a, b, sum), "bad-sum", same));
        rows.push((credit(a, sum, None), "bad-sum", same));
    }
    rows.push((correct(a, "-0.001"), "bad-sum", same));
    rows.push((correct(a, "-1000000.01"), "bad-sum", same));
    let smallest = CorrectionCommand::Correct {
        account: AccountId(a),
        sum: Money::from_micros(i64::MIN),
        text: "x".into(),
    };
    rows.push((smallest, "bad-sum", same));
    for nobody in [0, 99, -1, i64::MIN] {
        rows.push((correct(nobody, "1.00"), "account-not-found", same));
        rows.push((refund(nobody, "1.00"), "account-not-found", same));
        rows.push((transfer(nobody, a, "1.00"), "account-not-found", same));
        rows.push((transfer(a, nobody, "1.00"), "account-not-found", same));
        rows.push((credit(nobody, "1.00", None), "account-not-found", same));
    }
    for id in [0, -1, 99, i64::MAX] {
        rows.push((reverse(id), "transfer-not-found", same));
    }
    for until in [NOW, Timestamp::from_seconds(0), Timestamp::from_micros(i64::MIN)] {
        rows.push((credit(a, "100.00", Some(until)), "date-in-past", same));
    }
    for (text, token) in [("", "no-text"), (" \n", "no-text"), (&*"я".repeat(501), "text-too-long")] {
        let (account, sum, text) = (AccountId(a), money("1.00"), text.to_owned());
        let other = AccountId(b);
        rows.push((CorrectionCommand::Correct { account, sum, text: text.clone() }, token, same));
        rows.push((CorrectionCommand::Refund { account, sum, text: text.clone() }, token, same));
        let moved = CorrectionCommand::Move { from: account, to: other, sum, text: text.clone() };
        rows.push((moved, token, same));
        rows.push((CorrectionCommand::Reverse { transfer: TransferId(1), reason: text }, token, same));
    }
    check(&mut ledger, &rows);
}

#[test]
fn what_leaves_the_range_of_the_ledger_is_refused() {
    let mut ledger = Ledger::empty();
    let file = "[[account]]\ncontract = \"1001\"\nbalance = \"9223372036854.77\"\n\
                [[account]]\ncontract = \"1002\"\nbalance = \"-9223372036854.77\"\n\
                [[account]]\ncontract = \"1003\"\nbalance = \"50.00\"";
    ledger.load(file).unwrap();
    let [a, b, c] = accounts(&ledger);
    let same = "9223372036854.77 -9223372036854.77 50.00";
    check(
        &mut ledger,
        &[
            (correct(a, "0.01"), "out-of-range", same),
            (correct(b, "-0.01"), "out-of-range", same),
            (transfer(c, a, "0.01"), "out-of-range", same),
        ],
    );
}

#[test]
fn a_reversal_swaps_the_sides_refers_to_the_original_and_is_made_once() {
    let mut ledger = Ledger::sample();
    let paid = pay(&mut ledger, "17", "1001", "200.00");
    let id = paid.transfer.0;
    check(
        &mut ledger,
        &[
            (reverse(id), "posted 200.00 150.00", "150.00 0.00 0.00"),
            (reverse(id), "already-reversed", "150.00 0.00 0.00"),
        ],
    );
    let reversal = last_transfer(&ledger);
    let original = ledger.changes.iter().find_map(|change| match change {
        Change::Transfer(transfer) if transfer.id.0 == id => Some(transfer),
        _ => None,
    });
    let original = original.unwrap();
    assert_eq!((reversal.debit, reversal.credit), (original.credit, original.debit));
    assert_eq!((reversal.kind, reversal.reverses), (TransferKind::Reversal, Some(original.id)));
    assert_eq!(reversal.reference, id.to_string());
    assert_eq!(reversal.text, format!("Reversal of operation {id}, payment of 2026-04-06: ошибка кассира"));
    assert_eq!(reversal.by, "cli:test");
    check(&mut ledger, &[(reverse(reversal.id.0), "not-reversible", "150.00 0.00 0.00")]);
}

#[test]
fn a_repeat_of_a_reversed_payment_has_the_first_answer_and_takes_nothing() {
    let mut ledger = Ledger::sample();
    let paid = pay(&mut ledger, "17", "1001", "200.00");
    check(&mut ledger, &[(reverse(paid.transfer.0), "posted 200.00 150.00", "150.00 0.00 0.00")]);
    let request = payment("17", Some(ledger.account("1001")), "200.00");
    let again = ledger.run(&Command::Pay(request)).unwrap();
    assert_eq!(again, Outcome::Paid { payment: Payment { reversed: true, ..paid }, repeat: true });
    assert_eq!(balances(&ledger), "150.00 0.00 0.00");
}

#[test]
fn every_kind_of_money_is_reversed_and_units_are_not() {
    let mut ledger = Ledger::sample();
    let [a, b, _] = accounts(&ledger);
    let charge = Command::Charge { account: AccountId(a), sum: money("30.00"), text: "работы".into() };
    ledger.run(&charge).unwrap();
    let charged = last_transfer(&ledger).id.0;
    let start = "120.00 0.00 0.00";
    // The opening balance of 1001 is the sample's first transfer.
    check(
        &mut ledger,
        &[
            (transfer(a, b, "20.00"), "posted 20.00 100.00", "100.00 20.00 0.00"),
            (reverse(charged + 1), "posted 20.00 0.00", start),
            (correct(a, "-5.00"), "posted 5.00 115.00", "115.00 0.00 0.00"),
            (reverse(charged + 3), "posted 5.00 120.00", start),
            (refund(a, "5.00"), "posted 5.00 115.00", "115.00 0.00 0.00"),
            (reverse(charged + 5), "posted 5.00 120.00", start),
            (reverse(charged), "posted 30.00 150.00", "150.00 0.00 0.00"),
            (reverse(1), "posted 150.00 0.00", "0.00 0.00 0.00"),
        ],
    );
    let units = [(-90, "stock"), (-91, "1001/night/1")].map(|(id, name)| LedgerAccount {
        id: AccountId(id),
        kind: LedgerKind::Stock,
        asset: Asset::Seconds,
        name: name.into(),
    });
    let grant = Transfer {
        id: TransferId(1000),
        debit: AccountId(-90),
        credit: AccountId(-91),
        kind: TransferKind::Grant,
        reverses: None,
        ..last_transfer(&ledger)
    };
    let of_nobody = Transfer { id: TransferId(1001), kind: TransferKind::Charge, ..grant.clone() };
    units.into_iter().for_each(|account| ledger.put(Change::LedgerAccount(account)));
    ledger.put(Change::Transfer(grant));
    ledger.put(Change::Transfer(of_nobody));
    for id in [1000, 1001] {
        check(&mut ledger, &[(reverse(id), "not-reversible", "0.00 0.00 0.00")]);
    }
}

#[test]
fn a_reversal_goes_below_zero_and_shuts_at_once() {
    let mut ledger = Ledger::sample();
    let paid = pay(&mut ledger, "17", "1001", "100.00");
    let account = ledger.account("1001");
    let charge = Command::Charge { account, sum: money("240.00"), text: "работы".into() };
    ledger.run(&charge).unwrap();
    assert_eq!(ledger.standing("ivanov").verdict, Verdict::LetThrough);
    check(&mut ledger, &[(reverse(paid.transfer.0), "posted 100.00 -90.00", "-90.00 0.00 0.00")]);
    assert_eq!(ledger.standing("ivanov").verdict, Verdict::Negbal);
    check(&mut ledger, &[(correct(account.0, "90.00"), "posted 90.00 0.00", "0.00 0.00 0.00")]);
    assert_eq!(ledger.standing("ivanov").verdict, Verdict::LetThrough);
}

#[test]
fn a_shortage_that_a_fee_left_open_until_the_hour_of_cuts_is_shut_by_a_correction() {
    let mut ledger = Ledger::sample();
    let [a, b, _] = accounts(&ledger);
    let until = ledger.now.saturating_add(Duration::from_secs(3600));
    let open = |ledger: &mut Ledger| {
        let state = AccountState { negative_cut_at: Some(until), ..AccountState::new(AccountId(a)) };
        ledger.put(Change::AccountState(state));
    };
    let cut_at = |ledger: &Ledger| ledger.state.billing.accounts[&AccountId(a)].negative_cut_at;
    open(&mut ledger);
    check(&mut ledger, &[(correct(a, "-150.00"), "posted 150.00 0.00", "0.00 0.00 0.00")]);
    assert_eq!(cut_at(&ledger), Some(until), "not below zero");
    check(&mut ledger, &[(correct(b, "7.00"), "posted 7.00 7.00", "0.00 7.00 0.00")]);
    check(&mut ledger, &[(correct(a, "-0.01"), "posted 0.01 -0.01", "-0.01 7.00 0.00")]);
    assert_eq!(cut_at(&ledger), None);
    open(&mut ledger);
    check(&mut ledger, &[(correct(a, "0.00"), "bad-sum", "-0.01 7.00 0.00")]);
    assert_eq!(cut_at(&ledger), Some(until));
}

#[test]
fn a_payment_of_a_closed_month_is_corrected_in_the_open_one() {
    let mut ledger = Ledger::sample();
    let paid = pay(&mut ledger, "17", "1001", "200.00");
    let closed = BooksState { closed_through: Some("2026-04".parse().unwrap()), ..BooksState::default() };
    ledger.put(Change::Books(closed));
    check(&mut ledger, &[(reverse(paid.transfer.0), "month-closed", "350.00 0.00 0.00")]);
    ledger.now = NOW.saturating_add(Duration::from_secs(30 * 86_400));
    check(&mut ledger, &[(reverse(paid.transfer.0), "posted 200.00 150.00", "150.00 0.00 0.00")]);
    let reversal = last_transfer(&ledger);
    assert_eq!((reversal.time, reversal.day), (ledger.now, None));
    assert_eq!(reversal.reference, paid.transfer.0.to_string());
    assert!(reversal.text.contains("payment of 2026-04-06"), "{}", reversal.text);
}

#[test]
fn a_credit_limit_is_set_with_and_without_a_term_and_opens_at_once() {
    let mut ledger = Ledger::sample();
    let [a, ..] = accounts(&ledger);
    let charge = Command::Charge { account: AccountId(a), sum: money("250.00"), text: "работы".into() };
    ledger.run(&charge).unwrap();
    let same = "-100.00 0.00 0.00";
    let until = NOW.saturating_add(Duration::from_secs(86_400));
    assert_eq!(ledger.standing("ivanov").verdict, Verdict::Negbal);
    check(
        &mut ledger,
        &[
            (credit(a, "100.00", Some(until)), "changed", same),
            (credit(a, "100.00", Some(until)), "unchanged", same),
        ],
    );
    assert_eq!(ledger.standing("ivanov").verdict, Verdict::LetThrough);
    assert_eq!(ledger.state.next_deadline(), Some(until));
    ledger.now = until;
    assert_eq!(ledger.standing("ivanov").verdict, Verdict::Negbal);
    check(
        &mut ledger,
        &[(credit(a, "99.99", None), "changed", same), (credit(a, "0.00", None), "changed", same)],
    );
    check(&mut ledger, &[(refund(a, "0.01"), "not-covered", same)]);
}

#[test]
fn the_subscribers_own_money_is_refunded_and_moved_and_not_the_credit() {
    let mut ledger = Ledger::sample();
    let [a, b, _] = accounts(&ledger);
    let same = "150.00 0.00 0.00";
    check(
        &mut ledger,
        &[
            (credit(a, "1000.00", None), "changed", same),
            (refund(a, "150.01"), "not-covered", same),
            (transfer(a, b, "150.01"), "not-covered", same),
            (transfer(a, b, "150.00"), "posted 150.00 0.00", "0.00 150.00 0.00"),
        ],
    );
}

#[test]
fn what_brings_a_balance_up_posts_todays_fee_and_opens_at_once() {
    let start = |ledger: &mut Ledger| {
        let [a, b, _] = accounts(ledger);
        check(ledger, &[(correct(b, "30.00"), "posted 30.00 30.00", "150.00 30.00 0.00")]);
        let charge =
            Command::Charge { account: AccountId(a), sum: money("145.00"), text: "работы".into() };
        ledger.run(&charge).unwrap();
        let today: Day = "2026-04-06".parse().unwrap();
        ledger.put(Change::Books(BooksState { fees_through: Some(today), ..BooksState::default() }));
        ledger.put(Change::FeeState(FeeState {
            subscriber: ledger.subscriber("ivanov"),
            decided: today,
            plan_through: today.plus(-1),
            services_through: Vec::new(),
            due: money("10.00"),
            due_cut_at: None,
        }));
        assert_eq!(ledger.standing("ivanov").verdict, Verdict::Negbal);
        (a, b, last_transfer(ledger).id.0)
    };
    type Make = fn(i64, i64, i64) -> CorrectionCommand;
    let rows: [(Make, &str, &str); 7] = [
        (|a, _, _| correct(a, "4.99"), "posted 4.99 9.99", "9.99 30.00 0.00"),
        (|a, _, _| correct(a, "5.00"), "posted 5.00 10.00", "0.00 30.00 0.00"),
        (|a, b, _| transfer(b, a, "4.99"), "posted 4.99 25.01", "9.99 25.01 0.00"),
        (|a, b, _| transfer(b, a, "5.00"), "posted 5.00 25.00", "0.00 25.00 0.00"),
        (|_, _, charged| reverse(charged), "posted 145.00 150.00", "140.00 30.00 0.00"),
        (|a, _, _| credit(a, "4.99", None), "changed", "5.00 30.00 0.00"),
        (|a, _, _| credit(a, "5.00", None), "changed", "-5.00 30.00 0.00"),
    ];
    for (make, result, after) in rows {
        let mut ledger = Ledger::sample();
        let (a, b, charged) = start(&mut ledger);
        check(&mut ledger, &[(make(a, b, charged), result, after)]);
        let covered = last_transfer(&ledger).kind == TransferKind::Fee;
        assert_eq!(ledger.standing("ivanov").verdict == Verdict::LetThrough, covered, "{after}");
        assert_eq!(covered, !result.contains("4.99") && !after.starts_with("5.00"), "{after}");
    }
}
