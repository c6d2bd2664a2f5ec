//! The table itself, read back by ourselves and by nft.

use crate::network::Namespace;
use headgate::enforcement::kernel::{Finding, Kernel};
use headgate::enforcement::lanes::Unshaped;
use headgate::enforcement::skeleton::{Layout, Skeleton};
use headgate::enforcement::wanted::{Scope, Wanted};
use headgate::model::{
    AccessMethod, FeedEntry, FeedPage, PortGuard, PortProtocol, Shape, SubscriberId, Verdict,
};
use std::time::{Duration, Instant};

pub fn entry(address: &str, verdict: Verdict) -> FeedEntry {
    FeedEntry {
        address: address.parse().unwrap(),
        verdict,
        subscriber: SubscriberId(1),
        login: "ivanov".into(),
        shape: Shape::default(),
        access: AccessMethod::Radius,
        snat: None,
    }
}

pub fn guard(protocol: PortProtocol, port: u16, sources: &[&str]) -> PortGuard {
    PortGuard { protocol, port, sources: sources.iter().map(|s| s.parse().unwrap()).collect() }
}

pub fn page(entries: Vec<FeedEntry>) -> FeedPage {
    let ports = vec![
        guard(PortProtocol::Udp, 1812, &["10.0.0.0/8", "10.255.0.0/16", "192.0.2.1/32", "192.0.2.2/32"]),
        guard(PortProtocol::Tcp, 8082, &["0.0.0.0/0", "::/0"]),
        guard(PortProtocol::Tcp, 8443, &[]),
    ];
    FeedPage { cursor: "e.1".into(), full: true, entries, gone: Vec::new(), ports }
}

fn wanted(entries: Vec<FeedEntry>) -> Wanted {
    let mut wanted = Wanted::new(Scope { filter: true, guard: true });
    wanted.take(&page(entries), &mut Unshaped).unwrap();
    wanted.take_walled(&["198.51.100.0/25".parse().unwrap(), "2001:db8:1::/48".parse().unwrap()]);
    wanted
}

pub fn skeleton(wanted: &Wanted, lan: &str) -> Skeleton {
    let interfaces = ["ppp*".parse().unwrap(), lan.parse().unwrap()];
    Skeleton::build(&Layout {
        interfaces: &interfaces,
        captive: Some("10.9.0.1:8080".parse().unwrap()),
        sightings: true,
        wanted,
    })
}

pub fn whole(kernel: &mut Kernel, skeleton: &Skeleton) -> headgate::enforcement::wanted::Sets {
    match kernel.inspect(skeleton).unwrap() {
        Finding::Whole(sets) => sets,
        other => panic!("{other:?}"),
    }
}

fn damage(kernel: &mut Kernel, skeleton: &Skeleton) -> String {
    match kernel.inspect(skeleton).unwrap() {
        Finding::Damaged(damage) => damage,
        other => panic!("{other:?}"),
    }
}

#[test]
fn nft_and_we_read_back_what_was_sent() {
    let namespace = Namespace::new("t");
    let mut wanted = wanted(vec![
        entry("10.9.0.2/32", Verdict::LetThrough),
        entry("10.9.0.3/32", Verdict::Negbal),
        entry("10.9.0.4/32", Verdict::Paused),
        entry("10.9.0.5/32", Verdict::Blocked),
        entry("10.10.0.0/24", Verdict::LetThrough),
        entry("10.10.1.0/24", Verdict::LetThrough),
        entry("10.10.0.128/25", Verdict::Blocked),
        entry("255.255.255.0/24", Verdict::Blocked),
        entry("2001:db8::7/128", Verdict::Blocked),
        entry("2001:db8:7::/56", Verdict::Negbal),
        entry("ffff:ffff::/32", Verdict::LetThrough),
    ]);
    let skeleton = skeleton(&wanted, "eth1");
    let mut kernel = namespace.inside(|| Kernel::open().unwrap());
    assert!(matches!(kernel.inspect(&skeleton).unwrap(), Finding::Absent));
    kernel.rebuild(&skeleton, wanted.sets()).unwrap();
    assert_eq!(&whole(&mut kernel, &skeleton), wanted.sets());

    for (set, expected) in [
        ("down4", vec!["10.9.0.2"]),
        ("up4", vec!["10.9.0.2"]),
        ("captive4", vec!["10.9.0.3", "10.9.0.4"]),
        ("blocked4", vec!["10.9.0.5"]),
        ("down4_nets", vec!["10.10.0.0/25", "10.10.1.0/24"]),
        ("blocked4_nets", vec!["10.10.0.128/25", "255.255.255.0/24"]),
        ("blocked6", vec!["2001:db8::7"]),
        ("captive6_nets", vec!["2001:db8:7::/56"]),
        ("up6_nets", vec!["ffff:ffff::/32"]),
        ("walled4", vec!["198.51.100.0/25"]),
        ("walled6", vec!["2001:db8:1::/48"]),
        ("guard_udp_1812_4", vec!["10.0.0.0/8", "192.0.2.1-192.0.2.2"]),
        ("guard_tcp_8082_4", vec!["0.0.0.0/0"]),
        ("guard_tcp_8082_6", vec!["::/0"]),
        ("guard_tcp_8443_4", vec![]),
    ] {
        assert_eq!(namespace.set(set).unwrap_or_else(|| panic!("no set {set}")), expected, "{set}");
    }
    let listed = namespace.must("nft list table inet headgate");
    for rule in [
        "iifname \"ppp*\" jump from_subscriber",
        "oifname \"eth1\" jump to_subscriber",
        "meta priority set ip saddr map @up4 return",
        "meta priority set ip6 daddr map @down6_nets return",
        "ip saddr @police_up4 drop",
        "ip saddr @captive4 goto from_captive",
        "ip6 daddr @blocked6_nets reject with icmpx admin-prohibited",
        "tcp dport 443 reject with tcp reset",
        "dnat ip to 10.9.0.1:8080",
        "udp dport 1812 ip saddr @guard_udp_1812_4 return",
        "type nat hook prerouting priority dstnat - 1; policy accept;",
        "type filter hook forward priority filter - 5; policy accept;",
    ] {
        assert!(listed.contains(rule), "{rule:?} is not in\n{listed}");
    }

    let delta = FeedPage {
        full: false,
        entries: vec![entry("10.9.0.2/32", Verdict::Blocked), entry("10.10.0.128/25", Verdict::LetThrough)],
        gone: vec!["2001:db8:7::/56".parse().unwrap()],
        ..page(Vec::new())
    };
    let change = wanted.take(&delta, &mut Unshaped).unwrap();
    assert!(!change.rebuild);
    kernel.apply(&change.plan).unwrap();
    assert_eq!(&whole(&mut kernel, &skeleton), wanted.sets());
    assert_eq!(namespace.set("blocked4").unwrap(), ["10.9.0.2", "10.9.0.5"]);
    kernel.apply(&change.plan).expect_err("what is gone cannot go again, and nothing of the batch is done");
    assert_eq!(&whole(&mut kernel, &skeleton), wanted.sets());

    kernel.remove().unwrap();
    assert!(!kernel.is_there().unwrap());
    kernel.remove().unwrap();
}

