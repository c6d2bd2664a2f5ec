//! Following the feed: from where, from whom, and what is done while nobody answers.

use super::enforcer::{Enforcer, Feed, SOON, Site};
use crate::network::{Namespace, wait_until};
use headgate::enforcement::{EnforceError, Settings, run};
use headgate::model::Verdict;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[test]
fn after_a_restart_only_what_changed_is_asked_for() {
    let nas = Namespace::new("nas");
    let mut site = Site::new(&[("10.9.0.2/32", Verdict::LetThrough)]);
    site.settings.nas = Some("10.9.0.1".parse().unwrap());
    let enforcer = Enforcer::start(&nas, site.settings.clone());
    wait_until("the table", SOON, || nas.set("down4").is_some_and(|set| set.len() == 1));
    site.feed.change(&[("10.9.0.3/32", Verdict::LetThrough)], &[]);
    wait_until("one more", SOON, || nas.set("down4").is_some_and(|set| set.len() == 2));
    enforcer.stop().unwrap();

    site.feed.change(&[("10.9.0.2/32", Verdict::Blocked)], &["10.9.0.3/32"]);
    let _enforcer = Enforcer::start(&nas, site.settings.clone());
    wait_until("what was missed", SOON, || nas.set("blocked4").is_some_and(|set| set == ["10.9.0.2"]));
    assert_eq!(nas.set("down4").unwrap().len(), 0);
    let asked = site.feed.asked();
    assert_eq!(asked[0], "GET /feed?wait=25&nas=10.9.0.1 HTTP/1.1");
    assert!(asked[1..].iter().all(|line| line.contains("since=e.")), "{asked:?}");
    assert!(asked.iter().any(|line| line.contains("since=e.1&")), "{asked:?}");
}

#[test]
fn a_change_of_the_feed_is_in_the_kernel_at_once() {
    let nas = Namespace::new("nas");
    let site = Site::new(&[("10.9.0.2/32", Verdict::LetThrough)]);
    let _enforcer = Enforcer::start(&nas, site.settings.clone());
    wait_until("the table", SOON, || nas.set("down4").is_some_and(|set| set.len() == 1));
    let monitor = nas.monitor("elements");
    let mut times: Vec<Duration> = (0..20)
        .map(|n| {
            let verdict = if n % 2 == 0 { Verdict::Negbal } else { Verdict::LetThrough };
            let start = Instant::now();
            site.feed.change(&[("10.9.0.2/32", verdict)], &[]);
            monitor.wait_for(if n % 2 == 0 { "headgate captive4" } else { "headgate down4" });
            start.elapsed()
        })
        .collect();
    times.sort();
    println!("feed to kernel, heard by nft monitor: median {:?}, at most {:?}", times[10], times[19]);
    assert!(times[10] < Duration::from_millis(200), "{times:?}");
}

#[test]
fn another_server_takes_over_and_its_state_replaces_the_first_ones() {
    let nas = Namespace::new("nas");
    let mut site = Site::new(&[("10.9.0.2/32", Verdict::LetThrough), ("10.9.0.3/32", Verdict::LetThrough)]);
    let second = Feed::start(
        &site.directory.path().join("second.sock"),
        "second",
        &[("10.9.0.2/32", Verdict::Negbal)],
    );
    site.settings.servers.push(format!("unix:{}", second.path.display()));
    let _enforcer = Enforcer::start(&nas, site.settings.clone());
    wait_until("the first server's state", SOON, || nas.set("down4").is_some_and(|set| set.len() == 2));
    assert!(second.asked().is_empty());
    site.feed.stop();
    wait_until("the second server's state", SOON, || {
        nas.set("captive4").is_some_and(|set| set == ["10.9.0.2"])
    });
    assert_eq!(nas.set("down4").unwrap().len(), 0);
}

