//! Groups, plans, access servers, contracts and logins, one at a time. The members are those of the data files
//! (docs/configuration.md).

use super::tokens::{LOGIN, ROWS, WHO};
use super::{Call, Method, MethodError, Who, changes, right};
use crate::model::*;
use crate::operations::ObjectDone;
use schemars::JsonSchema;
use serde::Deserialize;

const ADDS: &[&str] = &["already-exists"];
const SETS: &[&str] = &["object-not-found"];

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    /// Login, live or configured address, or MAC; or a contract number with one login.
    who: String,
    /// Clear text of at most 128 octets; absent: one is made and shown once in the answer.
    password: Option<SecretText>,
}

pub(super) fn methods() -> Vec<Method> {
    network().chain(people()).chain(ends()).collect()
}

/// Makes the two methods of a kind of row.
macro_rules! add_and_set {
    ($kind:ident, $row:ty, $right:expr, $add:literal: $what_add:literal, $set:literal: $what_set:literal) => {
        [
            changes($add, $what_add, $right, async |call: Call, row: $row| {
                add(call, DataFile { $kind: vec![row], ..DataFile::default() }).await
            })
            .refuses(&[ADDS, ROWS]),
            changes($set, $what_set, $right, async |call: Call, row: $row| {
                set(call, DataFile { $kind: vec![row], ..DataFile::default() }).await
            })
            .refuses(&[SETS, ROWS]),
        ]
    };
}

fn network() -> impl Iterator<Item = Method> {
    let write = |module| right(module, Action::Write);
    let groups = add_and_set!(group, GroupRow, write(Module::Clients),
        "group.add": "Makes a group.",
        "group.set": "Changes a group.");
    let plans = add_and_set!(plan, PlanRow, write(Module::Packages),
        "plan.add": "Makes a plan.",
        "plan.set": "Changes a plan; what is not given stays.");
    let nases = add_and_set!(nas, NasRow, write(Module::Nas),
        "nas.add": "Makes an access server.",
        "nas.set": "Changes an access server; what is not given stays.");
    groups.into_iter().chain(plans).chain(nases)
}

fn people() -> impl Iterator<Item = Method> {
    let accounts = add_and_set!(account, AccountRow, right(Module::Clients, Action::Write),
        "account.add": "Makes a contract. A balance or credit limit needs transactions.write as well.",
        "account.set": "Changes a contract; what is not given stays. A credit limit needs transactions.write as well.");
    let subscribers = add_and_set!(subscriber, SubscriberRow, right(Module::Accounts, Action::Write),
        "subscriber.add":
            "Makes a login, and its contract where there is none. A balance or credit limit needs transactions.write as well.",
        "subscriber.set":
            "Changes a login; what is not given stays. A credit limit needs transactions.write as well.");
    accounts.into_iter().chain(subscribers)
}

fn ends() -> [Method; 4] {
    [
        changes(
            "subscriber.close",
            "Ends a login: no access from now on, its addresses are free, its history stays.",
            right(Module::Accounts, Action::Delete),
            async |call: Call, Who { who }| Ok(call.operations.close_subscriber(&who, call.caller).await?),
        )
        .for_companies()
        .refuses(&[LOGIN]),
        changes(
            "account.close",
            "Ends a contract that has neither money nor an open login.",
            right(Module::Clients, Action::Delete),
            async |call: Call, Who { who }| Ok(call.operations.close_account(&who, call.caller).await?),
        )
        .for_companies()
        .refuses(&[WHO, &["balance-not-zero", "subscriber-open"]]),
        changes(
            "account.reopen",
            "Takes the end of a contract back.",
            right(Module::Clients, Action::Delete),
            async |call: Call, Who { who }| Ok(call.operations.reopen_account(&who, call.caller).await?),
        )
        .for_companies()
        .refuses(&[WHO]),
        changes(
            "password",
            "Gives a login another password.",
            right(Module::Accounts, Action::Write),
            async |call: Call, NewPassword { who, password }| {
                Ok(call.operations.set_password(&who, password, call.caller).await?)
            },
        )
        .for_companies()
        .refuses(&[LOGIN, ROWS]),
    ]
}

async fn add(call: Call, file: DataFile) -> Result<ObjectDone, MethodError> {
    needs_money_right(&call, &file)?;
    Ok(call.operations.add_object(file, call.caller).await?)
}

async fn set(call: Call, file: DataFile) -> Result<ObjectDone, MethodError> {
    let balances =
        file.account.iter().map(|row| row.balance).chain(file.subscriber.iter().map(|row| row.balance));
    if balances.flatten().next().is_some() {
        let text = "a balance is not set: it is put right by `correct`";
        return Err(MethodError::parameter("balance", text));
    }
    needs_money_right(&call, &file)?;
    Ok(call.operations.set_object(file, call.caller).await?)
}

/// Who may change a login may not by that make money.
fn needs_money_right(call: &Call, file: &DataFile) -> Result<(), Refusal> {
    let of_accounts = file.account.iter().flat_map(|row| [row.balance, row.credit_limit]);
    let of_subscribers = file.subscriber.iter().flat_map(|row| [row.balance, row.credit_limit]);
    match of_accounts.chain(of_subscribers).flatten().next() {
        Some(_) => call.principal.needs(right(Module::Transactions, Action::Write)),
        None => Ok(()),
    }
}
