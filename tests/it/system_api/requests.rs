//! What a request may look like, and who may ask.

use super::Server;
use headgate::doors::http::{Handler, Headers, Method, Request};
use headgate::doors::system_api::SystemApi;
use std::process::Command;

const LIST: &str =
    "9.255.255.255 nowhere 0.0.0.0 - 1 0 1 20000 24000 256  10000 12000 128 10.0.0.1 260 130\n";
const CALL: &str = "model=Abonents&method1=collector_manager.users_blocked&context=collector&psw=secret";

fn curl(arguments: &[&str]) -> String {
    let output =
        Command::new("curl").args(["-s", "-g", "--max-time", "10"]).args(arguments).output().unwrap();
    assert!(output.status.success(), "curl {arguments:?}: {}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_gets_the_list_however_it_writes_the_argument() {
    let server = Server::start().await;
    let at = |query: &str| format!("http://{}/system_api/?{query}", server.address);
    let raw = r#"arg1={"nas_ip":"10.0.0.1"}"#;
    let encoded = "arg1=%7B%22nas_ip%22%3A+%2210.0.0.1%22%7D";
    for query in [
        format!("{CALL}&{raw}"),
        format!("{raw}&{CALL}&"),
        format!("&&{CALL}&{encoded}&&format=json&"),
        format!("{}&{raw}", CALL.replace("Abonents", "aBONENTS")),
        format!("{}&{raw}", CALL.replace("model=Abonents&", "")),
        format!("{}&{raw}", CALL.replace("psw=secret", "psw=new_secret")),
    ] {
        assert_eq!(curl(&[&at(&query)]), LIST, "{query}");
    }
    // POST: everything in the body, split between body and query, and in chunks.
    let everything = format!("{CALL}&{raw}");
    assert_eq!(curl(&["--data", &everything, &at("")]), LIST);
    assert_eq!(curl(&["--data", raw, &at(CALL)]), LIST);
    assert_eq!(curl(&["--data", &everything, "-H", "Transfer-Encoding: chunked", &at("")]), LIST);
    assert_eq!(curl(&["--data", &everything, "-H", "Expect: 100-continue", &at("")]), LIST);
    assert_eq!(curl(&["-0", &at(&everything)]), LIST);
    // Two requests on one connection.
    assert_eq!(curl(&[&at(&everything), &at(&everything)]), LIST.repeat(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raw_argument_may_hold_spaces_and_a_path_needs_no_last_slash() {
    let server = Server::start().await;
    let answer = server.get(&format!("{CALL}&arg1={{ \"nas_ip\" : \"10.0.0.1\" }}")).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, LIST));
    let bare = format!("GET /system_api?{CALL}&arg1={{\"nas_ip\": \"10.0.0.1\"}} HTTP/1.0\r\n\r\n");
    assert_eq!(server.ask(bare.as_bytes()).await.body, LIST);
    let head =
        format!("HEAD /system_api/?{CALL}&arg1={{\"nas_ip\":\"10.0.0.1\"}} HTTP/1.1\r\nHost: x\r\n\r\n");
    let answer = server.ask(head.as_bytes()).await;
    assert_eq!(answer.header("content-length"), Some(LIST.len().to_string().as_str()));
    assert_eq!(answer.body, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn context_psw_and_method_are_checked_in_this_order() {
    let server = Server::start().await;
    let method = "method1=collector_manager.users_blocked";
    let pay = "method1=asr_fiscal_manager.act_pay";
    for (query, status, body) in [
        (format!("{method}&context=asr_cabinet&psw=wrong"), 200, "Context=asr_cabinet is not defined"),
        (format!("{method}&context=x%0Ay"), 200, "Context=xy is not defined"),
        (method.to_owned(), 200, "Context= is not defined"),
        (format!("{method}&context=collector&psw=wrong"), 403, "psw is wrong for context=collector\n"),
        (format!("{method}&context=collector"), 403, "psw is wrong for context=collector\n"),
        (format!("{method}&context=collector&psw="), 403, "psw is wrong for context=collector\n"),
        // A password of another context opens nothing, and a missing method is not told to strangers.
        ("context=collector&psw=money".to_owned(), 403, "psw is wrong for context=collector\n"),
        (format!("{pay}&context=asr_fiscal&psw=secret"), 403, "psw is wrong for context=asr_fiscal\n"),
        (
            format!("{pay}&context=api_1c&psw=secret"),
            403,
            "no psw is set for context=api_1c in [system-api.passwords]\n",
        ),
    ] {
        let answer = server.get(&query).await;
        assert_eq!((answer.status, answer.body.as_str()), (status, body), "{query}");
    }
    for (query, status) in [
        ("context=web&method1=web_cabinet.create_ticket", 200),
        ("context=web", 200),
        ("context=asr_fiscal&psw=money&method1=collector_manager.users_logged", 200),
        ("context=collector&psw=secret&method1=collector_manager.users", 400),
    ] {
        let answer = server.get(query).await;
        assert_eq!(answer.status, status, "{query}");
        assert!(
            answer.body.starts_with(r#"{"error":"unknown-method","error_text":"method1="#),
            "{}",
            answer.body
        );
        assert!(answer.body.contains("collector_manager.users_logged"), "{}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_not_allowed_learns_nothing_else() {
    let server = Server::start().await;
    let text = super::CONFIG.replace("allow = \"127.0.0.1\"", "allow = \"192.0.2.0/24 ::1\"");
    server.api.reconfigure(headgate::config::Config::parse("test", &text).unwrap().system_api);
    for query in [CALL, "context=nonsense", ""] {
        let answer = server.get(query).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (403, "address 127.0.0.1 is not allowed\n"),
            "{query}"
        );
    }
    let counters = &server.fixture.operations.counters;
    assert_eq!(counters.system_api_requests.load(std::sync::atomic::Ordering::Relaxed), 3);
    assert_eq!(counters.system_api_refused.load(std::sync::atomic::Ordering::Relaxed), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_argument_of_a_poll_is_never_mistaken_for_a_list() {
    let server = Server::start().await;
    for (argument, more, about) in [
        (r#"{"nas_ip":"#, "", "arg1 is not a JSON object"),
        (r#"{"nas_ip":"bras1"}"#, "", "nas_ip: "),
        (r#"{"nas_ip":""}"#, "", "nas_ip is empty"),
        (r#"{"nas_ip":["10.0.0.1"]}"#, "", "nas_ip: "),
        ("{}", "&family=5", "family: "),
        ("{}", "&wait=-1", "wait: "),
        ("{}", "&wait=soon", "wait: "),
    ] {
        let answer = server.list("users_logged", argument, more).await;
        assert_eq!(answer.status, 400, "{argument} {more}");
        let start = format!(r#"{{"error":"bad-argument","error_text":"{about}"#);
        assert!(answer.body.starts_with(&start), "{}", answer.body);
    }
    assert_eq!(server.ask(b"GET /elsewhere HTTP/1.1\r\nHost: x\r\n\r\n").await.status, 404);
    let put = server.ask(format!("PUT /system_api/?{CALL} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await;
    assert_eq!((put.status, put.header("allow")), (405, Some("GET, HEAD, POST")));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_leaves_one_line_without_secrets() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runtime.log");
    let fixture = crate::fixture::Fixture::new();
    let zone = fixture.operations.settings.time_zone.clone();
    let log = std::sync::Arc::new(headgate::observe::RuntimeLog::open(&path, zone).unwrap());
    let config = headgate::config::Config::parse("test", super::CONFIG).unwrap().system_api;
    let api = SystemApi::new(std::sync::Arc::clone(&fixture.operations), config, Some(log.clone()));
    for query in [
        r#"context=web&method1=web_cabinet.login&arg1={"login":"иванов","passwd":"qwerty"}"#,
        "context=collector&psw=qwerty&method1=x%0Ay&arg1={\"passwd\":\"qwerty",
        "",
    ] {
        let request = Request {
            method: Method::Get,
            path: "/system_api/".into(),
            query: query.into(),
            headers: Headers::default(),
            body: Vec::new(),
            peer: "127.0.0.1:4711".parse().ok(),
            security: headgate::doors::http::Security::Plain,
        };
        api.handle(request).await;
    }
    drop((api, log));
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "2026-04-06T14:20:00.000+03:00 127.0.0.1:4711 web web_cabinet.login \
         {\"login\":\"иванов\",\"passwd\":\"***\"} 200 0us\n\
         2026-04-06T14:20:00.000+03:00 127.0.0.1:4711 collector x_y <17 octets that are not JSON> 403 0us\n\
         2026-04-06T14:20:00.000+03:00 127.0.0.1:4711 - - - 200 0us\n"
    );
}
