//! What goes wrong between the enforcer and its kernel: killed in mid-batch, refused batches, interfaces that go and
//! come. Nobody who is blocked passes meanwhile.

use super::enforcer::{Enforcer, SOON, Site};
use super::mending::{Process, knock};
use super::table::entry;
use crate::network::{Namespace, Network, echo_udp, echoes, wait_until};
use headgate::model::{FeedEntry, Verdict};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const CROWD: u32 = 20_000;

/// So many subscribers, all in this standing.
fn crowd(verdict: Verdict) -> Vec<FeedEntry> {
    (0..CROWD).map(|n| entry(&format!("{}/32", Ipv4Addr::from(0x0b00_0000 + n)), verdict)).collect()
}

#[test]
fn an_enforcer_killed_in_the_midst_of_large_batches_leaves_whole_ones() {
    let network = Network::new();
    let nas = &network.nas;
    let site = Site::new(&[("10.9.0.2/32", Verdict::LetThrough), ("10.9.0.66/32", Verdict::Blocked)]);
    echo_udp(&network.internet, "203.0.113.2:7000");
    let first = Process::start(nas, &site);
    wait_until("the table", SOON, || nas.set("blocked4").is_some_and(|set| set.len() == 1));
    let done = AtomicBool::new(false);
    let (opened, lost, asked) = std::thread::scope(|scope| {
        let blocked = scope
            .spawn(|| network.subscriber.inside(|| knock("10.9.0.66:0", Duration::from_millis(20), &done)));
        let paid = scope.spawn(|| network.subscriber.inside(|| knock("10.9.0.2:0", SOON, &done)));
        let mut process = first;
        for round in 0..6u64 {
            let verdict = if round % 2 == 0 { Verdict::LetThrough } else { Verdict::Blocked };
            site.feed.put(crowd(verdict), &[]);
            std::thread::sleep(Duration::from_millis(40 * (round + 1)));
            process.kill();
            let count = |set: &str| nas.set(set).unwrap().len();
            let (down, up, shut) = (count("down4"), count("up4"), count("blocked4"));
            let crowd = usize::try_from(CROWD).unwrap();
            assert_eq!(down, up, "both directions or none");
            assert!(
                [(1, 1), (1 + crowd, 1), (1, 1 + crowd)].contains(&(down, shut)),
                "a batch is whole or not at all: {down} let through, {shut} blocked"
            );
            process = Process::start(nas, &site);
        }
        wait_until("the last state", Duration::from_secs(30), || {
            nas.set("blocked4").is_some_and(|set| set.len() > usize::try_from(CROWD).unwrap())
        });
        process.kill();
        done.store(true, Ordering::Relaxed);
        let (_, opened) = blocked.join().unwrap();
        let (asked, answered) = paid.join().unwrap();
        (opened, asked - answered, asked)
    });
    assert_eq!(opened, 0, "never open to the blocked");
    assert_eq!(lost, 0, "never shut to the one who paid, of {asked}");
    assert_eq!(nas.set("down4").unwrap(), ["10.9.0.2"]);
}

#[test]
fn a_batch_that_the_kernel_refuses_ends_in_the_wanted_state_all_the_same() {
    let nas = Namespace::new("nas");
    let site = Site::new(&[("10.9.0.2/32", Verdict::LetThrough)]);
    let _enforcer = Enforcer::start(&nas, site.settings.clone());
    wait_until("the table", SOON, || nas.set("down4").is_some_and(|set| set.len() == 1));
    for _ in 0..5 {
        // Overlaps what the feed brings next: whoever is first, the kernel refuses the second.
        nas.must("nft add element inet headgate blocked4_nets '{ 10.20.0.0/16 }'");
        site.feed.change(&[("10.20.7.0/24", Verdict::Blocked), ("10.9.0.3/32", Verdict::LetThrough)], &[]);
        wait_until("the wanted state", SOON, || {
            nas.set("blocked4_nets").is_some_and(|set| set == ["10.20.7.0/24"])
                && nas.set("down4").is_some_and(|set| set.len() == 2)
        });
        site.feed.change(&[], &["10.20.7.0/24", "10.9.0.3/32"]);
        wait_until("and back", SOON, || {
            nas.set("blocked4_nets").is_some_and(|set| set.is_empty())
                && nas.set("down4").is_some_and(|set| set.len() == 1)
        });
    }
}

#[test]
fn an_interface_that_vanishes_and_returns_is_guarded_as_before() {
    let network = Network::new();
    let Network { subscriber, nas, .. } = &network;
    let site = Site::new(&[("10.9.0.2/32", Verdict::LetThrough), ("10.9.0.66/32", Verdict::Blocked)]);
    echo_udp(&network.internet, "203.0.113.2:7000");
    let _enforcer = Enforcer::start(nas, site.settings.clone());
    wait_until("the table", SOON, || nas.set("blocked4").is_some_and(|set| set.len() == 1));
    for _ in 0..2 {
        assert!(echoes(subscriber, "10.9.0.2:0", "203.0.113.2:7000"));
        assert!(!echoes(subscriber, "10.9.0.66:0", "203.0.113.2:7000"));
        nas.ip("link del lan0");
        nas.ip(&format!("link add lan0 type veth peer name up0 netns {}", subscriber.name));
        nas.ip("addr add 10.9.0.1/24 dev lan0");
        nas.ip("link set lan0 up");
        for address in ["10.9.0.2/24", "10.9.0.66/24"] {
            subscriber.ip(&format!("addr add {address} dev up0"));
        }
        subscriber.ip("link set up0 up");
        subscriber.ip("route add default via 10.9.0.1");
    }
    assert!(echoes(subscriber, "10.9.0.2:0", "203.0.113.2:7000"));
    assert!(!echoes(subscriber, "10.9.0.66:0", "203.0.113.2:7000"));
}

/// systemd starts what brings interfaces up only after the enforcer has said that the saved state is in the kernel.
#[test]
fn the_unit_is_ready_before_any_interface_is_up() {
    let unit = include_str!("../../../systemd/headgate-enforce.service");
    let has = |key: &str, value: &str| {
        let mut values =
            unit.lines().filter_map(|line| line.strip_prefix(key)).flat_map(str::split_whitespace);
        values.any(|word| word == value)
    };
    assert!(has("Before=", "network-pre.target") && has("Wants=", "network-pre.target"));
    assert!(has("Type=", "notify") && has("DefaultDependencies=", "no"));
    assert!(has("RequiresMountsFor=", "/var/lib/headgate"));
}
