//! Every refusal with the exact answer.

use super::{Server, element};
use std::net::Ipv4Addr;

/// Operator's base request, what is changed in it, and the code.
#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_of_a_dialect_has_its_code_and_credits_nobody() {
    const OSMP: &str = "/osmp?command=pay&txn_id=5&txn_date=20260406142000&account=1001&sum=10.00";
    const SBER: &str =
        "/sber?ACTION=payment&ACCOUNT=1_1001&AMOUNT=10.00&PAY_ID=5&PAY_DATE=06.04.2026_14:19:58";
    let server = Server::start().await;
    let long = "1".repeat(21);
    for (base, from, to, result, word) in [
        (OSMP, "command=pay", "command=refund", "300", "unknown-command"),
        (OSMP, "command=pay&", "", "300", "unknown-command"),
        (OSMP, "command=pay", "command=cancel", "300", "unknown-command"),
        (OSMP, "account=1001", "account=", "4", "bad-account"),
        (OSMP, "account=1001", "account=%0d%0a", "4", "bad-account"),
        (OSMP, "account=1001", "account=10.9.0.77", "5", "unknown-account"),
        (OSMP, "account=1001", "account=%D0%BD%D0%B5%D1%82", "5", "unknown-account"),
        (OSMP, "txn_id=5", "txn_id=", "300", "bad-id"),
        (OSMP, "txn_id=5", "txn_id=5a", "300", "bad-id"),
        (OSMP, "txn_id=5", &format!("txn_id={long}"), "300", "bad-id"),
        (OSMP, "20260406142000", "", "300", "bad-date"),
        (OSMP, "20260406142000", "2026-04-06", "300", "bad-date"),
        (OSMP, "20260406142000", "20260231142000", "300", "bad-date"),
        (OSMP, "sum=10.00", "sum=", "300", "bad-sum"),
        (OSMP, "sum=10.00", "sum=ten", "300", "bad-sum"),
        (OSMP, "sum=10.00", "sum=10.001", "300", "bad-sum"),
        (OSMP, "sum=10.00", "sum=-10", "300", "bad-sum"),
        (OSMP, "sum=10.00", "sum=9999999999999999999999", "300", "bad-sum"),
        (OSMP, "sum=10.00", "sum=9.99", "241", "sum-too-small"),
        (OSMP, "sum=10.00", "sum=15000.01", "242", "sum-too-big"),
        (SBER, "ACTION=payment", "ACTION=pay", "2", "unknown-command"),
        (SBER, "1_1001", "1_9", "3", "unknown-account"),
        (SBER, "1_1001", "ivanov", "4", "bad-account"),
        (SBER, "PAY_ID=5", "PAY_ID=", "6", "bad-id"),
        (SBER, "AMOUNT=10.00", "AMOUNT=0", "9", "bad-sum"),
        (SBER, "AMOUNT=10.00", "AMOUNT=1000000.01", "11", "sum-too-big"),
        (SBER, "06.04.2026_14:19:58", "2026", "12", "bad-date"),
    ] {
        assert!(base.contains(from), "{from}");
        let target = base.replace(from, to);
        let answer = server.get(&target).await;
        assert_eq!(answer.status, 200, "{target}");
        let name = if base == OSMP { "result" } else { "CODE" };
        assert_eq!(element(&answer.body, name), Some(result), "{target}: {}", answer.body);
        assert!(
            answer.body.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?><response>"),
            "{}",
            answer.body
        );
        for done in ["prv_txn", "sum", "EXT_ID", "AMOUNT"] {
            assert_eq!(element(&answer.body, done), None, "{target}: {}", answer.body);
        }
        let event = server.events().await.pop().unwrap();
        assert_eq!(
            (event.result.as_str(), event.answer.as_str()),
            (word, format!("result {result}").as_str())
        );
        assert!(!event.text.is_empty(), "{event:?}");
    }
    // A check looks at the account and at the sum, if there is one.
    for (more, result) in [("", "0"), ("&sum=0.5", "241"), ("&sum=x", "300")] {
        let answer = server.get(&format!("/osmp?command=check&txn_id=0&account=1001{more}")).await;
        assert_eq!(element(&answer.body, "result"), Some(result), "{more}");
    }
    assert_eq!(server.fixture.balance("1001"), "150.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_call_it_is_not_has_one_line_and_a_status() {
    let server = Server::start().await;
    let basic = |text: &str| format!("Authorization: {text}\r\n");
    let ask = |from: [u8; 4], method: &str, target: &str, headers: String| {
        let octets = format!("{method} {target} HTTP/1.1\r\nHost: x\r\n{headers}\r\n").into_bytes();
        let server = &server;
        async move { server.ask_from(Ipv4Addr::from(from), &octets).await }
    };
    let here = [127, 0, 0, 1];
    for (from, method, target, headers, status, text, token) in [
        (
            [127, 0, 0, 9],
            "GET",
            "/osmp",
            String::new(),
            403,
            "address 127.0.0.9 is not allowed\n",
            "wrong-address",
        ),
        (
            [127, 0, 0, 9],
            "GET",
            "/",
            String::new(),
            403,
            "address 127.0.0.9 is not allowed\n",
            "wrong-address",
        ),
        (
            [127, 0, 0, 2],
            "GET",
            "/osmp",
            String::new(),
            403,
            "address 127.0.0.2 is not allowed\n",
            "wrong-address",
        ),
        (here, "GET", "/osmp.ph", String::new(), 404, "there is no such path\n", "wrong-path"),
        (here, "GET", "/hook/qiwi", String::new(), 404, "there is no such path\n", "wrong-path"),
        (
            here,
            "DELETE",
            "/osmp",
            String::new(),
            405,
            "expected one of the methods GET, POST\n",
            "wrong-method",
        ),
        (here, "HEAD", "/osmp", String::new(), 405, "", "wrong-method"),
        (
            here,
            "GET",
            "/osmp/cyber",
            String::new(),
            401,
            "user and password are needed (HTTP Basic)\n",
            "no-password",
        ),
        (
            here,
            "GET",
            "/osmp/cyber",
            basic("Bearer x"),
            401,
            "user and password are needed (HTTP Basic)\n",
            "no-password",
        ),
        (
            here,
            "GET",
            "/osmp/cyber",
            basic("Basic Y3liZXI6dGhpcmQ="),
            401,
            "user and password are needed (HTTP Basic)\n",
            "wrong-password",
        ),
    ] {
        let answer = ask(from, method, target, headers).await;
        assert_eq!((answer.status, answer.body.as_str()), (status, text), "{method} {target}");
        assert_eq!(answer.header("www-authenticate").is_some(), status == 401);
        let event = server.events().await.pop().unwrap();
        assert_eq!(
            (event.result.as_str(), event.answer.clone()),
            (token, format!("HTTP {status}")),
            "{target}"
        );
        assert!(!event.text.contains("third"), "{event:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_that_passes_is_always_the_code_that_means_come_again() {
    let server = Server::start().await;
    let requests = [
        ("/osmp?command=pay&txn_id=5&txn_date=20260406142000&account=1001&sum=10.00", "result"),
        ("/sber?action=payment&account=1_1001&amount=10&pay_id=5&pay_date=06.04.2026_14:19:58", "CODE"),
    ];
    server.fixture.operations.writer.stop();
    for (target, name) in requests {
        let answer = server.get(target).await;
        assert_eq!((answer.status, element(&answer.body, name)), (200, Some("1")), "{}", answer.body);
    }
    assert_eq!(server.events().await.pop().unwrap().result, "later");
}
