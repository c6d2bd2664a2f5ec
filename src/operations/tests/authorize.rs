//! Logins: every rejection with its token, captive logins by the rules, sessions at once, addresses.

use super::*;
use crate::directory::LoginResult;

#[test]
fn an_unknown_login_and_a_wrong_password_are_rejected_and_noted() {
    let office = Office::sample();
    assert_eq!(words(&office.login("nobody", None, Proof::Right)), "unknown-login");
    assert_eq!(words(&office.login("ivanov", None, Proof::Wrong)), "wrong-password");
    let impossible = Proof::Impossible("CHAP needs the clear password");
    match office.login("ivanov", None, impossible) {
        Authorization::Reject { token, text } => {
            assert_eq!((token, text.as_str()), ("method-impossible", "CHAP needs the clear password"));
        }
        other => panic!("{}", words(&other)),
    }
    let recent = office.entry("ivanov").recent.lock().clone();
    let login = recent.login.unwrap();
    assert!(matches!(login.result, LoginResult::Rejected { token: "method-impossible", .. }), "{login:?}");
    assert!(recent.accepted_as.is_none());
    let stranger = office.operations.directory.stranger("nobody").unwrap();
    assert!(matches!(stranger.result, LoginResult::Rejected { token: "unknown-login", .. }));
}

#[test]
fn an_unknown_login_is_rejected_without_a_password_check_and_a_known_one_after_exactly_one() {
    let office = Office::sample();
    let nas_address: IpAddr = "10.0.0.1".parse().unwrap();
    let nas = office.operations.directory.nas_of(nas_address).unwrap();
    for (login, checks) in [("nobody", 0), ("ivanov", 1)] {
        let request = LoginRequest { login, nas: &nas, nas_address, method: "PAP", mac: None, now: NOW };
        let mut proved = 0;
        let inner = office.operations.directory.read();
        office.operations.authorize(&inner, inner.login(login), &request, |_| {
            proved += 1;
            Proof::Right
        });
        assert_eq!(proved, checks, "{login}");
    }
}

#[test]
fn who_stands_how_gets_in_as_the_rules_say() {
    // State | negbal-login captive, blocked-login captive | answer
    #[rustfmt::skip]
    let table = [
        ("good",    true,  false, "accept 10.9.0.2"),
        ("negbal",  true,  false, "captive 10.9.0.2"),
        ("negbal",  false, true,  "no-money"),
        ("paused",  true,  false, "captive 10.9.0.2"),
        ("paused",  false, true,  "paused"),
        ("blocked", true,  false, "blocked"),
        ("blocked", false, true,  "captive 10.9.0.2"),
        ("expired", true,  false, "blocked"),
        ("expired", false, true,  "captive 10.9.0.2"),
        ("blocked and negbal", true, false, "blocked"),
    ];
    for (state, negbal_captive, blocked_captive, wanted) in table {
        let ledger = ledger_with("ivanov", |subscriber| {
            let today = day_of(NOW, &TimeZone::UTC);
            subscriber.terms.pause = (state == "paused").then_some(Pause { from: today, to: today });
            subscriber.valid_until = (state == "expired").then_some(NOW);
            subscriber.block = state.starts_with("blocked").then(|| Block {
                reason: "кабель".into(),
                since: NOW,
                by: "cli:root".into(),
            });
        });
        let office = Office::with(&ledger, |operations| {
            operations.rules.negbal_captive = negbal_captive;
            operations.rules.blocked_captive = blocked_captive;
        });
        if state.ends_with("negbal") {
            office.charge("ivanov", "150.01");
        }
        assert_eq!(office.answer("ivanov"), wanted, "{state} {negbal_captive} {blocked_captive}");
    }
}

#[test]
fn a_captive_login_gets_the_captive_speed_and_a_good_one_the_plans() {
    let office = Office::sample();
    let shape = |authorization| match authorization {
        Authorization::Accept(accepted) => accepted.shape,
        Authorization::Reject { token, .. } => panic!("{token}"),
    };
    let good = shape(office.login("ivanov", None, Proof::Right));
    assert_eq!((good.download.rate, good.upload.rate), (20_000, 10_000));
    office.charge("ivanov", "150.01");
    assert_eq!(shape(office.login("ivanov", None, Proof::Right)), CAPTIVE);
    let accepted_as = office.entry("ivanov").recent.lock().accepted_as.unwrap();
    assert_eq!((accepted_as.verdict, accepted_as.shape), (Verdict::Negbal, CAPTIVE));
}

#[test]
fn a_wrong_password_is_said_before_anything_else_is_told() {
    let office = Office::with(&Ledger::sample(), |operations| operations.rules.negbal_captive = false);
    office.charge("ivanov", "150.01");
    assert_eq!(words(&office.login("ivanov", None, Proof::Wrong)), "wrong-password");
}

