//! Logins over real sockets.

use super::fixture::System;
use headgate::cli::bench::{RadiusArgs, Report, radius};
use headgate::model::{SpoolEntry, SpoolPosition};
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

#[test]
fn radtest_logs_in_by_chap_and_mschap_and_is_refused_with_a_wrong_password() {
    let system = System::new();
    for (method, password, expected) in [
        ("pap", "hello", "Access-Accept"),
        ("chap", "hello", "Access-Accept"),
        ("mschap", "hello", "Access-Accept"),
        ("mschap", "wrong", "Access-Reject"),
    ] {
        let output = Command::new("radtest")
            .args(["-t", method, "ivanov", password, &system.auth().to_string(), "0", "testing123"])
            .output()
            .expect("radtest of the package freeradius-utils");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains(&format!("Received {expected}")), "{method} {password}: {text}");
        if method == "mschap" {
            let sign = if expected == "Access-Accept" { "MS-CHAP-MPPE-Keys" } else { "MS-CHAP-Error" };
            assert!(text.contains(sign), "{text}");
        }
    }
}

#[test]
fn hashed_passwords_serve_the_methods_they_can_and_why_says_which_they_cannot() {
    let system = System::new();
    let try_login = |attributes: &str| radclient(system.auth(), "auth", attributes);
    let why = |login: &str| {
        let inner = system.operations.directory.read();
        let recent = inner.login(login).unwrap().recent.lock();
        format!("{:?}", recent.login.as_ref().unwrap().result)
    };
    assert!(try_login("User-Name = nthash, User-Password = clientPass").contains("Access-Accept"));
    assert!(try_login("User-Name = nthash, User-Password = wrong").contains("Access-Reject"));
    assert!(try_login("User-Name = nthash, CHAP-Password = clientPass").contains("Access-Reject"));
    assert!(why("nthash").contains("clear-text"), "{}", why("nthash"));
    for _ in 0..2 {
        assert!(try_login("User-Name = crypted, User-Password = arctangent").contains("Access-Accept"));
        assert!(try_login("User-Name = crypted, User-Password = wrong").contains("Access-Reject"));
    }
    assert!(why("crypted").contains("wrong-password"), "{}", why("crypted"));
    assert!(try_login("User-Name = crypted, MS-CHAP-Password = arctangent").contains("Access-Reject"));
    assert!(why("crypted").contains("crypt hash"), "{}", why("crypted"));
}

#[test]
fn a_debtor_gets_the_captive_speed_and_a_blocked_one_a_reject() {
    let system = System::new();
    let debtor = radclient(system.auth(), "auth", "User-Name = debtor, User-Password = hello");
    for expected in ["Access-Accept", "\"1024k/1024k\"", "Mikrotik-Address-List = \"headgate-captive\""] {
        assert!(debtor.contains(expected), "{debtor}");
    }
    let blocked = radclient(system.auth(), "auth", "User-Name = blocked, User-Password = hello");
    assert!(blocked.contains("Access-Reject"), "{blocked}");
}

#[test]
fn pool_addresses_are_sticky_spooled_and_run_out() {
    let mut system = System::new();
    let login = |name: &str| {
        let answer = radclient(system.auth(), "auth", &format!("User-Name = {name}, User-Password = hello"));
        answer.lines().find_map(|line| line.trim().strip_prefix("Framed-IP-Address = ").map(str::to_owned))
    };
    let (first, second) = (login("pooled1"), login("pooled2"));
    assert!(first.is_some() && second.is_some() && first != second);
    assert_eq!(login("pooled1"), first);
    assert_eq!(login("pooled3"), None, "100.64.0.0/30 has two addresses");
    std::thread::sleep(std::time::Duration::from_millis(300));
    let entries = system.spooled.read(SpoolPosition::default(), 100).unwrap();
    assert_eq!(entries.len(), 3, "{entries:?}");
    assert!(entries.iter().all(|(_, entry)| matches!(entry, SpoolEntry::Grant(_))));
}

#[test]
fn eap_is_refused_with_an_eap_failure_and_why_says_so() {
    let system = System::new();
    let answer = radclient(
        system.auth(),
        "auth",
        "User-Name = ivanov, EAP-Message = 0x0201000b016976616e6f76, Message-Authenticator = 0x00",
    );
    assert!(answer.contains("Access-Reject") && answer.contains("EAP-Message = 0x04010004"), "{answer}");
    let inner = system.operations.directory.read();
    let recent = inner.login("ivanov").unwrap().recent.lock();
    assert!(format!("{:?}", recent.login).contains("EAP is not served"));
}
