//! The whole way with a server as a process: configuration, both listeners, `events`, `why`, a SIGHUP.

use super::element;
use crate::management::failover::{Machine, SOON};
use crate::network::{Namespace, wait_until};
use std::fs;

const DOORS: &str = "[payments]\nlisten = [\"127.0.0.1:8081\"]\ntls-listen = [\"127.0.0.1:4433\"]\n";
const QIWI: &str = "[[payments.operator]]\ncode = \"qiwi\"\ndialect = \"osmp\"\nallow = \"127.0.0.1\"\n";
const PAY: &str = "osmp?command=pay&txn_id=7&txn_date=20260406142000&account=1&sum=20.00";

#[test]
fn an_operator_is_added_by_configuration_and_its_refused_calls_explain_themselves() {
    let nas = Namespace::new("pay");
    let directory = tempfile::tempdir().unwrap();
    let more = directory.path().join("one/conf.d/payments.toml");
    fs::create_dir_all(more.parent().unwrap()).unwrap();
    fs::write(&more, DOORS).unwrap();
    let server = Machine::server(&nas, directory.path(), "one", 8443);
    let curl = |words: &str| {
        let output = nas.shell(&format!("curl -s -S --noproxy '*' --max-time 10 {words}"));
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    let certificate = directory.path().join("one/tls-certificate.pem").display().to_string();
    assert_eq!(curl(&format!("'http://127.0.0.1:8081/{PAY}'")), "address 127.0.0.1 is not allowed\n");

    fs::write(&more, format!("{DOORS}{QIWI}")).unwrap();
    server.hang_up();
    wait_until("the configuration is read again", SOON, || {
        server.log().contains("the configuration was read again")
    });
    let first = curl(&format!("'http://127.0.0.1:8081/{PAY}'"));
    let again = curl(&format!("--cacert {certificate} 'https://localhost:4433/{PAY}'"));
    assert_eq!(
        (element(&first, "result"), element(&again, "result")),
        (Some("0"), Some("0")),
        "{first} {again}"
    );
    assert_eq!(element(&first, "prv_txn"), element(&again, "prv_txn"));
    assert!(server.run(&["payments", "--json"]).contains("\"pay_id_str\": \"7\""));

    let plain = curl("-i 'http://127.0.0.1:4433/osmp'");
    assert!(plain.starts_with("HTTP/1.1 400 ") && plain.contains("this port speaks TLS"), "{plain}");
    curl(&format!("'http://127.0.0.1:8081/{}'", PAY.replace("account=1", "account=none")));
    let events = server.run(&["events", "--payments"]);
    let lines: Vec<&str> = events.lines().collect();
    assert_eq!(lines.len(), 6, "{events}");
    assert!(lines[0].ends_with("nobody's from 127.0.0.1: GET /osmp: wrong-address, HTTP 403"), "{events}");
    assert!(lines[1].trim_start().starts_with("-> 127.0.0.1 is in no operator's `allow`"), "{events}");
    assert!(
        lines[2].ends_with("nobody's from 127.0.0.1: a connection: http-on-tls-port, HTTP 400"),
        "{events}"
    );
    assert!(
        lines[4].ends_with("qiwi from 127.0.0.1: pay 20.00 to none, id 7: other-account, result 300"),
        "{events}"
    );
    let json: serde_json::Value = serde_json::from_str(&server.run(&["events", "--json"])).unwrap();
    assert_eq!(json[2]["result"], "other-account");
    let why = server.run(&["why", "open"]);
    assert!(why.contains("payment-call qiwi at ") && why.contains(": repeat, result 0"), "{why}");

    // The door is announced to those who guard ports.
    let socket = directory.path().join("one/control.sock");
    let feed = curl(&format!("--unix-socket {} http://x/feed", socket.display()));
    for port in ["8081", "4433"] {
        let guard = format!("{{\"protocol\":\"tcp\",\"port\":{port},\"sources\":[\"127.0.0.1/32\"]}}");
        assert!(feed.contains(&guard), "{feed}");
    }
}
