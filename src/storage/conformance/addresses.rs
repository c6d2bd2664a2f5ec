//! Who had an address at a moment.

use super::{Writing, session};
use crate::model::*;
use crate::storage::{Reader, Store};
use ipnet::{IpNet, Ipv6Net};
use std::net::IpAddr;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

/// From 100 times its number on, with this address.
fn online(id: i64, ip: &str, stopped: Option<i64>) -> Session {
    Session {
        started: at(id * 100),
        updated: at(id * 100),
        stopped: stopped.map(at),
        framed_ip: ip.parse().ok(),
        ..session(id, Some(id))
    }
}

/// Logins of those whose sessions had it.
fn had(reader: &dyn Reader, ip: &str, seconds: i64) -> Vec<String> {
    let address: IpAddr = ip.parse().unwrap();
    let found = reader.sessions_with(address, at(seconds)).unwrap();
    found
        .into_iter()
        .map(|found| {
            assert!(found.prefix.contains(&address.to_canonical()) && found.since <= at(seconds));
            found.session.key.login
        })
        .collect()
}

const NOBODY: [&str; 0] = [];

pub(in super::super) fn an_address_is_found_with_the_sessions_that_had_it_then(
    store: &mut dyn Store,
    reader: &dyn Reader,
) {
    let mut writing = Writing::new(store);
    // One after another, a few at once, one of another address, one without any.
    for (id, ip, stopped) in [
        (1, "100.64.0.1", Some(199)),
        (2, "100.64.0.1", Some(250)),
        (3, "100.64.0.1", None),
        (4, "100.64.0.2", None),
        (5, "", None),
    ] {
        let open = online(id, ip, None);
        writing.commit(&[Change::Session(open.clone())]);
        writing.commit(&[Change::Session(Session { stopped: stopped.map(at), ..open })]);
    }
    assert_eq!(had(reader, "100.64.0.1", 99), NOBODY);
    assert_eq!(had(reader, "100.64.0.1", 100), ["login1"]);
    assert_eq!(had(reader, "100.64.0.1", 199), ["login1"], "its last moment");
    assert_eq!(had(reader, "100.64.0.1", 225), ["login2"]);
    assert_eq!(had(reader, "100.64.0.1", 260), NOBODY);
    assert_eq!(had(reader, "100.64.0.1", 9_999), ["login3"]);
    assert_eq!(had(reader, "::ffff:100.64.0.2", 400), ["login4"]);
    writing.commit(&[Change::Session(online(6, "100.64.0.1", None))]);
    assert_eq!(had(reader, "100.64.0.1", 700), ["login6", "login3"], "the newest first");
    let then = |id, seconds| reader.sessions_at(SubscriberId(id), at(seconds)).unwrap();
    assert_eq!(then(2, 225), [online(2, "100.64.0.1", Some(250))]);
    assert!(then(2, 251).is_empty() && then(2, 199).is_empty());
}

pub(in super::super) fn an_address_is_found_inside_the_prefixes_of_sessions(
    store: &mut dyn Store,
    reader: &dyn Reader,
) {
    let with = |id, prefixes: &[&str]| {
        let ipv6_prefixes: Vec<Ipv6Net> = prefixes.iter().map(|text| text.parse().unwrap()).collect();
        Change::Session(Session { ipv6_prefixes, ..online(id, "", None) })
    };
    let mut writing = Writing::new(store);
    // Bits after the prefix, as a NAS may send them, and the same twice, are no trouble.
    writing.commit(&[with(1, &["2001:db8:1::7/48", "2001:db8:1::/48", "2001:db8:ff::/64"])]);
    writing.commit(&[with(2, &["2001:db8:1:2::/64", "2001:db8:9::9/128"])]);
    assert_eq!(had(reader, "2001:db8:1:3::7", 900), ["login1"]);
    assert_eq!(had(reader, "2001:db8:1:2::7", 900), ["login2", "login1"], "the longest prefix first");
    assert_eq!(had(reader, "2001:db8:9::9", 900), ["login2"]);
    assert_eq!(had(reader, "2001:db8:9::8", 900), NOBODY);
    assert_eq!(had(reader, "2001:db8:ff::1", 99), NOBODY, "before it began");
}

