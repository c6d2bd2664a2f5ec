//! Pool addresses: sticky, held, released, quarantined, and never two people's.

use super::Published;
use crate::engine::testing::{Ledger, NOW, SAMPLE, record};
use crate::model::*;
use AccountingKind::{Interim, Start};
use proptest::prelude::*;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// Eight more logins without an address of their own; the pool has six addresses.
fn crowd() -> Published {
    let rows: String = (1..9).map(|n| format!("[[subscriber]]\nlogin = \"c{n}\"\n")).collect();
    let mut ledger = Ledger::empty();
    ledger.load(&format!("{SAMPLE}\n{rows}")).unwrap();
    Published::of(ledger)
}

fn later(seconds: u64) -> Timestamp {
    NOW.saturating_add(Duration::from_secs(seconds))
}

fn given(address: &str) -> Option<String> {
    Some(address.to_owned())
}

#[test]
fn an_address_stays_the_subscribers_own() {
    let published = crowd();
    assert_eq!(published.grant("c1"), given("100.64.0.1"));
    assert_eq!(published.grant("c2"), given("100.64.0.2"));
    assert_eq!(published.grant("c1"), given("100.64.0.1"), "a repeated login");
    published.start("s", "c1", "100.64.0.1");
    published.stop("s", "c1");
    published.start("t", "c2", "100.64.0.2");
    assert_eq!(published.grant("c3"), given("100.64.0.3"), "fresh addresses go first");
    assert_eq!(published.grant_at("c1", later(100_000)), given("100.64.0.1"));
}

#[test]
fn a_pool_gives_out_every_address_but_network_and_broadcast_and_then_none() {
    let published = crowd();
    let all: Vec<_> = (1..9).map(|n| published.grant(&format!("c{n}"))).collect();
    let wanted: Vec<_> = (1..7).map(|n| given(&format!("100.64.0.{n}"))).chain([None, None]).collect();
    assert_eq!(all, wanted);
}

#[test]
fn an_address_without_a_session_goes_on_after_the_hold() {
    let published = crowd();
    (1..7).for_each(|n| {
        published.grant(&format!("c{n}")).unwrap();
    });
    published.start("s", "c1", "100.64.0.1");
    assert_eq!(published.grant_at("c7", later(59)), None);
    assert_eq!(published.grant_at("c7", later(61)), given("100.64.0.2"));
    assert_eq!(published.grant_at("c8", later(61)), given("100.64.0.3"));
}

#[test]
fn an_address_is_free_at_once_when_its_session_ends() {
    let published = crowd();
    (1..7).for_each(|n| {
        published.grant(&format!("c{n}")).unwrap();
    });
    published.start("s", "c4", "100.64.0.4");
    published.stop("s", "c4");
    assert_eq!(published.grant("c7"), given("100.64.0.4"));
    assert_eq!(published.grant("c4"), None, "it went to another");
}

#[test]
fn the_end_of_an_old_session_does_not_free_the_address_of_the_new_one() {
    let published = crowd();
    (1..7).for_each(|n| {
        published.grant(&format!("c{n}")).unwrap();
    });
    // Redialled: the new Start comes before the old Stop.
    published.start("old", "c4", "100.64.0.4");
    published.start("new", "c4", "100.64.0.4");
    published.stop("old", "c4");
    assert_eq!(published.grant("c7"), None);
    published.stop("new", "c4");
    assert_eq!(published.grant("c7"), given("100.64.0.4"));
}

#[test]
fn a_session_that_changes_its_address_frees_the_one_before() {
    let published = crowd();
    (1..7).for_each(|n| {
        published.grant(&format!("c{n}")).unwrap();
    });
    published.start("s", "c4", "100.64.0.4");
    let c4 = Some(published.ledger.subscriber("c4"));
    published.merge(record(Interim, "s", c4, Some("10.200.0.1"), 60));
    assert_eq!(published.grant("c7"), given("100.64.0.4"));
}

#[test]
fn an_address_that_another_has_configured_or_live_is_not_given_out() {
    let mut published = crowd();
    published.load("[[subscriber]]\nlogin = \"ivanov\"\nip = \"100.64.0.1\"");
    published.merge(record(Start, "s", Some(published.ledger.subscriber("petrov")), Some("100.64.0.2"), 0));
    assert_eq!(published.grant("c1"), given("100.64.0.3"));
    (2..5).for_each(|n| {
        published.grant(&format!("c{n}")).unwrap();
    });
    assert_eq!(published.grant("c5"), None);
    // Given up by its owner, it is the pool's again.
    published.load("[[subscriber]]\nlogin = \"ivanov\"\nip = \"\"");
    assert_eq!(published.grant("c5"), given("100.64.0.1"));
}

#[test]
fn an_address_that_was_the_subscribers_and_is_configured_for_another_now_is_not_given_again() {
    let mut published = crowd();
    assert_eq!(published.grant("c1"), given("100.64.0.1"));
    published.load("[[subscriber]]\nlogin = \"ivanov\"\nip = \"100.64.0.1\"");
    assert_eq!(published.grant("c1"), given("100.64.0.2"));
}

