//! The page and the enforcer together: a debtor in a namespace presses, and the way opens.

use crate::network::{Network, Page, fetch, wait_until, web};
use crate::story::BoxUnderTest;
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);
const SITE: &str = "http://203.0.113.80/";

fn page(network: &Network) -> Option<String> {
    match fetch(&network.subscriber, "10.9.0.2", SITE) {
        Page::Shown(page) => Some(page),
        _ => None,
    }
}

fn after<'a>(text: &'a str, mark: &str) -> &'a str {
    let rest = text.split_once(mark).unwrap_or_else(|| panic!("no {mark}: {text}")).1;
    rest.split('"').next().unwrap()
}

#[test]
fn a_debtor_behind_a_masquerading_nas_presses_the_promise_and_the_way_opens() {
    let network = Network::new();
    web(&network.internet, "203.0.113.80:80", "the internet");
    network.nas.must(
        "nft 'add table ip site; add chain ip site post { type nat hook postrouting priority srcnat; }; \
         add rule ip site post oifname wan0 masquerade'",
    );
    let mut under_test = BoxUnderTest::start(&network);
    under_test.log_in();
    wait_until("HTTP passes after the login", SECOND, || page(&network).as_deref() == Some("the internet"));
    under_test.headgate(&["charge", "ivanov", "200", "--text", "router"]);
    wait_until("the page is shown", SECOND, || page(&network).is_some_and(|page| page.contains("To pay")));

    // Led here from another site, by its own address: it is known, and the link leads to the page's own name.
    let shown = page(&network).unwrap();
    assert!(shown.contains("<dt>Contract</dt><dd>1001</dd>"), "{shown}");
    let link = after(&shown, "<a class=\"act aside\" href=\"");
    assert_eq!(link, "http://10.9.0.1:8080/captive-portal/promise");
    let Page::Shown(question) = fetch(&network.subscriber, "10.9.0.2", link) else { panic!("no question") };
    assert!(question.contains("100.00\u{a0}RUB"), "{question}");
    let token = after(&question, "name=\"token\" value=\"");

    let press = |extra: &str| {
        let command =
            format!("curl -s -o /dev/null -w '%{{http_code}}' --noproxy '*' {extra} -d token={token} {link}");
        network.subscriber.must(&command)
    };
    assert_eq!(press("-H 'Origin: http://evil.example'"), "403");
    assert!(page(&network).is_some_and(|page| page.contains("To pay")));
    let start = Instant::now();
    assert_eq!(press("-H 'Origin: http://10.9.0.1:8080'"), "200");
    let pressed = start.elapsed();
    let opened = wait_until("HTTP passes after the promise", SECOND, || {
        page(&network).as_deref() == Some("the internet")
    });
    println!("press answered in {pressed:?}, the first page {opened:?} after that");
    // The page goes on to answer those who are let through.
    let own = fetch(&network.subscriber, "10.9.0.2", "http://10.9.0.1:8080/");
    assert!(matches!(&own, Page::Shown(page) if page.contains("Promised payment")), "{own:?}");
    assert_eq!(under_test.balance(), "-50.00");
}
