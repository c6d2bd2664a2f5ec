//! Operators, roles and keys. Who may open the socket may everything.

use super::{Call, Nothing, RpcError, unknown, value};
use crate::model::{SecretText, StaffKind};
use crate::operations::{KeyInput, NewPassword, Principal, StaffInput};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Add {
    login: String,
    #[serde(default)]
    name: String,
    kind: StaffKind,
    role: String,
    #[serde(default)]
    company: String,
    password: Option<SecretText>,
    #[serde(default)]
    generate: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    login: String,
    name: Option<String>,
    role: Option<String>,
    company: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    login: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LoginPassword {
    login: String,
    password: Option<SecretText>,
    #[serde(default)]
    generate: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Role {
    name: String,
    rights: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddKey {
    login: String,
    name: String,
    #[serde(default)]
    rights: String,
    #[serde(default)]
    expires: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RevokeKey {
    login: String,
    name: String,
}

pub(super) async fn call(method: &str, mut call: Call) -> Result<Value, RpcError> {
    let by = Principal::local(call.caller.actor.clone());
    match method {
        "operator.list" => {
            let Nothing {} = call.read()?;
            value(call.operations.staff_list(&by))
        }
        "operator.add" => {
            let Add { login, name, kind, role, company, password, generate } = call.read()?;
            let password = wanted(password, generate);
            let input = StaffInput { login, name, kind, role, company, password };
            value(call.operations.staff_add(input, &by, call.caller).await?)
        }
        "operator.set" => {
            let Set { login, name, role, company } = call.read()?;
            value(call.operations.staff_set(&login, name, role, company, &by, call.caller).await?)
        }
        "operator.disable" => {
            let Login { login } = call.read()?;
            value(call.operations.staff_disable(&login, &by, call.caller).await?)
        }
        "operator.enable" => {
            let Login { login } = call.read()?;
            value(call.operations.staff_enable(&login, &by, call.caller).await?)
        }
        "operator.password" => {
            let LoginPassword { login, password, generate } = call.read()?;
            let password = wanted(password, generate);
            value(call.operations.staff_password(&login, password, &by, call.caller).await?)
        }
        _ => roles_and_keys(method, call, &by).await,
    }
}

async fn roles_and_keys(method: &str, mut call: Call, by: &Principal) -> Result<Value, RpcError> {
    match method {
        "role.list" => {
            let Nothing {} = call.read()?;
            value(call.operations.role_list())
        }
        "role.add" => {
            let Role { name, rights } = call.read()?;
            value(call.operations.role_add(&name, &rights, by, call.caller).await?)
        }
        "role.set" => {
            let Role { name, rights } = call.read()?;
            value(call.operations.role_set(&name, &rights, by, call.caller).await?)
        }
        "operator.key.add" => {
            let AddKey { login, name, rights, expires } = call.read()?;
            let input = KeyInput { login, name, rights, expires };
            value(call.operations.key_add(input, by, call.caller).await?)
        }
        "operator.key.revoke" => {
            let RevokeKey { login, name } = call.read()?;
            value(call.operations.key_revoke(&login, &name, by, call.caller).await?)
        }
        _ => Err(unknown(method)),
    }
}

/// `password`, `generate`, or neither for no login by password.
fn wanted(password: Option<SecretText>, generate: bool) -> NewPassword {
    match password {
        Some(password) => NewPassword::Given(password),
        None if generate => NewPassword::Generated,
        None => NewPassword::None,
    }
}
