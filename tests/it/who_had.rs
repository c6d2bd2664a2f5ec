//! Who had an address at a moment, over a real ledger: sessions one after another, agreements that change.

use crate::fixture::{Fixture, NOW};
use headgate::model::*;
use headgate::operations::{WhoHad, WhoHadQuery};
use headgate::writer::Rejected;
use std::time::Duration;

const DATA: &str = r#"
[[pool]]
name = "dyn1"
prefixes = ["100.64.0.0/24"]
[[nas]]
name = "bras1"
address = "10.0.0.1"
secret = "testing123"
pool = "dyn1"
[[subscriber]]
login = "ivanov"
contract = "1001"
name = "Иванов Иван"
snat-ip = "203.0.113.77"
[[subscriber]]
login = "petrov"
contract = "1002"
name = "Пётр Петров"
ip = "10.9.0.2"
ipv6-prefix = "2001:db8:2::/48"
routes = "10.1.0.0/16"
snat-ip = "203.0.113.77"
[[subscriber]]
login = "shop"
contract = "1003"
access = "static"
ip = "10.9.0.3"
snat-ip = "203.0.113.77"
"#;

/// Minutes after [`NOW`], which is 14:20.
fn minute(minutes: u64) -> Timestamp {
    NOW.saturating_add(Duration::from_secs(minutes * 60))
}

struct Story {
    fixture: Fixture,
    sequence: u64,
}

impl Story {
    async fn new() -> Story {
        let fixture = Fixture::new();
        fixture.load(DATA).await;
        Story { fixture, sequence: 0 }
    }

    /// The ledger takes in one record of a session.
    async fn record(&mut self, kind: AccountingKind, login: &str, addresses: &str, minutes: u64) {
        let operations = &self.fixture.operations;
        self.fixture.clock.set(minute(minutes));
        let (v4, v6): (Vec<&str>, Vec<&str>) =
            addresses.split_whitespace().partition(|text| text.contains('.'));
        let record = AccountingRecord {
            kind,
            nas: operations.directory.nas_of("10.0.0.1".parse().unwrap()).unwrap().nas.id,
            nas_address: "10.0.0.1".parse().unwrap(),
            login: login.to_owned(),
            acct_session_id: format!("of-{login}"),
            subscriber: operations.directory.read().login(login).map(|entry| entry.id()),
            event_time: minute(minutes),
            session_seconds: 0,
            terminate_cause: 0,
            framed_ip: v4.first().map(|text| text.parse().unwrap()),
            ipv6_prefixes: v6.iter().map(|text| text.parse().unwrap()).collect(),
            mac: Some("02:00:00:00:00:01".parse().unwrap()),
            calling_station_id: String::new(),
            nas_port_id: "vlan7".into(),
            usage: Usage::default(),
            has_usage: false,
        };
        self.sequence += 1;
        let position = SpoolPosition { epoch: 1, sequence: self.sequence };
        let entries = vec![(position, SpoolEntry::Accounting(record))];
        operations
            .writer
            .call(Command::Replay { edge: "local".into(), entries }, Actor::system())
            .await
            .unwrap();
    }

    async fn start(&mut self, login: &str, addresses: &str, minutes: u64) {
        self.record(AccountingKind::Start, login, addresses, minutes).await;
    }

    async fn stop(&mut self, login: &str, addresses: &str, minutes: u64) {
        self.record(AccountingKind::Stop, login, addresses, minutes).await;
    }

    async fn load(&self, toml: &str, minutes: u64) {
        self.fixture.clock.set(minute(minutes));
        self.fixture.load(toml).await;
    }

    fn asked(&self, ip: &str, at: &str) -> Result<WhoHad, Rejected> {
        self.fixture.operations.who_had(&WhoHadQuery { ip: ip.to_owned(), at: at.to_owned() })
    }

