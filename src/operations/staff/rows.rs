//! Operators and roles as doors show them.

use super::super::{Operations, Principal};
use crate::directory::Inner;
use crate::engine::StaffBook;
use crate::model::*;
use schemars::JsonSchema;
use serde::Serialize;

/// An operator or API account. Moments as text; no secrets.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct StaffRow {
    pub id: i64,
    pub login: String,
    pub name: String,
    pub kind: StaffKind,
    pub role: String,
    /// Name of the group; empty: none.
    pub company: String,
    pub disabled: bool,
    /// Whether it can log in by password.
    pub password: bool,
    pub created: String,
    pub keys: Vec<KeyRow>,
}

#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct KeyRow {
    pub name: String,
    pub rights: String,
    /// Empty: never.
    pub expires: String,
    pub created: String,
}

#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct RoleRow {
    pub id: i64,
    pub name: String,
    pub rights: String,
}

impl Operations {
    /// Operators in order of id: everybody, or those of the caller's company.
    pub fn staff_list(&self, by: &Principal) -> Vec<StaffRow> {
        let (book, inner) = (self.directory.staff(), self.directory.read());
        let seen = book.everybody().filter(|staff| sees(&inner, by, staff));
        seen.map(|staff| self.staff_row(&book, &inner, staff)).collect()
    }

    /// One of them. Refusal `operator-not-found`.
    pub fn staff_one(&self, login: &str, by: &Principal) -> Result<StaffRow, Refusal> {
        let (book, inner) = (self.directory.staff(), self.directory.read());
        match book.login(login).filter(|staff| sees(&inner, by, staff)) {
            Some(staff) => Ok(self.staff_row(&book, &inner, staff)),
            None => Err(Refusal::new("operator-not-found", format!("there is no operator {login:?}"))),
        }
    }

    /// All roles in order of id.
    pub fn role_list(&self) -> Vec<RoleRow> {
        let book = self.directory.staff();
        let row =
            |role: &Role| RoleRow { id: role.id.0, name: role.name.clone(), rights: role.rights.to_string() };
        book.roles().map(row).collect()
    }

    fn staff_row(&self, book: &StaffBook, inner: &Inner, staff: &Staff) -> StaffRow {
        let group = staff.company.and_then(|id| inner.group(id));
        let key = |key: &ApiKey| KeyRow {
            name: key.name.clone(),
            rights: key.rights.to_string(),
            expires: key.expires.map(|at| self.time(at)).unwrap_or_default(),
            created: self.time(key.created),
        };
        StaffRow {
            id: staff.id.0,
            login: staff.login.clone(),
            name: staff.name.clone(),
            kind: staff.kind,
            role: book.role(staff.role).map(|role| role.name.clone()).unwrap_or_default(),
            company: group.map(|group| group.name.clone()).unwrap_or_default(),
            disabled: staff.disabled,
            password: !staff.password.is_empty(),
            created: self.time(staff.created),
            keys: book.keys_of(staff.id).map(key).collect(),
        }
    }
}

fn sees(inner: &Inner, by: &Principal, staff: &Staff) -> bool {
    match (by.company, staff.company) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(company), Some(group)) => inner.group_within(group, company),
    }
}
