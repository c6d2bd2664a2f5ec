//! Who may give what to whom, and what ends at once.

use crate::engine::State;
use crate::engine::testing::{Ledger, stored};
use crate::model::*;
use std::time::Duration;

fn add(login: &str, role: &str, company: Option<i64>) -> StaffCommand {
    StaffCommand::Add {
        login: login.into(),
        name: String::new(),
        kind: StaffKind::Person,
        role: role.into(),
        company: company.map(GroupId),
        password: SecretText::new("$argon2id$"),
    }
}

fn key(login: &str, name: &str, octet: u8, rights: &str) -> StaffCommand {
    StaffCommand::AddKey {
        login: login.into(),
        name: name.into(),
        hash: SecretHash([octet; 32]),
        rights: rights.parse().unwrap(),
        expires: None,
    }
}

fn disable(login: &str) -> StaffCommand {
    StaffCommand::Disable { login: login.into() }
}

fn set_role(login: &str, role: &str) -> StaffCommand {
    StaffCommand::Set { login: login.into(), name: None, role: Some(role.into()), company: None }
}

/// Asked for at the control socket.
fn run(ledger: &mut Ledger, command: StaffCommand) -> Result<Outcome, String> {
    let request = StaffRequest { by: Authority::local(), command };
    ledger.run(&Command::Staff(Box::new(request))).map_err(|refusal| refusal.token)
}

/// Asked for by `login` after a login by password.
fn run_by(ledger: &mut Ledger, login: &str, command: StaffCommand) -> Result<Outcome, String> {
    let by = authority(ledger, login);
    let request = StaffRequest { by, command };
    ledger.run(&Command::Staff(Box::new(request))).map_err(|refusal| refusal.token)
}

fn authority(ledger: &Ledger, login: &str) -> Authority {
    let staff = ledger.state.staff().login(login).unwrap();
    let rights = ledger.state.staff().rights_of(staff);
    Authority { login: Some(StaffLogin { id: staff.id, key: None }), rights }
}

fn open(ledger: &mut Ledger, login: &str, octet: u8) -> Result<Outcome, String> {
    let expires = ledger.now.saturating_add(Duration::from_secs(86_400));
    run_by(ledger, login, StaffCommand::OpenSession { hash: SecretHash([octet; 32]), expires })
}

fn is_open(ledger: &Ledger, octet: u8) -> bool {
    ledger.state.staff_session(&SecretHash([octet; 32])).is_some()
}

fn has_key(ledger: &Ledger, octet: u8) -> bool {
    ledger.state.staff().key(&SecretHash([octet; 32])).is_some()
}

/// An administrator anna and an engineer boris.
fn town() -> Ledger {
    let mut ledger = Ledger::sample();
    run(&mut ledger, add("anna", "administrator", None)).unwrap();
    run(&mut ledger, add("boris", "engineer", None)).unwrap();
    ledger
}

fn refused<T>(token: &str) -> Result<T, String> {
    Err(token.to_owned())
}

#[test]
fn logins_are_unique_whatever_their_case() {
    let mut ledger = town();
    assert_eq!(run(&mut ledger, add("Anna", "support", None)), refused("login-taken"));
    for bad in ["", "anna pavlova", "анна", "a:b", &"a".repeat(65)] {
        assert_eq!(run(&mut ledger, add(bad, "support", None)), refused("bad-login"));
    }
    assert_eq!(run(&mut ledger, add("clara", "king", None)), refused("role-not-found"));
    assert_eq!(ledger.state.staff().login("ANNA").unwrap().login, "anna");
}

