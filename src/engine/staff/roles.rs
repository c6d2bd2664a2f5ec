//! Roles.

use super::desk::Desk;
use super::refuse;
use crate::model::*;

const ROLES_MAX: usize = 1_000;
const NAME_CHARS_MAX: usize = 32;

/// [`StaffCommand::AddRole`].
pub(super) fn add(desk: &mut Desk<'_>, name: &str, rights: Rights) -> Result<(), Refusal> {
    may_change(desk, rights)?;
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.chars().all(fits) {
        let text = format!("a role's name has 1 to {NAME_CHARS_MAX} small letters, digits and dashes");
        return refuse("bad-role-name", text);
    }
    if desk.book().role_named(name).is_some() {
        return refuse("role-taken", format!("there is a role {name:?} already"));
    }
    if desk.book().roles().count() >= ROLES_MAX {
        return refuse("too-many-roles", format!("there are {ROLES_MAX} roles"));
    }
    let id = desk.book().next_role();
    desk.put(Change::Role(Role { id, name: name.to_owned(), rights }));
    desk.audit("role-added", name, rights.to_string());
    Ok(())
}

/// [`StaffCommand::SetRole`].
pub(super) fn set(desk: &mut Desk<'_>, name: &str, rights: Rights) -> Result<(), Refusal> {
    may_change(desk, rights)?;
    let Some(role) = desk.book().role_named(name) else {
        return refuse("role-not-found", format!("there is no role {name:?}"));
    };
    // A role that has more than the caller is not his to narrow either.
    desk.may_give(role.rights)?;
    if role.rights != rights {
        desk.put(Change::Role(Role { rights, ..role.clone() }));
        desk.audit("role-changed", name, rights.to_string());
    }
    Ok(())
}

fn may_change(desk: &Desk<'_>, rights: Rights) -> Result<(), Refusal> {
    desk.needs(Module::Roles, Action::Write)?;
    desk.whole_server()?;
    desk.may_give(rights)
}
