//! `act_pay`: what is taken, what is refused with which words, what is repeated.

use super::Server;

fn payment(fields: &str) -> String {
    format!("{{{fields}}}")
}

/// A payment of 20.50 to contract 1001 that nothing is wrong with, but for what the test replaces.
const GOOD: &str =
    r#""contract_number":"1001","sum_in":"20.50","pay_operator":"osmp","pay_id_str":"A-1","act":"PAY""#;

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_answered_to_the_octet_and_repeated_as_it_was() {
    let server = Server::start().await;
    let first = server.pay(&payment(GOOD)).await;
    assert_eq!(first.status, 200);
    assert_eq!(first.header("content-type"), Some("application/json; charset=utf-8"));
    let op_id = first.body.strip_prefix("{\"op_id\":").and_then(|rest| rest.split(',').next()).unwrap();
    let answer = |message: &str, repeat: bool| {
        format!(
            "{{\"op_id\":{op_id},\"pay_id_str\":\"A-1\",\"sum_in\":\"20.50\",\"balance\":\"170.50\",\
             \"message\":\"{message}\",\"repeat\":{repeat}}}"
        )
    };
    assert_eq!(first.body, answer("Платеж проведен", false));

    // Another payment in between does not change what the repeat is told.
    server.pay(&payment(&GOOD.replace("A-1", "A-2"))).await;
    for repeat in [GOOD.to_owned(), GOOD.replace("\"20.50\"", "20.5"), GOOD.replace("20.50", "20,5")] {
        let again = server.pay(&payment(&repeat)).await;
        assert_eq!(again.body, answer("Платеж уже проведен, возвращаем старые данные!", true), "{repeat}");
    }
    assert_eq!(server.fixture.balance("1001"), "191.00");
    let counters = server.fixture.operations.status().counters;
    assert_eq!((counters["payments"], counters["payment_repeats"]), (2, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_has_its_token_and_the_vendors_words() {
    let server = Server::start().await;
    server.pay(&payment(GOOD)).await;
    let dated = format!("{GOOD},\"date\":\"2026-04-06\"").replace("A-1", "D-1");
    server.pay(&payment(&dated)).await;
    let before = server.fixture.balance("1001");
    for (fields, error, text) in [
        // In the order of the checks: each of these has all later things wrong too.
        (r#""act":"X""#.into(), "unknown-operator", "Неизвестный оператор! ()"),
        (GOOD.replace("\"osmp\"", "\"\""), "unknown-operator", "Неизвестный оператор! ()"),
        (
            r#""pay_operator":"osmp","act":"X""#.into(),
            "no-search-parameter",
            "Не указан параметр для поиска абонента! (contract_number)",
        ),
        (
            r#""pay_operator":"osmp","contract_number":"none","act":"REFUND""#.into(),
            "unknown-act",
            "Неизвестная команда! (REFUND)",
        ),
        (GOOD.replace("\"PAY\"", "null"), "unknown-act", "Неизвестная команда! ()"),
        (GOOD.replace("\"20.50\"", "\"\""), "no-sum", "В платеже не указана сумма!"),
        (GOOD.replace("\"sum_in\":\"20.50\",", ""), "no-sum", "В платеже не указана сумма!"),
        (GOOD.replace("\"PAY\"", "\"pay\""), "unknown-act", "Неизвестная команда! (pay)"),
        (GOOD.replace("20.50", "0"), "bad-sum", "the sum must be more than 0"),
        (GOOD.replace("20.50", "-20.50"), "bad-sum", "the sum must be more than 0"),
        (GOOD.replace("20.50", "1000000.01"), "bad-sum", "the sum must be at most 1000000.00"),
        (
            GOOD.replace("20.50", "20.505"),
            "bad-sum",
            "sum: \"20.505\" has more than 2 digits after the point",
        ),
        (
            GOOD.replace("20.50", "20 руб"),
            "bad-sum",
            "sum: \"20 руб\" is not an amount; expected digits like 150.00",
        ),
        (
            GOOD.replace("20.50", "20.51").replace("1001", "none"),
            "duplicate-other-sum",
            "Сумма дублирующего платежа не совпадает с оригиналом!",
        ),
        (
            dated.replace("04-06", "04-07"),
            "duplicate-other-date",
            ". Дата дублирующего платежа не совпадает с оригиналом!",
        ),
        (
            dated.replace("\"date\"", "\"pay_date\"").replace("04-06", "04-07"),
            "duplicate-other-date",
            ". Дата дублирующего платежа не совпадает с оригиналом!",
        ),
        (
            GOOD.replace("A-1", "A-9").replace("1001", "нет такого"),
            "subscriber-not-found",
            "Абонент не найден! (нет такого)",
        ),
    ] {
        let answer = server.pay(&payment(&fields)).await;
        let expected = serde_json::json!({"error": error, "error_text": text});
        assert_eq!(answer.status, 200, "{fields}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&answer.body).unwrap(), expected, "{fields}");
        assert!(!answer.body.contains("\\u"), "escaped to ASCII: {}", answer.body);
    }
    for fields in [GOOD.replace("A-1", ""), "\"act\":[1]".to_owned(), "\"act\"".to_owned()] {
        let answer = server.pay(&payment(&fields)).await;
        assert!(answer.status == 200 && answer.body.starts_with("{\"error\":\""), "{}", answer.body);
    }
    assert_eq!(server.fixture.balance("1001"), before);
    let head = "HEAD /system_api/?context=asr_fiscal&psw=money&method1=asr_fiscal_manager.act_pay&arg1=";
    let head = format!("{head}{{{}}} HTTP/1.1\r\nHost: x\r\n\r\n", GOOD.replace("A-1", "H-1"));
    assert_eq!(server.ask(head.as_bytes()).await.status, 405);
    assert_eq!(server.fixture.balance("1001"), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_payer_is_found_by_contract_login_and_address_written_in_any_way() {
    let server = Server::start().await;
    let sums = [
        (r#""contract_number":1001"#, "1001"),
        (r#""contract_number":"1009""#, "1009"),
        (r#""contract_number":" ivanov ""#, "1001"),
        (r#""contract_number":"сидоров""#, "1003"),
        // UTF-8 and Windows-1251, percent-encoded.
        (r#""contract_number":"%D1%81%D0%B8%D0%B4%D0%BE%D1%80%D0%BE%D0%B2""#, "1003"),
        (r#""contract_number":"%F1%E8%E4%EE%F0%EE%E2""#, "1003"),
        // A live address, a configured one, and a blocked account: taken all the same.
        (r#""contract_number":"100.64.0.9""#, "1003"),
        (r#""contract_number":"10.9.0.19""#, "1009"),
        (r#""contract_number":"VIP-5""#, "1005"),
    ];
    for (n, (who, contract)) in sums.into_iter().enumerate() {
        let before = server.fixture.balance(contract);
        let sum = if n % 2 == 0 { "1.50" } else { "\"1,5\"" };
        let fields = format!(r#"{who},"sum_in":{sum},"pay_operator":"касса","pay_id_str":{n},"act":"PAY""#);
        let answer = server.pay(&payment(&fields)).await;
        assert!(answer.body.contains("\"message\":\"Платеж проведен\""), "{who}: {}", answer.body);
        let money = |text: &str| text.parse::<headgate::model::Money>().unwrap().micros();
        assert_eq!(money(&server.fixture.balance(contract)) - money(&before), 1_500_000, "{who}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_argument_in_raw_windows_1251_octets_is_read() {
    let server = Server::start().await;
    let body = "context=asr_fiscal&psw=money&method1=asr_fiscal_manager.act_pay&arg1=\
                {\"contract_number\":\"сидоров\",\"sum_in\":\"1\u{a0}000,10\",\"pay_operator\":\"1C\",\"pay_id_str\":7,\"act\":\"PAY\"}";
    let (octets, _, lost) = encoding_rs::WINDOWS_1251.encode(body);
    assert!(!lost);
    let head = format!("POST /system_api/ HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", octets.len());
    let request = [head.as_bytes(), &octets].concat();
    let answer = server.ask(&request).await;
    assert!(answer.body.contains("\"sum_in\":\"1000.10\",\"balance\":\"1000.10\""), "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_that_passes_is_told_apart_from_a_refusal() {
    let server = Server::start().await;
    server.fixture.operations.writer.stop();
    let answer = server.pay(&payment(GOOD)).await;
    assert_eq!(answer.status, 503);
    assert!(answer.body.starts_with("{\"error\":\"later\","), "{}", answer.body);
}