#[test]
fn nobody_gives_what_he_has_not() {
    let mut ledger = town();
    run(
        &mut ledger,
        StaffCommand::AddRole {
            name: "foreman".into(),
            rights: "users.* roles.* accounts.* payments.read".parse().unwrap(),
        },
    )
    .unwrap();
    run(&mut ledger, add("clara", "foreman", None)).unwrap();
    let no = refused("no-right");
    assert_eq!(run_by(&mut ledger, "boris", add("dora", "monitoring", None)), no, "without users.write");
    for command in [
        add("dora", "administrator", None),
        add("dora", "cashier", None),
        set_role("clara", "administrator"),
        set_role("boris", "foreman"),
        disable("anna"),
        StaffCommand::Password { login: "anna".into(), password: SecretText::new("$argon2id$mine") },
        key("anna", "k", 1, "accounts.read"),
        key("clara", "k", 1, "payments.write"),
        StaffCommand::AddRole { name: "thief".into(), rights: "payments.write".parse().unwrap() },
        StaffCommand::SetRole { name: "foreman".into(), rights: Rights::all() },
        StaffCommand::SetRole { name: "administrator".into(), rights: Rights::default() },
    ] {
        assert_eq!(run_by(&mut ledger, "clara", command.clone()), no, "{command:?}");
    }
    let rights = "accounts.read".parse().unwrap();
    assert!(run_by(&mut ledger, "clara", StaffCommand::AddRole { name: "reader".into(), rights }).is_ok());
    assert!(run_by(&mut ledger, "clara", add("dora", "reader", None)).is_ok());
    assert!(run_by(&mut ledger, "clara", key("dora", "k", 1, "accounts.read")).is_ok());
    // What he has lost since the call began, he cannot give either.
    let by = authority(&ledger, "clara");
    run(&mut ledger, set_role("clara", "support")).unwrap();
    let late = StaffRequest { by, command: add("emil", "reader", None) };
    assert_eq!(ledger.run(&Command::Staff(Box::new(late))).unwrap_err().token, "no-right");
}

#[test]
fn everybody_changes_his_own_password_and_no_key_does() {
    let mut ledger = town();
    let mine = StaffCommand::Password { login: "boris".into(), password: SecretText::new("$argon2id$2") };
    assert!(run_by(&mut ledger, "boris", mine.clone()).is_ok());
    run(&mut ledger, key("boris", "k", 1, "nas.read")).unwrap();
    let mut by = authority(&ledger, "boris");
    by.login = by.login.map(|login| StaffLogin { key: Some(ApiKeyId(1)), ..login });
    for (command, token) in [
        (mine, "no-right"),
        (StaffCommand::OpenSession { hash: SecretHash([9; 32]), expires: ledger.now }, "no-session"),
    ] {
        let request = StaffRequest { by: by.clone(), command };
        assert_eq!(ledger.run(&Command::Staff(Box::new(request))).unwrap_err().token, token);
    }
    run(&mut ledger, StaffCommand::RevokeKey { login: "boris".into(), name: "k".into() }).unwrap();
    let request = StaffRequest { by, command: disable("boris") };
    assert_eq!(ledger.run(&Command::Staff(Box::new(request))).unwrap_err().token, "disabled");
}

#[test]
fn the_last_administrator_stays() {
    let mut ledger = town();
    let last = refused("last-administrator");
    for command in [
        disable("anna"),
        set_role("anna", "support"),
        StaffCommand::Set { login: "anna".into(), name: None, role: None, company: Some(Some(GroupId(5))) },
        StaffCommand::Password { login: "anna".into(), password: SecretText::default() },
        StaffCommand::SetRole { name: "administrator".into(), rights: "*.read".parse().unwrap() },
    ] {
        assert_eq!(run(&mut ledger, command.clone()), last, "{command:?}");
    }
    run(&mut ledger, add("clara", "administrator", None)).unwrap();
    assert!(run(&mut ledger, disable("anna")).is_ok());
    assert_eq!(run(&mut ledger, disable("clara")), last);
    assert_eq!(
        run_by(&mut ledger, "anna", disable("clara")),
        refused("disabled"),
        "who is disabled does nothing"
    );
}

#[test]
fn disabling_ends_sessions_and_keys_at_once_and_for_good() {
    let mut ledger = town();
    run(&mut ledger, key("boris", "k", 1, "nas.read")).unwrap();
    open(&mut ledger, "boris", 2).unwrap();
    open(&mut ledger, "anna", 3).unwrap();
    assert!(has_key(&ledger, 1) && is_open(&ledger, 2));
    run(&mut ledger, disable("boris")).unwrap();
    run(&mut ledger, StaffCommand::Enable { login: "boris".into() }).unwrap();
    assert!(!has_key(&ledger, 1) && !is_open(&ledger, 2) && is_open(&ledger, 3));
    assert_eq!(run(&mut ledger, disable("nobody")), refused("operator-not-found"));
}

