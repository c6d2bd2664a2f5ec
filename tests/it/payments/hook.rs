//! Signed notifications.

use super::Server;
use crate::wire::Answer;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

const CONFIG: &str = r#"
    [[payments.operator]]
    code = "acquirer"
    dialect = "hook"
    allow = "127.0.0.1"
    secret = ["whsec_c2VjcmV0LW9uZQ==", "plain-two"]
    sum-max = "500"
"#;
/// Of the fixture's clock.
const NOW: i64 = 1_775_474_400;
const BODY: &str = r#"{"account":"1001","sum":"100.00","id":"A-17","date":"2026-04-06"}"#;

fn signature(key: &[u8], id: &str, timestamp: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
}

impl Server {
    async fn notify(&self, headers: &[(&str, &str)], body: &str) -> Answer {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!(
            "POST /hook/acquirer HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.ask_from(Ipv4Addr::LOCALHOST, request.as_bytes()).await
    }

    /// Signed with this key, now.
    async fn signed(&self, key: &[u8], body: &str) -> Answer {
        let now = NOW.to_string();
        let signature = signature(key, "msg_1", &now, body);
        let headers =
            [("webhook-id", "msg_1"), ("webhook-timestamp", &now), ("webhook-signature", &signature)];
        self.notify(&headers, body).await
    }
}

fn json(answer: &Answer) -> serde_json::Value {
    serde_json::from_str(&answer.body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_is_taken_once_whichever_secret_signed_it() {
    let server = Server::with(CONFIG).await;
    let first = server.signed(b"secret-one", BODY).await;
    assert_eq!(first.status, 200, "{}", first.body);
    let taken = json(&first);
    assert_eq!((taken["sum"].as_str(), taken["repeat"].as_bool()), (Some("100.00"), Some(false)));
    let again = json(&server.signed(b"plain-two", BODY).await);
    assert_eq!((again["op_id"].clone(), again["repeat"].as_bool()), (taken["op_id"].clone(), Some(true)));
    assert_eq!(server.fixture.balance("1001"), "250.00");
    let number = server.signed(b"plain-two", r#"{"account":1001,"sum":1.5,"id":18}"#).await;
    assert_eq!(number.status, 200, "{}", number.body);
    assert_eq!(server.fixture.balance("1001"), "251.50");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_signature_is_the_one_that_openssl_makes() {
    let server = Server::with(CONFIG).await;
    let now = NOW.to_string();
    let mut openssl = Command::new("openssl")
        .args(["dgst", "-sha256", "-hmac", "plain-two", "-binary"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    use std::io::Write;
    write!(openssl.stdin.take().unwrap(), "msg_1.{now}.{BODY}").unwrap();
    let made = openssl.wait_with_output().unwrap().stdout;
    let signatures = format!("v1a,xx v1,AAAA v1,{}", BASE64_STANDARD.encode(made));
    let headers =
        [("webhook-id", "msg_1"), ("webhook-timestamp", &*now), ("webhook-signature", &*signatures)];
    assert_eq!(server.notify(&headers, BODY).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_of_a_notification_has_a_token_and_a_status() {
    let server = Server::with(CONFIG).await;
    server.signed(b"plain-two", BODY).await;
    for (from, to, status, token) in [
        ("100.00", "100.01", 409, "duplicate-other-sum"),
        ("04-06", "04-07", 409, "duplicate-other-date"),
        ("1001", "1002", 409, "duplicate-other-account"),
        ("\"A-17\"", "\"\"", 422, "no-payment-id"),
        ("A-17\",\"date\":\"2026-04-06\"", "A-18\",\"date\":null", 200, ""),
        (
            "1001\",\"sum\":\"100.00\",\"id\":\"A-17",
            "none\",\"sum\":\"100.00\",\"id\":\"A-19",
            404,
            "subscriber-not-found",
        ),
        ("\"100.00\"", "\"many\"", 422, "bad-sum"),
        ("\"100.00\"", "null", 422, "bad-sum"),
        ("\"100.00\"", "\"500.01\"", 422, "sum-too-big"),
        ("\"1001\"", "\"\"", 422, "bad-account"),
        ("\"1001\"", "[1]", 400, "bad-notification"),
        ("{", "", 400, "bad-notification"),
    ] {
        let body = BODY.replace(from, to);
        assert_ne!(body, BODY);
        let answer = server.signed(b"plain-two", &body).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
        assert_eq!(json(&answer)["error"].as_str().unwrap_or_default(), token, "{body}");
    }
    let signed = |key: &[u8], at: i64| {
        let at = at.to_string();
        (signature(key, "msg_1", &at, BODY), at)
    };
    for (key, at, token) in [
        (&b"third"[..], NOW, "wrong-signature"),
        (b"whsec_c2VjcmV0LW9uZQ==", NOW, "wrong-signature"),
        (b"plain-two", NOW - 301, "wrong-time"),
        (b"plain-two", NOW + 301, "wrong-time"),
        (b"plain-two", i64::MIN, "wrong-time"),
    ] {
        let (signature, at) = signed(key, at);
        let headers =
            [("webhook-id", "msg_1"), ("webhook-timestamp", &*at), ("webhook-signature", &*signature)];
        let answer = server.notify(&headers, BODY).await;
        assert_eq!((answer.status, json(&answer)["error"].as_str()), (401, Some(token)), "{at}");
        let other = server.notify(&[headers[0], headers[1], ("webhook-signature", "v1,")], BODY).await;
        assert_eq!(other.status, 401);
    }
    let none = server.notify(&[("webhook-id", "msg_1")], BODY).await;
    assert_eq!((none.status, json(&none)["error"].as_str()), (401, Some("no-signature")));
    let (signature, at) = signed(b"plain-two", NOW - 299);
    let late = [("webhook-id", "msg_1"), ("webhook-timestamp", &*at), ("webhook-signature", &*signature)];
    assert_eq!(server.notify(&late, BODY).await.status, 200);
    let get = server.get("/hook/acquirer").await;
    assert_eq!(get.status, 405);
    server.fixture.operations.writer.stop();
    let later = server.signed(b"plain-two", &BODY.replace("A-17", "A-99")).await;
    assert_eq!((later.status, json(&later)["error"].as_str()), (503, Some("later")));
}
