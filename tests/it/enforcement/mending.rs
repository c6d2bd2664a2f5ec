//! What others do to the table is undone; a killed enforcer leaves no gap.

use super::enforcer::{Enforcer, Feed, SOON, Site};
use super::table::guard;
use crate::network::{Namespace, Network, echo_udp, echoes, fetch, wait_until, web};
use headgate::enforcement::{Settings, run};
use headgate::model::{PortProtocol, Verdict};
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const MENDED_WITHIN: Duration = Duration::from_secs(1);

/// The table as nft lists it, without the order of elements, which the kernel does not keep.
fn listed(namespace: &Namespace) -> String {
    let output = namespace.shell("nft -s list table inet headgate");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let mut words: Vec<&str> = line.split([' ', '\t', ',']).filter(|w| !w.is_empty()).collect();
        if line.contains("elements =") {
            words.sort_unstable();
        }
        lines.push(words.join(" "));
    }
    lines.join("\n")
}

#[test]
fn whatever_is_done_to_the_table_is_mended_within_a_second() {
    let network = Network::new();
    let mut site = Site::new(&[
        ("10.9.0.2/32", Verdict::Negbal),
        ("10.9.0.3/32", Verdict::LetThrough),
        ("10.9.4.0/24", Verdict::LetThrough),
        ("10.9.5.0/24", Verdict::LetThrough),
        ("fd00:9::/64", Verdict::Blocked),
    ]);
    site.feed.guard(vec![guard(PortProtocol::Tcp, 8082, &["10.0.0.0/8"])]);
    site.settings = Settings {
        captive: Some("10.9.0.1:8080".parse().unwrap()),
        protect_ports: true,
        ..site.settings.clone()
    };
    let nas = &network.nas;
    nas.must("nft add table ip operator; nft add chain ip operator own");
    let _enforcer = Enforcer::start(nas, site.settings.clone());
    wait_until("the table", SOON, || listed(nas).contains("10.9.4.0/24"));
    let whole = listed(nas);
    for harm in [
        "nft flush ruleset",
        "nft delete table inet headgate",
        "nft flush set inet headgate captive4",
        "nft flush map inet headgate down4_nets",
        "nft flush chain inet headgate from_subscriber",
        "nft flush table inet headgate",
        "nft insert rule inet headgate forward accept",
        "nft add element inet headgate down4 '{ 10.9.0.2 : 1:1, 10.9.0.66 : 0:0 }'",
        "nft delete element inet headgate captive4 '{ 10.9.0.2 }'",
        "nft add element inet headgate blocked4_nets '{ 10.0.0.0/8 }'",
        "nft add element inet headgate walled4 '{ 203.0.113.0-203.0.113.7 }'",
        "nft add table inet headgate '{ flags dormant; }'",
        "nft delete rule inet headgate forward handle \
         $(nft -a list chain inet headgate forward | sed -n 's/.*oifname.*handle //p')",
    ] {
        nas.must(harm);
        let took = wait_until(harm, MENDED_WITHIN, || listed(nas) == whole);
        println!("{took:?} after {harm}");
    }
    nas.must("nft add table ip operator");
    assert!(nas.must("nft list tables").contains("table ip operator"));
}

#[test]
fn a_flood_of_foreign_elements_is_taken_out_again() {
    let network = Network::new();
    let site = Site::new(&[("10.9.0.2/32", Verdict::Blocked)]);
    let nas = &network.nas;
    let _enforcer = Enforcer::start(nas, site.settings.clone());
    wait_until("the table", SOON, || nas.set("blocked4").is_some_and(|set| set.len() == 1));
    let file = site.directory.path().join("flood.nft");
    let addresses: Vec<String> =
        (0..60_000u32).map(|n| std::net::Ipv4Addr::from(0x0b00_0000 + n).to_string()).collect();
    std::fs::write(&file, format!("add element inet headgate captive4 {{ {} }}", addresses.join(", ")))
        .unwrap();
    nas.must(&format!("nft -f {}", file.display()));
    wait_until("all of them gone", SOON, || nas.set("captive4").is_some_and(|set| set.is_empty()));
    assert_eq!(nas.set("blocked4").unwrap(), ["10.9.0.2"]);
}

