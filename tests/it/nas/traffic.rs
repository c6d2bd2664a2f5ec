//! What subscribers meet behind the poller, and that it is what they meet behind the enforcer.

use super::poller::{BUSYBOX, DASH, Poller};
use super::site::{ADDRESSES, Enforcer, Site};
use crate::network::{Network, Page, download, echo_udp, echoes, fetch, grows, wait_until, web};
use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(8);

fn internet(network: &Network) {
    for address in
        ["203.0.113.2:80", "203.0.113.2:443", "203.0.113.2:8000", "[fd00:113::2]:80", "[fd00:113::2]:443"]
    {
        web(&network.internet, address, "internet");
    }
    web(&network.internet, "203.0.113.10:80", "walled");
    web(&network.internet, "203.0.113.10:443", "walled");
    web(&network.nas, "10.9.0.1:8080", "captive");
    for address in
        ["203.0.113.53:53", "203.0.113.53:443", "[fd00:113::2]:53", "[fd00:113::2]:443", "[fd00:113::2]:5353"]
    {
        echo_udp(&network.internet, address);
    }
    web(&network.subscriber, "0.0.0.0:8000", "subscriber");
    web(&network.subscriber, "[fd00:9::2]:8000", "subscriber");
}

/// What came of each probe, by address and probe.
type Verdicts = BTreeMap<(&'static str, &'static str), String>;

fn probes(network: &Network) -> Verdicts {
    std::thread::scope(|scope| {
        let threads: Vec<_> = ADDRESSES
            .into_iter()
            .map(|address| scope.spawn(move || (address, probes_of(network, address))))
            .collect();
        let results = threads.into_iter().map(|thread| thread.join().unwrap());
        results
            .flat_map(|(address, all)| all.into_iter().map(move |(name, v)| ((address, name), v)))
            .collect()
    })
}

fn probes_of(network: &Network, address: &'static str) -> Vec<(&'static str, String)> {
    let page = |url: &str| match fetch(&network.subscriber, address, url) {
        Page::Other(_) => "other".to_owned(),
        page => format!("{page:?}"),
    };
    let echoed = |from: String, to: &str| echoes(&network.subscriber, &from, to).to_string();
    let ping = |host: &str| {
        let family = if address.contains(':') { 6 } else { 4 };
        let ping = format!("busybox ping -{family} -c 1 -W 1 -I {address} {host}");
        network.subscriber.shell(&ping).status.success().to_string()
    };
    if address.contains(':') {
        return vec![
            ("web", page("http://[fd00:113::2]/")),
            ("tls", page("http://[fd00:113::2]:443/")),
            ("dns", echoed(format!("[{address}]:0"), "[fd00:113::2]:53")),
            ("quic", echoed(format!("[{address}]:0"), "[fd00:113::2]:443")),
            ("udp", echoed(format!("[{address}]:0"), "[fd00:113::2]:5353")),
            ("ping", ping("fd00:113::2")),
        ];
    }
    let inbound = match fetch(&network.internet, "203.0.113.2", &format!("http://{address}:8000/")) {
        Page::Other(_) => "other".to_owned(),
        page => format!("{page:?}"),
    };
    vec![
        ("web", page("http://203.0.113.2/")),
        ("tls", page("http://203.0.113.2:443/")),
        ("other port", page("http://203.0.113.2:8000/")),
        ("walled", page("http://203.0.113.10/")),
        ("walled tls", page("http://203.0.113.10:443/")),
        ("dns", echoed(format!("{address}:0"), "203.0.113.53:53")),
        ("quic", echoed(format!("{address}:0"), "203.0.113.53:443")),
        ("ping", ping("203.0.113.2")),
        ("inbound", inbound),
    ]
}