pub(in super::super) fn a_session_that_changes_its_address_had_each_in_its_time(
    store: &mut dyn Store,
    reader: &dyn Reader,
) {
    let mut writing = Writing::new(store);
    let first = online(1, "100.64.0.1", None);
    let news =
        |seconds, ip: &str| Session { updated: at(seconds), framed_ip: ip.parse().ok(), ..first.clone() };
    for session in [first.clone(), news(150, "100.64.0.1"), news(200, "100.64.0.2"), news(300, "100.64.0.1")]
    {
        writing.commit(&[Change::Session(session.clone())]);
        writing.commit(&[Change::Session(session)]);
    }
    assert_eq!(had(reader, "100.64.0.1", 149), ["login1"]);
    // Between the last news of the one and the first of the other it may have had either.
    assert_eq!(had(reader, "100.64.0.1", 199), ["login1"]);
    assert_eq!(had(reader, "100.64.0.2", 149), NOBODY);
    assert_eq!(had(reader, "100.64.0.2", 151), ["login1"]);
    assert_eq!(had(reader, "100.64.0.2", 301), NOBODY);
    assert_eq!(had(reader, "100.64.0.1", 301), ["login1"]);
    writing.commit(&[Change::Session(Session { stopped: Some(at(400)), ..news(400, "100.64.0.1") })]);
    assert_eq!(had(reader, "100.64.0.1", 401), NOBODY);
    assert_eq!(had(reader, "100.64.0.2", 250), ["login1"], "what was, stays");
}

fn assigned(subscriber: i64, prefix: &str, kind: AssignmentKind, since: i64) -> Assignment {
    Assignment {
        prefix: net(prefix),
        kind,
        subscriber: SubscriberId(subscriber),
        login: format!("login{subscriber}"),
        since: at(since),
        until: None,
    }
}

fn withdrawn(of: &Assignment, seconds: i64) -> Change {
    let Assignment { prefix, kind, subscriber, .. } = *of;
    Change::AddressWithdrawn { prefix, kind, subscriber, at: at(seconds) }
}

pub(in super::super) fn an_agreement_is_found_from_its_beginning_until_its_end(
    store: &mut dyn Store,
    reader: &dyn Reader,
) {
    use AssignmentKind::*;
    let mut writing = Writing::new(store);
    let shared = "203.0.113.77/32";
    let all = [
        assigned(1, shared, SourceNat, 100),
        assigned(2, shared, SourceNat, 150),
        assigned(3, shared, Configured, 150),
        assigned(3, "203.0.113.0/24", Routed, 150),
        assigned(4, "2001:db8:4::/48", DelegatedPrefix, 150),
    ];
    writing.commit(&all.clone().map(Change::AddressAssigned));
    writing.commit(&[withdrawn(&all[0], 200), withdrawn(&assigned(9, shared, SourceNat, 0), 200)]);
    let again = assigned(1, shared, SourceNat, 300);
    writing.commit(&[Change::AddressAssigned(again.clone())]);
    let with = |ip: &str, seconds, limit| {
        let found = reader.assignments_with(ip.parse().unwrap(), at(seconds), limit).unwrap();
        found.into_iter().map(|a| (a.subscriber.0, a.kind)).collect::<Vec<_>>()
    };
    assert_eq!(with("203.0.113.77", 99, 9), []);
    assert_eq!(with("203.0.113.77", 100, 9), [(1, SourceNat)]);
    let four = [(1, SourceNat), (2, SourceNat), (3, Configured), (3, Routed)];
    assert_eq!(with("203.0.113.77", 199, 9), four, "the longest prefix first");
    assert_eq!(with("203.0.113.77", 200, 9), four[1..], "the end is not in it");
    assert_eq!(with("203.0.113.77", 300, 9), four);
    assert_eq!(with("203.0.113.77", 300, 1), [four[0], four[3]], "of each prefix");
    assert_eq!(with("203.0.113.78", 300, 9), [(3, Routed)]);
    assert_eq!(with("2001:db8:4:5::6", 300, 9), [(4, DelegatedPrefix)]);
    let of = |seconds| reader.assignments_at(SubscriberId(1), at(seconds)).unwrap();
    assert_eq!(of(199), [Assignment { until: Some(at(200)), ..all[0].clone() }]);
    assert_eq!((of(250), of(301)), (vec![], vec![again]));
    assert_eq!(reader.assignments_since().unwrap(), None, "since the first of them");
}
