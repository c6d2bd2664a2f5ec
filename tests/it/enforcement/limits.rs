//! Limits without classes: the policer.

use super::table::{entry, page, skeleton, whole};
use crate::network::Network;
use headgate::enforcement::kernel::Kernel;
use headgate::enforcement::lanes::{Assign, Lane, Lanes};
use headgate::enforcement::wanted::{Entry, Kind, Scope, SetId, Wanted};
use headgate::model::{AccessMethod, FeedEntry, SubscriberId, Verdict};
use ipnet::IpNet;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

const OCTETS_PER_SECOND: u64 = 250_000;
const BURST_OCTETS: u32 = 30_000;

/// Upload of hosts is limited, download of prefixes.
struct Policing;

impl Assign for Policing {
    fn lanes(&mut self, address: IpNet, _: &Entry) -> Lanes {
        let limit = Lane::Policed { octets_per_second: OCTETS_PER_SECOND, burst_octets: BURST_OCTETS };
        if address.prefix_len() == address.max_prefix_len() {
            Lanes { down: Lane::Unshaped, up: limit }
        } else {
            Lanes { down: limit, up: Lane::Unshaped }
        }
    }

    fn release(&mut self, _: SubscriberId) {}
}

#[test]
fn one_without_a_class_gets_as_much_as_his_limit_says() {
    let network = Network::new();
    let through =
        |address: &str| FeedEntry { access: AccessMethod::Static, ..entry(address, Verdict::LetThrough) };
    let mut wanted = Wanted::new(Scope { filter: true, guard: false });
    let entries = vec![through("10.9.0.2/32"), through("fd00:9::/64"), through("10.9.4.0/24")];
    wanted.take(&page(entries), &mut Policing).unwrap();
    let skeleton = skeleton(&wanted, "lan0");
    let mut kernel = network.nas.inside(|| Kernel::open().unwrap());
    kernel.rebuild(&skeleton, wanted.sets()).unwrap();
    assert_eq!(&whole(&mut kernel, &skeleton), wanted.sets(), "read back as it was sent");
    let listed = network.nas.must("nft list set inet headgate police_up4");
    assert!(listed.contains("10.9.0.2 limit rate over 250000 bytes/second burst 30000 bytes"), "{listed}");
    assert_eq!(network.nas.set("police_down6_nets").unwrap(), ["fd00:9::/64"]);
    assert_eq!(network.nas.set("police_down4_nets").unwrap(), ["10.9.4.0/24"]);

    let start = Instant::now();
    network.subscriber.inside(|| {
        let socket = UdpSocket::bind("10.9.0.2:0").unwrap();
        socket.connect("203.0.113.2:7000").unwrap();
        while start.elapsed() < Duration::from_secs(2) {
            let _ = socket.send(&[0; 972]);
            std::thread::sleep(Duration::from_micros(200));
        }
    });
    let mut passed = 0;
    let up = SetId::Hosts(Kind::Up, headgate::enforcement::ranges::Family::V4);
    kernel.counters(|reading| passed += if reading.set == up { reading.octets } else { 0 }).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    // The kernel's bucket holds a second's worth beside the burst.
    let limit = OCTETS_PER_SECOND as f64 * (seconds + 1.0) + f64::from(BURST_OCTETS);
    println!("{passed} octets in {seconds:.2} s of {limit:.0}");
    assert!((0.7..1.02).contains(&(passed as f64 / limit)), "{passed} of {limit}");
}
