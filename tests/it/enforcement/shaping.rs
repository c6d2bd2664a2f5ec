//! Speeds of real flows: iperf3 between a subscriber and the internet, through a NAS that translates addresses.

use super::enforcer::{Enforcer, SOON, Site};
use super::shaping_classes::{classes, kbit, qdiscs};
use super::shaping_flows::{A_WHILE, Direction, Flow, Meter, WARM_UP, WINDOW, flow, settled, within};
use super::table::entry;
use crate::network::{Namespace, Network, echo_udp, echoes, wait_until};
use headgate::enforcement::Settings;
use headgate::model::{Bandwidth, FeedEntry, Shape, SubscriberId, Verdict};
use serde_json::Value;
use std::time::Duration;

const MENDED_WITHIN: Duration = Duration::from_secs(1);
/// Segments that are sent again in a fifth of a second at most, once the flow is warm: TCP loses some each time that it
/// tries for more, but a queue that was emptied would be 170 at once.
const RETRANSMITS_MAX: u64 = 130;

/// Both directions alike.
fn both_ways(bandwidth: Bandwidth) -> Shape {
    Shape { download: bandwidth, upload: bandwidth }
}

fn at_speed(address: &str, subscriber: i64, shape: Shape) -> FeedEntry {
    FeedEntry { subscriber: SubscriberId(subscriber), shape, ..entry(address, Verdict::LetThrough) }
}

/// Whose class it is: minors are wished for by id.
fn class_of(subscriber: u32) -> String {
    format!("6867:{:x}", subscriber + 0x10)
}

/// A network whose NAS hides subscribers behind its own address, and an enforcer that shapes on `lan0` and `wan0`.
struct Shaped {
    network: Network,
    site: Site,
    enforcer: Option<Enforcer>,
}

impl Shaped {
    fn new(settings: impl FnOnce(Settings) -> Settings, entries: Vec<FeedEntry>) -> Shaped {
        let network = Network::new();
        network.nas.must(
            "nft add table ip operator; \
             nft add chain ip operator nat '{ type nat hook postrouting priority srcnat; }'; \
             nft add rule ip operator nat oifname wan0 masquerade",
        );
        for host in 3..8 {
            network.subscriber.ip(&format!("addr add 10.9.0.{host}/24 dev up0"));
        }
        let mut site = Site::new(&[]);
        site.settings = settings(Settings {
            lan: vec!["lan0".into()],
            shape: vec!["lan0".into()],
            wan: Some("wan0".into()),
            ..site.settings.clone()
        });
        site.feed.put(entries, &[]);
        let mut shaped = Shaped { network, site, enforcer: None };
        shaped.start();
        shaped
    }

    fn start(&mut self) {
        self.enforcer = Some(Enforcer::start(&self.network.nas, self.site.settings.clone()));
    }

    fn nas(&self) -> &Namespace {
        &self.network.nas
    }

    fn wait_for_class(&self, device: &str, subscriber: u32) {
        wait_until("the class", SOON, || classes(self.nas(), device).contains_key(&class_of(subscriber)));
    }

    /// Octets that the class has sent so far.
    fn sent(&self, device: &str, subscriber: u32) -> u64 {
        classes(self.nas(), device).get(&class_of(subscriber)).map_or(0, |class| class.sent)
    }
}

