//! The history of addresses that subscribers have by agreement: what a decision changes of them is told to the store.
//!
//! It follows from the subscribers and accounts that a decision writes, whichever command wrote them, so no command can
//! forget it. Nothing of it is kept in memory.

use super::State;
use crate::model::*;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Adds to `changes` what they do to the addresses that subscribers have.
pub(super) fn follow(state: &State, changes: &mut Vec<Change>, now: Timestamp) {
    let mut history = Vec::new();
    {
        let after = After::of(state, changes);
        for (id, subscriber) in &after.subscribers {
            let old = state.subscribers.get(id);
            let had = old.map(|old| held(old, closed(state, old.account))).unwrap_or_default();
            let has = held(subscriber, after.closed(state, subscriber.account));
            note(subscriber, &had, &has, now, &mut history);
        }
    }
    changes.append(&mut history);
}

/// Rows as the last change to each leaves them.
#[derive(Default)]
struct After<'a> {
    subscribers: BTreeMap<SubscriberId, &'a Subscriber>,
    /// Accounts that are written, and whether they are closed then.
    closed: BTreeMap<AccountId, bool>,
}

impl<'a> After<'a> {
    fn of(state: &'a State, changes: &'a [Change]) -> After<'a> {
        let mut after = After::default();
        for change in changes {
            match change {
                Change::Subscriber(subscriber) => {
                    after.subscribers.insert(subscriber.id, subscriber);
                }
                Change::Account(account) => {
                    after.closed.insert(account.id, account.closed);
                }
                _ => {}
            }
        }
        let turned = after.closed.iter().filter(|(id, is)| closed(state, **id) != **is);
        for mate in turned.flat_map(|(id, _)| state.subscribers_in_order(*id)) {
            if let Some(subscriber) = state.subscribers.get(&mate) {
                after.subscribers.entry(mate).or_insert(subscriber);
            }
        }
        after
    }

    fn closed(&self, state: &State, account: AccountId) -> bool {
        self.closed.get(&account).copied().unwrap_or_else(|| closed(state, account))
    }
}

fn closed(state: &State, account: AccountId) -> bool {
    state.accounts.get(&account).is_some_and(|account| account.closed)
}

/// What a subscriber has; nothing when its account is closed.
fn held(subscriber: &Subscriber, closed: bool) -> Vec<(IpNet, AssignmentKind)> {
    if closed {
        return Vec::new();
    }
    let host = |address: IpAddr| IpNet::from(address.to_canonical());
    let configured = subscriber.addresses.iter().map(|own| (host(*own), AssignmentKind::Configured));
    let delegated = subscriber.ipv6_prefix.map(|net| (net.trunc(), AssignmentKind::DelegatedPrefix));
    let routed = subscriber.routes.iter().map(|net| (net.trunc(), AssignmentKind::Routed));
    let snat = subscriber.snat.map(|address| (host(address.into()), AssignmentKind::SourceNat));
    configured.chain(delegated).chain(routed).chain(snat).collect()
}

