//! "Системные API" of the Carbon Billing documentation: its eleven examples and its error.

use crate::system_api::{EVERYTHING, Server};
use serde_json::{Value, json};
use std::process::Command;

/// The document's addresses, with `<...>` where it leaves something to be filled in.
const EXAMPLES: [&str; 10] = [
    r#"<ип адрес>:8082/system_api/?model=Abonents&method1=collector_manager.users_negbal&arg1={"nas_ip":"<ип адрес Nas>"}&context=collector&psw=<пароль>"#,
    r#"<ип адрес>:8082/system_api/?model=Abonents&method1=collector_manager.users_blocked&arg1={"nas_ip":"<ип адрес Nas>"}&context=collector&psw=<пароль>"#,
    r#"<ип адрес>:8082/system_api/?model=Abonents&method1=collector_manager.users_logged&arg1={"nas_ip":"<ип адрес Nas>"}&context=collector&psw=<пароль>"#,
    r#"<ип адрес>:8082/system_api/?model=Abonents&method1=asr_fiscal_manager.act_pay&arg1={"contract_number":"<номер договора, логин или ип адрес>","sum_in":"<сумма платежа>","pay_operator":"<код платежного оператора>","pay_id_str":"<уникальный ид платежа со стороны платежной системы>","act":"PAY"}&context=asr_fiscal&psw=<пароль>"#,
    r#"<ип адрес>:8082/system_api/?model=Abonents&method1=api_1c_manager.api_1c_get_abonents&arg1={"parent_id":"<ид родительской группы>"}&context=api_1c&psw=<пароль>"#,
    r#"<ип адрес>:8082/system_api/?model=FinanceOperations&method1=api_1c_manager.api_1c_get_fin_detail&arg1={"op_id":"<ид финансовой операции>"}&context=api_1c&psw=<пароль>"#,
    r#"<ип адрес>:8082/system_api/?model=Abonents&method1=api_1c_manager.api_1c_create_abonent&arg1={"code1c":"<Код 1С>","name":"<Имя абонента>"}&context=api_1c&psw=<пароль>"#,
    r#"http://<ип billing>:8082/system_api/?format=json&context=web&model=users&method1=web_cabinet.login&arg1={"login":"<логин уч. записи>","passwd":"<пароль уч. записи>"}&"#,
    r#"http://<ип billing>:8082/system_api/?format=json&context=web&model=users&method1=web_cabinet.try_auto_login&arg1={"src_ip":"<ваш ip>"}&"#,
    r#"http://<ип billing>:8082/system_api/?format=json&context=web&model=users&method1=web_cabinet.user_info&arg1={"suid":"<session_id>"}&"#,
];

const GROUP: &str = r#"
[[group]]
id = 5
name = "Жилые"
[[account]]
contract = "2001"
name = "Новый"
group = "Жилые"
"#;

async fn start() -> Server {
    let server = Server::with(EVERYTHING).await;
    server.fixture.load(GROUP).await;
    server
}

