//! IPoE on real parts: a server and an enforcer as processes, a subscriber in a namespace that answers or is silent.

use super::seen::forge;
use crate::network::{Network, echo_udp, echoes, kill, wait_until};
use serde_json::Value;
use std::fs;
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const DATA: &str = r#"
[[plan]]
name = "metered"
traffic-price-in = "1"
traffic-price-out = "1"
[[subscriber]]
login = "ivanov"
contract = "1001"
plan = "metered"
access = "ipoe"
ip = "10.9.0.2"
balance = "1000"
[[subscriber]]
login = "petrova"
contract = "1002"
plan = "metered"
access = "ipoe"
mac = "02:00:00:00:00:66"
balance = "1000"
"#;
/// Tries times interval of the configuration below, and what a busy machine adds.
const SILENCE: Duration = Duration::from_secs(20);
const SECOND: Duration = Duration::from_secs(1);

struct Site {
    dir: TempDir,
    namespace: String,
    server: Option<Child>,
    enforcer: Option<Child>,
}

impl Site {
    fn start(network: &Network) -> Site {
        Site::with_sightings(network, false)
    }

    fn with_sightings(network: &Network, sightings: bool) -> Site {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_str().unwrap();
        let config = format!(
            "[server]\nstate-dir = \"{path}\"\ncontrol-socket = \"{path}/control.sock\"\n\
             [store]\nurl = \"sqlite:{path}/headgate.db\"\n\
             [radius]\nauth = []\nacct = []\n[system-api]\nlisten = []\n[cgrates]\ntcp = []\nhttp = []\n\
             [cabinet]\nlisten = []\n[management]\nlisten = []\n[metrics]\nlisten = []\n\
             [enforcement]\nservers = [\"unix:{path}/control.sock\"]\nlan = [\"lan0\"]\nprotect-ports = false\n\
             probe-interval-seconds = 1\nprobe-tries = 3\nsightings = {sightings}\n"
        );
        fs::write(dir.path().join("headgate.toml"), config).unwrap();
        fs::write(dir.path().join("data.toml"), DATA).unwrap();
        let mut site = Site { dir, namespace: network.nas.name.clone(), server: None, enforcer: None };
        let data = site.dir.path().join("data.toml");
        site.headgate(&["load", data.to_str().unwrap()]);
        site.start_server();
        site.start_enforcer();
        site
    }

    fn program(&self, words: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace, env!("CARGO_BIN_EXE_headgate")]);
        command.args(words).arg("--config").arg(self.dir.path().join("headgate.toml"));
        command
    }

    fn headgate(&self, words: &[&str]) -> String {
        let output = self.program(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn spawn(&self, word: &str) -> Child {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.dir.path().join(format!("{word}.log")));
        self.program(&[word]).stderr(log.unwrap()).stdout(Stdio::null()).spawn().unwrap()
    }

    fn start_server(&mut self) {
        self.server = Some(self.spawn("serve"));
        wait_until("the server answers", SECOND * 10, || {
            self.program(&["status", "--json"]).output().unwrap().status.success()
        });
    }

    fn start_enforcer(&mut self) {
        self.enforcer = Some(self.spawn("enforce"));
        wait_until("the enforcer's table stands", SECOND * 10, || {
            let list = ["netns", "exec", &self.namespace, "nft", "list", "table", "inet", "headgate"];
            Command::new("ip").args(list).output().unwrap().status.success()
        });
    }

    /// Posts a report to the control socket; the answer.
    fn report(&self, body: &str) -> Value {
        let socket = self.dir.path().join("control.sock");
        let output = Command::new("curl")
            .args(["-s", "--max-time", "5", "--unix-socket", socket.to_str().unwrap()])
            .args(["http://headgate/report", "-d", body])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON: {text}"))
    }

    /// This source is seen.
    fn seen(&self, address: &str, mac: &str) {
        let body = format!(r#"{{"boot":"b1","sightings":[{{"address":"{address}","mac":"{mac}"}}]}}"#);
        let answer = self.report(&body);
        assert_eq!(answer["logged_in"], 1, "{answer}");
    }

    fn sessions(&self) -> Vec<String> {
        let rows: Value = serde_json::from_str(&self.headgate(&["sessions", "--json"])).unwrap();
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| row["login"].as_str().unwrap().to_owned()).collect()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        kill(self.server.take());
        kill(self.enforcer.take());
        if std::thread::panicking() {
            for log in ["serve.log", "enforce.log"] {
                let text = fs::read_to_string(self.dir.path().join(log)).unwrap_or_default();
                eprintln!("--- {log}\n{text}");
            }
        }
    }
}

