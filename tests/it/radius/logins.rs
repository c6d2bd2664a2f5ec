//! Logins over real sockets.

use super::fixture::System;
use headgate::cli::bench::{RadiusArgs, Report, radius};
use std::io::Write;
use std::process::{Command, Stdio};

/// Runs the generator against a server's port.
pub fn bench(server: std::net::SocketAddr, words: &str) -> Report {
    let target = format!("--server={server}");
    let words = format!("--warmup 0 --seconds 20 --pad 0 --users 1 {words}");
    let words = std::iter::once(target.as_str()).chain(words.split_whitespace());
    radius(&RadiusArgs::from_words(words).unwrap()).unwrap()
}

/// Sends a request with FreeRADIUS's radclient; its whole output.
pub fn radclient(server: std::net::SocketAddr, command: &str, attributes: &str) -> String {
    let mut child = Command::new("radclient")
        .args(["-x", "-r", "1", "-t", "3", &server.to_string(), command, "testing123"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("radclient of the package freeradius-utils");
    child.stdin.take().unwrap().write_all(attributes.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
fn radclient_logs_in_by_pap_and_gets_everything_the_subscriber_is_to_have() {
    let system = System::new();
    let answer = radclient(
        system.auth(),
        "auth",
        "User-Name = ivanov, User-Password = hello, Message-Authenticator = 0x00, Proxy-State = 0x0102",
    );
    for expected in [
        "Received Access-Accept",
        "Message-Authenticator = 0x",
        "Framed-IP-Address = 10.9.0.2",
        "Acct-Interim-Interval = ",
        "Class = 0x686731",
        "Mikrotik-Rate-Limit = \"10000k/20000k\"",
        "Delegated-IPv6-Prefix = 2001:db8:1::/56",
        "Framed-IPv6-Address = 2001:db8::2",
        "Framed-Route = \"192.168.7.0/24 0.0.0.0 1\"",
        "Proxy-State = 0x0102",
    ] {
        assert!(answer.contains(expected), "{expected} is missing in {answer}");
    }
}

#[test]
fn the_generator_finds_no_fault_with_pap_chap_and_mschapv2() {
    let system = System::new();
    for mode in ["pap", "chap", "mschapv2"] {
        system.load("[[subscriber]]\nlogin = \"u0\"\npassword = \"p0\"\ncontract = \"9\"\nsessions-max = 0\nbalance = \"1.00\"");
        let report = bench(
            system.auth(),
            &format!(
                "--mode {mode} --count 4000 --require-msg-auth --sample 1 --wrong-percent 20 --unknown-percent 10 --dup-percent 20"
            ),
        );
        assert_eq!((report.faults(), report.replies, report.lost), (0, 4000, 0), "{report:?}");
        assert!(report.accept > 2000 && report.reject > 800, "{report:?}");
    }
    assert!(system.count("duplicate_requests") > 1000);
}
