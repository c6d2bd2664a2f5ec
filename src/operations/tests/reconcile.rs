//! A payment operator's registry against what we have.

use super::*;
use encoding_rs::WINDOWS_1251;

/// Payments of `osmp` on the 5th and 6th of April 2026, and one of another operator.
fn office() -> Office {
    let mut ledger = Ledger::sample();
    for (id, contract, sum, day) in [
        ("a1", "1001", "100.00", 5),
        ("a2", "1001", "200.00", 5),
        ("a3", "1002", "300.00", 6),
        ("a4", "1003", "400.00", 6),
        ("a5", "1003", "500.00", 6),
        ("a6", "1003", "600.00", 3),
    ] {
        ledger.now = Timestamp::from_seconds(NOW.seconds() - (6 - day) * 86_400);
        let account = Some(ledger.account(contract));
        let mut request = crate::engine::testing::payment(id, account, sum);
        (request.who, request.operator_date) = (contract.into(), String::new());
        ledger.run(&Command::Pay(request)).unwrap();
    }
    let account = Some(ledger.account("1001"));
    let mut other = crate::engine::testing::payment("a1", account, "7.00");
    other.key.operator = "sber".into();
    ledger.run(&Command::Pay(other)).unwrap();
    for id in ["a4", "a5"] {
        ledger.put(Change::PaymentReversed(PaymentKey { operator: "osmp".into(), id: id.into() }));
    }
    Office::of(&ledger)
}

fn request(text: &str) -> RegistryRequest {
    RegistryRequest { operator: "osmp".into(), text: text.into(), columns: None, from: None, to: None }
}

/// `id: what differs`, a word for each.
fn differences(found: &Reconciliation) -> Vec<String> {
    let of = |d: &Difference| format!("{}: {}", d.id, d.differs.join(" "));
    found.differences.iter().map(of).collect()
}

fn token<T: std::fmt::Debug>(result: Result<T, Rejected>) -> String {
    match result.unwrap_err() {
        Rejected::Refused(refusal) => refusal.token,
        other => panic!("{other:?}"),
    }
}

const SAME: &str = "txn_id;sum;date;account\na1;100,00;05.04.2026;1001\na2;200.00;2026-04-05 10:00:00;1001\n\
                    a3;300;20260406142000;1002\n";

#[test]
fn a_registry_of_the_same_payments_agrees() {
    let office = office();
    let found = office.operations.reconcile(&request(SAME)).unwrap();
    assert!(found.agrees, "{found:?}");
    let total = Total { payments: 3, sum: "600.00".into() };
    assert_eq!((&found.theirs, &found.ours, &found.matched), (&total, &total, &total));
    assert_eq!((found.from.to_string(), found.to.to_string()), ("2026-04-05".into(), "2026-04-06".into()));
}

#[test]
fn every_difference_is_found_and_named() {
    let office = office();
    for (lines, wanted) in [
        (
            "a1;100;05.04.2026;1001\na2;200;05.04.2026;1001\na3;300;06.04.2026;1002\na9;1;06.04.2026;1001\n",
            vec!["a9: only-theirs"],
        ),
        ("a1;100.01;05.04.2026;1001\na2;200;05.04.2026;1001\na3;300;06.04.2026;1002\n", vec!["a1: sum"]),
        ("a1;100;05.04.2026;1002\na2;200;05.04.2026;1001\na3;300;06.04.2026;1002\n", vec!["a1: account"]),
        ("a1;100;06.04.2026;1001\na2;200;05.04.2026;1001\na3;300;06.04.2026;1002\n", vec!["a1: day"]),
        ("a1;1;06.04.2026;x\na2;200;05.04.2026;1001\na3;300;06.04.2026;1002\n", vec!["a1: sum account day"]),
        // Ours is of a day outside of the registry's.
        (
            "a1;100;05.04.2026;1001\na2;200;05.04.2026;1001\na3;300;06.04.2026;1002\na6;600;05.04.2026;1003\n",
            vec!["a6: day"],
        ),
        // Taken back by us, and not by them.
        (
            "a1;100;05.04.2026;1001\na2;200;05.04.2026;1001\na3;300;06.04.2026;1002\na4;400;06.04.2026;1003\n",
            vec!["a4: reversed"],
        ),
        (
            "a1;100;05.04.2026;1001\na2;200;05.04.2026;1001\na3;300;06.04.2026;1002\na1;100;05.04.2026;1001\n",
            vec!["a1: repeated"],
        ),
    ] {
        let text = format!("id;sum;date;account\n{lines}");
        let found = office.operations.reconcile(&request(&text)).unwrap();
        assert_eq!(differences(&found), wanted, "{lines}");
        assert!(!found.agrees, "{lines}");
    }
    let day = |text: &str| text.parse().ok();
    let short = "id;sum\na1;100\na2;200\n";
    let of = |from, to| {
        let request = RegistryRequest { from: day(from), to: day(to), ..request(short) };
        differences(&office.operations.reconcile(&request).unwrap())
    };
    assert_eq!(of("2026-04-05", "2026-04-05"), [""; 0]);
    assert_eq!(of("2026-04-05", "2026-04-06"), ["a3: only-ours"]);
    assert_eq!(of("2026-04-01", "2026-04-06"), ["a3: only-ours", "a6: only-ours"]);
}

