//! Cursors, long polls and tags.

use super::Server;
use crate::wire::Answer;
use headgate::model::Actor;
use std::time::{Duration, Instant};

const PETROV: &str =
    "10.9.0.5 petrov 0.0.0.0 - 1 0 0 20000 24000 40000  10000 12000 30000 10.0.0.2 15000 7000\n";

/// The cursor of an answer whose first line is `# KIND EPOCH.N`, and the lines behind it.
fn cursor(answer: &Answer, kind: &str) -> (String, String) {
    let (first, rest) = answer.body.split_once('\n').unwrap();
    let cursor = first.strip_prefix(&format!("# {kind} ")).unwrap_or_else(|| panic!("{first}"));
    (cursor.to_owned(), rest.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_gets_everything_once_and_then_what_changed() {
    let server = Server::start().await;
    let whole = server.list("users_logged", "{}", "").await.body;
    for unknown in ["", "0", "x.y", "0.0", "ffffffffffffffff.1"] {
        let answer = server.list("users_logged", "{}", &format!("&since={unknown}")).await;
        assert_eq!(cursor(&answer, "full").1, whole, "{unknown}");
    }
    let first = server.list("users_logged", "{}", "&since=0").await;
    let (seen, _) = cursor(&first, "full");
    let nothing = server.list("users_logged", "{}", &format!("&since={seen}")).await;
    assert_eq!(cursor(&nothing, "rev"), (seen.clone(), String::new()));

    server.fixture.offline("petrov", "10.0.0.2", "10.9.0.5");
    server.fixture.online("dial", "10.0.0.1", "100.64.0.1", None);
    let changed = server.list("users_logged", "{}", &format!("&since={seen}")).await;
    let (later, lines) = cursor(&changed, "rev");
    let dial = "100.64.0.1 dial 0.0.0.0 - 1 1 0 20000 24000 256  10000 12000 128 10.0.0.1 260 130\n";
    assert_eq!(lines, format!("- 10.9.0.5\n{dial}"));
    assert_ne!(later, seen);
    // The same change as another NAS sees it: petrov may have been there, so it is gone.
    let other = server.list("users_logged", r#"{"nas_ip":"10.0.0.2"}"#, &format!("&since={seen}")).await;
    assert_eq!(cursor(&other, "rev").1, "- 10.9.0.5\n- 100.64.0.1\n");

    server.fixture.online("petrov", "10.0.0.2", "10.9.0.5", None);
    let again = server.list("users_logged", "{}", &format!("&since={later}")).await;
    assert_eq!(cursor(&again, "rev").1, PETROV);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_ends_with_the_change_or_with_its_time() {
    let server = Server::start().await;
    let (seen, _) = cursor(&server.list("users_blocked", "{}", "&since=0").await, "full");
    let begun = Instant::now();
    let nothing = server.list("users_blocked", "{}", &format!("&since={seen}&wait=1")).await;
    assert_eq!(cursor(&nothing, "rev"), (seen.clone(), String::new()));
    assert!(begun.elapsed() >= Duration::from_secs(1));

    let more = format!("&since={seen}&wait=30");
    let poll = server.list("users_blocked", "{}", &more);
    let change = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.fixture.operations.block("petrov", "нет паспорта".into(), Actor::system()).await.unwrap();
        Instant::now()
    };
    let (answer, changed) = tokio::join!(poll, change);
    assert!(changed.elapsed() < Duration::from_secs(2));
    assert_eq!(cursor(&answer, "rev").1, PETROV.replace(" 1 0 0 ", " 1 0 1 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_stays_while_the_bytes_do_and_moves_with_them() {
    let server = Server::start().await;
    let first = server.list("users_negbal", "{}", "").await;
    let tag = first.header("etag").unwrap().to_owned();
    let list = "method1=collector_manager.users_negbal&context=collector&psw=secret";
    let with_tag = format!("If-None-Match: \"other\", W/{tag}\r\n");

    // The revision moves, this list does not.
    server.fixture.offline("petrov", "10.0.0.2", "10.9.0.5");
    let same = server.get_with(list, &with_tag).await;
    assert_eq!((same.status, same.body.as_str(), same.header("etag")), (304, "", Some(tag.as_str())));
    assert_eq!(same.header("content-length"), None);
    assert_eq!(server.list("users_negbal", "{}", "").await.header("etag"), Some(tag.as_str()));

    let waiting = format!("{list}&wait=30");
    let poll = server.get_with(&waiting, &with_tag);
    let change = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.pay(r#"{"contract_number":"1002","sum_in":"1","pay_operator":"osmp","pay_id_str":"1","act":"PAY"}"#).await
    };
    let (moved, paid) = tokio::join!(poll, change);
    assert!(paid.body.contains("\"balance\":\"0.99\""), "{}", paid.body);
    assert_eq!(moved.status, 200);
    assert!(!moved.body.contains("abonent-2") && moved.body.contains("VIP-5"), "{}", moved.body);
    assert_ne!(moved.header("etag"), Some(tag.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_polls_at_once_get_the_same_bytes() {
    let server = Server::start().await;
    let expected = server.list("users_logged", "{}", "").await.body;
    server.fixture.offline("petrov", "10.0.0.2", "10.9.0.5");
    let expected: String =
        expected.lines().filter(|line| !line.contains("petrov")).map(|line| format!("{line}\n")).collect();
    let server = std::sync::Arc::new(server);
    let polls: Vec<_> = (0..50)
        .map(|_| {
            let server = std::sync::Arc::clone(&server);
            tokio::spawn(async move { server.list("users_logged", "{}", "").await.body })
        })
        .collect();
    for poll in polls {
        assert_eq!(poll.await.unwrap(), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_behind_a_subscriber_is_no_line_of_the_ipv4_lists() {
    let server = Server::start().await;
    let whole = server.list("users_logged", "{}", "").await.body;
    let (seen, _) = cursor(&server.list("users_logged", "{}", "&since=0").await, "full");
    server
        .fixture
        .load("[[subscriber]]\nlogin = \"petrov\"\nroutes = \"10.77.0.0/16 2001:db8:77::/48\"")
        .await;
    assert_eq!(server.list("users_logged", "{}", "").await.body, whole);
    let changed = server.list("users_logged", "{}", &format!("&since={seen}")).await;
    assert_eq!(cursor(&changed, "rev").1, "");
    let six = server.list("users_logged", "{}", "&family=6").await.body;
    assert!(six.lines().any(|line| line.starts_with("2001:db8:77::/48 petrov ")), "{six}");
}
