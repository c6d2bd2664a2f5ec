//! Bad answers, no answers, kills, foreign hands: what stands stays, and nothing of others is touched.

use super::poller::{BUSYBOX, DASH, Poller};
use super::site::{PASSWORD, Site};
use crate::network::{Namespace, wait_until};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(8);

/// Answers every request at `address` with these octets, and closes.
fn answering(namespace: &Namespace, address: &str, octets: Vec<u8>) {
    let listener = namespace.inside(|| TcpListener::bind(address).unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(&octets);
        }
    });
}

const LINE: &str = "10.9.0.66 stranger 0.0.0.0 - 1 0 0 0 0 0  0 0 0 127.0.0.1 0 0\n";

#[test]
fn an_answer_that_is_not_whole_changes_nothing() {
    let site = Site::new();
    let poller = Poller::new(&site, DASH);
    poller.must(&["--once"]);
    let before = poller.kernel();
    let saved = std::fs::read_to_string(site.path("state/lists")).unwrap();
    let ok = "HTTP/1.1 200 OK\r\nConnection: close\r\n";
    let cases = [
        ("nothing at all", String::new()),
        ("an empty body", format!("{ok}Content-Length: 0\r\n\r\n")),
        ("half of what was announced", format!("{ok}Content-Length: 9999\r\n\r\n# full e.1\n{LINE}")),
        ("a line that was cut off", format!("{ok}\r\n# full e.1\n{LINE}10.9.0.2 open 0.0")),
        ("a cut within the last number", format!("{ok}\r\n# full e.1\n{}", LINE.trim_end())),
        ("a cut at the end of a field", format!("{ok}\r\n# full e.1\n10.9.0.2 open\n")),
        ("a list without its heading", format!("{ok}\r\n{LINE}")),
        ("a page of somebody else", format!("{ok}\r\n<html>\n<p>Welcome\n</html>\n")),
        (
            "a status other than 200",
            "HTTP/1.1 503 Later\r\nContent-Length: 11\r\n\r\n# full e.1\n".to_owned(),
        ),
        ("a redirection", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:8082/\r\n\r\n".to_owned()),
        (
            "commands in a field",
            format!("{ok}\r\n# full e.1\n{}", LINE.replace("10.9.0.66", "1.2.3.4}\\;flush")),
        ),
        (
            "an address that is none",
            format!("{ok}\r\n# full e.1\n{}", LINE.replace("10.9.0.66", "10.9.0.256")),
        ),
        (
            "a speed that is none",
            format!("{ok}\r\n# full e.1\n{}", LINE.replace(" 0 0 0 127", " 0 fast 0 127")),
        ),
    ];
    for (number, (what, octets)) in cases.into_iter().enumerate() {
        let address = format!("127.0.0.1:{}", 9000 + number);
        answering(&site.network.nas, &address, octets.into_bytes());
        for client in ["curl", "wget"] {
            // GNU wget tries a connection that was closed in its face again and again.
            if client == "wget" && number == 0 {
                continue;
            }
            poller
                .configure(&format!("servers = http://{address}/system_api/\nipv6 = no\nclient = {client}"));
            let ran = poller.run(&["--once"]);
            assert_eq!(ran.status, Some(1), "{what} by {client}: {ran:?}");
            assert!(ran.said.contains("what stands stays"), "{what} by {client}: {}", ran.said);
        }
    }
    std::fs::write(site.path("psw"), "wrong\n").unwrap();
    poller.configure("");
    let refused = poller.run(&["--once"]);
    assert_eq!(refused.status, Some(1), "a refused password");
    assert!(refused.said.contains("403"), "{}", refused.said);
    assert_eq!(poller.kernel(), before);
    assert_eq!(std::fs::read_to_string(site.path("state/lists")).unwrap(), saved);
}

#[test]
fn with_the_server_dead_all_stands_and_the_saved_lists_come_back_after_a_reboot() {
    let mut site = Site::new();
    site.stop_server();
    let poller = Poller::new(&site, DASH);
    assert_eq!(poller.run(&["--saved"]).status, Some(1), "nothing was saved yet");
    let nothing_known = poller.run(&["--once"]);
    assert_eq!(nothing_known.status, Some(1));
    assert_eq!(site.network.nas.must("nft list ruleset"), "", "what nobody has said is not done");

    site.start_server();
    let poller = Poller::new(&site, DASH);
    poller.must(&["--once"]);
    let before = poller.kernel();
    site.stop_server();
    let poller = Poller::new(&site, DASH);
    assert_eq!(poller.run(&["--once"]).status, Some(1));
    assert_eq!(poller.kernel(), before);

    // A reboot: the kernel and /run are empty.
    site.network.nas.must("nft flush ruleset; tc qdisc del dev lan0 root; tc qdisc del dev wan0 root");
    std::fs::remove_dir_all(site.path("run")).unwrap();
    poller.must(&["--saved"]);
    for (set, address) in [
        ("allow4", "10.9.0.2"),
        ("captive4", "10.9.0.3"),
        ("blocked4", "10.9.0.5"),
        ("allow6_56", "fd00:9:0:100::"),
        ("walled4", "203.0.113.10"),
    ] {
        assert!(poller.has(set, address), "{address} in {set}");
    }
    assert!(site.network.nas.must("tc class show dev lan0").contains("rate 20Mbit ceil 50Mbit"));
    // With another NAS's name what was saved is somebody else's.
    std::fs::remove_dir_all(site.path("run")).unwrap();
    poller.configure("nas = 10.9.0.1");
    assert_eq!(poller.run(&["--saved"]).status, Some(1));
}

#[test]
fn a_second_server_is_asked_when_the_first_does_not_answer() {
    let site = Site::new();
    let poller = Poller::new(&site, DASH);
    poller.configure("servers = http://127.0.0.1:9/system_api/ http://127.0.0.1:8082/system_api/");
    poller.must(&["--once"]);
    assert!(poller.has("captive4", "10.9.0.3"));
}

#[test]
fn another_nas_address_in_the_configuration_means_other_lists() {
    let site = Site::new();
    let poller = Poller::new(&site, DASH);
    poller.must(&["--once"]);
    poller.configure("nas = 10.9.0.1");
    poller.must(&["--once"]);
    assert!(!poller.has("allow4", "10.9.0.2"), "nobody is on that NAS");
    poller.configure("");
    poller.must(&["--once"]);
    assert!(poller.has("allow4", "10.9.0.2"));
}

#[test]
fn a_name_of_the_walled_garden_is_looked_up_and_keeps_its_addresses_while_it_is_not_found() {
    let site = Site::new();
    let poller = Poller::new(&site, DASH);
    poller.configure("walled-garden = 203.0.113.0/25 2001:db8::/32 localhost nowhere.invalid");
    let ran = poller.must(&["--once"]);
    assert!(ran.said.contains("nowhere.invalid is not found"), "{}", ran.said);
    for (set, address) in [("walled4", "127.0.0.1"), ("walled4", "203.0.113.77"), ("walled6", "2001:db8:7::")]
    {
        assert!(poller.has(set, address), "{address}");
    }
    let programs = site.path("bin");
    std::fs::create_dir(&programs).unwrap();
    symlink("/bin/false", programs.join("getent")).unwrap();
    let ran = poller.run_with(&programs, &["--once"]);
    assert!(ran.said.contains("localhost is not found"), "{}", ran.said);
    assert!(poller.has("walled4", "127.0.0.1"));
    poller.configure("walled-garden = 203.0.113.10");
    poller.must(&["--once"]);
    assert!(!poller.has("walled4", "127.0.0.1") && poller.has("walled4", "203.0.113.10"));
}

#[test]
fn wget_of_gnu_and_of_busybox_do_as_curl_does() {
    let site = Site::new();
    let poller = Poller::new(&site, BUSYBOX);
    let programs = site.path("bin");
    std::fs::create_dir(&programs).unwrap();
    poller.configure("client = wget");
    poller.must(&["--once"]);
    let busybox = site.network.nas.must("command -v busybox");
    for program in ["wget", "awk", "sed", "sort", "cmp", "tail", "head", "date", "timeout", "nslookup"] {
        symlink(busybox.trim(), programs.join(program)).unwrap();
    }
    site.pay("3", "100");
    let ran = poller.run_with(&programs, &["--once"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(poller.has("allow4", "10.9.0.3"));
    let before = poller.kernel();
    site.network.nas.must("nft delete table inet headgate_poll");
    let ran = poller.run_with(&programs, &["--once"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert_eq!(poller.kernel(), before, "made anew, with the same classes");
}

#[test]
fn the_password_is_on_no_command_line_and_in_no_file_that_stays() {
    let site = Site::new();
    for client in ["curl", "wget"] {
        let poller = Poller::new(&site, DASH);
        poller.configure(&format!("client = {client}"));
        let request = site.path("run/request").display().to_string();
        let following = poller.follow();
        let mut polls = 0;
        wait_until("some polls seen", SOON, || {
            let lines = command_lines();
            for line in &lines {
                assert!(!line.contains(PASSWORD) && !line.contains("%63%26%6C"), "{line}");
            }
            polls += u32::from(lines.iter().any(|line| line.contains(client) && line.contains(&request)));
            polls > 20
        });
        assert_eq!(following.stop(), Some(0));
        assert!(!site.path("run/request").exists());
    }
}

fn command_lines() -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " ")).collect()
}

#[test]
fn two_at_once_are_one_and_a_killed_one_leaves_the_way_free() {
    let site = Site::new();
    let poller = Poller::new(&site, DASH);
    let first = poller.follow();
    wait_until("the first works", SOON, || site.path("state/lists").exists());
    let second = poller.run(&["--once"]);
    assert_eq!(second.status, Some(1));
    assert!(
        second.said.contains(&format!("another one runs already (process {})", first.id())),
        "{}",
        second.said
    );
    let killed = std::process::Command::new("kill").args(["-9", &first.id().to_string()]).status().unwrap();
    assert!(killed.success());
    drop(first);
    poller.must(&["--once"]);
}

#[test]
fn what_others_change_in_the_table_or_the_classes_is_put_right_and_other_tables_are_left_alone() {
    let site = Site::new();
    let poller = Poller::new(&site, DASH);
    let nas = &site.network.nas;
    nas.must("nft add table inet headgate; nft add table ip theirs");
    poller.must(&["--once"]);
    let right = poller.kernel();
    for change in [
        "nft delete table inet headgate_poll",
        "nft flush chain inet headgate_poll forward",
        "nft insert rule inet headgate_poll from_subscriber accept",
        "nft add element inet headgate_poll allow4 '{ 10.9.0.66 }'",
        "nft delete element inet headgate_poll captive4 '{ 10.9.0.3 }'",
        "nft flush map inet headgate_poll class4",
        "nft flush set inet headgate_poll walled4",
        "tc class change dev lan0 parent 6870:1 classid $(tc class show dev lan0 | awk '/20Mbit/ { print $3 }') htb rate 1mbit",
        "tc qdisc del dev wan0 root",
        "tc qdisc del dev lan0 root",
    ] {
        nas.must(change);
        assert_ne!(poller.kernel(), right, "{change}: has no effect");
        poller.must(&["--once"]);
        assert_eq!(poller.kernel(), right, "{change}");
    }
    assert_eq!(
        nas.must("nft list tables"),
        "table inet headgate\ntable ip theirs\ntable inet headgate_poll\n"
    );
}

#[test]
fn a_root_qdisc_of_somebody_else_is_left_alone_and_the_rest_works() {
    let site = Site::new();
    let poller = Poller::new(&site, DASH);
    let nas = &site.network.nas;
    nas.must("tc qdisc add dev lan0 root handle 1: htb default 0");
    let ran = poller.run(&["--once"]);
    assert_eq!(ran.status, Some(1), "somebody has to look at it");
    assert!(ran.said.contains("lan0 has a root qdisc of somebody else"), "{}", ran.said);
    assert!(nas.must("tc qdisc show dev lan0").starts_with("qdisc htb 1: root"));
    assert!(poller.has("captive4", "10.9.0.3"), "the table is as it should be");
    assert!(nas.must("tc class show dev wan0").contains("rate 10Mbit"), "and the other device too");
    assert_eq!(poller.run(&["--remove"]).status, Some(0));
    assert!(nas.must("tc qdisc show dev lan0").starts_with("qdisc htb 1: root"));
    assert_eq!(nas.must("nft list tables; tc qdisc show dev wan0"), "qdisc noqueue 0: root refcnt 2 \n");
    assert_eq!(std::fs::read_dir(site.path("run")).unwrap().count(), 0, "nothing is left");
}

#[test]
fn a_wrong_configuration_is_named_with_its_line() {
    let site = Site::new();
    let poller = Poller::new(&site, DASH);
    for (more, complaint) in [
        ("nonsense = 1", "unknown key nonsense"),
        ("lan", "expected key = value"),
        ("lan = eth0; reboot", "lan: a character"),
        ("lan =", "lan: expected the interfaces"),
        ("shape = ppp*", "names, not patterns"),
        ("shape = wan0", "wan0 cannot be in shape and wan at once"),
        ("captive = 10.9.0.1", "captive: expected an address with a port"),
        ("servers = ftp://10.0.0.1/", "does not begin with http"),
        ("nas = bras1", "nas: expected the address"),
        ("wait = 61", "at most 60"),
        ("password-file = /nowhere", "cannot be read"),
    ] {
        poller.configure(more);
        let ran = poller.run(&["--once"]);
        assert_eq!(ran.status, Some(78), "{more}: {ran:?}");
        assert!(ran.said.contains(complaint), "{more}: {}", ran.said);
    }
    poller.configure("");
    assert_eq!(poller.run(&["--twice"]).status, Some(2));
    let help = poller.run(&["--help"]);
    assert_eq!(help.status, Some(0));
    assert!(help.printed.starts_with("usage: nas-poll.sh"), "{help:?}");
    let start = Instant::now();
    let dry = poller.must(&["--dry-run"]);
    assert!(dry.printed.contains("nft: add element inet headgate_poll"), "{dry:?}");
    assert!(dry.printed.contains("tc: class replace dev lan0"), "{dry:?}");
    assert_eq!(site.network.nas.must("nft list ruleset"), "", "a dry run does nothing");
    assert!(start.elapsed() < SOON);
}
