//! The captive page, asked from the addresses of those it is for.

use crate::fixture::Fixture;
use crate::wire::{Answer, exchange};
use headgate::config::Currency;
use headgate::doors::http;
use headgate::model::Actor;
use headgate::web::Captive;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;

const DATA: &str = r#"
    [[plan]]
    name = "Дом <20>"
    rate-in = 20000
    rate-out = 20000

    [[subscriber]]
    login = "debtor"
    contract = "2001"
    name = "Иванов Иван"
    plan = "Дом <20>"
    access = "static"
    ip = "127.0.0.21"
    balance = "-1234.56"

    [[subscriber]]
    login = "blocked"
    contract = "2002"
    access = "static"
    ip = "127.0.0.22"
    balance = "10"

    [[subscriber]]
    login = "open"
    contract = "2003"
    access = "static"
    ip = "127.0.0.23"
    balance = "150"

    [[subscriber]]
    login = "late"
    contract = "2004"
    access = "static"
    ip = "127.0.0.24"
    valid-until = "2026-04-01"
"#;

struct Page {
    fixture: Fixture,
    address: SocketAddr,
    _stop: watch::Sender<bool>,
}

impl Page {
    async fn start() -> Page {
        let fixture = Fixture::new();
        fixture.load(DATA).await;
        let page = Captive::new(Arc::clone(&fixture.operations), &Currency::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(http::serve(listener, page, Captive::limits(), stopped));
        Page { fixture, address, _stop: stop }
    }

    async fn ask(&self, last: u8, target: &str, language: &str) -> Answer {
        let request =
            format!("GET {target} HTTP/1.1\r\nHost: example.org\r\nAccept-Language: {language}\r\n\r\n");
        let from = Ipv4Addr::new(127, 0, 0, last);
        Answer::parse(exchange(from, self.address, request.as_bytes()).await)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_debtor_sees_what_is_owed_and_how_to_pay_under_any_url() {
    let page = Page::start().await;
    for target in ["/", "/generate_204", "/hotspot-detect.html?x={\"y\"}", "http://other.example/a/b"] {
        let answer = page.ask(21, target, "ru-RU,ru;q=0.9,en;q=0.5").await;
        assert_eq!(answer.status, 200, "{target}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        for text in [
            "<html lang=\"ru\">",
            "Недостаточно средств на счёте",
            "<dt>Договор</dt><dd>2001</dd>",
            "<dt>Баланс</dt><dd>-1\u{a0}234,56\u{a0}₽</dd>",
            "<dt>К оплате</dt><dd class=\"pay\">1\u{a0}234,56\u{a0}₽</dd>",
            "Дом &lt;20&gt;",
            "Как оплатить",
        ] {
            assert!(answer.body.contains(text), "{target} lacks {text}: {}", answer.body);
        }
        // Whoever sits behind the address sees this page; whose contract it is stays out of it.
        assert!(!answer.body.contains("Иванов"));
    }
    let english = page.ask(21, "/", "").await;
    assert!(
        english.body.contains("<dt>To pay</dt><dd class=\"pay\">1,234.56\u{a0}RUB</dd>"),
        "{}",
        english.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_standing_has_its_page_and_data_is_escaped() {
    let page = Page::start().await;
    let reason = "<script>alert('x')</script> & долг";
    page.fixture.operations.block("blocked", reason.into(), Actor::system()).await.unwrap();
    for (last, present, absent) in [
        (22, "<dt>Reason</dt><dd>&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; долг</dd>", "To pay"),
        (23, "Internet access is open", "To pay"),
        (23, "<dt>Balance</dt><dd>150.00\u{a0}RUB</dd>", "Reason"),
        (24, "<dd>the contract is no longer valid</dd>", "How to pay"),
        (99, "<dt>Your address</dt><dd>127.0.0.99</dd>", "Contract</dt>"),
    ] {
        let answer = page.ask(last, "/", "en").await;
        assert!(answer.body.contains(present), "127.0.0.{last}: {}", answer.body);
        assert!(!answer.body.contains(absent) && !answer.body.contains("<script"), "127.0.0.{last}");
        // Nothing that would have to be loaded from somewhere else, where nothing else opens.
        assert!(
            !answer.body.contains("src=") && !answer.body.contains("href=") && !answer.body.contains("url(")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_captive_portal_api_says_who_is_held_and_follows_a_payment() {
    let page = Page::start().await;
    for (last, captive) in [(21, true), (22, false), (23, false), (24, true), (99, true)] {
        let answer = page.ask(last, "/captive-portal/api", "").await;
        assert_eq!(answer.body, format!("{{\"captive\":{captive}}}"), "127.0.0.{last}");
        assert_eq!(answer.header("content-type"), Some("application/captive+json"));
    }
    let payment = headgate::operations::PaymentInput {
        who: "2001".into(),
        sum: "1300".into(),
        operator: "desk".into(),
        id: "1".into(),
        date: String::new(),
    };
    page.fixture.operations.pay(payment, Actor::system()).await.unwrap();
    assert_eq!(page.ask(21, "/captive-portal/api", "").await.body, "{\"captive\":false}");
    assert!(page.ask(21, "/", "ru").await.body.contains("Доступ в интернет открыт"));
}