#[test]
fn every_subscriber_has_the_speed_of_his_plan_in_both_directions_behind_source_nat() {
    let plain = |mbit: i32, burst: i32| both_ways(kbit(mbit * 1_000, mbit * 1_000, burst, burst));
    let shaped = Shaped::new(
        |settings| settings,
        vec![
            at_speed("10.9.0.2/32", 2, plain(5, 16)),
            at_speed("10.9.0.3/32", 3, plain(20, 25)),
            at_speed("10.9.0.4/32", 4, plain(100, 123)),
            // Lent what others do not need, up to the ceil.
            at_speed("10.9.0.5/32", 5, both_ways(kbit(5_000, 20_000, 16, 25))),
            // One subscriber, three ways to reach him, one speed.
            at_speed("10.9.0.6/32", 6, plain(20, 25)),
            at_speed("fd00:9::2/128", 6, plain(20, 25)),
            at_speed("fd00:9:0:100::/56", 6, plain(20, 25)),
            at_speed("10.9.0.7/32", 7, both_ways(kbit(-1, -1, -1, -1))),
        ],
    );
    let Network { subscriber, nas, internet } = &shaped.network;
    subscriber.ip("-6 addr add fd00:9:0:100::2/64 dev up0 nodad");
    nas.ip("-6 route add fd00:9:0:100::/56 via fd00:9::2");
    internet.ip("-6 route add fd00:9:0:100::/56 via fd00:113::1");
    for device in ["lan0", "wan0"] {
        (2..=6).for_each(|subscriber| shaped.wait_for_class(device, subscriber));
    }
    let sources =
        ["10.9.0.2", "10.9.0.3", "10.9.0.4", "10.9.0.5", "10.9.0.6", "fd00:9::2", "fd00:9:0:100::2"];
    let subscribers = [2, 3, 4, 5, 6];
    for direction in [Direction::Up, Direction::Down] {
        let receiver = if direction == Direction::Up { internet } else { subscriber };
        let mut first_port = 5_201;
        settled(|| {
            let ports = first_port..first_port + 7;
            first_port += 7;
            let start =
                |(source, port): (&&str, u16)| flow(&shaped.network, source, port, direction, A_WHILE);
            let _flows: Vec<Flow> = sources.iter().zip(ports.clone()).map(start).collect();
            std::thread::sleep(WARM_UP);
            let (rates, parts) = Meter::new(nas, direction.device(), &subscribers, receiver, ports).measure();
            let of_each =
                [5e6, 20e6, 100e6, 20e6, 20e6].into_iter().enumerate().flat_map(|(index, speed)| {
                    let what = format!("{direction:?}, subscriber {}", subscribers[index]);
                    let rate = rates[index].against(speed);
                    let class = within(&format!("{what}, class"), rate, speed, 5.0);
                    [class, within(&format!("{what}, TCP"), rate * parts[index], speed, 8.0)]
                });
            of_each.flatten().collect()
        });
    }
    assert_eq!(classes(nas, "lan0").len(), 6, "one class for each who is shaped, and the one that lends");
    let free = flow(&shaped.network, "10.9.0.7", 5_300, Direction::Down, WINDOW).payload() * 8.0;
    assert!(free > 300e6, "not shaped at all: {free:.0}");
}

#[test]
fn a_speed_changes_under_a_running_flow_without_loss() {
    let plain = |mbit: i32| both_ways(kbit(mbit * 1_000, mbit * 1_000, 64, 64));
    let shaped = Shaped::new(|settings| settings, vec![at_speed("10.9.0.2/32", 2, plain(20))]);
    shaped.wait_for_class("wan0", 2);
    let flow = flow(&shaped.network, "10.9.0.2", 5_201, Direction::Up, Duration::from_secs(20));
    std::thread::sleep(WARM_UP);
    let mut meter = Meter::new(shaped.nas(), "wan0", &[2], &shaped.network.internet, 5_201..5_202);
    settled(|| within("before", meter.measure().0[0].against(20e6), 20e6, 5.0).into_iter().collect());
    let before = shaped.sent("wan0", 2);
    shaped.site.feed.put(vec![at_speed("10.9.0.2/32", 2, plain(50))], &[]);
    wait_until("the other speed", SOON, || classes(shaped.nas(), "wan0")[&class_of(2)].rate == 6_250_000);
    assert!(shaped.sent("wan0", 2) >= before, "the same class");
    settled(|| within("after", meter.measure().0[0].against(50e6), 50e6, 5.0).into_iter().collect());
    let (report, _) = flow.finish();
    let retransmits = |interval: &Value| interval["sum"]["retransmits"].as_u64().unwrap();
    let each: Vec<u64> = report["intervals"].as_array().unwrap().iter().map(retransmits).collect();
    println!("sent again in each fifth of a second: {each:?}");
    assert!(each.iter().skip(9).all(|count| *count <= RETRANSMITS_MAX), "{each:?}");
}

