//! The Captive Portal API of RFC 8908.

use super::{PROMISE, Page};
use headgate::model::{Actor, BillingRules};
use serde_json::json;

async fn asked(page: &Page, last: u8) -> serde_json::Value {
    let answer = page.ask(last, "/captive-portal/api", "").await;
    assert_eq!(answer.header("content-type"), Some("application/captive+json"));
    assert_eq!(answer.header("cache-control"), Some("private, no-store"));
    serde_json::from_str(&answer.body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_who_is_held_and_follows_a_payment() {
    let page = Page::start().await;
    for (last, captive) in [(21, true), (22, true), (23, false), (24, true), (99, true)] {
        assert_eq!(asked(&page, last).await, json!({ "captive": captive }), "127.0.0.{last}");
    }
    let payment = headgate::operations::PaymentInput {
        who: "2001".into(),
        sum: "1300".into(),
        operator: "desk".into(),
        id: "1".into(),
        date: String::new(),
    };
    page.fixture.operations.pay(payment, Actor::system()).await.unwrap();
    assert_eq!(asked(&page, 21).await, json!({ "captive": false }));
    assert!(page.ask(21, "/", "ru").await.body.contains("Доступ в интернет открыт"));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_names_the_portal_where_that_has_tls_and_the_end_of_a_promise() {
    for (url, named) in [("https://portal.example.org", true), ("http://10.0.0.1:8080", false)] {
        let config = format!("[cabinet]\nurl = \"{url}\"\n[enforcement]\ncaptive = \"10.0.0.1:8080\"\n");
        let page = Page::with(&config, BillingRules::default()).await;
        let portal = || if named { json!("https://portal.example.org/") } else { json!(null) };
        let held = asked(&page, 25).await;
        assert_eq!((&held["captive"], &held["user-portal-url"]), (&json!(true), &portal()), "{url}");
        assert_eq!((&held["seconds-remaining"], &held["can-extend-session"]), (&json!(null), &json!(null)));
        let token = page.token(25, PROMISE).await;
        assert_eq!(page.press(25, PROMISE, &format!("token={token}")).await.status, 200);
        let open = asked(&page, 25).await;
        // From 6 April 14:20 to 9 April 10:00.
        let left = 3 * 86_400 - (4 * 3_600 + 20 * 60);
        let expected = (json!(false), json!(left), json!(true), portal());
        assert_eq!(
            (
                &open["captive"],
                &open["seconds-remaining"],
                &open["can-extend-session"],
                &open["user-portal-url"]
            ),
            (&expected.0, &expected.1, &expected.2, &expected.3)
        );
    }
}
