//! The main job, end to end, on real parts: a subscriber, a NAS with server and enforcer, and the internet in network
//! namespaces; logins by radclient, pages by curl, a running TCP flow, kills and flushes.

mod box_under_test;

use crate::network::{Network, fetch, wait_until, web};
pub use box_under_test::BoxUnderTest;
use box_under_test::Flow;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_subscriber_logs_in_runs_out_of_money_pays_is_blocked_and_all_of_it_survives_kills() {
    let network = Network::new();
    web(&network.internet, "203.0.113.80:80", "the internet");
    let mut under_test = BoxUnderTest::start(&network);

    // Not logged in: an unknown source is dropped, without an answer.
    assert!(!opens(&network), "the gate is open before the login");

    under_test.log_in();
    let took = wait_until("HTTP passes after the login", SECOND, || opens(&network));
    println!("login to first page: {took:?}");
    let flow = Flow::start(&network);
    flow.must_run("after the login");

    // Money runs out: the captive page, and the running flow stalls.
    under_test.headgate(&["charge", "ivanov", "500", "--text", "router"]);
    let took = wait_until("the captive page is shown", SECOND, || {
        page(&network).is_some_and(|page| page.contains("350.00"))
    });
    println!("charge to captive page: {took:?}");
    flow.must_stall("after the charge");
    under_test.nas_must_hear("CoA-Request", "after the charge");

    // A payment opens it again, with no new login.
    let answer = under_test.act_pay("400.00", "p1");
    assert_eq!(answer["balance"], "50.00", "{answer}");
    let took = wait_until("HTTP passes after the payment", SECOND, || opens(&network));
    println!("payment to first page: {took:?}");
    under_test.nas_must_hear("CoA-Request", "after the payment");
    let repeat = under_test.act_pay("400.00", "p1");
    assert_eq!(repeat["op_id"], answer["op_id"], "{repeat}");
    assert_eq!(under_test.balance(), "50.00");
    flow.must_run("after the payment");

    // A block cuts in mid-flow.
    under_test.headgate(&["block", "ivanov", "--reason", "abuse"]);
    wait_until("HTTP is refused after the block", SECOND, || !opens(&network));
    flow.must_stall("after the block");
    under_test.nas_must_hear("Disconnect-Request", "after the block");
    under_test.headgate(&["unblock", "ivanov"]);

    // The same state after either process was killed.
    under_test.log_in();
    wait_until("HTTP passes after the second login", SECOND, || opens(&network));
    let before = under_test.state(&network);
    under_test.kill_server();
    assert!(opens(&network), "the enforcer holds the last state with the server away");
    under_test.start_server();
    wait_until("the lists are as before the server was killed", SECOND * 5, || {
        under_test.state(&network) == before
    });
    assert!(opens(&network));
    under_test.kill_enforcer();
    assert!(opens(&network), "the kernel goes on without the enforcer");
    under_test.start_enforcer();
    wait_until("the sets are as before the enforcer was killed", SECOND * 5, || {
        under_test.state(&network) == before
    });
    under_test.headgate(&["charge", "ivanov", "500", "--text", "cable"]);
    wait_until("the restarted enforcer follows", SECOND, || !opens(&network));
    under_test.act_pay("1000.00", "p2");
    wait_until("and opens", SECOND, || opens(&network));

    // Somebody flushes everything.
    let before = under_test.state(&network);
    network.nas.must("nft flush ruleset");
    let took = wait_until("the flush is mended", SECOND * 2, || under_test.state(&network) == before);
    println!("flush to mended: {took:?}");
    assert!(opens(&network));
}

/// The page that the subscriber gets of a host on the internet.
fn page(network: &Network) -> Option<String> {
    match fetch(&network.subscriber, "10.9.0.2", "http://203.0.113.80/") {
        crate::network::Page::Shown(page) => Some(page),
        _ => None,
    }
}

fn opens(network: &Network) -> bool {
    page(network).as_deref() == Some("the internet")
}