#[test]
fn a_registry_is_read_as_it_comes() {
    let office = office();
    let in_russian = "№ операции;Дата платежа;Лицевой счёт (договор);Сумма, руб.\n";
    let wanted = "Номер операции\tДата платежа\tЛицевой счёт\tСумма\n\r\n a1 \t05.04.2026\t1001\t100,00\n\n\
                  a2\t05.04.2026\t1001\t200,00\n# remark\na3\t06.04.2026\t1002\t300,00\nИтого\t\t\t600,00\n";
    let cp1251 = WINDOWS_1251.encode(wanted).0;
    let decoded = crate::config::data::decoded(&cp1251);
    for text in [wanted, &decoded, &wanted.replace('\t', ";"), &format!("\u{feff}{wanted}")] {
        let found = office.operations.reconcile(&request(text)).unwrap();
        assert!(found.agrees, "{text}: {found:?}");
        assert_eq!(found.matched.payments, 3);
    }
    let found = office.operations.reconcile(&request(&format!("{in_russian}a3;06.04.2026;1002;300,00")));
    assert!(found.unwrap().agrees);
    let columns = |columns: &str, text: &str| {
        let columns = Some(columns.to_owned());
        office.operations.reconcile(&RegistryRequest { columns, ..request(text) })
    };
    for text in
        ["a1,x,100,05.04.2026\na2,x,200,05.04.2026\n", "n,x,s,d\na1,x,100,05.04.2026\na2,x,200,05.04.2026\n"]
    {
        assert!(columns("id=1,sum=3,date=4", text).unwrap().agrees, "{text}");
    }
    let first = office.operations.payments(&PaymentQuery { who: Some("1002".into()), ..Default::default() });
    let op_id = first.unwrap()[0].op_id;
    for written in [op_id.to_string(), format!("00{op_id}"), format!("+{op_id}")] {
        let ours = format!("prv_txn;amount;txn_date\n{written};300;2026-04-06\n");
        assert!(office.operations.reconcile(&request(&ours)).unwrap().agrees, "{written}");
    }
    let theirs = "prv_txn;amount;txn_date\n999;300;2026-04-06\nx;1;2026-04-06\n";
    let found = office.operations.reconcile(&request(theirs)).unwrap();
    assert_eq!(differences(&found), ["a3: only-ours", "999: only-theirs", "x: only-theirs"]);
}

#[test]
fn bad_lines_are_named_and_the_others_compared() {
    let office = office();
    let text = "id;sum;date\n\na1;100;2026-04-05\n;5;2026-04-05\nb;x;2026-04-05\nb;1.001;2026-04-05\nb;-1;2026-04-05\n\
                b;0;2026-04-05\n\"b\n\";1;yesterday\nb\na2;200;2026-04-05\nb;1;2026-02-30\nb;1;2026040\n";
    let found = office.operations.reconcile(&request(text)).unwrap();
    let bad: Vec<_> = found.bad_lines.iter().map(|bad| bad.line).collect();
    assert_eq!(bad, [4, 5, 6, 7, 8, 9, 11, 13, 14], "{:?}", found.bad_lines);
    assert_eq!((found.matched.payments, found.agrees), (2, false));
    assert_eq!(differences(&found), [""; 0]);
}

#[test]
fn what_cannot_be_compared_is_refused_with_a_reason() {
    let office = office();
    let reconcile = |request: RegistryRequest| token(office.operations.reconcile(&request));
    assert_eq!(reconcile(request("")), "no-period");
    assert_eq!(reconcile(request("id;sum\na1;100\n")), "no-period");
    assert_eq!(reconcile(request("id;date\na1;2026-04-05\n")), "no-columns");
    let day = |text: &str| text.parse().ok();
    let backwards = RegistryRequest { from: day("2026-04-06"), to: day("2026-04-05"), ..request(SAME) };
    assert_eq!(reconcile(backwards), "bad-period");
    for columns in
        ["", "id", "id=0,sum=1", "id=1", "sum=1", "id=1,sum=x", "id=1,id=2,sum=3", "id=1,sum=2,x=3"]
    {
        let columns = Some(columns.to_owned());
        assert_eq!(reconcile(RegistryRequest { columns, ..request(SAME) }), "bad-columns");
    }
}
