//! The ladder of checks: what a help desk reads in each case.

use super::*;

/// The summary and the steps that are not fine, as `check: evidence`.
fn read(office: &Office, who: &str) -> (String, Vec<(String, String)>) {
    let ladder = office.operations.why(who).unwrap();
    let bad = ladder.steps.iter().filter(|step| step.result == CheckResult::Fail);
    (ladder.summary, bad.map(|step| (step.check.to_owned(), step.evidence.clone())).collect())
}

fn failed(office: &Office, who: &str) -> Vec<String> {
    read(office, who).1.into_iter().map(|(check, _)| check).collect()
}

#[test]
fn the_ladder_has_every_check_in_the_order_of_a_help_desk() {
    let office = Office::sample();
    office.start("s", "ivanov", "10.9.0.2");
    let ladder = office.operations.why("10.9.0.2").unwrap();
    let checks: Vec<&str> = ladder.steps.iter().map(|step| step.check).collect();
    let wanted =
        ["subscriber", "block", "money", "plan", "password", "last-login", "session", "addresses", "coa"];
    assert_eq!(checks, wanted);
    assert_eq!((ladder.login.as_str(), ladder.contract.as_str()), ("ivanov", "1001"));
    assert_eq!((ladder.verdict.as_str(), ladder.logged), ("let-through", true));
    assert_eq!(ladder.summary, "online and let through");
    let json = serde_json::to_value(&ladder).unwrap();
    assert_eq!(json["steps"][2]["evidence"], "balance 150.00, credit 0.00, available 150.00");
    assert_eq!(json["steps"][5]["result"], "unknown");
}

#[test]
fn who_is_fine_but_not_online_has_only_the_session_missing() {
    let office = Office::sample();
    let (summary, bad) = read(&office, "ivanov");
    assert_eq!(summary, "in good standing, but has no session");
    assert_eq!(bad, [("session".to_owned(), "no open session".to_owned())]);
    assert_eq!(read(&office, "petrov-dacha").0, "online and let through", "static is always on");
}

#[test]
fn a_shortage_says_how_much_is_to_pay() {
    let office = Office::sample();
    office.start("s", "ivanov", "10.9.0.2");
    office.charge("ivanov", "160.50");
    let ladder = office.operations.why("ivanov").unwrap();
    assert_eq!((ladder.summary.as_str(), ladder.verdict.as_str()), ("out of money: 10.50 to pay", "negbal"));
    let money = ladder.steps.iter().find(|step| step.check == "money").unwrap();
    assert_eq!(money.evidence, "balance -10.50, credit 0.00, available -10.50");
    assert_eq!((money.result, money.action.as_str()), (CheckResult::Fail, "10.50 to pay"));
}

#[test]
fn a_block_says_who_and_when_and_why() {
    let office = Office::sample();
    let subscriber = office.entry("ivanov").id();
    office.run(Command::Block { subscriber, reason: "кабель".into() });
    let (summary, bad) = read(&office, "ivanov");
    assert_eq!(summary, "blocked by the administrator: кабель");
    let evidence = "blocked by the administrator: кабель (2026-04-06 11:20:00 by cli:test)".to_owned();
    assert_eq!(bad[0], ("block".to_owned(), evidence));
}

#[test]
fn pause_validity_and_closing_are_told_apart() {
    type Edit = fn(&mut Subscriber);
    let cases: [(&str, Edit); 3] = [
        ("paused at own wish", |s| {
            let today = day_of(NOW, &TimeZone::UTC);
            s.terms.pause = Some(Pause { from: today, to: today });
        }),
        ("its validity has not begun (valid-from)", |s| {
            s.valid_from = Some(Timestamp::from_seconds(i64::MAX / 2_000_000))
        }),
        ("its validity is over (valid-until)", |s| s.valid_until = Some(NOW)),
    ];
    for (summary, change) in cases {
        let office = Office::of(&ledger_with("ivanov", change));
        assert_eq!(read(&office, "ivanov").0, summary);
        assert_eq!(failed(&office, "ivanov"), ["block", "session"]);
    }
    let mut ledger = Ledger::sample();
    let (account, _) = ledger.state.account_view(ledger.account("1001")).unwrap();
    ledger.put(Change::Account(Account { closed: true, ..Account::clone(&account) }));
    assert_eq!(read(&Office::of(&ledger), "ivanov").0, "the account is closed");
}