/// A datagram from the subscriber at 10.9.0.2 to the internet and back: 29 octets with its headers, each way.
fn passes(network: &Network) -> bool {
    echoes(&network.subscriber, "10.9.0.2:0", "203.0.113.2:7000")
}

#[test]
fn who_answers_stays_and_who_is_silent_is_logged_off_over_ipv4_and_ipv6() {
    let network = Network::new();
    echo_udp(&network.internet, "203.0.113.2:7000");
    let site = Site::start(&network);
    site.seen("10.9.0.2", "02:00:00:00:00:02");
    site.seen("10.9.0.66", "02:00:00:00:00:66");
    site.seen("fd00:9::2", "02:00:00:00:00:66");
    let took = wait_until("the subscriber passes", SECOND * 5, || passes(&network));
    println!("report to first packet passed: {took:?}");
    // Several times the silence that logs off, without a packet of the subscribers' own.
    std::thread::sleep(SECOND * 10);
    assert_eq!(site.sessions(), ["ivanov", "petrova"], "both answer when they are asked");

    network.subscriber.ip("addr del 10.9.0.66/24 dev up0");
    std::thread::sleep(SECOND * 10);
    assert_eq!(site.sessions(), ["ivanov", "petrova"], "the IPv6 address still answers");
    network.subscriber.ip("-6 addr del fd00:9::2/64 dev up0");
    let took = wait_until("petrova is logged off", SILENCE, || site.sessions() == ["ivanov"]);
    println!("silence to log-off, with 3 tries of 1 s: {took:?}");

    network.subscriber.ip("addr del 10.9.0.2/24 dev up0");
    wait_until("ivanov is logged off", SILENCE, || site.sessions().is_empty());
    wait_until("the kernel follows", SECOND * 5, || {
        !network.nas.must("nft list table inet headgate").contains("10.9.0.2")
    });
    network.subscriber.ip("addr add 10.9.0.2/24 dev up0");
    // It went with the last address.
    network.subscriber.ip("route replace default via 10.9.0.1");
    assert!(!passes(&network));
    site.seen("10.9.0.2", "02:00:00:00:00:02");
    wait_until("it passes again", SECOND * 5, || passes(&network));
}

#[test]
fn without_the_right_to_raw_packets_nobody_is_logged_off_and_the_log_says_so() {
    let network = Network::new();
    let mut site = Site::start(&network);
    kill(site.enforcer.take());
    let log = fs::File::create(site.dir.path().join("enforce.log")).unwrap();
    let enforcer = Command::new("ip")
        .args(["netns", "exec", &network.nas.name, "setpriv", "--bounding-set", "-net_raw"])
        .args([env!("CARGO_BIN_EXE_headgate"), "enforce", "--config"])
        .arg(site.dir.path().join("headgate.toml"))
        .stderr(log)
        .spawn()
        .unwrap();
    site.enforcer = Some(enforcer);
    site.seen("10.9.0.66", "02:00:00:00:00:66");
    wait_until("the enforcer complains", SECOND * 10, || {
        let log = fs::read_to_string(site.dir.path().join("enforce.log")).unwrap();
        log.contains("CAP_NET_RAW is needed")
    });
    network.subscriber.ip("addr del 10.9.0.66/24 dev up0");
    std::thread::sleep(SECOND * 8);
    assert_eq!(site.sessions(), ["petrova"]);
}

/// Datagrams of 1000 octets, 1028 with the headers of IP and UDP, all of which come back.
fn echo_octets(network: &Network, count: u64) -> u64 {
    network.subscriber.inside(|| {
        let socket = UdpSocket::bind("10.9.0.2:0").unwrap();
        socket.connect("203.0.113.2:7000").unwrap();
        socket.set_read_timeout(Some(SECOND * 5)).unwrap();
        for _ in 0..count {
            socket.send(&[0; 1000]).unwrap();
            assert_eq!(socket.recv(&mut [0; 2000]).unwrap(), 1000);
        }
    });
    count * 1028
}