#[test]
fn roots_are_adopted_and_mended_and_a_foreign_one_is_waited_for() {
    let plain = both_ways(kbit(20_000, 20_000, 25, 25));
    let speeds = vec![at_speed("10.9.0.2/32", 2, plain), at_speed("10.9.0.3/32", 3, plain)];
    let mut shaped = Shaped::new(
        |settings| Settings { shape: vec!["lan0".into(), "dmz0".into()], ..settings },
        speeds.clone(),
    );
    let both = |device: &str| {
        wait_until(device, MENDED_WITHIN, || {
            let there = classes(shaped.nas(), device);
            there.contains_key(&class_of(2)) && there.contains_key(&class_of(3))
        })
    };
    shaped.wait_for_class("lan0", 3);
    both("wan0");

    for harm in [
        "tc qdisc del dev lan0 root",
        "tc class del dev lan0 classid 6867:12",
        "tc qdisc del dev lan0 root; tc qdisc add dev lan0 root handle 6867: htb default 12; true",
    ] {
        shaped.nas().must(harm);
        println!("{:?} after {harm}", both("lan0"));
    }
    shaped.nas().must("tc class change dev lan0 parent 6867:1 classid 6867:12 htb rate 9gbit");
    wait_until("the speed", MENDED_WITHIN, || classes(shaped.nas(), "lan0")["6867:12"].rate == 2_500_000);

    shaped.nas().must("tc qdisc replace dev wan0 root handle 7: pfifo limit 77");
    shaped.site.feed.put(vec![at_speed("10.9.0.4/32", 4, plain)], &[]);
    wait_until("the other device goes on", MENDED_WITHIN, || {
        classes(shaped.nas(), "lan0").contains_key("6867:14")
    });
    assert_eq!(qdiscs(shaped.nas(), "wan0")["7:"]["kind"], "pfifo", "left alone");
    shaped.nas().must("tc qdisc del dev wan0 root");
    both("wan0");

    // Away, and there again.
    let nas = &shaped.network.nas;
    nas.ip("link del lan0");
    nas.ip(&format!("link add lan0 type veth peer name up0 netns {}", shaped.network.subscriber.name));
    nas.ip("addr add 10.9.0.1/24 dev lan0");
    nas.ip("link set lan0 up");
    both("lan0");
    shaped
        .network
        .subscriber
        .must("ip addr add 10.9.0.2/24 dev up0; ip link set up0 up; ip route add default via 10.9.0.1");

    echo_udp(&shaped.network.internet, "203.0.113.2:7000");
    let answered = |shaped: &Shaped| echoes(&shaped.network.subscriber, "10.9.0.2:0", "203.0.113.2:7000");
    wait_until("an answer", SOON, || answered(&shaped));
    let sent = (shaped.sent("lan0", 2), shaped.sent("wan0", 2));
    assert!(sent.0 > 0 && sent.1 > 0, "{sent:?}");
    let before = (classes(nas, "lan0").len(), classes(nas, "wan0").len());
    shaped.enforcer.take().unwrap().stop().unwrap();
    shaped.site.feed.put(vec![at_speed("10.9.0.5/32", 5, plain)], &[]);
    shaped.start();
    shaped.wait_for_class("wan0", 5);
    let nas = &shaped.network.nas;
    assert_eq!((classes(nas, "lan0").len(), classes(nas, "wan0").len()), (before.0 + 1, before.1 + 1));
    assert!(answered(&shaped));
    assert!(shaped.sent("lan0", 2) > sent.0 && shaped.sent("wan0", 2) > sent.1, "the counters go on");

    shaped.site.feed.change(&[], &["10.9.0.5/32", "10.9.0.4/32"]);
    wait_until("nobody's classes are gone", SOON, || {
        ["lan0", "wan0"].iter().all(|device| classes(shaped.nas(), device).len() == 3)
    });
}

#[test]
fn a_class_is_made_where_the_address_is_routed_to_and_follows_it() {
    let plain = both_ways(kbit(20_000, 20_000, 25, 25));
    let shaped = Shaped::new(
        |settings| Settings {
            lan: vec!["lan*".into()],
            shape: vec!["lan1".into(), "lan0".into()],
            ..settings
        },
        vec![at_speed("10.9.0.2/32", 2, plain), at_speed("10.10.0.3/32", 3, plain)],
    );
    let here = |device: &str, subscriber: u32| {
        let listed = shaped.nas().shell(&format!("tc class show dev {device}"));
        String::from_utf8_lossy(&listed.stdout).contains(&format!("{} ", class_of(subscriber)))
    };
    wait_until("by its route", SOON, || here("lan0", 2));
    assert!(!here("lan0", 3), "no route: it belongs to the first device, which is not there yet");
    let nas = shaped.nas();
    nas.ip("link add lan1 type veth peer name lan1p");
    nas.ip("link set lan1 up");
    wait_until("the interface is there", SOON, || here("lan1", 3));
    assert!(here("lan0", 2) && !here("lan1", 2));
    nas.must("ip route add 10.9.0.2/32 dev lan1; ip addr add 10.11.0.1/24 dev lan1");
    wait_until("the route has changed", SOON, || here("lan1", 2) && !here("lan0", 2));
    assert!(here("lan1", 3));
}
