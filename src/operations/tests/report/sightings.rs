//! IPoE: who is seen is logged in, who is silent is logged off.

use super::*;

const PETROVA: &str = "02:00:00:00:00:02";
const OTHER: &str = "02:00:00:00:00:99";

fn logged_in(centre: &Centre, address: &str, mac: &str) -> usize {
    centre.seen(address, mac).logged_in
}

#[test]
fn a_configured_address_that_is_seen_logs_its_subscriber_in_once() {
    let centre = Centre::new();
    assert_eq!(centre.feed(), ["10.9.0.9/32 office let-through"]);
    assert_eq!(logged_in(&centre, "10.9.0.2", OTHER), 1);
    let own =
        ["10.9.0.2/32", "10.9.0.3/32", "2001:db8:2::/48"].map(|net| format!("{net} ivanov let-through"));
    let feed = centre.feed();
    assert!(own.iter().all(|line| feed.contains(line)), "{feed:?}");
    for _ in 0..2 {
        assert_eq!(centre.seen("10.9.0.2", OTHER), ReportAnswer::default());
        assert_eq!(logged_in(&centre, "10.9.0.3", OTHER), 0, "configured, so it is in the feed already");
    }
    assert_eq!(centre.sessions(), ["ivanov 10.9.0.2 0 0"]);
    assert!(
        centre.evidence("ivanov", "session").contains("seen by enforcer nas1 with MAC 02:00:00:00:00:99")
    );
    let login = centre.evidence("ivanov", "last-login");
    assert!(
        login.contains("known by its address, from enforcer nas1 at") && login.ends_with("accepted"),
        "{login}"
    );
}

#[test]
fn an_address_within_the_delegated_prefix_logs_in() {
    let centre = Centre::new();
    assert_eq!(logged_in(&centre, "2001:db8:2:5::1", OTHER), 1);
    assert_eq!(centre.sessions(), ["ivanov 2001:db8:2::/48 0 0"]);
    assert_eq!(logged_in(&centre, "2001:db8:2:6::1", OTHER), 0);
}

#[test]
fn a_mac_brings_its_address_with_it_and_moves_to_another() {
    let centre = Centre::new();
    assert_eq!(logged_in(&centre, "100.64.0.7", PETROVA), 1);
    assert!(centre.feed().contains(&"100.64.0.7/32 petrova let-through".to_owned()));
    assert_eq!(logged_in(&centre, "100.64.0.8", PETROVA), 1, "another lease of the same device");
    assert_eq!(centre.sessions(), ["petrova 100.64.0.8 0 0"]);
    assert!(!centre.feed().iter().any(|line| line.starts_with("100.64.0.7")));
    assert_eq!(logged_in(&centre, "2001:db8:77::1", PETROVA), 1);
    let feed = centre.feed();
    for address in ["100.64.0.8/32", "2001:db8:77::1/128"] {
        assert!(feed.contains(&format!("{address} petrova let-through")), "{feed:?}");
    }
    assert_eq!(centre.office.operations.directory.read().open_session_count(), 1);
}

#[test]
fn both_addresses_of_a_device_in_one_report_are_one_session() {
    let centre = Centre::new();
    let addresses = ["100.64.0.7", "2001:db8:77::1", "2001:db8:77::2", "100.64.0.7"];
    let sightings = addresses.map(|address| sighting(address, PETROVA)).to_vec();
    assert_eq!(centre.report("nas1", &Report { sightings, ..boot("b1") }).logged_in, 3);
    assert_eq!(centre.office.operations.directory.read().open_session_count(), 1);
    let mine = centre.feed().iter().filter(|line| line.contains("petrova")).count();
    assert_eq!(mine, 3);
}

#[test]
fn the_oldest_of_many_ipv6_addresses_makes_room() {
    let centre = Centre::new();
    for n in 1..=9 {
        assert_eq!(logged_in(&centre, &format!("2001:db8:77::{n}"), PETROVA), 1);
    }
    let feed = centre.feed();
    assert_eq!(feed.iter().filter(|line| line.contains("petrova")).count(), 8);
    assert!(!feed.iter().any(|line| line.starts_with("2001:db8:77::1/")));
}

