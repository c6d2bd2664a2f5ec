//! Ports of the machine itself.

use super::enforcer::{Enforcer, SOON, Site};
use super::table::guard;
use crate::network::{Network, Page, echo_udp, echoes, fetch, wait_until, web};
use headgate::enforcement::Settings;
use headgate::model::{PortProtocol, Verdict};

#[test]
fn guarded_ports_are_open_to_their_sources_and_to_loopback_only() {
    let network = Network::new();
    web(&network.nas, "0.0.0.0:8082", "api");
    web(&network.nas, "0.0.0.0:9000", "unguarded");
    echo_udp(&network.nas, "0.0.0.0:1812");
    let mut site = Site::new(&[("10.9.0.2/32", Verdict::LetThrough)]);
    site.settings = Settings { protect_ports: true, ports_only: true, ..site.settings.clone() };
    let _enforcer = Enforcer::start(&network.nas, site.settings.clone());
    let api = |namespace, source| fetch(namespace, source, "http://10.9.0.1:8082/");
    wait_until("nothing is guarded yet", SOON, || api(&network.subscriber, "10.9.0.2").is("api"));

    site.feed.guard(vec![
        guard(PortProtocol::Tcp, 8082, &["203.0.113.2/32"]),
        guard(PortProtocol::Udp, 1812, &["10.9.0.66/32"]),
    ]);
    wait_until("the guards", SOON, || network.nas.set("guard_tcp_8082_4").is_some());
    assert_eq!(network.nas.set("down4"), None, "ports only: nobody is filtered");
    assert_eq!(api(&network.subscriber, "10.9.0.2"), Page::TimedOut);
    assert!(api(&network.internet, "203.0.113.2").is("api"));
    assert_eq!(api(&network.internet, "203.0.113.10"), Page::TimedOut);
    assert!(fetch(&network.nas, "127.0.0.1", "http://127.0.0.1:8082/").is("api"));
    assert!(
        fetch(&network.nas, "10.9.0.1", "http://10.9.0.1:8082/").is("api"),
        "loopback by another address"
    );
    assert!(fetch(&network.subscriber, "10.9.0.2", "http://10.9.0.1:9000/").is("unguarded"));
    assert!(echoes(&network.subscriber, "10.9.0.66:0", "10.9.0.1:1812"));
    assert!(!echoes(&network.subscriber, "10.9.0.2:0", "10.9.0.1:1812"));

    site.feed.guard(vec![guard(PortProtocol::Tcp, 8082, &["10.9.0.0/24"])]);
    wait_until("another source", SOON, || api(&network.subscriber, "10.9.0.2").is("api"));
    assert_eq!(api(&network.internet, "203.0.113.2"), Page::TimedOut);
    assert!(echoes(&network.subscriber, "10.9.0.2:0", "10.9.0.1:1812"), "no longer guarded");

    site.feed.guard(Vec::new());
    wait_until("no table without anything to guard", SOON, || {
        !network.nas.must("nft list tables").contains("headgate")
    });
}
