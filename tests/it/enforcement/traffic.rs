//! What a subscriber meets: pages, refusals, silence.

use super::enforcer::{Enforcer, SOON, Site};
use crate::network::{Network, Page, download, echo_udp, echoes, fetch, grows, wait_until, web};
use headgate::enforcement::Settings;
use headgate::model::Verdict;
use std::time::{Duration, Instant};

const SUBSCRIBER: &str = "10.9.0.2";
const SUBSCRIBER6: &str = "fd00:9::2";
const STRANGER: &str = "10.9.0.66";

/// A site with web servers on the internet side: 203.0.113.2 and its v6 on 80, 443 and 8000, walled 203.0.113.10.
fn site(network: &Network, verdict: Verdict, captive: &str) -> Site {
    for address in
        ["203.0.113.2:80", "203.0.113.2:443", "203.0.113.2:8000", "[fd00:113::2]:80", "[fd00:113::2]:443"]
    {
        web(&network.internet, address, "internet");
    }
    web(&network.internet, "203.0.113.10:80", "walled");
    web(&network.internet, "203.0.113.10:443", "walled");
    web(&network.internet, "203.0.113.80:8080", "remote captive");
    web(&network.nas, "10.9.0.1:8080", "local captive");
    web(&network.nas, "[fd00:9::1]:8080", "local captive 6");
    for address in ["203.0.113.53:53", "203.0.113.53:443", "203.0.113.53:5353", "[fd00:113::2]:53"] {
        echo_udp(&network.internet, address);
    }
    let mut site = Site::new(&[("10.9.0.2/32", verdict), ("fd00:9::/64", verdict)]);
    site.settings = Settings {
        captive: Some(captive.parse().unwrap()),
        walled_garden: vec!["203.0.113.10".parse().unwrap()],
        ..site.settings.clone()
    };
    site
}

fn stands(network: &Network, set: &str, address: &str) {
    wait_until(&format!("{address} in {set}"), SOON, || {
        network.nas.set(set).is_some_and(|elements| elements.iter().any(|e| e == address))
    });
}

#[test]
fn one_let_through_reaches_everything_and_a_stranger_nothing() {
    let network = Network::new();
    let site = site(&network, Verdict::LetThrough, "10.9.0.1:8080");
    let _enforcer = Enforcer::start(&network.nas, site.settings.clone());
    stands(&network, "down4", SUBSCRIBER);
    let from = |source, url| fetch(&network.subscriber, source, url);
    for url in ["http://203.0.113.2/", "http://203.0.113.2:443/", "http://203.0.113.2:8000/"] {
        assert!(from(SUBSCRIBER, url).is("internet"), "{url}");
    }
    assert!(from(SUBSCRIBER6, "http://[fd00:113::2]/").is("internet"), "by its prefix");
    assert!(echoes(&network.subscriber, "10.9.0.2:0", "203.0.113.53:5353"));
    assert_eq!(from(STRANGER, "http://203.0.113.2/"), Page::TimedOut, "dropped in silence");
    assert_eq!(from(STRANGER, "http://203.0.113.2:443/"), Page::TimedOut);
    assert!(!echoes(&network.subscriber, "10.9.0.66:0", "203.0.113.53:53"));
    assert_eq!(fetch(&network.internet, "203.0.113.2", "http://10.9.0.66/"), Page::TimedOut);
}

