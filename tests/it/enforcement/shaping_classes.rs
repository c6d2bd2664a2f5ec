//! HTB classes as `tc` shows them: made, changed, mended, adopted and taken away.

use crate::network::Namespace;
use headgate::enforcement::shaping::assignment::{Slot, class_id};
use headgate::enforcement::shaping::shaper::{Done, Shaper, Standing};
use headgate::model::Bandwidth;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Classes made in the test of how long that takes.
const CLASSES_VARIABLE: &str = "HEADGATE_TEST_CLASSES";

pub fn kbit(rate: i32, ceil: i32, burst: i32, cburst: i32) -> Bandwidth {
    Bandwidth { rate, ceil, burst, cburst }
}

/// What `tc -j qdisc show` says of a device, by handle.
pub fn qdiscs(namespace: &Namespace, device: &str) -> BTreeMap<String, Value> {
    let text = namespace.must(&format!("tc -s -j qdisc show dev {device}"));
    let list: Vec<Value> = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
    list.into_iter().map(|item| (item["handle"].as_str().unwrap_or_default().to_owned(), item)).collect()
}

/// A class as `tc class show` writes it. Rates in octets a second, bursts and what was sent in octets.
#[derive(Debug)]
pub struct Class {
    pub parent: String,
    pub rate: u64,
    pub ceil: u64,
    pub burst: u64,
    pub cburst: u64,
    pub sent: u64,
}

/// What `tc -s class show` says of a device, by class id. (Its `-j` writes no JSON for HTB.)
pub fn classes(namespace: &Namespace, device: &str) -> BTreeMap<String, Class> {
    let text = namespace.must(&format!("tc -s class show dev {device}"));
    let mut classes = BTreeMap::new();
    for part in text.split("class htb ").skip(1) {
        let words: Vec<&str> = part.split_whitespace().collect();
        let after = |word: &str| words.iter().position(|w| *w == word).and_then(|at| words.get(at + 1));
        let number = |word: &str| amount(after(word).unwrap_or_else(|| panic!("{word}: {part}")));
        let class = Class {
            parent: after("parent").map_or("root", |parent| parent).to_owned(),
            rate: number("rate") / 8,
            ceil: number("ceil") / 8,
            burst: number("burst"),
            cburst: number("cburst"),
            sent: number("Sent"),
        };
        classes.insert(words[0].to_owned(), class);
    }
    classes
}

/// `5Mbit` is 5,000,000, `16Kb` 16,384, `7b` or `7` is 7.
fn amount(text: &str) -> u64 {
    let digits = text.trim_end_matches(|c: char| c.is_alphabetic());
    let kilo: u64 = if text.ends_with("bit") { 1_000 } else { 1_024 };
    let power = match text[digits.len()..].chars().next() {
        Some('K') => 1,
        Some('M') => 2,
        Some('G') => 3,
        _ => 0,
    };
    digits.parse::<u64>().unwrap_or_else(|e| panic!("{text}: {e}")) * kilo.pow(power)
}

/// Classes and visible qdiscs without what they count.
fn standing(namespace: &Namespace, device: &str) -> Vec<String> {
    let text = namespace.must(&format!("tc class show dev {device}; tc qdisc show dev {device}"));
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| match line.find("direct_packets_stat") {
            Some(at) => line[..at].to_owned(),
            None => line.trim_end().to_owned(),
        })
        .collect();
    lines.sort();
    lines
}

struct Site {
    namespace: Namespace,
    shaper: Shaper,
}

fn open(namespace: &Namespace, devices: &[&str]) -> Shaper {
    namespace.inside(|| Shaper::open(devices.iter().copied()).unwrap())
}

impl Site {
    fn new(devices: &[&str]) -> Site {
        let namespace = Namespace::new("tc");
        for device in devices {
            namespace.ip(&format!("link add {device} type veth peer name {device}p"));
            namespace.ip(&format!("link set {device} up"));
            namespace.ip(&format!("link set {device}p up"));
        }
        let shaper = open(&namespace, devices);
        Site { namespace, shaper }
    }

    fn want(&mut self, device: usize, classes: &[(u16, Option<Bandwidth>)]) {
        let changes = classes.iter().map(|(minor, bandwidth)| (Slot { device, minor: *minor }, *bandwidth));
        self.shaper.want(changes.collect());
    }

    fn mend(&mut self) -> Done {
        mend(&mut self.shaper)
    }
}

