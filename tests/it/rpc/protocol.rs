//! The protocol, on the control socket: batches, notifications, keys, every kind of error.

use super::{Socket, error};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_answered_with_its_id() {
    let socket = Socket::open().await;
    for id in [json!(1), json!("a"), json!(null), json!(1.5)] {
        let answer = socket
            .ask(&json!({ "jsonrpc": "2.0", "id": id, "method": "find", "params": { "words": ["1001"] } }))
            .await;
        assert_eq!((&answer["id"], &answer["jsonrpc"]), (&id, &json!("2.0")));
        assert_eq!(answer["result"][0]["login"], "ivanov");
    }
    let answer = socket.ask(&json!({ "jsonrpc": "2.0", "id": 1, "method": "books" })).await;
    assert_eq!(answer["result"]["sound"], true, "no parameters are as good as empty ones");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_malformed_request_has_its_error() {
    let socket = Socket::open().await;
    for (body, code, token) in [
        ("", -32700, "PARSE_ERROR"),
        ("{", -32700, "PARSE_ERROR"),
        ("{\"jsonrpc\":\"2.0\"}{}", -32700, "PARSE_ERROR"),
        ("\u{1}", -32700, "PARSE_ERROR"),
        ("[]", -32600, "INVALID_REQUEST"),
        ("1", -32600, "INVALID_REQUEST"),
        ("{}", -32600, "INVALID_REQUEST"),
        (r#"{"jsonrpc":"1.0","method":"status","id":1}"#, -32600, "INVALID_REQUEST"),
        (r#"{"method":"status","id":1}"#, -32600, "INVALID_REQUEST"),
        (r#"{"jsonrpc":"2.0","id":1}"#, -32600, "INVALID_REQUEST"),
        (r#"{"jsonrpc":"2.0","id":1,"method":7}"#, -32600, "INVALID_REQUEST"),
        (r#"{"jsonrpc":"2.0","id":[1],"method":"status"}"#, -32600, "INVALID_REQUEST"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"status","parms":{}}"#, -32600, "INVALID_REQUEST"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"status","idempotency_key":1}"#, -32600, "INVALID_REQUEST"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"steal"}"#, -32601, "METHOD_NOT_FOUND"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"status","params":[]}"#, -32602, "INVALID_PARAMS"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"why","params":["1001"]}"#, -32602, "INVALID_PARAMS"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"why","params":"1001"}"#, -32602, "INVALID_PARAMS"),
    ] {
        let (status, answer) = socket.post("", body).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!((status, error(&answer).0, error(&answer).1), (200, code, token), "{body}: {answer}");
        assert!(answer.get("id").is_some() && answer.get("result").is_none(), "{answer}");
    }
    let deep = format!("{}1{}", "[".repeat(1_000), "]".repeat(1_000));
    let (_, answer) = socket.post("", &deep).await;
    assert!(answer.contains("PARSE_ERROR"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_that_is_wrong_is_named_with_what_was_expected() {
    let socket = Socket::open().await;
    for (method, params, field, message) in [
        ("pay", json!({}), "who", "who: missing"),
        (
            "pay",
            json!({ "who": "1001", "sum": 1 }),
            "sum",
            "sum: invalid type: integer `1`, expected a string",
        ),
        ("why", json!({ "who": "1001", "x": 1 }), "x", "x: unknown field `x`, expected `who`"),
        (
            "totals",
            json!({ "from": "x", "to": "y" }),
            "from",
            "from: \"x\" is no date; expected a day like 2026-04-06",
        ),
        ("plan", json!({ "name": "home-50" }), "who", "who: one of `who` and `where` is needed"),
        (
            "load",
            json!({ "file": { "subscriber": [{ "login": "a" }, { "login": "b", "acess": "ipoe" }] } }),
            "file.subscriber[1].acess",
            "file.subscriber[1].acess: unknown field `acess`, expected one of ",
        ),
    ] {
        let answer = socket.call(method, params).await;
        let (code, token, text) = error(&answer);
        assert_eq!((code, token), (-32602, "INVALID_PARAMS"), "{answer}");
        assert_eq!(answer["error"]["data"]["field"], field, "{answer}");
        assert!(text.starts_with(message), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_the_rules_has_its_upper_case_token() {
    let socket = Socket::open().await;
    for (method, params, token) in [
        (
            "pay",
            json!({ "who": "nobody", "sum": "1", "operator": "osmp", "id": "1" }),
            "SUBSCRIBER_NOT_FOUND",
        ),
        ("pay", json!({ "who": "1001", "sum": "-1", "operator": "osmp", "id": "1" }), "BAD_SUM"),
        ("block", json!({ "who": "1002", "reason": "abuse" }), "AMBIGUOUS"),
        ("reverse", json!({ "op_id": 999, "reason": "wrong" }), "TRANSFER_NOT_FOUND"),
        ("kick", json!({ "who": "ivanov" }), "NO_SESSION"),
    ] {
        let answer = socket.call(method, params).await;
        assert_eq!((error(&answer).0, error(&answer).1), (-32000, token), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_answered_in_order_without_its_notifications() {
    let socket = Socket::open().await;
    let pay = |id: Value, sum: &str| {
        let params = json!({ "who": "1001", "sum": sum, "operator": "desk", "id": sum });
        json!({ "jsonrpc": "2.0", "id": id, "method": "pay", "params": params })
    };
    let mut unheard = pay(json!(0), "3.00");
    unheard.as_object_mut().unwrap().remove("id");
    let batch = json!([pay(json!("a"), "1.00"), 7, unheard, pay(json!("b"), "2.00")]);
    let answers = socket.ask(&batch).await;
    let ids: Vec<&Value> = answers.as_array().unwrap().iter().map(|answer| &answer["id"]).collect();
    assert_eq!(ids, [&json!("a"), &json!(null), &json!("b")]);
    assert_eq!(answers[2]["result"]["balance"], "156.00", "the notification was carried out: {answers}");
    let silent = json!([{ "jsonrpc": "2.0", "method": "status" }]);
    assert_eq!(socket.post("", &silent.to_string()).await, (204, String::new()));
    let silent = json!({ "jsonrpc": "2.0", "method": "steal" });
    assert_eq!(socket.post("", &silent.to_string()).await, (204, String::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_has_at_most_a_thousand_requests() {
    let socket = Socket::open().await;
    let one = json!({ "jsonrpc": "2.0", "id": 1, "method": "cut.list" });
    let answers = socket.ask(&json!(vec![&one; 1_000])).await;
    assert_eq!(answers.as_array().unwrap().len(), 1_000);
    let refused = socket.ask(&json!(vec![&one; 1_001])).await;
    assert_eq!(error(&refused).1, "INVALID_REQUEST");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_the_request_or_in_the_header_makes_a_repeat_harmless() {
    let socket = Socket::open().await;
    let request = |sum: &str| {
        let params = json!({ "who": "1001", "sum": sum, "text": "router" });
        json!({ "jsonrpc": "2.0", "id": 1, "method": "charge", "params": params })
    };
    let header = "Idempotency-Key: k-1\r\n";
    let mut answers = Vec::new();
    for _ in 0..2 {
        let (_, answer) = socket.post(header, &request("10.00").to_string()).await;
        answers.push(serde_json::from_str::<Value>(&answer).unwrap());
    }
    let mut keyed = request("10.00");
    keyed["idempotency_key"] = json!("k-1");
    answers.push(socket.ask(&keyed).await);
    let repeats: Vec<&Value> = answers.iter().map(|answer| &answer["result"]["repeat"]).collect();
    assert_eq!(repeats, [false, true, true], "the header and the member are one");
    assert!(answers.iter().all(|answer| answer["result"]["op_id"] == answers[0]["result"]["op_id"]));
    assert_eq!(socket.fixture.balance("1001"), "140.00");
    let (_, conflict) = socket.post(header, &request("11.00").to_string()).await;
    assert!(conflict.contains("IDEMPOTENCY_CONFLICT"), "{conflict}");
    for (headers, body, token) in [
        ("Idempotency-Key: other\r\n", keyed.to_string(), "INVALID_REQUEST"),
        (header, json!([request("12.00")]).to_string(), "INVALID_REQUEST"),
        (
            &*format!("Idempotency-Key: {}\r\n", "k".repeat(256)),
            request("12.00").to_string(),
            "BAD_IDEMPOTENCY_KEY",
        ),
        ("Idempotency-Key:\r\n", request("12.00").to_string(), "BAD_IDEMPOTENCY_KEY"),
    ] {
        let (_, answer) = socket.post(headers, &body).await;
        assert!(answer.contains(token), "{headers}: {answer}");
    }
    assert_eq!(socket.fixture.balance("1001"), "140.00");
}
