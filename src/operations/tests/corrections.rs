//! Corrections, keys and plans as doors hand them in.

use super::*;

fn text() -> String {
    "работы".into()
}

fn keyed(key: &str, request: &[&str]) -> Caller {
    Caller::keyed(actor(), key.into(), request)
}

fn token<T: std::fmt::Debug>(result: Result<T, Rejected>) -> String {
    match result.unwrap_err() {
        Rejected::Refused(refusal) => refusal.token,
        other => panic!("{other:?}"),
    }
}

/// `kind amount balance`, newest first.
fn lines(office: &Office, query: &LedgerQuery) -> Vec<String> {
    let page = office.operations.ledger(query).unwrap();
    let line = |line: &LedgerLine| format!("{} {} {}", line.kind, line.amount, line.balance);
    page.postings.iter().map(line).collect()
}

fn of(who: &str) -> LedgerQuery {
    LedgerQuery { who: who.into(), limit: 100, ..LedgerQuery::default() }
}

#[tokio::test]
async fn each_correction_is_answered_with_its_operation_and_stands_in_the_ledger() {
    let office = Office::sample();
    let operations = &office.operations;
    let charged = operations.charge("1001", "10", text(), actor()).await.unwrap();
    let op_id = charged.op_id.unwrap();
    let wanted = serde_json::json!({ "changed": true, "op_id": op_id, "balance": "140.00", "repeat": false });
    assert_eq!(serde_json::to_value(&charged).unwrap(), wanted);
    let reversed = operations.reverse(op_id, text(), actor()).await.unwrap();
    assert_eq!((reversed.amount.as_deref(), reversed.balance.as_deref()), (Some("10.00"), Some("150.00")));
    assert_eq!(token(operations.reverse(op_id, text(), actor()).await), "already-reversed");
    let corrected = operations.correct("ivanov", "-0,50", text(), actor()).await.unwrap();
    assert_eq!((corrected.amount.as_deref(), corrected.balance.as_deref()), (Some("-0.50"), Some("149.50")));
    operations.refund("1001", "9.50", text(), actor()).await.unwrap();
    assert_eq!(token(operations.refund("1001", "140.01", text(), actor()).await), "not-covered");
    operations.transfer("1001", "1003", "40", text(), actor()).await.unwrap();
    let wanted = [
        "move -40.00 100.00",
        "refund -9.50 140.00",
        "correction -0.50 149.50",
        "reversal 10.00 150.00",
        "charge -10.00 140.00",
        "opening 150.00 150.00",
    ];
    assert_eq!(lines(&office, &of("1001")), wanted);
    let page = operations.ledger(&of("1001")).unwrap();
    assert_eq!(
        (page.postings[3].reverses, page.postings[3].reference.clone()),
        (Some(op_id), op_id.to_string())
    );
    assert_eq!(lines(&office, &of("1003")), ["move 40.00 40.00"]);
    assert!(operations.books().unwrap().sound);
}

#[tokio::test]
async fn the_side_that_gets_sees_its_own_balance_whatever_part_of_the_ledger_is_asked_for() {
    let office = Office::sample();
    let operations = &office.operations;
    for sum in ["10", "20", "30"] {
        operations.transfer("1001", "1003", sum, text(), actor()).await.unwrap();
    }
    operations.charge("1003", "5", text(), actor()).await.unwrap();
    let back = operations.transfer("1003", "1001", "15", text(), actor()).await.unwrap();
    operations.reverse(back.op_id.unwrap(), text(), actor()).await.unwrap();
    let wanted = [
        "reversal 15.00 55.00",
        "move -15.00 40.00",
        "charge -5.00 55.00",
        "move 30.00 60.00",
        "move 20.00 30.00",
        "move 10.00 10.00",
    ];
    for limit in 1..=7 {
        let query = LedgerQuery { limit, ..of("1003") };
        assert_eq!(lines(&office, &query), wanted[..limit.min(6)], "{limit}");
    }
    assert_eq!(lines(&office, &of("1001"))[..2], ["reversal -15.00 90.00", "move 15.00 105.00"]);
}

#[tokio::test]
async fn a_ledger_is_asked_for_a_part_of_the_time() {
    let office = Office::sample();
    for sum in ["1.00", "2.00"] {
        office.later(Duration::from_secs(86_400));
        office.operations.charge("ivanov", sum, text(), actor()).await.unwrap();
    }
    let kinds = |since: &str, until: &str| {
        let query = LedgerQuery { since: since.into(), until: until.into(), ..of("1001") };
        lines(&office, &query).iter().filter(|line| !line.starts_with("fee")).count()
    };
    for (since, until, count) in [
        ("", "", 3),
        ("2026-04-07", "", 2),
        ("2026-04-07", "2026-04-07", 1),
        ("", "2026-04-06", 1),
        ("2026-04-07 11:20", "2026-04-08 11:20", 1),
        ("2026-04-07 11:21", "2026-04-08 11:21", 1),
        ("2026-04-09", "", 0),
    ] {
        assert_eq!(kinds(since, until), count, "{since} {until}");
    }
    let query = LedgerQuery { until: "soon".into(), ..of("1001") };
    assert_eq!(token(office.operations.ledger(&query)), "bad-date");
}