#[test]
fn one_who_has_to_pay_meets_the_page_and_what_is_left_open() {
    let network = Network::new();
    let site = site(&network, Verdict::Negbal, "10.9.0.1:8080");
    let _enforcer = Enforcer::start(&network.nas, site.settings.clone());
    stands(&network, "captive4", SUBSCRIBER);
    let from = |source, url| fetch(&network.subscriber, source, url);
    assert!(from(SUBSCRIBER, "http://203.0.113.2/").is("local captive"));
    assert!(from(SUBSCRIBER, "http://203.0.113.10/").is("walled"));
    assert!(from(SUBSCRIBER, "http://203.0.113.10:443/").is("walled"));
    let start = Instant::now();
    assert_eq!(from(SUBSCRIBER, "http://203.0.113.2:443/"), Page::Reset);
    assert!(start.elapsed() < Duration::from_millis(500), "a reset comes at once");
    assert_eq!(from(SUBSCRIBER, "http://203.0.113.2:8000/"), Page::Rejected);
    assert!(echoes(&network.subscriber, "10.9.0.2:0", "203.0.113.53:53"), "DNS");
    assert!(!echoes(&network.subscriber, "10.9.0.2:0", "203.0.113.53:443"), "QUIC");
    assert!(!echoes(&network.subscriber, "10.9.0.2:0", "203.0.113.53:5353"));
    // The page is on IPv4 only: over IPv6 a reset sends the browser there.
    assert_eq!(from(SUBSCRIBER6, "http://[fd00:113::2]/"), Page::Reset);
    assert!(echoes(&network.subscriber, "[fd00:9::2]:0", "[fd00:113::2]:53"));
    // From outside nothing new comes in.
    web(&network.subscriber, "10.9.0.2:8000", "subscriber");
    assert_eq!(fetch(&network.internet, "203.0.113.2", "http://10.9.0.2:8000/"), Page::Rejected);
    assert!(fetch(&network.internet, "203.0.113.10", "http://10.9.0.2:8000/").is("subscriber"), "walled");

    site.feed.change(&[("10.9.0.2/32", Verdict::LetThrough)], &[]);
    stands(&network, "down4", SUBSCRIBER);
    assert!(from(SUBSCRIBER, "http://203.0.113.2/").is("internet"), "paid: open at once");
}

#[test]
fn a_captive_page_on_another_machine_or_on_ipv6_is_reached_too() {
    let network = Network::new();
    let mut site = site(&network, Verdict::Paused, "203.0.113.80:8080");
    let enforcer = Enforcer::start(&network.nas, site.settings.clone());
    stands(&network, "captive4", SUBSCRIBER);
    assert!(fetch(&network.subscriber, SUBSCRIBER, "http://203.0.113.2/").is("remote captive"));
    assert_eq!(fetch(&network.subscriber, SUBSCRIBER, "http://203.0.113.2:8000/"), Page::Rejected);
    enforcer.stop().unwrap();

    site.settings.captive = Some("[fd00:9::1]:8080".parse().unwrap());
    let _enforcer = Enforcer::start(&network.nas, site.settings.clone());
    wait_until("the new page", SOON, || {
        fetch(&network.subscriber, SUBSCRIBER6, "http://[fd00:113::2]/").is("local captive 6")
    });
    assert_eq!(fetch(&network.subscriber, SUBSCRIBER, "http://203.0.113.2/"), Page::Reset);
}

#[test]
fn one_who_is_blocked_is_refused_in_both_directions() {
    let network = Network::new();
    let site = site(&network, Verdict::Blocked, "10.9.0.1:8080");
    let _enforcer = Enforcer::start(&network.nas, site.settings.clone());
    stands(&network, "blocked4", SUBSCRIBER);
    let start = Instant::now();
    for url in ["http://203.0.113.2/", "http://203.0.113.2:443/", "http://203.0.113.10/"] {
        assert_eq!(fetch(&network.subscriber, SUBSCRIBER, url), Page::Rejected, "{url}");
    }
    assert!(start.elapsed() < Duration::from_secs(2), "said at once");
    assert!(!echoes(&network.subscriber, "10.9.0.2:0", "203.0.113.53:53"));
    assert!(!matches!(fetch(&network.subscriber, SUBSCRIBER6, "http://[fd00:113::2]/"), Page::Shown(_)));
    assert_eq!(fetch(&network.internet, "203.0.113.2", "http://10.9.0.2/"), Page::Rejected);
}

#[test]
fn a_running_flow_stops_when_its_subscriber_has_to_pay_or_is_blocked() {
    for (verdict, set) in [(Verdict::Negbal, "captive4"), (Verdict::Blocked, "blocked4")] {
        let network = Network::new();
        let site = site(&network, Verdict::LetThrough, "10.9.0.1:8080");
        let _enforcer = Enforcer::start(&network.nas, site.settings.clone());
        stands(&network, "down4", SUBSCRIBER);
        let octets = download(&network);
        assert!(grows(&octets, SOON), "it runs first");
        site.feed.change(&[("10.9.0.2/32", verdict)], &[]);
        stands(&network, set, SUBSCRIBER);
        std::thread::sleep(Duration::from_millis(50));
        assert!(!grows(&octets, Duration::from_millis(700)), "{verdict:?} stops it");
        if verdict == Verdict::Negbal {
            site.feed.change(&[("10.9.0.2/32", Verdict::LetThrough)], &[]);
            assert!(grows(&octets, SOON), "and a payment lets it run on");
        }
    }
}
