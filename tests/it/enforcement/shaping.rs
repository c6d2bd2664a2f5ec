//! Speeds of real flows: iperf3 between a subscriber and the internet, through a NAS that translates addresses.

use super::enforcer::{Enforcer, SOON, Site};
use super::shaping_classes::{classes, kbit, qdiscs};
use super::table::entry;
use crate::network::{Namespace, Network, echo_udp, echoes, wait_until};
use headgate::enforcement::Settings;
use headgate::model::{Bandwidth, FeedEntry, Shape, SubscriberId, Verdict};
use serde_json::Value;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const MENDED_WITHIN: Duration = Duration::from_secs(1);
/// TCP fills its queue, and what the buckets held is gone.
const WARM_UP: Duration = Duration::from_millis(800);
const MEASURED: Duration = Duration::from_millis(1_200);

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

    /// A flow of TCP that lasts this long; both ends run until it is over.
    fn flow(&self, from: &str, port: u16, direction: Direction, duration: Duration) -> Flow {
        let server = if from.contains(':') { "fd00:113::2" } else { "203.0.113.2" };
        let port = port.to_string();
        let listener = inside(
            &self.network.internet,
            &["iperf3", "-s", "-1", "-J", "-i", "0.2", "-B", server, "-p", &port],
        );
        let listens = format!("ss -Hltn sport = :{port} | grep -q .");
        wait_until("iperf3 listens", SOON, || self.network.internet.shell(&listens).status.success());
        let seconds = format!("{:.1}", duration.as_secs_f64());
        let mut words = vec!["iperf3", "-J", "-c", server, "-B", from, "-p", &port, "-t", &seconds];
        // What iperf3 counts is whole blocks.
        words.extend(["-i", "0.2", "-l", "8K"]);
        if direction == Direction::Down {
            words.push("-R");
        }
        let caller = inside(&self.network.subscriber, &words);
        let (sender, receiver) = match direction {
            Direction::Up => (caller, listener),
            Direction::Down => (listener, caller),
        };
        Flow { sender: Some(sender), receiver: Some(receiver) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

impl Direction {
    /// Where its classes are.
    fn device(self) -> &'static str {
        match self {
            Direction::Up => "wan0",
            Direction::Down => "lan0",
        }
    }
}

fn inside(namespace: &Namespace, words: &[&str]) -> Child {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", &namespace.name]).args(words);
    command.stdout(Stdio::piped()).stderr(Stdio::null()).stdin(Stdio::null()).spawn().unwrap()
}

struct Flow {
    sender: Option<Child>,
    receiver: Option<Child>,
}

impl Flow {
    /// Waits for the end; what the sender and the receiver say of each fifth of a second.
    fn finish(mut self) -> (Vec<Value>, Vec<Value>) {
        let intervals = |child: Option<Child>| -> Vec<Value> {
            let output = child.unwrap().wait_with_output().unwrap();
            let report: Value = serde_json::from_slice(&output.stdout).unwrap();
            let intervals = report["intervals"].as_array().unwrap_or_else(|| panic!("{report}"));
            intervals.iter().map(|interval| interval["sum"].clone()).collect()
        };
        (intervals(self.sender.take()), intervals(self.receiver.take()))
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        for child in [&mut self.sender, &mut self.receiver].into_iter().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What arrived, bits a second, once the flow was warm and before its queue was emptied.
fn goodput(flow: Flow) -> f64 {
    let (_, received) = flow.finish();
    let warm = |interval: &&Value| {
        let from = interval["start"].as_f64().unwrap();
        from >= WARM_UP.as_secs_f64() && from < (WARM_UP + MEASURED).as_secs_f64() - 0.1
    };
    let sum = |key: &str| received.iter().filter(warm).map(|i| i[key].as_f64().unwrap()).sum::<f64>();
    sum("bytes") * 8.0 / sum("seconds")
}

fn within(what: &str, measured: f64, wanted: f64, percent: f64) {
    println!("{what}: {:.2} of {:.2} Mbit/s", measured / 1e6, wanted / 1e6);
    let apart = (measured - wanted).abs() / wanted * 100.0;
    assert!(apart <= percent, "{what}: {measured:.0} is {apart:.1} % from {wanted:.0}");
}

/// Bits a second that classes of these subscribers send, from their counters.
fn class_rates(shaped: &Shaped, device: &str, subscribers: &[u32]) -> Vec<f64> {
    let look = || -> (Instant, Vec<u64>) {
        let there = classes(shaped.nas(), device);
        (Instant::now(), subscribers.iter().map(|s| there[&class_of(*s)].sent).collect())
    };
    let (began, before) = look();
    std::thread::sleep(MEASURED);
    let (ended, after) = look();
    let seconds = (ended - began).as_secs_f64();
    let octets = before.iter().zip(&after).map(|(before, after)| u32::try_from(after - before).unwrap());
    octets.map(|octets| f64::from(octets) * 8.0 / seconds).collect()
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
    let speeds = [5e6, 20e6, 100e6, 20e6, 20e6];
    for direction in [Direction::Up, Direction::Down] {
        let flow = |(source, port): (&&str, u16)| shaped.flow(source, port, direction, WARM_UP + MEASURED);
        let flows: Vec<Flow> = sources.iter().zip(5_201..).map(flow).collect();
        // Every class is busy, and what iperf3 leaves out is over.
        std::thread::sleep(WARM_UP);
        let rates = class_rates(&shaped, direction.device(), &[2, 3, 4, 5, 6]);
        let goodputs: Vec<f64> = flows.into_iter().map(goodput).collect();
        for (index, speed) in speeds.into_iter().enumerate() {
            let what = format!("{direction:?}, subscriber {}", index + 2);
            within(&format!("{what}, class"), rates[index], speed, 5.0);
            let arrived = if index == 4 { goodputs[4..].iter().sum() } else { goodputs[index] };
            within(&format!("{what}, TCP"), arrived, speed, 8.0);
        }
    }
    assert_eq!(classes(nas, "lan0").len(), 6, "one class for each who is shaped, and the one that lends");
    let free = goodput(shaped.flow("10.9.0.7", 5_300, Direction::Down, WARM_UP + MEASURED));
    assert!(free > 300e6, "not shaped at all: {free:.0}");
}

#[test]
fn a_speed_changes_under_a_running_flow_without_loss() {
    let plain = |mbit: i32| both_ways(kbit(mbit * 1_000, mbit * 1_000, 64, 64));
    let shaped = Shaped::new(|settings| settings, vec![at_speed("10.9.0.2/32", 2, plain(20))]);
    shaped.wait_for_class("wan0", 2);
    let flow = shaped.flow("10.9.0.2", 5_201, Direction::Up, Duration::from_millis(3_000));
    std::thread::sleep(WARM_UP);
    within("before", class_rates(&shaped, "wan0", &[2])[0], 20e6, 5.0);
    let dropped = || {
        let text = shaped.nas().must(&format!("tc -s class show dev wan0 classid {}", class_of(2)));
        let text = text.split("dropped ").nth(1).unwrap_or_else(|| panic!("{text}")).to_owned();
        text.split(',').next().unwrap().parse::<u32>().unwrap()
    };
    let before = (dropped(), shaped.sent("wan0", 2));
    shaped.site.feed.put(vec![at_speed("10.9.0.2/32", 2, plain(50))], &[]);
    wait_until("the other speed", SOON, || classes(shaped.nas(), "wan0")[&class_of(2)].rate == 6_250_000);
    assert!(dropped() <= before.0 + 1, "{} before, {} after", before.0, dropped());
    assert!(shaped.sent("wan0", 2) >= before.1, "the same class");
    std::thread::sleep(Duration::from_millis(200));
    within("after", class_rates(&shaped, "wan0", &[2])[0], 50e6, 5.0);
    let (sent, _) = flow.finish();
    let each: Vec<u64> = sent.iter().map(|interval| interval["retransmits"].as_u64().unwrap()).collect();
    println!("retransmits each fifth of a second: {each:?}");
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
        "tc qdisc del dev lan0 root; tc qdisc add dev lan0 root handle 6867: htb default 12",
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
