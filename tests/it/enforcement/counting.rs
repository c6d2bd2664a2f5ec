//! Octets of subscribers who have no NAS to count them: exact, whatever happens to their elements.

use super::enforcer::{Enforcer, SOON, Site};
use super::table::{entry, page, skeleton, whole};
use crate::network::{Network, echo_udp, echoes, wait_until};
use headgate::enforcement::Outlets;
use headgate::enforcement::kernel::{Kernel, Reading};
use headgate::enforcement::lanes::{Assign, Lane, Lanes};
use headgate::enforcement::wanted::{Entry, Kind, Scope, SetId, Wanted};
use headgate::model::{AccessMethod, Counted, FeedEntry, FeedPage, SubscriberId, Verdict};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

const HOST: &str = "10.9.0.2/32";
/// An IPv4 datagram of UDP with one octet in it.
const DATAGRAM: u64 = 29;

fn counted(address: &str, verdict: Verdict) -> FeedEntry {
    FeedEntry { access: AccessMethod::Static, ..entry(address, verdict) }
}

/// Another class each time.
struct Changing(u32);

impl Assign for Changing {
    fn lanes(&mut self, _: IpNet, _: &Entry) -> Lanes {
        self.0 += 1;
        Lanes { down: Lane::Class(self.0), up: Lane::Unshaped }
    }

    fn release(&mut self, _: SubscriberId) {}
}

#[test]
fn an_element_made_anew_under_traffic_loses_no_octet() {
    let network = Network::new();
    let nas = &network.nas;
    // Counts behind our table what it has let through.
    nas.must(
        "nft add table inet oracle; \
         nft add chain inet oracle f '{ type filter hook forward priority 10; }'; \
         nft add rule inet oracle f ip saddr 10.9.0.2 counter; \
         nft add rule inet oracle f ip daddr 10.9.0.2 counter",
    );
    echo_udp(&network.internet, "203.0.113.2:7000");
    let mut classes = Changing(0);
    let mut wanted = Wanted::new(Scope { filter: true, guard: false });
    wanted.take(&page(vec![counted(HOST, Verdict::LetThrough)]), &mut classes).unwrap();
    let skeleton = skeleton(&wanted, "lan0");
    let mut kernel = nas.inside(|| Kernel::open().unwrap());
    kernel.rebuild(&skeleton, wanted.sets()).unwrap();

    let mut last: Vec<Reading> = Vec::new();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| network.subscriber.inside(|| flood(&done)));
        for round in 0..60 {
            std::thread::sleep(Duration::from_millis(5));
            let delta =
                FeedPage { full: false, entries: vec![counted(HOST, Verdict::LetThrough)], ..page(vec![]) };
            let plan = wanted.take(&delta, &mut classes).unwrap().plan;
            assert_eq!(plan.sizes(), (2, 2));
            // Now and then the whole table.
            let finals =
                if round % 10 == 9 { kernel.rebuild(&skeleton, wanted.sets()) } else { kernel.apply(&plan) };
            last.extend(finals.unwrap());
        }
        done.store(true, Ordering::Relaxed);
    });
    std::thread::sleep(Duration::from_millis(100));
    assert!(kernel.counters(|reading| last.push(reading)).unwrap());
    assert_eq!(&whole(&mut kernel, &skeleton), wanted.sets());

    let sum = |kind: Kind| -> (u64, u64) {
        let of_kind = last.iter().filter(|r| matches!(r.set, SetId::Hosts(k, _) if k == kind));
        of_kind.fold((0, 0), |sum, r| (sum.0 + r.packets, sum.1 + r.octets))
    };
    let listed = nas.must("nft list chain inet oracle f");
    let oracle = |side: &str| -> (u64, u64) {
        let line = listed.lines().find(|line| line.contains(side)).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        let after = |word| {
            let at = words.iter().position(|w| *w == word).unwrap();
            words[at + 1].parse::<u64>().unwrap()
        };
        (after("packets"), after("bytes"))
    };
    println!(
        "up {:?}, down {:?} packets and octets over {} readings",
        sum(Kind::Up),
        sum(Kind::Down),
        last.len()
    );
    assert!(sum(Kind::Up).0 > 1000, "there was traffic");
    assert_eq!(sum(Kind::Up), oracle("saddr"));
    assert_eq!(sum(Kind::Down), oracle("daddr"));
    let generations: BTreeSet<u64> = last.iter().map(|r| r.meter.generation).collect();
    assert_eq!(generations.len() * 2, last.len(), "one generation for both directions of each element");
}

fn flood(done: &AtomicBool) {
    let socket = UdpSocket::bind("10.9.0.2:0").unwrap();
    socket.connect("203.0.113.2:7000").unwrap();
    while !done.load(Ordering::Relaxed) {
        let _ = socket.send(b"?");
    }
}

/// What an enforcer tells, summed up as the server will: the highest value of each element.
struct Told {
    channel: Receiver<Vec<Counted>>,
    known: BTreeMap<(IpNet, u64), Counted>,
}