fn mend(shaper: &mut Shaper) -> Done {
    let mut done = shaper.look().unwrap();
    done.add(shaper.make(usize::MAX).unwrap());
    done.add(shaper.remove(usize::MAX).unwrap());
    done
}

#[test]
fn classes_and_leaves_are_as_tc_shows_them() {
    let mut site = Site::new(&["d0"]);
    site.want(
        0,
        &[
            (0x10, Some(kbit(5_000, 20_000, 16, 256))),
            (0x11, Some(kbit(100_000, 100_000, 125, 125))),
            (0xfffe, Some(kbit(40_000_000, 100_000_000, 65_536, 131_072))),
            (0x12, Some(kbit(64, 64, 16, 16))),
        ],
    );
    let done = site.mend();
    assert_eq!((done.roots, done.put, done.removed, done.refused), (1, 4, 0, 0));

    let classes_there = classes(&site.namespace, "d0");
    assert_eq!(classes_there.len(), 5, "{classes_there:?}");
    assert_eq!(classes_there["6867:1"].parent, "root");
    // Rates in octets a second, bursts in octets; tc counts bursts back from whole microseconds.
    for (id, rate, ceil, burst, cburst) in [
        ("6867:10", 625_000, 2_500_000, 16_384, 262_144),
        ("6867:11", 12_500_000, 12_500_000, 128_000, 128_000),
        ("6867:fffe", 5_000_000_000, 12_500_000_000, 67_108_864, 134_217_728),
        ("6867:12", 8_000, 8_000, 16_384, 16_384u64),
    ] {
        let class = &classes_there[id];
        assert_eq!((class.parent.as_str(), class.rate, class.ceil), ("6867:1", rate, ceil), "{id}");
        for (shown, wanted, rate) in [(class.burst, burst, rate), (class.cburst, cburst, ceil)] {
            assert!(shown.abs_diff(wanted) <= rate / 1_000_000 + 1, "{id}: {shown}, not {wanted}");
        }
    }
    let leaves = qdiscs(&site.namespace, "d0");
    assert_eq!(leaves["6867:"]["kind"], "htb");
    assert_eq!(leaves["6867:"]["options"]["default"], "0");
    for (handle, parent, limit) in
        [("10:", "6867:10", 250_000), ("12:", "6867:12", 131_072), ("fffe:", "6867:fffe", 4_194_304)]
    {
        let leaf = &leaves[handle];
        assert_eq!(leaf["parent"], parent, "{leaf}");
        match leaf["kind"].as_str() {
            Some("bfifo") => assert_eq!(leaf["options"]["limit"], limit, "{leaf}"),
            Some("fq_codel") => assert_eq!(leaf["options"]["memory_limit"], limit * 2, "{leaf}"),
            other => panic!("{other:?}: {leaf}"),
        }
    }

    site.want(0, &[(0x10, Some(kbit(50_000, 50_000, 64, 64))), (0x11, None)]);
    let made = site.shaper.make(usize::MAX).unwrap();
    assert_eq!((made.put, site.shaper.to_remove()), (1, 1));
    assert_eq!(classes(&site.namespace, "d0")["6867:10"].ceil, 6_250_000);
    assert_eq!(site.shaper.remove(usize::MAX).unwrap().removed, 1);
    assert!(!classes(&site.namespace, "d0").contains_key("6867:11"));
    assert!(site.mend().is_nothing(), "what was done is what is wanted");
}

#[test]
fn a_foreign_root_is_left_alone_and_the_other_device_shaped_until_it_is_gone() {
    let mut site = Site::new(&["d0", "d1"]);
    site.namespace.must(
        "tc qdisc add dev d0 root handle 1: htb; tc class add dev d0 parent 1: classid 1:5 htb rate 1mbit",
    );
    let theirs = standing(&site.namespace, "d0");
    for device in [0, 1] {
        site.want(device, &[(0x10, Some(kbit(5_000, 5_000, 16, 16)))]);
    }
    site.mend();
    assert_eq!(standing(&site.namespace, "d0"), theirs);
    assert!(classes(&site.namespace, "d1").contains_key("6867:10"));
    let standings: Vec<(&str, &Standing)> = site.shaper.standings().collect();
    assert_eq!(standings[0].1, &Standing::Foreign("root qdisc htb 1:".to_owned()));
    assert_eq!(standings[1].1, &Standing::Ours);
    assert_eq!(site.shaper.to_make(), 0, "nothing that could be done waits");

    site.namespace.must("tc qdisc del dev d0 root");
    assert_eq!(site.mend().put, 1);
    assert!(classes(&site.namespace, "d0").contains_key("6867:10"));
    // Of another kind with our handle: not ours either.
    site.namespace.must("tc qdisc del dev d1 root; tc qdisc add dev d1 root handle 6867: pfifo limit 7");
    site.mend();
    assert_eq!(qdiscs(&site.namespace, "d1")["6867:"]["kind"], "pfifo");
}

