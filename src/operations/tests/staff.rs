//! Logins of operators by password, key and SID.

use super::*;
use crate::model::{Action, Module, Right, StaffKind};

const PASSWORD: &str = "correct horse";

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

fn root() -> Principal {
    Principal::local(actor())
}

fn add(office: &Office, login: &str, role: &str) -> StaffDone {
    let input = StaffInput {
        login: login.into(),
        name: String::new(),
        kind: StaffKind::Person,
        role: role.into(),
        company: String::new(),
        password: NewPassword::Given(SecretText::new(PASSWORD)),
    };
    block_on(office.operations.staff_add(input, &root(), actor())).unwrap()
}

fn login(office: &Office, login: &str, password: &str) -> Result<Principal, String> {
    let source = Some("10.0.0.1".parse().unwrap());
    block_on(office.operations.staff_login(login, password, source)).map_err(|rejected| match rejected {
        Rejected::Refused(refusal) => refusal.token,
        other => other.to_string(),
    })
}

fn token<T>(result: Result<T, Refusal>) -> String {
    result.err().map(|refusal| refusal.token).unwrap_or_default()
}

#[test]
fn an_operator_logs_in_by_password_and_has_the_rights_of_its_role() {
    let office = Office::sample();
    add(&office, "anna", "administrator");
    let done = add(&office, "boris", "cashier");
    assert!(done.changed && done.password.is_none());
    let boris = login(&office, "Boris", PASSWORD).unwrap();
    assert_eq!(boris.actor.0, "operator:boris");
    assert!(boris.needs(Right::new(Module::Payments, Action::Write)).is_ok());
    assert_eq!(token(boris.needs(Right::new(Module::Nas, Action::Write))), "no-right");
    for (name, password) in [("boris", "wrong horse"), ("nobody", PASSWORD), ("", ""), ("boris", "")] {
        assert_eq!(login(&office, name, password).unwrap_err(), "wrong-login");
    }
    block_on(office.operations.staff_disable("boris", &root(), actor())).unwrap();
    assert_eq!(login(&office, "boris", PASSWORD).unwrap_err(), "disabled");
    assert_eq!(login(&office, "boris", "wrong horse").unwrap_err(), "wrong-login");
}

#[test]
fn guesses_are_stopped_before_the_hash_and_the_right_password_too() {
    let office = Office::sample();
    add(&office, "anna", "administrator");
    for _ in 0..10 {
        assert_eq!(login(&office, "anna", "wrong").unwrap_err(), "wrong-login");
    }
    assert_eq!(login(&office, "anna", PASSWORD).unwrap_err(), "too-many-guesses");
    office.later(Duration::from_secs(600));
    assert!(login(&office, "anna", PASSWORD).is_ok());
}

#[test]
fn a_generated_password_is_shown_once_and_works() {
    let office = Office::sample();
    add(&office, "anna", "administrator");
    let caller = || Caller::keyed(actor(), "k".into(), &["password", "anna"]);
    let new =
        || block_on(office.operations.staff_password("anna", NewPassword::Generated, &root(), caller()));
    let (first, again) = (new().unwrap(), new().unwrap());
    assert!(again.repeat && again.password.is_none());
    assert!(login(&office, "anna", &first.password.unwrap()).is_ok());
    assert!(login(&office, "anna", PASSWORD).is_err());
}

#[test]
fn a_key_has_its_scopes_as_far_as_the_role_has_them_until_it_ends() {
    let office = Office::sample();
    add(&office, "anna", "administrator");
    add(&office, "portal", "api");
    let make = |name: &str, rights: &str, expires: &str| {
        let input = KeyInput {
            login: "portal".into(),
            name: name.into(),
            rights: rights.into(),
            expires: expires.into(),
        };
        block_on(office.operations.key_add(input, &root(), actor()))
    };
    let key = make("site", "payments.write nas.write", "2026-04-07").unwrap().key.unwrap();
    let principal = office.operations.staff_key(&key).unwrap();
    assert_eq!(
        (principal.rights.to_string().as_str(), principal.actor.0.as_str()),
        ("payments.write", "operator:portal")
    );
    assert!(make("site", "", "").is_err(), "the name is taken");
    assert_eq!(token(office.operations.staff_key("hgk_guess")), "wrong-key");
    assert!(block_on(office.operations.open_sid(&principal)).is_err(), "a key opens no session");
    office.later(Duration::from_secs(86_400));
    assert_eq!(token(office.operations.staff_key(&key)), "expired-key");
    let endless = make("endless", "", "").unwrap().key.unwrap();
    assert!(office.operations.staff_key(&endless).is_ok());
    block_on(office.operations.key_revoke("portal", "endless", &root(), actor())).unwrap();
    assert_eq!(token(office.operations.staff_key(&endless)), "wrong-key");
}

#[test]
fn a_session_lives_its_days_follows_the_role_and_ends_when_it_is_closed_or_its_owner_disabled() {
    let office = Office::sample();
    add(&office, "anna", "administrator");
    add(&office, "boris", "cashier");
    let operations = &office.operations;
    let boris = login(&office, "boris", PASSWORD).unwrap();
    let open = || block_on(operations.open_sid(&boris)).unwrap();
    let (first, second) = (open(), open());
    assert!(first.starts_with("1-") && first.len() == 28);
    assert_eq!(operations.staff_sid(&first).unwrap().rights, boris.rights);
    block_on(operations.role_set("cashier", "reports.read", &root(), actor())).unwrap();
    assert_eq!(operations.staff_sid(&first).unwrap().rights.to_string(), "reports.read");
    assert_eq!(block_on(operations.close_sid(&boris, &first)), Ok(true));
    assert_eq!(block_on(operations.close_sid(&boris, &first)), Ok(false));
    assert_eq!(token(operations.staff_sid(&first)), "wrong-sid");
    office.later(Duration::from_secs(30 * 86_400 - 1));
    assert!(operations.staff_sid(&second).is_ok());
    office.later(Duration::from_secs(1));
    assert_eq!(token(operations.staff_sid(&second)), "wrong-sid");
    let third = open();
    block_on(operations.staff_disable("boris", &root(), actor())).unwrap();
    assert_eq!(token(operations.staff_sid(&third)), "wrong-sid");
}

#[test]
fn what_is_shown_of_staff_has_no_secret() {
    let office = Office::sample();
    add(&office, "anna", "administrator");
    let rows = serde_json::to_string(&office.operations.staff_list(&root())).unwrap();
    assert!(rows.contains("\"password\":true") && !rows.contains("argon2"), "{rows}");
}