#[test]
fn with_no_server_and_nothing_saved_the_kernel_is_left_alone() {
    let nas = Namespace::new("nas");
    nas.must("nft add table inet headgate; nft add chain inet headgate old");
    let site = Site::new(&[]);
    site.feed.stop();
    let enforcer = Enforcer::start(&nas, site.settings.clone());
    std::thread::sleep(Duration::from_millis(500));
    assert!(nas.must("nft list table inet headgate").contains("chain old"));
    enforcer.stop().unwrap();
}

#[test]
fn without_a_subscriber_side_and_ports_an_old_table_is_removed_once_the_feed_is_known() {
    let nas = Namespace::new("nas");
    nas.must("nft add table inet headgate; nft add table inet other");
    let mut site = Site::new(&[("10.9.0.2/32", Verdict::Blocked)]);
    site.settings.lan.clear();
    let _enforcer = Enforcer::start(&nas, site.settings.clone());
    wait_until("it is gone", SOON, || !nas.must("nft list tables").contains("headgate"));
    assert!(nas.must("nft list tables").contains("other"));
}

#[test]
fn host_names_of_the_walled_garden_are_looked_up() {
    let nas = Namespace::new("nas");
    let mut site = Site::new(&[]);
    site.settings.walled_garden = vec!["localhost".parse().unwrap(), "198.51.100.0/24".parse().unwrap()];
    let _enforcer = Enforcer::start(&nas, site.settings.clone());
    wait_until("both", SOON, || {
        nas.set("walled4").is_some_and(|set| set == ["127.0.0.1", "198.51.100.0/24"])
    });
}

#[test]
fn a_feed_that_outgrows_the_sets_gets_larger_ones() {
    let nas = Namespace::new("nas");
    let site = Site::new(&[("10.9.0.2/32", Verdict::Blocked)]);
    let _enforcer = Enforcer::start(&nas, site.settings.clone());
    wait_until("the table", SOON, || nas.set("blocked4").is_some_and(|set| set.len() == 1));
    let addresses: Vec<String> =
        (0..66_000u32).map(|n| format!("{}/32", Ipv4Addr::from(0x0b00_0000 + n))).collect();
    let many: Vec<(&str, Verdict)> = addresses.iter().map(|a| (a.as_str(), Verdict::LetThrough)).collect();
    site.feed.change(&many, &[]);
    wait_until("all of them", Duration::from_secs(20), || {
        nas.set("down4").is_some_and(|set| set.len() == addresses.len())
    });
    assert_eq!(nas.set("blocked4").unwrap(), ["10.9.0.2"]);
    assert!(nas.must("nft list table inet headgate").contains("size 524288"));
}

#[test]
fn without_the_capability_it_says_so_and_ends() {
    let nas = Namespace::new("nas");
    let site = Site::new(&[]);
    let result = nas.inside(|| {
        drop_capabilities();
        run(&site.settings, &Arc::default())
    });
    assert!(matches!(result, Err(EnforceError::NotPermitted)), "{result:?}");
}

/// Takes every capability from the calling thread (capset(2), version 3).
fn drop_capabilities() {
    let header: [u32; 2] = [0x2008_0522, 0];
    let none = [0u32; 6];
    // SAFETY: both arrays have the layout that this version of the call reads.
    let result = unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), none.as_ptr()) };
    assert_eq!(result, 0, "capset: {}", std::io::Error::last_os_error());
}

#[test]
fn what_cannot_work_is_refused_before_anything_is_touched() {
    let refused = |settings: Settings| match run(&settings, &Arc::default()) {
        Err(EnforceError::Settings(text)) => text,
        other => panic!("{other:?}"),
    };
    let https = Settings { servers: vec!["https://billing:8443".into()], ..Settings::default() };
    assert!(refused(https).contains("https://billing:8443"));
    let captive = Settings { captive: Some("127.0.0.1:8080".parse().unwrap()), ..Settings::default() };
    assert!(refused(captive).contains("captive"));
}
