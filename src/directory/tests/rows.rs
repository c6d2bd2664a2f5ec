//! Rows, changes and cursors: a follower that applies what changed sees what somebody sees who reads everything.

use super::Published;
use crate::directory::{Cursor, Visible};
use crate::engine::Touched;
use crate::engine::testing::{NOW, money, payment, record};
use crate::model::*;
use AccountingKind::{Interim, Off, Start, Stop};
use ipnet::IpNet;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

type Rows = BTreeMap<IpNet, Visible>;

fn rows(published: &Published) -> (Cursor, Rows) {
    let (cursor, rows) = published.directory.rows();
    (cursor, rows.into_iter().map(|(net, visible)| (net, Visible::clone(&visible))).collect())
}

fn visible(published: &Published, login: &str) -> Arc<Visible> {
    Arc::clone(published.directory.read().visible(published.ledger.subscriber(login)).unwrap())
}

#[test]
fn a_row_shows_flags_speed_and_the_nas_of_the_session_or_the_configured_one() {
    let mut published = Published::sample();
    let ivanov = visible(&published, "ivanov");
    assert_eq!(
        (ivanov.logged, ivanov.verdict, ivanov.shape.download.rate),
        (false, Verdict::LetThrough, 20_000)
    );
    assert_eq!(ivanov.nas.map(|nas| (nas.id, nas.live)), Some((NasId(1), None)));
    let subscriber = published.ledger.subscriber("ivanov");
    let on_bras2 = AccountingRecord {
        nas: NasId(2),
        nas_address: "10.0.2.7".parse().unwrap(),
        ..record(Start, "s", Some(subscriber), Some("10.9.0.2"), 0)
    };
    published.merge(on_bras2);
    let ivanov = visible(&published, "ivanov");
    assert!(ivanov.logged);
    let nas = ivanov.nas.unwrap();
    assert_eq!((nas.id, nas.live), (NasId(2), Some("10.0.2.7".parse().unwrap())));
    let account = published.ledger.account("1001");
    published.run(&Command::Charge { account, sum: money("150.01"), text: "x".into() }).unwrap();
    let ivanov = visible(&published, "ivanov");
    assert_eq!((ivanov.logged, ivanov.negbal, ivanov.verdict), (true, true, Verdict::Negbal));
}

#[test]
fn networks_routed_to_a_subscriber_are_its_rows_and_live_while_it_is_logged_in() {
    let mut published = Published::sample();
    published
        .load("[[subscriber]]\nlogin = \"ivanov\"\nroutes = \"10.1.0.0/16 2001:db8:1::/48 10.9.0.2/32\"");
    let addresses = |published: &Published| {
        let inner = published.directory.read();
        let id = published.ledger.subscriber("ivanov");
        let of = |net: &(IpNet, bool)| format!("{} {}", net.0, net.1);
        let own: Vec<_> = inner.own_addresses(inner.subscriber(id).unwrap()).iter().map(of).collect();
        (inner.addresses_of(id).iter().map(of).collect::<Vec<_>>(), own)
    };
    let away = ["10.9.0.2/32 false", "10.1.0.0/16 false", "2001:db8:1::/48 false"];
    assert_eq!(addresses(&published), (away.map(String::from).to_vec(), vec![away[0].to_owned()]));
    let before = published.directory.cursor();
    published.start("s", "ivanov", "10.9.0.2");
    let online = ["10.9.0.2/32 true", "10.1.0.0/16 true", "2001:db8:1::/48 true"];
    assert_eq!(addresses(&published), (online.map(String::from).to_vec(), vec![online[0].to_owned()]));
    let delta = published.directory.since(before).unwrap();
    let (net, owner) = &delta.rows[0];
    assert_eq!(net.to_string(), "10.1.0.0/16");
    assert_eq!(owner.as_ref().and_then(|visible| visible.gate()), Some(Verdict::LetThrough));
    published.stop("s", "ivanov");
    assert_eq!(addresses(&published).0, away);
    published.load("[[subscriber]]\nlogin = \"ivanov\"\nroutes = \"\"");
    assert_eq!(addresses(&published).0, [away[0]]);
    assert_eq!(published.who("2001:db8:1::7"), "nobody");
}