    /// `contract login how address online` of each holder, at a time of the day.
    fn who(&self, ip: &str, at: &str) -> Vec<String> {
        let answer = self.asked(ip, &format!("2026-04-06 {at}")).unwrap();
        assert_eq!(answer.holders.is_empty(), answer.notes.iter().any(|note| note.starts_with("nobody")));
        let line = |h: &headgate::operations::Holder| {
            let online = if h.online { "online" } else { "offline" };
            let inside: String = h.inside.iter().map(|ip| format!(" [{ip}]")).collect();
            format!("{} {} {} {}{inside} {online}", h.contract, h.login, h.how, h.address)
        };
        answer.holders.iter().map(line).collect()
    }
}

const NOBODY: [&str; 0] = [];

#[tokio::test(flavor = "multi_thread")]
async fn sessions_with_one_address_after_another_are_told_apart_by_the_moment() {
    let mut story = Story::new().await;
    story.start("ivanov", "100.64.0.5", 10).await;
    story.stop("ivanov", "100.64.0.5", 20).await;
    story.start("petrov", "100.64.0.5", 30).await;
    story.start("ivanov", "198.51.100.9", 40).await;
    story.start("nobody-knows", "198.51.100.10", 50).await;
    assert_eq!(story.who("100.64.0.5", "14:29:59"), NOBODY);
    assert_eq!(story.who("100.64.0.5", "14:30"), ["1001 ivanov pool 100.64.0.5 online"]);
    assert_eq!(story.who("100.64.0.5", "14:45"), NOBODY);
    assert_eq!(story.who("100.64.0.5", "14:50"), ["1002 petrov pool 100.64.0.5 online"]);
    assert_eq!(story.who("198.51.100.9", "15:00"), ["1001 ivanov session 198.51.100.9 online"]);
    assert_eq!(story.who("198.51.100.10", "15:10"), [" nobody-knows session 198.51.100.10 online"]);

    let answer = story.asked("100.64.0.5", "2026-04-06T14:35:00+03:00").unwrap();
    assert_eq!((answer.at.as_str(), answer.time_zone.as_str()), ("2026-04-06 14:35:00", "Europe/Moscow"));
    let holder = &answer.holders[0];
    assert_eq!((holder.name.as_str(), holder.pool.as_str()), ("Иванов Иван", "dyn1"));
    assert_eq!(
        (holder.since.as_str(), holder.until.as_str()),
        ("2026-04-06 14:30:00", "2026-04-06 14:40:00")
    );
    assert_eq!((holder.nas.as_str(), holder.nas_ip.as_str()), ("bras1", "10.0.0.1"));
    assert_eq!((holder.session_id.as_str(), holder.nas_port.as_str()), ("of-ivanov", "vlan7"));
    assert_eq!(holder.mac, "02:00:00:00:00:01");
    let now = story.asked("100.64.0.5", "").unwrap();
    assert_eq!((now.holders[0].login.as_str(), now.holders[0].session_until.as_str()), ("petrov", ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_behind_a_source_nat_address_is_listed_with_the_one_who_was_online_first() {
    let mut story = Story::new().await;
    story.start("petrov", "100.64.0.6", 10).await;
    story.load("[[subscriber]]\nlogin = \"shop\"\nsnat-ip = \"\"\n", 20).await;
    story.load("[[subscriber]]\nlogin = \"ivanov\"\nsnat-ip = \"203.0.113.78\"\n", 30).await;
    assert_eq!(
        story.who("203.0.113.77", "14:35"),
        [
            "1002 petrov source-nat 203.0.113.77 [100.64.0.6] online",
            "1003 shop source-nat 203.0.113.77 [10.9.0.3] online",
            "1001 ivanov source-nat 203.0.113.77 offline",
        ]
    );
    assert_eq!(story.who("203.0.113.77", "14:40").len(), 2, "the shop has left it");
    assert_eq!(
        story.who("203.0.113.77", "14:50"),
        ["1002 petrov source-nat 203.0.113.77 [100.64.0.6] online"]
    );
    assert_eq!(story.who("203.0.113.78", "14:50"), ["1001 ivanov source-nat 203.0.113.78 offline"]);
    let notes = |at: &str| story.asked("203.0.113.77", at).unwrap().notes;
    assert!(
        notes("2026-04-06 14:35")[0].contains("3 subscribers shared it"),
        "{:?}",
        notes("2026-04-06 14:35")
    );
    assert!(notes("2026-04-06 14:35")[0].contains("only the port tells"));
    assert!(notes("2026-04-06 14:50").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_inside_a_prefix_and_a_configured_one_are_found_with_their_owner_of_then() {
    let mut story = Story::new().await;
    story.start("petrov", "10.9.0.2 2001:db8:77::/64", 10).await;
    assert_eq!(story.who("2001:db8:77::5", "14:30"), ["1002 petrov session 2001:db8:77::/64 online"]);
    assert_eq!(
        story.who("2001:db8:2:3::4", "14:25"),
        ["1002 petrov delegated-prefix 2001:db8:2::/48 offline"]
    );
    assert_eq!(
        story.who("2001:db8:2:3::4", "14:30"),
        ["1002 petrov delegated-prefix 2001:db8:2::/48 online"]
    );
    assert_eq!(story.who("10.1.2.3", "14:30"), ["1002 petrov routed 10.1.0.0/16 online"]);
    assert_eq!(story.who("10.9.0.2", "14:25"), ["1002 petrov configured 10.9.0.2 offline"]);
    assert_eq!(story.who("10.9.0.2", "14:30"), ["1002 petrov configured 10.9.0.2 online"], "told once");
    assert_eq!(story.who("::ffff:10.9.0.3", "14:25"), ["1003 shop configured 10.9.0.3 online"]);
    let moved = "[[subscriber]]\nlogin = \"petrov\"\nip = \"\"\nipv6-prefix = \"\"\n\
                 [[subscriber]]\nlogin = \"ivanov\"\nip = \"10.9.0.2\"\nipv6-prefix = \"2001:db8:2::/48\"\n";
    story.stop("petrov", "10.9.0.2", 20).await;
    story.load(moved, 30).await;
    assert_eq!(story.who("10.9.0.2", "14:45"), ["1002 petrov configured 10.9.0.2 offline"]);
    assert_eq!(story.who("10.9.0.2", "14:50"), ["1001 ivanov configured 10.9.0.2 offline"]);
    assert_eq!(story.who("2001:db8:2::1", "14:50"), ["1001 ivanov delegated-prefix 2001:db8:2::/48 offline"]);
    // A session with another address than the configured one did not use it.
    story.start("ivanov", "100.64.0.9", 40).await;
    assert_eq!(story.who("10.9.0.2", "15:00"), ["1001 ivanov configured 10.9.0.2 offline"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sessions_at_once_are_both_told_with_a_warning() {
    let mut story = Story::new().await;
    story.start("ivanov", "100.64.0.5", 10).await;
    story.start("petrov", "100.64.0.5", 20).await;
    let answer = story.asked("100.64.0.5", "").unwrap();
    assert_eq!(answer.holders.iter().map(|h| h.login.as_str()).collect::<Vec<_>>(), ["petrov", "ivanov"]);
    assert!(answer.notes[0].contains("2 subscribers seem to have had it at once"), "{:?}", answer.notes);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_says_what_was_expected() {
    let story = Story::new().await;
    for (ip, at, token, text) in [
        ("203.0.113.777", "", "bad-address", "expected one like 203.0.113.77 or 2001:db8::1"),
        ("ivanov", "", "bad-address", "\"ivanov\" is not an address"),
        ("10.9.0.2", "14:20", "bad-date", "expected 2026-11-03 14:20"),
        ("10.9.0.2", "03.11.2026 14:20", "bad-date", "2026-11-03T14:20:59+03:00"),
        ("10.9.0.2", "2026-04-06 14:20 MSK", "bad-date", "is not a moment"),
        ("10.9.0.2", "2026-04-07", "date-in-future", "is in the future"),
    ] {
        match story.asked(ip, at) {
            Err(Rejected::Refused(refusal)) => {
                assert_eq!(refusal.token, token);
                assert!(refusal.text.contains(text), "{refusal}");
            }
            other => panic!("{ip} {at}: {other:?}"),
        }
    }
}