impl Told {
    fn channel() -> (Outlets, Told) {
        let (sender, channel) = sync_channel(64);
        let outlets = Outlets { counted: Some(sender), ..Outlets::default() };
        (outlets, Told { channel, known: BTreeMap::new() })
    }

    /// Octets down and up, once so many elements have gone.
    fn after_gone(&mut self, elements: usize) -> (u64, u64) {
        let deadline = Instant::now() + SOON;
        while self.known.values().filter(|c| c.gone).count() < elements {
            let patience = deadline.saturating_duration_since(Instant::now());
            for counted in self.channel.recv_timeout(patience).expect("a last value") {
                assert_eq!(counted.subscriber, SubscriberId(1));
                self.known.insert((counted.address, counted.generation), counted);
            }
        }
        self.known.values().fold((0, 0), |sum, c| (sum.0 + c.down_octets, sum.1 + c.up_octets))
    }
}

fn let_through(network: &Network, site: &Site) {
    site.feed.put(vec![counted(HOST, Verdict::LetThrough)], &[]);
    wait_until("let through", SOON, || {
        network.nas.set("up4").is_some_and(|set| set.contains(&"10.9.0.2".to_owned()))
    });
}

#[test]
fn octets_are_told_when_the_subscriber_goes_also_those_from_before_a_restart() {
    let network = Network::new();
    echo_udp(&network.internet, "203.0.113.2:7000");
    let site = Site::new(&[("10.9.0.66/32", Verdict::LetThrough)]);
    let (outlets, mut told) = Told::channel();
    let exchange = |address: &str, times| {
        for _ in 0..times {
            assert!(echoes(&network.subscriber, &format!("{address}:0"), "203.0.113.2:7000"));
        }
    };
    let enforcer = Enforcer::start_with(&network.nas, site.settings.clone(), outlets.clone());
    let_through(&network, &site);
    exchange("10.9.0.2", 3);
    // The NAS of this one counts.
    exchange("10.9.0.66", 2);
    enforcer.stop().unwrap();
    exchange("10.9.0.2", 2);
    let _enforcer = Enforcer::start_with(&network.nas, site.settings.clone(), outlets);
    site.feed.put(vec![counted(HOST, Verdict::Negbal)], &["10.9.0.66/32"]);
    assert_eq!(told.after_gone(1), (5 * DATAGRAM, 5 * DATAGRAM));

    let_through(&network, &site);
    exchange("10.9.0.2", 4);
    // Somebody else's flush takes the counters with it; what is counted from then on is another element's.
    network.nas.must("nft flush ruleset");
    wait_until("mended", SOON, || {
        network.nas.set("up4").is_some_and(|set| set.contains(&"10.9.0.2".to_owned()))
    });
    exchange("10.9.0.2", 1);
    site.feed.put(vec![], &[HOST]);
    assert_eq!(told.after_gone(2), (6 * DATAGRAM, 6 * DATAGRAM));
}

#[test]
fn another_subscriber_at_the_same_address_is_another_element() {
    let network = Network::new();
    echo_udp(&network.internet, "203.0.113.2:7000");
    let site = Site::new(&[]);
    let (outlets, told) = Told::channel();
    let _enforcer = Enforcer::start_with(&network.nas, site.settings.clone(), outlets);
    let_through(&network, &site);
    assert!(echoes(&network.subscriber, "10.9.0.2:0", "203.0.113.2:7000"));
    let next = FeedEntry { subscriber: SubscriberId(2), ..counted(HOST, Verdict::LetThrough) };
    site.feed.put(vec![next], &[]);
    let counted = told.channel.recv_timeout(SOON).unwrap();
    assert_eq!(counted.len(), 1, "{counted:?}");
    assert_eq!(
        (counted[0].subscriber, counted[0].up_octets, counted[0].gone),
        (SubscriberId(1), DATAGRAM, true)
    );
}

#[test]
fn counters_of_fifty_thousand_are_read_quickly() {
    let network = crate::network::Namespace::new("t");
    let mut wanted = Wanted::new(Scope { filter: true, guard: false });
    let host =
        |n: u32| counted(&format!("{}/32", std::net::Ipv4Addr::from(0x0a00_0000 + n)), Verdict::LetThrough);
    wanted.take(&page((0..50_000).map(host).collect()), &mut Changing(0)).unwrap();
    let skeleton = skeleton(&wanted, "lan0");
    let mut kernel = network.inside(|| Kernel::open().unwrap());
    kernel.rebuild(&skeleton, wanted.sets()).unwrap();
    let start = Instant::now();
    let mut readings = 0;
    assert!(kernel.counters(|_| readings += 1).unwrap());
    let took = start.elapsed();
    println!("50,000 addresses, both directions: read in {took:?}");
    assert_eq!(readings, 100_000);
    assert!(took < Duration::from_secs(20), "{took:?}");
}
