//! Source NAT: an address of one's own towards the internet, and none towards the captive page.

use super::enforcer::{Enforcer, SOON, Site};
use super::table::entry;
use crate::network::{Namespace, Network, wait_until};
use headgate::model::{FeedEntry, Verdict};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::time::Duration;

fn own(address: &str, snat: &str) -> FeedEntry {
    FeedEntry { snat: Some(snat.parse().unwrap()), ..entry(address, Verdict::LetThrough) }
}

/// Tells everybody who asks as whom he is seen: over UDP, and as a page.
fn mirrors(namespace: &Namespace, udp: &str, tcp: &str) {
    let socket = namespace.inside(|| UdpSocket::bind(udp).unwrap());
    std::thread::spawn(move || {
        while let Ok((_, from)) = socket.recv_from(&mut [0; 16]) {
            let _ = socket.send_to(from.ip().to_string().as_bytes(), from);
        }
    });
    let listener = namespace.inside(|| TcpListener::bind(tcp).unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 2048]);
            let body = stream.peer_addr().unwrap().ip().to_string();
            let length = body.len();
            let _ = stream.write_all(
                format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
                    .as_bytes(),
            );
        }
    });
}

fn seen_as(namespace: &Namespace, from: &str) -> String {
    namespace.inside(|| {
        let socket = UdpSocket::bind((from, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        let to: SocketAddr = "203.0.113.2:7000".parse().unwrap();
        let mut buffer = [0; 64];
        match socket.send_to(b"?", to).and_then(|_| socket.recv(&mut buffer)) {
            Ok(length) => String::from_utf8_lossy(&buffer[..length]).into_owned(),
            Err(error) => error.to_string(),
        }
    })
}

#[test]
fn a_subscriber_has_his_own_source_address_before_the_machines_masquerade_and_none_towards_the_page() {
    let network = Network::new();
    let Network { subscriber, nas, internet } = &network;
    mirrors(internet, "203.0.113.2:7000", "203.0.113.80:8080");
    nas.must(
        "nft add table ip machine; \
         nft add chain ip machine post '{ type nat hook postrouting priority srcnat; }'; \
         nft add rule ip machine post oifname wan0 masquerade",
    );
    for address in ["203.0.113.200/24", "203.0.113.201/24"] {
        nas.ip(&format!("addr add {address} dev wan0"));
    }
    nas.ip("route add 10.9.4.0/24 via 10.9.0.2");
    subscriber.ip("addr add 10.9.4.1/32 dev up0");
    subscriber.ip("addr add 10.9.0.3/24 dev up0");

    let mut site = Site::new(&[("10.9.0.66/32", Verdict::LetThrough), ("10.9.0.3/32", Verdict::Negbal)]);
    site.settings.captive = Some("203.0.113.80:8080".parse().unwrap());
    let _enforcer = Enforcer::start(nas, site.settings.clone());
    wait_until("the table", SOON, || nas.set("down4").is_some_and(|set| set.len() == 1));
    site.feed.put(vec![own("10.9.0.2/32", "203.0.113.200"), own("10.9.4.0/24", "203.0.113.201")], &[]);
    wait_until("translated", SOON, || nas.set("snat4_nets").is_some_and(|set| set == ["10.9.4.0/24"]));
    assert_eq!(seen_as(subscriber, "10.9.0.2"), "203.0.113.200");
    assert_eq!(seen_as(subscriber, "10.9.4.1"), "203.0.113.201", "a network behind the subscriber");
    assert_eq!(seen_as(subscriber, "10.9.0.66"), "203.0.113.1", "the machine's own masquerade");
    let page = crate::network::fetch(subscriber, "10.9.0.3", "http://203.0.113.2/");
    assert!(page.is("10.9.0.3"), "the page knows who asks: {page:?}");

    site.feed.put(vec![own("10.9.0.2/32", "203.0.113.201")], &["10.9.4.0/24"]);
    wait_until("another one", SOON, || seen_as(subscriber, "10.9.0.2") == "203.0.113.201");
    site.feed.change(&[("10.9.0.2/32", Verdict::Negbal)], &[]);
    wait_until("none while he has to pay", SOON, || nas.set("snat4").is_some_and(|set| set.is_empty()));
    let listed = nas.must("nft list table inet headgate");
    assert!(listed.contains("snat ip to ip saddr map @snat4"), "{listed}");
    assert!(listed.contains("type nat hook postrouting priority srcnat - 1; policy accept;"), "{listed}");
}

#[test]
fn without_anybody_to_translate_there_is_no_source_nat() {
    let nas = Namespace::new("nas");
    let site = Site::new(&[("10.9.0.2/32", Verdict::LetThrough)]);
    let _enforcer = Enforcer::start(&nas, site.settings.clone());
    wait_until("the table", SOON, || nas.set("down4").is_some_and(|set| set.len() == 1));
    assert!(!nas.must("nft list table inet headgate").contains("postrouting"));
    site.feed.put(vec![own("10.9.0.2/32", "203.0.113.200")], &[]);
    wait_until("now there is", SOON, || nas.must("nft list table inet headgate").contains("postrouting"));
    assert_eq!(nas.set("snat4").unwrap(), ["10.9.0.2"]);
}
