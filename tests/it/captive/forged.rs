//! Presses that nobody made on the page.

use super::{OWN, PROMISE, Page};
use headgate::model::{Clock, Verdict};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_press_that_did_not_come_from_the_page_does_nothing() {
    let page = Page::start().await;
    let token = page.token(25, PROMISE).await;
    let foreign_token = page.token(26, PROMISE).await;
    let fields = format!("token={token}");
    let own_origin = "Origin: http://10.0.0.1:8080";
    let cases: [(&str, &str, &[&str], &str); 13] = [
        (
            "an image of another site",
            "GET /captive-portal/promise?token={token}",
            &["Sec-Fetch-Site: cross-site"],
            "",
        ),
        ("no token", "POST", &[own_origin], ""),
        ("an empty token", "POST", &[own_origin], "token="),
        ("a token that somebody else was shown", "POST", &[own_origin], &format!("token={foreign_token}")),
        ("another site's form", "POST", &["Origin: http://evil.example"], &fields),
        ("the same site's other port", "POST", &["Origin: http://10.0.0.1:81"], &fields),
        ("a sandboxed frame", "POST", &["Origin: null"], &fields),
        ("two origins", "POST", &[own_origin, "Origin: http://evil.example"], &fields),
        ("a browser that says cross-site", "POST", &["Sec-Fetch-Site: cross-site"], &fields),
        ("a browser that says same-site", "POST", &[own_origin, "Sec-Fetch-Site: same-site"], &fields),
        ("a token in the query", &format!("POST {PROMISE}?{fields}"), &[own_origin], ""),
        ("a token of the other action", "POST /captive-portal/resume", &[own_origin], &fields),
        ("another method", &format!("PUT {PROMISE}"), &[own_origin], &fields),
    ];
    for (what, line, headers, body) in cases {
        // So that no minute has too many, and the token is good to the end.
        page.fixture.clock.set(page.fixture.clock.now().saturating_add(Duration::from_secs(15)));
        let line = if line == "POST" { format!("POST {PROMISE}") } else { line.replace("{token}", &token) };
        let answer = page.send(25, &line, OWN, headers, body).await;
        let expected = if line.starts_with("GET") {
            200
        } else if line.starts_with("PUT") {
            511
        } else {
            403
        };
        assert_eq!(answer.status, expected, "{what}: {}", answer.body);
        assert_eq!(page.verdict(25), Verdict::Negbal, "{what}");
    }
    for host in ["evil.example", "10.0.0.1:81", "10.0.0.2:8080"] {
        page.fixture.clock.set(page.fixture.clock.now().saturating_add(Duration::from_secs(15)));
        let origin = format!("Origin: http://{host}");
        let answer = page.send(25, &format!("POST {PROMISE}"), host, &[&origin], &fields).await;
        assert_eq!(
            (answer.status, page.verdict(25)),
            (403, Verdict::Negbal),
            "a name that was bound to us: {host}"
        );
    }
    assert_eq!(page.press(25, PROMISE, &fields).await.status, 200, "the same token where it belongs");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_browser_that_says_nothing_of_itself_presses_with_the_token() {
    let page = Page::start().await;
    let fields = format!("token={}", page.token(25, PROMISE).await);
    assert_eq!(page.send(25, &format!("POST {PROMISE}"), OWN, &[], &fields).await.status, 200);
    assert_eq!(page.verdict(25), Verdict::LetThrough);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_in_a_header_is_nobodys_identity() {
    let page = Page::start().await;
    let forwarded = ["X-Forwarded-For: 127.0.0.25", "X-Real-IP: 127.0.0.25", "Forwarded: for=127.0.0.25"];
    let shown = page.send(99, &format!("GET {PROMISE}"), OWN, &forwarded, "").await.body;
    assert!(shown.contains("127.0.0.99") && !shown.contains("<form"), "{shown}");
    let fields = format!("token={}", page.token(25, PROMISE).await);
    let answer = page.send(26, &format!("POST {PROMISE}"), OWN, &forwarded, &fields).await;
    assert_eq!((answer.status, page.verdict(25)), (403, Verdict::Negbal));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_stood_open_for_too_long_is_asked_again() {
    let page = Page::start().await;
    let token = page.token(25, PROMISE).await;
    page.fixture.clock.set(page.fixture.clock.now().saturating_add(Duration::from_secs(15 * 60 + 1)));
    let answer = page.press(25, PROMISE, &format!("token={token}")).await;
    assert_eq!((answer.status, answer.body.contains("open for too long")), (403, true), "{}", answer.body);
    assert!(answer.body.contains("href=\"/captive-portal/promise\""));
    assert_eq!(page.verdict(25), Verdict::Negbal);
}

#[tokio::test(flavor = "multi_thread")]
async fn presses_without_end_are_told_to_wait() {
    let page = Page::start().await;
    for _ in 0..6 {
        assert_eq!(page.press(25, PROMISE, "token=x").await.status, 403);
    }
    let good = format!("token={}", page.token(25, PROMISE).await);
    let answer = page.press(25, PROMISE, &good).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("60")));
    let other = format!("token={}", page.token(26, PROMISE).await);
    assert_eq!(page.press(26, PROMISE, &other).await.status, 200, "others are not held up");
    page.fixture.clock.set(page.fixture.clock.now().saturating_add(Duration::from_secs(60)));
    assert_eq!(page.press(25, PROMISE, &good).await.status, 200);
}