#[test]
fn octets_are_exact_over_kills_of_enforcer_and_server() {
    let network = Network::new();
    echo_udp(&network.internet, "203.0.113.2:7000");
    let mut site = Site::start(&network);
    let in_kernel = || network.nas.must("nft list table inet headgate").contains("10.9.0.2");
    let octets = |site: &Site| {
        let rows: Value = serde_json::from_str(&site.headgate(&["sessions", "ivanov", "--json"])).unwrap();
        (rows[0]["octets_in"].as_u64().unwrap(), rows[0]["octets_out"].as_u64().unwrap())
    };
    let come = |site: &Site, what: &str, patience: Duration, sent: u64| {
        let mut last = (0, 0);
        let start = std::time::Instant::now();
        while last != (sent, sent) {
            assert!(start.elapsed() < patience, "{what}: {last:?} of {sent} each way after {patience:?}");
            std::thread::sleep(Duration::from_millis(20));
            last = octets(site);
        }
        start.elapsed()
    };
    site.seen("10.9.0.2", "02:00:00:00:00:02");
    wait_until("the kernel has the element", SECOND * 5, in_kernel);
    let mut sent = echo_octets(&network, 20);
    come(&site, "a reading", SECOND * 30, sent);

    kill(site.enforcer.take());
    sent += echo_octets(&network, 30);
    site.start_enforcer();
    come(&site, "the adopted element counts on", SECOND * 30, sent);

    kill(site.server.take());
    sent += echo_octets(&network, 40);
    std::thread::sleep(SECOND * 12);
    // What is read meanwhile is not answered; the enforcer dies with it.
    kill(site.enforcer.take());
    site.start_enforcer();
    site.start_server();
    sent += echo_octets(&network, 10);
    // The element goes with its last values, long before the next reading.
    site.headgate(&["block", "ivanov", "--reason", "noise"]);
    let took = come(&site, "the last values", SECOND * 5, sent);
    println!("block to last octets: {took:?}");

    site.headgate(&["unblock", "ivanov"]);
    wait_until("the kernel has another element", SECOND * 5, || passes(&network));
    kill(site.server.take());
    kill(site.enforcer.take());
    site.start_server();
    site.start_enforcer();
    sent += echo_octets(&network, 100);
    // With the one of the wait that passed; those that were refused before it are not counted.
    sent += 29;
    come(&site, "all of it", SECOND * 30, sent);
    let total = octets(&site);
    std::thread::sleep(SECOND * 12);
    assert_eq!(octets(&site), total, "nothing is counted twice");

    // 1.00 a MiB each way, half to even: 0.20 for 205,629 octets.
    let cents = (total.0 * 100 + (1 << 19)) / (1 << 20);
    wait_until("it is charged", SECOND * 5, || {
        let found: Value = serde_json::from_str(&site.headgate(&["find", "ivanov", "--json"])).unwrap();
        found[0]["balance"] == format!("{}.{:02}", 999 - (2 * cents - 1) / 100, (100 - 2 * cents % 100) % 100)
    });
}

#[test]
fn the_first_packet_logs_in_also_during_a_flood_of_forged_sources() {
    let network = Network::new();
    // A machine that checks sources against its routes drops forged ones before us.
    network.nas.must("for c in all default lan0; do echo 0 > /proc/sys/net/ipv4/conf/$c/rp_filter; done");
    echo_udp(&network.internet, "203.0.113.2:7000");
    let site = Site::with_sightings(&network, true);
    let took = wait_until("the first packets log in", SECOND * 10, || passes(&network));
    println!("first packet to first answer, a try each second: {took:?}");
    assert_eq!(site.sessions(), ["ivanov"]);
    site.headgate(&["kick", "ivanov"]);
    std::thread::scope(|scope| {
        let flood = scope.spawn(|| network.subscriber.inside(|| forge(20_000)));
        // The gate may still be open for the moment that the kick takes to come there.
        let again = || passes(&network) && site.sessions() == ["ivanov"];
        let took = wait_until("they do so again during a flood", SECOND * 60, again);
        println!("kick to first answer during a flood: {took:?}");
        flood.join().unwrap();
    });
    let why = site.headgate(&["why", "ivanov"]);
    assert!(why.contains("seen by enforcer local"), "{why}");
}
