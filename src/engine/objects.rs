//! One object at a time: a row that must or must not be there yet, and the end of subscribers and contracts.

use super::{Decision, State, load};
use crate::model::*;
use std::sync::Arc;

pub(super) fn decide(
    state: &State,
    command: &ObjectCommand,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    match command {
        ObjectCommand::Add(file) => {
            let (kind, name, known) = named(state, file)?;
            if known {
                return refuse("already-exists", format!("there is a {kind} {name:?} already"));
            }
            load::load(state, file, LoadOptions::default(), actor, now)
        }
        ObjectCommand::Set(file) => {
            let (kind, name, known) = named(state, file)?;
            if !known {
                return refuse("object-not-found", format!("there is no {kind} {name:?}"));
            }
            load::load(state, file, LoadOptions::default(), actor, now)
        }
        ObjectCommand::CloseSubscriber(id) => close_subscriber(state, *id, actor, now),
        ObjectCommand::CloseAccount(id) => close_account(state, *id, actor, now),
        ObjectCommand::ReopenAccount(id) => reopen_account(state, *id, actor, now),
    }
}

/// Kind and name of the file's one row, and whether there is such an object.
fn named<'a>(state: &State, file: &'a DataFile) -> Result<(&'static str, &'a str, bool), Refusal> {
    let mut found = Vec::new();
    found.extend(file.group.iter().map(|row| {
        let known = state.groups.values().any(|group| group.name == row.name);
        ("group", row.name.as_str(), known)
    }));
    found.extend(file.plan.iter().map(|row| {
        let known = state.plans.values().any(|plan| plan.name == row.name);
        ("plan", row.name.as_str(), known)
    }));
    found.extend(file.nas.iter().map(|row| {
        let known = state.nases.values().any(|nas| nas.name == row.name);
        ("nas", row.name.as_str(), known)
    }));
    found.extend(file.account.iter().map(|row| {
        let known = state.contracts.contains_key(&row.contract);
        ("account", row.contract.as_str(), known)
    }));
    found.extend(file.subscriber.iter().map(|row| {
        let known = state.logins.contains_key(&row.login);
        ("subscriber", row.login.as_str(), known)
    }));
    let others = file.service.len() + file.package.len() + file.pool.len();
    match found.as_slice() {
        [one] if others == 0 => Ok(*one),
        _ => refuse("not-one-row", "one row of a group, plan, nas, account or subscriber is expected"),
    }
}

/// Its validity ends now and its addresses are free for others. A validity and addresses given again open it.
fn close_subscriber(
    state: &State,
    id: SubscriberId,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let Some(subscriber) = state.subscribers.get(&id) else {
        return refuse("subscriber-not-found", format!("there is no subscriber {id}"));
    };
    let closed = Subscriber {
        valid_until: Some(subscriber.valid_until.filter(|until| *until <= now).unwrap_or(now)),
        addresses: Vec::new(),
        pool: None,
        ipv6_prefix: None,
        mac: None,
        circuit_id: String::new(),
        snat: None,
        routes: Vec::new(),
        ..Subscriber::clone(subscriber)
    };
    if closed == **subscriber {
        return Ok(Decision::unchanged(Outcome::Done { changed: false }));
    }
    let audit = audit(actor, now, "subscriber-closed", &subscriber.login);
    Ok(done(vec![Change::Subscriber(Box::new(closed)), audit]))
}

fn close_account(state: &State, id: AccountId, actor: &Actor, now: Timestamp) -> Result<Decision, Refusal> {
    let account = account(state, id)?;
    if account.closed {
        return Ok(Decision::unchanged(Outcome::Done { changed: false }));
    }
    let balance = state.balance(id);
    if balance != Money::ZERO {
        let balance = balance.to_decimal(state.settings().currency_digits);
        let text =
            format!("contract {} has a balance of {balance}; pay it out or in first", account.contract);
        return refuse("balance-not-zero", text);
    }
    let open = state.subscribers_in_order(id).into_iter().find_map(|id| {
        let subscriber = state.subscribers.get(&id)?;
        subscriber.valid_until.is_none_or(|until| now < until).then(|| subscriber.login.clone())
    });
    if let Some(login) = open {
        return refuse("subscriber-open", format!("the login {login} is open; close it first"));
    }
    let audit = audit(actor, now, "account-closed", &account.contract);
    Ok(done(vec![Change::Account(Account { closed: true, ..Account::clone(account) }), audit]))
}

fn reopen_account(state: &State, id: AccountId, actor: &Actor, now: Timestamp) -> Result<Decision, Refusal> {
    let account = account(state, id)?;
    if !account.closed {
        return Ok(Decision::unchanged(Outcome::Done { changed: false }));
    }
    let audit = audit(actor, now, "account-reopened", &account.contract);
    Ok(done(vec![Change::Account(Account { closed: false, ..Account::clone(account) }), audit]))
}

fn account(state: &State, id: AccountId) -> Result<&Arc<Account>, Refusal> {
    state
        .accounts
        .get(&id)
        .ok_or_else(|| Refusal::new("account-not-found", format!("there is no account {id}")))
}