#[tokio::test]
async fn a_request_with_a_key_is_carried_out_once() {
    let office = Office::sample();
    let operations = &office.operations;
    let call = |sum: &'static str| operations.charge("1001", sum, text(), keyed("k", &["charge", sum]));
    let first = call("10").await.unwrap();
    let again = call("10").await.unwrap();
    assert!(again.repeat && !first.repeat);
    assert_eq!(Answered { repeat: false, ..again }, first);
    assert_eq!(token(call("20").await), "idempotency-conflict");
    assert_eq!(operations.who("1001").unwrap().balance.to_string(), "140.00");
    let input = |id: &str| PaymentInput {
        who: "1001".into(),
        sum: "5".into(),
        operator: "desk".into(),
        id: id.into(),
        date: String::new(),
    };
    let paid = operations.pay(input("1"), keyed("p", &["pay"])).await.unwrap();
    assert!(!paid.repeat);
    assert!(operations.pay(input("1"), keyed("p", &["pay"])).await.unwrap().repeat);
    assert_eq!(token(operations.pay(input("2"), keyed("p", &["pay", "2"])).await), "idempotency-conflict");
    assert_eq!(operations.who("1001").unwrap().balance.to_string(), "145.00");
}

#[tokio::test]
async fn a_credit_has_a_limit_and_a_term_as_people_write_them() {
    let office = Office::sample();
    let operations = &office.operations;
    let credit = |sum: &'static str, until: &'static str| operations.credit("1001", sum, until, actor());
    assert!(credit("100", "2026-05-01").await.unwrap().changed);
    assert!(!credit("100,00", "2026-05-01 00:00").await.unwrap().changed);
    assert_eq!(operations.ledger(&of("1001")).unwrap().available, "250.00");
    for (sum, until, wanted) in [
        ("-1", "", "bad-sum"),
        ("1.001", "", "bad-sum"),
        ("100", "2026-04-06", "date-in-past"),
        ("100", "soon", "bad-date"),
    ] {
        assert_eq!(token(credit(sum, until).await), wanted, "{sum} {until}");
    }
    assert!(credit("0", "").await.unwrap().changed);
    assert_eq!(operations.ledger(&of("1003")).unwrap().available, "0.00");
}

#[tokio::test]
async fn a_payment_taken_back_is_shown_so() {
    let office = Office::sample();
    let input = PaymentInput {
        who: "1001".into(),
        sum: "20".into(),
        operator: "osmp".into(),
        id: "17".into(),
        date: String::new(),
    };
    let paid = office.operations.pay(input, actor()).await.unwrap();
    assert!(!office.operations.payments(None, 10).unwrap()[0].reversed);
    office.operations.reverse(paid.op_id, text(), actor()).await.unwrap();
    assert!(office.operations.payments(None, 10).unwrap()[0].reversed);
}

#[tokio::test]
async fn who_is_short_is_on_the_list_of_cuts() {
    let office = Office::sample();
    assert_eq!(office.operations.cut_list(), []);
    for (who, sum) in [("ivanov", "160.00"), ("petrov", "1.00")] {
        office.operations.charge(who, sum, text(), actor()).await.unwrap();
    }
    let rows = office.operations.cut_list();
    let rows: Vec<(&str, &str, Option<&str>)> =
        rows.iter().map(|row| (row.login.as_str(), row.to_pay.as_str(), row.cut_at.as_deref())).collect();
    assert_eq!(rows, [("ivanov", "10.00", None), ("petrov", "1.00", None), ("petrov-dacha", "1.00", None)]);
    let defer = office.operations.cut_defer("ivanov", "", actor()).await;
    assert_eq!(token(defer), "bad-date");
}

#[tokio::test]
async fn a_plan_and_an_expression_that_name_nothing_are_refused_before_the_ledger_is_asked() {
    let office = Office::sample();
    let change = |of: PlanFor, plan: &str, from: &str| {
        let (plan, from) = (plan.to_owned(), from.to_owned());
        office.operations.plan(PlanInput { of, plan, from, dry_run: true, uncovered: false }, actor())
    };
    let everybody = || PlanFor::Where("plan=home-20".into());
    for (of, plan, from, wanted) in [
        (PlanFor::Who("ivanov".into()), "home-30", "", "plan-not-found"),
        (PlanFor::Who("nobody".into()), "home-20", "", "not-found"),
        (PlanFor::Who("1002".into()), "home-20", "", "ambiguous"),
        (PlanFor::Where("plan=home-30".into()), "home-20", "", "nobody"),
        (PlanFor::Where("plan".into()), "home-20", "", "bad-expression"),
        (everybody(), "home-20", "tomorrow", "bad-date"),
    ] {
        assert_eq!(token(change(of.clone(), plan, from).await), wanted, "{of:?} {plan}");
    }
    for (expression, count) in [
        ("plan=home-20", 3),
        ("plan=home-20 and group=Жилые", 1),
        ("contract=1002 and nas=bras1", 1),
        ("balance>0 and blocked=no and negbal=no", 1),
    ] {
        let found = office.operations.matching(&Filter::parse(expression).unwrap()).unwrap();
        assert_eq!(found.len(), count, "{expression}");
        assert!(found.is_sorted());
    }
}