#[test]
fn an_element_that_others_take_out_just_before_the_feed_does_is_no_trouble() {
    let nas = Namespace::new("nas");
    let site = Site::new(&[("10.9.0.2/32", Verdict::Blocked)]);
    let _enforcer = Enforcer::start(&nas, site.settings.clone());
    wait_until("the table", SOON, || nas.set("blocked4").is_some_and(|set| set.len() == 1));
    for _ in 0..10 {
        // Whichever comes first: the feed's batch, or the reading back that the foreign change calls for.
        nas.must("nft delete element inet headgate blocked4 '{ 10.9.0.2 }'");
        site.feed.change(&[("10.9.0.2/32", Verdict::LetThrough)], &[]);
        wait_until("moved", SOON, || nas.set("down4").is_some_and(|set| set == ["10.9.0.2"]));
        assert_eq!(nas.set("blocked4").unwrap().len(), 0);
        site.feed.change(&[("10.9.0.2/32", Verdict::Blocked)], &[]);
        wait_until("moved back", SOON, || nas.set("blocked4").is_some_and(|set| set == ["10.9.0.2"]));
    }
}

/// Not a test of its own: the process that the next test starts and kills.
#[test]
fn an_enforcer_in_a_process_of_its_own() {
    let Ok(directory) = std::env::var("HEADGATE_TEST_ENFORCER") else { return };
    let settings = Settings {
        servers: vec![format!("unix:{directory}/control.sock")],
        lan: vec!["lan0".into()],
        state_dir: directory.into(),
        ..Settings::default()
    };
    run(&settings, &Arc::new(AtomicBool::new(false))).unwrap();
}

pub struct Process(Child);

impl Process {
    pub fn start(namespace: &Namespace, site: &Site) -> Process {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &namespace.name]).arg(std::env::current_exe().unwrap());
        command.args(["--exact", "enforcement::mending::an_enforcer_in_a_process_of_its_own"]);
        command.env("HEADGATE_TEST_ENFORCER", site.directory.path()).stdout(Stdio::null());
        Process(command.spawn().unwrap())
    }

    /// kill -9.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
        std::mem::forget(self);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Handle of the table: another one when it was made anew.
fn handle(namespace: &Namespace) -> String {
    let listed = namespace.must("nft -a list table inet headgate");
    listed.lines().next().unwrap().to_owned()
}

#[test]
fn a_killed_enforcer_leaves_the_gate_as_it_was_and_the_next_one_adopts_it() {
    let network = Network::new();
    let site = Site::new(&[("10.9.0.2/32", Verdict::LetThrough), ("10.9.0.66/32", Verdict::Blocked)]);
    let nas = &network.nas;
    echo_udp(&network.internet, "203.0.113.2:7000");
    let process = Process::start(nas, &site);
    wait_until("the table", SOON, || nas.set("blocked4").is_some_and(|set| set.len() == 1));
    let first = handle(nas);

    // One who is blocked knocks all the while; one who has paid is answered all the while.
    let done = AtomicBool::new(false);
    let (opened, lost, asked) = std::thread::scope(|scope| {
        let blocked = scope
            .spawn(|| network.subscriber.inside(|| knock("10.9.0.66:0", Duration::from_millis(20), &done)));
        let paid = scope.spawn(|| network.subscriber.inside(|| knock("10.9.0.2:0", SOON, &done)));
        std::thread::sleep(Duration::from_millis(200));
        process.kill();
        std::thread::sleep(Duration::from_millis(200));
        let process = Process::start(nas, &site);
        site.feed.change(&[("10.9.0.77/32", Verdict::Negbal)], &[]);
        wait_until("it follows again", SOON, || nas.set("captive4").is_some_and(|set| set == ["10.9.0.77"]));
        process.kill();
        done.store(true, Ordering::Relaxed);
        let (_, opened) = blocked.join().unwrap();
        let (asked, answered) = paid.join().unwrap();
        (opened, asked - answered, asked)
    });
    assert_eq!(opened, 0, "never open to the blocked");
    assert_eq!(lost, 0, "never shut to the one who paid, of {asked}");
    assert!(asked > 20);
    assert_eq!(handle(nas), first, "the same table: adopted, not made anew");
}

