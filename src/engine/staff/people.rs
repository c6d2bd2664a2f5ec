//! Operators and API accounts.

use super::desk::Desk;
use super::refuse;
use crate::model::*;

const STAFF_MAX: usize = 10_000;
const LOGIN_CHARS_MAX: usize = 64;
const NAME_CHARS_MAX: usize = 200;

/// [`StaffCommand::Add`].
pub(super) fn add(desk: &mut Desk<'_>, command: &StaffCommand) -> Result<(), Refusal> {
    let StaffCommand::Add { login, name, kind, role, company, password } = command else { return Ok(()) };
    desk.needs(Module::Users, Action::Write)?;
    check_login(login)?;
    check_name(name)?;
    if desk.book().login(login).is_some() {
        return refuse("login-taken", format!("there is an operator {login:?} already"));
    }
    if desk.book().staff_count() >= STAFF_MAX {
        return refuse("too-many-operators", format!("there are {STAFF_MAX} operators"));
    }
    check_company(desk, *company)?;
    let staff = Staff {
        id: desk.book().next_staff(),
        login: login.clone(),
        name: name.clone(),
        kind: *kind,
        role: role_to_give(desk, role)?,
        company: *company,
        password: password.clone(),
        disabled: false,
        created: desk.now,
    };
    desk.put(Change::Staff(Box::new(staff)));
    desk.audit("operator-added", login, format!("role {role}{}", of_company(*company)));
    Ok(())
}

/// [`StaffCommand::Set`].
pub(super) fn set(
    desk: &mut Desk<'_>,
    login: &str,
    name: Option<&str>,
    role: Option<&str>,
    company: Option<Option<GroupId>>,
) -> Result<(), Refusal> {
    let old = desk.changeable(login)?;
    let mut new = old.clone();
    let mut words = Vec::new();
    if let Some(name) = name {
        check_name(name)?;
        name.clone_into(&mut new.name);
        words.push(format!("name {name}"));
    }
    if let Some(role) = role {
        new.role = role_to_give(desk, role)?;
        words.push(format!("role {role}"));
    }
    if let Some(company) = company {
        check_company(desk, company)?;
        new.company = company;
        words.push(company.map_or_else(|| "no company".to_owned(), |id| format!("company {id}")));
    }
    if new != *old {
        let login = new.login.clone();
        desk.put(Change::Staff(Box::new(new)));
        desk.audit("operator-changed", &login, words.join(", "));
    }
    Ok(())
}

/// [`StaffCommand::Disable`].
pub(super) fn disable(desk: &mut Desk<'_>, login: &str) -> Result<(), Refusal> {
    let staff = desk.changeable(login)?;
    if staff.disabled {
        return Ok(());
    }
    desk.put(Change::Staff(Box::new(Staff { disabled: true, ..staff.clone() })));
    desk.end_sessions(staff.id);
    let keys: Vec<ApiKeyId> = desk.book().keys_of(staff.id).map(|key| key.id).collect();
    let count = keys.len();
    keys.into_iter().for_each(|id| desk.put(Change::ApiKeyRevoked(id)));
    desk.audit("operator-disabled", &staff.login, format!("{count} keys revoked"));
    Ok(())
}

/// [`StaffCommand::Enable`].
pub(super) fn enable(desk: &mut Desk<'_>, login: &str) -> Result<(), Refusal> {
    let staff = desk.changeable(login)?;
    if staff.disabled {
        desk.put(Change::Staff(Box::new(Staff { disabled: false, ..staff.clone() })));
        desk.audit("operator-enabled", &staff.login, String::new());
    }
    Ok(())
}

/// [`StaffCommand::Password`]. Everybody may change his own.
pub(super) fn password(desk: &mut Desk<'_>, login: &str, password: &SecretText) -> Result<(), Refusal> {
    let staff = match desk.staff(login)? {
        own if desk.is_caller(own) => own,
        _ => desk.changeable(login)?,
    };
    desk.put(Change::Staff(Box::new(Staff { password: password.clone(), ..staff.clone() })));
    desk.end_sessions(staff.id);
    desk.audit("operator-password", &staff.login, String::new());
    Ok(())
}

fn role_to_give(desk: &Desk<'_>, name: &str) -> Result<RoleId, Refusal> {
    let Some(role) = desk.book().role_named(name) else {
        return refuse("role-not-found", format!("there is no role {name:?}"));
    };
    desk.may_give(role.rights)?;
    Ok(role.id)
}

/// As for whom the caller does not see: a company outside his own does not exist.
fn check_company(desk: &Desk<'_>, company: Option<GroupId>) -> Result<(), Refusal> {
    let exists = company.is_none_or(|id| desk.group_exists(id));
    match company {
        _ if exists && desk.in_company(company) => Ok(()),
        Some(id) => refuse("unknown-group", format!("there is no group {id}")),
        None => refuse("not-for-companies", "an operator of a company makes operators of that company"),
    }
}

fn check_login(login: &str) -> Result<(), Refusal> {
    let fits = |c: char| c.is_ascii_alphanumeric() || ".-_@".contains(c);
    if login.is_empty() || login.len() > LOGIN_CHARS_MAX || !login.chars().all(fits) {
        let text = format!("a login has 1 to {LOGIN_CHARS_MAX} of the letters a to z, digits, and . - _ @");
        return refuse("bad-login", text);
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), Refusal> {
    if name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
        return refuse("bad-name", format!("a name is one line of at most {NAME_CHARS_MAX} characters"));
    }
    Ok(())
}

fn of_company(company: Option<GroupId>) -> String {
    company.map(|id| format!(", company {id}")).unwrap_or_default()
}
