//! Operators, roles and keys.

use super::{Call, Method, MethodError, Nothing, changes, looks, right};
use crate::model::{Action, Module, SecretText, StaffKind};
use crate::operations::{KeyInput, KeyMade, NewPassword, StaffDone, StaffInput};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Add {
    /// Up to 64 of the letters a to z, digits and `. - _ @`.
    login: String,
    /// Of the person or program.
    #[serde(default)]
    name: String,
    /// A person, or an account for programs.
    kind: StaffKind,
    /// Name of a role.
    role: String,
    /// Name or id of the group that a reseller's caller is confined to; empty: none.
    #[serde(default)]
    company: String,
    /// At least 10 characters; absent: none, unless one is made.
    password: Option<SecretText>,
    /// Make a password and show it once in the answer.
    #[serde(default)]
    generate: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Set {
    /// Whose.
    login: String,
    /// Of the person or program; absent: as it is.
    name: Option<String>,
    /// Name of a role; absent: as it is.
    role: Option<String>,
    /// Name or id of a group; empty: none; absent: as it is.
    company: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    /// Whose.
    login: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LoginPassword {
    /// Whose; one's own needs no right.
    login: String,
    /// At least 10 characters; absent: none, unless one is made.
    password: Option<SecretText>,
    /// Make a password and show it once in the answer.
    #[serde(default)]
    generate: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Role {
    /// Its name.
    name: String,
    /// Like `payments.* clients.read`, separated by spaces; `*` is everything.
    rights: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AddKey {
    /// Whose.
    login: String,
    /// Of the key, unique among those of the account.
    name: String,
    /// As of a role; they count as far as the role has them. Empty: those of the role as it is now.
    #[serde(default)]
    rights: String,
    /// A day (to 00:00 of it) or a moment; empty: never.
    #[serde(default)]
    expires: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RevokeKey {
    /// Whose.
    login: String,
    /// Of the key.
    name: String,
}

const COMMON: &[&str] = &["operator-not-found", "no-right"];

pub(super) fn methods() -> Vec<Method> {
    operators().into_iter().chain(doors()).chain(roles()).chain(keys()).collect()
}

fn operators() -> [Method; 3] {
    let write = right(Module::Users, Action::Write);
    [
        looks(
            "operator.list",
            "Operators and API accounts with their roles and keys.",
            right(Module::Users, Action::Read),
            async |call: Call, Nothing {}| Ok(call.operations.staff_list(&call.principal)),
        )
        .for_companies(),
        changes("operator.add", "Makes an operator or API account.", write, add).refuses(&[
            COMMON,
            &[
                "login-taken",
                "bad-login",
                "bad-name",
                "role-not-found",
                "unknown-group",
                "weak-password",
                "too-many-operators",
            ],
        ]),
        changes(
            "operator.set",
            "Changes an operator, at once; what is not given stays.",
            write,
            async |call: Call, Set { login, name, role, company }| {
                let by = &call.principal;
                Ok(call.operations.staff_set(&login, name, role, company, by, call.caller).await?)
            },
        )
        .refuses(&[COMMON, &["bad-name", "role-not-found", "unknown-group", "last-administrator"]]),
    ]
}

fn doors() -> [Method; 3] {
    let write = right(Module::Users, Action::Write);
    [
        changes(
            "operator.disable",
            "Shuts an operator out: sessions and keys end at once.",
            write,
            async |call: Call, Login { login }| {
                Ok(call.operations.staff_disable(&login, &call.principal, call.caller).await?)
            },
        )
        .refuses(&[COMMON, &["last-administrator"]]),
        changes(
            "operator.enable",
            "Lets an operator in by password again; the keys are gone for good.",
            write,
            async |call: Call, Login { login }| {
                Ok(call.operations.staff_enable(&login, &call.principal, call.caller).await?)
            },
        )
        .refuses(&[COMMON]),
        changes(
            "operator.password",
            "Gives an operator another password; the sessions end.",
            write,
            password,
        )
        .for_everybody()
        .for_companies()
        .refuses(&[COMMON, &["weak-password", "last-administrator", "disabled"]]),
    ]
}

fn roles() -> [Method; 3] {
    let write = right(Module::Roles, Action::Write);
    [
        looks(
            "role.list",
            "Roles with their rights.",
            right(Module::Roles, Action::Read),
            async |call: Call, Nothing {}| Ok(call.operations.role_list()),
        )
        .for_companies(),
        changes("role.add", "Makes a role.", write, async |call: Call, Role { name, rights }| {
            let by = &call.principal;
            Ok(call.operations.role_add(&name, &rights, by, call.caller).await?)
        })
        .refuses(&[&["no-right", "role-taken", "bad-role-name", "bad-right", "too-many-roles"]]),
        changes(
            "role.set",
            "Changes the rights of a role, at once for everybody who has it.",
            write,
            async |call: Call, Role { name, rights }| {
                let by = &call.principal;
                Ok(call.operations.role_set(&name, &rights, by, call.caller).await?)
            },
        )
        .refuses(&[&["no-right", "role-not-found", "bad-right", "last-administrator"]]),
    ]
}

fn keys() -> [Method; 2] {
    let write = right(Module::Users, Action::Write);
    [
        changes("operator.key.add", "Makes a key and shows it once in the answer.", write, add_key).refuses(
            &[
                COMMON,
                &[
                    "key-taken",
                    "too-many-keys",
                    "bad-name",
                    "bad-right",
                    "disabled",
                    "bad-date",
                    "date-in-past",
                ],
            ],
        ),
        changes(
            "operator.key.revoke",
            "Ends a key at once.",
            write,
            async |call: Call, RevokeKey { login, name }| {
                Ok(call.operations.key_revoke(&login, &name, &call.principal, call.caller).await?)
            },
        )
        .refuses(&[COMMON, &["key-not-found"]]),
    ]
}

async fn add(call: Call, asked: Add) -> Result<StaffDone, MethodError> {
    let Add { login, name, kind, role, company, password, generate } = asked;
    let password = wanted(password, generate);
    let input = StaffInput { login, name, kind, role, company, password };
    Ok(call.operations.staff_add(input, &call.principal, call.caller).await?)
}

async fn password(call: Call, asked: LoginPassword) -> Result<StaffDone, MethodError> {
    let LoginPassword { login, password, generate } = asked;
    let password = wanted(password, generate);
    Ok(call.operations.staff_password(&login, password, &call.principal, call.caller).await?)
}

async fn add_key(call: Call, asked: AddKey) -> Result<KeyMade, MethodError> {
    let AddKey { login, name, rights, expires } = asked;
    let input = KeyInput { login, name, rights, expires };
    Ok(call.operations.key_add(input, &call.principal, call.caller).await?)
}

/// `password`, `generate`, or neither for no login by password.
fn wanted(password: Option<SecretText>, generate: bool) -> NewPassword {
    match password {
        Some(password) => NewPassword::Given(password),
        None if generate => NewPassword::Generated,
        None => NewPassword::None,
    }
}
