//! Classes: the speeds of the lists, only differences applied, and how long five thousand take.

use super::poller::{BUSYBOX, DASH, Poller};
use super::site::Site;
use crate::network::web;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::{Duration, Instant};

#[test]
fn classes_have_the_speeds_of_the_lists_and_packets_find_them_both_ways() {
    let site = Site::new();
    let nas = &site.network.nas;
    let poller = Poller::new(&site, DASH);
    poller.must(&["--once"]);
    let speeds = |device: &str| -> BTreeSet<String> {
        let shown = nas.must(&format!("tc class show dev {device}"));
        let leaves = shown.lines().filter(|line| line.contains("leaf"));
        leaves.map(|line| line.split_once("prio 0 ").unwrap().1.trim().to_owned()).collect()
    };
    // Debtors keep their speed for the walled garden; blocked and absent ones have no class.
    let wanted = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(
        speeds("lan0"),
        wanted(&[
            "rate 20Mbit ceil 50Mbit burst 256Kb cburst 128Kb",
            "rate 5Mbit ceil 5Mbit burst 16Kb cburst 16Kb"
        ])
    );
    assert_eq!(
        speeds("wan0"),
        wanted(&[
            "rate 10Mbit ceil 10Mbit burst 64Kb cburst 32Kb",
            "rate 5Mbit ceil 5Mbit burst 16Kb cburst 16Kb"
        ])
    );
    let classes = nas.must("tc class show dev lan0 | grep -c leaf");
    assert_eq!(classes.trim(), "3", "open, debtor and net-debtor; a subscriber's addresses share one");

    web(&site.network.internet, "203.0.113.2:80", "internet");
    site.network.subscriber.must("curl -s --noproxy '*' --interface 10.9.0.2 http://203.0.113.2/");
    site.network.subscriber.must("busybox ping -6 -c 1 -I fd00:9::2 fd00:113::2");
    for device in ["lan0", "wan0"] {
        let of_class =
            format!("tc -s class show dev {device} | awk '/rate [12]0Mbit/ {{ getline; print $4 }}'");
        let packets: u32 = nas.must(&of_class).trim().parse().unwrap();
        assert!(packets > 3, "{device}: {packets} packets in the class");
    }
}

#[test]
fn a_second_run_changes_nothing_and_a_new_speed_changes_one_class_under_its_own_number() {
    let site = Site::new();
    let nas = &site.network.nas;
    for shell in [DASH, BUSYBOX] {
        let poller = Poller::new(&site, shell);
        poller.must(&["--once"]);
        let before = poller.kernel();
        let monitor = nas.monitor("");
        poller.must(&["--once"]);
        assert_eq!(poller.kernel(), before, "{shell}");
        nas.must("nft add table ip sign");
        assert!(
            monitor.next_line().contains("add table ip sign"),
            "{shell}: nothing was sent to the kernel before"
        );
        nas.must("nft delete table ip sign");
    }
    let poller = Poller::new(&site, DASH);
    let before = poller.kernel();
    site.load("[[plan]]\nname = \"fast\"\nrate-in = 30000\nceil-in = 50000\nburst-in = 256\ncburst-in = 128\nrate-out = 10000\nburst-out = 64\ncburst-out = 32\n");
    poller.must(&["--once"]);
    assert_eq!(poller.kernel(), before.replace("rate 20Mbit", "rate 30Mbit"), "one rate, no number");
    // Neither rate nor ceiling: not shaped, and the class goes.
    site.load("[[plan]]\nname = \"fast\"\nrate-in = 0\nceil-in = 0\nrate-out = 0\nceil-out = 0\n");
    poller.must(&["--once"]);
    let after = poller.kernel();
    assert!(!after.contains("30Mbit") && after.contains("rate 5Mbit"), "{after}");
    assert!(!poller.has("class4", "10.9.0.2") && poller.has("allow4", "10.9.0.2"));
}

#[test]
fn a_class_keeps_its_number_when_the_table_is_lost() {
    let site = Site::new();
    let poller = Poller::new(&site, DASH);
    let subscriber = |n: u32| {
        format!(
            "[[subscriber]]\nlogin = \"m{n}\"\ncontract = \"m{n}\"\nplan = \"fast\"\nnas = \"bras1\"\naccess = \"static\"\nip = \"10.20.0.{n}\"\nbalance = \"10\"\n"
        )
    };
    poller.must(&["--once"]);
    // Numbers in another order than that in which they would be given out anew.
    site.block("open");
    poller.must(&["--once"]);
    site.load(&(1..9).map(subscriber).collect::<String>());
    poller.must(&["--once"]);
    site.unblock("open");
    poller.must(&["--once"]);
    let before = poller.kernel();
    site.network.nas.must("nft flush ruleset");
    poller.must(&["--once"]);
    assert_eq!(poller.kernel(), before);
}

const MANY: u32 = 5_000;

#[test]
fn five_thousand_subscribers_are_there_within_two_minutes_and_one_change_within_seconds() {
    let site = Site::new();
    let mut rows = String::new();
    for n in 0..MANY {
        let (high, low) = (n / 250, n % 250 + 1);
        let _ = write!(
            rows,
            "[[subscriber]]\nlogin = \"m{n}\"\ncontract = \"m{n}\"\nplan = \"fast\"\nnas = \"bras1\"\naccess = \"static\"\n\
             ip = \"10.20.{high}.{low}\"\nbalance = \"10\"\n"
        );
    }
    site.load(&rows);
    let poller = Poller::new(&site, DASH);
    let timed = |what: &str, most: u64| {
        let start = Instant::now();
        poller.must(&["--once"]);
        println!("{MANY} subscribers, {what}: {:?}", start.elapsed());
        assert!(start.elapsed() < Duration::from_secs(most), "{what}: {:?}", start.elapsed());
    };
    timed("first round", 120);
    let classes =
        site.network.nas.must("tc class show dev lan0 | grep -c leaf; tc class show dev wan0 | grep -c leaf");
    assert_eq!(classes, "5003\n5003\n");
    assert!(poller.has("allow4", "10.20.19.250") && poller.has("class4", "10.20.19.250"));
    timed("nothing to do", 10);
    site.block("m7");
    timed("one blocked", 10);
    assert!(poller.has("blocked4", "10.20.0.8"));
    site.network.nas.must("nft flush ruleset");
    timed("the table made anew", 20);
    assert!(poller.has("blocked4", "10.20.0.8"));
}