#[test]
fn the_gate_knows_who_is_logged_in_and_who_is_held_back() {
    let published = Published::sample();
    let sample = visible(&published, "ivanov");
    for verdict in [Verdict::LetThrough, Verdict::Negbal, Verdict::Paused, Verdict::Blocked] {
        for logged in [false, true] {
            let gate = Visible { verdict, logged, ..Visible::clone(&sample) }.gate();
            let wanted = if verdict == Verdict::LetThrough && !logged { None } else { Some(verdict) };
            assert_eq!(gate, wanted, "{verdict:?} logged={logged}");
        }
    }
}

#[test]
fn a_subscriber_is_listed_under_the_nas_that_has_it() {
    let published = Published::sample();
    let sample = visible(&published, "ivanov");
    let nas = |prefix: &str, live: Option<&str>| {
        let vendor = Vendor::Linux;
        let live = live.map(|live| live.parse().unwrap());
        crate::directory::VisibleNas { id: NasId(1), address: prefix.parse().unwrap(), vendor, live }
    };
    // NAS, live at | asked for | listed
    for (nas, asked, listed) in [
        (None, Some("10.0.0.1"), true),
        (None, None, true),
        (Some(nas("10.0.0.1/32", None)), None, true),
        (Some(nas("10.0.0.1/32", None)), Some("10.0.0.1"), true),
        (Some(nas("10.0.0.1/32", None)), Some("10.0.0.2"), false),
        (Some(nas("10.0.2.0/24", None)), Some("10.0.2.9"), true),
        (Some(nas("10.0.2.0/24", Some("10.0.2.7"))), Some("10.0.2.7"), true),
        (Some(nas("10.0.2.0/24", Some("10.0.2.7"))), Some("10.0.2.9"), false),
        // Behind a proxy or another source address: the one NAS of that record.
        (Some(nas("10.0.0.1/32", Some("10.0.9.9"))), Some("10.0.0.1"), true),
        (Some(nas("10.0.0.1/32", Some("10.0.9.9"))), Some("10.0.9.9"), true),
    ] {
        let asked = asked.map(|asked: &str| asked.parse::<IpAddr>().unwrap());
        assert_eq!(Visible { nas, ..Visible::clone(&sample) }.is_on(asked), listed, "{nas:?} {asked:?}");
    }
}

#[test]
fn the_revision_moves_only_when_something_visible_changed() {
    let mut published = Published::sample();
    let subscriber = published.ledger.subscriber("ivanov");
    let account = published.ledger.account("1001");
    let charge = move |sum: &str| Command::Charge { account, sum: money(sum), text: "x".into() };
    type Step = Box<dyn Fn(&mut Published)>;
    let steps: Vec<(&str, bool, Step)> = vec![
        (
            "a payment in good standing",
            false,
            Box::new(move |p| {
                p.run(&Command::Pay(payment("1", Some(account), "10.00"))).unwrap();
            }),
        ),
        (
            "a charge into shortage",
            true,
            Box::new(move |p| {
                p.run(&charge("160.01")).unwrap();
            }),
        ),
        (
            "a deeper shortage",
            false,
            Box::new(move |p| {
                p.run(&Command::Charge { account, sum: money("1.00"), text: "x".into() }).unwrap();
            }),
        ),
        (
            "a payment out of it",
            true,
            Box::new(move |p| {
                p.run(&Command::Pay(payment("2", Some(account), "10.00"))).unwrap();
            }),
        ),
        (
            "a block",
            true,
            Box::new(move |p| {
                p.run(&Command::Block { subscriber, reason: "a".into() }).unwrap();
            }),
        ),
        (
            "another reason",
            false,
            Box::new(move |p| {
                p.run(&Command::Block { subscriber, reason: "b".into() }).unwrap();
            }),
        ),
        (
            "the end of the block",
            true,
            Box::new(move |p| {
                p.run(&Command::Unblock { subscriber }).unwrap();
            }),
        ),
        (
            "a new password",
            false,
            Box::new(|p| p.load("[[subscriber]]\nlogin = \"ivanov\"\npassword = \"x\"")),
        ),
        ("a new speed", true, Box::new(|p| p.load("[[plan]]\nname = \"home-20\"\nrate-in = 30000"))),
        ("a new fee", false, Box::new(|p| p.load("[[plan]]\nname = \"home-20\"\nfee = 1"))),
        ("a login", true, Box::new(|p| p.start("s", "ivanov", "10.9.0.2"))),
        (
            "its interim",
            false,
            Box::new(move |p| {
                p.merge(record(Interim, "s", Some(subscriber), Some("10.9.0.2"), 60));
            }),
        ),
        ("its repeat", false, Box::new(|p| p.start("s", "ivanov", "10.9.0.2"))),
        ("its end", true, Box::new(|p| p.stop("s", "ivanov"))),
        ("an empty file", false, Box::new(|p| p.load(""))),
    ];
    for (what, visible, step) in steps {
        let before = published.revision();
        step(&mut published);
        assert_eq!(published.revision() > before, visible, "{what}");
    }
}