#[test]
fn every_kind_of_damage_to_the_skeleton_is_seen() {
    let namespace = Namespace::new("t");
    let wanted = wanted(vec![entry("10.9.0.2/32", Verdict::LetThrough)]);
    let skeleton = skeleton(&wanted, "eth1");
    let mut kernel = namespace.inside(|| Kernel::open().unwrap());
    namespace.must("nft add table ip other; nft add table inet other; nft add chain inet other forward");
    for (by, seen) in [
        ("nft flush chain inet headgate forward", "chain forward has 0 rules instead of 4"),
        (
            "nft insert rule inet headgate from_subscriber accept",
            "from_subscriber has 20 rules instead of 19",
        ),
        ("nft add chain inet headgate mine", "chain mine is not ours"),
        ("nft add set inet headgate mine '{ type ipv4_addr; }'", "set mine is not ours"),
        ("nft add chain inet headgate forward '{ policy drop; }'", "chain forward is hooked differently"),
        ("nft add table inet headgate '{ flags dormant; }'", "the table has flags 0x1"),
        (
            "nft replace rule inet headgate forward handle $(nft -a list chain inet headgate forward | \
             sed -n 's/.*eth1.*from.*handle //p') iifname eth9 jump from_subscriber",
            "rule 2 of chain forward is another",
        ),
    ] {
        kernel.rebuild(&skeleton, wanted.sets()).unwrap();
        whole(&mut kernel, &skeleton);
        namespace.must(by);
        let found = damage(&mut kernel, &skeleton);
        assert!(found.contains(seen), "{by}: {found}");
    }
    namespace.must("nft delete table inet headgate");
    assert!(matches!(kernel.inspect(&skeleton).unwrap(), Finding::Absent));
    assert!(namespace.must("nft list tables").contains("table inet other"));
}

#[test]
fn a_set_outgrown_is_noticed_and_the_table_made_with_larger_ones() {
    let namespace = Namespace::new("t");
    let mut wanted = wanted(Vec::new());
    let skeleton = skeleton(&wanted, "eth1");
    let mut kernel = namespace.inside(|| Kernel::open().unwrap());
    kernel.rebuild(&skeleton, wanted.sets()).unwrap();
    let host =
        |n: u32| entry(&format!("{}/32", std::net::Ipv4Addr::from(0x0a00_0000 + n)), Verdict::LetThrough);
    let change = wanted.take(&page((0..65_537).map(host).collect()), &mut Unshaped).unwrap();
    assert!(kernel.outgrown(wanted.sets()));
    kernel.apply(&change.plan).expect_err("the kernel keeps to the size");
    kernel.rebuild(&skeleton, wanted.sets()).unwrap();
    assert!(!kernel.outgrown(wanted.sets()));
    assert_eq!(&whole(&mut kernel, &skeleton), wanted.sets());
}

#[test]
fn one_element_goes_into_a_hundred_thousand_at_once() {
    let namespace = Namespace::new("t");
    let host =
        |n: u32| entry(&format!("{}/32", std::net::Ipv4Addr::from(0x0a00_0000 + n)), Verdict::LetThrough);
    let mut wanted = wanted((0..100_000).map(host).collect());
    let skeleton = skeleton(&wanted, "eth1");
    let mut kernel = namespace.inside(|| Kernel::open().unwrap());
    let start = Instant::now();
    kernel.rebuild(&skeleton, wanted.sets()).unwrap();
    let rebuild = start.elapsed();
    let start = Instant::now();
    whole(&mut kernel, &skeleton);
    let inspect = start.elapsed();
    let mut times: Vec<Duration> = (0..51)
        .map(|n| {
            let delta = FeedPage { full: false, entries: vec![host(200_000 + n)], ..page(Vec::new()) };
            let start = Instant::now();
            let change = wanted.take(&delta, &mut Unshaped).unwrap();
            kernel.apply(&change.plan).unwrap();
            start.elapsed()
        })
        .collect();
    times.sort();
    let (median, most) = (times[25], times[50]);
    println!(
        "100,000 elements: made in {rebuild:?}, read back in {inspect:?}; one more: {median:?}, at most {most:?}"
    );
    assert!(median < Duration::from_millis(10), "{median:?}");
}