#[test]
fn whatever_is_done_to_classes_is_found_and_mended() {
    let mut site = Site::new(&["d0"]);
    let wanted: Vec<(u16, Option<Bandwidth>)> =
        (0x10..0x20).map(|minor| (minor, Some(kbit(5_000, 5_000, 16, 16)))).collect();
    site.want(0, &wanted);
    site.mend();
    let whole = standing(&site.namespace, "d0");
    assert_eq!(whole.len(), 1 + 1 + 16 + 16);
    for harm in [
        "tc qdisc del dev d0 root",
        "tc class change dev d0 parent 6867:1 classid 6867:11 htb rate 9mbit ceil 9mbit",
        "tc class change dev d0 parent 6867: classid 6867:1 htb rate 9mbit ceil 9mbit",
        "tc class del dev d0 classid 6867:12",
        "tc class add dev d0 parent 6867:1 classid 6867:99 htb rate 1mbit",
        "tc class add dev d0 parent 6867:13 classid 6867:98 htb rate 1mbit",
        "tc class del dev d0 classid 6867:14; tc class add dev d0 parent 6867: classid 6867:14 htb rate 5mbit",
        "tc qdisc del dev d0 parent 6867:15 handle 15:",
        "tc qdisc change dev d0 parent 6867:16 handle 16: bfifo limit 9999",
        "tc qdisc replace dev d0 parent 6867:17 handle 8017: pfifo limit 3",
        "tc qdisc del dev d0 parent 6867:18 handle 18:; \
         tc qdisc add dev d0 parent 6867:18 handle 18: pfifo limit 3",
        "tc qdisc del dev d0 root; tc qdisc add dev d0 root handle 6867: htb default 11",
    ] {
        site.namespace.must(harm);
        assert_ne!(standing(&site.namespace, "d0"), whole, "{harm}");
        site.mend();
        // What hung below one of ours had to go first.
        if site.mend().refused > 0 {
            site.mend();
        }
        assert_eq!(standing(&site.namespace, "d0"), whole, "{harm}");
        assert!(site.mend().is_nothing(), "{harm}");
    }
}

/// Sends a datagram of 1,000 octets out of `d0` in the class of this minor.
fn send_in_class(namespace: &Namespace, minor: u16) {
    let priority = class_id(minor);
    namespace.must(&format!(
        "python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); \
         s.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, {priority}); \
         s.sendto(bytes(1000), (\"10.7.0.2\", 9))'"
    ));
}

#[test]
fn the_next_shaper_adopts_what_the_last_one_made_and_the_counters_go_on() {
    let mut site = Site::new(&["d0"]);
    site.namespace.ip("addr add 10.7.0.1/24 dev d0");
    site.namespace.must("ip neigh add 10.7.0.2 lladdr 02:00:00:00:00:09 dev d0");
    let wanted: Vec<(u16, Option<Bandwidth>)> =
        (0x10..0x20).map(|minor| (minor, Some(kbit(5_000, 5_000, 16, 16)))).collect();
    site.want(0, &wanted);
    site.mend();
    send_in_class(&site.namespace, 0x12);
    let counted = site.shaper.statistics(0).unwrap().unwrap();
    assert_eq!(counted.len(), 16);
    assert_eq!((counted[&0x12].packets, counted[&0x12].octets), (1, 1_042));
    assert_eq!((counted[&0x13].packets, counted[&0x12].backlog_octets), (0, 0));
    assert_eq!(classes(&site.namespace, "d0")["6867:12"].sent, 1_042);

    site.shaper = open(&site.namespace, &["d0"]);
    site.want(0, &wanted);
    site.want(0, &[(0x12, Some(kbit(50_000, 50_000, 64, 64))), (0x13, None)]);
    let done = site.mend();
    assert_eq!((done.roots, done.put, done.removed, done.refused), (0, 1, 1, 0));
    send_in_class(&site.namespace, 0x12);
    assert_eq!(site.shaper.statistics(0).unwrap().unwrap()[&0x12].packets, 2, "the same class all the while");
}