#[test]
fn a_circuit_logs_in_where_no_address_and_no_mac_is_known() {
    let centre = Centre::new();
    let seen = Sighting { circuit_id: "olt1/7".into(), ..sighting("10.9.7.7", OTHER) };
    assert_eq!(centre.report("nas1", &Report { sightings: vec![seen], ..boot("b1") }).logged_in, 1);
    assert_eq!(centre.sessions(), ["sidorov 10.9.7.7 0 0"]);
}

#[test]
fn who_is_nobody_is_remembered_for_the_help_desk() {
    let centre = Centre::new();
    let answer = centre.seen("10.9.0.66", OTHER);
    assert_eq!((answer.logged_in, answer.strangers), (0, 1));
    for who in ["10.9.0.66", OTHER, "0200.0000.0099"] {
        let evidence = centre.evidence(who, "last-login");
        assert!(evidence.contains("enforcer nas1") && evidence.ends_with("seen, but nobody's"), "{evidence}");
        let found = centre.office.operations.find(&[who.to_owned()]);
        let [row] = found.as_slice() else { panic!("{who}: {found:?}") };
        assert!(row.login.is_empty() && row.reason == "nobody" && row.name.contains(OTHER), "{row:?}");
    }
    assert!(centre.office.operations.find(&["10.9.0.67".to_owned()]).is_empty());
}

#[test]
fn a_flood_of_forged_sources_costs_a_bounded_table_and_logs_nobody_in() {
    let centre = Centre::new();
    for high in 0..30u8 {
        let sightings =
            (0..1000u32).map(|n| sighting(&format!("172.{high}.{}.{}", n / 250, n % 250), OTHER)).collect();
        assert_eq!(centre.report("nas1", &Report { sightings, ..boot("b1") }).strangers, 1000);
    }
    assert!(centre.office.operations.directory.sighted("172.29.3.249").is_some());
    assert!(centre.office.operations.directory.sighted("172.1.0.1").is_none());
    assert_eq!(centre.sessions(), [""; 0]);
}

#[test]
fn what_may_not_log_in_says_why() {
    let two = "[[subscriber]]\nlogin = \"ivanov2\"\ncontract = \"6\"\naccess = \"ipoe\"\nmac = \"02:00:00:00:00:06\"\n\
               [[subscriber]]\nlogin = \"ivanov3\"\ncontract = \"7\"\naccess = \"ipoe\"\nmac = \"02:00:00:00:00:06\"\n\
               [[subscriber]]\nlogin = \"fixed\"\ncontract = \"8\"\naccess = \"ipoe\"\nmac = \"02:00:00:00:00:08\"\n\
               ip = \"10.9.0.80\"";
    let centre = Centre::with(two);
    for (address, mac, token) in [
        ("10.9.0.50", OTHER, "not-ipoe"),
        ("10.9.0.51", "02:00:00:00:00:05", "not-ipoe"),
        ("10.9.0.52", PETROVA, "other-pool"),
        ("10.9.0.53", "02:00:00:00:00:06", "several"),
        ("10.9.0.54", "02:00:00:00:00:08", "other-address"),
        ("10.9.0.55", "", "nobody"),
    ] {
        let answer = centre.seen(address, mac);
        assert_eq!((answer.logged_in, answer.strangers), (0, 1), "{address}");
        let seen = centre.office.operations.directory.sighted(address).unwrap();
        assert!(
            matches!(seen.result, crate::directory::LoginResult::Rejected { token: t, .. } if t == token)
        );
    }
    for address in ["169.254.1.1", "fe80::1", "0.0.0.0", "255.255.255.255", "ff02::1", "224.0.0.1"] {
        assert_eq!(centre.seen(address, PETROVA), ReportAnswer::default(), "{address} is no source");
    }
}

#[test]
fn a_second_device_waits_for_the_first_one_to_go_unless_more_are_allowed() {
    let centre = Centre::new();
    let by_circuit = |address: &str, mac: &str| {
        let seen = Sighting { circuit_id: "olt1/7".into(), ..sighting(address, mac) };
        centre.report("nas1", &Report { sightings: vec![seen], ..boot("b1") }).logged_in
    };
    assert_eq!(by_circuit("10.9.7.7", OTHER), 1);
    assert_eq!(by_circuit("10.9.7.8", "02:00:00:00:00:98"), 0);
    assert!(centre.evidence("sidorov", "last-login").contains("allowed at once: 1"));
    assert_eq!(centre.silent(&["10.9.7.7/32"]), 1);
    assert_eq!(by_circuit("10.9.7.8", "02:00:00:00:00:98"), 1);
}