#[test]
fn no_more_sessions_than_allowed_and_none_counted_that_is_replaced_or_silent() {
    let office = Office::sample();
    let mac: Mac = "02:00:00:00:00:0a".parse().unwrap();
    let other: Mac = "02:00:00:00:00:0b".parse().unwrap();
    let login = |mac| words(&office.login("ivanov", mac, Proof::Right));
    let subscriber = Some(office.entry("ivanov").id());
    let start = record(AccountingKind::Start, "s", subscriber, Some("10.9.0.2"), 0);
    office.merge(AccountingRecord { mac: Some(mac), ..start });
    assert_eq!(login(Some(other)), "sessions-max");
    assert_eq!(login(None), "sessions-max", "an unknown device is another device");
    assert_eq!(login(Some(mac)), "accept 10.9.0.2", "the same device dials again");
    // Three interim intervals without news, to the second.
    office.later(INTERIM * 3);
    assert_eq!(login(Some(other)), "sessions-max");
    office.later(Duration::from_secs(1));
    assert_eq!(login(Some(other)), "accept 10.9.0.2", "a silent session is a ghost");
    office.load("[[subscriber]]\nlogin = \"ivanov\"\nsessions-max = 0");
    office.start("t", "ivanov", "10.9.0.2");
    assert_eq!(login(Some(other)), "accept 10.9.0.2", "0 is any number");
    office.load("[[subscriber]]\nlogin = \"ivanov\"\nsessions-max = 2");
    assert_eq!(login(Some(other)), "accept 10.9.0.2");
}

#[test]
fn a_configured_address_goes_before_the_pool_and_the_own_pool_before_the_nas_pool() {
    let office = Office::sample();
    assert_eq!(office.answer("ivanov"), "accept 10.9.0.2");
    match office.login("petrov", None, Proof::Right) {
        Authorization::Accept(accepted) => {
            assert_eq!(accepted.address, Some("100.64.0.1".parse().unwrap()), "of the NAS's pool");
            let grant = accepted.grant.unwrap();
            assert_eq!((grant.pool, grant.subscriber), (PoolId(1), office.entry("petrov").id()));
            assert_eq!((grant.address, grant.at), ("100.64.0.1".parse::<IpAddr>().unwrap(), NOW));
        }
        other => panic!("{}", words(&other)),
    }
    office.load("[[pool]]\nname = \"own\"\nprefixes = [\"100.65.0.0/30\"]\n[[subscriber]]\nlogin = \"petrov\"\npool = \"own\"");
    assert_eq!(office.answer("petrov"), "accept 100.65.0.1");
    office.load("[[subscriber]]\nlogin = \"petrov\"\nip = \"10.9.0.8\"");
    assert_eq!(office.answer("petrov"), "accept 10.9.0.8");
    office.load("[[subscriber]]\nlogin = \"petrov\"\nip = \"2001:db8::8\"");
    assert_eq!(office.answer("petrov"), "accept 100.65.0.1", "an IPv6 address is none for the link");
}

#[test]
fn a_second_session_gets_the_second_address() {
    let office = Office::sample();
    office.load("[[subscriber]]\nlogin = \"ivanov\"\nip = \"10.9.0.2 10.9.0.22\"\nsessions-max = 3");
    assert_eq!(office.answer("ivanov"), "accept 10.9.0.2");
    office.start("s", "ivanov", "10.9.0.2");
    assert_eq!(office.answer("ivanov"), "accept 10.9.0.22");
    office.start("t", "ivanov", "10.9.0.22");
    assert_eq!(office.answer("ivanov"), "accept 10.9.0.2", "there is no third");
}

#[test]
fn an_empty_pool_is_said_and_no_pool_leaves_the_address_to_the_nas() {
    let office = Office::sample();
    office.load("[[pool]]\nname = \"dyn1\"\nprefixes = [\"100.64.0.0/32\"]");
    office.load("[[subscriber]]\nlogin = \"x\"");
    assert_eq!(office.answer("petrov"), "accept 100.64.0.0");
    assert_eq!(office.answer("x"), "pool-empty");
    office.load("[[nas]]\nname = \"bras1\"\npool = \"\"");
    assert_eq!(office.answer("x"), "accept -");
}

#[test]
fn every_state_has_a_sentence() {
    let office = Office::sample();
    let text = |reason| {
        let standing = Standing { reason, ..Standing::let_through() };
        office.operations.reason_text(&standing)
    };
    let shortage = Reason::Shortage { missing: "5".parse().unwrap() };
    assert_eq!(text(None), "in good standing");
    assert_eq!(text(Some(shortage)), "out of money: 5.00 to pay");
    let administrator = Reason::Administrator { text: "кабель".into() };
    assert_eq!(text(Some(administrator)), "blocked by the administrator: кабель");
    for reason in [Reason::NotYetValid, Reason::Expired, Reason::AccountClosed, Reason::Paused] {
        assert!(text(Some(reason.clone())).len() > 10, "{reason:?}");
    }
}

#[test]
fn a_login_with_nothing_left_to_reserve_is_answered_as_a_debtors() {
    for (captive, wanted) in [(true, "captive 10.9.0.2"), (false, "no-money")] {
        let office = Office::with(&Ledger::sample(), |o| o.rules.negbal_captive = captive);
        // A quarter of an hour costs all of the 150.00.
        office.load("[[plan]]\nname = \"home-20\"\nsession-price = \"600\"");
        match office.login("ivanov", None, Proof::Right) {
            Authorization::Accept(accepted) => {
                let reservation = accepted.reservation.unwrap();
                assert_eq!((reservation.amount, reservation.at), ("150".parse().unwrap(), NOW));
                assert_eq!(accepted.limits.seconds, Some(900));
            }
            other => panic!("{}", words(&other)),
        }
        assert_eq!(office.answer("ivanov"), wanted, "the first holds everything");
        if captive {
            let recent = office.entry("ivanov").recent.lock().clone();
            assert_eq!(recent.accepted_as.unwrap().verdict, Verdict::Negbal);
        }
        assert_eq!(words(&office.login("ivanov", None, Proof::Wrong)), "wrong-password");
        office.later(office.operations.settings.reservation_term);
        assert_eq!(office.answer("ivanov"), "accept 10.9.0.2", "its session never came");
    }
}