#[test]
fn subscribers_meet_the_same_behind_the_poller_as_behind_the_enforcer_and_the_paused_are_blocked() {
    let site = Site::new();
    internet(&site.network);
    let nas = &site.network.nas;
    let enforcer = Enforcer::start(nas, site.enforcer_settings());
    wait_until("the enforcer's table", SOON, || {
        nas.set("captive4").is_some_and(|set| set == ["10.9.0.3", "10.9.0.5"])
    });
    let by_enforcer = probes(&site.network);
    drop(enforcer);
    nas.must("nft delete table inet headgate");

    let poller = Poller::new(&site, DASH);
    poller.must(&["--once"]);
    let by_poller = probes(&site.network);
    let show = |verdicts: &Verdicts, address, probe| verdicts[&(address, probe)].clone();
    for ((address, probe), verdict) in &by_poller {
        let as_whom = match *address {
            "10.9.0.5" => "10.9.0.4",
            "fd00:9::5" => "fd00:9::4",
            other => other,
        };
        assert_eq!(verdict, &show(&by_enforcer, as_whom, *probe), "{address} {probe}");
    }
    // And that is not nothing: some rows of it.
    for (address, probe, verdict) in [
        ("10.9.0.2", "web", "Shown(\"internet\")"),
        ("10.9.0.2", "inbound", "Shown(\"subscriber\")"),
        ("10.9.0.3", "web", "Shown(\"captive\")"),
        ("10.9.0.3", "tls", "Reset"),
        ("10.9.0.3", "walled tls", "Shown(\"walled\")"),
        ("10.9.0.3", "dns", "true"),
        ("10.9.0.3", "quic", "false"),
        ("10.9.0.3", "inbound", "Rejected"),
        ("10.9.0.4", "web", "Rejected"),
        ("10.9.0.5", "web", "Rejected"),
        ("10.9.0.5", "dns", "false"),
        ("10.9.0.6", "web", "TimedOut"),
        ("10.9.0.66", "ping", "false"),
        ("fd00:9::2", "web", "Shown(\"internet\")"),
        ("fd00:9::2", "ping", "true"),
        ("fd00:9::3", "web", "Reset"),
        ("fd00:9::3", "dns", "true"),
        ("fd00:9::4", "dns", "false"),
        ("fd00:9:0:1ff::7", "web", "Shown(\"internet\")"),
        ("fd00:9:0:18f::8", "web", "Reset"),
        ("fd00:9:0:18f::8", "dns", "true"),
    ] {
        assert_eq!(show(&by_poller, address, probe), verdict, "{address} {probe}");
    }
}

#[test]
fn a_running_flow_stops_at_a_block_also_behind_a_table_that_accepts_what_is_established() {
    let site = Site::new();
    let nas = &site.network.nas;
    nas.must(
        "nft 'table ip theirs { chain forward { type filter hook forward priority filter; policy drop; \
         ct state established,related accept; iifname \"lan0\" accept; }; }'",
    );
    let poller = Poller::new(&site, BUSYBOX);
    poller.must(&["--once"]);
    let octets = download(&site.network);
    assert!(grows(&octets, SOON), "it runs first");
    site.block("open");
    poller.must(&["--once"]);
    std::thread::sleep(Duration::from_millis(100));
    assert!(!grows(&octets, Duration::from_millis(700)), "the block stops it");
}

#[test]
fn one_that_follows_opens_a_payment_within_seconds_and_closes_a_block() {
    let site = Site::new();
    internet(&site.network);
    let poller = Poller::new(&site, DASH);
    let following = poller.follow();
    let fetched = |address| fetch(&site.network.subscriber, address, "http://203.0.113.2/");
    wait_until("the page of the debtor", SOON, || fetched("10.9.0.3").is("captive"));
    let start = std::time::Instant::now();
    site.pay("3", "100");
    wait_until("the payment opens", SOON, || fetched("10.9.0.3").is("internet"));
    println!("payment to open page, following: {:?}", start.elapsed());
    site.block("open");
    wait_until("the block closes", SOON, || fetched("10.9.0.2") == Page::Rejected);
    assert!(poller.has("blocked6", "fd00:9::2"), "both families in one step");
    let start = std::time::Instant::now();
    assert_eq!(following.stop(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(3), "it does not wait for the end of a poll");
    assert!(site.path("state/lists").exists(), "saved at the end");
    assert!(!site.path("run/lock").exists());
}

#[test]
fn a_personal_address_is_seen_by_the_other_side_and_the_page_sees_the_subscribers_own() {
    let site = Site::new();
    let poller = Poller::new(&site, DASH);
    poller.must(&["--once"]);
    let peer_of = |listen: &str, namespace: &crate::network::Namespace, to: &str| {
        let listener = namespace.inside(|| TcpListener::bind(listen).unwrap());
        let accepted = std::thread::spawn(move || listener.accept().unwrap().1.ip().to_string());
        let _stream = site.network.subscriber.inside(|| TcpStream::connect(to).unwrap());
        accepted.join().unwrap()
    };
    assert_eq!(peer_of("203.0.113.2:7", &site.network.internet, "203.0.113.2:7"), "203.0.113.99");
    poller.configure("captive = 203.0.113.80:8080");
    poller.must(&["--once"]);
    assert_eq!(peer_of("203.0.113.80:8080", &site.network.internet, "203.0.113.80:8080"), "10.9.0.2");
}