#[test]
fn the_enforcers_nas_is_where_the_session_is() {
    let centre = Centre::new();
    let at =
        |nas: &str| Report { nas: nas.parse().ok(), sightings: vec![sighting("10.9.0.2", "")], ..boot("b1") };
    assert_eq!(centre.report("nas9", &at("10.0.9.9")).strangers, 1, "no NAS, and not the subscriber's");
    assert_eq!(centre.report("nas2", &at("10.0.2.1")).logged_in, 1);
    let rows = centre.office.operations.sessions(None).unwrap();
    assert_eq!((rows[0].nas.as_str(), rows[0].nas_ip.as_str()), ("bras2", "10.0.2.1"));
    let feed = |nas: &str| {
        let request = FeedRequest { nas: nas.parse().ok(), ..FeedRequest::default() };
        let page = centre.runtime.block_on(centre.office.operations.feed(&request));
        page.entries.iter().any(|entry| entry.login == "ivanov")
    };
    assert!(feed("10.0.2.1") && !feed("10.0.0.1"));
}

#[test]
fn debtors_and_blocked_are_logged_in_too_as_the_captive_page_needs() {
    let centre = Centre::new();
    centre.office.charge("petrova", "1001");
    assert_eq!(logged_in(&centre, "100.64.0.7", PETROVA), 1);
    assert!(centre.feed().contains(&"100.64.0.7/32 petrova negbal".to_owned()));
    let sidorov = centre.id("sidorov");
    centre.office.run(Command::Block { subscriber: sidorov, reason: "шум".into() });
    let seen = Sighting { circuit_id: "olt1/7".into(), ..sighting("10.9.7.7", OTHER) };
    assert_eq!(centre.report("nas1", &Report { sightings: vec![seen], ..boot("b1") }).logged_in, 1);
    assert!(centre.feed().contains(&"10.9.7.7/32 sidorov blocked".to_owned()));
}

#[test]
fn silence_of_every_address_ends_the_session_and_the_next_packet_begins_another() {
    let centre = Centre::new();
    centre.seen("10.9.0.2", OTHER);
    assert_eq!(centre.silent(&["10.9.0.2/32"]), 0, "10.9.0.3 and the prefix are in use, as far as is known");
    assert_eq!(centre.silent(&["10.9.0.2/32", "10.9.0.3/32", "2001:db8:2::/48"]), 1);
    assert_eq!(centre.sessions(), [""; 0]);
    assert_eq!(centre.feed(), ["10.9.0.9/32 office let-through"]);
    assert_eq!(centre.silent(&["10.9.0.2/32", "10.9.0.3/32", "2001:db8:2::/48"]), 0);
    centre.office.later(Duration::from_secs(1));
    assert_eq!(logged_in(&centre, "10.9.0.3", OTHER), 1);
}

#[test]
fn an_enforcer_that_never_heard_a_subscriber_cannot_say_that_it_is_silent() {
    let centre = Centre::new();
    centre.seen("100.64.0.7", PETROVA);
    let silent = || Report { silent: vec!["100.64.0.7/32".parse().unwrap()], ..boot("b7") };
    assert_eq!(centre.report("nas2", &silent()).ended, 0);
    let counted = vec![centre.element("petrova", "100.64.0.7/32", 1, (10, 0))];
    centre.report("nas2", &Report { counted, ..boot("b7") });
    assert_eq!(centre.report("nas2", &silent()).ended, 1, "it took the subscriber over");
}

#[test]
fn kick_ends_a_session_here() {
    let centre = Centre::new();
    centre.seen("100.64.0.7", PETROVA);
    let answers =
        centre.runtime.block_on(centre.office.operations.order("petrova", NasOrderKind::Disconnect)).unwrap();
    assert!(answers[0].acknowledged);
    assert_eq!(centre.sessions(), [""; 0]);
}

#[test]
fn a_sighted_session_is_not_ended_for_want_of_interims() {
    let centre = Centre::new();
    centre.seen("100.64.0.7", PETROVA);
    centre.office.later(Duration::from_secs(120));
    centre.counted(&[centre.element("petrova", "100.64.0.7/32", 1, (1, 1))]);
    centre.office.later(Duration::from_secs(86_400));
    assert_eq!(centre.office.operations.end_silent_sessions(), 0);
}