/// An example with its places filled in, in order, and the port of the test instead of 8082.
fn filled(example: &str, server: &Server, values: &[&str]) -> String {
    let mut text = example.replacen("8082", &server.address.port().to_string(), 1);
    let host = ["127.0.0.1"];
    for value in host.iter().chain(values) {
        let (start, end) = (text.find('<').unwrap(), text.find('>').unwrap() + 1);
        text.replace_range(start..end, value);
    }
    assert!(!text.contains('<'), "{text}");
    text
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

fn curl(url: &str) -> String {
    run("curl", &["-s", "-g", "-f", "--max-time", "10", url])
}

fn curl_json(url: &str) -> Value {
    serde_json::from_str(&curl(url)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_three_lists() {
    let server = start().await;
    for (example, line) in EXAMPLES.iter().zip([
        "10.9.0.3 abonent-2 0.0.0.0 - 1 1 0 1000 1000 16  500 500 16 10.0.0.1 16 16\n",
        "9.255.255.255 nowhere 0.0.0.0 - 1 0 1 20000 24000 256  10000 12000 128 10.0.0.1 260 130\n",
        "10.9.0.2 ivanov 198.51.100.7 02:00:00:00:00:01 1 0 0 20000 24000 256  10000 12000 128 10.0.0.1 260 130\n",
    ]) {
        let url = filled(example, &server, &["10.0.0.1", "lists_1"]);
        let list = curl(&url);
        assert!(list.contains(line), "{url}\n{list}");
        // The document's format: 16 values, with two spaces between the tenth and the eleventh.
        for line in list.lines() {
            let (ahead, behind) = line.split_once("  ").unwrap();
            assert_eq!((ahead.split(' ').count(), behind.split(' ').count()), (10, 6), "{line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_by_contract_login_and_address() {
    let server = start().await;
    for (n, who) in ["1001", "ivanov", "10.9.0.2"].into_iter().enumerate() {
        let id = format!("doc-{n}");
        let answer = curl_json(&filled(EXAMPLES[3], &server, &[who, "150.10", "osmp", &id, "fiscal_1"]));
        assert_eq!((&answer["sum_in"], &answer["pay_id_str"]), (&json!("150.10"), &json!(id)), "{answer}");
        assert!(answer["op_id"].is_i64() && answer["message"] == "Платеж проведен");
    }
    assert_eq!(server.fixture.balance("1001"), "600.30");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_three_calls_of_1c() {
    let server = start().await;
    let abonents = curl_json(&filled(EXAMPLES[4], &server, &["5", "onec_1"]));
    assert_eq!(abonents[0]["fields"]["contract_number"], "2001");
    let paid = curl_json(&filled(EXAMPLES[3], &server, &["2001", "10", "osmp", "1", "fiscal_1"]));
    let op_id = paid["op_id"].to_string();
    let detail = curl_json(&filled(EXAMPLES[5], &server, &[&op_id, "onec_1"]));
    assert_eq!((&detail["pk"], &detail["fields"]["op_summa"]), (&paid["op_id"], &json!("10.00")));
    let name = "Иванов%20Иван";
    let made = curl_json(&filled(EXAMPLES[6], &server, &["000000001", name, "onec_1"]));
    assert_eq!((&made["model"], &made["fields"]["name"]), (&json!("Abonents"), &json!("Иванов Иван")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_three_calls_of_the_cabinet() {
    let server = start().await;
    let entered = curl_json(&filled(EXAMPLES[7], &server, &["ivanov", "x"]));
    assert_eq!(entered["user"]["login"], "ivanov", "{entered}");
    let by_address = curl_json(&filled(EXAMPLES[8], &server, &["10.9.0.2"]));
    assert_eq!(by_address["user"], entered["user"]);
    let suid = entered["session_id"].as_str().unwrap();
    assert_eq!(curl_json(&filled(EXAMPLES[9], &server, &[suid])), entered["user"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_error_of_a_context_that_is_not_listed() {
    let server = start().await;
    let text = EVERYTHING.replace(
        "contexts = \"web cabinet asr_cabinet collector api_1c base webcash asr_fiscal\"",
        "contexts = \"web\"",
    );
    server.api.reconfigure(headgate::config::Config::parse("test", &text).unwrap().system_api);
    for context in ["asr_fiscal", "asr_cabinet", "collector"] {
        let url = format!("http://{}/system_api/?context={context}", server.address);
        assert_eq!(curl(&url), format!("Context={context} is not defined"));
    }
    // The list of the document opens all that it names.
    let text = EVERYTHING.replace("web cabinet asr_cabinet", "web cabinet");
    server.api.reconfigure(headgate::config::Config::parse("test", &text).unwrap().system_api);
    for context in ["web", "cabinet", "collector", "api_1c", "base", "webcash", "asr_fiscal"] {
        let answer = server.get(&format!("context={context}")).await;
        assert!(!answer.body.contains("is not defined"), "{context}: {}", answer.body);
    }
}

/// A call as PHP's `http_build_query` encodes it: brackets, quotes and Cyrillic in percent, spaces as `+`.
const PHP: &str = r#"<?php
$query = http_build_query(array(
    'model' => 'Users', 'method1' => 'api_1c_manager.api_1c_create_abonent', 'context' => 'api_1c', 'psw' => 'onec_1',
    'arg1' => json_encode(array('code1c' => 'php 1', 'name' => 'Ёлкин Пётр')),
));
echo file_get_contents('http://' . $argv[1] . '/system_api/?' . $query);
"#;

#[tokio::test(flavor = "multi_thread")]
async fn phps_encoding_is_read() {
    let server = start().await;
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("call.php");
    std::fs::write(&script, PHP).unwrap();
    let answer = run("php", &[script.to_str().unwrap(), &server.address.to_string()]);
    let made: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!((&made["fields"]["code1c"], &made["fields"]["name"]), (&json!("php 1"), &json!("Ёлкин Пётр")));
}

/// The same as Python's `urllib` encodes it, once escaped to ASCII inside the JSON and once not, by GET and POST.
const PYTHON: &str = r#"
import json, sys, urllib.parse, urllib.request
for number, ascii in enumerate((True, False)):
    argument = json.dumps({"code1c": "py%d" % number, "name": "Ёлкин Пётр"}, ensure_ascii=ascii)
    query = urllib.parse.urlencode({"model": "Abonents", "method1": "api_1c_manager.api_1c_create_abonent",
                                    "arg1": argument, "context": "api_1c", "psw": "onec_1"})
    url = "http://%s/system_api/" % sys.argv[1]
    for request in (urllib.request.Request(url + "?" + query), urllib.request.Request(url, query.encode())):
        with urllib.request.urlopen(request, timeout=10) as answer:
            fields = json.load(answer)["fields"]
            assert fields["name"] == "Ёлкин Пётр" and fields["code1c"] == "py%d" % number, fields
print("done")
"#;

#[tokio::test(flavor = "multi_thread")]
async fn pythons_encoding_is_read() {
    let server = start().await;
    assert_eq!(run("python3", &["-c", PYTHON, &server.address.to_string()]), "done\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_1251_is_read_in_percent_and_in_raw_octets() {
    let server = start().await;
    let query = "model=Abonents&method1=api_1c_manager.api_1c_create_abonent&context=api_1c&psw=onec_1&arg1=";
    for (code, percent) in [("win1", true), ("win2", false)] {
        let argument = format!("{{\"code1c\":\"{code}\",\"name\":\"Иванов Ёж\"}}");
        let (octets, _, lost) = encoding_rs::WINDOWS_1251.encode(&argument);
        assert!(!lost);
        let written: Vec<u8> = match percent {
            true => octets.iter().flat_map(|octet| format!("%{octet:02X}").into_bytes()).collect(),
            false => octets.into_owned(),
        };
        let head = format!("GET /system_api/?{query}").into_bytes();
        let request = [head, written, b" HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()].concat();
        let answer: Value = serde_json::from_str(&server.ask(&request).await.body).unwrap();
        assert_eq!(answer["fields"]["name"], "Иванов Ёж", "{answer}");
    }
}