#[test]
fn a_rejected_login_says_what_to_do() {
    let office = Office::sample();
    office.start("s", "ivanov", "10.9.0.2");
    for (proof, evidence, action) in [
        (Proof::Wrong, "the password is wrong", "compare the password"),
        (Proof::Impossible("CHAP needs the clear password"), "CHAP needs the clear password", "use PAP"),
        (Proof::Right, "open sessions: 1, allowed at once: 1", "end the old session"),
    ] {
        office.login("ivanov", None, proof);
        let ladder = office.operations.why("ivanov").unwrap();
        let step = ladder.steps.iter().find(|step| step.check == "last-login").unwrap();
        let wanted = format!("PAP from bras1 at 2026-04-06 11:20:00: rejected, {evidence}");
        assert_eq!((step.result, step.evidence.as_str()), (CheckResult::Fail, wanted.as_str()));
        assert!(step.action.starts_with(action), "{}", step.action);
    }
    office.stop("s", "ivanov");
    office.answer("ivanov");
    assert_eq!(failed(&office, "ivanov"), ["session"], "the last login was accepted");
}

#[test]
fn a_silent_session_may_be_a_ghost() {
    let office = Office::sample();
    office.start("s", "ivanov", "10.9.0.2");
    office.later(INTERIM * 2);
    assert_eq!(failed(&office, "ivanov"), [] as [&str; 0]);
    office.later(Duration::from_secs(1));
    assert_eq!(failed(&office, "ivanov"), ["session"]);
}

#[test]
fn what_is_missing_of_a_subscriber_is_named() {
    let office = Office::sample();
    office.load("[[subscriber]]\nlogin = \"x\"");
    assert_eq!(failed(&office, "x"), ["plan", "password", "session"]);
    let hash = "0".repeat(32);
    for (keys, evidence) in [
        ("password = \"a\"".to_owned(), "every method works"),
        (format!("nt-hash = \"{hash}\""), "NT hash: PAP and MS-CHAP work, CHAP cannot"),
        ("crypt = \"$6$a$b\"".to_owned(), "crypt hash: only PAP works; CHAP and MS-CHAP are refused"),
    ] {
        office.load(&format!("[[subscriber]]\nlogin = \"x\"\n{keys}"));
        let ladder = office.operations.why("x").unwrap();
        let step = ladder.steps.iter().find(|step| step.check == "password").unwrap();
        assert_eq!((step.result, step.evidence.as_str()), (CheckResult::Ok, evidence));
        let json = serde_json::to_string(&ladder).unwrap();
        assert!(!json.contains(&hash) && !json.contains("$6$"), "a secret: {json}");
    }
}

#[test]
fn an_unknown_who_has_a_ladder_with_what_knocked() {
    let office = Office::sample();
    let ladder = office.operations.why("nobody").unwrap();
    assert_eq!((ladder.verdict.as_str(), ladder.steps.len()), ("unknown", 1));
    office.login("nobody", None, Proof::Right);
    let ladder = office.operations.why("nobody").unwrap();
    assert_eq!(ladder.steps.iter().map(|step| step.check).collect::<Vec<_>>(), ["subscriber", "last-login"]);
    assert!(ladder.steps[1].evidence.contains("there is no login \"nobody\""), "{:?}", ladder.steps[1]);
}

#[test]
fn a_who_that_means_several_or_no_login_is_refused() {
    let office = Office::sample();
    let several = office.operations.why("1002").unwrap_err();
    assert_eq!(several.token, "ambiguous");
    assert_eq!(several.text, "\"1002\" means several: petrov, petrov-dacha");
    assert_eq!(office.operations.why("1003").unwrap_err().token, "no-subscriber");
}
