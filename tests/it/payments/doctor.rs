//! What is remembered of refused calls, and where it shows.

use super::{Server, settings};
use headgate::operations::{CheckResult, EventQuery};
use std::net::Ipv4Addr;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn why_ends_with_the_last_call_about_this_account() {
    let server = Server::start().await;
    let step = |who: &str| {
        let ladder = server.fixture.operations.why(who).unwrap();
        ladder.steps.into_iter().find(|step| step.check == "payment-call")
    };
    assert!(step("ivanov").is_none());
    server.get("/osmp?command=pay&txn_id=5&txn_date=20260406142000&account=1001&sum=20").await;
    let done = step("ivanov").unwrap();
    assert_eq!(done.result, CheckResult::Ok);
    assert_eq!(done.evidence, "qiwi at 2026-04-06 14:20:00: pay 20 to 1001, id 5: ok, result 0");
    server.fixture.clock.set(crate::fixture::NOW.saturating_add(Duration::from_secs(60)));
    server.get("/osmp?command=check&txn_id=6&account=ivanov&sum=1").await;
    let refused = step("1001").unwrap();
    assert_eq!(refused.result, CheckResult::Fail);
    assert_eq!(
        refused.evidence,
        "qiwi at 2026-04-06 14:21:00: check 1 to ivanov, id 6: sum-too-small, result 241"
    );
    assert_eq!(refused.action, "the sum is below `sum-min` of qiwi");
    // Whoever is looked for by a name that the payer mistyped.
    server.get("/osmp?command=check&txn_id=6&account=10011").await;
    let mistyped = step("10011").unwrap();
    assert!(mistyped.action.starts_with("no contract, login or address of this name"), "{mistyped:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_followed_as_they_come() {
    let server = Server::start().await;
    let operations = std::sync::Arc::clone(&server.fixture.operations);
    let waiting = tokio::spawn(async move {
        operations.events(&EventQuery { wait_seconds: 20, ..EventQuery::default() }).await
    });
    for _ in 0..3 {
        server.ask_from(Ipv4Addr::new(127, 0, 0, 9), b"GET /osmp HTTP/1.0\r\n\r\n").await;
    }
    assert_eq!(waiting.await.unwrap().len(), 1);
    let [event] = &server.events().await[..] else { panic!() };
    assert_eq!((event.times, event.number, event.source.as_str()), (3, 3, "127.0.0.9"));
    assert_eq!(event.asked, "GET /osmp");
    assert_eq!(
        event.text,
        "127.0.0.9 is not in `allow` of qiwi; add it there if the operator says that it is its own"
    );
    let counters = server.fixture.operations.status().counters;
    assert_eq!((counters["payment_calls"], counters["payment_calls_refused"]), (3, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_are_exchanged_while_the_door_is_open() {
    let server = Server::start().await;
    let check = "/osmp?command=check&txn_id=1&account=1001";
    assert_eq!(server.get(check).await.status, 200);
    server.door.reconfigure(settings(
        "[[payments.operator]]\ncode = \"other\"\ndialect = \"osmp\"\nallow = \"127.0.0.2\"\n",
    ));
    assert_eq!(server.get(check).await.status, 403);
}
