//! OSMP and protocol 2 of Sberbank, to the octet.

use super::{Server, element};
use std::net::Ipv4Addr;
use std::process::Command;

const CHECK: &str = "/osmp?command=check&txn_id=1&account=1001&sum=10.45";
const PAY: &str = "/osmp.php?command=pay&txn_id=1234567&txn_date=20090815120133&account=1001&sum=10.45";

#[tokio::test(flavor = "multi_thread")]
async fn a_check_is_answered_to_the_octet() {
    let server = Server::start().await;
    let answer = server.get(CHECK).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/xml; charset=UTF-8"));
    assert_eq!(
        answer.body,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><response><osmp_txn_id>1</osmp_txn_id><result>0</result>\
         <comment>OK</comment><fields><field1 name=\"fio\" type=\"disp\">И. Иванов</field1>\
         <field2 name=\"balance\" type=\"disp\">150.00</field2></fields></response>"
    );
    let company = server.get(&CHECK.replace("1001", "roga")).await;
    assert!(company.body.contains(">ООО «Рога &amp; Копыта»</field1>"), "{}", company.body);
    assert_eq!(server.fixture.balance("1001"), "150.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_answered_to_the_octet_and_a_repeat_has_the_same_prv_txn() {
    let server = Server::start().await;
    // The id of a check names nothing, whatever it is.
    server.get(&CHECK.replace("txn_id=1", "txn_id=1234567")).await;
    let first = server.get(PAY).await;
    let operation = element(&first.body, "prv_txn").unwrap().to_owned();
    let expected = |comment: &str| {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><response><osmp_txn_id>1234567</osmp_txn_id>\
             <prv_txn>{operation}</prv_txn><sum>10.45</sum><result>0</result><comment>{comment}</comment></response>"
        )
    };
    assert_eq!(first.body, expected("OK"));
    assert_eq!(server.fixture.balance("1001"), "160.45");
    server.get(&PAY.replace("1234567", "1234568")).await;
    // The same account by another name is the same payment.
    for repeat in
        [PAY.to_owned(), PAY.replace("10.45", "10,450"), PAY.replace("account=1001", "account=ivanov")]
    {
        assert_eq!(server.get(&repeat).await.body, expected("Платеж уже проведен"), "{repeat}");
    }
    assert_eq!(server.fixture.balance("1001"), "170.90");
    // A blocked account takes money like any other.
    let blocked = server.get(&PAY.replace("1234567", "77").replace("1001", "1002")).await;
    assert_eq!(element(&blocked.body, "result"), Some("0"));
    assert_eq!(server.fixture.balance("1002"), "-10.05");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_with_something_else_in_it_credits_nobody() {
    let server = Server::start().await;
    server.get(PAY).await;
    for (repeat, result, comment) in [
        (PAY.replace("10.45", "10.46"), "300", "Сумма дублирующего платежа не совпадает с оригиналом"),
        (PAY.replace("120133", "120134"), "300", "Дата дублирующего платежа не совпадает с оригиналом"),
        (PAY.replace("1001", "1002"), "300", "Дублирующий платеж указывает другого абонента"),
    ] {
        let answer = server.get(&repeat).await;
        assert_eq!(element(&answer.body, "result"), Some(result), "{}", answer.body);
        assert_eq!(element(&answer.body, "comment"), Some(comment), "{}", answer.body);
        assert_eq!(element(&answer.body, "prv_txn"), None, "{}", answer.body);
    }
    assert_eq!(server.fixture.balance("1001"), "160.45");
    assert_eq!(server.fixture.balance("1002"), "-20.50");
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_come_by_get_or_by_form_in_any_case_and_order() {
    let server = Server::start().await;
    let form = "SUM=20.00&Account=1001&TXN_ID=9&txn_date=20260406142000&COMMAND=Pay&trm_id=5&";
    let post = format!(
        "POST /osmp HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    let answer = server.ask_from(Ipv4Addr::LOCALHOST, post.as_bytes()).await;
    assert_eq!(element(&answer.body, "result"), Some("0"), "{}", answer.body);
    let answer = server.get(&format!("/osmp?{form}")).await;
    assert_eq!(element(&answer.body, "comment"), Some("Платеж уже проведен"), "{}", answer.body);
    assert_eq!(server.fixture.balance("1001"), "170.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_protocol_of_sberbank_is_osmp_at_its_own_paths() {
    let server = Server::start().await;
    for path in ["/sber", "/sbrf.php"] {
        let request = PAY.replace("/osmp.php", path);
        let request = format!("GET {request} HTTP/1.0\r\n\r\n");
        let answer = server.ask_from(Ipv4Addr::new(127, 0, 0, 2), request.as_bytes()).await;
        assert_eq!(element(&answer.body, "result"), Some("0"), "{}", answer.body);
    }
    assert_eq!(server.fixture.balance("1001"), "160.45", "the second one is a repeat");
    let answer = server.get(PAY).await;
    assert_eq!(element(&answer.body, "comment"), Some("OK"), "another operator's ids are its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_is_answered_with_basic_and_without() {
    let server = Server::start().await;
    let curl = |words: &[&str], path: &str| {
        let output = Command::new("curl")
            .args(["-s", "-S", "--noproxy", "*", "--max-time", "20"])
            .args(words)
            .arg(format!("http://{}{path}", server.address))
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let words = ["-G", "--data-urlencode", "account=1001", "-d", "command=check", "-d", "txn_id=0"];
    assert_eq!(element(&curl(&words, "/osmp"), "result"), Some("0"));
    for password in ["first", "second"] {
        let user = format!("cyber:{password}");
        let answer = curl(&[&["-u", &user], &words[..]].concat(), "/osmp/cyber");
        assert_eq!(element(&answer, "result"), Some("0"), "{answer}");
        assert!(!answer.contains("fields"), "told nothing: {answer}");
    }
    let refused = curl(&["-i", "-u", "cyber:third"], "/osmp/cyber?command=check&account=1001");
    assert!(refused.starts_with("HTTP/1.1 401 "), "{refused}");
}
