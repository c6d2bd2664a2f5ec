//! Sessions on plans with usage prices: what a NAS is told, and what follows when the money is spent.

use super::fixture::{Options, System};
use super::logins::radclient;
use headgate::followers::coa;
use headgate::model::*;
use headgate::radius::codec::dictionary::*;
use headgate::radius::codec::*;
use std::sync::Arc;
use tokio::sync::watch;

/// Six an hour, with 5.00; two a MiB towards the subscriber, with 3.00; the same both ways.
const DATA: &str = r#"
[[plan]]
name = "hour"
fee = "0"
session-price = "6"
rate-in = 20000
rate-out = 20000
[[plan]]
name = "down"
fee = "0"
traffic-price-in = "2"
traffic-included-in = 4096
[[plan]]
name = "both"
fee = "0"
traffic-price-in = "2"
traffic-price-out = "2"
[[nas]]
name = "bras1"
address = "127.0.0.1"
secret = "testing123"
vendor = "mikrotik"
coa-port = 0
[[subscriber]]
login = "hourly"
password = "hello"
contract = "1001"
plan = "hour"
ip = "10.9.0.2"
balance = "5.00"
sessions-max = 0
[[subscriber]]
login = "down"
password = "hello"
contract = "1002"
plan = "down"
balance = "3.00"
[[subscriber]]
login = "both"
password = "hello"
contract = "1003"
plan = "both"
balance = "3.00"
[[subscriber]]
login = "empty"
password = "hello"
contract = "1004"
plan = "hour"
balance = "0"
"#;

fn login(system: &System, login: &str) -> String {
    radclient(system.auth(), "auth", &format!("User-Name = {login}, User-Password = hello"))
}

/// Carries what is on disk to the ledger.
fn replay(system: &mut System) {
    // Grants are written without anybody waiting for it.
    std::thread::sleep(std::time::Duration::from_millis(300));
    let entries = system.spooled.read(SpoolPosition::default(), 1_000).unwrap();
    let command = Command::Replay { edge: "edge1".into(), entries };
    system.operations.writer.replay_blocking(command).unwrap();
}

fn account(system: &System, kind: &str, seconds: u32) {
    let attributes = format!(
        "User-Name = hourly, Acct-Session-Id = \"1\", Acct-Status-Type = {kind}, Acct-Session-Time = {seconds}, \
         Framed-IP-Address = 10.9.0.2"
    );
    let answer = radclient(system.acct(), "acct", &attributes);
    assert!(answer.contains("Received Accounting-Response"), "{answer}");
}

#[test]
fn limits_are_what_the_whole_of_the_money_buys() {
    let system = System::with(Options { data: DATA.into(), ..Options::default() });
    // 5.00 at 6.00 an hour; then 1.50 of it is reserved.
    for expected in ["Session-Timeout = 3000\n", "Session-Timeout = 2100\n"] {
        let answer = login(&system, "hourly");
        assert!(answer.contains("Access-Accept") && answer.contains(expected), "{answer}");
        assert!(!answer.contains("mit-Limit") && !answer.contains("Total-Limit"), "{answer}");
    }
    // 4096 MiB and 1.5 more are 2^32 octets and 1572864.
    let answer = login(&system, "down");
    for expected in ["Mikrotik-Xmit-Limit = 1572864\n", "Mikrotik-Xmit-Limit-Gigawords = 1\n"] {
        assert!(answer.contains(expected), "{expected} is missing in {answer}");
    }
    assert!(!answer.contains("Session-Timeout"), "{answer}");
    let answer = login(&system, "both");
    assert!(answer.contains("Mikrotik-Total-Limit = 1572864\n"), "{answer}");
    let answer = login(&system, "empty");
    assert!(answer.contains("headgate-captive") && !answer.contains("Session-Timeout"), "{answer}");
}

#[test]
fn a_reservation_is_posted_and_a_session_whose_money_is_spent_is_redirected() {
    let socket = System::nas_socket("127.0.0.1");
    let port = socket.local_addr().unwrap().port();
    let data = DATA.replace("coa-port = 0", &format!("coa-port = {port}"));
    let mut system = System::with(Options { data, ..Options::default() });
    let (stop, stopping) = watch::channel(false);
    let orders = system.orders.take().unwrap();
    let settings = coa::Settings::default();
    system.runtime.spawn(coa::run(settings, Arc::clone(&system.operations), orders, stopping));

    assert!(login(&system, "hourly").contains("Session-Timeout = 3000\n"));
    replay(&mut system);
    let prepaid = system.operations.directory.read().login("hourly").unwrap().view.prepaid.unwrap();
    assert_eq!((prepaid.reservable, prepaid.held), ("3.50".parse().unwrap(), "1.50".parse().unwrap()));
    account(&system, "Start", 0);
    account(&system, "Interim-Update", 1500);
    replay(&mut system);
    assert_eq!(system.operations.who("1001").unwrap().balance, "2.50".parse().unwrap());
    account(&system, "Interim-Update", 3000);
    replay(&mut system);

    let mut octets = vec![0; 4096];
    let (length, _) = socket.recv_from(&mut octets).expect("a CoA");
    octets.truncate(length);
    let view = PacketView::parse(&octets).unwrap();
    assert_eq!(view.code(), Code::COA_REQUEST);
    let list = view.vendor_values(VENDOR_MIKROTIK, MIKROTIK_ADDRESS_LIST).next();
    assert_eq!(list, Some(&b"headgate-captive"[..]));
    let answer = login(&system, "hourly");
    assert!(answer.contains("headgate-captive") && !answer.contains("Session-Timeout"), "{answer}");
    stop.send(true).unwrap();
}