fn audit(actor: &Actor, now: Timestamp, action: &str, subject: &str) -> Change {
    Change::Audit(AuditEntry {
        time: now,
        by: actor.0.clone(),
        action: action.to_owned(),
        subject: subject.to_owned(),
        text: String::new(),
    })
}

fn done(changes: Vec<Change>) -> Decision {
    Decision { outcome: Outcome::Done { changed: true }, changes }
}

fn refuse<T>(token: &str, text: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(token, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::{Ledger, NOW};
    use std::time::Duration;

    fn row(toml: &str) -> Box<DataFile> {
        Box::new(toml::from_str(toml).unwrap())
    }

    fn run(ledger: &mut Ledger, command: ObjectCommand) -> Result<Outcome, String> {
        ledger.run(&Command::Objects(command)).map_err(|refusal| refusal.token)
    }

    #[test]
    fn what_is_added_must_be_new_and_what_is_set_must_be_there() {
        for (new, known) in [
            ("[[group]]\nname = \"дачи\"", "[[group]]\nname = \"Жилые\""),
            ("[[plan]]\nname = \"home-50\"\nrate-in = 50000", "[[plan]]\nname = \"home-20\"\nfee = \"350\""),
            (
                "[[nas]]\nname = \"bras9\"\naddress = \"10.9.9.9\"\nsecret = \"testing999\"",
                "[[nas]]\nname = \"bras1\"\ncoa-port = 1700",
            ),
            ("[[account]]\ncontract = \"2001\"", "[[account]]\ncontract = \"1001\"\nphone = \"112\""),
            ("[[subscriber]]\nlogin = \"sidorov\"", "[[subscriber]]\nlogin = \"ivanov\"\nmac = \"\""),
        ] {
            let mut ledger = Ledger::sample();
            assert_eq!(run(&mut ledger, ObjectCommand::Set(row(new))), Err("object-not-found".into()));
            assert_eq!(run(&mut ledger, ObjectCommand::Add(row(known))), Err("already-exists".into()));
            assert!(run(&mut ledger, ObjectCommand::Add(row(new))).is_ok(), "{new}");
            assert!(run(&mut ledger, ObjectCommand::Set(row(known))).is_ok(), "{known}");
            assert!(run(&mut ledger, ObjectCommand::Set(row(new))).is_ok(), "{new}");
        }
        for file in [
            "",
            "[[pool]]\nname = \"p\"\nprefixes = [\"10.8.0.0/24\"]",
            "[[plan]]\nname=\"a\"\n[[plan]]\nname=\"b\"",
        ] {
            assert_eq!(run(&mut Ledger::sample(), ObjectCommand::Add(row(file))), Err("not-one-row".into()));
        }
    }

    #[test]
    fn a_closed_subscriber_has_neither_access_nor_addresses() {
        let mut ledger = Ledger::sample();
        let id = ledger.subscriber("petrov-dacha");
        let done = |changed| Ok(Outcome::Done { changed });
        assert_eq!(run(&mut ledger, ObjectCommand::CloseSubscriber(id)), done(true));
        let view = ledger.state.view(id, NOW).unwrap();
        assert_eq!(view.standing.verdict, Verdict::Blocked);
        assert!(view.subscriber.addresses.is_empty() && view.subscriber.ipv6_prefix.is_none());
        ledger.now = NOW.saturating_add(Duration::from_secs(60));
        assert_eq!(run(&mut ledger, ObjectCommand::CloseSubscriber(id)), done(false), "it was closed before");
        ledger.load("[[subscriber]]\nlogin = \"sidorov\"\nip = \"10.9.0.3\"").unwrap();
        assert_eq!(
            run(&mut ledger, ObjectCommand::CloseSubscriber(SubscriberId(99))),
            Err("subscriber-not-found".into())
        );
    }

    #[test]
    fn a_contract_is_closed_without_money_and_logins_and_opened_again() {
        let mut ledger = Ledger::sample();
        let close = |id| ObjectCommand::CloseAccount(id);
        let of = |ledger: &Ledger, contract: &str| ledger.state.contracts[contract];
        let (rich, shared, empty) = (of(&ledger, "1001"), of(&ledger, "1002"), of(&ledger, "1003"));
        assert_eq!(run(&mut ledger, close(rich)), Err("balance-not-zero".into()));
        assert_eq!(run(&mut ledger, close(shared)), Err("subscriber-open".into()));
        for login in ["petrov", "petrov-dacha"] {
            let id = ledger.subscriber(login);
            run(&mut ledger, ObjectCommand::CloseSubscriber(id)).unwrap();
        }
        for id in [shared, empty] {
            assert_eq!(run(&mut ledger, close(id)), Ok(Outcome::Done { changed: true }));
            assert_eq!(run(&mut ledger, close(id)), Ok(Outcome::Done { changed: false }));
            assert!(ledger.state.accounts[&id].closed);
        }
        assert_eq!(
            run(&mut ledger, ObjectCommand::ReopenAccount(empty)),
            Ok(Outcome::Done { changed: true })
        );
        assert_eq!(
            run(&mut ledger, ObjectCommand::ReopenAccount(empty)),
            Ok(Outcome::Done { changed: false })
        );
        assert_eq!(run(&mut ledger, close(AccountId(99))), Err("account-not-found".into()));
    }
}