fn note(
    subscriber: &Subscriber,
    had: &[(IpNet, AssignmentKind)],
    has: &[(IpNet, AssignmentKind)],
    now: Timestamp,
    history: &mut Vec<Change>,
) {
    for &(prefix, kind) in had.iter().filter(|one| !has.contains(one)) {
        history.push(Change::AddressWithdrawn { prefix, kind, subscriber: subscriber.id, at: now });
    }
    for &(prefix, kind) in has.iter().filter(|one| !had.contains(one)) {
        history.push(Change::AddressAssigned(Assignment {
            prefix,
            kind,
            subscriber: subscriber.id,
            login: subscriber.login.clone(),
            since: now,
            until: None,
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::Ledger;
    use std::time::Duration;

    /// `+` and `-` of the history that one more file makes, a minute later.
    fn told(ledger: &mut Ledger, toml: &str) -> Vec<String> {
        ledger.now = ledger.now.saturating_add(Duration::from_secs(60));
        let before = ledger.changes.len();
        ledger.load(toml).unwrap();
        history(&ledger.changes[before..], ledger.now)
    }

    fn history(changes: &[Change], now: Timestamp) -> Vec<String> {
        let line = |change: &Change| match change {
            Change::AddressAssigned(a) => {
                assert_eq!((a.since, a.until), (now, None));
                Some(format!("+ {} {:?} {}", a.prefix, a.kind, a.login))
            }
            Change::AddressWithdrawn { prefix, kind, subscriber, at } => {
                assert_eq!(*at, now);
                Some(format!("- {prefix} {kind:?} {subscriber}"))
            }
            _ => None,
        };
        changes.iter().filter_map(line).collect()
    }

    #[test]
    fn what_a_new_subscriber_has_is_told_once() {
        let mut ledger = Ledger::empty();
        let row = "[[subscriber]]\nlogin = \"a\"\nip = \"10.9.0.2 2001:db8::2\"\nipv6-prefix = \"2001:db8:2::/48\"\n\
                   routes = \"10.1.0.0/16\"\nsnat-ip = \"203.0.113.77\"\n";
        assert_eq!(
            told(&mut ledger, row),
            [
                "+ 10.9.0.2/32 Configured a",
                "+ 2001:db8::2/128 Configured a",
                "+ 2001:db8:2::/48 DelegatedPrefix a",
                "+ 10.1.0.0/16 Routed a",
                "+ 203.0.113.77/32 SourceNat a",
            ]
        );
        assert!(told(&mut ledger, row).is_empty(), "loaded twice");
        let renamed = "[[subscriber]]\nlogin = \"a\"\nname = \"Another\"\n";
        assert!(told(&mut ledger, renamed).is_empty(), "its addresses are as they were");
    }

    #[test]
    fn an_address_that_goes_to_another_leaves_the_first_at_that_moment() {
        let mut ledger = Ledger::empty();
        told(&mut ledger, "[[subscriber]]\nlogin = \"a\"\nip = \"10.9.0.2\"\nsnat-ip = \"203.0.113.77\"\n");
        let swap = "[[subscriber]]\nlogin = \"a\"\nip = \"\"\nsnat-ip = \"203.0.113.78\"\n\
                    [[subscriber]]\nlogin = \"b\"\nip = \"10.9.0.2\"\n";
        assert_eq!(
            told(&mut ledger, swap),
            [
                "- 10.9.0.2/32 Configured 1",
                "- 203.0.113.77/32 SourceNat 1",
                "+ 203.0.113.78/32 SourceNat a",
                "+ 10.9.0.2/32 Configured b",
            ]
        );
    }

    #[test]
    fn two_rows_for_one_login_are_one_step_of_its_history() {
        let mut ledger = Ledger::empty();
        told(&mut ledger, "[[subscriber]]\nlogin = \"a\"\nip = \"10.9.0.2\"\n");
        let twice = "[[subscriber]]\nlogin = \"a\"\nip = \"10.9.0.3\"\n[[subscriber]]\nlogin = \"a\"\nip = \"10.9.0.4\"\n";
        assert_eq!(told(&mut ledger, twice), ["- 10.9.0.2/32 Configured 1", "+ 10.9.0.4/32 Configured a"]);
        let back = "[[subscriber]]\nlogin = \"a\"\nip = \"10.9.0.5\"\n[[subscriber]]\nlogin = \"a\"\nip = \"10.9.0.4\"\n";
        assert!(told(&mut ledger, back).is_empty());
    }

    #[test]
    fn a_preview_and_a_block_tell_nothing() {
        let mut ledger = Ledger::sample();
        let options = LoadOptions { dry_run: true, ..LoadOptions::default() };
        let before = ledger.changes.len();
        ledger.load_with("[[subscriber]]\nlogin = \"ivanov\"\nip = \"10.9.0.9\"\n", options).unwrap();
        let subscriber = ledger.state.logins["ivanov"];
        ledger.run(&Command::Block { subscriber, reason: "abuse".into() }).unwrap();
        assert!(history(&ledger.changes[before..], ledger.now).is_empty());
    }

    #[test]
    fn a_closed_account_has_no_addresses_and_gets_them_back_when_it_is_opened() {
        let mut ledger = Ledger::sample();
        let open = ledger.state.accounts[&ledger.account("1001")].clone();
        let closing = |closed| Change::Account(Account { closed, ..Account::clone(&open) });
        let mut changes = vec![closing(true)];
        follow(&ledger.state, &mut changes, ledger.now);
        assert_eq!(history(&changes, ledger.now), ["- 10.9.0.2/32 Configured 1"]);
        ledger.put(closing(true));
        let mut changes = vec![closing(false)];
        follow(&ledger.state, &mut changes, ledger.now);
        assert_eq!(history(&changes, ledger.now), ["+ 10.9.0.2/32 Configured ivanov"]);
    }
}