#[test]
fn a_pool_that_moves_takes_nobody_along() {
    let mut published = crowd();
    assert_eq!(published.grant("c1"), given("100.64.0.1"));
    published.grant("c2").unwrap();
    published.start("s", "c2", "100.64.0.2");
    published.load("[[pool]]\nname = \"dyn1\"\nprefixes = [\"100.65.0.0/30\"]");
    assert_eq!(published.grant("c1"), given("100.65.0.1"));
    published.stop("s", "c2");
    assert_eq!(published.grant("c2"), given("100.65.0.2"));
    assert_eq!(published.grant_at("c3", later(61)), given("100.65.0.1"));
}

fn grant(login: &str, ledger: &Ledger, address: &str, at: Timestamp) -> PoolGrant {
    let address: IpAddr = address.parse().unwrap();
    PoolGrant { pool: PoolId(1), subscriber: ledger.subscriber(login), address, at }
}

/// As after a start: the ledger knows these grants.
fn restarted(grants: &[(&str, &str)]) -> Published {
    let mut published = crowd();
    for (login, address) in grants {
        let grant = grant(login, &published.ledger, address, Timestamp::from_seconds(1));
        published.ledger.state.absorb(&Change::PoolGrant(grant), NOW, &mut published.ledger.touched);
    }
    Published::of(published.ledger)
}

#[test]
fn after_a_start_an_address_goes_only_to_its_last_owner_until_the_quarantine_is_over() {
    let grants: Vec<(String, String)> = (1..6).map(|n| (format!("c{n}"), format!("100.64.0.{n}"))).collect();
    let grants: Vec<(&str, &str)> = grants.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let published = restarted(&grants);
    assert_eq!(published.grant("c3"), given("100.64.0.3"));
    assert_eq!(published.grant("c6"), given("100.64.0.6"), "the one that nobody had");
    assert_eq!(published.grant_at("c7", later(599)), None);
    assert_eq!(published.grant_at("c7", later(600)), given("100.64.0.1"));
}

#[test]
fn a_ledger_that_is_loaded_anew_takes_no_address_away() {
    let published = restarted(&[("c1", "100.64.0.1")]);
    // After the quarantine the address has gone to another, which the ledger does not know yet.
    (2..7).for_each(|n| {
        published.grant_at(&format!("c{n}"), later(700)).unwrap();
    });
    assert_eq!(published.grant_at("c7", later(700)), given("100.64.0.1"));
    published.directory.publish_all(&published.ledger.state, later(701));
    assert_eq!(published.grant_at("c1", later(702)), None);
    assert_eq!(published.grant_at("c7", later(702)), given("100.64.0.1"));
    assert_eq!(
        published.grant_at("c1", later(763)),
        given("100.64.0.2"),
        "and there is no second quarantine"
    );
}

#[test]
fn the_spools_grants_go_before_the_ledgers_older_ones() {
    let published = restarted(&[("c1", "100.64.0.1")]);
    let newer = grant("c2", &published.ledger, "100.64.0.1", Timestamp::from_seconds(2));
    published.directory.restore_grants([newer].iter(), NOW);
    assert_eq!(published.grant("c2"), given("100.64.0.1"));
    assert_eq!(published.grant("c1"), given("100.64.0.2"));
    let outside = grant("c3", &published.ledger, "100.99.0.1", Timestamp::from_seconds(2));
    published.directory.restore_grants([outside].iter(), NOW);
    assert_eq!(published.grant("c3"), given("100.64.0.3"));
}

proptest! {
    /// Logins, sessions and time in any order: no address is two people's at once.
    #[test]
    fn no_address_is_given_to_two_at_once(steps in prop::collection::vec((0..4u8, 1..9u8, 0..90u32), 1..80)) {
        let published = crowd();
        let mut now = 0u32;
        let mut sessions = 0;
        // Address of each subscriber: when granted, and its open session.
        let mut held: HashMap<u8, (String, u32, Option<String>)> = HashMap::new();
        for (step, who, seconds) in steps {
            let login = format!("c{who}");
            let at = later(now.into());
            match step {
                0 => now += seconds,
                1 => {
                    let Some(address) = published.grant_at(&login, at) else { continue };
                    for (other, (theirs, granted, session)) in &held {
                        let in_use = session.is_some() || now - granted < 60;
                        prop_assert!(*other == who || *theirs != address || !in_use, "{address} {other} {who}");
                    }
                    let session = held.get(&who).and_then(|(_, _, session)| session.clone());
                    if session.is_none() {
                        held.insert(who, (address, now, None));
                    }
                }
                2 => if let Some((address, granted, session @ None)) = held.get_mut(&who)
                    && now - *granted < 60
                {
                    sessions += 1;
                    published.start(&sessions.to_string(), &login, address);
                    *session = Some(sessions.to_string());
                },
                _ => if let Some((_, _, Some(session))) = held.get(&who) {
                    published.stop(session, &login);
                    held.remove(&who);
                },
            }
        }
    }
}
