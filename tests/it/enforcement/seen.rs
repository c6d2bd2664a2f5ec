//! Unknown sources: told once, and a flood of forged ones costs a bounded set.

use super::enforcer::{Enforcer, SOON, Site};
use crate::network::{Network, wait_until};
use headgate::enforcement::sightings::SEEN_MAX;
use headgate::enforcement::{Outlets, Sighting};
use headgate::model::Verdict;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

/// An enforcer that tells of unknown sources; nobody but 10.9.0.77 is known.
fn watched(network: &Network) -> (Site, Enforcer, Receiver<Sighting>) {
    let mut site = Site::new(&[("10.9.0.77/32", Verdict::LetThrough)]);
    site.settings.sightings = true;
    let (sender, sightings) = sync_channel(usize::try_from(SEEN_MAX).unwrap());
    let outlets = Outlets { sightings: Some(sender), ..Outlets::default() };
    // A machine that checks sources against its routes drops forged ones before us.
    network.nas.must("for c in all lan0; do echo 0 > /proc/sys/net/ipv4/conf/$c/rp_filter; done");
    let enforcer = Enforcer::start_with(&network.nas, site.settings.clone(), outlets);
    wait_until("the table", SOON, || network.nas.set("down4").is_some_and(|set| set.len() == 1));
    (site, enforcer, sightings)
}

fn send(network: &Network, from: &str, to: &str) {
    network.subscriber.inside(|| {
        let _ = UdpSocket::bind((from, 0)).unwrap().send_to(b"?", to);
    });
}

#[test]
fn the_first_packet_of_an_unknown_source_is_told_with_its_mac_and_one_who_is_known_is_not() {
    let network = Network::new();
    let (site, _enforcer, sightings) = watched(&network);
    let mac = network.subscriber.must("cat /sys/class/net/up0/address").trim().parse().unwrap();
    let start = Instant::now();
    send(&network, "10.9.0.66", "203.0.113.2:9");
    let seen = sightings.recv_timeout(SOON).unwrap();
    println!("seen after {:?}", start.elapsed());
    assert_eq!(seen, Sighting { address: "10.9.0.66".parse().unwrap(), mac });
    send(&network, "fd00:9::2", "[fd00:113::2]:9");
    assert_eq!(sightings.recv_timeout(SOON).unwrap().address.to_string(), "fd00:9::2");

    site.feed.change(&[("10.9.0.2/32", Verdict::Blocked)], &[]);
    wait_until("known", SOON, || network.nas.set("blocked4").is_some_and(|set| set == ["10.9.0.2"]));
    send(&network, "10.9.0.2", "203.0.113.2:9");
    send(&network, "10.9.0.66", "203.0.113.2:9");
    assert!(sightings.recv_timeout(Duration::from_secs(1)).is_err(), "known, or told already");
    let listed = network.nas.must("nft list set inet headgate seen4");
    assert!(listed.contains("type ipv4_addr . ether_addr") && listed.contains("10.9.0.66 . "), "{listed}");
}

#[test]
fn two_hundred_thousand_forged_sources_cost_a_bounded_set_and_the_feed_is_followed_meanwhile() {
    let network = Network::new();
    let (site, _enforcer, sightings) = watched(&network);
    std::thread::scope(|scope| {
        let flood = scope.spawn(|| network.subscriber.inside(|| forge(200_000)));
        let mut changes = 0;
        let mut slowest = Duration::ZERO;
        while !flood.is_finished() || changes == 0 {
            let (verdict, set) = match changes % 2 {
                0 => (Verdict::Blocked, "blocked4"),
                _ => (Verdict::LetThrough, "down4"),
            };
            let start = Instant::now();
            site.feed.change(&[("10.9.0.77/32", verdict)], &[]);
            wait_until("followed", SOON, || network.nas.set(set).is_some_and(|s| s == ["10.9.0.77"]));
            slowest = slowest.max(start.elapsed());
            changes += 1;
        }
        println!("{changes} changes during the flood, the slowest after {slowest:?}");
    });
    let held = network.nas.set("seen4").unwrap().len();
    let told = std::iter::from_fn(|| sightings.recv_timeout(Duration::from_millis(700)).ok()).count();
    println!("{held} sources held, {told} told");
    let most = usize::try_from(SEEN_MAX).unwrap();
    assert!((1..=most).contains(&held));
    assert!((1..=most).contains(&told));
}

/// Sends a datagram from each of so many random sources.
pub fn forge(sources: u32) {
    let raw = Some(Protocol::from(libc::IPPROTO_RAW));
    let socket = Socket::new(Domain::IPV4, Type::from(libc::SOCK_RAW), raw).unwrap();
    let to = SockAddr::from(SocketAddr::from(([203, 0, 113, 2], 0)));
    // IPv4 without options, 28 octets, UDP to port 9; the kernel fills in the checksum.
    let mut packet = [0u8; 28];
    packet[0] = 0x45;
    packet[3] = 28;
    packet[8] = 64;
    packet[9] = 17;
    packet[16..20].copy_from_slice(&[203, 0, 113, 2]);
    packet[23] = 9;
    packet[25] = 8;
    for n in 0..sources {
        let random = n.wrapping_mul(2_654_435_761);
        packet[12..16].copy_from_slice(&(0x0a40_0000 | (random >> 10)).to_be_bytes());
        let _ = socket.send_to(&packet, &to);
    }
}