/// Sends a datagram every few milliseconds, each after the answer to the last or `patience`; how many, and how many
/// were answered.
pub fn knock(from: &str, patience: Duration, done: &AtomicBool) -> (u32, u32) {
    let socket = UdpSocket::bind(from).unwrap();
    socket.set_read_timeout(Some(patience)).unwrap();
    let (mut asked, mut answered) = (0, 0);
    while !done.load(Ordering::Relaxed) {
        // An earlier refusal is reported by the next send; what counts is an answer.
        if socket.send_to(b"?", "203.0.113.2:7000").is_ok() {
            asked += 1;
            answered += u32::from(socket.recv_from(&mut [0; 16]).is_ok());
        }
        std::thread::sleep(Duration::from_millis(3));
    }
    (asked, answered)
}

#[test]
fn a_state_saved_before_a_reboot_is_applied_with_no_server_in_reach() {
    let site = Site::new(&[("10.9.0.2/32", Verdict::LetThrough), ("10.9.0.66/32", Verdict::Blocked)]);
    let before = Network::new();
    let enforcer = Enforcer::start(&before.nas, site.settings.clone());
    wait_until("the table", SOON, || before.nas.set("down4").is_some_and(|set| set.len() == 1));
    enforcer.stop().unwrap();
    assert_eq!(before.nas.set("down4").unwrap(), ["10.9.0.2"], "the table stays behind");
    site.feed.stop();

    let after = Network::new();
    web(&after.internet, "203.0.113.2:80", "internet");
    let _enforcer = Enforcer::start(&after.nas, site.settings.clone());
    wait_until("the saved state", SOON, || after.nas.set("blocked4").is_some_and(|set| set == ["10.9.0.66"]));
    assert!(fetch(&after.subscriber, "10.9.0.2", "http://203.0.113.2/").is("internet"));
    after.nas.must("nft flush ruleset");
    wait_until("mended without a server too", MENDED_WITHIN, || {
        after.nas.set("down4").is_some_and(|set| set == ["10.9.0.2"])
    });
    assert!(!echoes(&after.subscriber, "10.9.0.66:0", "203.0.113.2:53"));

    let feed = Feed::start(&site.feed.path, "f", &[("10.9.0.2/32", Verdict::Blocked)]);
    wait_until("the server is back, with another epoch", SOON, || {
        after.nas.set("blocked4").is_some_and(|set| set == ["10.9.0.2"])
    });
    assert!(feed.asked()[0].contains("since=e.0"), "{:?}", feed.asked());
}

#[test]
fn a_table_made_anew_lets_nobody_through_and_shuts_nobody_out_meanwhile() {
    let network = Network::new();
    let mut site = Site::new(&[("10.9.0.2/32", Verdict::LetThrough), ("10.9.0.66/32", Verdict::Blocked)]);
    site.settings.protect_ports = true;
    let nas = &network.nas;
    echo_udp(&network.internet, "203.0.113.2:7000");
    let _enforcer = Enforcer::start(nas, site.settings.clone());
    wait_until("the table", SOON, || nas.set("blocked4").is_some_and(|set| set.len() == 1));
    let first = handle(nas);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let blocked = scope
            .spawn(|| network.subscriber.inside(|| knock("10.9.0.66:0", Duration::from_millis(20), &done)));
        let paid = scope.spawn(|| network.subscriber.inside(|| knock("10.9.0.2:0", SOON, &done)));
        for port in 9000..9020 {
            site.feed.guard(vec![guard(PortProtocol::Tcp, port, &["10.0.0.0/8"])]);
            wait_until("made anew", SOON, || nas.set(&format!("guard_tcp_{port}_4")).is_some());
        }
        done.store(true, Ordering::Relaxed);
        let (_, opened) = blocked.join().unwrap();
        let (asked, answered) = paid.join().unwrap();
        assert_eq!(opened, 0, "never open to the blocked");
        assert_eq!(asked, answered, "never shut to the one who paid");
    });
    assert_eq!(handle(nas), first, "within the table that was there");
}
