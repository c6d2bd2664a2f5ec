//! The doors of one server as a process: the captive page over TLS, the feed without, and a SIGHUP.

use super::failover::{Machine, SOON};
use crate::network::{Namespace, wait_until};
use std::fs;
use std::os::unix::fs::PermissionsExt;

const TOKEN: &str = "-H 'Authorization: Bearer a-newer-token'";

#[test]
fn the_page_is_served_over_tls_the_feed_without_on_loopback_and_a_hangup_takes_token_and_certificate() {
    let nas = Namespace::new("nas");
    let directory = tempfile::tempdir().unwrap();
    let more = directory.path().join("one/conf.d/more.toml");
    fs::create_dir_all(more.parent().unwrap()).unwrap();
    let doors =
        "[cabinet]\ntls-listen = [\"0.0.0.0:9445\"]\n[management]\nplain-listen = [\"127.0.0.1:8444\"]\n";
    fs::write(&more, doors).unwrap();
    let server = Machine::server(&nas, directory.path(), "one", 8443);
    let certificate = directory.path().join("one/tls-certificate.pem");
    let key = directory.path().join("one/tls-key.pem");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let curl = |words: &str| {
        let certificate = certificate.display();
        let output =
            nas.shell(&format!("curl -s -S --noproxy '*' --max-time 10 --cacert {certificate} {words}"));
        [output.stdout, output.stderr].concat()
    };
    let curl = |words: &str| String::from_utf8_lossy(&curl(words)).into_owned();
    assert!(curl("https://localhost:9445/").starts_with("<!DOCTYPE html>"));
    assert!(curl(&format!("{TOKEN} http://127.0.0.1:8444/feed")).contains("the token is not one of"));

    let socket = directory.path().join("one/control.sock");
    let local = curl(&format!("-i --unix-socket {} 'http://x/feed?follower=box-7'", socket.display()));
    assert!(local.contains("\"cursor\"") && local.contains("ETag: \"w-"), "{local}");
    assert!(server.run(&["status"]).contains("box-7"), "on the control socket a follower says its name");

    // Another token and another certificate; connections to come have them, and only the doors need a restart.
    let old = fs::read(&certificate).unwrap();
    fs::remove_file(&certificate).unwrap();
    fs::remove_file(&key).unwrap();
    fs::write(
        &more,
        format!("{doors}[[management.feed-token]]\nname = \"nas1\"\ntoken = \"a-newer-token\"\n"),
    )
    .unwrap();
    server.hang_up();
    wait_until("the configuration is read again", SOON, || {
        server.log().contains("the configuration was read again")
    });
    assert_ne!(fs::read(&certificate).unwrap(), old);
    assert!(curl(&format!("{TOKEN} https://localhost:8443/feed")).contains("\"cursor\""));
    assert!(curl(&format!("{TOKEN} http://127.0.0.1:8444/feed")).contains("\"cursor\""));
    assert!(curl("https://localhost:9445/").starts_with("<!DOCTYPE html>"));

    let given = "tls-certificate = \"/nowhere/chain.pem\"\ntls-key = \"/nowhere/key.pem\"\n";
    let broken = Machine::new(&nas, directory.path(), "two", &format!("[management]\n{given}"));
    let output = broken.program(&["serve"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(said.contains("/nowhere/chain.pem: No such file"), "{said}");

    fs::write(&certificate, "nonsense").unwrap();
    server.hang_up();
    wait_until("it says so", SOON, || server.log().contains("the old TLS certificate stays"));
    fs::write(&certificate, old).unwrap();
    let said = curl(&format!("{TOKEN} https://localhost:8443/feed"));
    assert!(said.contains("certificate"), "the server shows the newer one: {said}");
}
