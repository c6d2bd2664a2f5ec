//! Dialects that the configuration describes: the worked example of the documentation, from a file.

use super::{Server, element};
use crate::wire::{Answer, exchange};
use headgate::config::Config;
use std::fs;
use std::net::Ipv4Addr;

/// The block of `docs/payments.md` that describes a third dialect.
fn example() -> String {
    let page = include_str!("../../../docs/payments.md");
    let (_, behind) = page.split_once("```toml\n").unwrap();
    behind.split_once("```").unwrap().0.to_owned()
}

/// What the example's encoding says.
async fn get(server: &Server, target: &str) -> Answer {
    let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n");
    let octets = exchange(Ipv4Addr::LOCALHOST, server.address, request.as_bytes()).await;
    let (text, _, lost) = encoding_rs::WINDOWS_1251.decode(&octets);
    assert!(!lost);
    Answer::parse(text.into_owned().into_bytes())
}

const PAY: &str = "/pegas?action=payment&number=7&date=2026-04-06T14:20:00&account=1001&amount=10045";

#[tokio::test(flavor = "multi_thread")]
async fn the_worked_example_of_the_documentation_takes_checks_repeats_and_cancels_payments() {
    let server = Server::with(&example()).await;
    let check = get(&server, "/pegas?action=check&account=1001").await;
    assert_eq!(check.status, 200);
    let first = get(&server, PAY).await;
    let operation = element(&first.body, "authcode").unwrap().to_owned();
    assert_eq!(element(&first.body, "date"), Some("2026-04-06T14:20:00"), "{}", first.body);
    assert_eq!(server.fixture.balance("1001"), "250.45");
    // Its repeats carry a new date.
    let again = get(&server, &PAY.replace("14:20", "14:25")).await;
    assert_eq!(
        (element(&again.body, "code"), element(&again.body, "authcode")),
        (Some("10"), Some(&*operation))
    );
    let status = get(&server, "/pegas?action=status&number=7").await;
    assert_eq!((element(&status.body, "code"), element(&status.body, "amount")), (Some("0"), Some("10045")));
    for _ in 0..2 {
        let cancel = get(&server, "/pegas?action=cancel&number=8&receipt=7").await;
        let told = (element(&cancel.body, "code"), element(&cancel.body, "authcode"));
        assert_eq!(told, (Some("0"), Some(&*operation)), "{}", cancel.body);
        assert_eq!(server.fixture.balance("1001"), "150.00", "taken back once");
    }
    for gone in ["/pegas?action=status&number=7", "/pegas?action=cancel&number=9&receipt=99"] {
        assert_eq!(element(&get(&server, gone).await.body, "code"), Some("251"), "{gone}");
    }
    for bad in ["100.45", "-1", "0", "99999999999999999999"] {
        let answer = get(&server, &PAY.replace("10045", bad).replace("number=7", "number=11")).await;
        assert_eq!(element(&answer.body, "code"), Some("300"), "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_is_spent_can_be_taken_back_all_the_same() {
    let server = Server::with(&example()).await;
    get(&server, PAY).await;
    let spent =
        server.fixture.operations.charge("1001", "240", "роутер".into(), headgate::model::Actor::system());
    spent.await.unwrap();
    get(&server, "/pegas?action=cancel&number=7").await;
    assert_eq!(server.fixture.balance("1001"), "-90.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_in_the_encoding_that_it_declares() {
    let server = Server::with(&example()).await;
    let answer = get(&server, "/pegas?action=check&account=1001").await;
    assert_eq!(answer.header("content-type"), Some("text/xml; charset=windows-1251"));
    assert_eq!(
        answer.body,
        "<?xml version=\"1.0\" encoding=\"windows-1251\"?><response><code>0</code><message>Принято</message>\
         <client><name>И. Иванов</name><balance unit=\"kop\">15000</balance></client></response>"
    );
}

#[test]
fn a_dialect_is_read_from_a_file_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let main = directory.path().join("headgate.toml");
    fs::write(&main, "[payments]\nlisten = [\"127.0.0.1:8081\"]\n").unwrap();
    fs::create_dir(directory.path().join("conf.d")).unwrap();
    let file = directory.path().join("conf.d/pegas.toml");
    fs::write(&file, example()).unwrap();
    let payments = Config::load(&main).unwrap().payments;
    assert_eq!((payments.listen.len(), payments.operators.len()), (1, 1));
    fs::write(&file, example().replace("sum-unit = \"minor\"", "sum-unit = \"kopeck\"")).unwrap();
    let errors = Config::load(&main).unwrap_err();
    assert!(
        errors.len() == 1
            && errors[0].to_string().contains("conf.d/pegas.toml:5: payments.dialect.sum-unit: "),
        "{errors:?}"
    );
}