#[test]
fn a_new_password_ends_the_sessions() {
    let mut ledger = town();
    open(&mut ledger, "boris", 2).unwrap();
    let password = SecretText::new("$argon2id$2");
    run(&mut ledger, StaffCommand::Password { login: "boris".into(), password }).unwrap();
    assert!(!is_open(&ledger, 2));
}

#[test]
fn a_program_that_logs_in_for_each_call_loses_its_oldest_sessions_alone() {
    let mut ledger = town();
    let expires = ledger.now.saturating_add(Duration::from_secs(86_400));
    let hash = |n: u16| SecretHash(std::array::from_fn(|at| n.to_be_bytes().get(at).copied().unwrap_or(0)));
    for n in 0..1_001 {
        ledger.now = ledger.now.saturating_add(Duration::from_secs(1));
        run_by(&mut ledger, "boris", StaffCommand::OpenSession { hash: hash(n), expires }).unwrap();
    }
    let open = |ledger: &Ledger, n| ledger.state.staff_session(&hash(n)).is_some();
    assert!(!open(&ledger, 0) && open(&ledger, 1) && open(&ledger, 1_000));
    ledger.now = expires;
    let expires = expires.saturating_add(Duration::from_secs(1));
    run_by(&mut ledger, "boris", StaffCommand::OpenSession { hash: hash(2_000), expires }).unwrap();
    assert_eq!(ledger.state.staff_session_hashes().count(), 1, "expired ones go");
}

#[test]
fn an_operator_of_a_company_sees_and_makes_operators_of_it_alone() {
    let mut ledger = town();
    ledger
        .load("[[group]]\nid = 6\nname = \"Дом\"\nparent = \"Жилые\"\n[[group]]\nid = 7\nname = \"Чужие\"")
        .unwrap();
    run(
        &mut ledger,
        StaffCommand::AddRole { name: "boss".into(), rights: "users.* roles.* accounts.*".parse().unwrap() },
    )
    .unwrap();
    run(&mut ledger, add("clara", "boss", Some(5))).unwrap();
    run(&mut ledger, add("dora", "boss", Some(7))).unwrap();
    assert!(run_by(&mut ledger, "clara", add("emil", "boss", Some(6))).is_ok());
    assert_eq!(run_by(&mut ledger, "clara", add("fred", "boss", None)), refused("not-for-companies"));
    for company in [7, 99] {
        assert_eq!(
            run_by(&mut ledger, "clara", add("fred", "boss", Some(company))),
            refused("unknown-group")
        );
    }
    for login in ["dora", "anna", "boris"] {
        assert_eq!(run_by(&mut ledger, "clara", disable(login)), refused("operator-not-found"));
    }
    let rights = "accounts.read".parse().unwrap();
    let role = StaffCommand::AddRole { name: "reader".into(), rights };
    assert_eq!(run_by(&mut ledger, "clara", role), refused("not-for-companies"));
    assert_eq!(run_by(&mut ledger, "emil", disable("clara")), refused("operator-not-found"), "above him");
    assert!(run_by(&mut ledger, "clara", disable("emil")).is_ok());
}

#[test]
fn every_change_of_staff_is_in_the_audit_and_a_restart_knows_all() {
    let mut ledger = town();
    run(&mut ledger, key("boris", "k", 1, "nas.read")).unwrap();
    open(&mut ledger, "boris", 2).unwrap();
    let rights = "nas.read users.read".parse().unwrap();
    run(&mut ledger, StaffCommand::SetRole { name: "engineer".into(), rights }).unwrap();
    let audits: Vec<String> = ledger
        .changes
        .iter()
        .filter_map(
            |c| if let Change::Audit(e) = c { Some(format!("{} {}", e.action, e.subject)) } else { None },
        )
        .collect();
    assert_eq!(
        audits,
        ["operator-added anna", "operator-added boris", "key-added boris", "role-changed engineer"]
    );
    let again = State::new(stored(&ledger.changes), Default::default(), ledger.now);
    let of = |state: &State| {
        let book = state.staff();
        (
            book.everybody().cloned().collect::<Vec<_>>(),
            book.roles().cloned().collect::<Vec<_>>(),
            book.key(&SecretHash([1; 32])).cloned(),
            state.staff_session(&SecretHash([2; 32])).cloned(),
        )
    };
    assert_eq!(of(&again), of(&ledger.state));
    assert!(of(&again).3.is_some());
}
