//! What doors are told by the operations over a real ledger.

use crate::fixture::Fixture;
use headgate::model::*;
use headgate::operations::{FeedRequest, PortRules};
use ipnet::IpNet;
use std::sync::Arc;
use std::time::{Duration, Instant};

const DATA: &str = r#"
[[nas]]
name = "bras1"
address = "10.0.0.1"
secret = "testing123"
[[subscriber]]
login = "ivanov"
contract = "1001"
nas = "bras1"
ip = "10.9.0.2"
ipv6-prefix = "2001:db8:2::/48"
routes = "10.1.0.0/16 2001:db8:1::/48"
"#;

async fn loaded() -> Fixture {
    let fixture = Fixture::new();
    fixture.load(DATA).await;
    fixture
}

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_carries_networks_behind_a_subscriber_and_find_shows_its_addresses_only() {
    let fixture = loaded().await;
    let operations = &fixture.operations;
    let before = operations.feed(&FeedRequest::default()).await;
    assert!(before.entries.is_empty(), "not logged in: {before:?}");
    fixture.online("ivanov", "10.0.0.1", "10.9.0.2", None);
    let since = FeedRequest { since: before.cursor.parse().ok(), ..FeedRequest::default() };
    let all = ["10.1.0.0/16", "10.9.0.2/32", "2001:db8:1::/48", "2001:db8:2::/48"].map(net);
    for request in [FeedRequest::default(), since] {
        let page = operations.feed(&request).await;
        let mut let_through: Vec<IpNet> = page.entries.iter().map(|entry| entry.address).collect();
        let_through.sort();
        assert_eq!(let_through, all);
        assert!(page.entries.iter().all(|entry| entry.verdict == Verdict::LetThrough));
    }
    let found = operations.find(&["ivanov".to_owned()]);
    assert_eq!(found[0].ips, ["10.9.0.2", "2001:db8:2::/48"]);
    for address in ["10.9.0.2", "2001:db8:2::7"] {
        assert_eq!(operations.who(address).unwrap().account.contract, "1001", "{address}");
    }
    let ladder = operations.why("ivanov").unwrap();
    let addresses = ladder.steps.iter().find(|step| step.check == "addresses").unwrap();
    assert_eq!(addresses.evidence, "10.9.0.2 2001:db8:2::/48, routed to it: 10.1.0.0/16 2001:db8:1::/48");
    let before = operations.feed(&FeedRequest::default()).await;
    fixture.offline("ivanov", "10.0.0.1", "10.9.0.2");
    let since = FeedRequest { since: before.cursor.parse().ok(), ..FeedRequest::default() };
    assert_eq!(operations.feed(&since).await.gone, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_allow_list_that_is_widened_reaches_followers_that_wait() {
    let fixture = loaded().await;
    let operations = Arc::clone(&fixture.operations);
    let cursor = operations.feed(&FeedRequest::default()).await.cursor;
    let request =
        FeedRequest { since: cursor.parse().ok(), wait: Duration::from_secs(30), ..FeedRequest::default() };
    let start = Instant::now();
    let waiting = tokio::spawn({
        let operations = Arc::clone(&operations);
        async move { operations.feed(&request).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let sources = vec![net("10.0.0.0/8")];
    operations.ports.send_replace(PortRules { nas_udp: Vec::new(), tcp: vec![(8082, sources.clone())] });
    let page = waiting.await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(page.ports, [PortGuard { protocol: PortProtocol::Tcp, port: 8082, sources }]);
}

#[tokio::test(flavor = "multi_thread")]
async fn why_recommends_only_commands_that_exist() {
    let fixture = loaded().await;
    let id = fixture.operations.directory.read().login("ivanov").unwrap().id();
    let block = Command::Block { subscriber: id, reason: "x".into() };
    fixture.operations.writer.call(block, Actor::system()).await.unwrap();
    let ladder = fixture.operations.why("ivanov").unwrap();
    let program = headgate::cli::command();
    let mut recommended = 0;
    for step in &ladder.steps {
        for words in step.action.split("headgate ").skip(1) {
            let word: String = words.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
            assert!(program.find_subcommand(&word).is_some(), "{}", step.action);
            recommended += 1;
        }
    }
    assert_eq!(recommended, 2, "a password and an unblock: {ladder:?}");
}