#[test]
fn who_is_online_at_a_nas_follows_what_the_operator_changes_of_it() {
    let mut published = Published::sample();
    // petrov-dacha is configured on no NAS, and is online at bras1.
    published.start("s", "petrov-dacha", "10.9.0.3");
    let cursor = published.directory.cursor();
    published.load("[[nas]]\nname = \"bras1\"\nvendor = \"mikrotik\"");
    assert_eq!(visible(&published, "petrov-dacha").nas.map(|nas| nas.vendor), Some(Vendor::Mikrotik));
    let delta = published.directory.since(cursor).unwrap();
    assert!(delta.subscribers.contains(&published.ledger.subscriber("petrov-dacha")));
}

#[test]
fn a_cursor_of_another_start_or_of_the_future_gives_everything() {
    let published = Published::sample();
    let now = published.directory.cursor();
    assert!(published.directory.since(now).is_some_and(|delta| delta.rows.is_empty()));
    assert!(published.directory.since(Cursor { n: now.n + 1, ..now }).is_none());
    assert!(published.directory.since(Cursor { epoch: now.epoch ^ 1, ..now }).is_none());
}

#[test]
fn the_end_of_an_accounting_reboot_is_seen_for_every_session() {
    let published = Published::sample();
    published.start("s", "ivanov", "10.9.0.2");
    published.start("t", "petrov", "100.64.0.1");
    published.merge(record(Off, "", None, None, 60));
    assert!(!visible(&published, "ivanov").logged && !visible(&published, "petrov").logged);
    assert_eq!(published.who("100.64.0.1"), "nobody");
}

#[test]
fn a_session_that_the_nas_does_not_know_is_closed_without_a_record() {
    let published = Published::sample();
    published.start("s", "ivanov", "10.9.0.2");
    let key = published.directory.read().open_sessions().next().unwrap().key.clone();
    published.directory.close_session(&key, NOW, 10);
    assert!(!visible(&published, "ivanov").logged);
    let revision = published.revision();
    published.directory.close_session(&key, NOW, 10);
    assert_eq!(published.revision(), revision);
}

