//! Very many addresses: so many that they are not read back any more. `HEADGATE_TEST_ADDRESSES=1000000` tries a million.

use super::table::{entry, page, skeleton};
use crate::network::Namespace;
use headgate::enforcement::kernel::{Finding, Kernel};
use headgate::enforcement::lanes::Unshaped;
use headgate::enforcement::wanted::{Scope, Wanted};
use headgate::model::{FeedEntry, FeedPage, Verdict};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

const ADDRESSES: u32 = 300_000;
/// For each 100,000. Generous: this is not an optimized build, and the machine has other things to do.
const PATIENCE: Duration = Duration::from_secs(40);

fn host(n: u32, verdict: Verdict) -> FeedEntry {
    let address = Ipv4Addr::from(0x0a00_0000 + n);
    FeedEntry { address: std::net::IpAddr::V4(address).into(), ..entry("10.0.0.0/32", verdict) }
}

/// The most memory that this process has had, MiB. Other tests run in it too.
fn resident_most() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

#[test]
fn very_many_addresses_are_loaded_changed_and_filled_anew() {
    let asked = std::env::var("HEADGATE_TEST_ADDRESSES").ok();
    let addresses = asked.map_or(ADDRESSES, |text| text.parse().unwrap());
    let namespace = Namespace::new("t");
    let begin = Instant::now();
    let mut wanted = Wanted::new(Scope { filter: true, guard: false });
    wanted
        .take(&page((0..addresses).map(|n| host(n, Verdict::LetThrough)).collect()), &mut Unshaped)
        .unwrap();
    let taken = begin.elapsed();
    let skeleton = skeleton(&wanted, "lan0");
    let mut kernel = namespace.inside(|| Kernel::open().unwrap());
    let start = Instant::now();
    kernel.rebuild(&skeleton, wanted.sets()).unwrap();
    let loaded = start.elapsed();

    // One in a hundred has to pay.
    let debtors: Vec<FeedEntry> = (0..addresses).step_by(100).map(|n| host(n, Verdict::Negbal)).collect();
    let start = Instant::now();
    let plan =
        wanted.take(&FeedPage { full: false, entries: debtors, ..page(vec![]) }, &mut Unshaped).unwrap().plan;
    kernel.apply(&plan).unwrap();
    let churned = start.elapsed();
    let debtors = usize::try_from(addresses / 100).unwrap();
    assert_eq!(plan.sizes(), (2 * debtors, debtors));

    let start = Instant::now();
    kernel.rebuild(&skeleton, wanted.sets()).unwrap();
    let again = start.elapsed();
    assert!(matches!(kernel.inspect_skeleton(&skeleton).unwrap(), Finding::Whole(_)));
    assert_eq!(namespace.set("captive4").unwrap().len(), debtors);
    println!(
        "{addresses} addresses, both directions: page taken in {taken:?}, loaded in {loaded:?}, one in a hundred \
         changed in {churned:?}, filled anew in {again:?}; at most {} MiB",
        resident_most()
    );
    assert!(begin.elapsed() < PATIENCE * addresses.div_ceil(100_000), "{:?}", begin.elapsed());
}
