//! The captive page, asked from the addresses of those it is for.

mod api;
mod forged;
mod gate;
mod pages;
mod presses;

use crate::fixture::Fixture;
use crate::wire::{Answer, exchange};
use headgate::config::Config;
use headgate::doors::http;
use headgate::model::{Actor, BillingRules};
use headgate::web::Captive;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

const DATA: &str = r#"
    [[plan]]
    name = "Дом <20>"
    fee = "300.00"
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
    balance = "-10"

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

    [[subscriber]]
    login = "short"
    contract = "20/05/Я"
    plan = "Дом <20>"
    access = "static"
    ip = "127.0.0.25"
    balance = "-50"

    [[subscriber]]
    login = "flat1"
    contract = "2006"
    access = "static"
    ip = "127.0.0.26"
    balance = "-10"

    [[subscriber]]
    login = "flat2"
    contract = "2006"
    access = "static"
    ip = "127.0.0.27"

    [[plan]]
    name = "metered"
    traffic-price-in = "1.00"

    [[subscriber]]
    login = "spent"
    contract = "2007"
    plan = "metered"
    access = "static"
    ip = "127.0.0.30"

    [[subscriber]]
    login = "away1"
    contract = "2008"
    plan = "Дом <20>"
    access = "static"
    ip = "127.0.0.28"
    balance = "100"

    [[subscriber]]
    login = "away2"
    contract = "2008"
    access = "static"
    ip = "127.0.0.29"
"#;

/// The name that the page of these tests knows itself by.
const OWN: &str = "10.0.0.1:8080";
const PROMISE: &str = "/captive-portal/promise";
const RESUME: &str = "/captive-portal/resume";

struct Page {
    fixture: Fixture,
    address: SocketAddr,
    _stop: watch::Sender<bool>,
}

impl Page {
    async fn start() -> Page {
        Page::with("[enforcement]\ncaptive = \"10.0.0.1:8080\"\n", BillingRules::default()).await
    }

    /// With this configuration; its `[billing]` stands in `rules`.
    async fn with(config: &str, rules: BillingRules) -> Page {
        let fixture = Fixture::with_rules(rules);
        fixture.load(DATA).await;
        let config = Config::parse("test", config).unwrap();
        let page = Captive::new(Arc::clone(&fixture.operations), &config).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(http::serve(listener, page, Captive::limits(), stopped));
        Page { fixture, address, _stop: stop }
    }

    /// Sends a request from 127.0.0.`last`; `more` are header lines.
    async fn send(&self, last: u8, line: &str, host: &str, more: &[&str], body: &str) -> Answer {
        let mut request = format!("{line} HTTP/1.1\r\nHost: {host}\r\n");
        for header in more {
            request.push_str(&format!("{header}\r\n"));
        }
        request.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        Answer::parse(exchange(Ipv4Addr::new(127, 0, 0, last), self.address, request.as_bytes()).await)
    }

    /// Some site's page, as a device asks for it that was led here.
    async fn ask(&self, last: u8, target: &str, language: &str) -> Answer {
        let language = format!("Accept-Language: {language}");
        self.send(last, &format!("GET {target}"), "example.org", &[&language], "").await
    }

    /// A page under the page's own name, in English.
    async fn own(&self, last: u8, path: &str) -> Answer {
        self.send(last, &format!("GET {path}"), OWN, &[], "").await
    }

    /// The token of the form that stands at `path`.
    async fn token(&self, last: u8, path: &str) -> String {
        token_in(&self.own(last, path).await.body)
    }

    /// Presses as a browser does.
    async fn press(&self, last: u8, path: &str, fields: &str) -> Answer {
        let origin = format!("Origin: http://{OWN}");
        let form = "Content-Type: application/x-www-form-urlencoded";
        self.send(last, &format!("POST {path}"), OWN, &[&origin, form], fields).await
    }

    fn verdict(&self, last: u8) -> headgate::model::Verdict {
        let found = self.fixture.operations.at_address(Ipv4Addr::new(127, 0, 0, last).into()).unwrap();
        found.subscriber.unwrap().view.standing.verdict
    }

    /// The pause of `away1` and `away2` begins and it is its second day.
    async fn pause_both(&self) {
        for login in ["away1", "away2"] {
            let operations = &self.fixture.operations;
            operations.pause(login, "2026-04-07", "2026-04-20", Actor::system()).await.unwrap();
        }
        let clock = &self.fixture.clock;
        clock
            .set(headgate::model::Clock::now(clock.as_ref()).saturating_add(Duration::from_secs(2 * 86_400)));
        // The writer publishes what the clock has brought with the next command.
        self.fixture.operations.block("open", "x".into(), Actor::system()).await.unwrap();
    }
}

fn token_in(page: &str) -> String {
    let rest = page.split_once("name=\"token\" value=\"").unwrap_or_else(|| panic!("no form: {page}")).1;
    rest.split('"').next().unwrap().to_owned()
}
