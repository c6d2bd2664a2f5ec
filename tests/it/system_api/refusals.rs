//! Every refusal of the door with its exact answer.

use super::{EVERYTHING, Server};

/// A query that is answered with this status and this body; `*` in the body stands for the list of what is served.
const REFUSALS: &[(&str, u16, &str)] = &[
    // Context.
    ("context=nosuch", 200, "Context=nosuch is not defined"),
    ("", 200, "Context= is not defined"),
    // psw: wrong, missing, empty, of another context.
    ("context=collector&psw=x", 403, "psw is wrong for context=collector\n"),
    ("context=collector", 403, "psw is wrong for context=collector\n"),
    ("context=asr_fiscal&psw=", 403, "psw is wrong for context=asr_fiscal\n"),
    ("context=webcash&psw=fiscal_1", 403, "psw is wrong for context=webcash\n"),
    ("context=cabinet", 403, "psw is wrong for context=cabinet\n"),
    ("context=base&psw=onec_1", 403, "psw is wrong for context=base\n"),
    // Method: unknown, and of another context (what one may in one context, one may not in another).
    (
        "context=web&method1=x",
        200,
        r#"{"error":"unknown-method","error_text":"method1=x is not served in context=web; served: *"}"#,
    ),
    (
        "context=collector&psw=lists_1&method1=asr_fiscal_manager.act_pay",
        400,
        r#"{"error":"unknown-method","error_text":"method1=asr_fiscal_manager.act_pay is not served in context=collector; served: *"}"#,
    ),
    (
        "context=web&method1=asr_fiscal_manager.act_pay",
        200,
        r#"{"error":"unknown-method","error_text":"method1=asr_fiscal_manager.act_pay is not served in context=web; served: *"}"#,
    ),
    (
        "context=webcash&psw=cash_1&method1=objects.get",
        200,
        r#"{"error":"unknown-method","error_text":"method1=objects.get is not served in context=webcash; served: *"}"#,
    ),
    // An argument that is no object, a missing one, one of another type.
    (
        "context=web&method1=web_cabinet.login&arg1=5",
        200,
        r#"{"error":"bad-argument","error_text":"arg1 is not a JSON object such as {\"name\":\"value\"}: invalid type: integer `5`, expected a map at line 1 column 1"}"#,
    ),
    (
        r#"context=web&method1=web_cabinet.login&arg1={"passwd":"x"}"#,
        200,
        r#"{"error":"missing-argument","error_text":"login: is missing; expected a text or a number"}"#,
    ),
    (
        r#"context=web&method1=web_cabinet.login&arg1={"login":["x"],"passwd":"x"}"#,
        200,
        r#"{"error":"bad-argument","error_text":"login: expected a text or a number"}"#,
    ),
    (
        r#"context=web&method1=web_cabinet.block_user&arg1={"suid":"x","start_date":"11.04.2026"}"#,
        200,
        r#"{"error":"missing-argument","error_text":"end_date: is missing; expected a date such as 06.04.2026"}"#,
    ),
    (
        r#"context=web&method1=web_cabinet.block_user&arg1={"suid":"x","start_date":"31.02.2026","end_date":""}"#,
        200,
        r#"{"error":"bad-argument","error_text":"start_date: expected a date such as 06.04.2026"}"#,
    ),
    (
        "context=web&method1=web_cabinet.user_info&arg1={}",
        200,
        r#"{"error":"not-logged-in","error_text":"Необходимо авторизоваться"}"#,
    ),
    (
        r#"context=api_1c&psw=onec_1&method1=api_1c_manager.api_1c_get_fin_detail&arg1={"op_id":"x"}"#,
        200,
        r#"{"error":"bad-argument","error_text":"op_id: expected a whole number"}"#,
    ),
    (
        "context=api_1c&psw=onec_1&method1=api_1c_manager.api_1c_get_account",
        200,
        r#"{"error":"missing-argument","error_text":"abonent_id: is missing; expected a whole number"}"#,
    ),
    (
        r#"context=api_1c&psw=onec_1&method1=api_1c_manager.api_1c_get_account&arg1={"abonent_id":999}"#,
        200,
        r#"{"error":"account-not-found","error_text":"Абонент не найден! (999)"}"#,
    ),
    (
        r#"context=api_1c&psw=onec_1&method1=api_1c_manager.api_1c_get_abonents&arg1={"parent_id":77}"#,
        200,
        r#"{"error":"group-not-found","error_text":"there is no group 77"}"#,
    ),
    (
        r#"context=api_1c&psw=onec_1&method1=api_1c_manager.api_1c_sync_abonent&arg1={"pk":1,"sync1c":"maybe"}"#,
        200,
        r#"{"error":"bad-argument","error_text":"sync1c: expected 1 or 0"}"#,
    ),
    (
        r#"context=api_1c&psw=onec_1&method1=api_1c_manager.api_1c_sync_fin_oper&arg1={"code1c":"x","op_summa":1}"#,
        200,
        r#"{"error":"missing-argument","error_text":"abonent_id: is missing"}"#,
    ),
    (
        "context=asr_fiscal&psw=fiscal_1&method1=asr_fiscal_manager.act_pay&arg1={}",
        200,
        r#"{"error":"unknown-operator","error_text":"Неизвестный оператор! ()"}"#,
    ),
    (
        "context=base&psw=base_1&method1=objects.get&arg1={}",
        200,
        r#"{"error":"unknown-model","error_text":"model: expected one of Abonents, Users, Tarif, FinanceOperations, found "}"#,
    ),
    (
        r#"context=collector&psw=lists_1&method1=collector_manager.users_logged&arg1={"nas_ip":""}"#,
        400,
        r#"{"error":"bad-argument","error_text":"nas_ip is empty; leave it out to ask for all"}"#,
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_is_answered_with_these_octets() {
    let server = Server::with(EVERYTHING).await;
    let one = server.get("context=web&method1=x").await.body;
    let served = one.split_once("served: ").unwrap().1.strip_suffix("\"}").unwrap().to_owned();
    assert!(
        served.contains("context=web or cabinet or asr_cabinet model=Users: web_cabinet.login, "),
        "{served}"
    );
    for (query, status, body) in REFUSALS {
        let answer = server.get(query).await;
        assert_eq!((answer.status, answer.body), (*status, body.replace('*', &served)), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_payment_with_another_sum_is_refused_and_what_is_too_large_is_not_read() {
    let server = Server::with(EVERYTHING).await;
    let pay = |sum: &str| {
        format!(
            "context=webcash&psw=cash_1&method1=asr_fiscal_manager.act_pay&arg1={{\"contract_number\":\"1001\",\
             \"sum_in\":\"{sum}\",\"pay_operator\":\"osmp\",\"pay_id_str\":\"1\",\"act\":\"PAY\"}}"
        )
    };
    server.get(&pay("10")).await;
    let answer = server.get(&pay("11")).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (
            200,
            "{\"error\":\"duplicate-other-sum\",\"error_text\":\"Сумма дублирующего платежа не совпадает с оригиналом!\"}"
        )
    );
    // A field, the head, the body.
    let long = "x".repeat(1_001);
    let answer =
        server.get(&format!("context=web&method1=web_cabinet.login&arg1={{\"login\":\"{long}\"}}")).await;
    assert_eq!(answer.body, "{\"error\":\"bad-argument\",\"error_text\":\"login: longer than 1000 octets\"}");
    let head = format!("GET /system_api/?x={} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(70_000));
    assert_eq!(server.ask(head.as_bytes()).await.status, 431);
    let body = b"POST /system_api/ HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n";
    assert_eq!(server.ask(body).await.status, 413);
    assert_eq!(server.fixture.balance("1001"), "160.00");
    // HEAD changes nothing in any context.
    for query in [pay("12"), "context=web&method1=web_cabinet.try_auto_login".to_owned()] {
        let head = format!("HEAD /system_api/?{query} HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(server.ask(head.as_bytes()).await.status, 405);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_not_listed_is_refused_in_every_context() {
    let server = Server::with(EVERYTHING).await;
    let text = EVERYTHING.replace("allow = \"127.0.0.1\"", "allow = \"192.0.2.7\"");
    server.api.reconfigure(headgate::config::Config::parse("test", &text).unwrap().system_api);
    for context in ["web", "cabinet", "collector&psw=lists_1", "api_1c&psw=onec_1", "nosuch"] {
        let answer = server.get(&format!("context={context}")).await;
        assert_eq!((answer.status, answer.body.as_str()), (403, "address 127.0.0.1 is not allowed\n"));
    }
}