#[test]
fn an_interface_that_vanishes_and_returns_gets_its_classes_again() {
    let mut site = Site::new(&["d0", "d1"]);
    for device in [0, 1] {
        site.want(device, &[(0x10, Some(kbit(5_000, 5_000, 16, 16)))]);
    }
    site.mend();
    site.namespace.ip("link del d0");
    // Found out by a change that meets no device, and by looking.
    site.want(0, &[(0x10, Some(kbit(6_000, 6_000, 16, 16)))]);
    site.want(1, &[(0x10, Some(kbit(6_000, 6_000, 16, 16)))]);
    site.shaper.make(usize::MAX).unwrap();
    assert_eq!(site.shaper.standings().next().unwrap().1, &Standing::Absent);
    assert_eq!(classes(&site.namespace, "d1")["6867:10"].rate, 750_000);
    assert!(site.mend().is_nothing());
    site.namespace.ip("link add d0 type veth peer name d0p");
    assert_eq!(site.mend().put, 1);
    assert_eq!(classes(&site.namespace, "d0")["6867:10"].rate, 750_000);
}

#[test]
fn a_route_says_on_which_device_an_address_is() {
    let mut site = Site::new(&["d0", "d1"]);
    site.namespace.ip("link add other type veth peer name otherp");
    site.namespace.ip("link set other up");
    site.namespace.ip("route add 10.7.0.0/24 dev d0");
    site.namespace.ip("route add 10.7.1.0/24 dev d1");
    site.namespace.ip("route add 10.7.2.0/24 dev other");
    site.namespace.ip("-6 route add fd00:7::/56 dev d1");
    site.mend();
    let mut device =
        |address: &str| site.shaper.device_of(address.parse().unwrap()).unwrap().map(str::to_owned);
    assert_eq!(device("10.7.0.9").as_deref(), Some("d0"));
    assert_eq!(device("10.7.1.9").as_deref(), Some("d1"));
    assert_eq!(device("fd00:7::9").as_deref(), Some("d1"));
    assert_eq!(device("10.7.2.9"), None);
    assert_eq!(device("10.8.0.1"), None, "no route at all");
}

#[test]
fn one_class_among_many_is_changed_at_once() {
    let count = std::env::var(CLASSES_VARIABLE).map_or(2_000, |text| text.parse::<u16>().unwrap());
    let mut site = Site::new(&["d0"]);
    let all: Vec<(u16, Option<Bandwidth>)> =
        (0..count).map(|n| (0x10 + n, Some(kbit(5_000, 5_000, 16, 16)))).collect();
    site.want(0, &all);
    let start = Instant::now();
    site.mend();
    let made = start.elapsed();
    let start = Instant::now();
    assert_eq!(site.shaper.statistics(0).unwrap().unwrap().len(), usize::from(count));
    let dumped = start.elapsed();
    let start = Instant::now();
    assert!(site.shaper.look().unwrap().is_nothing());
    let looked = start.elapsed();
    let mut change = |speed: i32, minor: u16| {
        site.want(0, &[(minor, Some(kbit(speed, speed, 16, 16)))]);
        let start = Instant::now();
        assert_eq!(site.shaper.make(1).unwrap().put, 1);
        start.elapsed()
    };
    let mut changes: Vec<Duration> = (0..101).map(|n| change(6_000 + i32::from(n), 0x10 + n)).collect();
    changes.sort();
    let one_more = change(5_000, 0x10 + count);
    let (median, most) = (changes[50], changes[100]);
    let all: Vec<(u16, Option<Bandwidth>)> = (0..=count).map(|n| (0x10 + n, None)).collect();
    site.want(0, &all);
    let start = Instant::now();
    assert_eq!(site.shaper.remove(usize::MAX).unwrap().removed, usize::from(count) + 1);
    println!(
        "{count} classes: made in {made:?}, statistics {dumped:?}, read back and compared {looked:?}; one changed \
         {median:?}, at most {most:?}; one more {one_more:?}; all removed {:?}",
        start.elapsed()
    );
    assert!(median < Duration::from_millis(1), "{median:?}");
}