/// Whatever can happen to a directory.
#[derive(Clone, Debug)]
enum Event {
    Command(Command),
    Load(&'static str),
    Presence(AccountingRecord),
}

fn events() -> impl Strategy<Value = Event> {
    let commands = prop_oneof![
        (1..4i64, 1..20u8).prop_map(|(account, id)| {
            Command::Pay(payment(&id.to_string(), Some(AccountId(account)), "100.00"))
        }),
        (1..4i64).prop_map(|account| {
            Command::Charge { account: AccountId(account), sum: money("90.00"), text: "x".into() }
        }),
        (1..4i64).prop_map(|id| Command::Block { subscriber: SubscriberId(id), reason: "x".into() }),
        (1..4i64).prop_map(|id| Command::Unblock { subscriber: SubscriberId(id) }),
    ];
    let loads = prop::sample::select(vec![
        "[[subscriber]]\nlogin = \"ivanov\"\nip = \"10.9.0.7\"",
        "[[subscriber]]\nlogin = \"ivanov\"\nip = \"10.9.0.2 10.9.0.7\"",
        "[[subscriber]]\nlogin = \"petrov-dacha\"\nip = \"\"\naccess = \"radius\"",
        "[[subscriber]]\nlogin = \"petrov-dacha\"\nip = \"10.9.0.3\"\naccess = \"static\"\ncontract = \"1003\"",
        "[[subscriber]]\nlogin = \"new\"\nip = \"10.9.0.9\"",
        "[[plan]]\nname = \"home-20\"\nrate-in = 30000",
        "[[plan]]\nname = \"home-20\"\nrate-in = 20000",
        "[[nas]]\nname = \"bras1\"\nvendor = \"mikrotik\"",
        "[[nas]]\nname = \"bras1\"\nvendor = \"linux\"",
    ]);
    let kinds = prop_oneof![4 => Just(Start), 3 => Just(Interim), 3 => Just(Stop), 1 => Just(Off)];
    let addresses =
        prop::option::of(prop::sample::select(vec!["10.9.0.2", "10.9.0.3", "10.9.0.7", "100.64.0.1"]));
    let presence = (kinds, 0..4u8, prop::option::of(1..5i64), addresses, 0..300u32).prop_map(
        |(kind, session, subscriber, ip, seconds)| {
            record(kind, &session.to_string(), subscriber.map(SubscriberId), ip, seconds)
        },
    );
    prop_oneof![
        3 => commands.prop_map(Event::Command),
        1 => loads.prop_map(Event::Load),
        4 => presence.prop_map(Event::Presence),
    ]
}

proptest! {
    #[test]
    fn whoever_applies_what_changed_sees_what_there_is(events in prop::collection::vec(events(), 1..40)) {
        let mut published = Published::sample();
        let mut followers = vec![rows(&published)];
        for event in events {
            let before = rows(&published);
            match event {
                Event::Command(command) => { let _ = published.run(&command); }
                Event::Load(file) => published.load(file),
                Event::Presence(record) => published.merge(record),
            }
            let after = rows(&published);
            // Nothing moves without a revision.
            prop_assert!(before.1 == after.1 || before.0 != after.0);
            followers.push(after);
        }
        let (now, full) = rows(&published);
        for (cursor, mut seen) in followers {
            let delta = published.directory.since(cursor).unwrap();
            prop_assert_eq!(delta.cursor, now);
            for (net, visible) in delta.rows {
                match visible {
                    Some(visible) => seen.insert(net, Visible::clone(&visible)),
                    None => seen.remove(&net),
                };
            }
            prop_assert_eq!(&seen, &full);
        }
        // Published anew, as after a trouble of the store, everybody is the same.
        published.directory.publish_all(&published.ledger.state, published.ledger.now);
        prop_assert_eq!(rows(&published).1, full);
    }
}

#[test]
fn a_speed_by_the_clock_begins_with_a_revision_of_its_own() {
    let mut published = Published::sample();
    let night = "[[plan]]\nname = \"home-20\"\ntimed = [{ when = \"23:00-07:00\", rate-in = 50000 }]";
    published.load(night);
    let before = published.revision();
    assert_eq!(visible(&published, "ivanov").shape.download.rate, 20_000);
    published.ledger.now = published.ledger.state.next_deadline().unwrap();
    let subscribers = published.ledger.state.take_due(published.ledger.now);
    let touched = Touched { subscribers, ..Touched::default() };
    published.directory.publish(&published.ledger.state, &touched, published.ledger.now);
    assert_eq!(visible(&published, "ivanov").shape.download.rate, 50_000);
    assert!(published.revision() > before);
}
