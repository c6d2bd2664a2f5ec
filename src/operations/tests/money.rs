//! Payments, charges and blocks as doors hand them in.

use super::*;
use crate::model::LoadOptions;

fn input(who: &str, sum: &str, id: &str) -> PaymentInput {
    PaymentInput {
        who: who.into(),
        sum: sum.into(),
        operator: "osmp".into(),
        id: id.into(),
        date: "20260406142000".into(),
    }
}

fn query(who: &str, limit: usize) -> LedgerQuery {
    LedgerQuery { who: who.into(), limit, ..LedgerQuery::default() }
}

fn token<T: std::fmt::Debug>(result: Result<T, Rejected>) -> String {
    match result.unwrap_err() {
        Rejected::Refused(refusal) => refusal.token,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_payer_is_a_contract_a_login_or_an_address_and_never_a_mac() {
    let office = Office::sample();
    let pay = |who: &'static str, id: &'static str| office.operations.pay(input(who, "1.00", id), actor());
    for (who, id, contract) in [
        ("1001", "1", "1001"),
        ("ivanov", "2", "1001"),
        ("10.9.0.2", "3", "1001"),
        ("1002", "4", "1002"),
        ("petrov-dacha", "5", "1002"),
        ("1003", "6", "1003"),
    ] {
        let paid = pay(who, id).await.unwrap();
        assert_eq!((paid.contract_number.as_str(), paid.repeat), (contract, false), "{who}");
    }
    for who in ["02:00:00:00:00:01", "nobody", ""] {
        assert_eq!(token(pay(who, "7").await), "subscriber-not-found", "{who:?}");
    }
    office.start("s", "petrov", "10.9.0.2");
    assert_eq!(pay("10.9.0.2", "8").await.unwrap().contract_number, "1002", "who has it live");
}

#[tokio::test]
async fn a_sum_is_read_as_people_write_it_and_its_trouble_is_said_before_everything_else() {
    let office = Office::sample();
    let paid = office.operations.pay(input("1001", "1\u{a0}000,50", "1"), actor()).await.unwrap();
    assert_eq!((paid.sum_in.as_str(), paid.balance.as_str()), ("1000.50", "1150.50"));
    for sum in ["", "abc", "1.001", "0", "-1", "1000000.01", "99999999999999999999"] {
        assert_eq!(
            token(office.operations.pay(input("nobody", sum, "1"), actor()).await),
            "bad-sum",
            "{sum:?}"
        );
    }
}

#[tokio::test]
async fn a_repeat_has_the_first_answer_and_payments_and_ledger_show_it_once() {
    let office = Office::sample();
    let first = office.operations.pay(input("1001", "50", "1"), actor()).await.unwrap();
    office.operations.charge("1001", "20,00", "работы".into(), actor()).await.unwrap();
    let again = office.operations.pay(input("ivanov", "50.00", "1"), actor()).await.unwrap();
    assert!(again.repeat && !first.repeat);
    let repeat = PaidPayment { repeat: false, ..again };
    assert_eq!(serde_json::to_value(&repeat).unwrap(), serde_json::to_value(&first).unwrap());
    let payments = office.operations.payments(None, 100).unwrap();
    assert_eq!(payments.len(), 1);
    let row = serde_json::to_value(&payments[0]).unwrap();
    let wanted = serde_json::json!({
        "op_id": first.op_id, "pay_operator": "osmp", "pay_id_str": "1", "contract_number": "1001",
        "sum_in": "50.00", "time": "2026-04-06 11:20:00", "reversed": false,
    });
    assert_eq!(row, wanted);
    let page = office.operations.ledger(&query("ivanov", 100)).unwrap();
    assert_eq!((page.contract.as_str(), page.balance.as_str()), ("1001", "180.00"));
    let lines: Vec<(&str, &str, &str)> = page
        .postings
        .iter()
        .map(|line| (line.kind.as_str(), line.amount.as_str(), line.balance.as_str()))
        .collect();
    let wanted =
        [("charge", "-20.00", "180.00"), ("payment", "50.00", "200.00"), ("opening", "150.00", "150.00")];
    assert_eq!(lines, wanted);
    assert_eq!(office.operations.ledger(&query("ivanov", 1)).unwrap().postings.len(), 1);
    let counted: std::collections::BTreeMap<_, _> = office.operations.counters.all().into_iter().collect();
    assert_eq!((counted["payments"], counted["payment_repeats"]), (1, 1));
}

#[tokio::test]
async fn payments_since_a_day_are_days_of_the_server() {
    let office = Office::sample();
    office.operations.pay(input("1001", "50", "1"), actor()).await.unwrap();
    for (since, count) in
        [("2026-04-06", 1), ("2026-04-06 11:20", 1), ("2026-04-06 11:21", 0), ("2026-04-07", 0)]
    {
        assert_eq!(office.operations.payments(Some(since), 10).unwrap().len(), count, "{since}");
    }
    assert_eq!(token(office.operations.payments(Some("yesterday"), 10)), "bad-date");
}

#[tokio::test]
async fn blocking_a_contract_with_several_logins_asks_which() {
    let office = Office::sample();
    let operations = &office.operations;
    assert_eq!(token(operations.block("1002", "x".into(), actor()).await), "ambiguous");
    assert_eq!(token(operations.block("1003", "x".into(), actor()).await), "no-subscriber");
    assert_eq!(token(operations.block("nobody", "x".into(), actor()).await), "not-found");
    assert!(operations.block("petrov", "x".into(), actor()).await.unwrap().changed);
    assert!(!operations.block("petrov", "x".into(), actor()).await.unwrap().changed);
    assert_eq!(office.answer("petrov"), "blocked");
    assert!(operations.unblock("petrov", actor()).await.unwrap().changed);
    assert_eq!(office.answer("petrov"), "accept 100.64.0.1");
}

#[tokio::test]
async fn a_payment_opens_at_once_what_a_shortage_had_closed() {
    let office = Office::sample();
    let operations = &office.operations;
    operations.charge("1001", "160", "работы".into(), actor()).await.unwrap();
    assert_eq!(office.answer("ivanov"), "captive 10.9.0.2");
    operations.pay(input("1001", "9.99", "1"), actor()).await.unwrap();
    assert_eq!(office.answer("ivanov"), "captive 10.9.0.2");
    operations.pay(input("1001", "0.01", "2"), actor()).await.unwrap();
    assert_eq!(office.answer("ivanov"), "accept 10.9.0.2");
}

#[tokio::test]
async fn a_load_says_what_it_did() {
    let office = Office::sample();
    let file: DataFile = toml::from_str("[[subscriber]]\nlogin = \"new\"").unwrap();
    let options = LoadOptions { dry_run: true, ..LoadOptions::default() };
    for (options, known) in [(options, false), (LoadOptions::default(), true)] {
        let loaded = office.operations.load(file.clone(), options, actor()).await.unwrap();
        assert_eq!(loaded.rows[0].effect, RowEffect::Added);
        assert_eq!(office.operations.who("new").is_ok(), known);
    }
    let bad: DataFile = toml::from_str("[[subscriber]]\nlogin = \"a b\"").unwrap();
    assert_eq!(token(office.operations.load(bad, LoadOptions::default(), actor()).await), "bad-word");
}
